/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstdatasetplan.c: see gstdatasetplan.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstdatasetplan.h"

#include "catalogue.h"
#include "models/gh-random.h"

#include <math.h>

static void
clear_frame (gpointer data)
{
  GstDatasetFrame *frame = data;

  g_free (frame->file);
  g_free (frame->source);
  g_clear_pointer (&frame->labels, gst_structure_free);
}

/* ---- choosing --------------------------------------------------------------------------------------------------------- */

typedef struct {
  const GstDatasetChoice *choice;
  Catalogue *catalogue;
  GArray *frames;
  GError *error;
} Search;

/* *at stays as it is when text is NULL. */
static gboolean
parse_time (const gchar *property, const gchar *text, gint64 *at, GError **error)
{
  if (text == NULL || catalogue_parse_time (text, at))
    return TRUE;
  g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS, "%s=%s is no time; 2026-01-31T07:00:00Z is one",
      property, text);
  return FALSE;
}

/* The blocks for testing are spread evenly: where a line that rises by the share for each block passes a whole number. */
gboolean
gst_dataset_plan_is_test (const GstDatasetChoice *choice, gint64 captured_at)
{
  gdouble block = floor (captured_at / (gdouble) MAX (choice->split_block / GST_USECOND, 1));

  return floor ((block + 1) * choice->split_test) > floor (block * choice->split_test);
}

static void
take_label (const CatalogueLabel *label, gpointer data)
{
  GstStructure **labels = data;

  if (*labels == NULL)
    *labels = gst_structure_new_empty ("labels");
  gst_structure_set (*labels, label->task, G_TYPE_STRING, label->value, NULL);
}

static gboolean
take_row (const CatalogueRow *row, gpointer data)
{
  Search *search = data;
  const GstDatasetChoice *choice = search->choice;
  GstDatasetFrame frame = { NULL };

  if (choice->split != GST_DATASET_WHOLE
      && gst_dataset_plan_is_test (choice, row->captured_at) != (choice->split == GST_DATASET_TEST))
    return TRUE;
  if (!catalogue_each_label (search->catalogue, row->id, take_label, &frame.labels, &search->error)) {
    clear_frame (&frame);
    return FALSE;
  }
  frame.file = g_build_filename (catalogue_folder (search->catalogue), row->path, NULL);
  frame.source = g_strdup (row->source);
  frame.captured_at = row->captured_at;
  g_array_append_val (search->frames, frame);
  return TRUE;
}

GArray *
gst_dataset_plan (const GstDatasetChoice *choice, GError **error)
{
  g_autoptr (GError) problem = NULL;
  Search search = { choice, NULL, NULL, NULL };
  CatalogueFilter filter = CATALOGUE_ANY;
  gboolean read;

  if (!parse_time ("after", choice->after, &filter.after, error)
      || !parse_time ("before", choice->before, &filter.before, error))
    return NULL;
  filter.source = choice->source;
  filter.labeling = choice->labeled == GST_DATASET_LABELED ? CATALOGUE_LABELED
      : choice->labeled == GST_DATASET_UNLABELED ? CATALOGUE_UNLABELED : CATALOGUE_ALL;
  search.catalogue = catalogue_open_read (choice->location, &problem);
  if (search.catalogue == NULL) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ, "%s. Set the property 'location' to a folder that "
        "dataset-sink filled", problem->message);
    return NULL;
  }
  search.frames = g_array_new (FALSE, FALSE, sizeof (GstDatasetFrame));
  g_array_set_clear_func (search.frames, clear_frame);
  read = catalogue_each_matching (search.catalogue, &filter, take_row, &search, &problem) && search.error == NULL;
  catalogue_close (search.catalogue);
  if (!read) {
    g_set_error_literal (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ,
        (search.error ? search.error : problem)->message);
  } else if (search.frames->len == 0) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND, "%s holds no frame that fits. \"gst-heads dataset "
        "list\" shows those it holds; source, after, before, labeled and split leave out the others", choice->location);
    read = FALSE;
  }
  g_clear_error (&search.error);
  if (!read)
    g_clear_pointer (&search.frames, g_array_unref);
  return search.frames;
}

/* ---- the order -------------------------------------------------------------------------------------------------------- */

guint
gst_dataset_plan_shuffled (guint i, guint n, guint64 seed, guint epoch)
{
  return (guint) gh_permute (i, n, gh_splitmix_substream (gh_splitmix_stream (seed, "dataset-src"), epoch));
}
