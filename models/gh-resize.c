/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-resize.c: see gh-resize.h. */
#include "gh-resize.h"

#include "kernels/gh-kernels.h"

#include <math.h>

#define COARSE_BITS 6
#define FINE_BITS 8

/* weights[n] around output i, the first of them at sample *first (which may be outside); they add up to 1. */
static void
weigh (double *weights, int *first, int n, double slope, int i, int samples, int size)
{
  double at = (0.5 + (double) i) / size * (double) samples - (n == 1 ? 0.0 : 0.5), sum = 0;

  at = CLAMP (at, 0, samples - 1);
  *first = (int) floor (at - (n - 1) / 2);
  for (int t = 0; t < n; t++) {
    double distance = fabs (at - (*first + t)) * slope;

    weights[t] = distance < 1.0 ? 1.0 - distance : 0.0;
    sum += weights[t];
  }
  for (int t = 0; t < n; t++)
    weights[t] /= sum;
}

/* What lies outside counts for the sample at the edge. */
static void
pull_inside (double *weights, int *first, int n, int samples)
{
  int before = -*first, beyond = *first - (samples - n);

  if (before > 0) {
    for (int t = 0; t < before; t++)
      weights[before] += weights[t];
    for (int t = 0; t < n; t++)
      weights[t] = t < n - before ? weights[before + t] : 0;
    *first = 0;
  } else if (beyond > 0) {
    for (int t = 0; t < beyond; t++)
      weights[n - beyond - 1] += weights[n - beyond + t];
    for (int t = n - 1; t >= 0; t--)
      weights[t] = t >= beyond ? weights[t - beyond] : 0;
    *first = samples - n;
  }
}

/* Whole numbers that add up to 1 << bits, or nearly: all weights are rounded with the same bias, which is searched for.
 * FALSE when it is not even nearly. */
static gboolean
round_weights (guint16 *taps, const double *weights, int n, int bits)
{
  const int one = 1 << bits;
  double low = 0.0, high = 1.0, bias = 0.5;
  int sum = 0;

  for (int round = 0; round < 64 && low != high; round++) {
    sum = 0;
    for (int t = 0; t < n; t++) {
      taps[t] = (guint16) floor (bias + weights[t] * one);
      sum += taps[t];
    }
    if (sum == one)
      break;
    if (sum < one) {
      low = MAX (low, bias);
      bias += (high - low) / 2;
    } else {
      high = MIN (high, bias);
      bias -= (high - low) / 2;
    }
  }
  return sum <= MIN (2 * one, 256);
}

static gboolean
fill_triangles (GhResize *resize, double slope, int samples, int bits)
{
  const int n = resize->n_taps;
  g_autofree double *weights = g_new (double, n);

  for (int i = 0; i < resize->size; i++) {
    weigh (weights, &resize->first[i], n, slope, i, samples, resize->size);
    pull_inside (weights, &resize->first[i], n, samples);
    if (!round_weights (resize->taps + (gsize) i * n, weights, n, bits))
      return FALSE;
  }
  resize->shift = bits;
  resize->round = 1 << (bits - 1);
  return TRUE;
}

/* In 65536ths of a sample, of which the upper 8 bits count. */
static void
fill_run (GhResize *resize, int samples)
{
  const int step = resize->size == 1 ? 0 : ((samples - 1) << 16) / (resize->size - 1) - 1;

  for (int i = 0; i < resize->size; i++) {
    int at = i * step, part = at >> 8 & 255;

    resize->first[i] = at >> 16;
    resize->taps[2 * i] = (guint16) (256 - part);
    resize->taps[2 * i + 1] = (guint16) part;
  }
  resize->shift = FINE_BITS;
  resize->round = 0;
}

gboolean
gh_resize_init (GhResize *resize, int samples, int size, GhResizePair pair)
{
  const double reduction = samples / (double) size;
  const double wanted = ceil (2.0 / (reduction > 1.0 ? 1.0 / reduction : 1.0));

  *resize = (GhResize) { .size = size };
  if (samples == size)
    return TRUE;
  if (wanted > GH_FIT_MAX_TAPS || samples > 1 << 14 || size > 1 << 14)
    return FALSE;
  resize->n_taps = MIN ((int) wanted, samples);
  resize->first = g_new (gint32, size);
  resize->taps = g_new (guint16, (gsize) size * resize->n_taps);
  if (resize->n_taps == 2 && pair == GH_RESIZE_RUN) {
    fill_run (resize, samples);
  } else if (!fill_triangles (resize, 2.0 / (int) wanted, samples,
          resize->n_taps == 2 && pair == GH_RESIZE_FINE ? FINE_BITS : COARSE_BITS)) {
    gh_resize_clear (resize);
    return FALSE;
  }
  return TRUE;
}

void
gh_resize_clear (GhResize *resize)
{
  g_clear_pointer (&resize->first, g_free);
  g_clear_pointer (&resize->taps, g_free);
}
