/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plaza-backdrop.h: everything on the plaza that never moves, painted once per frame size and without any light.
 *
 * Per pixel it keeps the colour of the surface, which surface it is (so that light can be applied by table), how far
 * away it stands (so that people walk behind it), and how much of the street lamps it gets. Immutable once made.
 */
#pragma once

#include "plaza-scene.h"

G_BEGIN_DECLS

/* Surfaces that take the light alike. */
typedef enum {
  PLAZA_SKY, PLAZA_GROUND, PLAZA_WALL_FRONT, PLAZA_WALL_RIGHT, PLAZA_WALL_LEFT, PLAZA_ROOF, PLAZA_GLASS,
  PLAZA_LEAF_LEFT, PLAZA_LEAF_TOP, PLAZA_LEAF_RIGHT, PLAZA_STUFF, PLAZA_LANTERN, PLAZA_WATER, PLAZA_N_SURFACES
} PlazaSurface;

#define PLAZA_FAR 255                   /* depth of what hides nobody */
#define PLAZA_DEPTH_STEPS 4.0           /* per metre */
#define PLAZA_SHOP_WINDOW 224           /* window numbers from here on belong to shops */

typedef struct { guint16 x, n; guint8 surface; } PlazaSpan;

typedef struct {
  PlazaCamera camera;
  int width, height;
  guint32 *albedo;              /* [height,width] xRGB as cairo keeps it */
  guint8 *depth;                /* [height,width] y in quarter metres, or PLAZA_FAR */
  guint8 *lamp;                 /* [height,width] square root of the lamps' light, 255 brightest; window number on glass */
  PlazaSpan *spans;             /* [n_spans] runs of one surface, row by row */
  guint *row_spans;             /* [height + 1] index of each row's first span */
  guint n_spans;
} PlazaBackdrop;

/* width and height at least 1. NULL when there is no memory for a frame of this size. */
PlazaBackdrop *plaza_backdrop_new (int width, int height);
void plaza_backdrop_free (PlazaBackdrop *backdrop);

/* The lamps' light (0..1) on something upright at this place. */
double plaza_lamplight_at (PlazaPoint place);
/* The lamp nearest to a spot: the one that throws its shadow. */
const PlazaThing *plaza_nearest_lamp (double x, double y);

/* The i-th ball of leaves of a tree, in metres from its foot; i < PLAZA_CROWN_BALLS, from the lowest up. */
#define PLAZA_CROWN_BALLS 40
void plaza_crown_ball (const PlazaThing *tree, int i, PlazaPoint *centre, double *radius);

/* Boxes that throw long shadows: the houses around the plaza. */
typedef struct { double x0, x1, y0, y1, height; } PlazaBox;
extern const PlazaBox plaza_boxes[];
extern const int plaza_n_boxes;

/* The clock on the tower. */
#define PLAZA_CLOCK_X (-8.25)
#define PLAZA_CLOCK_Y 56.9
#define PLAZA_CLOCK_Z 12.75
#define PLAZA_CLOCK_RADIUS 0.85

G_END_DECLS
