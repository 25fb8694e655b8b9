/* SPDX-License-Identifier: LGPL-2.1-or-later
 * loss-plot.c: see the header. */
#include "loss-plot.h"
#include "plot-draw.h"

#include <math.h>

enum { WIDTH = 1000, HEIGHT = 600, LEFT = 90, RIGHT = 40, TOP = 100, BOTTOM = 80 };
#define ACROSS ((double) WIDTH - LEFT - RIGHT)
#define DOWN ((double) HEIGHT - TOP - BOTTOM)

/* The mean runs over one part in so many of all steps. */
#define STRETCHES 50
/* Of the first steps, which are far above the others, so many do not widen the axis. */
#define FIRST_PART 0.01

typedef struct {
  double low, high, step;       /* of the loss */
  double across;                /* distance of two ticks in steps */
} Axes;

static Axes
axes_of (const GhLossPlot *plot)
{
  double low = INFINITY, high = -INFINITY;
  Axes axes;

  for (guint64 i = (guint64) (FIRST_PART * plot->n); i < plot->n; i++) {
    low = MIN (low, plot->losses[i]);
    high = MAX (high, plot->losses[i]);
  }
  if (!(high - low > 1e-6)) {
    low -= 0.5;
    high += 0.5;
  }
  axes.low = low - 0.04 * (high - low);
  axes.high = high + 0.04 * (high - low);
  axes.step = gh_plot_step ((high - low) / 6);
  axes.across = MAX (1, gh_plot_step (plot->n / 8.0));
  return axes;
}

static double
map_x (const GhLossPlot *plot, double step)
{
  return LEFT + ACROSS * (step - 1) / MAX (plot->n - 1, 1);
}

static double
map_y (const Axes *axes, double loss)
{
  return TOP + DOWN * (axes->high - loss) / (axes->high - axes->low);
}

static void
draw_axes (cairo_t *cr, const GhLossPlot *plot, const Axes *axes)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  cairo_set_line_width (cr, 1);
  for (double loss = ceil (axes->low / axes->step) * axes->step; loss <= axes->high; loss += axes->step) {
    double y = floor (map_y (axes, loss)) + 0.5;

    gh_plot_colour (cr, gh_plot_line, 1);
    cairo_move_to (cr, LEFT, y);
    cairo_line_to (cr, LEFT + ACROSS, y);
    cairo_stroke (cr);
    g_ascii_formatd (text, sizeof text, "%.4g", loss);
    gh_plot_text (cr, text, 15, FALSE, gh_plot_soft, LEFT - 10, y, 1, 0.5, 0);
  }
  for (double step = axes->across; step <= plot->n; step += axes->across) {
    g_ascii_formatd (text, sizeof text, "%.0f", step);
    gh_plot_text (cr, text, 15, FALSE, gh_plot_soft, map_x (plot, step), TOP + DOWN + 8, 0.5, 0, 0);
  }
  gh_plot_text (cr, "step", 17, FALSE, gh_plot_ink, LEFT + ACROSS / 2, TOP + DOWN + 38, 0.5, 0, ACROSS);
  gh_plot_text_up (cr, "loss", 17, gh_plot_ink, 24, TOP + DOWN / 2, 0.5, 0.5, DOWN);
}

static void
draw_steps (cairo_t *cr, const GhLossPlot *plot, const Axes *axes)
{
  gh_plot_colour (cr, gh_plot_point, 0.25);
  cairo_set_line_width (cr, 1);
  for (guint64 i = 0; i < plot->n; i++)
    cairo_line_to (cr, map_x (plot, i + 1), map_y (axes, plot->losses[i]));
  cairo_stroke (cr);
}

static void
draw_mean (cairo_t *cr, const GhLossPlot *plot, const Axes *axes)
{
  const guint64 stretch = MAX (plot->n / STRETCHES, 1);
  double sum = 0;

  gh_plot_colour (cr, gh_plot_accent, 1);
  cairo_set_line_width (cr, 2.5);
  for (guint64 i = 0; i < plot->n; i++) {
    sum += plot->losses[i];
    if (i >= stretch)
      sum -= plot->losses[i - stretch];
    cairo_line_to (cr, map_x (plot, i + 1), map_y (axes, sum / MIN (i + 1, stretch)));
  }
  cairo_stroke (cr);
}

gboolean
gh_loss_plot_write (const GhLossPlot *plot, const char *path, GError **error)
{
  cairo_t *cr = gh_plot_new (WIDTH, HEIGHT);
  Axes axes = axes_of (plot);

  gh_plot_text (cr, plot->title, 24, TRUE, gh_plot_ink, LEFT, 20, 0, 0, ACROSS);
  gh_plot_text (cr, plot->subtitle, 15, FALSE, gh_plot_soft, LEFT, 58, 0, 0, ACROSS);
  draw_axes (cr, plot, &axes);
  cairo_rectangle (cr, LEFT, TOP, ACROSS, DOWN);
  cairo_clip (cr);
  draw_steps (cr, plot, &axes);
  draw_mean (cr, plot, &axes);
  cairo_reset_clip (cr);
  return gh_plot_write (cr, path, error);
}
