/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * harness.h: one frame around the tests and benchmarks of all tensor operations.
 *
 * A case is one operation. Its check function runs once per back end and thread count with the same seed: it makes
 * tensors, calls the operation on them, and compares each output with what an independent computation in double
 * expects; the reference is held to the same values, so every back end agrees with it. The harness watches what the
 * case itself would forget: bytes around every tensor that must not change, cells of an output that were never written,
 * inputs that were, and results that depend on the number of threads.
 *
 * Command line (every program that calls hn_main()):
 *   --list             the cases
 *   --op=PATTERN       only cases that match the shell pattern (also @(one|other))
 *   --seed=N           default 1; 0 takes one from the clock. It is printed with every failure
 *   --device=NAME      only this back end; exit 77 (skip) when it is absent. Default: all that work here
 *   --engine=WORD      only where products in bfloat16 are by an engine of this name (amx, avx512, avx2); else exit 77
 *   --bench            measure instead of check
 *   --json             one JSON object per line
 */
#pragma once

#include "kernels/gh-kernels.h"

typedef struct Hn Hn;

typedef struct {
  const char *name;             /* that of the entry: "layernorm_fwd" */
  void (*check) (Hn *hn);
  void (*bench) (Hn *hn);       /* may be NULL */
} HnCase;

int hn_main (int argc, char **argv, const HnCase *const *cases, int n_cases);

/* The back end under test. */
GhCtx *hn_ctx (Hn *hn);

/* ---- random numbers (the same on every machine) ------------------------------------------------------ */

uint64_t hn_random (Hn *hn);
int hn_random_int (Hn *hn, int low, int high);  /* both included */
double hn_random_normal (Hn *hn);
/* x as an operand of that type holds it: to the nearest of 8 significant bits for bfloat16, as it is for the others. */
double hn_held (double x, GhDtype dtype);

/* ---- tensors: freed by hn_reset() -------------------------------------------------------------------- */

typedef enum {
  HN_NORMAL,                    /* mean 0, deviation 1 */
  HN_ZERO,
  HN_LARGE,                     /* normal times 1e4 */
  HN_TINY,                      /* normal times 1e-20 */
  HN_SKEWED,                    /* normal times 0.1 plus 3: sums and variances that cancel */
} HnFill;

typedef struct {
  float *p;                     /* memory of the context, with guards on both sides */
  float *host;                  /* [n] what was filled in; after hn_fetch() what is there now */
  size_t n;
} HnTensor;

HnTensor hn_in (Hn *hn, size_t n, HnFill fill);
HnTensor hn_in_data (Hn *hn, size_t n, const float *data);
/* Normal numbers that bfloat16 holds. */
HnTensor hn_in_bf16 (Hn *hn, size_t n, double mean, double deviation);
/* Unwritten cells are recognised afterwards. */
HnTensor hn_out (Hn *hn, size_t n);
/* An output that accumulates or is read: starts with data of its own and may change. */
HnTensor hn_inout (Hn *hn, size_t n, HnFill fill);
/* Indices in [0,limit): K different ones, ascending, for each of B images. host holds the same numbers. */
const int32_t *hn_indices (Hn *hn, const int32_t **host, int B, int K, int limit);
uint8_t *hn_bytes (Hn *hn, const uint8_t **host, size_t n);
const void *hn_bytes_data (Hn *hn, size_t n, const void *data);
/* Zeroed host memory for expected values. */
double *hn_doubles (Hn *hn, size_t n);
void hn_fetch (Hn *hn, HnTensor *tensor);

/* Checks guards and inputs, then frees everything made since the last reset. */
void hn_reset (Hn *hn);

/* ---- judging ----------------------------------------------------------------------------------------- */

/* How close is close enough, by the type the operands were held in; the table is in harness.c. */
typedef enum { HN_EXACT, HN_F32, HN_BF16, HN_INT16, HN_INT8, HN_BF16_SCORES, HN_GRADIENT, HN_BF16_GRADIENT,
  HN_N_TOLERANCES } HnTolerance;

HnTolerance hn_tolerance_of (GhDtype dtype);

/* A line for messages: which shape and data is being tried. */
void hn_describe (Hn *hn, const char *format, ...) __attribute__ ((format (printf, 2, 3)));
/* The operation must answer `want`; prints what it said instead. */
bool hn_status (Hn *hn, GhStatus got, GhStatus want);
/* Downloads the output and compares it with want[n]. */
void hn_expect (Hn *hn, HnTensor *got, const double *want, HnTolerance tolerance);
/* An output of bytes: the first n of got's memory. */
void hn_expect_bytes (Hn *hn, HnTensor *got, const uint8_t *want, size_t n);
void hn_require (Hn *hn, bool condition, const char *what);

/* ---- measuring ---------------------------------------------------------------------------------------- */

/* Runs the statement that follows again and again on hn_ctx() and prints the median with flops and bytes of one run:
 *   HN_BENCH (hn, 2.0 * m * n * k, 0, "%dx%dx%d", m, n, k)
 *     gh_bmm (...);                                                                                              */
#define HN_BENCH(hn, flops, bytes, ...) \
  for (hn_bench_start ((hn), (flops), (bytes), __VA_ARGS__); hn_bench_again (hn);)
void hn_bench_start (Hn *hn, double flops, double bytes, const char *format, ...)
    __attribute__ ((format (printf, 4, 5)));
bool hn_bench_again (Hn *hn);
