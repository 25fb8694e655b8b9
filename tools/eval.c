/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * eval.c: gst-heads eval: heads trained on few labels of a known image set beside simple baselines, or one head file
 * on images of the user's own.
 */
#include "tools.h"
#include "encoder-options.h"
#include "eval-draws.h"
#include "head-frames.h"
#include "head-report.h"
#include "image-embeddings.h"
#include "models/gh-head-label.h"
#include "models/gh-labels.h"

#include <gio/gio.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
  GhEncoderOptions encoder;
  char *dataset, *data, *head, *images, *label_column, *file_column, *crop_text, *cache;
  gboolean no_cache, no_mlp, linear, no_baselines;
  char *labels;                 /* --labels: numbers with --dataset, a file with --head */
  int *n_labels, n_tables, draws;       /* n_labels[n_tables]; NULL for the dataset's own */
  char *select_name, *unlabelled_name;
  GhSelect select;
  GhEvalUnlabelled unlabelled;
  gint64 seed;
} Options;

static void
options_clear (Options *o)
{
  gh_encoder_options_clear (&o->encoder);
  g_free (o->dataset);
  g_free (o->data);
  g_free (o->head);
  g_free (o->images);
  g_free (o->label_column);
  g_free (o->file_column);
  g_free (o->crop_text);
  g_free (o->cache);
  g_free (o->labels);
  g_free (o->select_name);
  g_free (o->unlabelled_name);
  g_free (o->n_labels);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

static char *
help_text (void)
{
  GString *text = g_string_new ("With --dataset: learns from a few labels, many times over, and prints the error on "
      "later images beside\nthe best constant and thumbnail baselines. With --head: measures one head on labelled images.\n\n"
      "Datasets (the folder with their labels and images is --data):\n");

  for (guint i = 0; gh_dataset_nth (i); i++) {
    const GhDataset *d = gh_dataset_nth (i);

    g_string_append_printf (text, "  %-10s %s (%d labels, %d draws): %s and %s/\n", d->name, d->summary, d->n_labels,
        gh_dataset_draws (d, d->n_labels), d->labels, d->images);
  }
  g_string_append (text, "\n  gst-heads eval --dataset=mall-crop --data=mall --encoder=tiny --labels=30,300\n"
      "  gst-heads eval --head=people.safetensors --images=frames --labels=counts.csv --label-column=people");
  return g_string_free (text, FALSE);
}

static int
parse (Options *o, int argc, char **argv)
{
  const GOptionEntry entries[] = {
    GH_ENCODER_OPTION_ENTRIES (&o->encoder),
    { "dataset", 'd', 0, G_OPTION_ARG_STRING, &o->dataset, "A set named below", "NAME" },
    { "data", 0, 0, G_OPTION_ARG_FILENAME, &o->data, "Its folder", "DIR" },
    { "head", 0, 0, G_OPTION_ARG_FILENAME, &o->head, "A head to measure instead", "FILE" },
    { "images", 'i', 0, G_OPTION_ARG_FILENAME, &o->images, "Folder of the images (with --head)", "DIR" },
    { "labels", 'l', 0, G_OPTION_ARG_FILENAME, &o->labels,
        "With --dataset: labels of a draw, a table for each N; with --head: CSV file of labels", "N,N|CSV" },
    { "label-column", 'c', 0, G_OPTION_ARG_STRING, &o->label_column, "Column of the labels (the head's name)", "NAME" },
    { "file-column", 0, 0, G_OPTION_ARG_STRING, &o->file_column, "Column of the image files (file)", "NAME" },
    { "crop", 0, 0, G_OPTION_ARG_STRING, &o->crop_text, "Part of the images to look at (with --head)", "X,Y,W,H" },
    { "draws", 0, 0, G_OPTION_ARG_INT, &o->draws, "Draws of labels (more of few labels than of many)", "N" },
    { "select", 0, 0, G_OPTION_ARG_STRING, &o->select_name, "Which frames get the labels: random (as they come), novelty "
        "(as scale-uploader chooses), farthest (each the most unlike all before)", "HOW" },
    { "unlabelled", 0, 0, G_OPTION_ARG_STRING, &o->unlabelled_name, "What heads take from the frames without labels: "
        "nothing, scales (mean and spread), whitened (how numbers vary together, for straight lines)", "HOW" },
    { "cache", 0, 0, G_OPTION_ARG_FILENAME, &o->cache, "Folder where embeddings are kept (the current one)", "DIR" },
    { "no-cache", 0, 0, G_OPTION_ARG_NONE, &o->no_cache, "Keep no embeddings", NULL },
    { "linear", 0, 0, G_OPTION_ARG_NONE, &o->linear, "Straight lines only: ridge", NULL },
    { "no-mlp", 0, 0, G_OPTION_ARG_NONE, &o->no_mlp, "With over 1000 labels, leave networks out", NULL },
    { "no-baselines", 0, 0, G_OPTION_ARG_NONE, &o->no_baselines, "Leave the baselines out", NULL },
    { "seed", 's', 0, G_OPTION_ARG_INT64, &o->seed, "Where the random numbers start (0)", "N" },
    G_OPTION_ENTRY_NULL
  };
  g_autofree char *help = help_text ();
  int status = gh_tool_parse (&argc, &argv, entries, "", help);

  if (status < 0 && argc > 1)
    return gh_tool_fail (GH_EXIT_USAGE, "\"%s\" is no option; everything is given by options (see --help)", argv[1]);
  return status;
}

static float *
load_vectors (const Options *o, GhEmbedder *embedder, const char *folder, char *const *files, guint n,
    const GhCrop *crop, GArray *damaged, GError **error)
{
  g_autofree char *name = gh_embedder_cache_name (embedder, folder, crop);
  g_autofree char *path = o->no_cache ? NULL : g_build_filename (o->cache ? o->cache : ".", name, NULL);

  return gh_image_embeddings (embedder, folder, files, n, crop, path, NULL, damaged, error);
}

/* ---- datasets ------------------------------------------------------------------------------------------ */

static void
print_figure (GhHeadKind kind, int metric, const GhEvalFigure *f, int width)
{
  g_autofree char *text = NULL;

  if (kind == GH_HEAD_TIME && metric % 2 == 0)
    text = g_strdup_printf ("%.1f +- %.1f %%", 100 * f->mean, 100 * f->spread);
  else if (kind == GH_HEAD_TIME)
    text = g_strdup_printf ("%.1f +- %.1f min", f->mean, f->spread);
  else
    text = g_strdup_printf ("%.3f +- %.3f", f->mean, f->spread);
  printf ("  %*s", width, text);
}

static void
print_header (const GhEvalPlan *plan)
{
  const char *const *names = gh_eval_metric_names (plan->dataset->kind);
  g_autofree char *light = plan->unlabelled == GH_EVAL_NOTHING ? g_strdup ("")
      : g_strdup_printf (", %s from the frames without labels", gh_eval_unlabelled_name (plan->unlabelled));

  printf ("%s: %s; %d labels out of %u, %u test images, %d draws, seed %" G_GUINT64_FORMAT ", labels by %s%s\n\n%-42s",
      plan->dataset->name, plan->dataset->summary, plan->n_labels, plan->samples->n_pool,
      plan->samples->n - plan->samples->n_pool, plan->draws, plan->seed,
      gh_select_name (plan->select), light, "method");
  for (int m = 0; names[m]; m++)
    printf ("  %*s", MAX ((int) strlen (names[m]), 16), names[m]);
  printf ("  %16s  %s\n", "own estimate", "models chosen");
}

static void
print_models (const GhEvalResult *result)
{
  const char *before = "  ";

  for (int m = 0; m < GH_EVAL_N_MODELS; m++) {
    if (!result->chosen[m])
      continue;
    printf ("%s%s %u", before, gh_eval_model_name (m), result->chosen[m]);
    before = ", ";
  }
}

/* One line of the table: the figures, the mean error that training itself promised, what it chose how often. */
static void
print_result (const GhEvalPlan *plan, const char *method, const GhEvalResult *result)
{
  const char *const *names = gh_eval_metric_names (plan->dataset->kind);

  printf ("%-42s", method);
  for (int m = 0; m < result->n_metrics; m++)
    print_figure (plan->dataset->kind, m, &result->metric[m], MAX ((int) strlen (names[m]), 16));
  if (isfinite (result->promised.mean))
    print_figure (plan->dataset->kind, 1, &result->promised, 16);
  print_models (result);
  printf ("\n");
  fflush (stdout);
}

static gboolean
evaluate (const GhEvalPlan *plan, GhEvalMethod method, const float *vectors, int dim, const char *name, GError **error)
{
  GhEvalResult result;

  if (!gh_eval_draws (plan, method, vectors, dim, name, &result, error))
    return FALSE;
  print_result (plan, name, &result);
  return TRUE;
}

/* What the methods see of every sample. */
typedef struct {
  float *grey, *rgb;            /* thumbnails; NULL without baselines */
  float *embeddings;
  int n_grey, n_rgb, dim;
} Views;

static void
views_clear (Views *views)
{
  g_free (views->grey);
  g_free (views->rgb);
  g_free (views->embeddings);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Views, views_clear)

static float *
view (const Options *o, const GhDataset *dataset, const GhSamples *samples, GhEmbedder *embedder, int *dim,
    GError **error)
{
  g_autofree char *folder = g_build_filename (o->data, dataset->images, NULL);

  *dim = gh_embedder_dim (embedder);
  return load_vectors (o, embedder, folder, samples->files, samples->n, &dataset->crop, NULL, error);
}

static gboolean
views_load (Views *views, const Options *o, const GhDataset *dataset, const GhSamples *samples, GhEncoder *encoder,
    GError **error)
{
  g_autoptr (GhEmbedder) grey = gh_embedder_new_thumbnail (40, 30, TRUE);
  g_autoptr (GhEmbedder) rgb = gh_embedder_new_thumbnail (32, 24, FALSE);
  g_autoptr (GhEmbedder) embedder = gh_embedder_new_encoder (encoder, error);

  if (!embedder)
    return FALSE;
  if (!o->no_baselines) {
    views->grey = view (o, dataset, samples, grey, &views->n_grey, error);
    views->rgb = views->grey ? view (o, dataset, samples, rgb, &views->n_rgb, error) : NULL;
    if (!views->rgb)
      return FALSE;
  }
  views->embeddings = view (o, dataset, samples, embedder, &views->dim, error);
  return views->embeddings != NULL;
}

/* One table: every method on n_labels. */
static gboolean
print_table (const GhEvalPlan *plan, const Options *o, const Views *views, GhEncoder *encoder, GError **error)
{
  GhEvalPlan linear = *plan;
  g_autofree char *file = gh_encoder_file_name (encoder);
  const char *untrained = gh_encoder_is_trained (encoder) ? "" : " (untrained)";
  g_autofree char *line = g_strdup_printf ("ridge on %.22s%s", file, untrained);
  g_autofree char *head = g_strdup_printf ("head on %.22s%s", file, untrained);

  linear.linear = TRUE;
  print_header (plan);
  if (!o->no_baselines
      && (!evaluate (plan, GH_EVAL_CONSTANT, NULL, 0, "best constant", error)
          || !evaluate (&linear, GH_EVAL_HEAD, views->grey, views->n_grey, "ridge on a 40x30 grey thumbnail", error)
          || !evaluate (plan, GH_EVAL_NEAREST, views->rgb, views->n_rgb, "nearest 32x24 RGB thumbnail", error)
          || (!plan->linear && !evaluate (&linear, GH_EVAL_HEAD, views->embeddings, views->dim, line, error))))
    return FALSE;
  if (!evaluate (plan, GH_EVAL_HEAD, views->embeddings, views->dim, head, error))
    return FALSE;
  printf ("\n");
  return TRUE;
}

static gboolean
evaluate_dataset (const Options *o, const GhDataset *dataset, GError **error)
{
  g_autoptr (GhSamples) samples = gh_dataset_load (dataset, o->data, error);
  const int *n_labels = o->n_labels ? o->n_labels : &dataset->n_labels;
  int n_tables = o->n_labels ? o->n_tables : 1;
  g_autoptr (GhEncoder) encoder = NULL;
  g_auto (Views) views = { NULL };

  if (!samples)
    return FALSE;
  for (int i = 0; i < n_tables; i++) {
    if (n_labels[i] > (int) samples->n_pool) {
      g_set_error (error, GH_ERROR, GH_ERROR_DATA, "--labels=%d: there are %u to draw from", n_labels[i],
          samples->n_pool);
      return FALSE;
    }
  }
  encoder = gh_encoder_options_load (&o->encoder, error);
  if (!encoder || !views_load (&views, o, dataset, samples, encoder, error))
    return FALSE;
  for (int i = 0; i < n_tables; i++) {
    GhEvalPlan plan = { dataset, samples, n_labels[i], o->draws ? o->draws : gh_dataset_draws (dataset, n_labels[i]),
      o->seed, o->encoder.threads, !o->no_mlp, o->linear, o->select, views.embeddings, views.dim, o->unlabelled };

    if (!print_table (&plan, o, &views, encoder, error))
      return FALSE;
  }
  printf ("Mean and standard deviation over the draws. \"own estimate\" is the mean error%s that training reported "
      "from the\nlabels alone%s; the test is later.\nencoder: %s (id %s), %s, %s\n",
      dataset->kind == GH_HEAD_TIME ? " in minutes" : "", samples->groups ? ", each day held out as a whole" : "",
      gh_encoder_path (encoder), gh_encoder_id (encoder),
      gh_encoder_device (encoder), gh_encoder_precision (encoder));
  return TRUE;
}

/* ---- one head ------------------------------------------------------------------------------------------ */

/* How good a head is, only pictures tell that it did not learn from. */
static void
warn_of_known (const GhHead *head, const GhLabels *labels)
{
  g_autoptr (GHashTable) frames = gh_head_frames (head);
  guint known = 0;

  for (guint i = 0; frames && i < labels->n; i++)
    known += gh_head_frames_have (frames, labels->files[i]);
  if (known > 0)
    g_printerr ("%u of these %u images are called like ones the head learned from: if they are the same, it is worse on "
        "others.\n", known, labels->n);
}

static double *
predict_all (const GhHead *head, const float *vectors, const GhLabels *labels, int dim, GError **error)
{
  g_autofree double *predicted = g_new (double, labels->n);

  for (guint i = 0; i < labels->n; i++) {
    GhPrediction prediction;

    if (!gh_head_predict (head, vectors + (gsize) i * dim, &prediction)) {
      g_set_error (error, GH_ERROR, GH_ERROR_DATA, "%s: the prediction is not finite", labels->files[i]);
      return NULL;
    }
    predicted[i] = prediction.value;
  }
  return g_steal_pointer (&predicted);
}

static void
print_head (const GhHead *head, const GhLabels *labels, const double *predicted, guint64 seed)
{
  GhHeadKind kind = gh_head_kind (head);
  const char *unit = gh_head_unit (head), *recorded = gh_head_metadata (head, "held_out_error");
  double constant = gh_head_label_constant (kind, labels->values, labels->n), baseline = 0;
  GhErrorInterval e = gh_error_interval (kind, labels->values, predicted, labels->n, seed);
  g_autofree char *error = gh_interval_to_string (kind, unit, e.error, e.low, e.high), *best = NULL;

  for (guint i = 0; i < labels->n; i++)
    baseline += gh_head_distance (kind, constant, labels->values[i]) / labels->n;
  best = gh_error_to_string (kind, unit, baseline, TRUE);
  printf ("head           %s (%s), %s\n", gh_head_name (head), gh_head_kind_name (kind), gh_head_path (head));
  printf ("images         %u\n", labels->n);
  printf ("error          %s\n", error);
  printf ("best constant  %s (of these very labels)\n", best);
  if (recorded) {
    g_autofree char *promised = gh_error_to_string (kind, unit, g_ascii_strtod (recorded, NULL), TRUE);

    printf ("at training    %s held out\n", promised);
  }
  fflush (stdout);
}

static gboolean
evaluate_head (const Options *o, GError **error)
{
  g_autoptr (GhHead) head = gh_head_load (o->head, error);
  g_autoptr (GhEncoder) encoder = NULL;
  g_autoptr (GhLabels) labels = NULL;
  g_autoptr (GhEmbedder) embedder = NULL;
  g_autofree float *vectors = NULL;
  g_autofree double *predicted = NULL;
  g_autoptr (GArray) damaged = g_array_new (FALSE, FALSE, sizeof (guint));
  GhCrop crop = { 0 };
  int dim;

  if (!head || (o->crop_text && !gh_crop_parse (&crop, o->crop_text, error)))
    return FALSE;
  labels = gh_labels_read (o->labels, gh_head_kind (head), o->file_column ? o->file_column : "file",
      o->label_column ? o->label_column : gh_head_name (head), NULL, error);
  if (!labels || !gh_labels_check_files (labels, o->labels, o->images, error)
      || (labels->classes && !gh_labels_use_classes (labels, o->labels, gh_head_classes (head), error)))
    return FALSE;
  encoder = gh_encoder_options_load (&o->encoder, error);
  if (!encoder)
    return FALSE;
  dim = gh_encoder_config (encoder)->embedding;
  if (!gh_head_check (head, gh_encoder_id (encoder), gh_encoder_path (encoder), dim, error))
    return FALSE;
  embedder = gh_embedder_new_encoder (encoder, error);
  vectors = embedder ? load_vectors (o, embedder, o->images, labels->files, labels->n, &crop, damaged, error) : NULL;
  gh_labels_drop (labels, (const guint *) damaged->data, vectors ? damaged->len : 0);
  predicted = vectors ? predict_all (head, vectors, labels, dim, error) : NULL;
  if (!predicted)
    return FALSE;
  print_head (head, labels, predicted, o->seed);
  warn_of_known (head, labels);
  return TRUE;
}

/* ---- the command --------------------------------------------------------------------------------------- */

static gboolean
parse_label_counts (Options *o)
{
  g_auto (GStrv) texts = g_strsplit (o->labels, ",", -1);

  o->n_tables = g_strv_length (texts);
  o->n_labels = g_new (int, o->n_tables);
  for (int i = 0; i < o->n_tables; i++) {
    gint64 n;

    if (!g_ascii_string_to_signed (texts[i], 10, 3, 1000000, &n, NULL))
      return FALSE;
    o->n_labels[i] = n;
  }
  return o->n_tables > 0;
}

static int
check_options (Options *o)
{
  if (!o->dataset == !o->head)
    return gh_tool_fail (GH_EXIT_USAGE, "either --dataset or --head is needed (see --help)");
  if (o->head)
    return o->images && o->labels ? -1 : gh_tool_fail (GH_EXIT_USAGE, "--%s is needed with --head",
        o->images ? "labels" : "images");
  if (!gh_dataset_find (o->dataset))
    return gh_tool_fail (GH_EXIT_USAGE, "there is no dataset \"%s\" (--help lists them)", o->dataset);
  if (!o->data)
    return gh_tool_fail (GH_EXIT_USAGE, "--data is needed: the folder of the dataset");
  if (o->labels && !parse_label_counts (o))
    return gh_tool_fail (GH_EXIT_USAGE, "--labels=%s: with --dataset, numbers of at least 3 with commas between them",
        o->labels);
  if (o->select_name && !gh_select_from_name (o->select_name, &o->select))
    return gh_tool_fail (GH_EXIT_USAGE, "--select=%s: random, novelty or farthest", o->select_name);
  if (o->unlabelled_name && !gh_eval_unlabelled_from_name (o->unlabelled_name, &o->unlabelled))
    return gh_tool_fail (GH_EXIT_USAGE, "--unlabelled=%s: nothing, scales or whitened", o->unlabelled_name);
  return o->draws >= 0 ? -1 : gh_tool_fail (GH_EXIT_USAGE, "--draws=%d: at least 1", o->draws);
}

int
gh_tool_eval (int argc, char **argv)
{
  g_auto (Options) options = { { 0 } };
  g_autoptr (GError) error = NULL;
  int status = parse (&options, argc, argv);
  gboolean good;

  if (status < 0)
    status = check_options (&options);
  if (status >= 0)
    return status;
  if (!gh_tool_init_gst ())
    return GH_EXIT_FAILED;
  good = options.head ? evaluate_head (&options, &error)
      : evaluate_dataset (&options, gh_dataset_find (options.dataset), &error);
  if (good)
    return GH_EXIT_OK;
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return gh_tool_fail (GH_EXIT_INTERRUPTED, "stopped");
  return gh_tool_fail (GH_EXIT_FAILED, "%s", error->message);
}
