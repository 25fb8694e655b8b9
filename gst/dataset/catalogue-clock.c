/* SPDX-License-Identifier: LGPL-2.1-or-later
 * catalogue-clock.c: the time by which images are old; see catalogue.h. */
#include "catalogue.h"

/* Clocks are set right by less; and how long a larger step is doubted. */
#define STEP (G_TIME_SPAN_HOUR)
#define DOUBT (G_TIME_SPAN_DAY)

void
catalogue_clock_init (CatalogueClock *clock, gint64 real, gint64 monotonic)
{
  *clock = (CatalogueClock) { real - monotonic, 0, 0 };
}

gint64
catalogue_clock_now (CatalogueClock *clock, gint64 real, gint64 monotonic)
{
  gint64 offset = real - monotonic;

  clock->ahead = offset - clock->offset;
  if (clock->ahead > STEP && clock->since == 0)
    clock->since = monotonic;
  if (clock->ahead <= STEP || monotonic - clock->since > DOUBT) {
    clock->offset = offset;
    clock->ahead = clock->since = 0;
  }
  return monotonic + clock->offset;
}
