/* SPDX-License-Identifier: LGPL-2.1-or-later
 * scatter-plot.c: see the header. */
#include "scatter-plot.h"
#include "plot-draw.h"

#include <math.h>

enum { SIZE = 900, LEFT = 110, RIGHT = 40, TOP = 110, BOTTOM = 90 };
#define SIDE ((double) SIZE - LEFT - RIGHT)
#define HEIGHT (TOP + (int) SIDE + BOTTOM)
#define CLASSES_SHOWN 40

static void
draw_titles (cairo_t *cr, const GhScatterPlot *plot)
{
  gh_plot_text (cr, plot->title, 26, TRUE, gh_plot_ink, LEFT, 24, 0, 0, SIDE);
  gh_plot_text (cr, plot->subtitle, 15, FALSE, gh_plot_soft, LEFT, 64, 0, 0, SIDE + RIGHT - 10);
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

/* Covers labels and predictions. */
static Axis
number_axis (const GhScatterPlot *plot)
{
  double low = plot->kind == GH_HEAD_COUNT ? 0 : INFINITY, high = -INFINITY;
  Axis axis;

  for (int i = 0; i < plot->n; i++) {
    low = MIN (low, MIN (plot->labels[i], plot->predicted[i]));
    high = MAX (high, MAX (plot->labels[i], plot->predicted[i]));
  }
  if (!(high - low > 1e-9 * MAX (fabs (high), fabs (low)))) {
    low -= 1;
    high += 1;
  }
  axis.step = gh_plot_step ((high - low) / 7);
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

    gh_plot_colour (cr, gh_plot_line, 1);
    cairo_move_to (cr, x, TOP);
    cairo_line_to (cr, x, TOP + SIDE);
    cairo_move_to (cr, LEFT, y);
    cairo_line_to (cr, LEFT + SIDE, y);
    cairo_stroke (cr);
    tick_text (plot, value, text, sizeof text);
    gh_plot_text (cr, text, 15, FALSE, gh_plot_soft, x, TOP + SIDE + 10, 0.5, 0, 0);
    gh_plot_text (cr, text, 15, FALSE, gh_plot_soft, LEFT - 10, y, 1, 0.5, 0);
  }
}

static void
draw_axis_names (cairo_t *cr, const char *across, const char *up, const char *unit)
{
  g_autofree char *x = g_strdup_printf (*unit ? "%s (%s)" : "%s", across, unit);
  g_autofree char *y = g_strdup_printf (*unit ? "%s (%s)" : "%s", up, unit);

  gh_plot_text (cr, x, 17, FALSE, gh_plot_ink, LEFT + SIDE / 2, TOP + SIDE + 48, 0.5, 0, SIDE);
  gh_plot_text_up (cr, y, 17, gh_plot_ink, 28, TOP + SIDE / 2, 0.5, 0.5, SIDE);
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
  gh_plot_colour (cr, gh_plot_accent, 0.9);
  cairo_set_line_width (cr, 2);
  cairo_set_dash (cr, (const double[]) { 8, 6 }, 2, 0);
  cairo_move_to (cr, LEFT, TOP + SIDE);
  cairo_line_to (cr, LEFT + SIDE, TOP);
  cairo_stroke (cr);
  cairo_set_dash (cr, NULL, 0, 0);
  gh_plot_colour (cr, gh_plot_point, alpha);
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

  gh_plot_colour (cr, right ? gh_plot_point : gh_plot_accent, 0.06 + 0.84 * share);
  cairo_rectangle (cr, x + 1, y + 1, size - 2, size - 2);
  if (count > 0)
    cairo_fill (cr);
  else
    cairo_new_path (cr);
  g_snprintf (text, sizeof text, "%d", count);
  if (size >= 18)
    gh_plot_text (cr, text, MIN (size * 0.3, 26), count > 0 && right, share > 0.55 ? (const double[]) { 1, 1, 1 }
        : count ? gh_plot_ink : gh_plot_line, x + size / 2, y + size / 2, 0.5, 0.5, size);
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
      gh_plot_text_up (cr, plot->classes[row], font, gh_plot_soft, LEFT - 16, y + size / 2, 0.5, 0.5, size);
    else
      gh_plot_text (cr, plot->classes[row], font, FALSE, gh_plot_soft, LEFT - 8, y + size / 2, 1, 0.5, LEFT - 56);
    if (size > 3 * font)
      gh_plot_text (cr, plot->classes[row], font, FALSE, gh_plot_soft, LEFT + row * size + size / 2, TOP + SIDE + 8,
          0.5, 0, size);
    else
      gh_plot_text_up (cr, plot->classes[row], font, gh_plot_soft, LEFT + row * size + size / 2, TOP + SIDE + 6, 1,
          0.5, 44);
  }
  gh_plot_colour (cr, gh_plot_line, 1);
  cairo_set_line_width (cr, 1);
  cairo_rectangle (cr, LEFT - 0.5, TOP - 0.5, SIDE + 1, SIDE + 1);
  cairo_stroke (cr);
  draw_axis_names (cr, "prediction, held out", "label", "");
}

/* ---- the picture --------------------------------------------------------------------------------------- */

gboolean
gh_scatter_plot_write (const GhScatterPlot *plot, const char *path, GError **error)
{
  cairo_t *cr = gh_plot_new (SIZE, HEIGHT);

  draw_titles (cr, plot);
  if (plot->kind == GH_HEAD_CLASS)
    draw_confusions (cr, plot);
  else
    draw_scatter (cr, plot);
  return gh_plot_write (cr, path, error);
}
