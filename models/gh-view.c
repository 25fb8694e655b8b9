/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-view.c: see gh-view.h. */
#include "gh-view.h"
#include "gh-random.h"

#include <math.h>

/* How far `light` 1 goes. */
#define MAX_CONTRAST 0.4        /* of its logarithm */
#define MAX_BRIGHTNESS 0.2      /* of white */
#define MAX_GAIN 0.1            /* of its logarithm, per colour */

static double
between (guint64 *random, double low, double high)
{
  return low + (high - low) * gh_splitmix_double (random);
}

static void
draw_crop (GhView *view, guint64 *random, int frame_height, int frame_width, double proportion, double crop)
{
  double area = between (random, crop, 1) * frame_height * frame_width;
  double shape = proportion * exp (between (random, -log (4.0 / 3), log (4.0 / 3)));

  view->width = CLAMP ((int) lrint (sqrt (area * shape)), 1, frame_width);
  view->height = CLAMP ((int) lrint (sqrt (area / shape)), 1, frame_height);
  view->x = gh_splitmix_below (random, frame_width - view->width + 1);
  view->y = gh_splitmix_below (random, frame_height - view->height + 1);
}

static void
draw_light (GhView *view, guint64 *random, double light)
{
  double contrast = exp (light * MAX_CONTRAST * between (random, -1, 1));
  double shift = light * MAX_BRIGHTNESS * between (random, -1, 1);

  view->lit = true;
  for (int c = 0; c < 3; c++) {
    double gain = exp (light * MAX_GAIN * between (random, -1, 1));

    for (int i = 0; i < 256; i++)
      view->curve[c][i] = lrint (CLAMP (255 * gain * ((i / 255.0 - 0.5) * contrast + 0.5 + shift), 0, 255));
  }
}

void
gh_view_draw (GhView *view, guint64 *random, int frame_height, int frame_width, double proportion, double crop,
    gboolean flip, double light)
{
  *view = (GhView) { .width = frame_width, .height = frame_height };
  if (crop < 1)
    draw_crop (view, random, frame_height, frame_width, proportion, crop);
  if (flip)
    view->flip = gh_splitmix (random) >> 63;
  if (light > 0)
    draw_light (view, random, light);
}
