/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * pool-encoder.c: gst-heads pool-encoder: an encoder whose embedding is made of its tokens in another way, fitted to frames
 * of its camera. Nothing is trained: it takes seconds.
 */
#include "tools.h"
#include "frame-options.h"
#include "gst/common/gstoutputfile.h"
#include "models/gh-embed-fit.h"

#include <gio/gio.h>
#include <stdio.h>
#include <string.h>

/* As gh-mae-config.c has it. */
#define MOST_REGIONS 64

typedef struct {
  GhFrameOptions frames;
  char *model, *pool, *regions, *output;
  int embedding, surprise, shadows, threads;
  gboolean bfloat16;
  gint64 seed;
  GhFrameSource from_where;
  GhEmbedShape shape;
} Options;

static void
options_clear (Options *o)
{
  g_free (o->model);
  gh_frame_options_clear (&o->frames);
  g_free (o->pool);
  g_free (o->regions);
  g_free (o->output);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

static int
parse (Options *o, int *argc, char ***argv)
{
  const GOptionEntry entries[] = {
    { "model", 'm', 0, G_OPTION_ARG_FILENAME, &o->model, "The encoder", "FILE" },
    GH_FRAME_OPTIONS (&o->frames, "Frames of its camera"),
    { "pool", 0, 0, G_OPTION_ARG_STRING, &o->pool, "What is taken of the tokens: mean, mean+std (mean+std)", "NAME" },
    { "regions", 0, 0, G_OPTION_ARG_STRING, &o->regions,
        "Over each of so many regions of the picture by itself, rows first: 4x5 (1x1)", "RxC" },
    { "embedding", 0, 0, G_OPTION_ARG_INT, &o->embedding, "Numbers of an embedding (512)", "N" },
    { "surprise", 0, 0, G_OPTION_ARG_INT, &o->surprise,
        "Tell also what edges the light, in N components, does not explain (0: no; 20 will do)", "N" },
    { "shadows", 0, 0, G_OPTION_ARG_INT, &o->shadows,
        "Tell also how the light falls, in N numbers, for times of day out of doors (0: no; 80 will do)", "N" },
    { "bfloat16", 0, 0, G_OPTION_ARG_NONE, &o->bfloat16, "Write matrices in half the space, rounded", NULL },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &o->output, "Encoder to write", "FILE" },
    { "seed", 's', 0, G_OPTION_ARG_INT64, &o->seed, "Where the random numbers start (1)", "N" },
    { "threads", 0, 0, G_OPTION_ARG_INT, &o->threads, "Processors to use (0: all)", "N" },
    G_OPTION_ENTRY_NULL
  };

  return gh_tool_parse (argc, argv, entries, "[NAME=VALUE...]",
      "Pools the tokens of a trained encoder in another way, without training. What they are pooled to is standardised by\n"
      "how it varies over the frames, which need no labels, and brought to the numbers of an embedding by its principal\n"
      "components. Heads have to be trained anew. NAME=VALUE are variables of a .pipeline file.\n\n"
      "  gst-heads pool-encoder --model=encoder.safetensors --images=frames --regions=4x5 --output=regions.safetensors");
}

static int
complete_shape (Options *o)
{
  char end;

  if (!o->pool || strcmp (o->pool, "mean+std") == 0)
    o->shape.pool = GH_POOL_MEAN_STD;
  else if (strcmp (o->pool, "mean") != 0)
    return gh_tool_fail (GH_EXIT_USAGE, "--pool=%s: there are mean and mean+std", o->pool);
  if (o->regions && (sscanf (o->regions, "%4dx%4d%c", &o->shape.rows, &o->shape.cols, &end) != 2 || o->shape.rows < 1
          || o->shape.cols < 1 || o->shape.rows > MOST_REGIONS || o->shape.cols > MOST_REGIONS))
    return gh_tool_fail (GH_EXIT_USAGE, "--regions=%s: rows and columns are needed, as in 4x5, of at most %d each",
        o->regions, MOST_REGIONS);
  if (o->embedding < 1)
    return gh_tool_fail (GH_EXIT_USAGE, "--embedding=%d: at least 1 number is needed", o->embedding);
  if (o->surprise < 0)
    return gh_tool_fail (GH_EXIT_USAGE, "--surprise=%d: 0 is without, 20 will do", o->surprise);
  if (o->shadows < 0)
    return gh_tool_fail (GH_EXIT_USAGE, "--shadows=%d: 0 is without, 80 will do", o->shadows);
  if (o->seed < 0)
    return gh_tool_fail (GH_EXIT_USAGE, "--seed=%" G_GINT64_FORMAT ": it can be 0 or more", o->seed);
  if (o->shape.rows == 1 && o->shape.cols == 1)
    o->shape.rows = o->shape.cols = 0;
  o->shape.embedding = o->embedding;
  o->shape.surprise = o->surprise;
  o->shape.shadows = o->shadows;
  o->shape.bfloat16 = o->bfloat16;
  return -1;
}

static int
complete (Options *o, char *const *values)
{
  int status;

  if (!o->model || !o->output)
    return gh_tool_fail (GH_EXIT_USAGE, "--%s is needed (see --help)", o->model ? "output" : "model");
  status = gh_frame_options_complete (&o->frames, values, &o->from_where);
  if (status < 0)
    status = complete_shape (o);
  return status;
}

/* The encoder would be gone, and heads trained on it with it. */
static int
check_files (const Options *o)
{
  g_autofree char *path = gh_model_find (o->model);

  if (path && gst_output_files_are_same (path, o->output))
    return gh_tool_fail (GH_EXIT_USAGE, "--model and --output are the same file: heads trained on that encoder could not be "
        "used any more; give the new one another name");
  return gh_tool_check_output (o->output);
}

static gboolean
show (double part, gpointer progress)
{
  return gh_tool_progress (part, "encoding frames", progress);
}

static gboolean
fit (const Options *o, const char *from, GhFrameStore *store, int *shadows, GError **error)
{
  GhToolProgress progress = { .parts = 10 };
  const GhEmbedHow how = { o->seed, GH_DEVICE_AUTO, o->threads, FALSE, show, &progress, shadows };
  gboolean good = gh_embed_fit (from, o->output, &o->shape, store, &how, error);

  if (good)
    gh_tool_progress (1, "encoding frames", &progress);
  gh_tool_progress_end (&progress);
  return good;
}

static gboolean
run (const Options *o, GError **error)
{
  g_autofree char *path = gh_model_find (o->model);
  g_autoptr (GhEncoder) encoder = gh_encoder_load (path ? path : o->model, GH_DEVICE_AUTO, GH_PRECISION_AUTO, o->threads,
      error);
  g_autoptr (GhEncoder) made = NULL;
  g_autoptr (GhFrameStore) store = NULL;
  const GhMaeConfig *c;
  GhMaeConfig wanted;
  int shadows = 0;

  if (!encoder)
    return FALSE;
  c = gh_encoder_config (encoder);
  wanted = *c;
  if (!gh_embed_shape_apply (&o->shape, &wanted, gh_encoder_path (encoder), error))
    return FALSE;
  store = gh_frame_store_new (c->height, c->width, o->frames.frames, o->seed);
  if (!gh_frame_source_fill (&o->from_where, store, error)
      || !fit (o, gh_encoder_path (encoder), store, &shadows, error)
      || !(made = gh_encoder_load (o->output, GH_DEVICE_AUTO, GH_PRECISION_AUTO, o->threads, error)))
    return FALSE;
  c = gh_encoder_config (made);
  printf ("encoder     %s (id %s)\n", o->output, gh_encoder_id (made));
  printf ("embedding   %d numbers of %d, from %u frames\n", c->embedding, gh_mae_config_pooled (c),
      MIN (gh_frame_store_count (store), GH_EMBED_FIT_FRAMES));
  if (shadows < c->shadows)
    printf ("shadows     only %d of %d numbers tell something: that takes four frames a number, and light that moves\n", shadows,
        c->shadows);
  return TRUE;
}

int
gh_tool_pool_encoder (int argc, char **argv)
{
  g_auto (Options) options = { .embedding = 512, .seed = 1 };
  g_autoptr (GError) error = NULL;
  int status;

  gh_frame_options_init (&options.frames);
  status = parse (&options, &argc, &argv);
  if (status < 0)
    status = complete (&options, argv + 1);
  if (status < 0)
    status = check_files (&options);
  if (status >= 0)
    return status;
  if (!gh_tool_init_gst ())
    return GH_EXIT_FAILED;
  if (run (&options, &error))
    return GH_EXIT_OK;
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return gh_tool_fail (GH_EXIT_INTERRUPTED, "stopped; nothing was written");
  return gh_tool_fail (GH_EXIT_FAILED, "%s", error->message);
}
