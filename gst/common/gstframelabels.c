/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstframelabels.c: see gstframelabels.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstframelabels.h"

void
gst_frame_labels_meta_register (void)
{
  static gsize registered;
  static const gchar *tags[] = { NULL };

  if (g_once_init_enter (&registered)) {
    if (!gst_meta_get_info (GST_FRAME_LABELS_META_NAME))
      gst_meta_register_custom (GST_FRAME_LABELS_META_NAME, tags, NULL, NULL, NULL);
    g_once_init_leave (&registered, 1);
  }
}

static gboolean
copy_field (GQuark field, const GValue *value, gpointer to)
{
  gst_structure_id_set_value (to, field, value);
  return TRUE;
}

void
gst_buffer_add_frame_labels (GstBuffer *buffer, const GstStructure *labels)
{
  gst_frame_labels_meta_register ();
  gst_structure_foreach (labels, copy_field,
      gst_custom_meta_get_structure (gst_buffer_add_custom_meta (buffer, GST_FRAME_LABELS_META_NAME)));
}
