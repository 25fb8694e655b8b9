/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plaza-moment.h: what there is to draw in one frame: the light and the people, from the settings and the frame's place
 * in the stream. A pure function, so frames can be drawn in any order.
 */
#pragma once

#include "plaza-light.h"

G_BEGIN_DECLS

typedef struct {
  guint64 seed;
  int people_min, people_max;   /* 0 <= min <= max <= PLAZA_MAX_PEOPLE */
  double start_minute;          /* of the day, or negative: by the seed */
  double time_scale;            /* scene seconds of light per stream second; people walk at stream speed */
  double overcast;              /* 0..1, or negative: weather */
  gboolean shuffle;             /* every frame a moment of its own; times and numbers of people are spread evenly */
} PlazaSettings;

typedef struct {
  double seconds;               /* of the people's clock */
  guint64 key;                  /* the frame's own randomness */
  PlazaLight light;             /* in steps of PLAZA_LIGHT_STEP minutes */
  double minute;                /* of the day, exact */
  PlazaPerson people[PLAZA_MAX_PEOPLE];
  int n_people;
} PlazaMoment;

#define PLAZA_LIGHT_STEP 0.25

/* seconds: stream time of the frame; index: its number. */
void plaza_moment_at (PlazaMoment *moment, const PlazaSettings *settings, guint64 index, double seconds,
    const PlazaCamera *camera);

G_END_DECLS
