/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plaza-shadow.c: shadows as polygons on the ground, and those of the side houses on the back row's walls.
 */
#include "plaza-shadow.h"

#include <math.h>
#include <stdlib.h>

#define NEAREST_Y 3.0
#define LOWEST_SUN 0.03                 /* of sin (elevation); lower, shadows leave the plaza anyway */
#define MAX_POINTS 64
#define REACH 300.0

typedef struct { PlazaSpot spot[MAX_POINTS]; int n; } Shape;

static void
add (Shape *shape, double x, double y)
{
  shape->spot[shape->n].x = CLAMP (x, -REACH, REACH);
  shape->spot[shape->n].y = CLAMP (y, -REACH, REACH);
  shape->n++;
}

static int
leftmost_first (const void *a, const void *b)
{
  const PlazaSpot *p = a, *q = b;

  if (p->x != q->x)
    return p->x < q->x ? -1 : 1;
  return p->y < q->y ? -1 : p->y > q->y;
}

static double
turn (PlazaSpot a, PlazaSpot b, PlazaSpot c)
{
  return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

/* Replaces the points by their convex hull. */
static void
make_hull (Shape *shape)
{
  PlazaSpot hull[2 * MAX_POINTS];
  int n = 0;

  qsort (shape->spot, shape->n, sizeof *shape->spot, leftmost_first);
  for (int pass = 0; pass < 2; pass++) {
    int floor_n = n + 1;

    for (int i = 0; i < shape->n; i++) {
      PlazaSpot spot = shape->spot[pass ? shape->n - 1 - i : i];

      while (n >= floor_n + 1 && turn (hull[n - 2], hull[n - 1], spot) <= 0)
        n--;
      hull[n++] = spot;
    }
    n--;
  }
  shape->n = MIN (n, MAX_POINTS);
  for (int i = 0; i < shape->n; i++)
    shape->spot[i] = hull[i];
}

/* Adds the part of a convex ground shape that lies in front of the camera to the path. */
static void
ground_path (cairo_t *cr, const PlazaCamera *camera, const Shape *shape)
{
  gboolean begun = FALSE;

  for (int i = 0; i < shape->n; i++) {
    PlazaSpot a = shape->spot[i], b = shape->spot[(i + 1) % shape->n];
    PlazaPoint points[2] = { {a.x, a.y, 0}, {0, NEAREST_Y, 0} };
    gboolean in = a.y >= NEAREST_Y, crosses = in != (b.y >= NEAREST_Y);

    if (crosses)
      points[1].x = a.x + (b.x - a.x) * (NEAREST_Y - a.y) / (b.y - a.y);
    for (int k = in ? 0 : 1; k < (crosses ? 2 : 1); k++) {
      double x, y;

      if (!plaza_camera_project (camera, points[k], &x, &y))
        continue;
      if (begun)
        cairo_line_to (cr, x, y);
      else
        cairo_move_to (cr, x, y);
      begun = TRUE;
    }
  }
  if (begun)
    cairo_close_path (cr);
}

static void
fill_hull (cairo_t *cr, const PlazaCamera *camera, Shape *shape)
{
  make_hull (shape);
  ground_path (cr, camera, shape);
  cairo_fill (cr);
}

/* A point and where its shadow falls. */
static void
add_thrown (Shape *shape, PlazaPoint sun, double x, double y, double z)
{
  add (shape, x - sun.x / sun.z * z, y - sun.y / sun.z * z);
}

static void
throw_box (cairo_t *cr, const PlazaCamera *camera, PlazaPoint sun, const PlazaBox *box)
{
  Shape shape = { .n = 0 };

  for (int i = 0; i < 4; i++) {
    double x = i & 1 ? box->x1 : box->x0, y = i & 2 ? box->y1 : box->y0;

    add (&shape, x, y);
    add_thrown (&shape, sun, x, y, box->height);
  }
  fill_hull (cr, camera, &shape);
}

/* A disc in the air; with foot, all between it and the ground. */
static void
throw_drum (cairo_t *cr, const PlazaCamera *camera, PlazaPoint sun, double x, double y, double radius, double z,
    gboolean foot)
{
  Shape shape = { .n = 0 };

  for (int i = 0; i < 16; i++) {
    double px = x + radius * cos (G_PI * i / 8), py = y + radius * sin (G_PI * i / 8);

    add_thrown (&shape, sun, px, py, z);
    if (foot)
      add (&shape, px, py);
  }
  fill_hull (cr, camera, &shape);
}

static void
throw_crown (cairo_t *cr, const PlazaCamera *camera, PlazaPoint sun, const PlazaThing *tree)
{
  double level = hypot (sun.x, sun.y), ax = level > 0 ? sun.x / level : 1, ay = level > 0 ? sun.y / level : 0;

  for (int i = 0; i < PLAZA_CROWN_BALLS; i++) {
    PlazaPoint centre;
    double radius;
    Shape shape = { .n = 0 };

    plaza_crown_ball (tree, i, &centre, &radius);
    /* A ball throws an ellipse, stretched along the light. */
    for (int k = 0; k < 12; k++) {
      double along = 0.92 * radius / sun.z * cos (G_PI * k / 6), across = 0.92 * radius * sin (G_PI * k / 6);

      add (&shape, centre.x - sun.x / sun.z * centre.z + along * ax - across * ay,
          centre.y - sun.y / sun.z * centre.z + along * ay + across * ax);
    }
    ground_path (cr, camera, &shape);
  }
  cairo_fill (cr);
}

static void
throw_post (cairo_t *cr, const PlazaCamera *camera, PlazaPoint sun, double x, double y, double z, double thick)
{
  Shape shape = { .n = 0 };
  PlazaBox box = { x - thick / 2, x + thick / 2, y - thick / 2, y + thick / 2, z };

  for (int i = 0; i < 4; i++) {
    double px = i & 1 ? box.x1 : box.x0, py = i & 2 ? box.y1 : box.y0;

    add (&shape, px, py);
    add_thrown (&shape, sun, px, py, box.height);
  }
  fill_hull (cr, camera, &shape);
}

static void
throw_thing (cairo_t *cr, const PlazaCamera *camera, PlazaPoint sun, const PlazaThing *thing)
{
  double x = thing->x, y = thing->y;
  gboolean lengthwise = thing->size != 0;
  PlazaBox bench = { x - (lengthwise ? 0.3 : 0.95), x + (lengthwise ? 0.3 : 0.95), y - (lengthwise ? 0.95 : 0.3),
    y + (lengthwise ? 0.95 : 0.3), 0.47 };
  PlazaBox planter = { x - 0.7, x + 0.7, y - 0.35, y + 0.35, 0.8 };

  switch (thing->kind) {
    case PLAZA_TREE:
      throw_post (cr, camera, sun, x, y, 3 * thing->size, 0.3);
      throw_crown (cr, camera, sun, thing);
      break;
    case PLAZA_LAMP:
      throw_post (cr, camera, sun, x, y, PLAZA_LAMP_Z, 0.13);
      throw_drum (cr, camera, sun, x, y, 0.28, PLAZA_LAMP_Z, FALSE);
      break;
    case PLAZA_BENCH:
      throw_box (cr, camera, sun, &bench);
      break;
    case PLAZA_FOUNTAIN:
      throw_drum (cr, camera, sun, x, y, 2.6, 0.55, TRUE);
      throw_drum (cr, camera, sun, x, y, 1.05, 1.75, FALSE);
      throw_drum (cr, camera, sun, x, y, 0.3, 2.3, TRUE);
      break;
    case PLAZA_PARASOL:
      throw_drum (cr, camera, sun, x, y, 1.6, 2.3, FALSE);
      break;
    case PLAZA_PLANTER:
      throw_box (cr, camera, sun, &planter);
      break;
  }
}

/* The sun behind the camera throws the side houses onto the walls of the back row. */
static void
throw_on_back_row (cairo_t *cr, const PlazaCamera *camera, PlazaPoint sun, const PlazaBox *box)
{
  Shape shape = { .n = 0 };
  gboolean begun = FALSE;

  if (sun.y > -0.05)
    return;
  for (int i = 0; i < 8; i++) {
    double x = i & 1 ? box->x1 : box->x0, y = i & 2 ? PLAZA_BACK_Y : box->y0, z = i & 4 ? box->height : 0;
    double t = (PLAZA_BACK_Y - y) / -sun.y;

    add (&shape, x - sun.x * t, z - sun.z * t);
  }
  make_hull (&shape);
  for (int i = 0; i < shape.n; i++) {
    PlazaPoint point = { shape.spot[i].x, PLAZA_BACK_Y, shape.spot[i].y };
    double x, y;

    if (!plaza_camera_project (camera, point, &x, &y))
      continue;
    if (begun)
      cairo_line_to (cr, x, y);
    else
      cairo_move_to (cr, x, y);
    begun = TRUE;
  }
  cairo_fill (cr);
}

void
plaza_shadow_paint (cairo_t *cr, const PlazaCamera *camera, PlazaPoint sun)
{
  PlazaPoint foot = { 0, PLAZA_BACK_Y, 0 };
  double x, line;

  if (sun.z <= 0 || !plaza_camera_project (camera, foot, &x, &line))
    return;
  sun.z = MAX (sun.z, LOWEST_SUN);
  cairo_save (cr);
  cairo_set_operator (cr, CAIRO_OPERATOR_DEST_OUT);
  cairo_set_source_rgba (cr, 0, 0, 0, 1);

  cairo_save (cr);
  cairo_rectangle (cr, 0, line, camera->width, camera->height - line);
  cairo_clip (cr);
  for (int i = 0; i < plaza_n_boxes; i++)
    throw_box (cr, camera, sun, &plaza_boxes[i]);
  for (int i = 0; i < plaza_n_things; i++)
    throw_thing (cr, camera, sun, &plaza_things[i]);
  cairo_restore (cr);

  cairo_rectangle (cr, 0, 0, camera->width, line);
  cairo_clip (cr);
  for (int i = 0; i < plaza_n_boxes; i++) {
    if (plaza_boxes[i].y0 < PLAZA_BACK_Y)
      throw_on_back_row (cr, camera, sun, &plaza_boxes[i]);
  }
  cairo_restore (cr);
}
