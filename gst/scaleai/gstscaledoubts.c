/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstscaledoubts.c: see gstscaledoubts.h. */
#include "gstscaledoubts.h"

enum { DOUBTS_OF_A_HALT = 3, MOST_DOUBTS = 32 };

typedef struct {
  gchar *reference, *frame, *problem;
  gboolean spare;               /* it has a second chance */
} Doubt;

struct _GstScaleDoubts {
  GArray *list;                 /* of Doubt */
  gboolean halted;              /* since a task was made */
  gboolean forgivable;          /* since the last forgiving */
};

static void
clear_doubt (gpointer data)
{
  Doubt *doubt = data;

  g_free (doubt->reference);
  g_free (doubt->frame);
  g_free (doubt->problem);
}

GstScaleDoubts *
gst_scale_doubts_new (void)
{
  GstScaleDoubts *doubts = g_new0 (GstScaleDoubts, 1);

  doubts->list = g_array_new (FALSE, FALSE, sizeof (Doubt));
  g_array_set_clear_func (doubts->list, clear_doubt);
  return doubts;
}

void
gst_scale_doubts_free (GstScaleDoubts *doubts)
{
  g_array_unref (doubts->list);
  g_free (doubts);
}

static Doubt *
nth (const GstScaleDoubts *doubts, guint i)
{
  return &g_array_index (doubts->list, Doubt, i);
}

/* Its place, or the size. */
static guint
find (const GstScaleDoubts *doubts, const gchar *reference)
{
  guint i = 0;

  while (i < doubts->list->len && !g_str_equal (nth (doubts, i)->reference, reference))
    i++;
  return i;
}

static guint
count (const GstScaleDoubts *doubts)
{
  guint n = 0;

  for (guint i = 0; i < doubts->list->len; i++)
    n += !nth (doubts, i)->spare;
  return n;
}

GstScaleDoubt
gst_scale_doubts_refused (GstScaleDoubts *doubts, const gchar *reference, const gchar *frame, const gchar *problem)
{
  guint at = find (doubts, reference);
  Doubt one = { g_strdup (reference), g_strdup (frame), g_strdup (problem), FALSE };

  if (at < doubts->list->len) { /* a second time, and a task was made in between */
    g_array_remove_index (doubts->list, at);
    clear_doubt (&one);
    return GST_SCALE_OWN_FAULT;
  }
  if (doubts->list->len >= MOST_DOUBTS)
    g_array_set_size (doubts->list, 0);
  g_array_append_val (doubts->list, one);
  return count (doubts) >= DOUBTS_OF_A_HALT ? GST_SCALE_NOTHING_IS_TAKEN : GST_SCALE_DOUBTED;
}

void
gst_scale_doubts_taken (GstScaleDoubts *doubts, const gchar *reference,
    void (*visit) (const gchar *reference, const gchar *frame, const gchar *problem, gpointer data), gpointer data)
{
  guint at = find (doubts, reference);

  if (at < doubts->list->len)
    g_array_remove_index (doubts->list, at);
  for (guint i = doubts->list->len; i > 0; i--) {
    Doubt *doubt = nth (doubts, i - 1);

    if (doubts->halted) {
      doubt->spare = TRUE;
    } else if (!doubt->spare) {
      visit (doubt->reference, doubt->frame, doubt->problem, data);
      g_array_remove_index (doubts->list, i - 1);
    }
  }
  doubts->halted = doubts->forgivable = FALSE;
}

void
gst_scale_doubts_halted (GstScaleDoubts *doubts)
{
  doubts->halted = doubts->forgivable = TRUE;
}

gboolean
gst_scale_doubts_forgive (GstScaleDoubts *doubts)
{
  if (!doubts->forgivable)
    return FALSE;
  doubts->forgivable = FALSE;
  g_array_set_size (doubts->list, 0);
  return TRUE;
}

gboolean
gst_scale_doubts_holds (const GstScaleDoubts *doubts, const gchar *reference)
{
  guint at = find (doubts, reference);

  return at < doubts->list->len && !nth (doubts, at)->spare;
}

guint
gst_scale_doubts_size (const GstScaleDoubts *doubts)
{
  return doubts->list->len;
}
