/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plaza-paint.c: backdrop x light + shadows + people + noise.
 *
 * Shading is a table look-up per pixel: the surface picks a table, and one byte of the light plane picks its row. By day
 * that byte is how much sun arrives (0 in shadow), by night the lamps' light; the sun is down before the lamps go on, so
 * one plane serves both. On glass it is always the window's number. People throw their shadows into a copy of the plane.
 */
#include "plaza-paint.h"

#include <math.h>
#include <string.h>

#include "plaza-backdrop.h"
#include "plaza-figure.h"
#include "plaza-noise.h"
#include "plaza-shade.h"
#include "plaza-shadow.h"
#include "plaza-sky.h"

#define SOLID 96                        /* alpha from which a pixel of a figure counts as its outline */

struct _PlazaPainter {
  PlazaBackdrop *backdrop;
  PlazaLight light;             /* what the planes below were made for */
  gboolean lit;
  PlazaShades shades;
  guint32 *sky;                 /* [sky_rows,width] */
  int sky_rows;
  cairo_surface_t *plane;       /* A8: the light plane without people */
  cairo_surface_t *frame_plane; /* A8: with them */
  cairo_surface_t *sprite;      /* ARGB32: room for one person */
  guint8 *owner, *cover;        /* [height,width] who is seen at a pixel (1 + index), and how much; zero between frames */
};

const PlazaCamera *
plaza_painter_camera (const PlazaPainter *painter)
{
  return &painter->backdrop->camera;
}

static int
count_sky_rows (const PlazaBackdrop *backdrop)
{
  int rows = 0;

  for (int y = 0; y < backdrop->height; y++) {
    for (guint i = backdrop->row_spans[y]; i < backdrop->row_spans[y + 1]; i++) {
      if (backdrop->spans[i].surface == PLAZA_SKY)
        rows = y + 1;
    }
  }
  return rows;
}

PlazaPainter *
plaza_painter_new (int width, int height)
{
  PlazaPainter *painter = g_new0 (PlazaPainter, 1);
  gsize n = (gsize) width * height;

  painter->backdrop = plaza_backdrop_new (width, height);
  painter->plane = cairo_image_surface_create (CAIRO_FORMAT_A8, width, height);
  painter->frame_plane = cairo_image_surface_create (CAIRO_FORMAT_A8, width, height);
  painter->owner = g_try_malloc0 (n);
  painter->cover = g_try_malloc0 (n);
  if (painter->backdrop) {
    painter->sky_rows = count_sky_rows (painter->backdrop);
    painter->sky = g_try_malloc (MAX ((gsize) painter->sky_rows * width * 4, 1));
  }
  if (!painter->backdrop || !painter->sky || !painter->owner || !painter->cover
      || cairo_surface_status (painter->plane) != CAIRO_STATUS_SUCCESS
      || cairo_surface_status (painter->frame_plane) != CAIRO_STATUS_SUCCESS) {
    plaza_painter_free (painter);
    return NULL;
  }
  return painter;
}

void
plaza_painter_free (PlazaPainter *painter)
{
  if (!painter)
    return;
  plaza_backdrop_free (painter->backdrop);
  g_clear_pointer (&painter->plane, cairo_surface_destroy);
  g_clear_pointer (&painter->frame_plane, cairo_surface_destroy);
  g_clear_pointer (&painter->sprite, cairo_surface_destroy);
  g_free (painter->sky);
  g_free (painter->owner);
  g_free (painter->cover);
  g_free (painter);
}

static guint8 *
plane_row (cairo_surface_t *surface, int y)
{
  return cairo_image_surface_get_data (surface) + (gsize) y * cairo_image_surface_get_stride (surface);
}

/* Copies the lamp plane: all of it, or only where there is glass. */
static void
copy_lamps (PlazaPainter *painter, gboolean glass_only)
{
  const PlazaBackdrop *backdrop = painter->backdrop;

  for (int y = 0; y < backdrop->height; y++) {
    guint8 *row = plane_row (painter->plane, y);
    const guint8 *lamp = backdrop->lamp + (gsize) y * backdrop->width;

    if (!glass_only) {
      memcpy (row, lamp, backdrop->width);
      continue;
    }
    for (guint i = backdrop->row_spans[y]; i < backdrop->row_spans[y + 1]; i++) {
      const PlazaSpan *span = &backdrop->spans[i];

      if (span->surface == PLAZA_GLASS)
        memcpy (row + span->x, lamp + span->x, span->n);
    }
  }
}

static void
set_light (PlazaPainter *painter, const PlazaLight *light)
{
  /* These two decide all the others. */
  if (painter->lit && painter->light.minute == light->minute && painter->light.overcast == light->overcast)
    return;
  painter->light = *light;
  painter->lit = TRUE;
  plaza_shades_set (&painter->shades, light);
  plaza_sky_paint (&painter->backdrop->camera, light, painter->sky, painter->sky_rows);
  if (!light->lamps) {
    cairo_t *cr = cairo_create (painter->plane);

    cairo_set_source_rgba (cr, 0, 0, 0, 1);
    cairo_paint (cr);
    plaza_shadow_paint (cr, &painter->backdrop->camera, light->sun);
    cairo_destroy (cr);
    cairo_surface_flush (painter->plane);
  }
  copy_lamps (painter, !light->lamps);
  cairo_surface_mark_dirty (painter->plane);
}

static void
throw_people (PlazaPainter *painter, const PlazaLight *light, const PlazaFigure *figures, int n)
{
  const PlazaCamera *camera = &painter->backdrop->camera;
  cairo_t *cr;

  cairo_surface_flush (painter->frame_plane);
  memcpy (cairo_image_surface_get_data (painter->frame_plane), cairo_image_surface_get_data (painter->plane),
      (gsize) cairo_image_surface_get_stride (painter->plane) * painter->backdrop->height);
  cairo_surface_mark_dirty (painter->frame_plane);
  cr = cairo_create (painter->frame_plane);
  for (int i = 0; i < n; i++) {
    if (light->lamps) {
      const PlazaThing *lamp = plaza_nearest_lamp (figures[i].person->x, figures[i].person->y);
      PlazaPoint place = { lamp->x, lamp->y, PLAZA_LAMP_Z };

      plaza_figure_lamp_shadow (&figures[i], camera, cr, place);
    } else if (light->sunlight.r > 0) {
      plaza_figure_sun_shadow (&figures[i], camera, cr, light->sun);
    }
  }
  cairo_destroy (cr);
  cairo_surface_flush (painter->frame_plane);
}

static void
shade (PlazaPainter *painter, guint8 *pixels, gsize stride)
{
  const PlazaBackdrop *backdrop = painter->backdrop;

  for (int y = 0; y < backdrop->height; y++) {
    guint32 *out = (guint32 *) (pixels + y * stride);
    const guint32 *albedo = backdrop->albedo + (gsize) y * backdrop->width;
    const guint8 *plane = plane_row (painter->frame_plane, y);

    for (guint i = backdrop->row_spans[y]; i < backdrop->row_spans[y + 1]; i++) {
      const PlazaSpan *span = &backdrop->spans[i];

      if (span->surface == PLAZA_SKY)
        memcpy (out + span->x, painter->sky + (gsize) y * backdrop->width + span->x, span->n * 4);
      else
        plaza_shades_apply (&painter->shades, span->surface, out + span->x, albedo + span->x, plane + span->x, span->n);
    }
  }
}

static void
draw_clock (const PlazaCamera *camera, double minute, cairo_t *cr)
{
  PlazaPoint centre = { PLAZA_CLOCK_X, PLAZA_CLOCK_Y, PLAZA_CLOCK_Z };
  double x, y, radius;

  if (!plaza_camera_project (camera, centre, &x, &y))
    return;
  radius = PLAZA_CLOCK_RADIUS * camera->focal / plaza_camera_depth (camera, centre);
  cairo_set_source_rgba (cr, 0.1, 0.08, 0.06, 0.9);
  cairo_set_line_cap (cr, CAIRO_LINE_CAP_ROUND);
  for (int hand = 0; hand < 2; hand++) {
    double angle = 2 * G_PI * (hand ? minute / 60 : minute / 720), length = radius * (hand ? 0.82 : 0.55);

    cairo_set_line_width (cr, radius * (hand ? 0.12 : 0.18));
    cairo_move_to (cr, x, y);
    cairo_line_to (cr, x + length * sin (angle), y - length * cos (angle));
    cairo_stroke (cr);
  }
}

static void
draw_halos (const PlazaCamera *camera, const PlazaLight *light, cairo_t *cr)
{
  if (!light->lamps)
    return;
  cairo_set_operator (cr, CAIRO_OPERATOR_ADD);
  for (int i = 0; i < plaza_n_things; i++) {
    PlazaPoint lamp = { plaza_things[i].x, plaza_things[i].y, PLAZA_LAMP_Z };
    double x, y, radius;

    if (plaza_things[i].kind != PLAZA_LAMP || !plaza_camera_project (camera, lamp, &x, &y))
      continue;
    radius = 1.7 * camera->focal / plaza_camera_depth (camera, lamp);
    cairo_pattern_t *halo = cairo_pattern_create_radial (x, y, 0, x, y, radius);

    cairo_pattern_add_color_stop_rgb (halo, 0, 0.55, 0.42, 0.24);
    cairo_pattern_add_color_stop_rgb (halo, 0.25, 0.22, 0.15, 0.07);
    cairo_pattern_add_color_stop_rgb (halo, 1, 0, 0, 0);
    cairo_set_source (cr, halo);
    cairo_rectangle (cr, x - radius, y - radius, 2 * radius, 2 * radius);
    cairo_fill (cr);
    cairo_pattern_destroy (halo);
  }
  cairo_set_operator (cr, CAIRO_OPERATOR_OVER);
}

/* Jets that fall from the upper bowl into the basin. */
static void
draw_water (const PlazaCamera *camera, const PlazaLight *light, double seconds, cairo_t *cr)
{
  const PlazaPoint up = { 0, 0, 1 };
  double bright = MIN (1.15 * plaza_shade_upright (light, up, 0.5, 0.25).g, 1);

  cairo_set_source_rgba (cr, bright * 0.95, bright * 0.98, bright, 0.5);
  for (int i = 0; i < plaza_n_things; i++) {
    const PlazaThing *fountain = &plaza_things[i];

    if (fountain->kind != PLAZA_FOUNTAIN)
      continue;
    for (int jet = 0; jet < 10; jet++) {
      double a = 2 * G_PI * (jet + 0.5) / 10, metre = camera->focal / fountain->y;
      const double dashes[] = { 0.16 * metre, 0.05 * metre };

      for (int k = 0; k <= 8; k++) {
        double t = k / 8.0, out = 0.75 + 1.0 * t, x, y;
        PlazaPoint drop = { fountain->x + out * cos (a), fountain->y + out * sin (a), 1.85 + 0.45 * t - 1.8 * t * t };

        if (plaza_camera_project (camera, drop, &x, &y))
          cairo_line_to (cr, x, y);
      }
      cairo_set_line_width (cr, 0.06 * metre);
      cairo_set_dash (cr, dashes, 2, -(seconds * 2.4 + jet * 0.37) * metre);
      cairo_stroke (cr);
    }
  }
  cairo_set_dash (cr, NULL, 0, 0);
}

static PlazaTones
tones_for (PlazaPainter *painter, const PlazaLight *light, const PlazaPerson *person)
{
  const PlazaPoint left = { -0.85, -0.3, 0.45 }, front = { 0, -0.85, 0.45 }, right = { 0.85, -0.3, 0.45 };
  PlazaPoint foot = { person->x, person->y, 0 }, chest = { person->x, person->y - 0.3, 1.3 };
  double sun = 1, lamp = 0, x, y;
  PlazaTones tones;

  if (light->lamps) {
    lamp = 0.8 * plaza_lamplight_at (chest);
  } else if (plaza_camera_project (&painter->backdrop->camera, foot, &x, &y) && x >= 0 && y >= 0
      && x < painter->backdrop->width && y < painter->backdrop->height) {
    sun = plane_row (painter->plane, (int) y)[(int) x] / 255.0;
  }
  tones.left = plaza_shade_upright (light, left, sun, lamp);
  tones.front = plaza_shade_upright (light, front, sun, lamp);
  tones.right = plaza_shade_upright (light, right, sun, lamp);
  return tones;
}

typedef struct {
  int x0, y0, x1, y1;           /* sprite in the frame; may reach outside */
  guint total, visible;         /* sums of alpha */
  PlazaRect box;                /* of the outline, inside the frame; max - min until finished */
} Sighting;

static cairo_t *
begin_sprite (PlazaPainter *painter, const Sighting *sighting)
{
  int width = sighting->x1 - sighting->x0, height = sighting->y1 - sighting->y0;
  cairo_t *cr;

  if (!painter->sprite || cairo_image_surface_get_width (painter->sprite) < width
      || cairo_image_surface_get_height (painter->sprite) < height) {
    g_clear_pointer (&painter->sprite, cairo_surface_destroy);
    painter->sprite = cairo_image_surface_create (CAIRO_FORMAT_ARGB32, width * 5 / 4, height * 5 / 4);
  }
  cr = cairo_create (painter->sprite);
  cairo_rectangle (cr, 0, 0, width, height);
  cairo_clip (cr);
  cairo_set_operator (cr, CAIRO_OPERATOR_CLEAR);
  cairo_paint (cr);
  cairo_set_operator (cr, CAIRO_OPERATOR_OVER);
  cairo_translate (cr, -sighting->x0, -sighting->y0);
  return cr;
}

/* The soft dark spot where a person touches the ground in any light. */
static void
draw_contact (const PlazaCamera *camera, const PlazaPerson *person, cairo_t *cr)
{
  PlazaPoint foot = { person->x, person->y, 0 };
  double x, y, metre = camera->focal / plaza_camera_depth (camera, foot);

  if (!plaza_camera_project (camera, foot, &x, &y))
    return;
  cairo_save (cr);
  cairo_translate (cr, x, y);
  cairo_scale (cr, 0.34 * metre, 0.13 * metre);
  cairo_arc (cr, 0, 0, 1, 0, 2 * G_PI);
  cairo_restore (cr);
  cairo_set_source_rgba (cr, 0.02, 0.02, 0.04, 0.3);
  cairo_fill (cr);
}

static void
own_pixel (PlazaPainter *painter, Sighting *sightings, int index, gsize at, guint alpha)
{
  guint8 *owner = &painter->owner[at], *cover = &painter->cover[at];

  if (*owner && alpha < 128) {
    sightings[index].visible += alpha;
    return;
  }
  if (*owner)
    sightings[*owner - 1].visible -= *cover;
  sightings[index].visible += alpha;
  *owner = index + 1;
  *cover = alpha;
}

static void
grow_box (PlazaRect *box, int x, int y)
{
  if (box->width == 0) {
    *box = (PlazaRect) {x, y, 1, 1};
    return;
  }
  int x1 = MAX (box->x + box->width, x + 1), y1 = MAX (box->y + box->height, y + 1);

  box->x = MIN (box->x, x);
  box->y = MIN (box->y, y);
  box->width = x1 - box->x;
  box->height = y1 - box->y;
}

static inline guint32
blend (guint32 over, guint32 under)
{
  guint32 rest = 256 - (over >> 24) - (over >> 31);
  guint32 rb = ((under & 0xff00ff) * rest >> 8) & 0xff00ff, g = ((under & 0x00ff00) * rest >> 8) & 0x00ff00;

  return 0xff000000u | (((over & 0xffffff) + (rb | g)) & 0xffffff);
}

/* Lays the sprite over the frame wherever nothing nearer stands. */
static void
place_sprite (PlazaPainter *painter, Sighting *sightings, int index, double person_y, guint8 *pixels, gsize stride)
{
  const PlazaBackdrop *backdrop = painter->backdrop;
  Sighting *sighting = &sightings[index];
  guint nearness = (guint) (person_y * PLAZA_DEPTH_STEPS);

  cairo_surface_flush (painter->sprite);
  for (int y = sighting->y0; y < sighting->y1; y++) {
    const guint32 *sprite = (const guint32 *) plane_row (painter->sprite, y - sighting->y0);
    gboolean row_inside = y >= 0 && y < backdrop->height;

    for (int x = sighting->x0; x < sighting->x1; x++) {
      guint32 over = sprite[x - sighting->x0], alpha = over >> 24;

      if (alpha == 0)
        continue;
      sighting->total += alpha;
      if (!row_inside || x < 0 || x >= backdrop->width)
        continue;
      gsize at = (gsize) y * backdrop->width + x;

      if (backdrop->depth[at] < nearness)
        continue;
      guint32 *under = (guint32 *) (pixels + y * stride) + x;

      *under = blend (over, *under);
      own_pixel (painter, sightings, index, at, alpha);
      if (alpha >= SOLID)
        grow_box (&sighting->box, x, y);
    }
  }
}

static void
draw_person (PlazaPainter *painter, const PlazaLight *light, const PlazaFigure *figure, Sighting *sightings, int index,
    guint8 *pixels, gsize stride)
{
  const PlazaBackdrop *backdrop = painter->backdrop;
  Sighting *sighting = &sightings[index];

  memset (sighting, 0, sizeof *sighting);
  if (!plaza_figure_bounds (figure, &backdrop->camera, &sighting->x0, &sighting->y0, &sighting->x1, &sighting->y1)
      || sighting->x1 <= 0 || sighting->y1 <= 0 || sighting->x0 >= backdrop->width || sighting->y0 >= backdrop->height)
    return;
  cairo_t *cr = begin_sprite (painter, sighting);
  PlazaTones tones = tones_for (painter, light, figure->person);

  draw_contact (&backdrop->camera, figure->person, cr);
  plaza_figure_draw (figure, &backdrop->camera, cr, &tones);
  cairo_destroy (cr);
  place_sprite (painter, sightings, index, figure->person->y, pixels, stride);
}

/* Counts who is at least half visible and forgets who owned which pixel. */
static void
tell_truth (PlazaPainter *painter, const Sighting *sightings, int n, PlazaTruth *truth)
{
  const PlazaBackdrop *backdrop = painter->backdrop;

  truth->people = 0;
  for (int i = 0; i < n; i++) {
    const Sighting *sighting = &sightings[i];
    int x0 = MAX (sighting->x0, 0), x1 = MIN (sighting->x1, backdrop->width);

    if (sighting->total > 0 && 2 * sighting->visible >= sighting->total && sighting->box.width > 0)
      truth->boxes[truth->people++] = sighting->box;
    for (int y = MAX (sighting->y0, 0); x1 > x0 && y < MIN (sighting->y1, backdrop->height); y++) {
      memset (painter->owner + (gsize) y * backdrop->width + x0, 0, x1 - x0);
      memset (painter->cover + (gsize) y * backdrop->width + x0, 0, x1 - x0);
    }
  }
}

static int
farther_first (const void *a, const void *b)
{
  double ya = ((const PlazaPerson *) a)->y, yb = ((const PlazaPerson *) b)->y;

  return ya < yb ? 1 : ya > yb ? -1 : 0;
}

static double
fountain_y (void)
{
  for (int i = 0; i < plaza_n_things; i++) {
    if (plaza_things[i].kind == PLAZA_FOUNTAIN)
      return plaza_things[i].y;
  }
  return 0;
}

void
plaza_painter_paint (PlazaPainter *painter, const PlazaMoment *moment, double noise, guint8 *pixels, gsize stride,
    PlazaTruth *truth)
{
  const PlazaCamera *camera = &painter->backdrop->camera;
  PlazaPerson people[PLAZA_MAX_PEOPLE];
  PlazaFigure figures[PLAZA_MAX_PEOPLE];
  Sighting sightings[PLAZA_MAX_PEOPLE];
  int n = moment->n_people;
  gboolean water = FALSE;
  cairo_surface_t *frame;
  cairo_t *cr;

  memcpy (people, moment->people, n * sizeof *people);
  qsort (people, n, sizeof *people, farther_first);
  for (int i = 0; i < n; i++)
    plaza_figure_pose (&figures[i], &people[i]);
  set_light (painter, &moment->light);
  throw_people (painter, &moment->light, figures, n);
  shade (painter, pixels, stride);

  frame = cairo_image_surface_create_for_data (pixels, CAIRO_FORMAT_ARGB32, painter->backdrop->width,
      painter->backdrop->height, (int) stride);
  cr = cairo_create (frame);
  draw_clock (camera, moment->light.minute, cr);
  draw_halos (camera, &moment->light, cr);
  for (int i = 0; i <= n; i++) {
    if (!water && (i == n || people[i].y < fountain_y ())) {
      draw_water (camera, &moment->light, moment->seconds, cr);
      cairo_surface_flush (frame);
      water = TRUE;
    }
    if (i < n)
      draw_person (painter, &moment->light, &figures[i], sightings, i, pixels, stride);
  }
  cairo_destroy (cr);
  cairo_surface_destroy (frame);
  tell_truth (painter, sightings, n, truth);
  plaza_noise_add (moment->key, noise * (1 + 0.8 * moment->light.night), pixels, stride,
      painter->backdrop->width, painter->backdrop->height);
}
