/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bench-peak.h: what the benchmarks of models measure against: this machine's own rate of matrix products, by plain
 * oneDNN on the same shapes, and nothing else. And their clock.
 */
#pragma once

#include <glib.h>

/* times products of [rows,n_in] by [n_in,n_out], each with weights of its own: a model's layers share none. */
typedef struct {
  int n_out, n_in, rows, times;
} BenchProduct;

typedef struct _BenchPeak BenchPeak;

/* NULL without oneDNN, or where it has no such product. At most 32 products. */
BenchPeak *bench_peak_new (const BenchProduct *list, int n, gboolean bfloat16);
double bench_peak_gflop (const BenchPeak *peak);
double bench_peak_run (BenchPeak *peak);        /* milliseconds */

double bench_now_ms (void);
/* Of at most 200 values. */
double bench_quantile (const double *values, int n, double q);
