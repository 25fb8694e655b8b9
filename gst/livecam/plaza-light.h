/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plaza-light.h: the light of the plaza at a minute of a day: where the sun stands, how cloudy it is, the colour of
 * everything that shines. A pure function of seed, day and minute.
 */
#pragma once

#include "plaza-scene.h"

G_BEGIN_DECLS

typedef struct {
  double minute;                /* of the day, 0 .. 1440 */
  PlazaPoint sun;               /* unit vector towards the sun; z below 0 at night */
  double overcast;              /* 0 clear .. 1 closed */
  PlazaColor sunlight;          /* linear, on a surface facing the sun; black when it is down or hidden */
  PlazaColor ambient;           /* linear, from the whole sky */
  PlazaColor lamplight;         /* linear, where a lamp shines brightest; black by day */
  PlazaColor sky_low, sky_high; /* sRGB, at the horizon and 25 degrees above it */
  PlazaColor glow;              /* sRGB, added around the sun's direction */
  PlazaColor cloud;             /* sRGB */
  double night;                 /* 0 day .. 1 night */
  gboolean lamps;               /* switched on; sunlight is black then */
} PlazaLight;

/* overcast: 0..1, or negative for weather that changes with seed, day and hour. */
void plaza_light_at (PlazaLight *light, guint64 seed, gint64 day, double minute, double overcast);

G_END_DECLS
