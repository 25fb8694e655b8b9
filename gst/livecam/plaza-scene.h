/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plaza-scene.h: the world plaza-test-src draws: where things stand, who walks where, and the camera that sees it.
 *
 * Everything is a pure function of a seed and a time, so any frame can be drawn without the frames before it.
 * World axes in metres: x to the right, y away from the camera, z up; the camera hangs at (0, 0, PLAZA_CAMERA_HEIGHT).
 * Nothing here allocates or keeps state; every function may be called from any thread.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define PLAZA_MAX_PEOPLE 64
#define PLAZA_CAMERA_HEIGHT 10.0
#define PLAZA_BACK_Y 50.0               /* the row of houses that closes the plaza */
#define PLAZA_LEFT_X (-20.0)            /* the houses on either side: their walls that face the plaza, */
#define PLAZA_RIGHT_X 21.0
#define PLAZA_SIDE_Y 31.0               /* and where they begin */
#define PLAZA_ALLEY_X0 5.0              /* the street that leaves through the back row */
#define PLAZA_ALLEY_X1 10.5

typedef struct { double x, y; } PlazaSpot;
typedef struct { double x, y, z; } PlazaPoint;

/* 0..1 each: an sRGB colour where it is a surface, linear light where it is light. */
typedef struct { double r, g, b; } PlazaColor;

typedef struct {
  int width, height;
  double focal;                 /* pixels */
  double cx, cy, cos_pitch, sin_pitch;
  double half_tan;              /* x / depth at the frame's side */
} PlazaCamera;

/* The whole 5:3 view is always inside the frame; other shapes see more sky and paving, or more to the sides. */
void plaza_camera_init (PlazaCamera *camera, int width, int height);
/* Depth in metres along the optical axis; pixels per metre there are focal / depth. */
double plaza_camera_depth (const PlazaCamera *camera, PlazaPoint point);
/* FALSE (and no pixel) for what is closer than half a metre or behind. */
gboolean plaza_camera_project (const PlazaCamera *camera, PlazaPoint point, double *px, double *py);
/* The direction a pixel looks in, not normalised: camera position + t * direction. */
PlazaPoint plaza_camera_ray (const PlazaCamera *camera, double px, double py);

/* Repeatable randomness: a mixed 64-bit value of three keys, and its place in [0, 1). */
guint64 plaza_hash (guint64 a, guint64 b, guint64 c);
double plaza_unit (guint64 hash);

typedef enum { PLAZA_TREE, PLAZA_LAMP, PLAZA_BENCH, PLAZA_FOUNTAIN, PLAZA_PARASOL, PLAZA_PLANTER } PlazaThingKind;

typedef struct {
  PlazaThingKind kind;
  double x, y;
  double size;                  /* tree: scale of the crown; bench: 1 faces right, -1 left, 0 the camera; parasol: hue */
  double clearance;             /* people keep this far from its centre */
} PlazaThing;

extern const PlazaThing plaza_things[];
extern const int plaza_n_things;

#define PLAZA_LAMP_Z 4.3                /* of the light */

/* What a walker looks like; colours are surfaces. */
typedef struct {
  double height;                /* metres */
  PlazaColor skin, hair, top, bottom, shoes, bag;
  guint long_hair : 1, skirt : 1, coat : 1, backpack : 1, shoulder_bag : 1, cap : 1, shorts : 1;
} PlazaLook;

typedef struct {
  double x, y;                  /* between the feet */
  double hx, hy;                /* where they walk, a unit vector */
  double phase;                 /* of the step, radians */
  double gait;                  /* 0 standing .. 1 walking */
  PlazaLook look;
} PlazaPerson;

typedef struct {
  guint64 seed;
  int people_min, people_max;   /* 0 <= min <= max <= PLAZA_MAX_PEOPLE */
} PlazaCrowd;

/* Who is about at `seconds` since the start, in a view half_tan wide. The first people_min never leave the view, the
 * others come and go. Fills at most people_max entries and returns how many. */
int plaza_people_at (const PlazaCrowd *crowd, double seconds, double half_tan, PlazaPerson *people);
/* A moment of its own for each draw: share (0 <= share < 1) picks the number between people_min and people_max, and
 * all of them stand within the view. */
int plaza_people_draw (const PlazaCrowd *crowd, guint64 draw, double share, double half_tan, PlazaPerson *people);

G_END_DECLS
