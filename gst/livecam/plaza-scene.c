/* SPDX-License-Identifier: LGPL-2.1-or-later
 * plaza-scene.c: the camera, the repeatable randomness and the list of what stands on the plaza. */
#include "plaza-scene.h"

#include <math.h>

#define VIEW_ASPECT (5.0 / 3.0)
#define VIEW_FOCAL 0.92                 /* of the 5:3 view's width */
#define VIEW_PITCH (12.5 * G_PI / 180.0)

const PlazaThing plaza_things[] = {
  {PLAZA_FOUNTAIN, 0.4, 34.0, 1.0, 3.4},
  {PLAZA_TREE, -12.6, 25.5, 1.0, 1.0},
  {PLAZA_TREE, -13.4, 34.0, 1.12, 1.0},
  {PLAZA_TREE, -13.0, 43.0, 0.95, 1.0},
  {PLAZA_TREE, 13.0, 28.5, 1.08, 1.0},
  {PLAZA_TREE, 13.6, 37.0, 0.95, 1.0},
  {PLAZA_TREE, 2.2, 46.5, 0.72, 0.9},
  {PLAZA_LAMP, -8.8, 21.5, 1.0, 0.6},
  {PLAZA_LAMP, 9.4, 23.0, 1.0, 0.6},
  {PLAZA_LAMP, -9.4, 38.0, 1.0, 0.6},
  {PLAZA_LAMP, 9.0, 40.0, 1.0, 0.6},
  {PLAZA_LAMP, -3.6, 47.5, 1.0, 0.6},
  {PLAZA_LAMP, 12.2, 47.5, 1.0, 0.6},
  {PLAZA_LAMP, -16.5, 47.0, 1.0, 0.6},
  {PLAZA_BENCH, -11.6, 29.6, 1.0, 1.3},
  {PLAZA_BENCH, 12.2, 32.6, -1.0, 1.3},
  {PLAZA_BENCH, -11.8, 38.8, 1.0, 1.3},
  {PLAZA_BENCH, -1.4, 41.4, 0.0, 1.4},
  {PLAZA_PARASOL, 15.4, 45.0, 0.0, 1.9},
  {PLAZA_PARASOL, 18.6, 44.2, 1.0, 1.9},
  {PLAZA_PARASOL, 17.2, 47.4, 1.0, 1.9},
  {PLAZA_PLANTER, -6.6, 48.4, 0.0, 1.0},
  {PLAZA_PLANTER, -11.0, 48.4, 1.0, 1.0},
  {PLAZA_PLANTER, 4.2, 31.0, 2.0, 1.0},
};
const int plaza_n_things = G_N_ELEMENTS (plaza_things);

void
plaza_camera_init (PlazaCamera *camera, int width, int height)
{
  double view = MIN ((double) width, height * VIEW_ASPECT);

  camera->width = width;
  camera->height = height;
  camera->focal = VIEW_FOCAL * view;
  camera->cx = width / 2.0;
  camera->cy = height / 2.0;
  camera->cos_pitch = cos (VIEW_PITCH);
  camera->sin_pitch = sin (VIEW_PITCH);
  camera->half_tan = width / 2.0 / camera->focal;
}

double
plaza_camera_depth (const PlazaCamera *camera, PlazaPoint point)
{
  return point.y * camera->cos_pitch - (point.z - PLAZA_CAMERA_HEIGHT) * camera->sin_pitch;
}

gboolean
plaza_camera_project (const PlazaCamera *camera, PlazaPoint point, double *px, double *py)
{
  double depth = plaza_camera_depth (camera, point);
  double up = point.y * camera->sin_pitch + (point.z - PLAZA_CAMERA_HEIGHT) * camera->cos_pitch;

  if (depth < 0.5)
    return FALSE;
  *px = camera->cx + camera->focal * point.x / depth;
  *py = camera->cy - camera->focal * up / depth;
  return TRUE;
}

PlazaPoint
plaza_camera_ray (const PlazaCamera *camera, double px, double py)
{
  double right = (px - camera->cx) / camera->focal;
  double up = (camera->cy - py) / camera->focal;
  PlazaPoint ray = { right, camera->cos_pitch + up * camera->sin_pitch, up * camera->cos_pitch - camera->sin_pitch };

  return ray;
}

static guint64
mix (guint64 v)
{
  v += G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
  v = (v ^ (v >> 30)) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  v = (v ^ (v >> 27)) * G_GUINT64_CONSTANT (0x94d049bb133111eb);
  return v ^ (v >> 31);
}

guint64
plaza_hash (guint64 a, guint64 b, guint64 c)
{
  return mix (mix (mix (a) + b) + c);
}

double
plaza_unit (guint64 hash)
{
  return (hash >> 11) * (1.0 / 9007199254740992.0);
}
