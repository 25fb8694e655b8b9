/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bench-device.c: how fast frames become embeddings on a device, one JSON line per precision and batch:
 *   {"precision":"bf16","batch":64,"ms":9.1,"device_ms":5.2,"gflop":37.8,"error":3e-3,"engine":"..."}
 * ms: from frames in the host's memory to embeddings there; device_ms: the pass alone, from frames that are on the
 * device already; gflop: of one frame; error: distance of the embedding from the first float32 one.
 *
 * usage: bench-device [--device=cuda] [--config=almacam] [--batch=1,64] [--rounds=30] [--only=f32|bf16] [--keep=DIR]
 * --keep leaves encoder.safetensors and frame.rgb in DIR, which is what peers-device.py takes.
 */
#include "bench-peak.h"
#include "models/gh-encoder-private.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

enum { MAX_ROUNDS = 500 };

typedef struct {
  const char *config_name, *batches, *only;
  char *keep;
  GhDevice device;
  int rounds;
  GhMaeConfig config;
  guint8 *rgb;                  /* the largest batch */
  float *first;                 /* [E] the first embedding in float32 */
} Task;

/* Multiply-adds count as 2; attention is counted exact, norms and activations not at all. */
static double
encode_gflop (const GhMaeConfig *c)
{
  double n = gh_mae_config_tokens (c), inner = c->heads * c->head_dim;
  double layer = 2 * n * (4 * inner + 2.0 * c->mlp) * c->dim + 4 * n * n * inner + 2 * n * inner * c->conv;

  return (2 * n * gh_mae_config_patch_values (c) * c->dim + c->depth * layer) / 1e9;
}

static double
distance (const float *a, const float *b, int n)
{
  double error = 0, norm = 0;

  for (int i = 0; i < n; i++) {
    error += (a[i] - b[i]) * (a[i] - b[i]);
    norm += b[i] * b[i];
  }
  return sqrt (error / norm);
}

/* The pass alone, a few of them at a time so that asking the device to begin costs nothing. */
static double
device_ms (GhEncoderSession *session, int rounds)
{
  enum { TOGETHER = 10 };
  double ms[MAX_ROUNDS];

  for (int i = 0; i < rounds; i++) {
    double start = bench_now_ms ();
    if (gh_encoder_session_repeat (session, TOGETHER) != GH_OK)
      return NAN;
    ms[i] = (bench_now_ms () - start) / TOGETHER;
  }
  return bench_quantile (ms, rounds, 0.5);
}

static gboolean
measure (Task *task, GhEncoder *encoder, int batch, GError **error)
{
  const int E = task->config.embedding;
  g_autoptr (GhEncoderSession) session = gh_encoder_session_new (encoder, batch, error);
  g_autofree float *embedding = g_new (float, (gsize) batch * E);
  double ms[MAX_ROUNDS], alone;

  if (!session)
    return FALSE;
  for (int i = -3; i < task->rounds; i++) {
    double start = bench_now_ms ();
    if (!gh_encoder_encode (session, task->rgb, (gsize) task->config.width * 3, batch, embedding, NULL, error))
      return FALSE;
    if (i >= 0)
      ms[i] = bench_now_ms () - start;
  }
  if (!task->first) {
    task->first = g_new (float, E);
    memcpy (task->first, embedding, E * sizeof (float));
  }
  alone = device_ms (session, task->rounds);
  g_print ("{\"precision\":\"%s\",\"batch\":%d,\"ms\":%.4f,\"device_ms\":%.4f,\"gflop\":%.3f,\"error\":%.2e,"
      "\"last_error\":%.2e,\"engine\":\"%s\"}\n", gh_encoder_precision (encoder), batch,
      bench_quantile (ms, task->rounds, 0.5), alone, encode_gflop (&task->config), distance (embedding, task->first, E),
      distance (embedding + (gsize) (batch - 1) * E, task->first, E), gh_encoder_reason (encoder));
  return TRUE;
}

static gboolean
run (Task *task, GError **error)
{
  static const GhPrecision precisions[] = { GH_PRECISION_F32, GH_PRECISION_BF16 };
  static const char *const names[] = { "f32", "bf16" };
  g_autofree char *dir = task->keep ? g_strdup (task->keep) : g_dir_make_tmp ("gst-heads-bench-XXXXXX", error);
  g_autofree char *file = g_build_filename (dir, "encoder.safetensors", NULL);
  g_autofree char *frame = g_build_filename (dir, "frame.rgb", NULL);
  g_auto (GStrv) batches = g_strsplit (task->batches, ",", -1);
  gsize size = (gsize) task->config.height * task->config.width * 3;
  int largest = 1;

  for (int i = 0; batches[i]; i++)
    largest = MAX (largest, atoi (batches[i]));
  task->rgb = g_malloc (size * largest);
  for (gsize i = 0; i < size; i++)
    task->rgb[i] = (guint8) ((i * 2654435761u) >> 13);
  for (int i = 1; i < largest; i++)             /* all alike: so must be their embeddings */
    memcpy (task->rgb + i * size, task->rgb, size);
  if (!gh_encoder_init_file (file, &task->config, 1, FALSE, error)
      || !g_file_set_contents (frame, (char *) task->rgb, size, error))
    return FALSE;
  for (int p = 0; p < 2; p++) {
    g_autoptr (GhEncoder) encoder = NULL;
    if (task->only && !g_str_equal (task->only, names[p]))
      continue;
    if (!(encoder = gh_encoder_load (file, task->device, precisions[p], 0, error)))
      return FALSE;
    for (int i = 0; batches[i]; i++)
      if (!measure (task, encoder, atoi (batches[i]), error))
        return FALSE;
  }
  if (!task->keep) {
    g_unlink (file);
    g_unlink (frame);
    g_rmdir (dir);
  }
  return TRUE;
}

int
main (int argc, char **argv)
{
  char *config_name = NULL, *batches = NULL, *only = NULL, *keep = NULL, *device = NULL;
  int rounds = 30;
  GOptionEntry entries[] = {
    { "device", 0, 0, G_OPTION_ARG_STRING, &device, "cuda or cpu", "NAME" },
    { "config", 0, 0, G_OPTION_ARG_STRING, &config_name, "Shipped configuration", "NAME" },
    { "batch", 0, 0, G_OPTION_ARG_STRING, &batches, "Frames at a time, several with commas", "N,N" },
    { "rounds", 0, 0, G_OPTION_ARG_INT, &rounds, "Timed rounds", "N" },
    { "only", 0, 0, G_OPTION_ARG_STRING, &only, "One precision alone", "NAME" },
    { "keep", 0, 0, G_OPTION_ARG_FILENAME, &keep, "Leave the encoder and the frame in DIR", "DIR" },
    { NULL }
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("- encoder speed on a device");
  g_autoptr (GError) error = NULL;
  Task task = { 0 };

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    goto fail;
  task.config_name = config_name ? config_name : "almacam";
  task.batches = batches ? batches : "1,64";
  task.only = only;
  task.keep = keep;
  task.device = g_strcmp0 (device, "cpu") == 0 ? GH_DEVICE_CPU : GH_DEVICE_CUDA;
  task.rounds = CLAMP (rounds, 1, MAX_ROUNDS);
  if (gh_mae_config_load (&task.config, task.config_name, &error) && run (&task, &error)) {
    g_free (task.rgb);
    g_free (task.first);
    return 0;
  }

fail:
  g_printerr ("bench-device: %s\n", error->message);
  return 1;
}
