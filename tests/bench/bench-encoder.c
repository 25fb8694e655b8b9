/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bench-encoder.c: how fast a frame becomes an embedding, in every precision, against this machine's own matrix-product
 * rate: plain oneDNN on the same shapes, in the same run. Rounds alternate between all of them, so that a noisy
 * neighbour hits each alike; medians are compared.
 *
 * usage: bench-encoder [--config=almacam] [--rounds=15] [--threads=0] [--keep=DIR]
 * --keep leaves encoder.safetensors and frame.rgb in DIR, which is what peers.py takes.
 */
#include "models/gh-encoder.h"

#include <glib/gstdio.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#ifdef HAVE_ONEDNN
#include <dnnl.h>
#endif

enum { N_PRECISIONS = 4, MAX_ROUNDS = 200 };

static const GhPrecision precisions[N_PRECISIONS] = {
  GH_PRECISION_F32, GH_PRECISION_BF16, GH_PRECISION_INT16, GH_PRECISION_INT8
};

typedef struct {
  int n_out, n_in, rows, times;
} Product;

typedef struct {
  GhEncoder *encoder;
  GhEncoderSession *session;
  float *embedding;
  double ms[MAX_ROUNDS];
} Contender;

static double
now_ms (void)
{
  return g_get_monotonic_time () / 1e3;
}

static int
compare_doubles (const void *a, const void *b)
{
  return (*(const double *) a > *(const double *) b) - (*(const double *) a < *(const double *) b);
}

static double
quantile (const double *values, int n, double q)
{
  double sorted[MAX_ROUNDS];

  memcpy (sorted, values, n * sizeof *values);
  qsort (sorted, n, sizeof *sorted, compare_doubles);
  return sorted[(int) (q * (n - 1) + 0.5)];
}

/* ---- what an encode costs ------------------------------------------------------------------------------------- */

static int
list_products (const GhMaeConfig *c, Product *list)
{
  int n = gh_mae_config_tokens (c), inner = c->heads * c->head_dim;
  Product products[] = {
    { c->dim, gh_mae_config_patch_values (c), n, 1 },
    { 3 * inner, c->dim, n, c->depth },
    { c->dim, inner, n, c->depth },
    { c->mlp, c->dim, n, c->depth },
    { c->dim, c->mlp, n, c->depth },
  };

  memcpy (list, products, sizeof products);
  return G_N_ELEMENTS (products);
}

/* Multiply-adds count as 2; attention is counted exact, norms and activations not at all. */
static double
encode_gflop (const GhMaeConfig *c)
{
  Product list[8];
  double n = gh_mae_config_tokens (c), inner = c->heads * c->head_dim, sum = 0;
  int count = list_products (c, list);

  for (int i = 0; i < count; i++)
    sum += 2.0 * list[i].n_out * list[i].n_in * list[i].rows * list[i].times;
  sum += c->depth * (4 * n * n * inner + 2 * n * inner * c->conv);
  return sum / 1e9;
}

/* ---- the peak: the same products, nothing else, by oneDNN ------------------------------------------------------ */

#ifdef HAVE_ONEDNN
typedef struct {
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  dnnl_primitive_t primitive[8];
  dnnl_memory_t memory[8][3];
  Product list[8];
  int n;
  double gflop;
} Peak;

static gboolean
peak_add (Peak *peak, const Product *p, dnnl_data_type_t type, int slot)
{
  dnnl_dims_t dims[3] = { { p->rows, p->n_in }, { p->n_in, p->n_out }, { p->rows, p->n_out } };
  dnnl_memory_desc_t desc[3];
  dnnl_matmul_desc_t op;
  dnnl_primitive_desc_t pd;
  const dnnl_query_t query[] = { dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md };

  /* The weights in whatever layout oneDNN likes best, chosen once as we do. */
  dnnl_memory_desc_init_by_tag (&desc[0], 2, dims[0], type, dnnl_ab);
  dnnl_memory_desc_init_by_tag (&desc[1], 2, dims[1], type, dnnl_format_tag_any);
  dnnl_memory_desc_init_by_tag (&desc[2], 2, dims[2], type, dnnl_ab);
  if (dnnl_matmul_desc_init (&op, &desc[0], &desc[1], NULL, &desc[2]) != dnnl_success
      || dnnl_primitive_desc_create (&pd, &op, NULL, peak->engine, NULL) != dnnl_success)
    return FALSE;
  for (int i = 0; i < 3; i++) {
    const dnnl_memory_desc_t *md = dnnl_primitive_desc_query_md (pd, query[i], 0);
    void *data;

    dnnl_memory_create (&peak->memory[slot][i], md, peak->engine, DNNL_MEMORY_ALLOCATE);
    dnnl_memory_get_data_handle (peak->memory[slot][i], &data);
    memset (data, 0, dnnl_memory_desc_get_size (md));
  }
  dnnl_primitive_create (&peak->primitive[slot], pd);
  dnnl_primitive_desc_destroy (pd);
  peak->gflop += 2e-9 * p->rows * p->n_in * p->n_out * p->times;
  return TRUE;
}

static Peak *
peak_new (const GhMaeConfig *config, GhPrecision precision)
{
  Peak *peak;

  if (precision != GH_PRECISION_F32 && precision != GH_PRECISION_BF16)
    return NULL;
  peak = g_new0 (Peak, 1);
  dnnl_engine_create (&peak->engine, dnnl_cpu, 0);
  dnnl_stream_create (&peak->stream, peak->engine, dnnl_stream_default_flags);
  peak->n = list_products (config, peak->list);
  for (int i = 0; i < peak->n; i++)
    if (!peak_add (peak, &peak->list[i], precision == GH_PRECISION_F32 ? dnnl_f32 : dnnl_bf16, i))
      return NULL;
  return peak;
}

static double
peak_run (Peak *peak)
{
  double start = now_ms ();

  for (int i = 0; i < peak->n; i++) {
    dnnl_exec_arg_t args[] = { { DNNL_ARG_SRC, peak->memory[i][0] }, { DNNL_ARG_WEIGHTS, peak->memory[i][1] },
      { DNNL_ARG_DST, peak->memory[i][2] } };

    for (int t = 0; t < peak->list[i].times; t++)
      dnnl_primitive_execute (peak->primitive[i], peak->stream, G_N_ELEMENTS (args), args);
  }
  dnnl_stream_wait (peak->stream);
  return now_ms () - start;
}
#else
typedef struct {
  double gflop;
} Peak;
static Peak *peak_new (const GhMaeConfig *config, GhPrecision precision) { return NULL; }
static double peak_run (Peak *peak) { return 0; }
#endif

/* ---- the run ------------------------------------------------------------------------------------------------------ */

static double
relative_error (const float *a, const float *b, int n)
{
  double error = 0, norm = 0;

  for (int i = 0; i < n; i++) {
    error += (a[i] - b[i]) * (a[i] - b[i]);
    norm += b[i] * b[i];
  }
  return sqrt (error / norm);
}

static void
encode_once (Contender *c, const guint8 *rgb, int stride, int round)
{
  g_autoptr (GError) error = NULL;
  double start = now_ms ();

  if (!gh_encoder_encode (c->session, rgb, stride, 1, c->embedding, NULL, &error))
    g_error ("%s", error->message);
  if (round >= 0)
    c->ms[round] = now_ms () - start;
}

static void
report (Contender *contenders, Peak **peaks, double (*peak_ms)[MAX_ROUNDS], const GhMaeConfig *config, int rounds)
{
  double gflop = encode_gflop (config);

  g_print ("\n%-7s %9s %9s %9s %10s %12s %8s  %s\n", "", "ms p50", "ms p10", "GFLOP/s", "peak*", "ratio to", "error", "");
  g_print ("%-7s %9s %9s %9s %10s %12s %8s  %s\n", "type", "", "", "", "GFLOP/s", "peak", "vs f32", "engine");
  for (int i = 0; i < N_PRECISIONS; i++) {
    double ms = quantile (contenders[i].ms, rounds, 0.5), rate = gflop / ms * 1e3;

    g_print ("%-7s %9.2f %9.2f %9.1f ", gh_encoder_precision (contenders[i].encoder), ms,
        quantile (contenders[i].ms, rounds, 0.1), rate);
    if (peaks[i]) {
      double peak = peaks[i]->gflop / quantile (peak_ms[i], rounds, 0.5) * 1e3;

      g_print ("%10.1f %12.2f ", peak, rate / peak);
    } else {
      g_print ("%10s %12s ", "-", "-");
    }
    g_print ("%8.1e  %s\n", relative_error (contenders[i].embedding, contenders[0].embedding, config->embedding),
        gh_encoder_reason (contenders[i].encoder));
  }
  g_print ("\n* plain oneDNN on the same products, same run; '-': oneDNN has no product of this type on this processor\n");
}

int
main (int argc, char **argv)
{
  char *config_name = NULL, *keep = NULL;
  int rounds = 15, threads = 0;
  GOptionEntry entries[] = {
    { "config", 0, 0, G_OPTION_ARG_STRING, &config_name, "Shipped configuration", "NAME" },
    { "rounds", 0, 0, G_OPTION_ARG_INT, &rounds, "Timed rounds", "N" },
    { "threads", 0, 0, G_OPTION_ARG_INT, &threads, "Threads, 0 for all", "N" },
    { "keep", 0, 0, G_OPTION_ARG_FILENAME, &keep, "Leave the encoder and the frame in DIR", "DIR" },
    { NULL }
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("- encoder speed");
  g_autoptr (GError) error = NULL;
  g_autofree char *dir = NULL, *file = NULL, *frame_file = NULL;
  g_autofree guint8 *rgb = NULL;
  static double peak_ms[N_PRECISIONS][MAX_ROUNDS];
  Contender contenders[N_PRECISIONS] = { 0 };
  Peak *peaks[N_PRECISIONS] = { 0 };
  GhMaeConfig config;
  gsize size;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error)
      || !gh_mae_config_load (&config, config_name ? config_name : "almacam", &error)) {
    g_printerr ("bench-encoder: %s\n", error->message);
    return 1;
  }
  rounds = CLAMP (rounds, 1, MAX_ROUNDS);
  dir = keep ? g_strdup (keep) : g_dir_make_tmp ("gst-heads-bench-XXXXXX", NULL);
  file = g_build_filename (dir, "encoder.safetensors", NULL);
  frame_file = g_build_filename (dir, "frame.rgb", NULL);
  size = (gsize) config.height * config.width * 3;
  rgb = g_malloc (size);
  for (gsize i = 0; i < size; i++)
    rgb[i] = (guint8) ((i * 2654435761u) >> 13);
  if (!gh_encoder_init_file (file, &config, 1, FALSE, &error)
      || !g_file_set_contents (frame_file, (char *) rgb, size, &error))
    goto fail;

  for (int i = 0; i < N_PRECISIONS; i++) {
    Contender *c = &contenders[i];

    if (!(c->encoder = gh_encoder_load (file, GH_DEVICE_CPU, precisions[i], threads, &error))
        || !(c->session = gh_encoder_session_new (c->encoder, 1, &error)))
      goto fail;
    c->embedding = g_new (float, config.embedding);
    peaks[i] = peak_new (&config, precisions[i]);
    encode_once (c, rgb, config.width * 3, -1);
  }
  g_print ("%s, %d tokens, %.1f GFLOP a frame, %d rounds\n", config_name ? config_name : "almacam",
      gh_mae_config_tokens (&config), encode_gflop (&config), rounds);
  for (int round = 0; round < rounds; round++)
    for (int i = 0; i < N_PRECISIONS; i++) {
      encode_once (&contenders[i], rgb, config.width * 3, round);
      if (peaks[i])
        peak_ms[i][round] = peak_run (peaks[i]);
    }
  report (contenders, peaks, peak_ms, &config, rounds);
  if (!keep) {
    g_unlink (file);
    g_unlink (frame_file);
    g_rmdir (dir);
  }
  return 0;

fail:
  g_printerr ("bench-encoder: %s\n", error->message);
  return 1;
}
