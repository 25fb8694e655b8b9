/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstmaeannounce.h: how an element says which model it runs, on what and why. */
#pragma once

#include <gst/gst.h>

#include "models/gh-encoder.h"

G_BEGIN_DECLS

/* Posts an element message `name` with the fields model, model-id, device, precision, reason (strings), width, height,
 * embedding (int) and trained (boolean), after an INFO message with the same for people; `untrained` says in it what to
 * think of a model that was never trained. */
void gst_mae_announce (GstElement *element, const GhEncoder *encoder, const gchar *name, const gchar *untrained);

G_END_DECLS
