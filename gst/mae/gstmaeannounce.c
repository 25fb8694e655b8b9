/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstmaeannounce.c: see the header. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstmaeannounce.h"

void
gst_mae_announce (GstElement *element, const GhEncoder *encoder, const gchar *name, const gchar *untrained)
{
  const GhMaeConfig *config = gh_encoder_config (encoder);
  gboolean trained = gh_encoder_is_trained (encoder);

  GST_ELEMENT_INFO (element, RESOURCE, SETTINGS, ("%s%s%s", gh_encoder_reason (encoder), trained ? "" : "; ", trained
          ? "" : untrained), ("%s (%s)", gh_encoder_path (encoder), gh_encoder_id (encoder)));

  gst_element_post_message (element, gst_message_new_element (GST_OBJECT (element), gst_structure_new (name,
              "model", G_TYPE_STRING, gh_encoder_path (encoder),
              "model-id", G_TYPE_STRING, gh_encoder_id (encoder),
              "device", G_TYPE_STRING, gh_encoder_device (encoder),
              "precision", G_TYPE_STRING, gh_encoder_precision (encoder),
              "reason", G_TYPE_STRING, gh_encoder_reason (encoder),
              "width", G_TYPE_INT, config->width, "height", G_TYPE_INT, config->height,
              "embedding", G_TYPE_INT, config->embedding, "trained", G_TYPE_BOOLEAN, trained, NULL)));
}
