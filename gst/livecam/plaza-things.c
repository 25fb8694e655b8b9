/* SPDX-License-Identifier: LGPL-2.1-or-later
 * plaza-things.c: trees, lamps, benches, the fountain, parasols and planters, without light. */
#include <math.h>

#include "plaza-brush.h"

#define KEY_CROWN 901
#define CROWN_Z 4.5
#define CROWN_DABS 420

void
plaza_crown_ball (const PlazaThing *tree, int i, PlazaPoint *centre, double *radius)
{
  guint64 key = plaza_hash (KEY_CROWN, (guint64) ((tree->x + 100) * 10), i);
  double angle = 2 * G_PI * plaza_unit (plaza_hash (key, 1, 0)), spread = sqrt (plaza_unit (plaza_hash (key, 2, 0)));
  /* From the lowest to the highest, wide in the middle. */
  double level = -1 + 2.0 * (i + 0.5) / PLAZA_CROWN_BALLS, girth = sqrt (MAX (0, 1 - level * level * 0.9));

  centre->x = tree->x + tree->size * 1.75 * girth * spread * cos (angle);
  centre->y = tree->y + tree->size * 1.75 * girth * spread * sin (angle);
  centre->z = tree->size * (CROWN_Z + 1.45 * level);
  *radius = tree->size * (0.5 + 0.35 * plaza_unit (plaza_hash (key, 3, 0)));
}

static PlazaSurface
leaf_side (const PlazaThing *tree, double x, double z)
{
  double side = (x - tree->x) / tree->size;

  if (z / tree->size > CROWN_Z + 0.9)
    return PLAZA_LEAF_TOP;
  return side < -0.45 ? PLAZA_LEAF_LEFT : side > 0.45 ? PLAZA_LEAF_RIGHT : PLAZA_LEAF_TOP;
}

/* Dark masses first, from the bottom up, then a coat of small leaves. */
static void
paint_crown (PlazaBrush *brush, const PlazaThing *tree)
{
  static const guint greens[] = { 0x5f7d3c, 0x6d8a43, 0x557636, 0x7a944a };

  for (int i = 0; i < PLAZA_CROWN_BALLS; i++) {
    PlazaPoint centre;
    double radius;

    plaza_crown_ball (tree, i, &centre, &radius);
    plaza_brush_on (brush, leaf_side (tree, centre.x, centre.z), tree->y, 0);
    plaza_brush_ball (brush, centre, radius);
    plaza_brush_fill (brush, plaza_shade (plaza_hex (greens[i % 4]), 0.5 + 0.4 * i / PLAZA_CROWN_BALLS));
  }
  for (int i = 0; i < CROWN_DABS; i++) {
    guint64 key = plaza_hash (KEY_CROWN, (guint64) ((tree->y + 100) * 10), 5000 + i);
    PlazaPoint centre;
    double radius, angle = 2 * G_PI * plaza_unit (plaza_hash (key, 1, 0)), out = sqrt (plaza_unit (plaza_hash (key, 2, 0)));

    plaza_crown_ball (tree, (int) (i * PLAZA_CROWN_BALLS / (double) CROWN_DABS), &centre, &radius);
    centre.x += radius * out * cos (angle);
    centre.z += radius * out * sin (angle);
    plaza_brush_on (brush, leaf_side (tree, centre.x, centre.z), tree->y, 0);
    plaza_brush_ball (brush, centre, tree->size * (0.09 + 0.09 * plaza_unit (plaza_hash (key, 3, 0))));
    plaza_brush_fill (brush, plaza_shade (plaza_hex (greens[key % 4]),
        0.62 + 0.3 * i / CROWN_DABS + 0.38 * plaza_unit (plaza_hash (key, 4, 0)) * (0.4 + 0.6 * sin (angle))));
  }
}

static void
paint_tree (PlazaBrush *brush, const PlazaThing *tree)
{
  PlazaPoint foot = { tree->x, tree->y, 0 }, fork = { tree->x + 0.05, tree->y, tree->size * 2.9 };
  PlazaPoint left = { tree->x - tree->size * 0.9, tree->y, tree->size * 4.1 };
  PlazaPoint right = { tree->x + tree->size * 0.8, tree->y, tree->size * 4.3 };
  PlazaColor bark = plaza_hex (0x6d5c4c);

  /* The grate it grows in. */
  plaza_brush_circle (brush, tree->x, tree->y, 0, 0.85);
  plaza_brush_tint (brush, plaza_hex (0x5a5248), 0.9);
  plaza_brush_circle (brush, tree->x, tree->y, 0, 0.7);
  plaza_brush_tint (brush, plaza_hex (0x6f5d46), 1);
  plaza_brush_on (brush, PLAZA_STUFF, tree->y, 0);
  plaza_brush_post (brush, foot, fork, 0.3 * tree->size, bark);
  plaza_brush_post (brush, fork, left, 0.16 * tree->size, bark);
  plaza_brush_post (brush, fork, right, 0.16 * tree->size, bark);
  paint_crown (brush, tree);
}

static void
paint_lamp (PlazaBrush *brush, const PlazaThing *lamp)
{
  PlazaColor iron = plaza_hex (0x2f3532);
  PlazaPoint foot = { lamp->x, lamp->y, 0 }, neck = { lamp->x, lamp->y, PLAZA_LAMP_Z - 0.3 };
  PlazaPoint base = { lamp->x, lamp->y, 0.7 }, light = { lamp->x, lamp->y, PLAZA_LAMP_Z };
  PlazaPlane upright = { foot, {1, 0, 0}, {0, 0, 1} };

  plaza_brush_on (brush, PLAZA_STUFF, lamp->y, 0);
  plaza_brush_post (brush, foot, neck, 0.13, iron);
  plaza_brush_post (brush, foot, base, 0.26, iron);
  plaza_brush_rect (brush, &upright, -0.3, PLAZA_LAMP_Z - 0.36, 0.3, PLAZA_LAMP_Z - 0.28);
  plaza_brush_fill (brush, iron);
  plaza_brush_on (brush, PLAZA_LANTERN, lamp->y, 0);
  plaza_brush_ball (brush, light, 0.28);
  plaza_brush_fill (brush, plaza_hex (0xefe9dc));
  plaza_brush_on (brush, PLAZA_STUFF, lamp->y, 0);
  plaza_brush_rect (brush, &upright, -0.24, PLAZA_LAMP_Z + 0.2, 0.24, PLAZA_LAMP_Z + 0.3);
  plaza_brush_fill (brush, iron);
}

/* A box standing on the ground: front, top and the side the camera sees. */
static void
paint_box (PlazaBrush *brush, double x0, double x1, double y0, double y1, double z0, double z1, PlazaColor color)
{
  PlazaPlane front = { {x0, y0, z0}, {1, 0, 0}, {0, 0, 1} }, top = { {x0, y0, z1}, {1, 0, 0}, {0, 1, 0} };
  double side = x0 > 0 ? x0 : x1;
  PlazaPlane flank = { {side, y0, z0}, {0, 1, 0}, {0, 0, 1} };

  if (x0 > 0 || x1 < 0) {
    plaza_brush_rect (brush, &flank, 0, 0, y1 - y0, z1 - z0);
    plaza_brush_fill (brush, plaza_shade (color, 0.62));
  }
  plaza_brush_rect (brush, &front, 0, 0, x1 - x0, z1 - z0);
  plaza_brush_fill (brush, plaza_shade (color, 0.78));
  plaza_brush_rect (brush, &top, 0, 0, x1 - x0, y1 - y0);
  plaza_brush_fill (brush, color);
}

static void
paint_bench (PlazaBrush *brush, const PlazaThing *bench)
{
  PlazaColor wood = plaza_hex (0x9a6a42), iron = plaza_hex (0x3a3d3c);
  double x = bench->x, y = bench->y;

  plaza_brush_on (brush, PLAZA_STUFF, y, 0);
  if (bench->size == 0) {
    paint_box (brush, x - 0.8, x - 0.7, y - 0.2, y + 0.25, 0, 0.42, iron);
    paint_box (brush, x + 0.7, x + 0.8, y - 0.2, y + 0.25, 0, 0.42, iron);
    paint_box (brush, x - 0.95, x + 0.95, y + 0.22, y + 0.3, 0.55, 0.92, wood);
    paint_box (brush, x - 0.95, x + 0.95, y - 0.25, y + 0.2, 0.40, 0.47, wood);
    return;
  }
  double back = x - bench->size * 0.3;

  paint_box (brush, x - 0.25, x + 0.25, y + 0.7, y + 0.8, 0, 0.42, iron);
  paint_box (brush, x - 0.25, x + 0.25, y - 0.8, y - 0.7, 0, 0.42, iron);
  if (bench->size > 0) {
    paint_box (brush, back - 0.04, back + 0.04, y - 0.95, y + 0.95, 0.5, 0.92, wood);
    paint_box (brush, x - 0.25, x + 0.25, y - 0.95, y + 0.95, 0.40, 0.47, wood);
  } else {
    paint_box (brush, x - 0.25, x + 0.25, y - 0.95, y + 0.95, 0.40, 0.47, wood);
    paint_box (brush, back - 0.04, back + 0.04, y - 0.95, y + 0.95, 0.5, 0.92, wood);
  }
}

/* A drum: its side between two heights, then its top. */
static void
paint_drum (PlazaBrush *brush, double x, double y, double radius, double z0, double z1, PlazaColor side, PlazaColor top)
{
  for (int i = 0; i <= 24; i++) {
    double a = G_PI + G_PI * i / 24;
    PlazaPoint point = { x + radius * cos (a), y + radius * sin (a), z0 };

    if (i == 0)
      plaza_brush_move (brush, point);
    else
      plaza_brush_line (brush, point);
  }
  for (int i = 24; i >= 0; i--) {
    double a = G_PI + G_PI * i / 24;
    PlazaPoint point = { x + radius * cos (a), y + radius * sin (a), z1 };

    plaza_brush_line (brush, point);
  }
  cairo_close_path (brush->color);
  plaza_brush_fill (brush, side);
  plaza_brush_circle (brush, x, y, z1, radius);
  plaza_brush_fill (brush, top);
}

static void
paint_fountain (PlazaBrush *brush, const PlazaThing *fountain)
{
  PlazaColor stone = plaza_hex (0xc8bfb0), rim = plaza_hex (0xded6c8), water = plaza_hex (0x7fa9b5);
  double x = fountain->x, y = fountain->y;

  plaza_brush_on (brush, PLAZA_STUFF, y - 2.6, 0);
  paint_drum (brush, x, y, 2.6, 0, 0.55, plaza_shade (stone, 0.82), rim);
  plaza_brush_on (brush, PLAZA_WATER, y - 2.6, 0);
  plaza_brush_circle (brush, x, y, 0.5, 2.25);
  plaza_brush_fill (brush, water);
  plaza_brush_on (brush, PLAZA_STUFF, y, 0);
  paint_drum (brush, x, y, 0.32, 0.5, 1.55, plaza_shade (stone, 0.8), stone);
  paint_drum (brush, x, y, 1.05, 1.55, 1.8, plaza_shade (stone, 0.86), rim);
  plaza_brush_on (brush, PLAZA_WATER, y, 0);
  plaza_brush_circle (brush, x, y, 1.78, 0.9);
  plaza_brush_fill (brush, water);
  plaza_brush_on (brush, PLAZA_STUFF, y, 0);
  paint_drum (brush, x, y, 0.16, 1.8, 2.35, stone, rim);
}

static void
paint_parasol (PlazaBrush *brush, const PlazaThing *parasol)
{
  PlazaColor cloth = plaza_hex (parasol->size > 0.5 ? 0xb8463a : 0xe9dcc2), wood = plaza_hex (0x8a6a48);
  PlazaPoint foot = { parasol->x, parasol->y, 0 }, peak = { parasol->x, parasol->y, 2.95 };
  double radius = 1.65;

  plaza_brush_on (brush, PLAZA_STUFF, parasol->y, 0);
  for (int i = 0; i < 3; i++) {
    double x = parasol->x + 1.0 * cos (2.1 * i + parasol->y), y = parasol->y + 1.0 * sin (2.1 * i + parasol->y);

    paint_box (brush, x - 0.2, x + 0.2, y - 0.2, y + 0.2, 0.4, 0.46, wood);
    paint_box (brush, x - 0.2, x + 0.2, y + 0.16, y + 0.2, 0.46, 0.9, wood);
  }
  plaza_brush_circle (brush, parasol->x, parasol->y, 0.74, 0.5);
  plaza_brush_fill (brush, plaza_hex (0xe8e2d6));
  plaza_brush_post (brush, foot, peak, 0.07, wood);
  /* Eight gores, the far ones first. */
  for (int pass = 0; pass < 2; pass++) {
    for (int i = 0; i < 8; i++) {
      double a = 2 * G_PI * i / 8, b = 2 * G_PI * (i + 1) / 8, middle = (a + b) / 2;
      PlazaPoint p = { parasol->x + radius * cos (a), parasol->y + radius * sin (a), 2.25 };
      PlazaPoint q = { parasol->x + radius * cos (b), parasol->y + radius * sin (b), 2.25 };

      if ((sin (middle) > 0) != (pass == 0))
        continue;
      plaza_brush_move (brush, peak);
      plaza_brush_line (brush, p);
      plaza_brush_line (brush, q);
      cairo_close_path (brush->color);
      plaza_brush_fill (brush, plaza_shade (cloth, 0.86 + 0.12 * sin (middle - 2) + (i % 2 ? 0.05 : 0)));
    }
  }
}

static void
paint_planter (PlazaBrush *brush, const PlazaThing *planter)
{
  static const guint flowers[] = { 0xd8495a, 0xf0c04a, 0xc77bc0, 0xf3f0ea };
  double x = planter->x, y = planter->y;

  plaza_brush_on (brush, PLAZA_STUFF, y, 0);
  paint_box (brush, x - 0.7, x + 0.7, y - 0.35, y + 0.35, 0, 0.6, plaza_hex (0xb08968));
  for (int i = 0; i < 60; i++) {
    guint64 key = plaza_hash (KEY_CROWN, (guint64) ((x + 100) * 10), 9000 + i);
    PlazaPoint centre = { x - 0.62 + 1.24 * plaza_unit (plaza_hash (key, 1, 0)), y,
      0.62 + 0.42 * plaza_unit (plaza_hash (key, 2, 0)) };
    gboolean flower = i > 34;

    plaza_brush_on (brush, PLAZA_LEAF_TOP, y, 0);
    plaza_brush_ball (brush, centre, flower ? 0.06 : 0.13);
    plaza_brush_fill (brush, flower ? plaza_hex (flowers[key % 4])
        : plaza_shade (plaza_hex (0x5f8040), 0.7 + 0.5 * plaza_unit (plaza_hash (key, 3, 0))));
  }
}

static int
farther_first (const void *a, const void *b)
{
  double ya = (*(const PlazaThing *const *) a)->y, yb = (*(const PlazaThing *const *) b)->y;

  return ya < yb ? 1 : ya > yb ? -1 : 0;
}

void
plaza_paint_things (PlazaBrush *brush)
{
  static void (*const painters[]) (PlazaBrush *, const PlazaThing *) = {
    [PLAZA_TREE] = paint_tree,[PLAZA_LAMP] = paint_lamp,[PLAZA_BENCH] = paint_bench,[PLAZA_FOUNTAIN] = paint_fountain,
    [PLAZA_PARASOL] = paint_parasol,[PLAZA_PLANTER] = paint_planter,
  };
  g_autofree const PlazaThing **order = g_new (const PlazaThing *, plaza_n_things);

  for (int i = 0; i < plaza_n_things; i++)
    order[i] = &plaza_things[i];
  qsort (order, plaza_n_things, sizeof *order, farther_first);
  for (int i = 0; i < plaza_n_things; i++)
    painters[order[i]->kind] (brush, order[i]);
}
