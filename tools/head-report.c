/* SPDX-License-Identifier: LGPL-2.1-or-later
 * head-report.c: see the header. */
#include "head-report.h"
#include "models/gh-linalg.h"
#include "models/gh-random.h"

#include <math.h>
#include <stdlib.h>

#define DRAWS 2000

GhErrorInterval
gh_error_interval (GhHeadKind kind, const double *labels, const double *predicted, int n, guint64 seed)
{
  g_autoptr (GRand) rand = gh_rand_new (seed, 0);
  g_autofree double *off = g_new (double, n), *draw = g_new0 (double, DRAWS);
  GhErrorInterval result = { 0 };

  for (int i = 0; i < n; i++) {
    off[i] = gh_head_distance (kind, predicted[i], labels[i]);
    result.error += off[i] / n;
  }
  for (int d = 0; d < DRAWS; d++)
    for (int i = 0; i < n; i++)
      draw[d] += off[g_rand_int_range (rand, 0, n)] / n;
  gh_sort (draw, DRAWS);
  result.low = draw[(int) (0.025 * DRAWS)];
  result.high = draw[(int) (0.975 * DRAWS)];
  return result;
}

static const char *
unit_of (GhHeadKind kind, const char *unit)
{
  return kind == GH_HEAD_CLASS ? "%" : kind == GH_HEAD_TIME ? "minutes" : unit ? unit : "";
}

char *
gh_error_to_string (GhHeadKind kind, const char *unit, double error, gboolean with_unit)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  double value = kind == GH_HEAD_CLASS ? 100 * error : error;

  unit = with_unit ? unit_of (kind, unit) : "";
  g_ascii_formatd (number, sizeof number, kind == GH_HEAD_TIME || kind == GH_HEAD_CLASS ? "%.1f"
      : fabs (value) >= 0.1 && fabs (value) < 1000 ? "%.2f" : "%.3g", value);
  return g_strdup_printf ("%s%s%s", number, *unit ? " " : "", unit);
}

char *
gh_interval_to_string (GhHeadKind kind, const char *unit, double error, double low, double high)
{
  g_autofree char *mid = gh_error_to_string (kind, unit, error, TRUE);
  g_autofree char *from = gh_error_to_string (kind, unit, low, FALSE);
  g_autofree char *to = gh_error_to_string (kind, unit, high, FALSE);

  return g_strdup_printf ("%s (95 %%: %s to %s)", mid, from, to);
}
