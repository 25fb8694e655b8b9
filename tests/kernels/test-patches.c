/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-patches.c: patches that are cut and projected in one call, their gradients, and a decoder's last layer with its
 * loss and all gradients in one, where the back end has them; elsewhere they must say so. Expected values are computed in
 * double from numbers that bfloat16 holds.
 */
#include "cases.h"

#include <math.h>

static const float mean[3] = { 0.485f, 0.456f, 0.406f }, deviation[3] = { 0.229f, 0.224f, 0.225f };

typedef struct {
  int B, height, width, gap, patch, K, n;       /* n: values a row that is multiplied with */
  bool has_bias, normalise;
} Shape;

/* The picture, which patches of it, and their values, [B*K,P]. */
static GhPatches
make_patches (Hn *hn, const Shape *s, double *values)
{
  const int cols = (s->width - 1) / s->patch + 1, total = ((s->height - 1) / s->patch + 1) * cols;
  const int P = s->patch * s->patch * 3;
  const size_t stride = (size_t) s->width * 3 + s->gap;
  const int32_t *keep = NULL, *host_keep = NULL;
  const uint8_t *host;
  uint8_t *rgb = hn_bytes (hn, &host, s->B * s->height * stride);

  if (s->K < total)
    keep = hn_indices (hn, &host_keep, s->B, s->K, total);
  for (size_t i = 0; i < (size_t) s->B * s->K * P; i++) {
    size_t row = i / P;
    int at = (int) (i % P), index = host_keep ? host_keep[row] : (int) (row % s->K);
    int y = index / cols * s->patch + at / (3 * s->patch), x = index % cols * s->patch + at / 3 % s->patch;
    const uint8_t *image = host + row / s->K * s->height * stride;
    if (y < s->height && x < s->width)
      values[i] = (image[y * stride + x * 3 + at % 3] / 255. - mean[at % 3]) / deviation[at % 3];
  }
  return (GhPatches) { .rgb = rgb, .keep = keep, .mean = { mean[0], mean[1], mean[2] },
    .std = { deviation[0], deviation[1], deviation[2] }, .B = s->B, .height = s->height, .width = s->width,
    .stride = stride, .patch = s->patch, .K = s->K };
}

/* ---- projected patches ----------------------------------------------------------------------------------- */

static void
check_projection (Hn *hn, const Shape *s)
{
  const int P = s->patch * s->patch * 3, rows = s->B * s->K;
  double *values = hn_doubles (hn, (size_t) rows * P), *want = hn_doubles (hn, (size_t) rows * s->n);
  GhPatches patches = make_patches (hn, s, values);
  HnTensor w = hn_in_bf16 (hn, (size_t) s->n * P, 0, 1 / sqrt (P)), bias = hn_in_bf16 (hn, s->n, 0, 0.3);
  HnTensor y = hn_out (hn, (size_t) rows * s->n);
  GhPacked *packed = NULL;

  hn_describe (hn, "B=%d %dx%d gap=%d patch=%d K=%d n_out=%d bias=%d", s->B, s->height, s->width, s->gap, s->patch, s->K,
      s->n, s->has_bias);
  hn_status (hn, gh_pack (hn_ctx (hn), &packed, w.host, s->n, P, GH_DTYPE_BF16), GH_OK);
  for (int row = 0; row < rows; row++) {
    for (int o = 0; o < s->n; o++) {
      double sum = s->has_bias ? bias.host[o] : 0;
      for (int i = 0; i < P; i++)
        sum += values[(size_t) row * P + i] * w.host[(size_t) o * P + i];
      want[(size_t) row * s->n + o] = sum;
    }
  }
  bool fuses = gh_fuses_patches (hn_ctx (hn), packed);
  GhStatus status = gh_project_patches_fwd (hn_ctx (hn), y.p, patches.rgb, patches.keep, mean, deviation, packed,
      s->has_bias ? bias.p : NULL, s->B, s->height, s->width, patches.stride, s->patch, s->K);
  if (hn_status (hn, status, fuses ? GH_OK : GH_UNSUPPORTED) && fuses)
    hn_expect (hn, &y, want, HN_BF16_SCORES);
  gh_packed_free (packed);
  hn_reset (hn);
}

static void
check_project_patches_fwd (Hn *hn)
{
  static const Shape shapes[] = {
    { 1, 1, 1, 0, 1, 1, 1, false, false }, { 2, 8, 12, 0, 4, 6, 16, true, false },
    { 2, 33, 47, 5, 8, 30, 24, true, false }, { 3, 33, 47, 1, 8, 7, 24, false, false },
    { 1, 96, 96, 0, 48, 4, 64, true, false },
  };

  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
    check_projection (hn, &shapes[i]);
}

static void
check_gradients (Hn *hn, const Shape *s)
{
  const int P = s->patch * s->patch * 3, rows = s->B * s->K;
  double *values = hn_doubles (hn, (size_t) rows * P), *want_w = hn_doubles (hn, (size_t) s->n * P);
  double *want_b = hn_doubles (hn, s->n);
  GhPatches patches = make_patches (hn, s, values);
  HnTensor dy = hn_in_bf16 (hn, (size_t) rows * s->n, 0, 1), dw = hn_inout (hn, (size_t) s->n * P, HN_NORMAL);
  HnTensor db = hn_inout (hn, s->n, HN_NORMAL), w = hn_in_bf16 (hn, (size_t) s->n * P, 0, 1);
  GhPacked *packed = NULL;

  hn_describe (hn, "B=%d %dx%d gap=%d patch=%d K=%d n_out=%d bias=%d", s->B, s->height, s->width, s->gap, s->patch, s->K,
      s->n, s->has_bias);
  hn_status (hn, gh_pack (hn_ctx (hn), &packed, w.host, s->n, P, GH_DTYPE_BF16), GH_OK);
  for (size_t i = 0; i < (size_t) s->n * P; i++)
    want_w[i] = dw.host[i];
  for (int o = 0; o < s->n; o++)
    want_b[o] = db.host[o];
  for (int row = 0; row < rows; row++) {
    for (int o = 0; o < s->n; o++) {
      double slope = dy.host[(size_t) row * s->n + o];
      want_b[o] += slope;
      for (int i = 0; i < P; i++)
        want_w[(size_t) o * P + i] += slope * values[(size_t) row * P + i];
    }
  }
  bool fuses = gh_fuses_patches (hn_ctx (hn), packed);
  GhStatus status = gh_project_patches_bwd (hn_ctx (hn), dw.p, s->has_bias ? db.p : NULL, dy.p, &patches, s->n);
  if (hn_status (hn, status, fuses ? GH_OK : GH_UNSUPPORTED) && fuses) {
    hn_expect (hn, &dw, want_w, HN_BF16_SCORES);
    if (s->has_bias)
      hn_expect (hn, &db, want_b, HN_F32);
  }
  gh_packed_free (packed);
  hn_reset (hn);
}

static void
check_project_patches_bwd (Hn *hn)
{
  static const Shape shapes[] = {
    { 1, 8, 8, 0, 8, 1, 8, true, false }, { 2, 16, 24, 8, 8, 4, 16, true, false },
    { 1, 20, 25, 3, 8, 12, 24, false, false }, { 3, 48, 80, 0, 16, 11, 40, true, false },
    { 1, 96, 100, 4, 48, 5, 9, true, false }, { 1, 15, 25, 0, 5, 6, 7, true, false },
  };

  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
    check_gradients (hn, &shapes[i]);
}

/* ---- the loss -------------------------------------------------------------------------------------------- */

/* What is learned of a patch's values: by its own mean and deviation, where it is normalised. */
static void
normalise (double *patch, int P)
{
  double sum = 0, square = 0;

  for (int i = 0; i < P; i++)
    sum += patch[i];
  for (int i = 0; i < P; i++)
    square += (patch[i] - sum / P) * (patch[i] - sum / P);
  for (int i = 0; i < P; i++)
    patch[i] = (patch[i] - sum / P) / sqrt (square / (P > 1 ? P - 1 : 1) + 1e-6);
}

typedef struct {
  HnTensor x, w, bias, loss, dx, dw, db;
  double *want_loss, *want_dx, *want_dw, *want_db;
} Layer;

static Layer
make_layer (Hn *hn, const Shape *s, int rows, int P)
{
  Layer l = { hn_in_bf16 (hn, (size_t) rows * s->n, 0, 1), hn_in_bf16 (hn, (size_t) P * s->n, 0, 1 / sqrt (s->n)),
    hn_in_bf16 (hn, P, 0, 0.3), hn_inout (hn, 1, HN_NORMAL), hn_out (hn, (size_t) rows * s->n),
    hn_inout (hn, (size_t) P * s->n, HN_NORMAL), hn_inout (hn, P, HN_NORMAL),
    hn_doubles (hn, 1), hn_doubles (hn, (size_t) rows * s->n), hn_doubles (hn, (size_t) P * s->n), hn_doubles (hn, P) };

  l.want_loss[0] = l.loss.host[0];
  for (size_t i = 0; i < (size_t) P * s->n; i++)
    l.want_dw[i] = l.dw.host[i];
  for (int i = 0; i < P; i++)
    l.want_db[i] = l.db.host[i];
  return l;
}

/* One row's part in everything. */
static void
expect_row (const Layer *l, const Shape *s, const double *target, int row, int P, double scale)
{
  const float *x = l->x.host + (size_t) row * s->n;

  for (int i = 0; i < P; i++) {
    const float *w = l->w.host + (size_t) i * s->n;
    double error = (s->has_bias ? l->bias.host[i] : 0) - target[i], slope;
    for (int j = 0; j < s->n; j++)
      error += (double) x[j] * w[j];
    l->want_loss[0] += scale * error * error;
    slope = 2 * scale * error;
    l->want_db[i] += slope;
    for (int j = 0; j < s->n; j++) {
      l->want_dx[(size_t) row * s->n + j] += slope * w[j];
      l->want_dw[(size_t) i * s->n + j] += slope * x[j];
    }
  }
}

static void
check_loss (Hn *hn, const Shape *s)
{
  const int P = s->patch * s->patch * 3, rows = s->B * s->K;
  const float scale = 1.5f / rows;
  double *values = hn_doubles (hn, (size_t) rows * P);
  GhPatches patches = make_patches (hn, s, values);
  Layer l = make_layer (hn, s, rows, P);
  GhPacked *w = NULL;

  hn_describe (hn, "B=%d %dx%d gap=%d patch=%d K=%d n_in=%d bias=%d normalise=%d", s->B, s->height, s->width, s->gap,
      s->patch, s->K, s->n, s->has_bias, s->normalise);
  hn_status (hn, gh_pack (hn_ctx (hn), &w, l.w.host, P, s->n, GH_DTYPE_BF16), GH_OK);
  bool fuses = gh_fuses_patches_loss (hn_ctx (hn), w, &patches);
  for (int row = 0; fuses && row < rows; row++) {
    if (s->normalise)
      normalise (values + (size_t) row * P, P);
    expect_row (&l, s, values + (size_t) row * P, row, P, scale);
  }
  GhStatus status = gh_patches_loss (hn_ctx (hn), l.loss.p, l.dx.p, l.dw.p, s->has_bias ? l.db.p : NULL, l.x.p, w,
      s->has_bias ? l.bias.p : NULL, &patches, s->normalise, scale);
  if (hn_status (hn, status, fuses ? GH_OK : GH_UNSUPPORTED) && fuses) {
    hn_expect (hn, &l.loss, l.want_loss, HN_BF16_SCORES);
    hn_expect (hn, &l.dx, l.want_dx, HN_BF16_GRADIENT);
    hn_expect (hn, &l.dw, l.want_dw, HN_BF16_GRADIENT);
    if (s->has_bias)
      hn_expect (hn, &l.db, l.want_db, HN_BF16_GRADIENT);
  }
  gh_packed_free (w);
  hn_reset (hn);
}

static void
check_patches_loss (Hn *hn)
{
  static const Shape shapes[] = {
    { 1, 8, 8, 0, 8, 1, 8, true, true }, { 2, 16, 24, 8, 8, 4, 16, true, true }, { 1, 20, 24, 0, 8, 9, 24, false, false },
    { 3, 48, 80, 0, 16, 11, 40, true, true }, { 1, 48, 48, 0, 48, 1, 16, true, true },
    { 2, 96, 104, 0, 48, 3, 8, true, false }, { 1, 50, 80, 16, 24, 7, 8, true, true },
    { 1, 15, 25, 0, 5, 6, 8, true, true },      /* values do not lie in eights */
  };

  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
    check_loss (hn, &shapes[i]);
}

const HnCase hn_project_patches_fwd = { "project_patches_fwd", check_project_patches_fwd, NULL };
const HnCase hn_project_patches_bwd = { "project_patches_bwd", check_project_patches_bwd, NULL };
const HnCase hn_patches_loss = { "patches_loss", check_patches_loss, NULL };
