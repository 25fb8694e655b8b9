/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstheadpredictsettings.c: see the header. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstheadpredictsettings.h"

enum
{
  PROP_0,
  PROP_LOCATION,
  PROP_APPEND,
  PROP_POST_MESSAGES,
  PROP_AUTO_RELOAD,
  N_SETTINGS
};

G_STATIC_ASSERT (N_SETTINGS == GST_HEAD_PREDICT_N_SETTINGS);

#define DEFAULT_APPEND FALSE
#define DEFAULT_POST_MESSAGES TRUE

void
gst_head_predict_settings_install (GObjectClass *object_class)
{
  /**
   * GstHeadPredict:location:
   *
   * Where the predictions are written as JSON lines: a file, a named pipe whose reader is there, or `-` for standard
   * output. A full disk or a closed pipe ends the writing with one warning message; the stream goes on.
   *
   * Since: 0.1
   */
  g_object_class_install_property (object_class, PROP_LOCATION, g_param_spec_string ("location", "Location",
          "File to write the predictions to as JSON lines, - for standard output; nothing is written when empty", NULL,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));
  /**
   * GstHeadPredict:append:
   *
   * Since: 0.1
   */
  g_object_class_install_property (object_class, PROP_APPEND, g_param_spec_boolean ("append", "Append",
          "Keep what the file at location holds and write after it instead of starting it anew", DEFAULT_APPEND,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));
  /**
   * GstHeadPredict:post-messages:
   *
   * Since: 0.1
   */
  g_object_class_install_property (object_class, PROP_POST_MESSAGES, g_param_spec_boolean ("post-messages", "Post messages",
          "Post an element message 'head-prediction' for each frame with predictions", DEFAULT_POST_MESSAGES,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
  /**
   * GstHeadPredict:auto-reload:
   *
   * Look once a second whether the head files were replaced, and take the new ones as #GstHeadPredict::reload does:
   * `gst-heads refit --watch` and head-trainer write them so that there is never half of one.
   *
   * Since: 0.1
   */
  g_object_class_install_property (object_class, PROP_AUTO_RELOAD, g_param_spec_boolean ("auto-reload", "Reload by itself",
          "Read the head files again whenever they are replaced", FALSE,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));
}

void
gst_head_predict_settings_init (GstHeadPredictSettings *s)
{
  *s = (GstHeadPredictSettings) { .append = DEFAULT_APPEND, .post_messages = DEFAULT_POST_MESSAGES };
}

void
gst_head_predict_settings_clear (GstHeadPredictSettings *s)
{
  g_free (s->location);
}

gboolean
gst_head_predict_settings_set (GstHeadPredictSettings *s, guint id, const GValue *value)
{
  switch (id) {
    case PROP_LOCATION:
      g_free (s->location);
      s->location = g_value_dup_string (value);
      break;
    case PROP_APPEND:
      s->append = g_value_get_boolean (value);
      break;
    case PROP_POST_MESSAGES:
      s->post_messages = g_value_get_boolean (value);
      break;
    case PROP_AUTO_RELOAD:
      s->auto_reload = g_value_get_boolean (value);
      break;
    default:
      return FALSE;
  }
  return TRUE;
}

gboolean
gst_head_predict_settings_get (const GstHeadPredictSettings *s, guint id, GValue *value)
{
  switch (id) {
    case PROP_LOCATION:
      g_value_set_string (value, s->location);
      break;
    case PROP_APPEND:
      g_value_set_boolean (value, s->append);
      break;
    case PROP_POST_MESSAGES:
      g_value_set_boolean (value, s->post_messages);
      break;
    case PROP_AUTO_RELOAD:
      g_value_set_boolean (value, s->auto_reload);
      break;
    default:
      return FALSE;
  }
  return TRUE;
}
