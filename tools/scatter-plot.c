/* SPDX-License-Identifier: LGPL-2.1-or-later
 * scatter-plot.c: see the header. */
#include "scatter-plot.h"

#include <math.h>
#include <pango/pangocairo.h>
#include <string.h>

enum { SIZE = 900, LEFT = 110, RIGHT = 40, TOP = 110, BOTTOM = 90 };
#define SIDE ((double) SIZE - LEFT - RIGHT)
#define HEIGHT (TOP + (int) SIDE + BOTTOM)
#define FONT "sans"
#define CLASSES_SHOWN 40

static const double ink[3] = { 0.13, 0.15, 0.18 }, soft[3] = { 0.42, 0.45, 0.50 }, line[3] = { 0.88, 0.89, 0.91 },
    point[3] = { 0.12, 0.40, 0.70 }, accent[3] = { 0.85, 0.35, 0.10 };

static void
set_colour (cairo_t *cr, const double *colour, double alpha)
{
  cairo_set_source_rgba (cr, colour[0], colour[1], colour[2], alpha);
}

/* Text whose anchor (0..1 of its width and height) lies at x, y; at most `width` wide when that is above 0. */
static void
draw_text (cairo_t *cr, const char *text, double size, gboolean bold, const double *colour, double x, double y,
    double anchor_x, double anchor_y, double width)
{
  PangoLayout *layout = pango_cairo_create_layout (cr);
  PangoFontDescription *font = pango_font_description_from_string (FONT);
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
  set_colour (cr, colour, 1);
  cairo_move_to (cr, x - anchor_x * w, y - anchor_y * h);
  pango_cairo_show_layout (cr, layout);
  pango_font_description_free (font);
  g_object_unref (layout);
}

/* The same, reading upwards. */
static void
draw_text_up (cairo_t *cr, const char *text, double size, const double *colour, double x, double y, double anchor_x,
    double anchor_y, double width)
{
  cairo_save (cr);
  cairo_translate (cr, x, y);
  cairo_rotate (cr, -G_PI / 2);
  draw_text (cr, text, size, FALSE, colour, 0, 0, anchor_x, anchor_y, width);
  cairo_restore (cr);
}

static void
draw_titles (cairo_t *cr, const GhScatterPlot *plot)
{
  draw_text (cr, plot->title, 26, TRUE, ink, LEFT, 24, 0, 0, SIDE);
  draw_text (cr, plot->subtitle, 15, FALSE, soft, LEFT, 64, 0, 0, SIDE + RIGHT - 10);
}

/* ---- numbers and times --------------------------------------------------------------------------------- */

typedef struct {
  double low, high, step;
} Axis;

static Axis
time_axis (void)
{
  return (Axis) { 0, 1440, 180 };
}

/* Covers labels and predictions with ticks at 1, 2 or 5 times a power of ten. */
static Axis
number_axis (const GhScatterPlot *plot)
{
  double low = plot->kind == GH_HEAD_COUNT ? 0 : INFINITY, high = -INFINITY, raw, unit;
  Axis axis;

  for (int i = 0; i < plot->n; i++) {
    low = MIN (low, MIN (plot->labels[i], plot->predicted[i]));
    high = MAX (high, MAX (plot->labels[i], plot->predicted[i]));
  }
  if (!(high - low > 1e-9 * MAX (fabs (high), fabs (low)))) {
    low -= 1;
    high += 1;
  }
  raw = (high - low) / 7;
  unit = pow (10, floor (log10 (raw)));
  axis.step = raw <= unit ? unit : raw <= 2 * unit ? 2 * unit : raw <= 5 * unit ? 5 * unit : 10 * unit;
  axis.low = low - 0.03 * (high - low);
  axis.high = high + 0.03 * (high - low);
  return axis;
}

static double
map_x (const Axis *axis, double value)
{
  return LEFT + SIDE * (value - axis->low) / (axis->high - axis->low);
}

static double
map_y (const Axis *axis, double value)
{
  return TOP + SIDE * (axis->high - value) / (axis->high - axis->low);
}

static void
tick_text (const GhScatterPlot *plot, double value, char *text, gsize size)
{
  if (plot->kind == GH_HEAD_TIME)
    g_snprintf (text, size, "%02d:00", (int) (value / 60 + 0.5));
  else
    g_ascii_formatd (text, size, "%.6g", value + 0.0);
}

static void
draw_axes (cairo_t *cr, const GhScatterPlot *plot, const Axis *axis)
{
  double first = ceil (axis->low / axis->step - 1e-9);

  cairo_set_line_width (cr, 1);
  for (int i = 0; (first + i) * axis->step <= axis->high + 1e-9 * axis->step; i++) {
    double value = (first + i) * axis->step, x = floor (map_x (axis, value)) + 0.5, y = floor (map_y (axis, value)) + 0.5;
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    set_colour (cr, line, 1);
    cairo_move_to (cr, x, TOP);
    cairo_line_to (cr, x, TOP + SIDE);
    cairo_move_to (cr, LEFT, y);
    cairo_line_to (cr, LEFT + SIDE, y);
    cairo_stroke (cr);
    tick_text (plot, value, text, sizeof text);
    draw_text (cr, text, 15, FALSE, soft, x, TOP + SIDE + 10, 0.5, 0, 0);
    draw_text (cr, text, 15, FALSE, soft, LEFT - 10, y, 1, 0.5, 0);
  }
}

static void
draw_axis_names (cairo_t *cr, const char *across, const char *up, const char *unit)
{
  g_autofree char *x = g_strdup_printf (*unit ? "%s (%s)" : "%s", across, unit);
  g_autofree char *y = g_strdup_printf (*unit ? "%s (%s)" : "%s", up, unit);

  draw_text (cr, x, 17, FALSE, ink, LEFT + SIDE / 2, TOP + SIDE + 48, 0.5, 0, SIDE);
  draw_text_up (cr, y, 17, ink, 28, TOP + SIDE / 2, 0.5, 0.5, SIDE);
}

/* Whole numbers lie on top of each other; they are spread a little, the same way at every call. */
static double
spread (const GhScatterPlot *plot, const Axis *axis, int i)
{
  double room = MIN (0.3, 0.012 * (axis->high - axis->low));

  if (plot->kind != GH_HEAD_COUNT || plot->labels[i] != floor (plot->labels[i]))
    return 0;
  return room * 2 * (fmod (i * 0.6180339887, 1) - 0.5);
}

static void
draw_points (cairo_t *cr, const GhScatterPlot *plot, const Axis *axis)
{
  double radius = CLAMP (90 / sqrt (plot->n), 2.5, 6), alpha = CLAMP (12 / sqrt (plot->n), 0.25, 0.75);

  cairo_rectangle (cr, LEFT - 8, TOP - 8, SIDE + 16, SIDE + 16);
  cairo_clip (cr);
  set_colour (cr, accent, 0.9);
  cairo_set_line_width (cr, 2);
  cairo_set_dash (cr, (const double[]) { 8, 6 }, 2, 0);
  cairo_move_to (cr, LEFT, TOP + SIDE);
  cairo_line_to (cr, LEFT + SIDE, TOP);
  cairo_stroke (cr);
  cairo_set_dash (cr, NULL, 0, 0);
  set_colour (cr, point, alpha);
  for (int i = 0; i < plot->n; i++) {
    cairo_arc (cr, map_x (axis, plot->labels[i] + spread (plot, axis, i)), map_y (axis, plot->predicted[i]), radius, 0,
        2 * G_PI);
    cairo_fill (cr);
  }
  cairo_reset_clip (cr);
}

static void
draw_scatter (cairo_t *cr, const GhScatterPlot *plot)
{
  Axis axis = plot->kind == GH_HEAD_TIME ? time_axis () : number_axis (plot);

  draw_axes (cr, plot, &axis);
  draw_axis_names (cr, "label", "prediction, held out", plot->unit && plot->kind != GH_HEAD_TIME ? plot->unit : "");
  draw_points (cr, plot, &axis);
}

/* ---- classes ------------------------------------------------------------------------------------------- */

/* table[n,n]: label down, prediction across; rows whose class is not shown are left out. */
static void
count_confusions (const GhScatterPlot *plot, int *table, int n)
{
  for (int i = 0; i < plot->n; i++) {
    int label = plot->labels[i], predicted = plot->predicted[i];

    if (label < n && predicted < n)
      table[label * n + predicted]++;
  }
}

static void
draw_cell (cairo_t *cr, double x, double y, double size, int count, int total, gboolean right)
{
  double share = total ? (double) count / total : 0;
  char text[16];

  set_colour (cr, right ? point : accent, 0.06 + 0.84 * share);
  cairo_rectangle (cr, x + 1, y + 1, size - 2, size - 2);
  if (count > 0)
    cairo_fill (cr);
  else
    cairo_new_path (cr);
  g_snprintf (text, sizeof text, "%d", count);
  if (size >= 18)
    draw_text (cr, text, MIN (size * 0.3, 26), count > 0 && right, share > 0.55 ? (const double[]) { 1, 1, 1 }
        : count ? ink : line, x + size / 2, y + size / 2, 0.5, 0.5, size);
}

static void
draw_confusions (cairo_t *cr, const GhScatterPlot *plot)
{
  int n = MIN (g_strv_length ((char **) plot->classes), CLASSES_SHOWN);
  g_autofree int *table = g_new0 (int, n * n);
  double size = SIDE / n, font = CLAMP (size * 0.35, 8, 17);

  count_confusions (plot, table, n);
  for (int row = 0; row < n; row++) {
    double y = TOP + row * size;
    int total = 0;

    for (int col = 0; col < n; col++)
      total += table[row * n + col];
    for (int col = 0; col < n; col++)
      draw_cell (cr, LEFT + col * size, y, size, table[row * n + col], total, row == col);
    if (size > 3 * font)
      draw_text_up (cr, plot->classes[row], font, soft, LEFT - 16, y + size / 2, 0.5, 0.5, size);
    else
      draw_text (cr, plot->classes[row], font, FALSE, soft, LEFT - 8, y + size / 2, 1, 0.5, LEFT - 56);
    if (size > 3 * font)
      draw_text (cr, plot->classes[row], font, FALSE, soft, LEFT + row * size + size / 2, TOP + SIDE + 8, 0.5, 0, size);
    else
      draw_text_up (cr, plot->classes[row], font, soft, LEFT + row * size + size / 2, TOP + SIDE + 6, 1, 0.5, 44);
  }
  set_colour (cr, line, 1);
  cairo_set_line_width (cr, 1);
  cairo_rectangle (cr, LEFT - 0.5, TOP - 0.5, SIDE + 1, SIDE + 1);
  cairo_stroke (cr);
  draw_axis_names (cr, "prediction, held out", "label", "");
}

/* ---- the picture --------------------------------------------------------------------------------------- */

gboolean
gh_scatter_plot_write (const GhScatterPlot *plot, const char *path, GError **error)
{
  cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_RGB24, SIZE, HEIGHT);
  cairo_t *cr = cairo_create (surface);
  cairo_status_t status;

  cairo_set_source_rgb (cr, 1, 1, 1);
  cairo_paint (cr);
  draw_titles (cr, plot);
  if (plot->kind == GH_HEAD_CLASS)
    draw_confusions (cr, plot);
  else
    draw_scatter (cr, plot);
  cairo_surface_flush (surface);
  status = cairo_surface_write_to_png (surface, path);
  cairo_destroy (cr);
  cairo_surface_destroy (surface);
  if (status == CAIRO_STATUS_SUCCESS)
    return TRUE;
  g_set_error (error, GH_ERROR, GH_ERROR_WRITE, "%s: the plot cannot be written: %s", path,
      cairo_status_to_string (status));
  return FALSE;
}
