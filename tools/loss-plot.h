/* SPDX-License-Identifier: LGPL-2.1-or-later
 * loss-plot.h: the course of a training as a PNG: the loss of every step, and its mean over a stretch of steps. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  const char *title, *subtitle;
  const float *losses;          /* [n], of step 1 and on */
  guint64 n;
} GhLossPlot;

/* Errors: GH_ERROR_WRITE. */
gboolean gh_loss_plot_write (const GhLossPlot *plot, const char *path, GError **error);

G_END_DECLS
