/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-head-label.c: see the header. */
#include "gh-head-label.h"
#include "gh-linalg.h"
#include "gh-time-of-day.h"

#include <math.h>
#include <string.h>

enum { DAY = 1440 };

void
gh_head_label_encode (GhHeadKind kind, double label, double *y, int outputs)
{
  if (kind == GH_HEAD_TIME) {
    gh_day_encode (label, y, outputs);
  } else if (kind == GH_HEAD_CLASS) {
    memset (y, 0, outputs * sizeof *y);
    y[(int) label] = 1;
  } else {
    y[0] = label;
  }
}

double
gh_head_label_decode (GhHeadKind kind, const double *y, int outputs)
{
  int best = 0;

  if (kind == GH_HEAD_TIME)
    return gh_day_decode (y, outputs, NULL);
  if (kind != GH_HEAD_CLASS)
    return kind == GH_HEAD_COUNT ? MAX (y[0], 0) : y[0];
  for (int i = 1; i < outputs; i++)
    if (y[i] > y[best])
      best = i;
  return best;
}

double
gh_head_distance (GhHeadKind kind, double a, double b)
{
  double d = fabs (a - b);

  if (kind == GH_HEAD_CLASS)
    return a != b;
  return kind == GH_HEAD_TIME ? MIN (fmod (d, GH_DAY), GH_DAY - fmod (d, GH_DAY)) : d;
}

static double
median (const double *labels, int n)
{
  g_autofree double *sorted = g_memdup2 (labels, n * sizeof *labels);

  gh_sort (sorted, n);
  return n % 2 ? sorted[n / 2] : 0.5 * (sorted[n / 2 - 1] + sorted[n / 2]);
}

/* Over a histogram of minutes, so that many labels cost no more than few. */
static double
circular_median (const double *labels, int n)
{
  int count[DAY] = { 0 }, best = 0;
  double least = INFINITY;

  for (int i = 0; i < n; i++)
    count[(int) floor (labels[i]) % DAY]++;
  for (int minute = 0; minute < DAY; minute++) {
    double sum = 0;

    for (int other = 0; other < DAY; other++)
      sum += count[other] * gh_head_distance (GH_HEAD_TIME, minute, other);
    if (sum < least) {
      least = sum;
      best = minute;
    }
  }
  return best;
}

static double
most_frequent (const double *labels, int n)
{
  g_autofree double *sorted = g_memdup2 (labels, n * sizeof *labels);
  double best = 0;
  int most = 0;

  gh_sort (sorted, n);
  for (int i = 0, run = 0; i < n; i++) {
    run = i > 0 && sorted[i] == sorted[i - 1] ? run + 1 : 1;
    if (run > most) {
      most = run;
      best = sorted[i];
    }
  }
  return best;
}

double
gh_head_label_constant (GhHeadKind kind, const double *labels, int n)
{
  if (kind == GH_HEAD_CLASS)
    return most_frequent (labels, n);
  return kind == GH_HEAD_TIME ? circular_median (labels, n) : median (labels, n);
}

const char *
gh_head_label_problem (GhHeadKind kind, double label, int n_classes)
{
  if (!isfinite (label))
    return "is not a finite number";
  if (fabs (label) > 1e15)
    return "is larger than 1e15";
  if (kind == GH_HEAD_COUNT && label < 0)
    return "is a count below zero";
  if (kind == GH_HEAD_TIME && (label < 0 || label >= GH_DAY))
    return "is not a minute of the day, 0 to below 1440";
  if (kind == GH_HEAD_CLASS && (label < 0 || label >= n_classes || label != floor (label)))
    return "is not the index of a class";
  return NULL;
}
