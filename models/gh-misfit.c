/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-misfit.c: see the header. */
#include "gh-misfit.h"

#include <math.h>

/* As part of a day's circle. */
#define QUARTER_HOUR (2 * G_PI / 96)

double
gh_misfit_squared (const double *targets, const double *held_out, int n, int outputs)
{
  double sum = 0;

  for (gsize i = 0; i < (gsize) n * outputs; i++)
    sum += (targets[i] - held_out[i]) * (targets[i] - held_out[i]);
  return sum / ((double) n * outputs);
}

double
gh_misfit_angle (const double *targets, const double *held_out, int n, int outputs)
{
  double sum = 0;

  g_assert (outputs == 2);
  for (int i = 0; i < n; i++) {
    const double *a = targets + 2 * (gsize) i, *b = held_out + 2 * (gsize) i;
    double off = atan2 (a[0] * b[1] - a[1] * b[0], a[0] * b[0] + a[1] * b[1]) / QUARTER_HOUR;

    sum += log1p (off * off);
  }
  return exp (sum / n);
}

GhMisfit
gh_misfit_for (GhHeadKind kind)
{
  return kind == GH_HEAD_TIME ? gh_misfit_angle : gh_misfit_squared;
}
