/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bench-encoder.c: how fast a frame becomes an embedding, in every precision, against this machine's own matrix-product
 * rate: plain oneDNN on the same shapes, in the same run. Rounds alternate between all of them, so that a noisy
 * neighbour hits each alike; medians are compared.
 *
 * usage: bench-encoder [--config=almacam] [--rounds=15] [--threads=0] [--keep=DIR]
 * --keep leaves encoder.safetensors and frame.rgb in DIR, which is what peers.py takes.
 */
#include "bench-peak.h"
#include "models/gh-encoder.h"

#include <glib/gstdio.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N_PRECISIONS = 4, MAX_ROUNDS = 200 };

static const GhPrecision precisions[N_PRECISIONS] = {
  GH_PRECISION_F32, GH_PRECISION_BF16, GH_PRECISION_INT16, GH_PRECISION_INT8
};

typedef struct {
  GhEncoder *encoder;
  GhEncoderSession *session;
  float *embedding;
  double ms[MAX_ROUNDS];
} Contender;

/* ---- what an encode costs ------------------------------------------------------------------------------------- */

static int
list_products (const GhMaeConfig *c, BenchProduct *list)
{
  int n = gh_mae_config_tokens (c), inner = c->heads * c->head_dim;
  BenchProduct products[] = {
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
  BenchProduct list[8];
  double n = gh_mae_config_tokens (c), inner = c->heads * c->head_dim, sum = 0;
  int count = list_products (c, list);

  for (int i = 0; i < count; i++)
    sum += 2.0 * list[i].n_out * list[i].n_in * list[i].rows * list[i].times;
  sum += c->depth * (4 * n * n * inner + 2 * n * inner * c->conv);
  return sum / 1e9;
}

/* NULL for types that oneDNN does not multiply. */
static BenchPeak *
new_peak (const GhMaeConfig *config, GhPrecision precision)
{
  BenchProduct list[8];

  if (precision != GH_PRECISION_F32 && precision != GH_PRECISION_BF16)
    return NULL;
  return bench_peak_new (list, list_products (config, list), precision == GH_PRECISION_BF16);
}

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
  double start = bench_now_ms ();

  if (!gh_encoder_encode (c->session, rgb, stride, 1, c->embedding, NULL, &error))
    g_error ("%s", error->message);
  if (round >= 0)
    c->ms[round] = bench_now_ms () - start;
}

static void
report (Contender *contenders, BenchPeak **peaks, double (*peak_ms)[MAX_ROUNDS], const GhMaeConfig *config, int rounds)
{
  double gflop = encode_gflop (config);

  g_print ("\n%-7s %9s %9s %9s %10s %12s %8s  %s\n", "", "ms p50", "ms p10", "GFLOP/s", "peak*", "ratio to", "error", "");
  g_print ("%-7s %9s %9s %9s %10s %12s %8s  %s\n", "type", "", "", "", "GFLOP/s", "peak", "vs f32", "engine");
  for (int i = 0; i < N_PRECISIONS; i++) {
    double ms = bench_quantile (contenders[i].ms, rounds, 0.5), rate = gflop / ms * 1e3;

    g_print ("%-7s %9.2f %9.2f %9.1f ", gh_encoder_precision (contenders[i].encoder), ms,
        bench_quantile (contenders[i].ms, rounds, 0.1), rate);
    if (peaks[i]) {
      double peak = bench_peak_gflop (peaks[i]) / bench_quantile (peak_ms[i], rounds, 0.5) * 1e3;

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
  BenchPeak *peaks[N_PRECISIONS] = { 0 };
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
    peaks[i] = new_peak (&config, precisions[i]);
    encode_once (c, rgb, config.width * 3, -1);
  }
  g_print ("%s, %d tokens, %.1f GFLOP a frame, %d rounds\n", config_name ? config_name : "almacam",
      gh_mae_config_tokens (&config), encode_gflop (&config), rounds);
  for (int round = 0; round < rounds; round++)
    for (int i = 0; i < N_PRECISIONS; i++) {
      /* In use an encoder runs frame after frame; here the others' weights have driven its own out of the caches. */
      encode_once (&contenders[i], rgb, config.width * 3, -1);
      encode_once (&contenders[i], rgb, config.width * 3, round);
      if (peaks[i])
        peak_ms[i][round] = bench_peak_run (peaks[i]);
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
