/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bench-train.c: how many images a second a masked autoencoder learns from, in f32 and in bf16, against this machine's
 * own matrix-product rate: plain oneDNN on the same products, forward and backward, in the same run. Rounds alternate,
 * so that a noisy neighbour hits each alike; medians are compared.
 *
 * usage: bench-train [--config=almacam] [--batch=8] [--rounds=7] [--threads=0] [--only=f32|bf16] [--device=cpu|cuda]
 *   [--frames=given|device|host] [--augment] [--keep=DIR]
 * --frames: pictures that are given to each step; or drawn from a store of twice the batch, on the device where it is
 * cuda (device), or in the host's memory (host). --augment: cropped, mirrored and lit, of a store.
 * --keep leaves checkpoint.safetensors (before the first step), frames.rgb and noise.f32 in DIR, which is what
 * peers-train.py takes.
 */
#include "bench-peak.h"
#include "models/gh-mae-trainer.h"

#include <glib/gstdio.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N_PRECISIONS = 2, MAX_ROUNDS = 200, MAX_LIST = 32 };

typedef enum { GIVEN, ON_DEVICE, ON_HOST, N_WHERE } Where;
static const char *const where_names[N_WHERE] = { "given", "device", "host" };

static const GhPrecision precisions[N_PRECISIONS] = { GH_PRECISION_F32, GH_PRECISION_BF16 };
static const char *const names[N_PRECISIONS] = { "f32", "bf16" };

typedef struct {
  GhMaeConfig config;
  int batch, rounds;
  GhDevice device;
  const char *only;             /* a type's name, or NULL for all */
  Where where;                  /* the frames are */
  gboolean augment;
  guint8 *rgb;                  /* [batch,height,width,3] */
  float *noise;                 /* [batch,N] */
} Task;

typedef struct {
  GhMaeTrainer *trainer;
  GhFrameStore *store;          /* NULL: pictures are given */
  BenchPeak *peak;
  double loss, ms[MAX_ROUNDS], peak_ms[MAX_ROUNDS];
} Contender;

/* ---- what a step costs ------------------------------------------------------------------------------------------- */

typedef struct {
  BenchProduct products[MAX_LIST];
  int n;
} List;

/* Forward, the weight's gradient, and, unless it is the first layer, the input's. */
static void
add (List *list, int n_out, int n_in, int rows, int times, gboolean passes_gradient)
{
  list->products[list->n++] = (BenchProduct) { n_out, n_in, rows, times };
  list->products[list->n++] = (BenchProduct) { n_in, rows, n_out, times };
  if (passes_gradient)
    list->products[list->n++] = (BenchProduct) { n_in, n_out, rows, times };
}

static void
add_blocks (List *list, int dim, int inner, int mlp, int rows, int depth)
{
  add (list, 3 * inner, dim, rows, depth, TRUE);
  add (list, dim, inner, rows, depth, TRUE);
  add (list, mlp, dim, rows, depth, TRUE);
  add (list, dim, mlp, rows, depth, TRUE);
}

static void
list_products (const Task *task, List *list)
{
  const GhMaeConfig *c = &task->config;
  const int N = gh_mae_config_tokens (c), K = gh_mae_config_kept (c, c->mask_ratio), B = task->batch;
  const int P = gh_mae_config_patch_values (c);

  *list = (List) { 0 };
  add (list, c->dim, P, B * K, 1, FALSE);
  add_blocks (list, c->dim, c->heads * c->head_dim, c->mlp, B * K, c->depth);
  add (list, c->dec_dim, c->dim, B * K, 1, TRUE);
  add_blocks (list, c->dec_dim, c->dec_heads * c->dec_head_dim, c->dec_mlp, B * N, c->dec_depth);
  add (list, P, c->dec_dim, B * (N - K), 1, TRUE);
}

/* Of a batch. Multiply-adds count as 2; attention is counted exact, three times forward. */
static double
step_gflop (const Task *task)
{
  const GhMaeConfig *c = &task->config;
  const double n = gh_mae_config_tokens (c), k = gh_mae_config_kept (c, c->mask_ratio);
  List list;
  double sum = 0;

  list_products (task, &list);
  for (int i = 0; i < list.n; i++)
    sum += 2.0 * list.products[i].n_out * list.products[i].n_in * list.products[i].rows * list.products[i].times;
  sum += 12.0 * task->batch * (c->depth * k * k * c->heads * c->head_dim
      + c->dec_depth * n * n * c->dec_heads * c->dec_head_dim);
  return sum / 1e9;
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */

static void
make_input (Task *task)
{
  const GhMaeConfig *c = &task->config;
  const gsize pixels = (gsize) task->batch * c->height * c->width * 3;
  const int draws = task->batch * gh_mae_config_tokens (c);
  guint32 state = 1;

  task->rgb = g_malloc (pixels);
  for (gsize i = 0; i < pixels; i++)
    task->rgb[i] = (guint8) (i / 3 % c->width / 4 + (i / 3 / c->width) / 3) ^ ((i * 2654435761u) >> 28);
  task->noise = g_new (float, draws);
  for (int i = 0; i < draws; i++) {
    state = state * 1664525u + 1013904223u;
    task->noise[i] = (state >> 8) * 0x1p-24f;
  }
}

static gboolean
leave (const Task *task, GhMaeTrainer *trainer, const char *dir, GError **error)
{
  const GhMaeConfig *c = &task->config;
  g_autofree char *checkpoint = g_build_filename (dir, "checkpoint.safetensors", NULL);
  g_autofree char *frames = g_build_filename (dir, "frames.rgb", NULL);
  g_autofree char *noise = g_build_filename (dir, "noise.f32", NULL);

  return gh_mae_trainer_save (trainer, checkpoint, error)
      && g_file_set_contents (frames, (char *) task->rgb, (gsize) task->batch * c->height * c->width * 3, error)
      && g_file_set_contents (noise, (char *) task->noise, task->batch * gh_mae_config_tokens (c) * sizeof (float),
      error);
}

/* Twice the batch: every picture, and again. */
static gboolean
open_store (Contender *contender, const Task *task, GError **error)
{
  const GhMaeConfig *c = &task->config;
  const gsize row = (gsize) c->width * 3;
  const guint frames = 2 * task->batch;

  if (task->where == GIVEN)
    return TRUE;
  contender->store = task->where == ON_DEVICE ? gh_mae_trainer_new_store (contender->trainer, frames)
      : gh_frame_store_new (c->height, c->width, frames, 1);
  for (guint i = 0; i < frames; i++)
    if (!gh_frame_store_push (contender->store, task->rgb + i % task->batch * c->height * row, row, error))
      return FALSE;
  return TRUE;
}

static gboolean
open_contender (Contender *contender, const Task *task, GhPrecision precision, int threads, GError **error)
{
  GhMaeTrainOptions options;
  List list;

  gh_mae_train_options_init (&options);
  options.device = task->device;
  options.precision = precision;
  options.threads = threads;
  options.batch = task->batch;
  options.lr = 1e-4;
  options.warmup = 0;
  if (task->augment) {
    options.crop = 0.5;
    options.flip = TRUE;
    options.light = 0.3;
  }
  contender->trainer = gh_mae_trainer_new (&task->config, &options, error);
  list_products (task, &list);
  if (task->device == GH_DEVICE_CPU)
    contender->peak = bench_peak_new (list.products, list.n, precision == GH_PRECISION_BF16);
  return contender->trainer && open_store (contender, task, error);
}

static gboolean
step (Contender *contender, const Task *task, int round, GError **error)
{
  GhMaeTrainStep report;

  /* The first on what is given, whatever comes then: its loss tells whether others do the same work. */
  if (!(contender->store && round >= 0 ? gh_mae_trainer_step (contender->trainer, contender->store, &report, error)
          : gh_mae_trainer_step_on (contender->trainer, task->rgb, task->noise, &report, error)))
    return FALSE;
  if (round >= 0)
    contender->ms[round] = report.seconds * 1e3;
  else
    contender->loss = report.loss;
  return TRUE;
}

static void
report (Contender *contenders, const Task *task, const char *name)
{
  double gflop = step_gflop (task);

  g_print ("\n%s, batch %d, %.1f GFLOP an image, %d rounds, frames: %s%s\n", name, task->batch, gflop / task->batch,
      task->rounds, where_names[task->where], task->augment ? ", augmented" : "");
  g_print ("%-5s %9s %10s %10s %9s %8s %11s\n", "type", "images/s", "ms a step", "GFLOP/s", "peak*", "ratio",
      "first loss");
  for (int i = 0; i < N_PRECISIONS; i++) {
    const Contender *c = &contenders[i];
    const char *where;
    double ms, rate;

    if (!c->trainer)
      continue;
    ms = bench_quantile (c->ms, task->rounds, 0.5);
    rate = gflop / ms * 1e3;

    g_print ("%-5s %9.3f %10.1f %10.1f ", names[i], task->batch / ms * 1e3, ms, rate);
    if (c->peak) {
      double peak = bench_peak_gflop (c->peak) / bench_quantile (c->peak_ms, task->rounds, 0.5) * 1e3;

      g_print ("%9.1f %8.2f ", peak, rate / peak);
    } else {
      g_print ("%9s %8s ", "-", "-");
    }
    where = c->store ? gh_frame_store_where (c->store) : NULL;
    g_print ("%11.6f  %s%s%s\n", c->loss, gh_mae_trainer_reason (c->trainer), where ? "; " : "", where ? where : "");
  }
  g_print ("* plain oneDNN on the same products, same run; '-': there is none of this type here\n");
}

static gboolean
run (Task *task, const char *name, int threads, const char *keep, GError **error)
{
  Contender contenders[N_PRECISIONS] = { 0 };

  make_input (task);
  for (int i = 0; i < N_PRECISIONS; i++) {
    if (task->only && !g_str_equal (task->only, names[i]))
      continue;
    if (!open_contender (&contenders[i], task, precisions[i], threads, error))
      return FALSE;
    if (keep && !leave (task, contenders[i].trainer, keep, error))
      return FALSE;
    if (!step (&contenders[i], task, -1, error))
      return FALSE;
  }
  for (int round = 0; round < task->rounds; round++)
    for (int i = 0; i < N_PRECISIONS; i++) {
      if (!contenders[i].trainer)
        continue;
      if (!step (&contenders[i], task, round, error))
        return FALSE;
      if (contenders[i].peak)
        contenders[i].peak_ms[round] = bench_peak_run (contenders[i].peak);
    }
  report (contenders, task, name);
  for (int i = 0; i < N_PRECISIONS; i++) {
    gh_mae_trainer_free (contenders[i].trainer);
    gh_frame_store_free (contenders[i].store);
  }
  g_free (task->rgb);
  g_free (task->noise);
  return TRUE;
}

int
main (int argc, char **argv)
{
  char *config_name = NULL, *keep = NULL, *device = NULL, *frames = NULL;
  int threads = 0;
  Task task = { .batch = 8, .rounds = 7 };
  GOptionEntry entries[] = {
    { "config", 0, 0, G_OPTION_ARG_STRING, &config_name, "Shipped configuration", "NAME" },
    { "batch", 0, 0, G_OPTION_ARG_INT, &task.batch, "Images of a step", "N" },
    { "rounds", 0, 0, G_OPTION_ARG_INT, &task.rounds, "Timed rounds", "N" },
    { "threads", 0, 0, G_OPTION_ARG_INT, &threads, "Threads, 0 for all", "N" },
    { "only", 0, 0, G_OPTION_ARG_STRING, &task.only, "One type alone", "TYPE" },
    { "device", 0, 0, G_OPTION_ARG_STRING, &device, "cpu or cuda", "NAME" },
    { "frames", 0, 0, G_OPTION_ARG_STRING, &frames, "given, or of a store on the device or host", "WHERE" },
    { "augment", 0, 0, G_OPTION_ARG_NONE, &task.augment, "Crop, mirror and light them", NULL },
    { "keep", 0, 0, G_OPTION_ARG_FILENAME, &keep, "Leave checkpoint, frames and noise in DIR", "DIR" },
    { NULL }
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("- speed of training");
  g_autoptr (GError) error = NULL;
  const char *name;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    goto fail;
  name = config_name ? config_name : "almacam";
  task.device = g_strcmp0 (device, "cuda") == 0 ? GH_DEVICE_CUDA : GH_DEVICE_CPU;
  while (frames && task.where < N_WHERE && !g_str_equal (frames, where_names[task.where]))
    task.where++;
  if (task.where == N_WHERE) {
    g_set_error (&error, GH_ERROR, GH_ERROR_UNSUITABLE, "--frames=%s is none of given, device, host", frames);
    goto fail;
  }
  task.rounds = CLAMP (task.rounds, 1, MAX_ROUNDS);
  if (gh_mae_config_load (&task.config, name, &error) && run (&task, name, threads, keep, &error))
    return 0;

fail:
  g_printerr ("bench-train: %s\n", error->message);
  return 1;
}
