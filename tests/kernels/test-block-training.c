/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-block-training.c: a stack of blocks that learns, forward and back in one call each, against the same made of the
 * plain operations of the reference back end, one by one in float32; those are compared with central differences
 * themselves. Elsewhere than on a GPU's tensor cores they must say that they cannot.
 */
#include "cases.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NORM1_W, NORM1_B, NORM2_W, NORM2_B, QKV, OUT, FC1, FC2, QKV_B, OUT_B, FC1_B, FC2_B, CONV, N_PARTS };
enum { D = 64, MOST_DEPTH = 3 };

typedef struct {
  int B, N, C, H, mlp, taps, first, depth;
  bool biases;
} Shape;

typedef struct {
  HnTensor value[N_PARTS], gradient[N_PARTS];
  float *want[N_PARTS];         /* the gradient as it should be */
  GhPacked *packed[4];          /* QKV.. FC2 */
} Block;

/* ---- the parts ------------------------------------------------------------------------------------------- */

static bool
has (const Shape *s, int part)
{
  return part == CONV ? s->taps > 0 : part < QKV_B || s->biases;
}

static size_t
size_of (const Shape *s, int part)
{
  const size_t C = s->C, I = s->H * D, M = s->mlp;
  const size_t sizes[N_PARTS] = { C, C, C, C, 3 * I * C, C * I, M * C, C * M, 3 * I, C, M, C, (size_t) s->H * s->taps };

  return sizes[part];
}

static double
deviation_of (const Shape *s, int part)
{
  const double scales[N_PARTS] = { 0.3, 0.3, 0.3, 0.3, 1 / sqrt (s->C), 1 / sqrt (s->H * D), 1 / sqrt (s->C),
    1 / sqrt (s->mlp), 0.3, 0.3, 0.3, 0.3, 0.3 / sqrt (fmax (s->taps, 1)) };

  return scales[part];
}

static double
mean_of (const Shape *s, int part)
{
  return part == NORM1_W || part == NORM2_W ? 1 : part == CONV ? 1.0 / s->taps : 0;
}

/* Norms have weights about 1, and so has the sum of a head's taps: where it is near -1 the gradients of the values, summed
 * over rows, cancel, and what is left is rounding. */
static HnTensor
make_value (Hn *hn, const Shape *s, int part)
{
  return hn_in_bf16 (hn, size_of (s, part), mean_of (s, part), deviation_of (s, part));
}

static void
make_block (Hn *hn, Block *b, const Shape *s)
{
  const int I = s->H * D, n_out[4] = { 3 * I, s->C, s->mlp, s->C }, n_in[4] = { s->C, I, s->C, s->mlp };

  for (int i = 0; i < N_PARTS; i++) {
    if (!has (s, i))
      continue;
    b->value[i] = make_value (hn, s, i);
    b->gradient[i] = hn_inout (hn, size_of (s, i), HN_NORMAL);
    b->want[i] = (float *) hn_doubles (hn, size_of (s, i));
    memcpy (b->want[i], b->gradient[i].host, size_of (s, i) * sizeof (float));
  }
  for (int i = 0; i < 4; i++)
    hn_status (hn, gh_pack (hn_ctx (hn), &b->packed[i], b->value[QKV + i].host, n_out[i], n_in[i], GH_DTYPE_BF16), GH_OK);
}

static GhBlockTraining
training_of (const Block *b, const Shape *s)
{
  const HnTensor *v = b->value, *g = b->gradient;

  return (GhBlockTraining) {
    .parts = { v[NORM1_W].p, v[NORM1_B].p, v[NORM2_W].p, v[NORM2_B].p, b->packed[0], b->packed[1], b->packed[2],
      b->packed[3], v[QKV_B].p, v[OUT_B].p, v[FC1_B].p, v[FC2_B].p, v[CONV].p, s->C, s->H, D, s->taps, s->first, 1e-6f },
    .d_norm1_w = g[NORM1_W].p, .d_norm1_b = g[NORM1_B].p, .d_norm2_w = g[NORM2_W].p, .d_norm2_b = g[NORM2_B].p,
    .d_qkv = g[QKV].p, .d_out = g[OUT].p, .d_fc1 = g[FC1].p, .d_fc2 = g[FC2].p, .d_qkv_b = g[QKV_B].p,
    .d_out_b = g[OUT_B].p, .d_fc1_b = g[FC1_B].p, .d_fc2_b = g[FC2_B].p, .d_conv = g[CONV].p };
}

/* ---- the truth ------------------------------------------------------------------------------------------- */

/* y = x w^T + bias, or y += it. */
static void
linear (float *y, const float *x, const float *w, const float *bias, int rows, int n_out, int n_in, bool add)
{
  for (int r = 0; r < rows; r++) {
    for (int o = 0; o < n_out; o++) {
      double sum = (bias ? bias[o] : 0) + (add ? y[(size_t) r * n_out + o] : 0);
      for (int i = 0; i < n_in; i++)
        sum += (double) x[(size_t) r * n_in + i] * w[(size_t) o * n_in + i];
      y[(size_t) r * n_out + o] = (float) sum;
    }
  }
}

/* dx = dy w, dw += dy^T x, db += the columns of dy. */
static void
linear_back (float *dx, float *dw, float *db, const float *dy, const float *x, const float *w, int rows, int n_out,
    int n_in)
{
  memset (dx, 0, (size_t) rows * n_in * sizeof *dx);
  for (int r = 0; r < rows; r++) {
    for (int o = 0; o < n_out; o++) {
      float slope = dy[(size_t) r * n_out + o];
      for (int i = 0; i < n_in; i++) {
        dx[(size_t) r * n_in + i] += slope * w[(size_t) o * n_in + i];
        dw[(size_t) o * n_in + i] += slope * x[(size_t) r * n_in + i];
      }
      if (db)
        db[o] += slope;
    }
  }
}

typedef struct {
  float *x, *norm1, *mean1, *rstd1, *qkv, *attn, *mid, *norm2, *mean2, *rstd2, *pre, *hidden;
} Acts;

static void
plain_forward (GhCtx *ref, float *y, const Acts *a, const Block *b, const Shape *s)
{
  const int rows = s->B * s->N, C = s->C, I = s->H * D;
  const HnTensor *v = b->value;

  gh_layernorm_fwd (ref, a->norm1, a->mean1, a->rstd1, a->x, v[NORM1_W].host, v[NORM1_B].host, rows, C, 1e-6f);
  linear (a->qkv, a->norm1, v[QKV].host, v[QKV_B].host, rows, 3 * I, C, false);
  gh_attention_fwd (ref, a->attn, a->qkv, GH_DTYPE_F32, s->B, s->N, s->H, D);
  if (s->taps)
    gh_value_conv_fwd (ref, a->attn, a->qkv, v[CONV].host, s->B, s->N, s->H, D, s->taps, s->first);
  memcpy (a->mid, a->x, (size_t) rows * C * sizeof *a->x);
  linear (a->mid, a->attn, v[OUT].host, v[OUT_B].host, rows, C, I, true);
  gh_layernorm_fwd (ref, a->norm2, a->mean2, a->rstd2, a->mid, v[NORM2_W].host, v[NORM2_B].host, rows, C, 1e-6f);
  linear (a->pre, a->norm2, v[FC1].host, v[FC1_B].host, rows, s->mlp, C, false);
  gh_gelu_fwd (ref, a->hidden, a->pre, (size_t) rows * s->mlp);
  memcpy (y, a->mid, (size_t) rows * C * sizeof *y);
  linear (y, a->hidden, v[FC2].host, v[FC2_B].host, rows, C, s->mlp, true);
}

static void
plain_backward (Hn *hn, GhCtx *ref, float *dx, const Acts *a, const Block *b, const Shape *s)
{
  const int rows = s->B * s->N, C = s->C, I = s->H * D, M = s->mlp;
  float *wide = (float *) hn_doubles (hn, (size_t) rows * M), *d_norm = (float *) hn_doubles (hn, (size_t) rows * C);
  float *d_attn = (float *) hn_doubles (hn, (size_t) rows * I), *d_qkv = (float *) hn_doubles (hn, (size_t) rows * 3 * I);
  const HnTensor *v = b->value;

  linear_back (wide, b->want[FC2], b->want[FC2_B], dx, a->hidden, v[FC2].host, rows, C, M);
  gh_gelu_bwd (ref, wide, wide, a->pre, (size_t) rows * M);
  linear_back (d_norm, b->want[FC1], b->want[FC1_B], wide, a->norm2, v[FC1].host, rows, M, C);
  gh_layernorm_bwd (ref, dx, b->want[NORM2_W], b->want[NORM2_B], d_norm, a->mid, v[NORM2_W].host, a->mean2, a->rstd2, dx,
      rows, C);
  linear_back (d_attn, b->want[OUT], b->want[OUT_B], dx, a->attn, v[OUT].host, rows, C, I);
  gh_attention_bwd (ref, d_qkv, d_attn, a->qkv, GH_DTYPE_F32, s->B, s->N, s->H, D);
  if (s->taps)
    gh_value_conv_bwd (ref, d_qkv, b->want[CONV], d_attn, a->qkv, v[CONV].host, s->B, s->N, s->H, D, s->taps, s->first);
  linear_back (d_norm, b->want[QKV], b->want[QKV_B], d_qkv, a->norm1, v[QKV].host, rows, 3 * I, C);
  gh_layernorm_bwd (ref, dx, b->want[NORM1_W], b->want[NORM1_B], d_norm, a->x, v[NORM1_W].host, a->mean1, a->rstd1, dx,
      rows, C);
}

static Acts
make_acts (Hn *hn, const Shape *s)
{
  const size_t rows = (size_t) s->B * s->N, I = s->H * D;
  const size_t sizes[] = { rows * s->C, rows * s->C, rows, rows, rows * 3 * I, rows * I, rows * s->C, rows * s->C, rows,
    rows, rows * s->mlp, rows * s->mlp };
  float *p[12];

  for (int i = 0; i < 12; i++)
    p[i] = (float *) hn_doubles (hn, sizes[i]);
  return (Acts) { p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9], p[10], p[11] };
}

static void
expect (Hn *hn, float *y, float *dx, const float *x, const Block *blocks, const Shape *s)
{
  const size_t n = (size_t) s->B * s->N * s->C;
  Acts acts[MOST_DEPTH];
  GhCtx *ref = NULL;

  if (!hn_status (hn, gh_ctx_new (&ref, GH_DEVICE_REF, 1, NULL, 0), GH_OK))
    return;
  for (int i = 0; i < s->depth; i++)
    acts[i] = make_acts (hn, s);
  memcpy (acts[0].x, x, n * sizeof *x);
  for (int i = 0; i < s->depth; i++)
    plain_forward (ref, i + 1 < s->depth ? acts[i + 1].x : y, &acts[i], &blocks[i], s);
  for (int i = s->depth - 1; i >= 0; i--)
    plain_backward (hn, ref, dx, &acts[i], &blocks[i], s);
  gh_ctx_free (ref);
}

/* ---- checks ---------------------------------------------------------------------------------------------- */

static void
compare (Hn *hn, HnTensor *got, const float *want, HnTolerance tolerance)
{
  double *wide = hn_doubles (hn, got->n);

  for (size_t i = 0; i < got->n; i++)
    wide[i] = want[i];
  hn_expect (hn, got, wide, tolerance);
}

static void
run (Hn *hn, const GhBlockTraining *training, Block *blocks, const Shape *s)
{
  GhCtx *ctx = hn_ctx (hn);
  const size_t n = (size_t) s->B * s->N * s->C;
  float *want_y = (float *) hn_doubles (hn, n), *want_dx = (float *) hn_doubles (hn, n);
  HnTensor x = hn_in (hn, n, HN_NORMAL), y = hn_out (hn, n), dx = hn_inout (hn, n, HN_NORMAL);
  void *kept = NULL, *scratch = NULL;
  size_t kept_bytes, scratch_bytes;

  memcpy (want_dx, dx.host, n * sizeof (float));
  expect (hn, want_y, want_dx, x.host, blocks, s);
  if (!hn_status (hn, gh_blocks_training_bytes (ctx, &kept_bytes, &scratch_bytes, training, s->B, s->N), GH_OK)
      || !hn_status (hn, gh_alloc (ctx, &kept, s->depth * kept_bytes), GH_OK)
      || !hn_status (hn, gh_alloc (ctx, &scratch, scratch_bytes), GH_OK)
      || !hn_status (hn, gh_upload (ctx, kept, x.host, n * sizeof (float)), GH_OK))
    return;
  hn_status (hn, gh_blocks_training_fwd (ctx, y.p, training, s->depth, kept, scratch, s->B, s->N), GH_OK);
  hn_status (hn, gh_blocks_training_bwd (ctx, dx.p, training, s->depth, kept, scratch, s->B, s->N), GH_OK);
  compare (hn, &y, want_y, HN_BF16_SCORES);
  compare (hn, &dx, want_dx, HN_BF16_GRADIENT);
  for (int i = 0; i < s->depth; i++) {
    for (int part = 0; part < N_PARTS; part++) {
      if (has (s, part))
        compare (hn, &blocks[i].gradient[part], blocks[i].want[part], HN_BF16_GRADIENT);
    }
  }
  gh_free (ctx, kept);
  gh_free (ctx, scratch);
}

static void
check_one (Hn *hn, const Shape *s)
{
  Block blocks[MOST_DEPTH] = { 0 };
  GhBlockTraining training[MOST_DEPTH];

  hn_describe (hn, "B=%d N=%d C=%d H=%d mlp=%d taps=%d first=%d depth=%d biases=%d", s->B, s->N, s->C, s->H, s->mlp,
      s->taps, s->first, s->depth, s->biases);
  for (int i = 0; i < s->depth; i++) {
    make_block (hn, &blocks[i], s);
    training[i] = training_of (&blocks[i], s);
  }
  if (gh_fuses_training (hn_ctx (hn), training)) {
    run (hn, training, blocks, s);
  } else {
    size_t bytes;
    hn_status (hn, gh_blocks_training_bytes (hn_ctx (hn), &bytes, &bytes, training, s->B, s->N), GH_UNSUPPORTED);
  }
  for (int i = 0; i < s->depth; i++) {
    for (int j = 0; j < 4; j++)
      gh_packed_free (blocks[i].packed[j]);
  }
  hn_reset (hn);
}

static void
check (Hn *hn)
{
  static const Shape shapes[] = {
    { 1, 1, 128, 1, 8, 0, 0, 1, false }, { 2, 5, 128, 2, 24, 0, 0, 2, true }, { 1, 17, 128, 1, 64, 3, 1, 1, true },
    { 2, 72, 128, 2, 96, 33, 0, 2, true }, { 1, 70, 256, 2, 40, 33, 1, 1, false }, { 1, 130, 128, 1, 264, 5, 0, 1, true },
    { 3, 33, 384, 1, 48, 0, 1, 3, true }, { 1, 100, 128, 2, 32, 97, 0, 1, false },
    { 1, 280, 128, 1, 16, 33, 0, 1, false },
    /* Rows enough that a block of a GPU walks several groups of them, in the norm and in GELU, not all of them full. */
    { 137, 33, 128, 1, 520, 3, 1, 1, true },
    { 1, 10, 128, 1, 16, 99, 0, 1, false },     /* more taps than fit */
    { 1, 10, 192, 1, 16, 0, 0, 1, false },      /* not divisible by 128 */
  };

  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
    check_one (hn, &shapes[i]);
}

const HnCase hn_blocks_training = { "blocks_training", check, NULL };
