/* SPDX-License-Identifier: LGPL-2.1-or-later
 * plaza-backdrop.c: paints the backdrop and turns what was painted into planes and spans. */
#include "plaza-backdrop.h"

#include <math.h>
#include <string.h>

#include "plaza-brush.h"

#define FACT_SURFACE(pixel) ((pixel) >> 16 & 255)
#define FACT_DEPTH(pixel) ((pixel) >> 8 & 255)
#define FACT_ID(pixel) ((pixel) & 255)

const PlazaBox plaza_boxes[] = {
  {-60, PLAZA_LEFT_X, PLAZA_SIDE_Y, 64, 11.6},
  {PLAZA_RIGHT_X, 60, PLAZA_SIDE_Y + 3, 64, 10.6},
  {-60, PLAZA_ALLEY_X0, PLAZA_BACK_Y, 64, 9.6},
  {PLAZA_ALLEY_X1, 60, PLAZA_BACK_Y, 64, 9.6},
};
const int plaza_n_boxes = G_N_ELEMENTS (plaza_boxes);

double
plaza_lamplight_at (PlazaPoint place)
{
  double light = 0;

  for (int i = 0; i < plaza_n_things; i++) {
    const PlazaThing *lamp = &plaza_things[i];

    if (lamp->kind != PLAZA_LAMP)
      continue;
    double dx = lamp->x - place.x, dy = lamp->y - place.y, dz = PLAZA_LAMP_Z - place.z;
    double square = dx * dx + dy * dy + dz * dz + 0.6;

    light += 0.85 * PLAZA_LAMP_Z * PLAZA_LAMP_Z / square * MAX (0.35, dz / sqrt (square));
  }
  return MIN (light, 1);
}

const PlazaThing *
plaza_nearest_lamp (double x, double y)
{
  const PlazaThing *nearest = NULL;
  double best = G_MAXDOUBLE;

  for (int i = 0; i < plaza_n_things; i++) {
    double distance = hypot (plaza_things[i].x - x, plaza_things[i].y - y);

    if (plaza_things[i].kind == PLAZA_LAMP && distance < best) {
      best = distance;
      nearest = &plaza_things[i];
    }
  }
  return nearest;
}

/* Where in the world the surface seen at a pixel is. */
static PlazaPoint
place_of_pixel (const PlazaCamera *camera, double px, double py, PlazaSurface surface, guint8 depth, guint8 id)
{
  PlazaPoint ray = plaza_camera_ray (camera, px, py);
  double t;

  if (surface == PLAZA_GROUND) {
    t = ray.z < -1e-4 ? -PLAZA_CAMERA_HEIGHT / ray.z : 1e4;
  } else if (surface == PLAZA_WALL_RIGHT && ray.x < -1e-4) {
    t = -id / PLAZA_WALL_STEPS / ray.x;
  } else if (surface == PLAZA_WALL_LEFT && ray.x > 1e-4) {
    t = id / PLAZA_WALL_STEPS / ray.x;
  } else {
    t = (depth == PLAZA_FAR ? PLAZA_BACK_Y + 6 : depth / PLAZA_DEPTH_STEPS) / MAX (ray.y, 1e-4);
  }
  PlazaPoint place = { t * ray.x, t * ray.y, PLAZA_CAMERA_HEIGHT + t * ray.z };

  return place;
}

/* Lamp light changes slowly across the picture, so it is worked out for blocks and refined where surfaces meet. */
static void
fill_lamps (PlazaBackdrop *backdrop, const guint8 *surface, const guint8 *id)
{
  int width = backdrop->width, block = MAX (1, width / 480);

  for (int y = 0; y < backdrop->height; y++) {
    int known_from = -1;
    guint8 value = 0;
    guint last = G_MAXUINT;

    for (int x = 0; x < width; x++) {
      gsize at = (gsize) y * width + x;
      guint now = surface[at] << 8 | backdrop->depth[at];

      if (surface[at] == PLAZA_GLASS) {
        backdrop->lamp[at] = id[at];
        last = G_MAXUINT;
        continue;
      }
      if (now != last || x - known_from >= block) {
        PlazaPoint place = place_of_pixel (&backdrop->camera, x + 0.5, y + 0.5, surface[at], backdrop->depth[at], id[at]);

        value = surface[at] == PLAZA_SKY ? 0 : (guint8) lrint (255 * sqrt (plaza_lamplight_at (place)));
        known_from = x;
        last = now;
      }
      backdrop->lamp[at] = value;
    }
  }
}

static void
find_spans (PlazaBackdrop *backdrop, const guint8 *surface)
{
  GArray *spans = g_array_new (FALSE, FALSE, sizeof (PlazaSpan));

  backdrop->row_spans = g_new (guint, backdrop->height + 1);
  for (int y = 0; y < backdrop->height; y++) {
    const guint8 *row = surface + (gsize) y * backdrop->width;

    backdrop->row_spans[y] = spans->len;
    for (int x = 0; x < backdrop->width;) {
      int end = x + 1;

      while (end < backdrop->width && row[end] == row[x])
        end++;
      PlazaSpan span = { (guint16) x, (guint16) (end - x), row[x] };

      g_array_append_val (spans, span);
      x = end;
    }
  }
  backdrop->row_spans[backdrop->height] = spans->len;
  backdrop->n_spans = spans->len;
  backdrop->spans = (PlazaSpan *) g_array_free (spans, FALSE);
}

/* Copies the cairo surfaces into the backdrop's planes; FALSE without memory for it. */
static gboolean
keep (PlazaBackdrop *backdrop, cairo_surface_t *color, cairo_surface_t *facts)
{
  int width = backdrop->width, height = backdrop->height;
  gsize n = (gsize) width * height;
  g_autofree guint8 *surface = g_try_malloc (n), *id = g_try_malloc (n);

  if (!surface || !id)
    return FALSE;
  cairo_surface_flush (color);
  cairo_surface_flush (facts);
  for (int y = 0; y < height; y++) {
    const guint32 *fact = (const guint32 *) (cairo_image_surface_get_data (facts)
        + (gsize) y * cairo_image_surface_get_stride (facts));
    gsize row = (gsize) y * width;

    memcpy (backdrop->albedo + row,
        cairo_image_surface_get_data (color) + (gsize) y * cairo_image_surface_get_stride (color), width * 4);
    for (int x = 0; x < width; x++) {
      surface[row + x] = FACT_SURFACE (fact[x]);
      backdrop->depth[row + x] = FACT_DEPTH (fact[x]);
      id[row + x] = FACT_ID (fact[x]);
    }
  }
  fill_lamps (backdrop, surface, id);
  find_spans (backdrop, surface);
  return TRUE;
}

static void
paint (PlazaBrush *brush)
{
  /* Light sky, so that edges against it do not darken; its facts: sky, far away. */
  cairo_set_source_rgb (brush->color, 0.78, 0.82, 0.86);
  cairo_paint (brush->color);
  cairo_set_source_rgb (brush->facts, PLAZA_SKY / 255.0, PLAZA_FAR / 255.0, 0);
  cairo_paint (brush->facts);
  cairo_set_operator (brush->facts, CAIRO_OPERATOR_SOURCE);
  cairo_set_antialias (brush->facts, CAIRO_ANTIALIAS_NONE);
  plaza_paint_hills (brush);
  plaza_paint_ground (brush);
  plaza_paint_houses (brush);
  plaza_paint_things (brush);
}

PlazaBackdrop *
plaza_backdrop_new (int width, int height)
{
  PlazaBackdrop *backdrop = g_new0 (PlazaBackdrop, 1);
  cairo_surface_t *color = cairo_image_surface_create (CAIRO_FORMAT_RGB24, width, height);
  cairo_surface_t *facts = cairo_image_surface_create (CAIRO_FORMAT_RGB24, width, height);
  gsize n = (gsize) width * height;
  gboolean ok = FALSE;

  backdrop->width = width;
  backdrop->height = height;
  plaza_camera_init (&backdrop->camera, width, height);
  backdrop->albedo = g_try_malloc (n * 4);
  backdrop->depth = g_try_malloc (n);
  backdrop->lamp = g_try_malloc (n);
  if (backdrop->albedo && backdrop->depth && backdrop->lamp
      && cairo_surface_status (color) == CAIRO_STATUS_SUCCESS && cairo_surface_status (facts) == CAIRO_STATUS_SUCCESS) {
    PlazaBrush brush = { &backdrop->camera, cairo_create (color), cairo_create (facts), PLAZA_SKY, PLAZA_FAR, 0 };

    paint (&brush);
    ok = cairo_status (brush.color) == CAIRO_STATUS_SUCCESS && cairo_status (brush.facts) == CAIRO_STATUS_SUCCESS;
    cairo_destroy (brush.color);
    cairo_destroy (brush.facts);
    ok = ok && keep (backdrop, color, facts);
  }
  cairo_surface_destroy (color);
  cairo_surface_destroy (facts);
  if (!ok)
    g_clear_pointer (&backdrop, plaza_backdrop_free);
  return backdrop;
}

void
plaza_backdrop_free (PlazaBackdrop *backdrop)
{
  if (!backdrop)
    return;
  g_free (backdrop->albedo);
  g_free (backdrop->depth);
  g_free (backdrop->lamp);
  g_free (backdrop->spans);
  g_free (backdrop->row_spans);
  g_free (backdrop);
}
