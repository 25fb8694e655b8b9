/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstheadunlike.c: see the header. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstheadunlike.h"

void
gst_head_unlike_reset (GstHeadUnlike *unlike, guint heads)
{
  g_free (unlike->rows);
  unlike->rows = g_new0 (guint, heads);
  unlike->heads = heads;
}

void
gst_head_unlike_clear (GstHeadUnlike *unlike)
{
  g_clear_pointer (&unlike->rows, g_free);
  unlike->heads = 0;
}

static void
warn (GstElement *element, const GhHead *head, gdouble strangeness)
{
  GST_ELEMENT_WARNING (element, STREAM, FAILED, ("The last %d frames are unlike those that the head '%s' (%s) learned from "
          "(%.1f deviations away, where 1 is usual), so its answers mean little. Show it the same camera, crop and shape of "
          "the picture, or train a head for these.", GST_HEAD_UNLIKE_PATIENCE, gh_head_name (head), gh_head_path (head),
          strangeness), (NULL));
}

/* A full row stays: its head is named once. */
gboolean
gst_head_unlike_see (GstHeadUnlike *unlike, const GstHeadSet *set, const gfloat *embedding, GstElement *element)
{
  gboolean far = FALSE;

  for (guint i = 0; i < unlike->heads; i++) {
    const GhHead *head = gst_head_set_get (set, i);
    gdouble strangeness = gh_head_strangeness (head, embedding);

    far |= strangeness > GH_HEAD_STRANGE;
    if (unlike->rows[i] == GST_HEAD_UNLIKE_PATIENCE)
      continue;
    unlike->rows[i] = strangeness > GH_HEAD_STRANGE ? unlike->rows[i] + 1 : 0;
    if (unlike->rows[i] == GST_HEAD_UNLIKE_PATIENCE)
      warn (element, head, strangeness);
  }
  return far;
}
