/* SPDX-License-Identifier: LGPL-2.1-or-later
 * tokens.cu: rows that are put together with their positions, or picked; a thread per value. */
#include "cuda.h"

static __global__ void
embed_tokens (float *y, const float *x, const float *pos, const int32_t *keep, const float *cls, int K, int C,
    int first, size_t n)
{
  int T = first + K;

  GH_FOR_EACH (i, n) {
    int c = i % C, t = i / C % T - first;
    size_t b = i / C / T;
    if (t < 0) {
      y[i] = cls[c];
    } else {
      size_t row = b * K + t;
      y[i] = x[row * C + c] + pos[(size_t) (keep ? keep[row] : t) * C + c];
    }
  }
}

/* The same without a cls token, four channels a thread. */
static __global__ void
embed_fours (float4 *y, const float4 *x, const float4 *pos, const int32_t *keep, int K, int fours, size_t n)
{
  GH_FOR_EACH (i, n) {
    size_t row = i / fours;
    float4 a = x[i], b = pos[(size_t) (keep ? keep[row] : row % K) * fours + i % fours];
    y[i] = make_float4 (a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w);
  }
}

GhStatus
gh_cuda_embed_tokens_fwd (GhCtx *ctx, float *y, const float *x, const float *pos, const int32_t *keep,
    const float *cls, int B, int K, int C, int first)
{
  size_t n = (size_t) B * (first + K) * C;

  if (!first && C % 4 == 0 && ((uintptr_t) y | (uintptr_t) x | (uintptr_t) pos) % 16 == 0)
    return GH_LAUNCH (ctx, embed_fours, dim3 (gh_grid (ctx, n / 4)), dim3 (256), 0, (float4 *) y, (const float4 *) x,
        (const float4 *) pos, keep, K, C / 4, n / 4);
  return GH_LAUNCH (ctx, embed_tokens, dim3 (gh_grid (ctx, n)), dim3 (256), 0, y, x, pos, keep, cls, K, C, first, n);
}

/* Mask tokens everywhere; cls carried over. */
static __global__ void
mask_tokens (float *y, const float *x, const float *mask_token, const float *pos, const float *cls_pos, int N, int K,
    int C, int first, size_t n)
{
  int T = first + N;

  GH_FOR_EACH (i, n) {
    int c = i % C, t = i / C % T - first;
    size_t b = i / C / T;
    y[i] = t < 0 ? x[b * (first + K) * C + c] + cls_pos[c] : mask_token[c] + pos[(size_t) t * C + c];
  }
}

static __global__ void
place_tokens (float *y, const float *x, const float *pos, const int32_t *keep, int N, int K, int C, int first,
    size_t n)
{
  GH_FOR_EACH (i, n) {
    int c = i % C, j = i / C % K;
    size_t b = i / C / K;
    int to = keep ? keep[b * K + j] : j;
    y[(b * (first + N) + first + to) * C + c] = x[(b * (first + K) + first + j) * C + c] + pos[(size_t) to * C + c];
  }
}

GhStatus
gh_cuda_unmask_tokens_fwd (GhCtx *ctx, float *y, const float *x, const float *mask_token, const float *pos,
    const int32_t *keep, const float *cls_pos, int B, int N, int K, int C, int first)
{
  size_t n = (size_t) B * (first + N) * C, kept = (size_t) B * K * C;

  GH_CUDA_TRY (GH_LAUNCH (ctx, mask_tokens, dim3 (gh_grid (ctx, n)), dim3 (256), 0, y, x, mask_token, pos, cls_pos, N,
          K, C, first, n));
  if (kept == 0)
    return GH_OK;
  return GH_LAUNCH (ctx, place_tokens, dim3 (gh_grid (ctx, kept)), dim3 (256), 0, y, x, pos, keep, N, K, C, first,
      kept);
}

static __global__ void
gather_rows (float *y, const float *x, const int32_t *index, int N, int K, int C, int first, size_t n)
{
  GH_FOR_EACH (i, n) {
    int c = i % C, k = i / C % K;
    size_t b = i / C / K;
    y[i] = x[(b * (first + N) + first + (index ? index[b * K + k] : k)) * C + c];
  }
}

GhStatus
gh_cuda_gather_rows_fwd (GhCtx *ctx, float *y, const float *x, const int32_t *index, int B, int N, int K, int C,
    int first)
{
  size_t n = (size_t) B * K * C;
  return GH_LAUNCH (ctx, gather_rows, dim3 (gh_grid (ctx, n)), dim3 (256), 0, y, x, index, N, K, C, first, n);
}
