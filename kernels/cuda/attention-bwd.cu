/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * attention-bwd.cu: the gradients of attention by products of whole score matrices, a few images at a time so that
 * those stay small: S = q k^T / sqrt(D), dP = dout v^T, then per row P = softmax(S) and dS = P (dP - sum of P dP), and
 * dv = P^T dout, dq = dS k / sqrt(D), dk = dS^T q / sqrt(D). In BF16 the operands of the products are rounded; where
 * heads have 64 channels, attention-bwd-bf16.cu does it all.
 */
#include "cuda.h"

enum { WARPS = 8 };

static const size_t MOST_BYTES = 256 << 20;

/* A warp per row of the scores: p and ds may lie where s and dp do when T is float. */
template <class T> static __global__ void
weights_and_slopes (T *p, T *ds, const float *s, const float *dp, int N, int rows)
{
  int row = blockIdx.x * WARPS + threadIdx.x / 32, lane = threadIdx.x % 32;
  float top = -INFINITY, sum = 0, along = 0;

  if (row >= rows)
    return;
  size_t at = (size_t) row * N;
  for (int i = lane; i < N; i += 32)
    top = fmaxf (top, s[at + i]);
  top = gh_warp_max (top);
  for (int i = lane; i < N; i += 32) {
    float weight = expf (s[at + i] - top);
    sum += weight;
    along += weight * dp[at + i];
  }
  sum = gh_warp_sum (sum);
  along = gh_warp_sum (along) / sum;
  for (int i = lane; i < N; i += 32) {
    float weight = expf (s[at + i] - top) / sum, slope = weight * (dp[at + i] - along);
    gh_store (p + at + i, weight);
    gh_store (ds + at + i, slope);
  }
}

namespace {
/* One set of operands; strides are per image and per head, in elements of the operand. */
struct Operand {
  const void *p;
  ptrdiff_t ld, stride_b, stride_h;
};
}

static GhStatus
product (GhCtx *ctx, float *c, ptrdiff_t ldc, ptrdiff_t c_b, ptrdiff_t c_h, Operand a, bool trans_a, Operand b,
    bool trans_b, float alpha, bool half, int B, int H, int m, int n, int k)
{
  GhGemm g = { };
  GhGemmSteps steps = { a.stride_b, a.stride_h, b.stride_b, b.stride_h, c_b, c_h };

  g.m = m;
  g.n = n;
  g.k = k;
  g.a = a.p;
  g.b = b.p;
  g.c = c;
  g.lda = a.ld;
  g.ldb = b.ld;
  g.ldc = ldc;
  g.trans_a = trans_a;
  g.trans_b = trans_b;
  g.half = half;
  g.alpha = alpha;
  return gh_cuda_gemm_heads (ctx, &g, &steps, B, H);
}

namespace {
struct Scratch {
  float *s, *dp;
  void *p, *ds, *qkv, *dout;    /* the last two only when half */
};
}

static size_t
padded (size_t bytes)
{
  return (bytes + 255) / 256 * 256;
}

/* Lays out the scratch for B images; returns its size. */
static size_t
plan (Scratch *to, char *base, bool half, int B, int N, int H, int D)
{
  size_t scores = (size_t) B * H * N * N, values = (size_t) B * N * H * D, used = 0;
  auto take = [&] (size_t bytes) { char *at = base + used; used += padded (bytes); return (void *) at; };

  to->s = (float *) take (scores * sizeof (float));
  to->dp = (float *) take (scores * sizeof (float));
  to->p = half ? take (scores * sizeof (GhBf16)) : to->s;
  to->ds = half ? take (scores * sizeof (GhBf16)) : to->dp;
  to->qkv = half ? take (3 * values * sizeof (GhBf16)) : NULL;
  to->dout = half ? take (values * sizeof (GhBf16)) : NULL;
  return used;
}

static GhStatus
some_images (GhCtx *ctx, float *dqkv, const float *dout, const float *qkv, const Scratch &w, bool half, int B, int N,
    int H, int D)
{
  ptrdiff_t I = (ptrdiff_t) H * D, NN = (ptrdiff_t) N * N, rows = (ptrdiff_t) B * H * N;
  size_t size = half ? sizeof (GhBf16) : sizeof (float);
  const char *in = half ? (const char *) w.qkv : (const char *) qkv;
  Operand q = { in, 3 * I, N * 3 * I, D }, k = { in + I * size, 3 * I, N * 3 * I, D };
  Operand v = { in + 2 * I * size, 3 * I, N * 3 * I, D }, go = { half ? w.dout : dout, I, N * I, D };
  Operand p = { w.p, N, H * NN, NN }, ds = { w.ds, N, H * NN, NN };
  float scale = 1 / sqrtf ((float) D);
  dim3 grid (gh_blocks (rows, WARPS)), block (32 * WARPS);

  if (half) {
    GH_CUDA_TRY (gh_cuda_round_bf16 (ctx, (GhBf16 *) w.qkv, qkv, (size_t) B * N * 3 * I));
    GH_CUDA_TRY (gh_cuda_round_bf16 (ctx, (GhBf16 *) w.dout, dout, (size_t) B * N * I));
  }
  GH_CUDA_TRY (product (ctx, w.s, N, H * NN, NN, q, false, k, true, scale, half, B, H, N, N, D));
  GH_CUDA_TRY (product (ctx, w.dp, N, H * NN, NN, go, false, v, true, 1, half, B, H, N, N, D));
  if (half)
    GH_CUDA_TRY (GH_LAUNCH (ctx, weights_and_slopes<GhBf16>, grid, block, 0, (GhBf16 *) w.p, (GhBf16 *) w.ds, w.s,
            w.dp, N, (int) rows));
  else
    GH_CUDA_TRY (GH_LAUNCH (ctx, weights_and_slopes<float>, grid, block, 0, w.s, w.dp, w.s, w.dp, N, (int) rows));
  GH_CUDA_TRY (product (ctx, dqkv, 3 * I, N * 3 * I, D, ds, false, k, false, scale, half, B, H, N, D, N));
  GH_CUDA_TRY (product (ctx, dqkv + I, 3 * I, N * 3 * I, D, ds, true, q, false, scale, half, B, H, N, D, N));
  return product (ctx, dqkv + 2 * I, 3 * I, N * 3 * I, D, p, true, go, false, 1, half, B, H, N, D, N);
}

/* Everything rounded, and one forward pass more, for what the kernels on tensor cores want to know. */
static GhStatus
on_tensor_cores (GhCtx *ctx, float *dqkv, const float *dout, const float *qkv, const GhAttention *v)
{
  size_t values = (size_t) v->B * v->N * v->H * 64, half = padded (values * sizeof (GhBf16));
  size_t lse = padded ((size_t) v->B * v->H * v->N * sizeof (float));
  char *at = (char *) gh_scratch (ctx, 8 * half + lse + gh_cuda_attention_bwd_work (v));
  GhBf16 *in = (GhBf16 *) at, *slopes = (GhBf16 *) (at + 3 * half), *o = (GhBf16 *) (at + 4 * half);
  GhBf16 *out = (GhBf16 *) (at + 5 * half);
  float *sums = (float *) (at + 8 * half);

  if (!at)
    return GH_NOMEM;
  GH_CUDA_TRY (gh_cuda_round_bf16 (ctx, in, qkv, 3 * values));
  GH_CUDA_TRY (gh_cuda_round_bf16 (ctx, slopes, dout, values));
  GH_CUDA_TRY (gh_cuda_attention_bf16 (ctx, o, sums, in, v));
  GH_CUDA_TRY (gh_cuda_attention_bwd_bf16 (ctx, out, NULL, slopes, o, sums, in, v, at + 8 * half + lse));
  return gh_cuda_widen_bf16 (ctx, dqkv, out, 3 * values);
}

GhStatus
gh_cuda_attention_bwd (GhCtx *ctx, float *dqkv, const float *dout, const float *qkv, GhDtype dtype, int B, int N, int H,
    int D)
{
  const GhAttention attention = { B, N, H, NULL, 0, 0 };
  bool half = dtype == GH_DTYPE_BF16;
  size_t values = (size_t) N * H * D;

  if (half && gh_cuda_attends_in_bf16 (ctx, D))
    return on_tensor_cores (ctx, dqkv, dout, qkv, &attention);

  Scratch w;
  size_t each = plan (&w, NULL, half, 1, N, H, D);
  int step = each * B <= MOST_BYTES ? B : (int) (MOST_BYTES / each) > 1 ? (int) (MOST_BYTES / each) : 1;
  char *base = (char *) gh_scratch (ctx, plan (&w, NULL, half, step, N, H, D));

  if (!base)
    return GH_NOMEM;
  plan (&w, base, half, step, N, H, D);
  for (int b = 0; b < B; b += step)
    GH_CUDA_TRY (some_images (ctx, dqkv + b * 3 * values, dout + b * values, qkv + b * 3 * values, w, half,
            B - b < step ? B - b : step, N, H, D));
  return GH_OK;
}
