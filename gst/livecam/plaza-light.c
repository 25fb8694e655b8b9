/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plaza-light.c: sun position (spring day at 46 degrees north, solar noon at 13:00) and colours by its elevation.
 */
#include "plaza-light.h"

#include <math.h>

#define LATITUDE (46.0 * G_PI / 180.0)
#define DECLINATION (12.0 * G_PI / 180.0)
#define SOLAR_NOON 780.0
/* Compass direction the camera looks in; the sun is on its right in the morning and on its left in the evening. */
#define BEARING (12.0 * G_PI / 180.0)
#define KEY_WEATHER 77

/* Colours at a sun elevation in degrees; between two rows they are mixed. */
typedef struct {
  double elevation;
  PlazaColor sunlight, ambient, sky_low, sky_high, glow, cloud;
} Tone;

static const Tone tones[] = {
  {-90, {0, 0, 0}, {0.016, 0.020, 0.036}, {0.10, 0.11, 0.17}, {0.04, 0.05, 0.10}, {0, 0, 0}, {0.13, 0.13, 0.18}},
  {-14, {0, 0, 0}, {0.018, 0.022, 0.040}, {0.12, 0.13, 0.20}, {0.05, 0.06, 0.13}, {0.02, 0.01, 0}, {0.13, 0.13, 0.19}},
  {-8, {0, 0, 0}, {0.045, 0.055, 0.100}, {0.27, 0.27, 0.42}, {0.12, 0.15, 0.31}, {0.30, 0.12, 0.02}, {0.20, 0.20, 0.32}},
  {-4, {0, 0, 0}, {0.110, 0.120, 0.185}, {0.56, 0.45, 0.52}, {0.25, 0.30, 0.52}, {0.42, 0.18, -0.02}, {0.42, 0.34, 0.45}},
  {-1, {0, 0, 0}, {0.200, 0.195, 0.260}, {0.80, 0.62, 0.55}, {0.38, 0.45, 0.66}, {0.32, 0.18, -0.02}, {0.72, 0.52, 0.54}},
  {2, {0.55, 0.24, 0.08}, {0.275, 0.255, 0.295}, {0.91, 0.76, 0.63}, {0.46, 0.56, 0.76}, {0.24, 0.16, 0.02},
      {0.91, 0.70, 0.62}},
  {7, {0.86, 0.52, 0.26}, {0.340, 0.330, 0.360}, {0.92, 0.86, 0.78}, {0.50, 0.65, 0.85}, {0.14, 0.09, 0.00},
      {0.97, 0.87, 0.78}},
  {16, {0.96, 0.79, 0.56}, {0.395, 0.400, 0.440}, {0.87, 0.90, 0.92}, {0.47, 0.67, 0.90}, {0.06, 0.04, 0.00},
      {0.99, 0.96, 0.93}},
  {32, {0.98, 0.91, 0.78}, {0.420, 0.435, 0.490}, {0.81, 0.88, 0.94}, {0.42, 0.64, 0.90}, {0.02, 0.02, 0.00},
      {1.0, 0.99, 0.98}},
  {90, {1.0, 0.95, 0.85}, {0.430, 0.450, 0.510}, {0.79, 0.87, 0.95}, {0.38, 0.61, 0.89}, {0, 0, 0}, {1.0, 1.0, 1.0}},
};

static PlazaColor
mix_color (PlazaColor a, PlazaColor b, double t)
{
  PlazaColor color = { a.r + (b.r - a.r) * t, a.g + (b.g - a.g) * t, a.b + (b.b - a.b) * t };

  return color;
}

static PlazaColor
scale_color (PlazaColor a, double s)
{
  PlazaColor color = { a.r * s, a.g * s, a.b * s };

  return color;
}

static PlazaPoint
sun_at (double minute)
{
  double hour = (minute - SOLAR_NOON) * 2 * G_PI / 1440.0;
  double south = cos (hour) * cos (DECLINATION) * sin (LATITUDE) - sin (DECLINATION) * cos (LATITUDE);
  double west = cos (DECLINATION) * sin (hour);
  double up = sin (LATITUDE) * sin (DECLINATION) + cos (LATITUDE) * cos (DECLINATION) * cos (hour);
  PlazaPoint sun = { -west * cos (BEARING) + south * sin (BEARING), -west * sin (BEARING) - south * cos (BEARING), up };

  return sun;
}

/* Some days are clear, some are closed, most change by the hour. */
static double
weather_at (guint64 seed, gint64 day, double minute)
{
  guint64 key = plaza_hash (seed, KEY_WEATHER, (guint64) day);
  double temper = plaza_unit (plaza_hash (key, 0, 0)), hours = minute / 150.0, knot = floor (hours), t = hours - knot;
  double a = plaza_unit (plaza_hash (key, 1, (guint64) knot)), b = plaza_unit (plaza_hash (key, 1, (guint64) knot + 1));

  t = t * t * (3 - 2 * t);
  return CLAMP (1.5 * temper - 0.45 + 0.5 * (a + (b - a) * t - 0.5), 0, 1);
}

static void
cover_with_clouds (PlazaLight *light)
{
  double o = light->overcast, grey = (light->ambient.r + light->ambient.g + light->ambient.b) / 3;
  PlazaColor flat = { grey * 1.04, grey * 1.05, grey * 1.08 };
  double dull = (light->sky_low.r + light->sky_low.g + light->sky_low.b) / 3;
  PlazaColor lid = { dull * 0.90, dull * 0.92, dull * 0.96 };

  light->sunlight = scale_color (light->sunlight, pow (1 - o, 1.4));
  light->ambient = scale_color (mix_color (light->ambient, flat, o), 1 - 0.12 * o);
  light->sky_low = mix_color (light->sky_low, lid, 0.85 * o);
  light->sky_high = mix_color (light->sky_high, scale_color (lid, 0.86), 0.92 * o);
  light->cloud = mix_color (light->cloud, scale_color (lid, 1.04), 0.8 * o);
  light->glow = scale_color (light->glow, 1 - 0.85 * o);
}

void
plaza_light_at (PlazaLight *light, guint64 seed, gint64 day, double minute, double overcast)
{
  guint row = 0;

  light->minute = minute;
  light->sun = sun_at (minute);
  light->overcast = overcast < 0 ? weather_at (seed, day, minute) : overcast;

  double elevation = asin (CLAMP (light->sun.z, -1, 1)) * 180 / G_PI;

  while (row + 2 < G_N_ELEMENTS (tones) && elevation > tones[row + 1].elevation)
    row++;
  const Tone *a = &tones[row], *b = &tones[row + 1];
  double t = CLAMP ((elevation - a->elevation) / (b->elevation - a->elevation), 0, 1);

  light->sunlight = mix_color (a->sunlight, b->sunlight, t);
  light->ambient = mix_color (a->ambient, b->ambient, t);
  light->sky_low = mix_color (a->sky_low, b->sky_low, t);
  light->sky_high = mix_color (a->sky_high, b->sky_high, t);
  light->glow = mix_color (a->glow, b->glow, t);
  light->cloud = mix_color (a->cloud, b->cloud, t);
  light->night = CLAMP ((-1 - elevation) / 9, 0, 1);
  /* Between -1 and 2 degrees the table fades the sun in from black, so lamps and sunlight never overlap. */
  light->lamps = elevation < -1.5;
  /* The camera's exposure follows the sky, so the lamps pale as it brightens. */
  light->lamplight = light->lamps ? scale_color ((PlazaColor) {0.95, 0.66, 0.36}, 1 - light->ambient.g / 0.24)
      : (PlazaColor) {0, 0, 0};
  cover_with_clouds (light);
}
