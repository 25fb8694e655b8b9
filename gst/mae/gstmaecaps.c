/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstmaecaps.c: keeps the frame rate, takes the rest from the encoder. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstmaecaps.h"

#include "gst/lib/gstmaeembeddingcaps.h"

gboolean
gst_mae_caps_is_video (const GstStructure *structure)
{
  return gst_structure_has_name (structure, "video/x-raw");
}

static GstCaps *
tensors_for_video (const GhEncoder *encoder, const GstStructure *video)
{
  const GValue *framerate = gst_structure_get_value (video, "framerate");
  GstCaps *caps;

  if (encoder) {
    g_autofree gchar *file = g_path_get_basename (gh_encoder_path (encoder));

    caps = gst_mae_embedding_caps_new (gh_encoder_config (encoder)->embedding, gh_encoder_id (encoder), file, 0, 1);
    gst_caps_set_simple (caps, "framerate", GST_TYPE_FRACTION_RANGE, 0, 1, G_MAXINT, 1, NULL);
  } else {
    caps = gst_caps_from_string (GST_MAE_EMBEDDING_CAPS);
  }
  if (framerate)
    gst_caps_set_value (caps, "framerate", framerate);
  return caps;
}

static GstCaps *
video_for_tensors (const GstStructure *tensors)
{
  const GValue *framerate = gst_structure_get_value (tensors, "framerate");
  GstCaps *caps = gst_caps_from_string (GST_MAE_ENCODER_VIDEO_CAPS);

  if (framerate)
    gst_caps_set_value (caps, "framerate", framerate);
  return caps;
}

static gboolean
is_off_device (GstCapsFeatures *features, GstStructure *structure, gpointer unused)
{
  return gst_caps_features_is_any (features) || !gst_caps_features_contains (features, GST_MAE_CUDA_FEATURE);
}

GstCaps *
gst_mae_caps_transform (const GhEncoder *encoder, gboolean on_device, GstPadDirection direction, const GstCaps *caps)
{
  GstCaps *result = gst_caps_new_empty ();

  for (guint i = 0; i < gst_caps_get_size (caps); i++) {
    if (gst_mae_caps_is_video (gst_caps_get_structure (caps, i)))
      result = gst_caps_merge (result, gst_caps_copy_nth (caps, i));
  }
  for (guint i = 0; i < gst_caps_get_size (caps); i++) {
    const GstStructure *structure = gst_caps_get_structure (caps, i);

    if (direction == GST_PAD_SINK && gst_mae_caps_is_video (structure))
      result = gst_caps_merge (result, tensors_for_video (encoder, structure));
    else if (direction == GST_PAD_SRC && !gst_mae_caps_is_video (structure))
      result = gst_caps_merge (result, video_for_tensors (structure));
  }
  if (!on_device)
    gst_caps_filter_and_map_in_place (result, is_off_device, NULL);
  return result;
}
