/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * train-head.c: gst-heads train-head: a folder of images and a CSV of labels -> a head, a plot and a report.
 */
#include "tools.h"
#include "encoder-options.h"
#include "head-frames.h"
#include "head-report.h"
#include "image-embeddings.h"
#include "scatter-plot.h"
#include "models/gh-error.h"
#include "models/gh-head-private.h"
#include "models/gh-head-train.h"
#include "models/gh-labels.h"

#include <gio/gio.h>
#include <stdio.h>
#include <string.h>

typedef struct {
  GhEncoderOptions encoder;
  char *images, *labels, *label_column, *file_column, *group_column, *kind_name, *name, *unit, *output, *crop_text;
  char *plot, *cache;
  gboolean no_plot, no_cache, no_mlp, linear;
  gint64 seed;
  int folds;
  /* From the above. */
  GhHeadKind kind;
  GhCrop crop;
} Options;

static void
options_clear (Options *o)
{
  gh_encoder_options_clear (&o->encoder);
  g_free (o->images);
  g_free (o->labels);
  g_free (o->label_column);
  g_free (o->file_column);
  g_free (o->group_column);
  g_free (o->kind_name);
  g_free (o->name);
  g_free (o->unit);
  g_free (o->output);
  g_free (o->crop_text);
  g_free (o->plot);
  g_free (o->cache);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

static int
parse (Options *o, int argc, char **argv)
{
  const GOptionEntry entries[] = {
    GH_ENCODER_OPTION_ENTRIES (&o->encoder),
    { "images", 'i', 0, G_OPTION_ARG_FILENAME, &o->images, "Folder of the images", "DIR" },
    { "labels", 'l', 0, G_OPTION_ARG_FILENAME, &o->labels, "Labels: a CSV file with a line of column names", "CSV" },
    { "label-column", 'c', 0, G_OPTION_ARG_STRING, &o->label_column, "Column of the labels", "NAME" },
    { "file-column", 0, 0, G_OPTION_ARG_STRING, &o->file_column, "Column of the image files (file)", "NAME" },
    { "group-column", 0, 0, G_OPTION_ARG_STRING, &o->group_column,
        "Images of equal value here (day, camera) are held out together", "NAME" },
    { "kind", 'k', 0, G_OPTION_ARG_STRING, &o->kind_name, "What is predicted: count, scalar, time, class", "KIND" },
    { "name", 'n', 0, G_OPTION_ARG_STRING, &o->name, "Name of the head (the label column's)", "NAME" },
    { "unit", 'u', 0, G_OPTION_ARG_STRING, &o->unit, "Unit of scalars and counts, such as people", "TEXT" },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &o->output, "Head to write (NAME.safetensors)", "FILE" },
    { "crop", 0, 0, G_OPTION_ARG_STRING, &o->crop_text, "Part of the images to look at, in pixels", "X,Y,W,H" },
    { "plot", 0, 0, G_OPTION_ARG_FILENAME, &o->plot, "Plot to write (the output's name with .png)", "FILE.png" },
    { "no-plot", 0, 0, G_OPTION_ARG_NONE, &o->no_plot, "Write no plot", NULL },
    { "cache", 0, 0, G_OPTION_ARG_FILENAME, &o->cache, "Where embeddings are kept (beside the output)", "FILE" },
    { "no-cache", 0, 0, G_OPTION_ARG_NONE, &o->no_cache, "Keep no embeddings", NULL },
    { "linear", 0, 0, G_OPTION_ARG_NONE, &o->linear, "Straight lines only: the smallest head", NULL },
    { "no-mlp", 0, 0, G_OPTION_ARG_NONE, &o->no_mlp, "With over 1000 labels, leave networks out", NULL },
    { "seed", 's', 0, G_OPTION_ARG_INT64, &o->seed, "Where the random numbers start (0)", "N" },
    { "folds", 0, 0, G_OPTION_ARG_INT, &o->folds, "Parts of the cross-validation (5; with under 10 labels, each)", "N" },
    G_OPTION_ENTRY_NULL
  };
  int status = gh_tool_parse (&argc, &argv, entries, "",
      "Trains a head on the embeddings of labelled images: lines and curves, weighted by how well each predicts labels\n"
      "held out. The held-out error, with its interval and beside the best constant's, is printed and stored in the\n"
      "head. Times are HH:MM[:SS], ISO 8601 or minutes of the day.\n\n"
      "  gst-heads train-head --images=frames --labels=counts.csv --label-column=people --kind=count --unit=people");

  if (status < 0 && argc > 1)
    return gh_tool_fail (GH_EXIT_USAGE, "\"%s\" is no option; everything is given by options (see --help)", argv[1]);
  return status;
}

/* Fills in what follows from other options; -1 to go on. */
static int
complete (Options *o)
{
  g_autoptr (GError) error = NULL;
  int status;

  if (!o->images || !o->labels || !o->label_column || !o->kind_name)
    return gh_tool_fail (GH_EXIT_USAGE, "--%s is needed (see --help)", !o->images ? "images" : !o->labels ? "labels"
        : !o->label_column ? "label-column" : "kind");
  if (!gh_head_kind_from_name (o->kind_name, &o->kind))
    return gh_tool_fail (GH_EXIT_USAGE, "there is no kind \"%s\"; there are count, scalar, time and class", o->kind_name);
  if (o->crop_text && !gh_crop_parse (&o->crop, o->crop_text, &error))
    return gh_tool_fail (GH_EXIT_USAGE, "--crop: %s", error->message);
  if (o->folds < 0 || o->folds == 1)
    return gh_tool_fail (GH_EXIT_USAGE, "--folds=%d: at least 2 are needed (0 for the default)", o->folds);
  if (!o->file_column)
    o->file_column = g_strdup ("file");
  if (!o->name)
    o->name = g_strdup (o->label_column);
  if (!o->output)
    o->output = g_strdup_printf ("%s.safetensors", o->name);
  if (!o->plot && !o->no_plot) {
    gsize stem = strlen (o->output) - (g_str_has_suffix (o->output, ".safetensors") ? strlen (".safetensors") : 0);

    o->plot = g_strdup_printf ("%.*s.png", (int) stem, o->output);
  }
  status = gh_tool_check_output (o->output);
  return status < 0 && o->plot ? gh_tool_check_output (o->plot) : status;
}

/* FALSE when a class lost all its pictures. */
static gboolean
check_classes (const GhLabels *labels, GError **error)
{
  for (int class = 0; labels->classes && labels->classes[class]; class++) {
    guint i = 0;

    while (i < labels->n && labels->values[i] != class)
      i++;
    if (i < labels->n)
      continue;
    g_set_error (error, GH_ERROR, GH_ERROR_DATA, "no picture of the class \"%s\" can be read", labels->classes[class]);
    return FALSE;
  }
  return TRUE;
}

/* Labels of pictures that cannot be read are taken away. */
static float *
embeddings (const Options *o, GhEmbedder *embedder, GhLabels *labels, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (o->output);
  g_autofree char *name = gh_embedder_cache_name (embedder, o->images, &o->crop);
  g_autofree char *path = o->no_cache ? NULL : o->cache ? g_strdup (o->cache) : g_build_filename (folder, name, NULL);
  g_autoptr (GArray) damaged = g_array_new (FALSE, FALSE, sizeof (guint));
  guint computed;
  float *vectors = gh_image_embeddings (embedder, o->images, labels->files, labels->n, &o->crop, path, &computed, damaged,
      error);

  if (vectors && computed < labels->n)
    g_printerr ("%u of %u embeddings were in %s\n", labels->n - computed, labels->n, path);
  gh_labels_drop (labels, (const guint *) damaged->data, vectors ? damaged->len : 0);
  if (vectors && damaged->len > 0 && !check_classes (labels, error))
    g_clear_pointer (&vectors, g_free);
  return vectors;
}

static GhHead *
train (const Options *o, GhEncoder *encoder, const GhLabels *labels, const float *vectors, GhHeadReport **report,
    GError **error)
{
  g_autofree char *file = gh_encoder_file_name (encoder);
  GhHeadData data = { labels->n, gh_encoder_config (encoder)->embedding, vectors, labels->values, labels->groups,
    o->kind, (const char *const *) labels->classes, o->name, o->unit, gh_encoder_id (encoder), file };
  GhToolProgress progress = { 0 };
  GhHeadTrainOptions options = { o->seed, o->folds, !o->no_mlp, o->encoder.threads, gh_tool_progress, &progress,
    o->linear };
  GhHead *head = gh_head_train (&data, &options, report, error);

  gh_tool_progress_end (&progress);
  return head;
}

static gboolean
write_plot (const Options *o, const GhLabels *labels, const GhHeadReport *report, const char *encoder_file,
    GError **error)
{
  g_autofree char *off = gh_error_to_string (o->kind, o->unit, report->error, TRUE);
  g_autofree char *low = gh_error_to_string (o->kind, o->unit, report->error_low, FALSE);
  g_autofree char *high = gh_error_to_string (o->kind, o->unit, report->error_high, FALSE);
  g_autofree char *constant = gh_error_to_string (o->kind, o->unit, report->baseline_error, FALSE);
  g_autofree char *title = g_strdup_printf ("%s: held-out error %s", o->name, off);
  g_autofree char *subtitle = g_strdup_printf ("95 %%: %s to %s  ·  best constant %s  ·  %d labels  ·  %s  ·  %s", low,
      high, constant, report->n, report->model, encoder_file);
  GhScatterPlot plot = { o->kind, title, subtitle, o->unit, (const char *const *) labels->classes, report->n,
    labels->values, report->predicted };

  return gh_scatter_plot_write (&plot, o->plot, error);
}

/* The picture goes into the head as well: whoever finds the file sees how good it was. */
static gboolean
keep_plot (const Options *o, GhHead *head, GError **error)
{
  g_autofree char *png = NULL, *text = NULL;
  gsize size;

  if (!g_file_get_contents (o->plot, &png, &size, error))
    return FALSE;
  text = g_base64_encode ((const guchar *) png, size);
  gh_head_set_record (head, "plot_png", text);
  return TRUE;
}

static void
print_report (const Options *o, GhEncoder *encoder, const GhLabels *labels, const GhHeadReport *report,
    gboolean plotted)
{
  g_autofree char *error = gh_interval_to_string (o->kind, o->unit, report->error, report->error_low,
      report->error_high);
  g_autofree char *constant = gh_error_to_string (o->kind, o->unit, report->baseline_error, TRUE);

  printf ("head            %s (%s), %d labels\n", o->name, o->kind_name, report->n);
  printf ("held-out error  %s\n", error);
  printf ("best constant   %s\n", constant);
  printf ("model           %s, trained in %.1f s\n", report->model, report->seconds);
  printf ("encoder         %s (id %s%s)\n", gh_encoder_path (encoder), gh_encoder_id (encoder),
      gh_encoder_is_trained (encoder) ? "" : ", never trained: expect more of a trained one");
  printf ("written         %s%s%s\n", o->output, plotted ? ", " : "", plotted ? o->plot : "");
  fflush (stdout);
  if (labels->skipped)
    g_printerr ("%u rows without a label were skipped\n", labels->skipped);
  if (report->error_high >= report->baseline_error)
    g_printerr ("This head is not clearly better than always giving the same answer: more labels, a crop closer to what "
        "is asked, or a trained encoder may help.\n");
}

static gboolean
run (const Options *o, GError **error)
{
  g_autoptr (GhLabels) labels = gh_labels_read (o->labels, o->kind, o->file_column, o->label_column, o->group_column,
      error);
  g_autoptr (GhEncoder) encoder = NULL;
  g_autoptr (GhEmbedder) embedder = NULL;
  g_autofree float *vectors = NULL;
  g_autofree char *file = NULL;
  g_autoptr (GhHeadReport) report = NULL;
  g_autoptr (GhHead) head = NULL;
  gboolean plotted;

  if (!labels || !gh_labels_check_files (labels, o->labels, o->images, error))
    return FALSE;
  encoder = gh_encoder_options_load (&o->encoder, error);
  embedder = encoder ? gh_embedder_new_encoder (encoder, error) : NULL;
  vectors = embedder ? embeddings (o, embedder, labels, error) : NULL;
  head = vectors ? train (o, encoder, labels, vectors, &report, error) : NULL;
  if (!head)
    return FALSE;
  gh_head_record_frames (head, labels->files, labels->n);
  file = gh_encoder_file_name (encoder);
  plotted = o->plot && write_plot (o, labels, report, file, error) && keep_plot (o, head, error);
  if (!gh_head_save (head, o->output, error && *error ? NULL : error))
    return FALSE;
  print_report (o, encoder, labels, report, plotted);
  return plotted || !o->plot;
}

int
gh_tool_train_head (int argc, char **argv)
{
  g_auto (Options) options = { { 0 } };
  g_autoptr (GError) error = NULL;
  int status = parse (&options, argc, argv);

  if (status < 0)
    status = complete (&options);
  if (status >= 0)
    return status;
  if (!gh_tool_init_gst ())
    return GH_EXIT_FAILED;
  if (run (&options, &error))
    return GH_EXIT_OK;
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return gh_tool_fail (GH_EXIT_INTERRUPTED, "stopped; nothing was written but the embeddings computed so far");
  return gh_tool_fail (GH_EXIT_FAILED, "%s", error->message);
}
