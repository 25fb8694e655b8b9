/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-block.c: a whole transformer block in one call, and several of them, where the back end has that; elsewhere it must
 * say so. Expected
 * values are computed in double from weights that bfloat16 holds; what the back end rounds between two products is left
 * to the tolerance.
 */
#include "cases.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
  int B, N, C, H, D, mlp, taps, first;
  bool biases;
} Shape;

/* ---- the truth ------------------------------------------------------------------------------------------- */

static void
normalise (double *y, const double *x, const float *w, const float *b, int rows, int C, double eps)
{
  for (int r = 0; r < rows; r++, x += C, y += C) {
    double mean = 0, square = 0;
    for (int c = 0; c < C; c++)
      mean += x[c] / C;
    for (int c = 0; c < C; c++)
      square += (x[c] - mean) * (x[c] - mean) / C;
    for (int c = 0; c < C; c++)
      y[c] = (x[c] - mean) / sqrt (square + eps) * w[c] + b[c];
  }
}

/* y = x w^T + bias, or y += it. */
static void
multiply (double *y, const double *x, const float *w, const float *bias, int rows, int n_out, int n_in, bool add)
{
  for (int r = 0; r < rows; r++) {
    for (int o = 0; o < n_out; o++) {
      double sum = bias ? bias[o] : 0;
      for (int i = 0; i < n_in; i++)
        sum += x[(size_t) r * n_in + i] * w[(size_t) o * n_in + i];
      y[(size_t) r * n_out + o] = sum + (add ? y[(size_t) r * n_out + o] : 0);
    }
  }
}

/* One query of one head: image points at the head's q of token 0. */
static void
attend (double *o, const double *image, double *weight, int t, int N, int I, int D)
{
  double sum = 0;

  for (int s = 0; s < N; s++) {
    double score = 0;
    for (int d = 0; d < D; d++)
      score += image[(size_t) t * 3 * I + d] * image[(size_t) s * 3 * I + I + d];
    sum += weight[s] = exp (score / sqrt (D));
  }
  for (int d = 0; d < D; d++) {
    o[d] = 0;
    for (int s = 0; s < N; s++)
      o[d] += weight[s] / sum * image[(size_t) s * 3 * I + 2 * I + d];
  }
}

static void
convolve (double *o, const double *image, const float *w, int t, const Shape *s, int I)
{
  for (int j = 0; j < s->taps; j++) {
    int source = t + j - s->taps / 2;
    for (int d = 0; t >= s->first && source >= s->first && source < s->N && d < s->D; d++)
      o[d] += w[j] * image[(size_t) source * 3 * I + 2 * I + d];
  }
}

static void
mix (Hn *hn, double *attn, const double *qkv, const float *conv, const Shape *s)
{
  int I = s->H * s->D;
  double *weight = hn_doubles (hn, s->N);

  for (int b = 0; b < s->B; b++) {
    for (int h = 0; h < s->H; h++) {
      const double *image = qkv + (size_t) b * s->N * 3 * I + h * s->D;
      for (int t = 0; t < s->N; t++) {
        double *o = attn + ((size_t) b * s->N + t) * I + h * s->D;
        attend (o, image, weight, t, s->N, I, s->D);
        if (conv)
          convolve (o, image, conv + h * s->taps, t, s, I);
      }
    }
  }
}

/* ---- blocks ---------------------------------------------------------------------------------------------- */

typedef struct {
  HnTensor norm1_w, norm1_b, norm2_w, norm2_b, qkv, out, fc1, fc2, qkv_b, out_b, fc1_b, fc2_b, conv;
} Weights;

static Weights
make_weights (Hn *hn, const Shape *s)
{
  int C = s->C, I = s->H * s->D;
  Weights w = { hn_in_bf16 (hn, C, 0, 1), hn_in_bf16 (hn, C, 0, 0.3), hn_in_bf16 (hn, C, 0, 1),
    hn_in_bf16 (hn, C, 0, 0.3), hn_in_bf16 (hn, (size_t) 3 * I * C, 0, 1 / sqrt (C)),
    hn_in_bf16 (hn, (size_t) C * I, 0, 1 / sqrt (I)), hn_in_bf16 (hn, (size_t) s->mlp * C, 0, 1 / sqrt (C)),
    hn_in_bf16 (hn, (size_t) C * s->mlp, 0, 1 / sqrt (s->mlp)), hn_in_bf16 (hn, 3 * I, 0, 0.3),
    hn_in_bf16 (hn, C, 0, 0.3), hn_in_bf16 (hn, s->mlp, 0, 0.3), hn_in_bf16 (hn, C, 0, 0.3),
    hn_in_bf16 (hn, (size_t) s->H * (s->taps ? s->taps : 1), 0, 0.2) };
  return w;
}

/* y[B,N,C] goes through a block. */
static void
advance (Hn *hn, double *y, const Weights *w, const Shape *s)
{
  int rows = s->B * s->N, C = s->C, I = s->H * s->D;
  double *norm = hn_doubles (hn, (size_t) rows * C);
  double *qkv = hn_doubles (hn, (size_t) rows * 3 * I), *attn = hn_doubles (hn, (size_t) rows * I);
  double *hidden = hn_doubles (hn, (size_t) rows * s->mlp);
  bool b = s->biases;

  normalise (norm, y, w->norm1_w.host, w->norm1_b.host, rows, C, 1e-6);
  multiply (qkv, norm, w->qkv.host, b ? w->qkv_b.host : NULL, rows, 3 * I, C, false);
  mix (hn, attn, qkv, s->taps ? w->conv.host : NULL, s);
  multiply (y, attn, w->out.host, b ? w->out_b.host : NULL, rows, C, I, true);
  normalise (norm, y, w->norm2_w.host, w->norm2_b.host, rows, C, 1e-6);
  multiply (hidden, norm, w->fc1.host, b ? w->fc1_b.host : NULL, rows, s->mlp, C, false);
  for (int i = 0; i < rows * s->mlp; i++)
    hidden[i] *= 0.5 * erfc (-hidden[i] / sqrt (2));
  multiply (y, hidden, w->fc2.host, b ? w->fc2_b.host : NULL, rows, C, s->mlp, true);
}

static double *
widen (Hn *hn, const float *x, size_t n)
{
  double *y = hn_doubles (hn, n);

  for (size_t i = 0; i < n; i++)
    y[i] = x[i];
  return y;
}

static GhPacked *
pack (Hn *hn, const HnTensor *w, int n_out, int n_in)
{
  GhPacked *packed = NULL;

  hn_status (hn, gh_pack (hn_ctx (hn), &packed, w->host, n_out, n_in, GH_DTYPE_BF16), GH_OK);
  return packed;
}

/* Packed weights of a block, in the order of its parts. */
enum { PACKED = 4 };

static GhBlockParts
make_parts (Hn *hn, GhPacked **packed, const Weights *w, const Shape *s)
{
  int C = s->C, I = s->H * s->D;

  packed[0] = pack (hn, &w->qkv, 3 * I, C);
  packed[1] = pack (hn, &w->out, C, I);
  packed[2] = pack (hn, &w->fc1, s->mlp, C);
  packed[3] = pack (hn, &w->fc2, C, s->mlp);
  return (GhBlockParts) {
    .norm1_w = w->norm1_w.p, .norm1_b = w->norm1_b.p, .norm2_w = w->norm2_w.p, .norm2_b = w->norm2_b.p,
    .qkv = packed[0], .out = packed[1], .fc1 = packed[2], .fc2 = packed[3],
    .qkv_b = s->biases ? w->qkv_b.p : NULL, .out_b = s->biases ? w->out_b.p : NULL,
    .fc1_b = s->biases ? w->fc1_b.p : NULL, .fc2_b = s->biases ? w->fc2_b.p : NULL,
    .conv = s->taps ? w->conv.p : NULL, .C = C, .H = s->H, .D = s->D, .taps = s->taps, .first = s->first, .eps = 1e-6f };
}

static void
free_packed (GhPacked **packed)
{
  for (int i = 0; i < PACKED; i++)
    gh_packed_free (packed[i]);
}

static void
describe (Hn *hn, const Shape *s)
{
  hn_describe (hn, "B=%d N=%d C=%d H=%d D=%d mlp=%d taps=%d first=%d biases=%d", s->B, s->N, s->C, s->H, s->D, s->mlp,
      s->taps, s->first, s->biases);
}

static void
check_one (Hn *hn, const Shape *s)
{
  size_t n = (size_t) s->B * s->N * s->C;
  GhPacked *packed[PACKED];

  describe (hn, s);
  HnTensor x = hn_inout (hn, n, HN_NORMAL);
  Weights w = make_weights (hn, s);
  GhBlockParts parts = make_parts (hn, packed, &w, s);
  bool fuses = gh_fuses_block (hn_ctx (hn), &parts);
  double *want = widen (hn, x.host, n);
  if (fuses)
    advance (hn, want, &w, s);
  if (hn_status (hn, gh_block_fwd (hn_ctx (hn), x.p, &parts, s->B, s->N), fuses ? GH_OK : GH_UNSUPPORTED) && fuses)
    hn_expect (hn, &x, want, HN_BF16_SCORES);
  free_packed (packed);
  hn_reset (hn);
}

static void
check_block (Hn *hn)
{
  static const Shape shapes[] = {
    { 1, 1, 8, 1, 8, 8, 0, 0, false }, { 2, 5, 16, 2, 8, 24, 3, 0, true }, { 1, 17, 64, 2, 32, 96, 5, 1, false },
    { 2, 72, 128, 2, 64, 256, 33, 0, true }, { 1, 65, 64, 1, 64, 64, 33, 1, true }, { 3, 20, 40, 3, 16, 56, 9, 0, false },
    { 2, 12, 20, 2, 10, 36, 3, 0, true },       /* not divisible by 8 */
    { 1, 60, 64, 2, 64, 64, 99, 1, true },      /* more taps than attention has room for */
    /* Heads enough to fill 132 processors, so that attention does not share keys among warps. */
    { 2, 72, 8, 27, 64, 8, 33, 1, true }, { 1, 130, 8, 30, 64, 8, 5, 0, false },
  };

  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
    check_one (hn, &shapes[i]);
}

const HnCase hn_block_fwd = { "block_fwd", check_block, NULL };

/* ---- several in one call ---------------------------------------------------------------------------------- */

enum { DEPTH = 3 };

/* What became of a shape. */
typedef enum { NOT_PACKED, NO_ROOM, DONE } Outcome;

static Outcome
check_several (Hn *hn, const Shape *s)
{
  size_t n = (size_t) s->B * s->N * s->C;
  GhPacked *packed[DEPTH][PACKED];
  GhPackedBlocks *blocks = NULL;
  GhBlockParts parts[DEPTH];
  Weights w[DEPTH];
  Outcome outcome = NOT_PACKED;
  GhStatus status;

  describe (hn, s);
  HnTensor x = hn_inout (hn, n, HN_NORMAL);
  for (int i = 0; i < DEPTH; i++) {
    w[i] = make_weights (hn, s);
    parts[i] = make_parts (hn, packed[i], &w[i], s);
  }
  status = gh_blocks_pack (hn_ctx (hn), &blocks, parts, DEPTH);
  if (status != GH_UNSUPPORTED && hn_status (hn, status, GH_OK)) {
    bool suits = gh_suits_blocks (hn_ctx (hn), blocks, s->B, s->N);
    outcome = suits ? DONE : NO_ROOM;
    double *want = widen (hn, x.host, n);
    for (int i = 0; suits && i < DEPTH; i++)
      advance (hn, want, &w[i], s);
    if (hn_status (hn, gh_blocks_fwd (hn_ctx (hn), x.p, blocks, s->B, s->N), suits ? GH_OK : GH_UNSUPPORTED) && suits)
      hn_expect (hn, &x, want, HN_BF16_SCORES);
  }
  gh_packed_blocks_free (blocks);
  for (int i = 0; i < DEPTH; i++)
    free_packed (packed[i]);
  hn_reset (hn);
  return outcome;
}

/* Where they are asked for some of these run, or nothing has been checked at all. */
static void
check_blocks (Hn *hn)
{
  static const Shape shapes[] = {
    { 1, 72, 128, 2, 64, 128, 33, 0, true }, { 1, 130, 128, 2, 64, 256, 33, 1, false }, { 1, 64, 192, 1, 64, 192, 0, 0, true },
    { 1, 5, 256, 3, 64, 128, 3, 0, true }, { 1, 250, 128, 2, 64, 128, 97, 0, false },
    { 2, 72, 128, 2, 64, 128, 33, 0, true },    /* not an image alone */
    { 1, 300, 128, 2, 64, 128, 33, 0, true },   /* more tokens than there are warps for */
  };

  int count[DONE + 1] = { 0 };

  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
    count[check_several (hn, &shapes[i])]++;
  if ((getenv ("GST_HEADS_CUDA_BLOCKS") || count[NO_ROOM] > 0) && count[DONE] == 0)
    hn_status (hn, GH_UNSUPPORTED, GH_OK);
}

const HnCase hn_blocks_fwd = { "blocks_fwd", check_blocks, NULL };
