/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstheadslotmessage.c: see the header. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstheadslotmessage.h"

/* The ids of a set, with commas between. */
static gchar *
join_ids (const GstHeadSet *set)
{
  GString *ids = g_string_new (NULL);

  for (guint i = 0; i < gst_head_set_size (set); i++)
    g_string_append_printf (ids, "%s%s", i ? "," : "", gh_head_id (gst_head_set_get (set, i)));
  return g_string_free (ids, FALSE);
}

void
gst_head_change_post (const GstHeadChange *change, GstElement *element, const GError *refusal)
{
  g_autofree gchar *ids = NULL, *old_ids = NULL;
  GstStructure *said;

  if (change->before == NULL || change->after == NULL)  /* not started: nothing answers yet */
    return;
  ids = join_ids (change->after);
  old_ids = join_ids (change->before);
  said = gst_structure_new (refusal ? "heads-refused" : "heads-changed", "heads", G_TYPE_STRING, change->heads, "ids",
      G_TYPE_STRING, ids, "old-ids", G_TYPE_STRING, old_ids, NULL);
  if (refusal)
    gst_structure_set (said, "reason", G_TYPE_STRING, refusal->message, NULL);
  gst_element_post_message (element, gst_message_new_element (GST_OBJECT (element), said));
}
