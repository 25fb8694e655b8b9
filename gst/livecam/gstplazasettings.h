/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstplazasettings.h: the properties of plaza-test-src as a plain struct: declared, written and read in one place. The
 * owner locks.
 */
#pragma once

#include <gst/gst.h>

#include "plaza-moment.h"

G_BEGIN_DECLS

typedef struct {
  guint64 seed;
  gint people, people_min, people_max;  /* people -1: as many as the other two allow */
  gdouble time_of_day, time_scale, overcast, noise;
  gboolean shuffle;
  gchar *truth_location, *truth_pattern;
  gint64 timestamp_offset;
} GstPlazaSettings;

/* Property ids from 1 to below this one are taken. */
#define GST_PLAZA_N_SETTINGS 13

void gst_plaza_settings_install (GObjectClass *klass);
void gst_plaza_settings_init (GstPlazaSettings *settings);
void gst_plaza_settings_clear (GstPlazaSettings *settings);

/* FALSE: the id is none of these. */
gboolean gst_plaza_settings_set (GstPlazaSettings *settings, guint id, const GValue *value);
gboolean gst_plaza_settings_get (const GstPlazaSettings *settings, guint id, GValue *value);

/* What the picture depends on. */
PlazaSettings gst_plaza_settings_of_picture (const GstPlazaSettings *settings);

G_END_DECLS
