/* SPDX-License-Identifier: LGPL-2.1-or-later
 * bench-peak.c: see bench-peak.h. */
#include "bench-peak.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ROUNDS = 200, MAX_PRODUCTS = 32 };

double
bench_now_ms (void)
{
  return g_get_monotonic_time () / 1e3;
}

static int
compare_doubles (const void *a, const void *b)
{
  return (*(const double *) a > *(const double *) b) - (*(const double *) a < *(const double *) b);
}

double
bench_quantile (const double *values, int n, double q)
{
  double sorted[MAX_ROUNDS];

  memcpy (sorted, values, n * sizeof *values);
  qsort (sorted, n, sizeof *sorted, compare_doubles);
  return sorted[(int) (q * (n - 1) + 0.5)];
}

#ifdef HAVE_ONEDNN
#include <dnnl.h>

struct _BenchPeak {
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  dnnl_primitive_t primitive[MAX_PRODUCTS];
  dnnl_memory_t src[MAX_PRODUCTS], dst[MAX_PRODUCTS], *weights[MAX_PRODUCTS]; /* weights: one for each time */
  BenchProduct list[MAX_PRODUCTS];
  int n;
  double gflop;
};

/* Numbers as a model has them, -1 to 1 around 0: the matrix unit draws less power on zeros and then runs a sixth
 * faster. */
static dnnl_memory_t
new_memory (const BenchPeak *peak, const dnnl_memory_desc_t *md, dnnl_data_type_t type)
{
  dnnl_memory_t memory;
  guint32 state = 1;
  gsize size = dnnl_memory_desc_get_size (md);
  void *data;

  dnnl_memory_create (&memory, md, peak->engine, DNNL_MEMORY_ALLOCATE);
  dnnl_memory_get_data_handle (memory, &data);
  for (gsize i = 0; i < size / dnnl_data_type_size (type); i++) {
    float value = (float) (gint32) (state = state * 1664525 + 1013904223) / 2147483648.0f;
    guint32 bits;

    memcpy (&bits, &value, 4);
    if (type == dnnl_bf16)
      ((guint16 *) data)[i] = bits >> 16;
    else
      ((float *) data)[i] = value;
  }
  return memory;
}

static gboolean
peak_add (BenchPeak *peak, const BenchProduct *p, dnnl_data_type_t type, int slot)
{
  dnnl_dims_t dims[3] = { { p->rows, p->n_in }, { p->n_in, p->n_out }, { p->rows, p->n_out } };
  dnnl_memory_desc_t desc[3];
  dnnl_matmul_desc_t op;
  dnnl_primitive_desc_t pd;

  /* The weights in whatever layout oneDNN likes best, chosen once as we do. */
  dnnl_memory_desc_init_by_tag (&desc[0], 2, dims[0], type, dnnl_ab);
  dnnl_memory_desc_init_by_tag (&desc[1], 2, dims[1], type, dnnl_format_tag_any);
  dnnl_memory_desc_init_by_tag (&desc[2], 2, dims[2], type, dnnl_ab);
  if (dnnl_matmul_desc_init (&op, &desc[0], &desc[1], NULL, &desc[2]) != dnnl_success
      || dnnl_primitive_desc_create (&pd, &op, NULL, peak->engine, NULL) != dnnl_success)
    return FALSE;
  peak->src[slot] = new_memory (peak, dnnl_primitive_desc_query_md (pd, dnnl_query_src_md, 0), type);
  peak->dst[slot] = new_memory (peak, dnnl_primitive_desc_query_md (pd, dnnl_query_dst_md, 0), type);
  peak->weights[slot] = g_new (dnnl_memory_t, p->times);
  for (int t = 0; t < p->times; t++)
    peak->weights[slot][t] = new_memory (peak, dnnl_primitive_desc_query_md (pd, dnnl_query_weights_md, 0), type);
  dnnl_primitive_create (&peak->primitive[slot], pd);
  dnnl_primitive_desc_destroy (pd);
  peak->gflop += 2e-9 * p->rows * p->n_in * p->n_out * p->times;
  return TRUE;
}

BenchPeak *
bench_peak_new (const BenchProduct *list, int n, gboolean bfloat16)
{
  BenchPeak *peak = g_new0 (BenchPeak, 1);

  g_assert (n <= MAX_PRODUCTS);
  dnnl_engine_create (&peak->engine, dnnl_cpu, 0);
  dnnl_stream_create (&peak->stream, peak->engine, dnnl_stream_default_flags);
  peak->n = n;
  memcpy (peak->list, list, n * sizeof *list);
  for (int i = 0; i < peak->n; i++)
    if (!peak_add (peak, &peak->list[i], bfloat16 ? dnnl_bf16 : dnnl_f32, i))
      return NULL;
  return peak;
}

double
bench_peak_gflop (const BenchPeak *peak)
{
  return peak->gflop;
}

/* OpenMP's threads spin for a while when their work is done, in the way of whoever is measured next. */
enum { SETTLE_US = 100000 };

double
bench_peak_run (BenchPeak *peak)
{
  double start = bench_now_ms (), ms;

  for (int i = 0; i < peak->n; i++) {
    dnnl_exec_arg_t args[] = { { DNNL_ARG_SRC, peak->src[i] }, { DNNL_ARG_WEIGHTS, NULL },
      { DNNL_ARG_DST, peak->dst[i] } };

    for (int t = 0; t < peak->list[i].times; t++) {
      args[1].memory = peak->weights[i][t];
      dnnl_primitive_execute (peak->primitive[i], peak->stream, G_N_ELEMENTS (args), args);
    }
  }
  dnnl_stream_wait (peak->stream);
  ms = bench_now_ms () - start;
  g_usleep (SETTLE_US);
  return ms;
}
#else
BenchPeak *
bench_peak_new (const BenchProduct *list, int n, gboolean bfloat16)
{
  return NULL;
}

double
bench_peak_gflop (const BenchPeak *peak)
{
  return 0;
}

double
bench_peak_run (BenchPeak *peak)
{
  return 0;
}
#endif
