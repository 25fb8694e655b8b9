/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-misfit.c: see the header. */
#include "gh-misfit.h"
#include "gh-head-train.h"
#include "gh-time-of-day.h"

#include <math.h>

/* In minutes. */
#define QUARTER_HOUR 15.0

double
gh_misfit_squared (const double *targets, const double *held_out, int n, int outputs)
{
  double sum = 0;

  for (gsize i = 0; i < (gsize) n * outputs; i++)
    sum += (targets[i] - held_out[i]) * (targets[i] - held_out[i]);
  return sum / ((double) n * outputs);
}

double
gh_misfit_time (const double *targets, const double *held_out, int n, int outputs)
{
  double sum = 0;

  for (int i = 0; i < n; i++) {
    const double *target = targets + (gsize) i * outputs;
    /* What was encoded is the phase of its first harmonic. */
    const double minute = atan2 (target[1], target[0]) / (2 * G_PI) * GH_DAY;
    const double told = gh_day_decode (held_out + (gsize) i * outputs, outputs, NULL);
    const double off = gh_head_distance (GH_HEAD_TIME, told, minute) / QUARTER_HOUR;

    sum += log1p (off * off);
  }
  return exp (sum / n);
}

GhMisfit
gh_misfit_for (GhHeadKind kind)
{
  return kind == GH_HEAD_TIME ? gh_misfit_time : gh_misfit_squared;
}
