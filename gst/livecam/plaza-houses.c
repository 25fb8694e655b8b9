/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plaza-houses.c: the hills, the tower, the houses around the plaza and the street that leaves it. A house is a plane
 * seen from the plaza: u to the right along the wall, v up, both in metres.
 */
#include <math.h>

#include "plaza-brush.h"

#define GROUND_FLOOR 3.5

typedef struct {
  double width, height;
  int floors, bays;             /* floors above the shops */
  double roof;                  /* rise of the roof above the eaves */
  guint wall, trim, shutter, shop, tiles;
  gboolean balconies, arches;
} House;

static const House back_row[] = {
  {13.5, 9.4, 2, 5, 1.7, 0xd9a574, 0xf0e4cf, 0x4f6b57, 0x6b3a32, 0xa65f45, FALSE, FALSE},
  {11.5, 10.4, 2, 4, 1.5, 0xe8d3a2, 0xfaf1dc, 0x5a7a8c, 0x2f4a54, 0x99553e, TRUE, FALSE},
  {11.0, 8.3, 2, 4, 1.5, 0xc98a76, 0xf1ddcb, 0x3f5a4a, 0x3b3b44, 0xa8644a, FALSE, TRUE},
  {12.0, 9.7, 2, 5, 1.6, 0xe9dcc3, 0xffffff, 0x8a5a44, 0x27473c, 0x955440, TRUE, FALSE},
};
static const House back_right[] = {
  {9.5, 10.2, 2, 3, 1.5, 0xdfb98c, 0xf6ead4, 0x6b4d3a, 0x5a2f33, 0x9f5b43, TRUE, FALSE},
  {12.0, 8.8, 2, 4, 1.7, 0xd7c9b4, 0xf7f2e8, 0x51708a, 0x2e3d57, 0xa4614a, FALSE, TRUE},
  {14.0, 9.8, 2, 5, 1.5, 0xcf9b7f, 0xf2e2d0, 0x486352, 0x4a3328, 0x9a5741, FALSE, FALSE},
};
static const House left_side[] = {
  {9.5, 11.6, 3, 4, 0, 0xe0c49a, 0xf7ecd6, 0x557a6a, 0x38424d, 0x9c5a43, FALSE, TRUE},
  {9.5, 11.0, 3, 4, 0, 0xd2a08a, 0xf3e1d2, 0x6e5240, 0x2b4a45, 0x9c5a43, TRUE, TRUE},
};
static const House right_side[] = {
  {8.0, 10.6, 2, 3, 0, 0xe6d6b8, 0xfaf3e4, 0x54748a, 0x5b3030, 0xa05c44, TRUE, FALSE},
  {8.0, 10.0, 2, 3, 0, 0xdcb288, 0xf5e8d3, 0x4d6650, 0x33414f, 0xa05c44, FALSE, FALSE},
};
static const House street_end = { 9, 8.5, 2, 4, 1.5, 0xcdb79a, 0xeaddc8, 0x5b6b60, 0x4d4038, 0x96563f, FALSE, FALSE };

/* The wall being painted: its plane, what it is and a number that makes its windows its own. */
typedef struct {
  PlazaPlane plane;
  PlazaSurface surface;
  double depth;
  guint key;
} Wall;

static void
block (PlazaBrush *brush, const Wall *wall, double u0, double v0, double u1, double v1, PlazaColor color)
{
  plaza_brush_on (brush, wall->surface, wall->depth, (guint8) (fabs (wall->plane.origin.x) * PLAZA_WALL_STEPS));
  plaza_brush_rect (brush, &wall->plane, u0, v0, u1, v1);
  plaza_brush_fill (brush, color);
}

static void
wash (PlazaBrush *brush, const Wall *wall, double u0, double v0, double u1, double v1, guint hex, double alpha)
{
  plaza_brush_rect (brush, &wall->plane, u0, v0, u1, v1);
  plaza_brush_tint (brush, plaza_hex (hex), alpha);
}

static void
glass (PlazaBrush *brush, const Wall *wall, double u0, double v0, double u1, double v1, gboolean shop, guint number)
{
  guint64 hash = plaza_hash (wall->key, number, 9);
  guint8 id = shop ? PLAZA_SHOP_WINDOW + hash % (256 - PLAZA_SHOP_WINDOW) : hash % PLAZA_SHOP_WINDOW;

  plaza_brush_on (brush, PLAZA_GLASS, wall->depth, id);
  plaza_brush_rect (brush, &wall->plane, u0, v0, u1, v1);
  plaza_brush_fill (brush, plaza_shade (plaza_hex (0x8d98a0), 0.9 + 0.25 * plaza_unit (hash)));
  if (!shop && hash % 3 == 0)
    wash (brush, wall, u0, v0 + (v1 - v0) * 0.45, u1, v1, 0xf4efe2, 0.35);
  wash (brush, wall, u0, v1 - 0.16, u1, v1, 0x101418, 0.35);
}

static void
paint_balcony (PlazaBrush *brush, const Wall *wall, double u, double v)
{
  PlazaColor iron = plaza_hex (0x34343a);

  block (brush, wall, u - 0.95, v - 0.16, u + 0.95, v, plaza_hex (0xb8ad9c));
  wash (brush, wall, u - 0.95, v - 0.42, u + 0.95, v - 0.16, 0x201810, 0.3);
  for (double x = -0.9; x <= 0.91; x += 0.2)
    block (brush, wall, u + x - 0.02, v, u + x + 0.02, v + 0.8, iron);
  block (brush, wall, u - 0.95, v + 0.78, u + 0.95, v + 0.86, iron);
}

static void
paint_window (PlazaBrush *brush, const Wall *wall, const House *house, double u, double v, double tall, guint number)
{
  PlazaColor trim = plaza_hex (house->trim), shutter = plaza_hex (house->shutter);
  double half = 0.52, leaf = 0.46;
  guint64 hash = plaza_hash (wall->key, number, 3);

  block (brush, wall, u - half - 0.14, v - 0.1, u + half + 0.14, v + tall + 0.16, trim);
  glass (brush, wall, u - half, v, u + half, v + tall, FALSE, number);
  block (brush, wall, u - 0.035, v, u + 0.035, v + tall, trim);
  block (brush, wall, u - half, v + tall * 0.62, u + half, v + tall * 0.62 + 0.06, trim);
  if (hash % 9 == 0) {
    block (brush, wall, u - half, v, u + half, v + tall, plaza_shade (shutter, 0.92));
  } else {
    block (brush, wall, u - half - leaf - 0.06, v - 0.04, u - half - 0.06, v + tall + 0.04, shutter);
    block (brush, wall, u + half + 0.06, v - 0.04, u + half + leaf + 0.06, v + tall + 0.04, shutter);
    for (double y = v + 0.15; y < v + tall; y += 0.3) {
      wash (brush, wall, u - half - leaf, y, u - half - 0.12, y + 0.09, 0x101010, 0.22);
      wash (brush, wall, u + half + 0.12, y, u + half + leaf, y + 0.09, 0x101010, 0.22);
    }
  }
  block (brush, wall, u - half - 0.22, v - 0.2, u + half + 0.22, v - 0.08, plaza_shade (trim, 0.97));
  wash (brush, wall, u - half - 0.18, v - 0.42, u + half + 0.18, v - 0.2, 0x302018, 0.16);
  if (house->balconies && hash % 2)
    paint_balcony (brush, wall, u, v - 0.1);
  else if (hash % 5 == 1) {
    block (brush, wall, u - half, v - 0.12, u + half, v + 0.1, plaza_hex (0x5d7a45));
    for (int i = 0; i < 5; i++)
      block (brush, wall, u - half + 0.05 + i * 0.2, v + 0.02, u - half + 0.15 + i * 0.2, v + 0.14,
          plaza_hex (i % 2 ? 0xd64550 : 0xf2a6b0));
  }
}

static void
paint_awning (PlazaBrush *brush, const Wall *wall, double u0, double u1, double v, guint hex)
{
  int stripes = MAX (2, (int) ((u1 - u0) / 0.45));
  PlazaPlane slope = wall->plane;
  Wall cloth = *wall;
  /* Outwards from the wall: to the left of its direction, seen from above. */
  double out_x = wall->plane.along.y * 1.1, out_y = -wall->plane.along.x * 1.1;

  slope.origin.z += v;
  slope.up = (PlazaPoint) {out_x, out_y, -0.62};
  cloth.plane = slope;
  cloth.depth = wall->depth - 1.1;
  cloth.surface = PLAZA_STUFF;
  for (int i = 0; i < stripes; i++) {
    double a = u0 + (u1 - u0) * i / stripes, b = u0 + (u1 - u0) * (i + 1) / stripes;

    block (brush, &cloth, a, 0, b, 1, i % 2 ? plaza_hex (0xf3ead9) : plaza_hex (hex));
  }
  wash (brush, &cloth, u0, 0.9, u1, 1.0, 0x000000, 0.18);
}

static void
paint_arch (PlazaBrush *brush, const Wall *wall, double u, double half, double top, guint number)
{
  PlazaPlane plane = wall->plane;
  double spring = top - half;

  plaza_brush_on (brush, PLAZA_GLASS, wall->depth, PLAZA_SHOP_WINDOW + plaza_hash (wall->key, number, 4) % 32);
  for (int i = -1; i <= 13; i++) {
    double a = G_PI * CLAMP (i, 0, 12) / 12;
    double du = half * cos (a), v = i < 0 || i > 12 ? 0 : spring + half * sin (a);
    PlazaPoint point = { plane.origin.x + (u + du) * plane.along.x, plane.origin.y + (u + du) * plane.along.y, v };

    if (i < 0)
      plaza_brush_move (brush, point);
    else
      plaza_brush_line (brush, point);
  }
  cairo_close_path (brush->color);
  plaza_brush_fill (brush, plaza_hex (0x5f5a55));
  wash (brush, wall, u - half * 0.7, 0, u + half * 0.7, 0.9, 0x2a2622, 0.55);
}

static void
paint_shops (PlazaBrush *brush, const Wall *wall, const House *house)
{
  static const guint cloths[] = { 0xb3402f, 0x2f6b4f, 0x2d4f7c, 0xc07f2a };
  double bay = house->width / house->bays;
  PlazaColor front = plaza_hex (house->shop);

  block (brush, wall, 0, 0, house->width, GROUND_FLOOR, plaza_shade (plaza_hex (house->wall), 0.88));
  block (brush, wall, 0, 0, house->width, 0.45, plaza_hex (0x8e867b));
  for (int i = 0; i < house->bays; i++) {
    double u = (i + 0.5) * bay, half = MIN (bay * 0.38, 1.15);
    guint number = 100 + i;

    if (house->arches) {
      paint_arch (brush, wall, u, half * 1.05, 3.0, number);
    } else if (i == house->bays / 2) {
      block (brush, wall, u - 0.75, 0, u + 0.75, 2.75, plaza_shade (front, 0.85));
      block (brush, wall, u - 0.58, 0, u + 0.58, 2.1, plaza_shade (front, 0.6));
      glass (brush, wall, u - 0.58, 2.2, u + 0.58, 2.65, TRUE, number);
    } else {
      block (brush, wall, u - half - 0.12, 0.35, u + half + 0.12, 2.95, front);
      glass (brush, wall, u - half, 0.6, u + half, 2.5, TRUE, number);
      block (brush, wall, u - 0.03, 0.6, u + 0.03, 2.5, front);
      if (plaza_hash (wall->key, number, 6) % 3)
        paint_awning (brush, wall, u - half - 0.25, u + half + 0.25, 3.05,
            cloths[plaza_hash (wall->key, 0, 7) % G_N_ELEMENTS (cloths)]);
    }
  }
  block (brush, wall, 0, GROUND_FLOOR - 0.16, house->width, GROUND_FLOOR + 0.08, plaza_hex (house->trim));
  wash (brush, wall, 0, GROUND_FLOOR - 0.42, house->width, GROUND_FLOOR - 0.16, 0x201810, 0.22);
}

static void
paint_roof (PlazaBrush *brush, const Wall *wall, const House *house)
{
  Wall roof = *wall;
  double into_x = -wall->plane.along.y, into_y = wall->plane.along.x;

  if (house->roof <= 0)
    return;
  roof.surface = PLAZA_ROOF;
  roof.plane.origin.z += house->height;
  roof.plane.origin.x -= into_x * 0.5;
  roof.plane.origin.y -= into_y * 0.5;
  roof.plane.up = (PlazaPoint) {into_x * 5.5, into_y * 5.5, house->roof};
  block (brush, &roof, -0.15, 0, house->width + 0.15, 1, plaza_hex (house->tiles));
  for (double u = 0.2; u < house->width; u += 0.42)
    wash (brush, &roof, u, 0, u + 0.14, 1, 0x3a1a10, 0.22);
  wash (brush, &roof, -0.15, 0.93, house->width + 0.15, 1, 0xffd8b8, 0.25);
  /* Chimneys stand on the ridge. */
  for (int i = 0; i < 2; i++) {
    double u = house->width * (0.2 + 0.5 * i + 0.2 * plaza_unit (plaza_hash (wall->key, i, 8)));
    Wall stack = *wall;

    stack.plane.origin.x += into_x * 3;
    stack.plane.origin.y += into_y * 3;
    block (brush, &stack, u, house->height + house->roof * 0.5, u + 0.75, house->height + house->roof + 0.75,
        plaza_hex (0xb08a72));
    block (brush, &stack, u - 0.08, house->height + house->roof + 0.62, u + 0.83, house->height + house->roof + 0.8,
        plaza_hex (0x7a5f50));
  }
}

static void
paint_house (PlazaBrush *brush, const Wall *wall, const House *house)
{
  double storey = (house->height - GROUND_FLOOR - 0.5) / house->floors, bay = house->width / house->bays;
  double w = house->width, h = house->height;

  paint_roof (brush, wall, house);
  block (brush, wall, 0, 0, w, h, plaza_hex (house->wall));
  /* Weather: darker under the eaves, streaks below sills, damp near the street. */
  for (int i = 0; i < 4; i++)
    wash (brush, wall, 0, h - 0.5 - 0.4 * i, w, h, 0x40281a, 0.05);
  paint_shops (brush, wall, house);
  for (int floor = 0; floor < house->floors; floor++) {
    for (int i = 0; i < house->bays; i++)
      paint_window (brush, wall, house, (i + 0.5) * bay, GROUND_FLOOR + floor * storey + storey * 0.26,
          MIN (1.75, storey * 0.58), floor * 20 + i);
  }
  block (brush, wall, -0.12, h - 0.32, w + 0.12, h, plaza_hex (house->trim));
  wash (brush, wall, 0, h - 0.7, w, h - 0.32, 0x201008, 0.25);
  /* Where two houses meet. */
  wash (brush, wall, w - 0.1, 0, w, h, 0x201008, 0.28);
}

static void
paint_row (PlazaBrush *brush, PlazaPoint origin, PlazaPoint along, PlazaSurface surface, double depth,
    const House *houses, guint n)
{
  for (guint i = 0; i < n; i++) {
    Wall wall = { {origin, along, {0, 0, 1}}, surface, depth, (guint) (fabs (origin.x) * 10 + fabs (origin.y)) };

    paint_house (brush, &wall, &houses[i]);
    origin.x += along.x * houses[i].width;
    origin.y += along.y * houses[i].width;
  }
}

void
plaza_paint_hills (PlazaBrush *brush)
{
  for (int layer = 0; layer < 2; layer++) {
    plaza_brush_on (brush, PLAZA_ROOF, 1e3, 0);
    for (int i = 0; i <= 60; i++) {
      double x = -600 + 20.0 * i;
      double z = 12 + 9 * sin (x * 0.011 + layer * 2) + 5 * sin (x * 0.027 + layer) - layer * 8;
      PlazaPoint point = { x, 400, z };

      if (i == 0)
        plaza_brush_move (brush, point);
      else
        plaza_brush_line (brush, point);
    }
    PlazaPoint right = { 600, 400, -100 }, left = { -600, 400, -100 };

    plaza_brush_line (brush, right);
    plaza_brush_line (brush, left);
    cairo_close_path (brush->color);
    plaza_brush_fill (brush, plaza_hex (layer ? 0x7f9078 : 0x9aa8ac));
  }
}

static void
paint_tower (PlazaBrush *brush)
{
  Wall wall = { {{PLAZA_CLOCK_X - 2.1, 57, 0}, {1, 0, 0}, {0, 0, 1}}, PLAZA_WALL_FRONT, 1e3, 5 };
  PlazaPoint left = { PLAZA_CLOCK_X - 2.5, 57, 14 }, right = { PLAZA_CLOCK_X + 2.5, 57, 14 };
  PlazaPoint peak = { PLAZA_CLOCK_X, 58, 16.0 }, clock = { PLAZA_CLOCK_X, PLAZA_CLOCK_Y, PLAZA_CLOCK_Z };

  block (brush, &wall, 0, 0, 4.2, 14, plaza_hex (0xd8c6a6));
  wash (brush, &wall, 0, 0, 0.35, 14, 0xffffff, 0.2);
  wash (brush, &wall, 3.8, 0, 4.2, 14, 0x201008, 0.25);
  block (brush, &wall, -0.25, 13.75, 4.45, 14.05, plaza_hex (0xf1e6d0));
  block (brush, &wall, -0.1, 11.35, 4.3, 11.5, plaza_hex (0xefe2ca));
  plaza_brush_on (brush, PLAZA_ROOF, 1e3, 0);
  plaza_brush_move (brush, left);
  plaza_brush_line (brush, right);
  plaza_brush_line (brush, peak);
  cairo_close_path (brush->color);
  plaza_brush_fill (brush, plaza_hex (0x6f7f78));
  plaza_brush_on (brush, PLAZA_WALL_FRONT, 1e3, 0);
  plaza_brush_ball (brush, clock, PLAZA_CLOCK_RADIUS * 1.18);
  plaza_brush_fill (brush, plaza_hex (0x5a4a3a));
  plaza_brush_on (brush, PLAZA_LANTERN, 1e3, 0);
  plaza_brush_ball (brush, clock, PLAZA_CLOCK_RADIUS);
  plaza_brush_fill (brush, plaza_hex (0xf4efe0));
}

void
plaza_paint_houses (PlazaBrush *brush)
{
  const PlazaPoint rightwards = { 1, 0, 0 }, away = { 0, 1, 0 }, nearer = { 0, -1, 0 };
  double row = 0;

  paint_tower (brush);
  for (guint i = 0; i < G_N_ELEMENTS (back_row); i++)
    row += back_row[i].width;

  /* The street: its far end, then the wall on its right; the left one faces away. */
  Wall end = { {{PLAZA_ALLEY_X0 - 2, 72, 0}, rightwards, {0, 0, 1}}, PLAZA_WALL_FRONT, 1e3, 11 };
  Wall flank = { {{PLAZA_ALLEY_X1, 72, 0}, nearer, {0, 0, 1}}, PLAZA_WALL_LEFT, 1e3, 12 };
  const House flank_house = { 22, 10.2, 2, 7, 0, 0xcfb08c, 0xeaddc8, 0x5d5a48, 0x4a4038, 0x96563f, FALSE, FALSE };

  paint_house (brush, &end, &street_end);
  paint_house (brush, &flank, &flank_house);

  PlazaPoint left_row = { PLAZA_ALLEY_X0 - row, PLAZA_BACK_Y, 0 }, right_row = { PLAZA_ALLEY_X1, PLAZA_BACK_Y, 0 };
  PlazaPoint left = { PLAZA_LEFT_X, PLAZA_SIDE_Y, 0 }, right = { PLAZA_RIGHT_X, PLAZA_BACK_Y, 0 };

  paint_row (brush, left_row, rightwards, PLAZA_WALL_FRONT, PLAZA_BACK_Y, back_row, G_N_ELEMENTS (back_row));
  paint_row (brush, right_row, rightwards, PLAZA_WALL_FRONT, PLAZA_BACK_Y, back_right, G_N_ELEMENTS (back_right));
  paint_row (brush, left, away, PLAZA_WALL_RIGHT, 1e3, left_side, G_N_ELEMENTS (left_side));
  paint_row (brush, right, nearer, PLAZA_WALL_LEFT, 1e3, right_side, G_N_ELEMENTS (right_side));

  /* Very wide frames also see the near ends of the side rows. */
  Wall near_left = { {{PLAZA_LEFT_X - 30, PLAZA_SIDE_Y, 0}, rightwards, {0, 0, 1}}, PLAZA_WALL_FRONT, 1e3, 13 };
  Wall near_right = { {{PLAZA_RIGHT_X, PLAZA_BACK_Y - 16, 0}, rightwards, {0, 0, 1}}, PLAZA_WALL_FRONT, 1e3, 14 };
  House gable = left_side[0];

  gable.width = 30;
  gable.bays = 10;
  paint_house (brush, &near_left, &gable);
  gable.height = 10.6;
  paint_house (brush, &near_right, &gable);
}
