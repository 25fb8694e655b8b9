/* SPDX-License-Identifier: LGPL-2.1-or-later
 * plaza-moment.c: from settings and stream time to light and people. */
#include "plaza-moment.h"

#include <math.h>

#define MINUTES 1440.0
/* Steps of a sequence that fills the square evenly, whatever part of it is taken. */
#define STEP_MINUTE 0.7548776662466927
#define STEP_PEOPLE 0.5698402909980532

enum { KEY_START = 41, KEY_FRAME, KEY_SHUFFLE };

static double
spread (guint64 seed, guint axis, guint64 index, double step)
{
  double at = plaza_unit (plaza_hash (seed, KEY_SHUFFLE, axis)) + fmod (index * step, 1);

  return at - floor (at);
}

void
plaza_moment_at (PlazaMoment *moment, const PlazaSettings *settings, guint64 index, double seconds,
    const PlazaCamera *camera)
{
  const PlazaCrowd crowd = { settings->seed, settings->people_min, settings->people_max };
  guint64 key = plaza_hash (settings->seed, KEY_FRAME, index);
  double start = settings->start_minute < 0 ? MINUTES * plaza_unit (plaza_hash (settings->seed, KEY_START, 0))
      : settings->start_minute;
  double minutes = start + seconds * settings->time_scale / 60;
  gint64 day;

  moment->key = key;
  moment->seconds = seconds;
  if (settings->shuffle) {
    day = (gint64) index;
    moment->minute = MINUTES * spread (settings->seed, 0, index, STEP_MINUTE);
    moment->n_people = plaza_people_draw (&crowd, index, spread (settings->seed, 1, index, STEP_PEOPLE),
        camera->half_tan, moment->people);
  } else {
    day = (gint64) floor (minutes / MINUTES);
    moment->minute = minutes - day * MINUTES;
    moment->n_people = plaza_people_at (&crowd, seconds, camera->half_tan, moment->people);
  }
  plaza_light_at (&moment->light, settings->seed, day, floor (moment->minute / PLAZA_LIGHT_STEP) * PLAZA_LIGHT_STEP,
      settings->overcast);
}
