/* SPDX-License-Identifier: LGPL-2.1-or-later
 * plaza-brush.c: world shapes to cairo paths. */
#include "plaza-brush.h"

#include <math.h>

PlazaColor
plaza_hex (guint hex)
{
  PlazaColor color = { (hex >> 16) / 255.0, (hex >> 8 & 255) / 255.0, (hex & 255) / 255.0 };

  return color;
}

PlazaColor
plaza_shade (PlazaColor color, double factor)
{
  PlazaColor shaded = { CLAMP (color.r * factor, 0, 1), CLAMP (color.g * factor, 0, 1), CLAMP (color.b * factor, 0, 1) };

  return shaded;
}

void
plaza_brush_on (PlazaBrush *brush, PlazaSurface surface, double y, guint8 id)
{
  brush->surface = surface;
  brush->depth = (guint8) CLAMP (y * PLAZA_DEPTH_STEPS, 0, PLAZA_FAR);
  brush->id = id;
}

static void
to_point (PlazaBrush *brush, PlazaPoint point, void (*to) (cairo_t *, double, double))
{
  double x, y;

  if (plaza_camera_project (brush->camera, point, &x, &y))
    to (brush->color, x, y);
}

void
plaza_brush_move (PlazaBrush *brush, PlazaPoint point)
{
  to_point (brush, point, cairo_move_to);
}

void
plaza_brush_line (PlazaBrush *brush, PlazaPoint point)
{
  to_point (brush, point, cairo_line_to);
}

void
plaza_brush_ball (PlazaBrush *brush, PlazaPoint centre, double radius)
{
  double x, y;

  if (!plaza_camera_project (brush->camera, centre, &x, &y))
    return;
  cairo_new_sub_path (brush->color);
  cairo_arc (brush->color, x, y, radius * brush->camera->focal / plaza_camera_depth (brush->camera, centre), 0, 2 * G_PI);
}

void
plaza_brush_circle (PlazaBrush *brush, double x, double y, double z, double radius)
{
  cairo_new_sub_path (brush->color);
  for (int i = 0; i < 48; i++) {
    double a = 2 * G_PI * i / 48;
    PlazaPoint point = { x + radius * cos (a), y + radius * sin (a), z };

    plaza_brush_line (brush, point);
  }
  cairo_close_path (brush->color);
}

static PlazaPoint
on_plane (const PlazaPlane *plane, double u, double v)
{
  PlazaPoint point = { plane->origin.x + u * plane->along.x + v * plane->up.x,
    plane->origin.y + u * plane->along.y + v * plane->up.y, plane->origin.z + u * plane->along.z + v * plane->up.z };

  return point;
}

void
plaza_brush_rect (PlazaBrush *brush, const PlazaPlane *plane, double u0, double v0, double u1, double v1)
{
  plaza_brush_move (brush, on_plane (plane, u0, v0));
  plaza_brush_line (brush, on_plane (plane, u1, v0));
  plaza_brush_line (brush, on_plane (plane, u1, v1));
  plaza_brush_line (brush, on_plane (plane, u0, v1));
  cairo_close_path (brush->color);
}

static void
set_facts (PlazaBrush *brush)
{
  cairo_set_source_rgb (brush->facts, brush->surface / 255.0, brush->depth / 255.0, brush->id / 255.0);
}

void
plaza_brush_fill (PlazaBrush *brush, PlazaColor color)
{
  cairo_path_t *path = cairo_copy_path (brush->color);

  cairo_set_source_rgb (brush->color, color.r, color.g, color.b);
  cairo_fill (brush->color);
  cairo_append_path (brush->facts, path);
  set_facts (brush);
  cairo_fill (brush->facts);
  cairo_path_destroy (path);
}

void
plaza_brush_tint (PlazaBrush *brush, PlazaColor color, double alpha)
{
  cairo_set_source_rgba (brush->color, color.r, color.g, color.b, alpha);
  cairo_fill (brush->color);
}

void
plaza_brush_post (PlazaBrush *brush, PlazaPoint foot, PlazaPoint head, double thick, PlazaColor color)
{
  double x0, y0, x1, y1;

  if (!plaza_camera_project (brush->camera, foot, &x0, &y0) || !plaza_camera_project (brush->camera, head, &x1, &y1))
    return;
  double width = thick * brush->camera->focal / plaza_camera_depth (brush->camera, foot);

  cairo_set_line_width (brush->color, width);
  cairo_set_source_rgb (brush->color, color.r, color.g, color.b);
  cairo_move_to (brush->color, x0, y0);
  cairo_line_to (brush->color, x1, y1);
  cairo_stroke (brush->color);
  cairo_set_line_width (brush->facts, MAX (width, 1));
  set_facts (brush);
  cairo_move_to (brush->facts, x0, y0);
  cairo_line_to (brush->facts, x1, y1);
  cairo_stroke (brush->facts);
}
