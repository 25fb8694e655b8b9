/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plaza-figure.h: one walking person as a small skeleton: posed in the world, drawn as the camera sees it, and thrown
 * on the ground as a shadow by the sun or a lamp.
 */
#pragma once

#include <cairo.h>

#include "plaza-scene.h"

G_BEGIN_DECLS

typedef struct { PlazaPoint hip, knee, ankle, toe, shoulder, elbow, hand; } PlazaSide;

typedef struct {
  const PlazaPerson *person;
  double scale;                 /* of a person 1.75 m tall */
  PlazaSide side[2];            /* left, right */
  PlazaPoint pelvis, chest, neck, head;
} PlazaFigure;

/* How bright the figure is seen from three sides: factors for sRGB colours. */
typedef struct { PlazaColor left, front, right; } PlazaTones;

void plaza_figure_pose (PlazaFigure *figure, const PlazaPerson *person);
/* A box in pixels that holds all that plaza_figure_draw() draws; FALSE when the camera cannot see the figure. */
gboolean plaza_figure_bounds (const PlazaFigure *figure, const PlazaCamera *camera, int *x0, int *y0, int *x1, int *y1);
void plaza_figure_draw (const PlazaFigure *figure, const PlazaCamera *camera, cairo_t *cr, const PlazaTones *tones);

/* Shadows take alpha away from the target; sun is a unit vector towards it, z above 0; a lamp is a place. */
void plaza_figure_sun_shadow (const PlazaFigure *figure, const PlazaCamera *camera, cairo_t *cr, PlazaPoint sun);
void plaza_figure_lamp_shadow (const PlazaFigure *figure, const PlazaCamera *camera, cairo_t *cr, PlazaPoint lamp);

G_END_DECLS
