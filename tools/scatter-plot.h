/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * scatter-plot.h: what held-out predictions look like, as a PNG: truth against prediction around the diagonal (over
 * the hours of a day for time), or for classes the table of confusions.
 */
#pragma once

#include "models/gh-head.h"

G_BEGIN_DECLS

typedef struct {
  GhHeadKind kind;
  const char *title, *subtitle;
  const char *unit;             /* "" when none */
  const char *const *classes;   /* NULL-terminated for class, else NULL */
  int n;
  const double *labels, *predicted;     /* [n] */
} GhScatterPlot;

/* Errors: GH_ERROR_WRITE. */
gboolean gh_scatter_plot_write (const GhScatterPlot *plot, const char *path, GError **error);

G_END_DECLS
