/* SPDX-License-Identifier: LGPL-2.1-or-later
 * plaza-ground.c: the paving: slabs in running bond, bands of darker stone, rings around the fountain. */
#include <math.h>

#include "plaza-brush.h"

#define NEAR_Y 3.0                      /* the nearest ground any frame shows */
#define SLAB_X 1.3
#define SLAB_Y 0.95
#define KEY_SLAB 501

static void
lying_rect (PlazaBrush *brush, double x0, double y0, double x1, double y1)
{
  PlazaPoint a = { x0, y0, 0 }, b = { x1, y0, 0 }, c = { x1, y1, 0 }, d = { x0, y1, 0 };

  plaza_brush_move (brush, a);
  plaza_brush_line (brush, b);
  plaza_brush_line (brush, c);
  plaza_brush_line (brush, d);
  cairo_close_path (brush->color);
}

static void
paint_slabs (PlazaBrush *brush)
{
  static const guint stones[] = { 0xc8bdac, 0xc4b9a8, 0xccc2b1, 0xc0b5a4, 0xc6bcae, 0xc8bba6 };
  int rows = (int) ((PLAZA_BACK_Y - NEAR_Y) / SLAB_Y) + 1;

  for (int row = 0; row < rows; row++) {
    double y = PLAZA_BACK_Y - (row + 1) * SLAB_Y;
    double reach = brush->camera->half_tan * (y + SLAB_Y + 4) + SLAB_X;
    int first = (int) floor (-reach / SLAB_X), last = (int) ceil (reach / SLAB_X);

    for (int column = first; column <= last; column++) {
      guint64 key = plaza_hash (KEY_SLAB, row, (guint64) (gint64) column);
      double x = (column + 0.5 * (row & 1)) * SLAB_X, shade = 0.97 + 0.05 * plaza_unit (plaza_hash (key, 1, 0));

      lying_rect (brush, x + 0.02, y + 0.02, x + SLAB_X - 0.02, y + SLAB_Y - 0.02);
      plaza_brush_tint (brush, plaza_shade (plaza_hex (stones[key % G_N_ELEMENTS (stones)]), shade), 1);
    }
  }
}

static void
paint_bands (PlazaBrush *brush)
{
  PlazaColor dark = plaza_hex (0x8f8474);

  for (double x = -63; x <= 63; x += 7) {
    lying_rect (brush, x - 0.28, NEAR_Y, x + 0.28, PLAZA_BACK_Y - 2);
    plaza_brush_tint (brush, dark, 0.62);
  }
  for (double y = 48; y > NEAR_Y; y -= 7) {
    lying_rect (brush, -80, y - 0.28, 80, y + 0.28);
    plaza_brush_tint (brush, dark, 0.62);
  }
  /* The raised walk along the houses, and its kerb. */
  lying_rect (brush, -80, PLAZA_BACK_Y - 1.9, 80, PLAZA_BACK_Y);
  plaza_brush_tint (brush, plaza_hex (0xb3aca2), 0.75);
  lying_rect (brush, -80, PLAZA_BACK_Y - 2.05, 80, PLAZA_BACK_Y - 1.9);
  plaza_brush_tint (brush, plaza_hex (0x7d766c), 0.8);
}

static void
paint_rings (PlazaBrush *brush, const PlazaThing *fountain)
{
  static const struct { double radius; guint hex; double alpha; } rings[] = {
    {7.2, 0x8f8474, 0.75}, {6.8, 0xd2c8b6, 1}, {5.2, 0x9a7f6a, 0.8}, {4.4, 0xcabfae, 1}, {3.2, 0xa89c8a, 0.9},
  };

  for (guint i = 0; i < G_N_ELEMENTS (rings); i++) {
    plaza_brush_circle (brush, fountain->x, fountain->y, 0, rings[i].radius);
    plaza_brush_tint (brush, plaza_hex (rings[i].hex), rings[i].alpha);
  }
  for (int i = 0; i < 28; i++) {
    double a = 2 * G_PI * i / 28, c = cos (a), s = sin (a);
    PlazaPoint inner = { fountain->x + 4.4 * c, fountain->y + 4.4 * s, 0 };
    PlazaPoint outer = { fountain->x + 6.8 * c, fountain->y + 6.8 * s, 0 };
    double x0, y0, x1, y1;

    if (!plaza_camera_project (brush->camera, inner, &x0, &y0) || !plaza_camera_project (brush->camera, outer, &x1, &y1))
      continue;
    cairo_move_to (brush->color, x0, y0);
    cairo_line_to (brush->color, x1, y1);
    cairo_set_line_width (brush->color, 0.07 * brush->camera->focal / fountain->y);
    cairo_set_source_rgba (brush->color, 0.45, 0.40, 0.34, 0.6);
    cairo_stroke (brush->color);
  }
}

/* Large, faint patches: where water dries last and feet wear the stone. */
static void
paint_wear (PlazaBrush *brush)
{
  for (int i = 0; i < 46; i++) {
    double x = -24 + 48 * plaza_unit (plaza_hash (KEY_SLAB, i, 1)), y = 13 + 34 * plaza_unit (plaza_hash (KEY_SLAB, i, 2));
    double radius = 0.5 + 2.2 * plaza_unit (plaza_hash (KEY_SLAB, i, 3));
    gboolean pale = plaza_unit (plaza_hash (KEY_SLAB, i, 4)) < 0.4;

    plaza_brush_circle (brush, x, y, 0, radius);
    plaza_brush_tint (brush, plaza_hex (pale ? 0xfff4e0 : 0x4a4238), 0.045);
    plaza_brush_circle (brush, x + 0.2, y + 0.1, 0, radius * 0.6);
    plaza_brush_tint (brush, plaza_hex (pale ? 0xfff4e0 : 0x4a4238), 0.045);
  }
}

void
plaza_paint_ground (PlazaBrush *brush)
{
  double x, y, bottom = brush->camera->height;
  PlazaPoint edge = { 0, 400, 0 };

  /* From beyond the houses down to the frame's lower edge, whatever its shape. */
  plaza_brush_on (brush, PLAZA_GROUND, 1e3, 0);
  if (plaza_camera_project (brush->camera, edge, &x, &y)) {
    cairo_rectangle (brush->color, 0, y, brush->camera->width, bottom - y);
    plaza_brush_fill (brush, plaza_hex (0xa99e8e));
  }
  paint_slabs (brush);
  paint_bands (brush);
  paint_wear (brush);
  for (int i = 0; i < plaza_n_things; i++) {
    if (plaza_things[i].kind == PLAZA_FOUNTAIN)
      paint_rings (brush, &plaza_things[i]);
  }
}
