/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstheadsamples.c: see the header. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstheadsamples.h"

#include <string.h>

/* What a head says of an encoder whose file nobody knows. */
#define UNKNOWN_FILE "unknown"

void
gst_head_samples_init (GstHeadSamples *samples)
{
  *samples = (GstHeadSamples) {
    .embeddings = g_array_new (FALSE, FALSE, sizeof (gfloat)),
    .labels = g_array_new (FALSE, FALSE, sizeof (gdouble)),
    .times = g_array_new (FALSE, FALSE, sizeof (GstClockTime)),
    .names = g_ptr_array_new_with_free_func (g_free),
  };
}

void
gst_head_samples_clear (GstHeadSamples *samples)
{
  g_array_unref (samples->embeddings);
  g_array_unref (samples->labels);
  g_array_unref (samples->times);
  g_ptr_array_unref (samples->names);
  g_free (samples->model_id);
  g_free (samples->encoder_file);
  *samples = (GstHeadSamples) { 0 };
}

void
gst_head_samples_reset (GstHeadSamples *samples)
{
  gst_head_samples_clear (samples);
  gst_head_samples_init (samples);
}

guint
gst_head_samples_count (const GstHeadSamples *samples)
{
  return samples->labels->len;
}

gboolean
gst_head_samples_fit (const GstHeadSamples *samples, const GstMaeEmbedding *embedding)
{
  return samples->dim == 0 || (samples->dim == embedding->dim
      && g_strcmp0 (samples->model_id, embedding->model_id) == 0);
}

static gdouble
place_of_name (GstHeadSamples *samples, const gchar *name)
{
  guint place;

  if (!g_ptr_array_find_with_equal_func (samples->names, name, g_str_equal, &place)) {
    place = samples->names->len;
    g_ptr_array_add (samples->names, g_strdup (name));
  }
  return place;
}

static void
forget_oldest (GstHeadSamples *samples, guint n)
{
  g_array_remove_range (samples->embeddings, 0, n * samples->dim);
  g_array_remove_range (samples->labels, 0, n);
  g_array_remove_range (samples->times, 0, n);
}

gboolean
gst_head_samples_add (GstHeadSamples *samples, const GstMaeEmbedding *embedding, const GstLabel *label,
    GstClockTime time, guint most)
{
  guint n = gst_head_samples_count (samples);
  gdouble number = label->name ? place_of_name (samples, label->name) : label->number;

  if (samples->dim == 0) {
    samples->dim = embedding->dim;
    samples->model_id = g_strdup (embedding->model_id);
    samples->encoder_file = g_strdup (embedding->encoder_file);
  }
  g_array_set_size (samples->embeddings, (n + 1) * samples->dim);
  if (gst_mae_embedding_get_values (embedding, &g_array_index (samples->embeddings, gfloat, n * samples->dim),
          samples->dim) != samples->dim) {
    g_array_set_size (samples->embeddings, n * samples->dim);
    return FALSE;
  }
  g_array_append_val (samples->labels, number);
  g_array_append_val (samples->times, time);
  if (most > 0 && n + 1 > most)
    forget_oldest (samples, n + 1 - most);
  return TRUE;
}

static int
compare_names (const void *a, const void *b)
{
  return strcmp (*(gchar *const *) a, *(gchar *const *) b);
}

/* Those that are in use, sorted; labels become their places in it. */
static void
sort_classes (GstHeadTrainingSet *set, const GPtrArray *names)
{
  g_autofree gboolean *used = g_new0 (gboolean, names->len + 1);
  guint n = 0;

  for (gint i = 0; i < set->data.n; i++)
    used[(gint) set->labels[i]] = TRUE;
  set->classes = g_new0 (gchar *, names->len + 1);
  for (guint i = 0; i < names->len; i++) {
    if (used[i])
      set->classes[n++] = g_strdup (names->pdata[i]);
  }
  qsort (set->classes, n, sizeof *set->classes, compare_names);
  for (gint i = 0; i < set->data.n; i++) {
    const gchar *name = names->pdata[(gint) set->labels[i]];
    guint place = 0;

    while (strcmp (set->classes[place], name) != 0)
      place++;
    set->labels[i] = place;
  }
}

static gint *
group_by_time (const GArray *times, GstClockTime duration)
{
  gint *groups = g_new (gint, times->len + 1);

  for (guint i = 0; i < times->len; i++) {
    GstClockTime time = g_array_index (times, GstClockTime, i);

    groups[i] = GST_CLOCK_TIME_IS_VALID (time) ? (gint) (time / duration) : -1 - (gint) i;
  }
  return groups;
}

GstHeadTrainingSet *
gst_head_training_set_new (const GstHeadSamples *samples, GhHeadKind kind, const gchar *task, const gchar *unit,
    GstClockTime group_duration)
{
  GstHeadTrainingSet *set = g_new0 (GstHeadTrainingSet, 1);
  guint n = gst_head_samples_count (samples);

  set->embeddings = g_memdup2 (samples->embeddings->data, (gsize) n * samples->dim * sizeof (gfloat));
  set->labels = g_memdup2 (samples->labels->data, n * sizeof (gdouble));
  set->task = g_strdup (task);
  set->unit = g_strdup (unit);
  set->model_id = g_strdup (samples->model_id);
  set->encoder_file = g_strdup (samples->encoder_file ? samples->encoder_file : UNKNOWN_FILE);
  set->data.n = n;
  if (kind == GH_HEAD_CLASS)
    sort_classes (set, samples->names);
  if (group_duration > 0)
    set->groups = group_by_time (samples->times, group_duration);
  set->data = (GhHeadData) { n, samples->dim, set->embeddings, set->labels, set->groups, kind,
    (const char *const *) set->classes, set->task, set->unit, set->model_id, set->encoder_file
  };
  return set;
}

void
gst_head_training_set_free (GstHeadTrainingSet *set)
{
  if (!set)
    return;
  g_free (set->embeddings);
  g_free (set->labels);
  g_free (set->groups);
  g_strfreev (set->classes);
  g_free (set->task);
  g_free (set->unit);
  g_free (set->model_id);
  g_free (set->encoder_file);
  g_free (set);
}
