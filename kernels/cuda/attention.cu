/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * attention.cu: softmax(q k^T / sqrt(D)) v in float32, for heads of any width. A block takes 8 warps' queries of one
 * head and walks the keys 32 at a time through shared memory: a lane scores one key, then sums its channels. The
 * softmax is taken as the keys come: what was summed so far is scaled down whenever a higher score appears.
 */
#include "cuda.h"

enum { WARPS = 8, QUERIES = 2 /* of a warp */, MAX_D = 256 };

namespace {
/* PARTS: channels of a head, in 32s. */
template <int PARTS> struct Rows {
  float top[QUERIES], sum[QUERIES], o[QUERIES][PARTS];
};
}

/* Scores of key `lane` for the warp's queries, q[QUERIES][D] already scaled, key[D]. */
static __device__ __forceinline__ void
score (float *s, const float *q, const float *key, int D)
{
  for (int i = 0; i < QUERIES; i++)
    s[i] = 0;
  for (int d = 0; d < D; d++) {
    for (int i = 0; i < QUERIES; i++)
      s[i] += q[i * D + d] * key[d];
  }
}

/* The values of a tile of 32 keys, v[32][D+1], into the rows; s holds the scores, -inf beyond the last key. The warp's
 * lanes tell each other their keys' weights through weight[QUERIES][32]. */
template <int PARTS> static __device__ __forceinline__ void
take_values (Rows<PARTS> &rows, const float *s, const float *v, float *weight, int keys, int D, int lane)
{
  for (int i = 0; i < QUERIES; i++) {
    float top = fmaxf (rows.top[i], gh_warp_max (s[i])), shrink = expf (rows.top[i] - top), p = expf (s[i] - top);
    rows.top[i] = top;
    rows.sum[i] = rows.sum[i] * shrink + gh_warp_sum (p);
    weight[i * 32 + lane] = p;
#pragma unroll
    for (int part = 0; part < PARTS; part++)
      rows.o[i][part] *= shrink;
  }
  __syncwarp ();
  for (int key = 0; key < keys; key++) {
#pragma unroll
    for (int part = 0; part < PARTS; part++) {
      float value = part * 32 + lane < D ? v[key * (D + 1) + part * 32 + lane] : 0;
      for (int i = 0; i < QUERIES; i++)
        rows.o[i][part] += weight[i * 32 + key] * value;
    }
  }
}

template <class T, int PARTS> static __global__ void
attention (T *o, const T *qkv, float scale, int N, int H, int D)
{
  GH_SHARED (float, k);         /* [32][D+1] keys, as many values, weights [WARPS][QUERIES][32], queries [..][..][D] */
  float *v = k + 32 * (D + 1), *weight = v + 32 * (D + 1), *q = weight + WARPS * QUERIES * 32;
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32, I = H * D, h = blockIdx.y;
  int t0 = (blockIdx.x * WARPS + warp) * QUERIES;
  const T *image = qkv + (size_t) blockIdx.z * N * 3 * I + h * D;
  Rows<PARTS> rows;

  q += warp * QUERIES * D;
  weight += warp * QUERIES * 32;
  for (int i = 0; i < QUERIES; i++) {
    rows.top[i] = -INFINITY;
    rows.sum[i] = 0;
    for (int part = 0; part < PARTS; part++)
      rows.o[i][part] = 0;
    for (int d = lane; d < D; d += 32)
      q[i * D + d] = t0 + i < N ? gh_load (image + (size_t) (t0 + i) * 3 * I + d) * scale : 0;
  }
  for (int key0 = 0; key0 < N; key0 += 32) {
    int keys = min (32, N - key0);
    __syncthreads ();
    for (int i = threadIdx.x; i < 32 * D; i += 32 * WARPS) {
      int key = i / D, d = i % D;
      const T *row = image + (size_t) (key0 + key) * 3 * I + I + d;
      k[key * (D + 1) + d] = key < keys ? gh_load (row) : 0;
      v[key * (D + 1) + d] = key < keys ? gh_load (row + I) : 0;
    }
    __syncthreads ();
    float s[QUERIES];
    score (s, q, k + lane * (D + 1), D);
    for (int i = 0; i < QUERIES; i++)
      s[i] = lane < keys ? s[i] : -INFINITY;
    take_values (rows, s, v, weight, keys, D, lane);
  }
  for (int i = 0; i < QUERIES && t0 + i < N; i++) {
    for (int part = 0; part < PARTS && part * 32 + lane < D; part++)
      gh_store (o + ((size_t) blockIdx.z * N + t0 + i) * I + h * D + part * 32 + lane, rows.o[i][part] / rows.sum[i]);
  }
}

template <class T, int PARTS> static GhStatus
launch (GhCtx *ctx, T *o, const T *qkv, int B, int N, int H, int D)
{
  size_t shared = (64 * ((size_t) D + 1) + WARPS * QUERIES * (32 + D)) * sizeof (float);

  GH_CUDA_TRY (gh_cuda_check (ctx, cudaFuncSetAttribute ((const void *) attention<T, PARTS>,
              cudaFuncAttributeMaxDynamicSharedMemorySize, (int) shared), "attention"));
  return GH_LAUNCH (ctx, (attention<T, PARTS>), dim3 (gh_blocks (N, WARPS * QUERIES), H, B), dim3 (32 * WARPS), shared,
      o, qkv, 1 / sqrtf ((float) D), N, H, D);
}

template <class T> GhStatus
gh_cuda_attention (GhCtx *ctx, T *o, const T *qkv, GhDtype dtype, int B, int N, int H, int D)
{
  bool aligned = ((uintptr_t) o | (uintptr_t) qkv) % 16 == 0;

  const GhAttention attention = { B, N, H, NULL, 0, 0 };

  if (aligned && dtype == GH_DTYPE_BF16 && gh_cuda_attends_in_bf16 (ctx, D))
    return gh_cuda_attention_bf16 (ctx, o, NULL, qkv, &attention);
  if (D > MAX_D)
    return gh_fail (ctx, GH_UNSUPPORTED, "attention over heads of %d channels (at most %d)", D, MAX_D);
  return D <= 64 ? launch<T, 2> (ctx, o, qkv, B, N, H, D) : launch<T, MAX_D / 32> (ctx, o, qkv, B, N, H, D);
}

template GhStatus gh_cuda_attention (GhCtx *, GhBf16 *, const GhBf16 *, GhDtype, int, int, int, int);

GhStatus
gh_cuda_attention_fwd (GhCtx *ctx, float *o, const float *qkv, GhDtype dtype, int B, int N, int H, int D)
{
  return gh_cuda_attention (ctx, o, qkv, dtype, B, N, H, D);
}
