/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * refit.c: gst-heads refit: a head that is trained anew on the labels of a dataset, and replaced only by a better one.
 *
 * Whether it is better is asked of images that neither has seen: blocks of time of those the old head did not learn from. A
 * label that was corrected is learned, but judges nobody. A better one is then trained on all labels, and takes the file's place in one step; the old one stays beside it.
 */
#include "tools.h"
#include "encoder-options.h"
#include "head-frames.h"
#include "head-report.h"
#include "image-embeddings.h"
#include "models/gh-error.h"
#include "models/gh-file-stamp.h"
#include "models/gh-head-private.h"
#include "models/gh-head-train.h"
#include "models/gh-labels.h"

#include "gst/dataset/catalogue.h"

#include <gio/gio.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* The new labels in the order of time are cut into so many blocks, and every third one is held out. */
enum { BLOCKS = 9, HELD_OUT = 3, FEWEST_HELD_OUT = 5 };

typedef struct {
  GhEncoderOptions encoder;
  char *head, *task, *kind_name, *unit, *cache, *crop_text;
  gboolean dry_run, linear, no_mlp;
  int min_new;
  double watch;
  gint64 seed;
  GhCrop crop;
} Options;

static void
options_clear (Options *o)
{
  gh_encoder_options_clear (&o->encoder);
  g_free (o->head);
  g_free (o->task);
  g_free (o->kind_name);
  g_free (o->unit);
  g_free (o->cache);
  g_free (o->crop_text);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

static int
parse (Options *o, int *argc, char ***argv)
{
  const GOptionEntry entries[] = {
    GH_ENCODER_OPTION_ENTRIES (&o->encoder),
    { "head", 0, 0, G_OPTION_ARG_FILENAME, &o->head, "Head to replace; made where there is none", "FILE" },
    { "task", 't', 0, G_OPTION_ARG_STRING, &o->task, "Name of the labels (the head's)", "NAME" },
    { "kind", 'k', 0, G_OPTION_ARG_STRING, &o->kind_name, "Without a head yet: count, scalar, time, class", "KIND" },
    { "unit", 'u', 0, G_OPTION_ARG_STRING, &o->unit, "Without a head yet: unit of scalars and counts", "TEXT" },
    { "crop", 0, 0, G_OPTION_ARG_STRING, &o->crop_text,
        "Part of the images to look at, in pixels: what the head was trained on, and the pipeline gives it", "X,Y,W,H" },
    { "min-new", 0, 0, G_OPTION_ARG_INT, &o->min_new, "Labels that have to be new (20)", "N" },
    { "watch", 0, 0, G_OPTION_ARG_DOUBLE, &o->watch, "Look again every so many seconds, until Ctrl-C", "SECONDS" },
    { "dry-run", 0, 0, G_OPTION_ARG_NONE, &o->dry_run, "Only say what would be done", NULL },
    { "cache", 0, 0, G_OPTION_ARG_FILENAME, &o->cache, "Where embeddings are kept (beside the head)", "FILE" },
    { "linear", 0, 0, G_OPTION_ARG_NONE, &o->linear, "Straight lines only", NULL },
    { "no-mlp", 0, 0, G_OPTION_ARG_NONE, &o->no_mlp, "With over 1000 labels, leave networks out", NULL },
    { "seed", 's', 0, G_OPTION_ARG_INT64, &o->seed, "Where the random numbers start (0)", "N" },
    G_OPTION_ENTRY_NULL
  };

  o->min_new = 20;
  return gh_tool_parse (argc, argv, entries, "DIR",
      "Trains a head anew when enough labels came into a dataset since it was trained, and keeps the better one, judged\n"
      "by labels that neither has seen. A running head-predict with auto-reload=true takes the new one between two frames.\n\n"
      "  gst-heads refit square --head=people.safetensors --watch=3600\n\n"
      "Exit status: 0 replaced (or made); 6 the old one is as good; 7 too few labels are new.");
}

/* ---- labels ------------------------------------------------------------------------------------------------------------ */

typedef struct {
  char *path, *text;
  gint64 labeled_at;
  double value;
  gboolean is_new;              /* the old head did not learn from this image */
} Label;

static void
label_free (gpointer data)
{
  Label *label = data;

  g_free (label->path);
  g_free (label->text);
  g_free (label);
}

static void
take_label (const CatalogueLabeled *labeled, gpointer data)
{
  GPtrArray *labels = data;
  Label *last = labels->len ? labels->pdata[labels->len - 1] : NULL;
  Label *label;

  if (last && strcmp (last->path, labeled->path) == 0) {        /* of another origin: the newest counts */
    if (labeled->labeled_at < last->labeled_at)
      return;
    g_ptr_array_remove_index (labels, labels->len - 1);
  }
  label = g_new0 (Label, 1);
  label->path = g_strdup (labeled->path);
  label->text = g_strdup (labeled->value);
  label->labeled_at = labeled->labeled_at;
  g_ptr_array_add (labels, label);
}

static int
compare_texts (const void *a, const void *b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* The different texts, sorted: a label's value is its index. */
static GPtrArray *
name_classes (GPtrArray *labels)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  GPtrArray *classes = g_ptr_array_new ();

  for (guint i = 0; i < labels->len; i++) {
    Label *label = labels->pdata[i];

    if (g_hash_table_add (seen, label->text))
      g_ptr_array_add (classes, label->text);
  }
  qsort (classes->pdata, classes->len, sizeof (gpointer), compare_texts);
  for (guint i = 0; i < labels->len; i++) {
    Label *label = labels->pdata[i];
    guint k = 0;

    while (strcmp (classes->pdata[k], label->text) != 0)
      k++;
    label->value = k;
  }
  g_ptr_array_add (classes, NULL);
  return classes;
}

static gboolean
read_values (GPtrArray *labels, GhHeadKind kind, GError **error)
{
  for (guint i = 0; i < labels->len; i++) {
    Label *label = labels->pdata[i];
    g_autofree char *problem = gh_label_parse (label->text, kind, &label->value);

    if (problem) {
      g_set_error (error, GH_ERROR, GH_ERROR_DATA, "the label \"%s\" of %s: %s", label->text, label->path, problem);
      return FALSE;
    }
  }
  return TRUE;
}

/* ---- one attempt ------------------------------------------------------------------------------------------------------- */

typedef struct {
  const Options *o;
  const char *folder, *task, *unit;
  GhHeadKind kind;
  GhHead *old;                  /* or NULL */
  GhEncoder *encoder;
  GPtrArray *labels;            /* Label, in the order of time */
  guint n_new;
  GPtrArray *classes;           /* NULL-terminated; NULL unless the kind is class */
  float *vectors;               /* [labels,dim] */
  int dim;
} Refit;

static void
refit_clear (Refit *refit)
{
  if (refit->old)
    gh_head_unref (refit->old);
  if (refit->encoder)
    gh_encoder_unref (refit->encoder);
  if (refit->classes)
    g_ptr_array_unref (refit->classes);
  if (refit->labels)
    g_ptr_array_unref (refit->labels);
  g_free (refit->vectors);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Refit, refit_clear)

/* When the old head was trained, in microseconds. */
static gint64
trained_at (const GhHead *head)
{
  const char *text = gh_head_metadata (head, "trained_at");
  g_autoptr (GDateTime) time = text ? g_date_time_new_from_iso8601 (text, NULL) : NULL;

  return time ? g_date_time_to_unix (time) * G_USEC_PER_SEC : 0;
}

/* Of a head that does not say what it learned from (head-trainer's, older ones) only the time is known. */
static void
find_new (Refit *refit)
{
  g_autoptr (GHashTable) frames = refit->old ? gh_head_frames (refit->old) : NULL;
  gint64 since = refit->old ? trained_at (refit->old) : 0;

  for (guint i = 0; i < refit->labels->len; i++) {
    Label *label = refit->labels->pdata[i];

    label->is_new = frames ? !gh_head_frames_have (frames, label->path) : label->labeled_at >= since;
    refit->n_new += label->is_new;
  }
}

static gboolean
open_head (Refit *refit, GError **error)
{
  const Options *o = refit->o;

  if (g_file_test (o->head, G_FILE_TEST_EXISTS)) {
    refit->old = gh_head_load (o->head, error);
    if (refit->old == NULL)
      return FALSE;
    refit->kind = gh_head_kind (refit->old);
    refit->unit = gh_head_unit (refit->old);
    refit->task = o->task ? o->task : gh_head_name (refit->old);
    return TRUE;
  }
  if (o->kind_name == NULL || o->task == NULL) {
    g_set_error (error, GH_ERROR, GH_ERROR_DATA, "there is no head %s yet: --kind and --task say what is to be learned", o->head);
    return FALSE;
  }
  refit->task = o->task;
  refit->unit = o->unit;
  return gh_head_kind_from_name (o->kind_name, &refit->kind);
}

/* Labels of a name that nobody has given yet may still come, or be misspelt. */
static gboolean
check_task (const Refit *refit, Catalogue *catalogue, GError **error)
{
  g_auto (GStrv) tasks = refit->labels->len == 0 ? catalogue_label_tasks (catalogue, error) : NULL;
  g_autofree char *names = NULL;

  if (refit->labels->len > 0)
    return TRUE;
  if (tasks == NULL || *tasks == NULL || g_strv_contains ((const char *const *) tasks, refit->task))
    return tasks != NULL;
  names = g_strjoinv ("\", \"", tasks);
  gh_tool_fail (GH_EXIT_OK, "%s has no labels of \"%s\"; it has those of \"%s\"", refit->folder, refit->task, names);
  return TRUE;
}

static gboolean
read_labels (Refit *refit, GError **error)
{
  g_autoptr (Catalogue) catalogue = catalogue_open_read (refit->folder, error);

  refit->labels = g_ptr_array_new_with_free_func (label_free);
  if (catalogue == NULL || !catalogue_each_labeled (catalogue, refit->task, take_label, refit->labels, error)
      || !check_task (refit, catalogue, error))
    return FALSE;
  return refit->kind == GH_HEAD_CLASS || read_values (refit->labels, refit->kind, error);
}

/* index[n]: ascending. */
static void
take_away (Refit *refit, const guint *index, guint n)
{
  while (n-- > 0) {
    refit->n_new -= ((Label *) refit->labels->pdata[index[n]])->is_new;
    g_ptr_array_remove_index (refit->labels, index[n]);
  }
}

static gboolean
embed (Refit *refit, GError **error)
{
  const Options *o = refit->o;
  g_autoptr (GhEmbedder) embedder = NULL;
  g_autofree char *folder = g_path_get_dirname (o->head), *name = NULL, *cache = NULL;
  g_autoptr (GPtrArray) files = g_ptr_array_new ();
  g_autoptr (GArray) damaged = g_array_new (FALSE, FALSE, sizeof (guint));

  refit->encoder = gh_encoder_options_load (&o->encoder, error);
  embedder = refit->encoder ? gh_embedder_new_encoder (refit->encoder, error) : NULL;
  if (embedder == NULL)
    return FALSE;
  refit->dim = gh_embedder_dim (embedder);
  if (refit->old && !gh_head_check (refit->old, gh_encoder_id (refit->encoder), gh_encoder_path (refit->encoder), refit->dim,
          error))
    return FALSE;
  name = gh_embedder_cache_name (embedder, refit->folder, &o->crop);
  cache = o->cache ? g_strdup (o->cache) : g_build_filename (folder, name, NULL);
  for (guint i = 0; i < refit->labels->len; i++)
    g_ptr_array_add (files, ((Label *) refit->labels->pdata[i])->path);
  g_ptr_array_add (files, NULL);
  refit->vectors = gh_image_embeddings (embedder, refit->folder, (char *const *) files->pdata, refit->labels->len, &o->crop,
      cache, NULL, damaged, error);
  if (refit->vectors == NULL)
    return FALSE;
  take_away (refit, (const guint *) damaged->data, damaged->len);
  if (refit->kind == GH_HEAD_CLASS)
    refit->classes = name_classes (refit->labels);
  return TRUE;
}

/* Trains on the labels that are not left out (NULL: on all). */
static GhHead *
train (const Refit *refit, const gboolean *left_out, GhHeadReport **report, GError **error)
{
  g_autofree float *x = g_new (float, (gsize) refit->labels->len * refit->dim);
  g_autofree double *y = g_new (double, refit->labels->len);
  g_autofree char *file = gh_encoder_file_name (refit->encoder);
  GhToolProgress progress = { 0 };
  GhHeadTrainOptions options = { .seed = (guint64) refit->o->seed, .try_mlp = !refit->o->no_mlp,
    .threads = refit->o->encoder.threads, .progress = gh_tool_progress, .progress_data = &progress, .linear = refit->o->linear };
  GhHeadData data = { 0, refit->dim, x, y, NULL, refit->kind, refit->classes ? (const char *const *) refit->classes->pdata
      : NULL, refit->task, refit->unit, gh_encoder_id (refit->encoder), file };
  GhHead *head;

  for (guint i = 0; i < refit->labels->len; i++) {
    if (left_out && left_out[i])
      continue;
    memcpy (x + (gsize) data.n * refit->dim, refit->vectors + (gsize) i * refit->dim, refit->dim * sizeof *x);
    y[data.n++] = ((Label *) refit->labels->pdata[i])->value;
  }
  head = gh_head_train (&data, &options, report, error);
  gh_tool_progress_end (&progress);
  return head;
}

/* Mean error on what was left out; classes are compared by name, since the heads may know different ones. */
static double
error_of (const Refit *refit, const GhHead *head, const gboolean *left_out)
{
  double sum = 0;
  guint n = 0;

  for (guint i = 0; i < refit->labels->len; i++) {
    const Label *label = refit->labels->pdata[i];
    GhPrediction prediction;

    if (!left_out[i])
      continue;
    n++;
    if (!gh_head_predict (head, refit->vectors + (gsize) i * refit->dim, &prediction))
      sum = INFINITY;
    else if (refit->kind == GH_HEAD_CLASS)
      sum += strcmp (gh_head_classes (head)[(int) prediction.value], label->text) != 0;
    else
      sum += gh_head_distance (refit->kind, prediction.value, label->value);
  }
  return sum / n;
}

/* Every third block of the new ones; how many. */
static guint
leave_out (const Refit *refit, gboolean *left_out)
{
  guint at = 0, n = 0;

  for (guint i = 0; i < refit->labels->len; i++) {
    if (!((Label *) refit->labels->pdata[i])->is_new)
      continue;
    left_out[i] = at++ * BLOCKS / refit->n_new % HELD_OUT == HELD_OUT - 1;
    n += left_out[i];
  }
  return n;
}

/* ---- what becomes of it ------------------------------------------------------------------------------------------------ */

static gboolean
keep_old (const Options *o, GError **error)
{
  gsize stem = strlen (o->head) - (g_str_has_suffix (o->head, ".safetensors") ? strlen (".safetensors") : 0);
  g_autofree char *path = g_strdup_printf ("%.*s.previous.safetensors", (int) stem, o->head);
  g_autoptr (GFile) from = g_file_new_for_path (o->head), to = g_file_new_for_path (path);

  return g_file_copy (from, to, G_FILE_COPY_OVERWRITE, NULL, NULL, NULL, error);
}

/* Learning takes a while: what somebody has put there since was not compared. */
static gboolean
is_as_it_was (const Refit *refit, GError **error)
{
  if (gh_file_stamp (refit->o->head) == (refit->old ? gh_head_stamp (refit->old) : 0))
    return TRUE;
  g_set_error (error, GH_ERROR, GH_ERROR_DATA, "%s was changed by somebody else while this head was learned, and is left alone: "
      "refit again", refit->o->head);
  return FALSE;
}

static void
record_frames (const Refit *refit, GhHead *head)
{
  g_autofree char **paths = g_new (char *, refit->labels->len);

  for (guint i = 0; i < refit->labels->len; i++)
    paths[i] = ((Label *) refit->labels->pdata[i])->path;
  gh_head_record_frames (head, paths, refit->labels->len);
}

static int
replace (const Refit *refit, GError **error)
{
  g_autoptr (GhHeadReport) report = NULL;
  g_autoptr (GhHead) head = refit->o->dry_run ? NULL : train (refit, NULL, &report, error);
  g_autofree char *off = NULL, *constant = NULL;

  if (head)
    record_frames (refit, head);
  if (refit->o->dry_run) {
    printf ("%s would be %s\n", refit->o->head, refit->old ? "replaced" : "made");
    return GH_EXIT_OK;
  }
  if (head == NULL || !is_as_it_was (refit, error) || (refit->old && !keep_old (refit->o, error)) || !gh_head_save (head, refit->o->head, error))
    return GH_EXIT_FAILED;
  off = gh_error_to_string (refit->kind, refit->unit, report->error, TRUE);
  constant = gh_error_to_string (refit->kind, refit->unit, report->baseline_error, TRUE);
  printf ("%s %s: %u labels, held-out error %s, of the best constant %s\n", refit->o->head, refit->old ? "replaced" : "made",
      refit->labels->len, off, constant);
  fflush (stdout);
  if (report->error >= report->baseline_error)
    g_printerr ("This head is not better than always giving the same answer: more labels may help, and labels that differ.\n");
  return GH_EXIT_OK;
}

static int
compare (const Refit *refit, GError **error)
{
  g_autofree gboolean *left_out = g_new0 (gboolean, refit->labels->len);
  guint n = leave_out (refit, left_out);
  g_autoptr (GhHead) candidate = NULL;
  g_autofree char *old_text = NULL, *new_text = NULL;
  double old_error, new_error;

  if (n < FEWEST_HELD_OUT) {
    printf ("too few: %u of them can be held out to compare heads, and it takes %d\n", n, FEWEST_HELD_OUT);
    return GH_EXIT_TOO_FEW;
  }
  candidate = train (refit, left_out, NULL, error);
  if (candidate == NULL)
    return GH_EXIT_FAILED;
  old_error = error_of (refit, refit->old, left_out);
  new_error = error_of (refit, candidate, left_out);
  old_text = gh_error_to_string (refit->kind, refit->unit, old_error, TRUE);
  new_text = gh_error_to_string (refit->kind, refit->unit, new_error, TRUE);
  printf ("on %u new labels that neither has seen: old head %s, new head %s\n", n, old_text, new_text);
  if (new_error < old_error)
    return replace (refit, error);
  printf ("%s stays\n", refit->o->head);
  return GH_EXIT_KEPT;
}

static gboolean
has_too_few (const Refit *refit)
{
  if (refit->n_new >= (guint) refit->o->min_new)
    return FALSE;
  printf ("too few: --min-new=%d\n", refit->o->min_new);
  return TRUE;
}

static int
attempt (const Options *o, const char *folder, GError **error)
{
  g_auto (Refit) refit = { o, folder };

  if (!open_head (&refit, error) || !read_labels (&refit, error))
    return GH_EXIT_FAILED;
  find_new (&refit);
  printf ("%s: %u labels of \"%s\", %u new\n", folder, refit.labels->len, refit.task, refit.n_new);
  fflush (stdout);
  if (has_too_few (&refit))
    return GH_EXIT_TOO_FEW;
  if (!embed (&refit, error))
    return GH_EXIT_FAILED;
  if (has_too_few (&refit))     /* without those whose pictures are damaged */
    return GH_EXIT_TOO_FEW;
  return refit.old ? compare (&refit, error) : replace (&refit, error);
}

/* Sleeps; FALSE after Ctrl-C. */
static gboolean
rest (double seconds)
{
  for (double slept = 0; slept < seconds; slept += 0.1) {
    if (gh_tool_is_interrupted ())
      return FALSE;
    g_usleep (100000);
  }
  return !gh_tool_is_interrupted ();
}

static int
watch (const Options *o, const char *folder)
{
  gh_tool_catch_interrupts ();
  do {
    g_autoptr (GError) error = NULL;

    attempt (o, folder, &error);
    if (error && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
      gh_tool_fail (GH_EXIT_FAILED, "%s", error->message);
    fflush (stdout);
  } while (rest (o->watch));
  return GH_EXIT_INTERRUPTED;
}

/* -1 to go on. */
static int
check_options (Options *o, int argc)
{
  g_autoptr (GError) error = NULL;
  GhHeadKind kind;

  if (argc != 2)
    return gh_tool_fail (GH_EXIT_USAGE, "the folder of one dataset is needed (see --help)");
  if (o->head == NULL)
    return gh_tool_fail (GH_EXIT_USAGE, "--head is needed: the file of the head (see --help)");
  if (o->kind_name && !gh_head_kind_from_name (o->kind_name, &kind))
    return gh_tool_fail (GH_EXIT_USAGE, "there is no kind \"%s\"; there are count, scalar, time and class", o->kind_name);
  if (o->min_new < 1)
    return gh_tool_fail (GH_EXIT_USAGE, "--min-new=%d: at least 1", o->min_new);
  if (!(o->watch >= 0))
    return gh_tool_fail (GH_EXIT_USAGE, "--watch=%g: a number of seconds", o->watch);
  if (o->crop_text && !gh_crop_parse (&o->crop, o->crop_text, &error))
    return gh_tool_fail (GH_EXIT_USAGE, "--crop: %s", error->message);
  return gh_tool_check_output (o->head);
}

int
gh_tool_refit (int argc, char **argv)
{
  g_auto (Options) options = { { 0 } };
  g_autoptr (GError) error = NULL;
  int status = parse (&options, &argc, &argv);

  if (status < 0)
    status = check_options (&options, argc);
  if (status >= 0)
    return status;
  if (!gh_tool_init_gst ())
    return GH_EXIT_FAILED;
  if (options.watch > 0)
    return watch (&options, argv[1]);
  status = attempt (&options, argv[1], &error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return gh_tool_fail (GH_EXIT_INTERRUPTED, "stopped; the head is as it was");
  return error ? gh_tool_fail (status, "%s", error->message) : status;
}
