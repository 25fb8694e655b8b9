/* SPDX-License-Identifier: LGPL-2.1-or-later
 * plaza-sky.c: gradients by elevation, and a repeating field of noise seen as a layer of clouds overhead. */
#include "plaza-sky.h"

#include <math.h>

#define KEY_CLOUD 311
#define HIGH_SKY 0.44                   /* radians above the horizon where sky_high is reached */
#define OCTAVES 5
#define CELLS 256                       /* the cloud field repeats after this many cells */

static guint8 clouds[CELLS * CELLS];    /* heights of a smooth field */

static float
lattice (int x, int y, int cells, int octave)
{
  guint64 key = plaza_hash (KEY_CLOUD + octave, (guint64) (x & (cells - 1)), (guint64) (y & (cells - 1)));

  return (float) plaza_unit (key);
}

/* Value noise on a lattice of `cells` per side, at a place in units of the lattice. */
static float
noise_at (float x, float y, int cells, int octave)
{
  int ix = (int) floorf (x), iy = (int) floorf (y);
  float u = x - ix, v = y - iy;

  u = u * u * (3 - 2 * u);
  v = v * v * (3 - 2 * v);
  float top = lattice (ix, iy, cells, octave) * (1 - u) + lattice (ix + 1, iy, cells, octave) * u;
  float bottom = lattice (ix, iy + 1, cells, octave) * (1 - u) + lattice (ix + 1, iy + 1, cells, octave) * u;

  return top * (1 - v) + bottom * v;
}

static void
make_clouds (void)
{
  static gsize made = 0;

  if (!g_once_init_enter (&made))
    return;
  for (int y = 0; y < CELLS; y++) {
    for (int x = 0; x < CELLS; x++) {
      float sum = 0, weight = 0, share = 1;

      for (int octave = 0; octave < OCTAVES; octave++, share *= 0.55f) {
        int size = 8 << octave;

        sum += share * noise_at (x * (float) size / CELLS, y * (float) size / CELLS, size, octave);
        weight += share;
      }
      clouds[y * CELLS + x] = (guint8) lrintf (255 * sum / weight);
    }
  }
  g_once_init_leave (&made, 1);
}

/* Height of the field, 0..1, between its cells. */
static float
cloud_at (float x, float y)
{
  float fx = floorf (x), fy = floorf (y), u = x - fx, v = y - fy;
  int x0 = (int) fx & (CELLS - 1), y0 = (int) fy & (CELLS - 1);
  int x1 = (x0 + 1) & (CELLS - 1), y1 = (y0 + 1) & (CELLS - 1);
  const guint8 *a = clouds + y0 * CELLS, *b = clouds + y1 * CELLS;

  return ((a[x0] * (1 - u) + a[x1] * u) * (1 - v) + (b[x0] * (1 - u) + b[x1] * u) * v) * (1 / 255.0f);
}

static guint32
pack (float r, float g, float b)
{
  return 0xff000000u | (guint32) (255 * CLAMP (r, 0, 1) + 0.5f) << 16 | (guint32) (255 * CLAMP (g, 0, 1) + 0.5f) << 8
      | (guint32) (255 * CLAMP (b, 0, 1) + 0.5f);
}

void
plaza_sky_paint (const PlazaCamera *camera, const PlazaLight *light, guint32 *pixels, int rows)
{
  float sun_side = (float) atan2 (light->sun.x, light->sun.y), drift = (float) (light->minute * 0.9);
  float open = (float) (0.60 - 0.42 * light->overcast), soft = 0.16f;
  const PlazaColor low = light->sky_low, high = light->sky_high, glow = light->glow, cloud = light->cloud;

  make_clouds ();
  for (int y = 0; y < rows; y++) {
    for (int x = 0; x < camera->width; x++) {
      PlazaPoint ray = plaza_camera_ray (camera, x + 0.5, y + 0.5);
      float up = MAX ((float) ray.z, 0), t = sqrtf (MIN (up / (float) HIGH_SKY, 1));
      float side = (float) (ray.x / ray.y) - sun_side, warm = expf (-side * side * 1.1f - up * 3);
      float layer = 1 / (up + 0.10f);
      float thick = (cloud_at ((float) ray.x * layer * 16 + drift, layer * 26) - open) / soft;
      float cover = CLAMP (thick, 0, 1) * MIN (0.35f + up * 6, 1) * 0.92f, clear = 1 - cover;

      pixels[(gsize) y * camera->width + x] =
          pack (((float) (low.r + (high.r - low.r) * t)) * clear + (float) cloud.r * cover + (float) glow.r * warm,
          ((float) (low.g + (high.g - low.g) * t)) * clear + (float) cloud.g * cover + (float) glow.g * warm,
          ((float) (low.b + (high.b - low.b) * t)) * clear + (float) cloud.b * cover + (float) glow.b * warm);
    }
  }
}
