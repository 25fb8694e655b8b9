/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstmaedecodersettings.c: see the header. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstmaedecodersettings.h"

#include "gstmaeenums.h"

enum
{
  PROP_0,
  PROP_MODEL,
  PROP_DEVICE,
  PROP_PRECISION,
  PROP_THREADS,
  PROP_MASK_RATIO,
  PROP_MASK_MODE,
  PROP_SEED,
  PROP_PANELS,
  N_SETTINGS
};

G_STATIC_ASSERT (N_SETTINGS == GST_MAE_DECODER_N_SETTINGS);

#define DEFAULT_MODEL "default"
#define DEFAULT_DEVICE GH_DEVICE_AUTO
#define DEFAULT_PRECISION GH_PRECISION_AUTO
#define DEFAULT_THREADS 0
#define DEFAULT_MASK_RATIO -1.0
#define DEFAULT_MASK_MODE GST_MAE_DECODER_CHANGING
#define DEFAULT_SEED 0
#define DEFAULT_PANELS (GST_MAE_DECODER_ORIGINAL | GST_MAE_DECODER_MASKED | GST_MAE_DECODER_COMPLETED)

#define TYPE_PANELS (panels_get_type ())
static GType
panels_get_type (void)
{
  static gsize type = 0;
  static const GFlagsValue values[] = {
    {GST_MAE_DECODER_ORIGINAL, "The frame, scaled to the model's size", "original"},
    {GST_MAE_DECODER_MASKED, "What the encoder sees of it", "masked"},
    {GST_MAE_DECODER_COMPLETED, "The same with the hidden patches as the decoder paints them", "completed"},
    {0, NULL, NULL}
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_flags_register_static ("GstMaeDecoderPanels", values));
  return type;
}

#define TYPE_MASK_MODE (mask_mode_get_type ())
static GType
mask_mode_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    {GST_MAE_DECODER_CHANGING, "Other patches in every frame", "changing"},
    {GST_MAE_DECODER_FIXED, "The same patches in all frames", "fixed"},
    {0, NULL, NULL}
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstMaeDecoderMaskMode", values));
  return type;
}

void
gst_mae_decoder_settings_install (GObjectClass *class)
{
  const GParamFlags ready = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;
  const GParamFlags playing = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

  g_object_class_install_property (class, PROP_MODEL, g_param_spec_string ("model", "Model",
          "Safetensors file of an encoder with its decoder, or the name of a shipped one", DEFAULT_MODEL, ready));
  g_object_class_install_property (class, PROP_DEVICE, g_param_spec_enum ("device", "Device", "What computes",
          GST_TYPE_MAE_DEVICE, DEFAULT_DEVICE, ready));
  g_object_class_install_property (class, PROP_PRECISION, g_param_spec_enum ("precision", "Precision",
          "Number format of the matrix products", GST_TYPE_MAE_PRECISION, DEFAULT_PRECISION, ready));
  g_object_class_install_property (class, PROP_THREADS, g_param_spec_uint ("threads", "Threads",
          "Threads that compute one frame (0 = GST_HEADS_THREADS from the environment, else one per processor)",
          0, 1024, DEFAULT_THREADS, ready));
  g_object_class_install_property (class, PROP_MASK_RATIO, g_param_spec_double ("mask-ratio", "Mask ratio",
          "Part of the patches that is hidden; at least one patch stays (-1 = the ratio the model was trained with)",
          -1, 1, DEFAULT_MASK_RATIO, playing));
  g_object_class_install_property (class, PROP_MASK_MODE, g_param_spec_enum ("mask-mode", "Mask mode",
          "Whether every frame hides patches of its own", TYPE_MASK_MODE, DEFAULT_MASK_MODE, playing));
  g_object_class_install_property (class, PROP_SEED, g_param_spec_uint64 ("seed", "Seed",
          "Where the random numbers start that choose the patches", 0, G_MAXUINT64, DEFAULT_SEED, playing));
  g_object_class_install_property (class, PROP_PANELS, g_param_spec_flags ("panels", "Panels",
          "What is shown, from left to right", TYPE_PANELS, DEFAULT_PANELS, ready));
  gst_type_mark_as_plugin_api (TYPE_PANELS, 0);
  gst_type_mark_as_plugin_api (TYPE_MASK_MODE, 0);
}

void
gst_mae_decoder_settings_init (GstMaeDecoderSettings *s)
{
  *s = (GstMaeDecoderSettings) { .model = g_strdup (DEFAULT_MODEL), .device = DEFAULT_DEVICE,
    .precision = DEFAULT_PRECISION, .threads = DEFAULT_THREADS, .mask_ratio = DEFAULT_MASK_RATIO,
    .mask_mode = DEFAULT_MASK_MODE, .seed = DEFAULT_SEED, .panels = DEFAULT_PANELS };
}

void
gst_mae_decoder_settings_clear (GstMaeDecoderSettings *s)
{
  g_free (s->model);
}

GstMaeDecoderSettings
gst_mae_decoder_settings_copy (const GstMaeDecoderSettings *settings)
{
  GstMaeDecoderSettings s = *settings;

  s.model = g_strdup (s.model);
  return s;
}

gboolean
gst_mae_decoder_settings_set (GstMaeDecoderSettings *s, guint id, const GValue *value)
{
  switch (id) {
    case PROP_MODEL:
      g_free (s->model);
      s->model = g_value_dup_string (value);
      if (!s->model || !*s->model) {
        g_free (s->model);
        s->model = g_strdup (DEFAULT_MODEL);
      }
      break;
    case PROP_DEVICE:
      s->device = g_value_get_enum (value);
      break;
    case PROP_PRECISION:
      s->precision = g_value_get_enum (value);
      break;
    case PROP_THREADS:
      s->threads = g_value_get_uint (value);
      break;
    case PROP_MASK_RATIO:
      s->mask_ratio = g_value_get_double (value);
      break;
    case PROP_MASK_MODE:
      s->mask_mode = g_value_get_enum (value);
      break;
    case PROP_SEED:
      s->seed = g_value_get_uint64 (value);
      break;
    case PROP_PANELS:
      s->panels = g_value_get_flags (value);
      break;
    default:
      return FALSE;
  }
  return TRUE;
}

gboolean
gst_mae_decoder_settings_get (const GstMaeDecoderSettings *s, guint id, GValue *value)
{
  switch (id) {
    case PROP_MODEL:
      g_value_set_string (value, s->model);
      break;
    case PROP_DEVICE:
      g_value_set_enum (value, s->device);
      break;
    case PROP_PRECISION:
      g_value_set_enum (value, s->precision);
      break;
    case PROP_THREADS:
      g_value_set_uint (value, s->threads);
      break;
    case PROP_MASK_RATIO:
      g_value_set_double (value, s->mask_ratio);
      break;
    case PROP_MASK_MODE:
      g_value_set_enum (value, s->mask_mode);
      break;
    case PROP_SEED:
      g_value_set_uint64 (value, s->seed);
      break;
    case PROP_PANELS:
      g_value_set_flags (value, s->panels);
      break;
    default:
      return FALSE;
  }
  return TRUE;
}
