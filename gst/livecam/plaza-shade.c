/* SPDX-License-Identifier: LGPL-2.1-or-later
 * plaza-shade.c: what each surface does with the sun, the sky and the lamps, in tables of display gamma. */
#include "plaza-shade.h"

#include <math.h>

#define GAIN_ONE 256
#define DISPLAY_GAMMA (1 / 2.2)

/* How a surface takes the light: the sun by its normal, the sky by how much of it it sees. */
typedef struct {
  PlazaPoint normal;
  double sky;
  gboolean shadowed;            /* the light plane says where the sun arrives */
} Response;

static const Response responses[PLAZA_N_SURFACES] = {
  [PLAZA_GROUND] = {{0, 0, 1}, 1, TRUE},
  [PLAZA_WALL_FRONT] = {{0, -1, 0.1}, 0.92, TRUE},
  [PLAZA_WALL_RIGHT] = {{1, 0, 0.1}, 0.86, FALSE},
  [PLAZA_WALL_LEFT] = {{-1, 0, 0.1}, 0.86, FALSE},
  [PLAZA_ROOF] = {{0, -0.35, 0.9}, 1, FALSE},
  [PLAZA_LEAF_LEFT] = {{-0.75, -0.35, 0.4}, 0.85, FALSE},
  [PLAZA_LEAF_TOP] = {{0, -0.45, 0.8}, 1, FALSE},
  [PLAZA_LEAF_RIGHT] = {{0.75, -0.35, 0.4}, 0.85, FALSE},
  [PLAZA_STUFF] = {{0, -0.5, 0.75}, 0.92, FALSE},
  [PLAZA_LANTERN] = {{0, -0.5, 0.75}, 1, FALSE},
  [PLAZA_WATER] = {{0, 0, 1}, 1.15, FALSE},
};

static double
facing (PlazaPoint normal, PlazaPoint sun)
{
  double dot = normal.x * sun.x + normal.y * sun.y + normal.z * sun.z;

  /* Flattened a little, as a camera's exposure does. */
  return dot > 0 ? pow (dot, 0.7) : 0;
}

static void
set_gain (guint16 gain[4], double r, double g, double b)
{
  gain[0] = (guint16) MIN (lrint (GAIN_ONE * pow (MAX (b, 0), DISPLAY_GAMMA)), 0xffff);
  gain[1] = (guint16) MIN (lrint (GAIN_ONE * pow (MAX (g, 0), DISPLAY_GAMMA)), 0xffff);
  gain[2] = (guint16) MIN (lrint (GAIN_ONE * pow (MAX (r, 0), DISPLAY_GAMMA)), 0xffff);
  gain[3] = 0;
}

/* TRUE when somebody is at home behind window `id` (or the shop is lit) at this minute. */
static gboolean
window_lit (int id, double minute)
{
  double a = plaza_unit (plaza_hash (id, 61, 0)), b = plaza_unit (plaza_hash (id, 62, 0));

  if (id >= PLAZA_SHOP_WINDOW)
    return minute > 360 + 120 * a && minute < 1200 + 150 * b;
  if (a < 0.6 && minute > 1050 + 150 * b)
    return minute < 1290 + 150 * a;
  return b < 0.3 && minute > 330 + 60 * a && minute < 465 + 45 * b;
}

static void
set_glass (PlazaShades *shades, const PlazaLight *light)
{
  double dark = CLAMP (1 - light->ambient.g / 0.33, 0, 1);

  for (int id = 0; id < 256; id++) {
    double on = window_lit (id, light->minute) ? dark * (id >= PLAZA_SHOP_WINDOW ? 1.35 : 0.85) : 0;
    double tint = 0.8 + 0.4 * plaza_unit (plaza_hash (id, 63, 0));

    /* By day glass mirrors the sky, darkly; by night a lit room shines through. */
    set_gain (shades->gain[PLAZA_GLASS][id], 0.33 * light->ambient.r + on * 1.9,
        0.37 * light->ambient.g + on * 1.22 * tint, 0.46 * light->ambient.b + on * 0.55 * tint * tint);
  }
}

void
plaza_shades_set (PlazaShades *shades, const PlazaLight *light)
{
  for (int surface = 0; surface < PLAZA_N_SURFACES; surface++) {
    const Response *response = &responses[surface];
    double sun = facing (response->normal, light->sun);

    if (surface == PLAZA_SKY || surface == PLAZA_GLASS)
      continue;
    for (int v = 0; v < 256; v++) {
      double arrives = sun * (response->shadowed ? v / 255.0 : 1), lamp = light->lamps ? v * v / 65025.0 : 0;

      if (surface == PLAZA_LANTERN && light->lamps) {
        set_gain (shades->gain[surface][v], 2.2, 1.9, 1.3);
        continue;
      }
      set_gain (shades->gain[surface][v],
          light->ambient.r * response->sky + light->sunlight.r * arrives + light->lamplight.r * lamp,
          light->ambient.g * response->sky + light->sunlight.g * arrives + light->lamplight.g * lamp,
          light->ambient.b * response->sky + light->sunlight.b * arrives + light->lamplight.b * lamp);
    }
  }
  set_glass (shades, light);
}

void
plaza_shades_apply (const PlazaShades *shades, PlazaSurface surface, guint32 *out, const guint32 *albedo,
    const guint8 *plane, int n)
{
  const guint16 (*gain)[4] = shades->gain[surface];

  for (int i = 0; i < n; i++) {
    const guint16 *g = gain[plane[i]];
    guint32 a = albedo[i];
    guint32 blue = (a & 255) * g[0] >> 8, green = (a >> 8 & 255) * g[1] >> 8, red = (a >> 16 & 255) * g[2] >> 8;

    out[i] = 0xff000000u | MIN (red, 255) << 16 | MIN (green, 255) << 8 | MIN (blue, 255);
  }
}

PlazaColor
plaza_shade_upright (const PlazaLight *light, PlazaPoint normal, double sun, double lamp)
{
  double arrives = sun * facing (normal, light->sun);
  PlazaColor color = {
    pow (light->ambient.r * 0.9 + light->sunlight.r * arrives + light->lamplight.r * lamp, DISPLAY_GAMMA),
    pow (light->ambient.g * 0.9 + light->sunlight.g * arrives + light->lamplight.g * lamp, DISPLAY_GAMMA),
    pow (light->ambient.b * 0.9 + light->sunlight.b * arrives + light->lamplight.b * lamp, DISPLAY_GAMMA),
  };

  return color;
}
