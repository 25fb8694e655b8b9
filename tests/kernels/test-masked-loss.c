/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-masked-loss.c: the loss of a masked autoencoder, and its gradient against central differences.
 */
#include "cases.h"

#include <math.h>

static void
targets (double *t, const float *p, int P)
{
  double sum = 0, square = 0;

  for (int i = 0; i < P; i++)
    sum += p[i];
  for (int i = 0; i < P; i++)
    square += pow (p[i] - sum / P, 2);
  for (int i = 0; i < P; i++)
    t[i] = (p[i] - sum / P) / sqrt (square / fmax (P - 1, 1) + 1e-6);
}

enum { NO_GRADIENT, APART, IN_PLACE };

static void
check_one (Hn *hn, int rows, int P, bool normalise, int gradient, HnFill fill)
{
  size_t n = (size_t) rows * P;
  HnTensor pred = gradient == IN_PLACE ? hn_inout (hn, n, HN_NORMAL) : hn_in (hn, n, HN_NORMAL);
  HnTensor patches = hn_in (hn, n, fill), loss = hn_inout (hn, 1, HN_SKEWED);
  HnTensor dpred = gradient == IN_PLACE ? pred : hn_out (hn, gradient == APART ? n : 0);
  double *want = hn_doubles (hn, n), *t = hn_doubles (hn, P), want_loss = loss.host[0];
  float scale = 1 / (float) n;

  hn_describe (hn, "rows=%d P=%d normalise=%d gradient=%d fill=%d", rows, P, normalise, gradient, fill);
  for (int r = 0; r < rows; r++) {
    const float *p = patches.host + (size_t) r * P;
    for (int i = 0; i < P; i++)
      t[i] = p[i];
    if (normalise)
      targets (t, p, P);
    for (int i = 0; i < P; i++) {
      double x = pred.host[(size_t) r * P + i], h = 1e-3;
      want_loss += scale * pow (x - t[i], 2);
      want[(size_t) r * P + i] = scale * (pow (x + h - t[i], 2) - pow (x - h - t[i], 2)) / (2 * h);
    }
  }
  GhStatus status = gh_masked_loss (hn_ctx (hn), loss.p, gradient == NO_GRADIENT ? NULL : dpred.p, pred.p, patches.p,
      normalise, scale, rows, P);
  if (hn_status (hn, status, GH_OK)) {
    hn_expect (hn, &loss, &want_loss, HN_F32);
    if (gradient != NO_GRADIENT)
      hn_expect (hn, &dpred, want, HN_F32);
  }
  hn_reset (hn);
}

static void
check (Hn *hn)
{
  static const int shapes[][2] = { { 1, 1 }, { 2, 2 }, { 3, 7 }, { 5, 48 }, { 17, 33 }, { 168, 768 }, { 3, 6912 },
    { 70, 100 } };

  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    int rows = shapes[i][0], P = shapes[i][1];
    check_one (hn, rows, P, true, APART, HN_NORMAL);
    check_one (hn, rows, P, true, IN_PLACE, HN_SKEWED);
    check_one (hn, rows, P, true, NO_GRADIENT, HN_LARGE);
    check_one (hn, rows, P, false, APART, HN_SKEWED);
    check_one (hn, rows, P, false, IN_PLACE, HN_NORMAL);
    check_one (hn, rows, P, true, APART, HN_ZERO);
    check_one (hn, rows, P, true, APART, HN_TINY);
  }
}

static void
bench (Hn *hn)
{
  int rows = 8 * 168, P = 6912;
  size_t n = (size_t) rows * P;
  HnTensor pred = hn_in (hn, n, HN_NORMAL), patches = hn_in (hn, n, HN_NORMAL), dpred = hn_out (hn, n);
  HnTensor loss = hn_inout (hn, 1, HN_ZERO);
  HN_BENCH (hn, 0, 12.0 * n, "%dx%d", rows, P)
    gh_masked_loss (hn_ctx (hn), loss.p, dpred.p, pred.p, patches.p, true, 1 / (float) n, rows, P);
}

const HnCase hn_masked_loss = { "masked_loss", check, bench };
