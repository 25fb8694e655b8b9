/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstheadpredictsettings.h: the properties of head-predict as a plain struct: declared, written and read in one place.
 * The owner locks. The heads are not among them, they have a slot (gstheadslot.h).
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct {
  gchar *location;              /* NULL when not set */
  gboolean append, post_messages, auto_reload;
} GstHeadPredictSettings;

/* Property ids from 1 to below this one are taken. */
#define GST_HEAD_PREDICT_N_SETTINGS 5

void gst_head_predict_settings_install (GObjectClass *object_class);
void gst_head_predict_settings_init (GstHeadPredictSettings *settings);
void gst_head_predict_settings_clear (GstHeadPredictSettings *settings);

/* FALSE: the id is none of these. */
gboolean gst_head_predict_settings_set (GstHeadPredictSettings *settings, guint id, const GValue *value);
gboolean gst_head_predict_settings_get (const GstHeadPredictSettings *settings, guint id, GValue *value);

G_END_DECLS
