/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstheadslotmessage.c: see the header. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstheadslotmessage.h"

void
gst_head_slot_post_heads (GstHeadSlot *slot, GstElement *element)
{
  g_autoptr (GstHeadSet) set = gst_head_slot_acquire (slot);
  g_autofree gchar *heads = gst_head_slot_dup_heads (slot);
  g_autoptr (GString) ids = g_string_new (NULL);

  if (set == NULL)              /* not started: nothing answers yet */
    return;
  for (guint i = 0; i < gst_head_set_size (set); i++)
    g_string_append_printf (ids, "%s%s", i ? "," : "", gh_head_id (gst_head_set_get (set, i)));
  gst_element_post_message (element, gst_message_new_element (GST_OBJECT (element), gst_structure_new ("heads-changed",
              "heads", G_TYPE_STRING, heads, "ids", G_TYPE_STRING, ids->str, NULL)));
}
