/* SPDX-License-Identifier: LGPL-2.1-or-later
 * plot-draw.h: what the plots share: paper, colours, text, round numbers on axes. */
#pragma once

#include <cairo.h>
#include <glib.h>

G_BEGIN_DECLS

extern const double gh_plot_ink[3], gh_plot_soft[3], gh_plot_line[3], gh_plot_point[3], gh_plot_accent[3];

/* White paper of that many pixels; gh_plot_write() frees it. */
cairo_t *gh_plot_new (int width, int height);
/* Writes a PNG. Errors: GH_ERROR_WRITE. */
gboolean gh_plot_write (cairo_t *cr, const char *path, GError **error);

void gh_plot_colour (cairo_t *cr, const double *colour, double alpha);
/* Text whose anchor (0..1 of its width and height) lies at x, y; at most `width` wide when that is above 0. */
void gh_plot_text (cairo_t *cr, const char *text, double size, gboolean bold, const double *colour, double x, double y,
    double anchor_x, double anchor_y, double width);
/* The same, reading upwards. */
void gh_plot_text_up (cairo_t *cr, const char *text, double size, const double *colour, double x, double y,
    double anchor_x, double anchor_y, double width);

/* The next 1, 2 or 5 times a power of ten: the distance of two ticks that should be about `raw`. */
double gh_plot_step (double raw);

G_END_DECLS
