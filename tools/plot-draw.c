/* SPDX-License-Identifier: LGPL-2.1-or-later
 * plot-draw.c: see the header. */
#include "plot-draw.h"
#include "models/gh-error.h"

#include <math.h>
#include <pango/pangocairo.h>

const double gh_plot_ink[3] = { 0.13, 0.15, 0.18 };
const double gh_plot_soft[3] = { 0.42, 0.45, 0.50 };
const double gh_plot_line[3] = { 0.88, 0.89, 0.91 };
const double gh_plot_point[3] = { 0.12, 0.40, 0.70 };
const double gh_plot_accent[3] = { 0.85, 0.35, 0.10 };

cairo_t *
gh_plot_new (int width, int height)
{
  cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_RGB24, width, height);
  cairo_t *cr = cairo_create (surface);

  cairo_surface_destroy (surface);      /* cr holds it */
  cairo_set_source_rgb (cr, 1, 1, 1);
  cairo_paint (cr);
  return cr;
}

gboolean
gh_plot_write (cairo_t *cr, const char *path, GError **error)
{
  cairo_surface_t *surface = cairo_get_target (cr);
  cairo_status_t status;

  cairo_surface_flush (surface);
  status = cairo_surface_write_to_png (surface, path);
  cairo_destroy (cr);
  if (status == CAIRO_STATUS_SUCCESS)
    return TRUE;
  g_set_error (error, GH_ERROR, GH_ERROR_WRITE, "%s: the plot cannot be written: %s", path,
      cairo_status_to_string (status));
  return FALSE;
}

void
gh_plot_colour (cairo_t *cr, const double *colour, double alpha)
{
  cairo_set_source_rgba (cr, colour[0], colour[1], colour[2], alpha);
}

void
gh_plot_text (cairo_t *cr, const char *text, double size, gboolean bold, const double *colour, double x, double y,
    double anchor_x, double anchor_y, double width)
{
  PangoLayout *layout = pango_cairo_create_layout (cr);
  PangoFontDescription *font = pango_font_description_from_string ("sans");
  int w, h;

  pango_font_description_set_absolute_size (font, size * PANGO_SCALE);
  pango_font_description_set_weight (font, bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
  pango_layout_set_font_description (layout, font);
  pango_layout_set_text (layout, text, -1);
  pango_layout_set_single_paragraph_mode (layout, TRUE);
  pango_layout_get_pixel_size (layout, &w, &h);
  if (width > 0 && w > width) {
    pango_layout_set_width (layout, width * PANGO_SCALE);
    pango_layout_set_ellipsize (layout, PANGO_ELLIPSIZE_END);
    pango_layout_get_pixel_size (layout, &w, &h);
  }
  gh_plot_colour (cr, colour, 1);
  cairo_move_to (cr, x - anchor_x * w, y - anchor_y * h);
  pango_cairo_show_layout (cr, layout);
  pango_font_description_free (font);
  g_object_unref (layout);
}

void
gh_plot_text_up (cairo_t *cr, const char *text, double size, const double *colour, double x, double y,
    double anchor_x, double anchor_y, double width)
{
  cairo_save (cr);
  cairo_translate (cr, x, y);
  cairo_rotate (cr, -G_PI / 2);
  gh_plot_text (cr, text, size, FALSE, colour, 0, 0, anchor_x, anchor_y, width);
  cairo_restore (cr);
}

double
gh_plot_step (double raw)
{
  double unit = pow (10, floor (log10 (raw)));

  return raw <= unit ? unit : raw <= 2 * unit ? 2 * unit : raw <= 5 * unit ? 5 * unit : 10 * unit;
}
