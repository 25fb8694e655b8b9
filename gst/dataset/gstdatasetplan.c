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
  gint64 after, before;         /* captured_at is within [after, before) */
  GArray *frames;
  GError *error;
} Search;

/* *at stays as it is when text is NULL. */
static gboolean
parse_time (const gchar *property, const gchar *text, gint64 *at, GError **error)
{
  g_autoptr (GTimeZone) utc = g_time_zone_new_utc ();
  g_autoptr (GDateTime) time = text ? g_date_time_new_from_iso8601 (text, utc) : NULL;

  if (text && !time) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS, "%s=%s is no time; 2026-01-31T07:00:00Z is one",
        property, text);
    return FALSE;
  }
  if (time)
    *at = g_date_time_to_unix (time) * G_USEC_PER_SEC + g_date_time_get_microsecond (time);
  return TRUE;
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
is_chosen (const Search *search, const CatalogueRow *row)
{
  const GstDatasetChoice *choice = search->choice;

  return (!choice->source || g_str_equal (choice->source, row->source))
      && row->captured_at >= search->after && row->captured_at < search->before
      && (choice->split == GST_DATASET_WHOLE
          || gst_dataset_plan_is_test (choice, row->captured_at) == (choice->split == GST_DATASET_TEST));
}

static gboolean
take_row (const CatalogueRow *row, gpointer data)
{
  Search *search = data;
  GstDatasetFrame frame = { NULL };

  if (!is_chosen (search, row))
    return TRUE;
  if (!catalogue_each_label (search->catalogue, row->id, take_label, &frame.labels, &search->error)) {
    clear_frame (&frame);
    return FALSE;
  }
  if (search->choice->labeled != GST_DATASET_ALL
      && (frame.labels != NULL) != (search->choice->labeled == GST_DATASET_LABELED)) {
    clear_frame (&frame);
    return TRUE;
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
  Search search = { choice, NULL, G_MININT64, G_MAXINT64, NULL, NULL };
  gboolean read;

  if (!parse_time ("after", choice->after, &search.after, error)
      || !parse_time ("before", choice->before, &search.before, error))
    return NULL;
  search.catalogue = catalogue_open_read (choice->location, &problem);
  if (search.catalogue == NULL) {
    g_set_error_literal (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ, problem->message);
    return NULL;
  }
  search.frames = g_array_new (FALSE, FALSE, sizeof (GstDatasetFrame));
  g_array_set_clear_func (search.frames, clear_frame);
  read = catalogue_each (search.catalogue, take_row, &search, &problem) && search.error == NULL;
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
