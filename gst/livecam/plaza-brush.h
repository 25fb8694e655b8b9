/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plaza-brush.h: draws world shapes into the backdrop's colours and, by the same path, into its facts (surface, depth,
 * id). Private to the backdrop's files.
 */
#pragma once

#include <cairo.h>

#include "plaza-backdrop.h"

G_BEGIN_DECLS

typedef struct {
  const PlazaCamera *camera;
  cairo_t *color;
  cairo_t *facts;               /* red: surface, green: depth, blue: id; never antialiased */
  PlazaSurface surface;
  guint8 depth;
  guint8 id;                    /* glass: window number; side walls: how far from the middle, in PLAZA_WALL_STEPS */
} PlazaBrush;

#define PLAZA_WALL_STEPS 8.0            /* per metre */

/* A flat upright or lying rectangle: u runs along `along`, v along `up`. */
typedef struct { PlazaPoint origin, along, up; } PlazaPlane;

/* What follows is this surface, standing y metres away (PLAZA_FAR / PLAZA_DEPTH_STEPS or more hides nobody). */
void plaza_brush_on (PlazaBrush *brush, PlazaSurface surface, double y, guint8 id);
void plaza_brush_move (PlazaBrush *brush, PlazaPoint point);
void plaza_brush_line (PlazaBrush *brush, PlazaPoint point);
/* A disc facing the camera; radius in metres. */
void plaza_brush_ball (PlazaBrush *brush, PlazaPoint centre, double radius);
/* A lying circle or ring sector in the plane z. */
void plaza_brush_circle (PlazaBrush *brush, double x, double y, double z, double radius);
void plaza_brush_rect (PlazaBrush *brush, const PlazaPlane *plane, double u0, double v0, double u1, double v1);
/* Each ends the path. Fill sets colour and facts; tint only mixes colour in. */
void plaza_brush_fill (PlazaBrush *brush, PlazaColor color);
void plaza_brush_tint (PlazaBrush *brush, PlazaColor color, double alpha);
/* A post from foot to head, `thick` metres wide. */
void plaza_brush_post (PlazaBrush *brush, PlazaPoint foot, PlazaPoint head, double thick, PlazaColor color);

PlazaColor plaza_hex (guint hex);
PlazaColor plaza_shade (PlazaColor color, double factor);

/* In this order. */
void plaza_paint_hills (PlazaBrush *brush);
void plaza_paint_ground (PlazaBrush *brush);
void plaza_paint_houses (PlazaBrush *brush);
void plaza_paint_things (PlazaBrush *brush);

G_END_DECLS
