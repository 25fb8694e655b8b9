/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstmaeencodersettings.c: see the header. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstmaeencodersettings.h"

#include "gstmaeenums.h"

enum
{
  PROP_0,
  PROP_MODEL,
  PROP_DEVICE,
  PROP_PRECISION,
  PROP_THREADS,
  PROP_INTERVAL,
  PROP_TOKENS,
  PROP_MAX_LATENESS,
  PROP_OVERLAP,
  N_SETTINGS
};

G_STATIC_ASSERT (N_SETTINGS == GST_MAE_ENCODER_N_SETTINGS);

#define DEFAULT_MODEL "default"
#define DEFAULT_DEVICE GH_DEVICE_AUTO
#define DEFAULT_PRECISION GH_PRECISION_AUTO
#define DEFAULT_THREADS 0
#define DEFAULT_INTERVAL 0
#define DEFAULT_TOKENS FALSE
#define DEFAULT_MAX_LATENESS (20 * GST_MSECOND)
#define DEFAULT_OVERLAP FALSE

void
gst_mae_encoder_settings_install (GObjectClass *class)
{
  const GParamFlags ready = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;
  const GParamFlags playing = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

  g_object_class_install_property (class, PROP_MODEL, g_param_spec_string ("model", "Model",
          "Safetensors file of the encoder, or the name of a shipped one. Elements that name the same file share its "
          "weights.", DEFAULT_MODEL, ready));
  g_object_class_install_property (class, PROP_DEVICE, g_param_spec_enum ("device", "Device",
          "What computes; which one 'auto' took, and why, is in the message mae-encoder-ready and in stats",
          GST_TYPE_MAE_DEVICE, DEFAULT_DEVICE, ready));
  g_object_class_install_property (class, PROP_PRECISION, g_param_spec_enum ("precision", "Precision",
          "Number format of the matrix products; all but f32 trade a little exactness for speed",
          GST_TYPE_MAE_PRECISION, DEFAULT_PRECISION, ready));
  g_object_class_install_property (class, PROP_THREADS, g_param_spec_uint ("threads", "Threads",
          "Threads that compute one frame (0 = GST_HEADS_THREADS from the environment, else one per processor)",
          0, 1024, DEFAULT_THREADS, ready));
  g_object_class_install_property (class, PROP_INTERVAL, g_param_spec_uint64 ("interval", "Interval",
          "Nanoseconds of running time from one encoded frame to the next (0 = every frame); frames in between pass "
          "without an embedding, or are dropped where downstream takes other/tensors",
          0, G_MAXINT64, DEFAULT_INTERVAL, playing));
  g_object_class_install_property (class, PROP_TOKENS, g_param_spec_boolean ("tokens", "Tokens",
          "Attach, beside the embedding, one vector per patch of the picture (the encoder's output grid)",
          DEFAULT_TOKENS, ready));
  g_object_class_install_property (class, PROP_MAX_LATENESS, g_param_spec_uint64 ("max-lateness", "Max lateness",
          "Nanoseconds that a frame of a live source may arrive late and still be encoded; later ones are skipped so "
          "that latency stays bounded (18446744073709551615 = encode every frame and fall behind)",
          0, GST_CLOCK_TIME_NONE, DEFAULT_MAX_LATENESS, playing));
  g_object_class_install_property (class, PROP_OVERLAP, g_param_spec_boolean ("overlap", "Overlap",
          "On a GPU, hold each encoded frame back until the next one comes: it is encoded while that one is decoded and "
          "copied. Costs the duration of one frame of latency; nothing changes on the processor, or where the caps tell "
          "no frame rate", DEFAULT_OVERLAP, ready));
}

void
gst_mae_encoder_settings_init (GstMaeEncoderSettings *s)
{
  *s = (GstMaeEncoderSettings) { .model = g_strdup (DEFAULT_MODEL), .device = DEFAULT_DEVICE,
    .precision = DEFAULT_PRECISION, .threads = DEFAULT_THREADS, .interval = DEFAULT_INTERVAL, .tokens = DEFAULT_TOKENS,
    .max_lateness = DEFAULT_MAX_LATENESS, .overlap = DEFAULT_OVERLAP };
}

void
gst_mae_encoder_settings_clear (GstMaeEncoderSettings *s)
{
  g_free (s->model);
}

gboolean
gst_mae_encoder_settings_set (GstMaeEncoderSettings *s, guint id, const GValue *value)
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
    case PROP_INTERVAL:
      s->interval = g_value_get_uint64 (value);
      break;
    case PROP_TOKENS:
      s->tokens = g_value_get_boolean (value);
      break;
    case PROP_MAX_LATENESS:
      s->max_lateness = g_value_get_uint64 (value);
      break;
    case PROP_OVERLAP:
      s->overlap = g_value_get_boolean (value);
      break;
    default:
      return FALSE;
  }
  return TRUE;
}

gboolean
gst_mae_encoder_settings_get (const GstMaeEncoderSettings *s, guint id, GValue *value)
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
    case PROP_INTERVAL:
      g_value_set_uint64 (value, s->interval);
      break;
    case PROP_TOKENS:
      g_value_set_boolean (value, s->tokens);
      break;
    case PROP_MAX_LATENESS:
      g_value_set_uint64 (value, s->max_lateness);
      break;
    case PROP_OVERLAP:
      g_value_set_boolean (value, s->overlap);
      break;
    default:
      return FALSE;
  }
  return TRUE;
}
