/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-time-of-day.c: see the header. */
#include "gh-time-of-day.h"

#include <math.h>

/* Labels from where the bumps get no narrower. */
#define MANY_LABELS 300
/* How wide a bump is, in shortest waves over 2 pi. */
#define REACH 3.0
/* Quarters of an hour: eight to the shortest wave. */
enum { PLACES = 96, NEWTON_STEPS = 4 };

int
gh_day_harmonics (int labels)
{
  return CLAMP ((int) floor (GH_DAY_HARMONICS * cbrt ((double) labels / MANY_LABELS) + 0.5), 1, GH_DAY_HARMONICS);
}

/* v[K] */
static void
weigh (double *v, int K)
{
  double sum = 0;

  for (int k = 1; k <= K; k++)
    sum += v[k - 1] = exp (-0.5 * (REACH * k / K) * (REACH * k / K));
  for (int k = 0; k < K; k++)
    v[k] /= sum;
}

void
gh_day_encode (double minute, double *y, int outputs)
{
  double v[GH_DAY_HARMONICS];

  weigh (v, outputs / 2);
  for (int k = 1; k <= outputs / 2; k++) {
    y[2 * k - 2] = v[k - 1] * cos (2 * G_PI * k * minute / GH_DAY);
    y[2 * k - 1] = v[k - 1] * sin (2 * G_PI * k * minute / GH_DAY);
  }
}

void
gh_day_plain (double *factor, int outputs)
{
  double v[GH_DAY_HARMONICS] = { 1 };

  weigh (v, outputs / 2);
  for (int o = 0; o < outputs; o++)
    factor[o] = o < 2 ? 1 / v[0] : 0;
}

/* cos and sin of every harmonic at every place. */
typedef double Wave[PLACES];

static const Wave *
waves (void)
{
  static Wave table[2 * GH_DAY_HARMONICS];
  static gsize ready;

  if (g_once_init_enter (&ready)) {
    for (int k = 1; k <= GH_DAY_HARMONICS; k++)
      for (int i = 0; i < PLACES; i++) {
        table[2 * k - 2][i] = cos (2 * G_PI * (k * i % PLACES) / PLACES);
        table[2 * k - 1][i] = sin (2 * G_PI * (k * i % PLACES) / PLACES);
      }
    g_once_init_leave (&ready, 1);
  }
  return table;
}

/* The top of the parabola through three places. */
static double
top_of (double before, double here, double after)
{
  const double bend = before - 2 * here + after;

  return bend < 0 ? here - (before - after) * (before - after) / (8 * bend) : here;
}

/* The place beside which it is highest. */
static int
highest_place (const double *y, int outputs)
{
  const Wave *wave = waves ();
  double height[PLACES] = { 0 }, highest = -INFINITY;
  int best = 0;

  for (int o = 0; o < outputs; o++)
    for (int i = 0; y[o] != 0 && i < PLACES; i++)
      height[i] += y[o] * wave[o][i];
  for (int i = 0; i < PLACES; i++) {
    const double before = height[(i + PLACES - 1) % PLACES], after = height[(i + 1) % PLACES];
    double top;

    if (before > height[i] || after > height[i] || (top = top_of (before, height[i], after)) <= highest)
      continue;
    highest = top;
    best = i;
  }
  return best;
}

/* The height at the angle t, and its first and second derivative. */
static double
climb (const double *y, int outputs, double t, double *slope, double *bend)
{
  const double c = cos (t), s = sin (t);
  double ck = 1, sk = 0, height = 0;

  *slope = *bend = 0;
  for (int k = 1; k <= outputs / 2; k++) {
    const double next = ck * c - sk * s, a = y[2 * k - 2], b = y[2 * k - 1];

    sk = sk * c + ck * s;
    ck = next;
    height += a * ck + b * sk;
    *slope += k * (b * ck - a * sk);
    *bend -= k * k * (a * ck + b * sk);
  }
  return height;
}

double
gh_day_decode (const double *y, int outputs, double *height)
{
  const double step = 2 * G_PI / PLACES, place = step * highest_place (y, outputs);
  double t = place, slope, bend, minute, top = climb (y, outputs, t, &slope, &bend);

  for (int i = 0; i < NEWTON_STEPS && bend < 0; i++) {
    t = CLAMP (t - slope / bend, place - step, place + step);
    top = climb (y, outputs, t, &slope, &bend);
  }
  if (height)
    *height = MAX (top, 0);
  minute = t / (2 * G_PI) * GH_DAY;
  minute = minute < 0 ? minute + GH_DAY : minute;
  return minute < GH_DAY ? minute : 0;             /* -1e-300 + 1440 rounds up to the full day */
}
