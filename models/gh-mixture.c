/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-mixture.c: see the header. */
#include "gh-mixture.h"

#include <math.h>

enum { MIN_STEPS = 13, MAX_STEPS = 17 };
#define LADDER_TOP 1e3
#define LADDER_REACH 0.03
#define SHARPNESS (1.0 / 6)
/* Below, an error is none: constant targets, where every model is as good. */
#define NO_ERROR 1e-200

int
gh_ladder_steps (int n)
{
  return CLAMP ((int) ceil (2 * log10 (LADDER_TOP * n / LADDER_REACH) - 1e-9) + 1, MIN_STEPS, MAX_STEPS);
}

double
gh_ladder_penalty (int step)
{
  return LADDER_TOP * pow (10, -0.5 * step);
}

void
gh_mixture_init (GhMixture *mixture, int n)
{
  *mixture = (GhMixture) { SHARPNESS * n, INFINITY, 0 };
}

double
gh_mixture_add (GhMixture *mixture, double error, double *keep)
{
  double weight = 1;

  error = MAX (error, NO_ERROR);
  *keep = 1;
  if (error < mixture->best) {
    *keep = mixture->total > 0 ? pow (error / mixture->best, mixture->sharpness) : 0;
    mixture->best = error;
  } else {
    weight = pow (mixture->best / error, mixture->sharpness);
  }
  mixture->total = mixture->total * *keep + weight;
  return weight;
}

void
gh_mixture_shares (const GhMixture *mixtures, int n, double *share)
{
  double best = INFINITY, total = 0;

  for (int i = 0; i < n; i++)
    best = MIN (best, mixtures[i].best);
  for (int i = 0; i < n; i++) {
    share[i] = mixtures[i].total * pow (best / mixtures[i].best, mixtures[i].sharpness);
    total += share[i];
  }
  for (int i = 0; i < n; i++)
    share[i] /= total;
}
