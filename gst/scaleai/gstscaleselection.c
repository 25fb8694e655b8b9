/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstscaleselection.c: see gstscaleselection.h. */
#include "gstscaleselection.h"

#include "gst/lib/gstheadpredictionsmeta.h"
#include "gst/lib/gstmaeembeddingmeta.h"
#include "models/gh-budget.h"
#include "models/gh-novelty.h"

#include <math.h>

/* Embeddings to compare with: 4 MB of 512 numbers, and a fraction of a millisecond a frame. */
enum { MOST_CHOSEN = 2048 };

struct _GstScaleSelection {
  GstElement *element;
  GstDatasetWriter *writer;
  gchar *service, *project;
  GstScaleSelectionSettings set;
  GhBudget *budget;             /* or NULL */
  GhNovelty *novelty;           /* of the encoder below; or NULL */
  gchar *model_id;
  guint dim;
  gint64 last;                  /* chosen; microseconds since 1970, or 0 */
  gboolean warned;
};

GType
gst_scale_select_get_type (void)
{
  static const GEnumValue values[] = {
    { GST_SCALE_SELECT_ALL, "Every frame", "all" },
    { GST_SCALE_SELECT_INTERVAL, "One in select-interval", "interval" },
    { GST_SCALE_SELECT_NOVELTY, "Those most unlike all that were chosen (after mae-encoder)", "novelty" },
    { GST_SCALE_SELECT_UNCERTAINTY, "Those the heads are least sure of (after head-predict)", "uncertainty" },
    { 0, NULL, NULL }
  };
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstScaleSelect", values));
  return (GType) type;
}

/* ---- what was chosen before ---------------------------------------------------------------------------------------------- */

static void
remember_time (const CatalogueChosen *chosen, gpointer data)
{
  GstScaleSelection *selection = data;

  if (chosen->at > g_get_real_time () + G_TIME_SPAN_DAY)        /* the clock was ahead: nobody knows when that was */
    return;
  if (selection->budget)
    gh_budget_remember (selection->budget, chosen->at);
  selection->last = MAX (selection->last, chosen->at);
}

static void
remember_embedding (const CatalogueChosen *chosen, gpointer data)
{
  GstScaleSelection *selection = data;
  g_autofree gfloat *values = NULL;

  if (g_strcmp0 (chosen->model_id, selection->model_id) != 0 || chosen->embedding_bytes != selection->dim * sizeof (gfloat))
    return;
  values = g_memdup2 (chosen->embedding, chosen->embedding_bytes);
  gh_novelty_see (selection->novelty, values);
  gh_novelty_choose (selection->novelty, values);
}

static gboolean
look_back (GstScaleSelection *selection, void (*visit) (const CatalogueChosen *chosen, gpointer data), GError **error)
{
  CatalogueDestination to = { selection->service, selection->project };
  gboolean read = catalogue_each_chosen (gst_dataset_writer_borrow (selection->writer), &to, MAX (MOST_CHOSEN,
          selection->set.budget), visit, selection, error);

  gst_dataset_writer_give_back (selection->writer);
  return read;
}

GstScaleSelection *
gst_scale_selection_new (GstElement *element, GstDatasetWriter *writer, const CatalogueDestination *to,
    const GstScaleSelectionSettings *settings, GError **error)
{
  GstScaleSelection *selection;
  gboolean ranks = settings->select == GST_SCALE_SELECT_NOVELTY || settings->select == GST_SCALE_SELECT_UNCERTAINTY;

  if (ranks && settings->budget == 0) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS, "select=%s chooses the best for a budget: set budget to "
        "the frames that may be uploaded in a day", settings->select == GST_SCALE_SELECT_NOVELTY ? "novelty" : "uncertainty");
    return NULL;
  }
  selection = g_new0 (GstScaleSelection, 1);
  selection->element = element;
  selection->writer = writer;
  selection->service = g_strdup (to->service);
  selection->project = g_strdup (to->project);
  selection->set = *settings;
  if (settings->budget > 0)
    selection->budget = gh_budget_new (settings->budget);
  if (look_back (selection, remember_time, error))
    return selection;
  gst_scale_selection_free (selection);
  return NULL;
}

void
gst_scale_selection_free (GstScaleSelection *selection)
{
  if (selection == NULL)
    return;
  gh_budget_free (selection->budget);
  gh_novelty_free (selection->novelty);
  g_free (selection->model_id);
  g_free (selection->service);
  g_free (selection->project);
  g_free (selection);
}

/* ---- scores -------------------------------------------------------------------------------------------------------------- */

static void
warn (GstScaleSelection *selection, const gchar *text)
{
  if (!selection->warned)
    GST_ELEMENT_WARNING (selection->element, STREAM, FORMAT, ("No frame is chosen: %s", text), (NULL));
  selection->warned = TRUE;
}

/* Another encoder has other embeddings: it begins with those of its own. */
static void
follow_encoder (GstScaleSelection *selection, const GstMaeEmbedding *embedding)
{
  g_autoptr (GError) error = NULL;

  if (selection->novelty && g_strcmp0 (selection->model_id, embedding->model_id) == 0 && selection->dim == (guint) embedding->dim)
    return;
  gh_novelty_free (selection->novelty);
  g_free (selection->model_id);
  selection->dim = (guint) embedding->dim;
  selection->model_id = g_strdup (embedding->model_id);
  selection->novelty = gh_novelty_new (selection->dim, MOST_CHOSEN);
  if (!look_back (selection, remember_embedding, &error))
    GST_WARNING_OBJECT (selection->element, "%s", error->message);
}

static gboolean
choose_novel (GstScaleSelection *selection, GstBuffer *frame, gint64 now)
{
  GstMaeEmbedding embedding;
  g_autofree gfloat *values = NULL;
  gsize n;

  if (!gst_buffer_get_mae_embedding (frame, &embedding) || !(values = gst_mae_embedding_dup_values (&embedding, &n))) {
    warn (selection, "select=novelty looks at embeddings, and this frame has none; put mae-encoder before");
    return FALSE;
  }
  follow_encoder (selection, &embedding);
  if (!gh_budget_offer (selection->budget, gh_novelty_of (selection->novelty, values), now))
    return FALSE;
  gh_novelty_choose (selection->novelty, values);
  return TRUE;
}

/* How far this head is from the ones before it that answer the same question. */
static gdouble
disagreement (GstBuffer *frame, guint n, const GstHeadPrediction *one)
{
  gdouble most = NAN;

  for (guint i = 0; i < n; i++) {
    GstHeadPrediction other;

    if (gst_buffer_nth_head_prediction (frame, i, &other) && g_strcmp0 (other.kind, one->kind) == 0
        && g_strcmp0 (other.unit, one->unit) == 0)
      most = fmax (most, 2 * fabs (one->value - other.value) / (1 + fabs (one->value) + fabs (other.value)));
  }
  return most;
}

static gdouble
uncertainty (GstBuffer *frame)
{
  guint n = gst_buffer_n_head_predictions (frame);
  gdouble most = NAN;

  for (guint i = 0; i < n; i++) {
    GstHeadPrediction one;

    if (!gst_buffer_nth_head_prediction (frame, i, &one))
      continue;
    most = fmax (most, isnan (one.confidence) ? disagreement (frame, i, &one) : 1 - one.confidence);
  }
  return most;
}

static gboolean
choose_uncertain (GstScaleSelection *selection, GstBuffer *frame, gint64 now)
{
  gdouble score = uncertainty (frame);

  if (isnan (score))
    warn (selection, "select=uncertainty looks at predictions with a confidence, or of two heads that answer the same "
        "question, and this frame has none; put head-predict before");
  return gh_budget_offer (selection->budget, score, now);
}

/* The first that comes, as long as the budget lasts. */
static gboolean
choose_any (GstScaleSelection *selection, gint64 now)
{
  if (selection->set.select == GST_SCALE_SELECT_INTERVAL && selection->last > 0 && now >= selection->last
      && now - selection->last < (gint64) (selection->set.interval / GST_USECOND))
    return FALSE;
  if (selection->budget == NULL)
    return TRUE;
  if (gh_budget_used (selection->budget, now) >= selection->set.budget)
    return FALSE;
  gh_budget_remember (selection->budget, now);
  return TRUE;
}

gboolean
gst_scale_selection_choose (GstScaleSelection *selection, GstBuffer *frame, gint64 now)
{
  gboolean chosen = selection->set.select == GST_SCALE_SELECT_NOVELTY ? choose_novel (selection, frame, now)
      : selection->set.select == GST_SCALE_SELECT_UNCERTAINTY ? choose_uncertain (selection, frame, now)
      : choose_any (selection, now);

  if (chosen)
    selection->last = now;
  return chosen;
}
