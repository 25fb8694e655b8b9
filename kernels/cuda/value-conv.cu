/* SPDX-License-Identifier: LGPL-2.1-or-later
 * value-conv.cu: the convolution along the tokens. A block takes 64 channels of a head and 64 tokens of an image; what
 * its taps reach lies in shared memory, and a thread keeps the sums of 8 tokens and 2 channels while it walks past. */
#include "cuda.h"

enum { PAIRS = 32 /* of channels */, LANES = 8, EACH = 8, TOKENS = LANES * EACH };

namespace {
template <class T> struct Convolution {
  T *to;
  const T *from;
  const float *w;
  int to_ld, from_ld, N, D, taps, first, offset;
  bool flip, whole;             /* whole: channels may be read and written in pairs */
};
}

/* Channels d and d+1 of a row; the second reads as 0 beyond the head. whole: D is even and rows are aligned to pairs. */
static __device__ __forceinline__ float2
load_two (const float *row, int d, int D, bool whole)
{
  return whole ? *(const float2 *) (row + d) : make_float2 (row[d], d + 1 < D ? row[d + 1] : 0);
}

static __device__ __forceinline__ float2
load_two (const GhBf16 *row, int d, int D, bool whole)
{
  unsigned both = whole ? *(const unsigned *) (row + d) : row[d] | (d + 1 < D ? (unsigned) row[d + 1] << 16 : 0);
  return make_float2 (__uint_as_float (both << 16), __uint_as_float (both & 0xffff0000));
}

static __device__ __forceinline__ void
store_two (float *row, int d, int D, bool whole, float2 v)
{
  if (whole) {
    *(float2 *) (row + d) = v;
  } else {
    row[d] = v.x;
    if (d + 1 < D)
      row[d + 1] = v.y;
  }
}

static __device__ __forceinline__ void
store_two (GhBf16 *row, int d, int D, bool whole, float2 v)
{
  if (whole) {
    *(unsigned *) (row + d) = (unsigned) gh_to_bf16 (v.y) << 16 | gh_to_bf16 (v.x);
  } else {
    row[d] = gh_to_bf16 (v.x);
    if (d + 1 < D)
      row[d + 1] = gh_to_bf16 (v.y);
  }
}

/* to[t] += sum_j w[j] from[t + j - offset]; blockIdx: channels of the head, tokens, b*H + h. A thread walks down the rows
 * that its 8 tokens reach, a new tap and a new value at each step; the last 8 taps stay in registers, and eight steps are
 * written out so that each has its own. */
template <class T> static __global__ void
convolve (Convolution<T> v, int H)
{
  GH_SHARED (float2, window);   /* [rows][PAIRS], then the taps as float, zero from v.taps up to [walk] */
  int walk = (v.taps + EACH - 1 + EACH - 1) / EACH * EACH, rows = TOKENS - EACH + walk;
  int t0 = v.first + blockIdx.y * TOKENS, b = blockIdx.z / H, h = blockIdx.z % H;
  int d = (blockIdx.x * PAIRS + threadIdx.x) * 2;
  float *filter = (float *) (window + rows * PAIRS), tap[EACH] = { 0 };
  float2 sum[EACH];

  for (int i = threadIdx.y; i < rows; i += LANES) {
    int source = t0 + i - v.offset;
    const T *row = v.from + ((size_t) b * v.N + source) * v.from_ld + h * v.D;
    bool inside = source >= v.first && source < v.N && d < v.D;
    window[i * PAIRS + threadIdx.x] = inside ? load_two (row, d, v.D, v.whole) : make_float2 (0, 0);
  }
  for (int j = threadIdx.y * PAIRS + threadIdx.x; j < walk; j += LANES * PAIRS)
    filter[j] = j < v.taps ? v.w[(size_t) h * v.taps + (v.flip ? v.taps - 1 - j : j)] : 0;
  __syncthreads ();
  if (d >= v.D)
    return;
  window += threadIdx.y * EACH * PAIRS + threadIdx.x;
#pragma unroll
  for (int i = 0; i < EACH; i++)
    sum[i] = make_float2 (0, 0);
  for (int row = 0; row < walk; row += EACH) {
#pragma unroll
    for (int step = 0; step < EACH; step++) {
      float2 value = window[(row + step) * PAIRS];
      tap[step] = filter[row + step];
#pragma unroll
      for (int i = 0; i < EACH; i++) {
        sum[i].x += tap[(step - i + EACH) % EACH] * value.x;
        sum[i].y += tap[(step - i + EACH) % EACH] * value.y;
      }
    }
  }
#pragma unroll
  for (int i = 0; i < EACH; i++) {
    int t = t0 + threadIdx.y * EACH + i;
    T *row = v.to + ((size_t) b * v.N + t) * v.to_ld + h * v.D;
    if (t < v.N) {
      float2 before = load_two (row, d, v.D, v.whole);
      store_two (row, d, v.D, v.whole, make_float2 (before.x + sum[i].x, before.y + sum[i].y));
    }
  }
}

template <class T> GhStatus
gh_cuda_convolve (GhCtx *ctx, T *to, int to_ld, const T *from, int from_ld, const float *w, bool flip, int B, int N,
    int H, int D, int taps, int first)
{
  bool whole = D % 2 == 0 && to_ld % 2 == 0 && from_ld % 2 == 0
      && ((uintptr_t) to | (uintptr_t) from) % (2 * sizeof (T)) == 0;
  Convolution<T> v = { to, from, w, to_ld, from_ld, N, D, taps, first, flip ? taps - 1 - taps / 2 : taps / 2, flip,
    whole };
  size_t walk = (taps + 2 * (EACH - 1)) / EACH * EACH;
  size_t shared = (TOKENS - EACH + walk) * PAIRS * sizeof (float2) + walk * sizeof (float);

  if (N <= first)
    return GH_OK;
  GH_CUDA_TRY (gh_cuda_check (ctx, cudaFuncSetAttribute ((const void *) convolve<T>,
              cudaFuncAttributeMaxDynamicSharedMemorySize, (int) shared), "value_conv"));
  return GH_LAUNCH (ctx, convolve<T>, dim3 (gh_blocks (D, 2 * PAIRS), gh_blocks (N - first, TOKENS), B * H),
      dim3 (PAIRS, LANES), shared, v, H);
}

template GhStatus gh_cuda_convolve (GhCtx *, float *, int, const float *, int, const float *, bool, int, int, int, int,
    int, int);
template GhStatus gh_cuda_convolve (GhCtx *, GhBf16 *, int, const GhBf16 *, int, const float *, bool, int, int, int,
    int, int, int);

GhStatus
gh_cuda_value_conv_fwd (GhCtx *ctx, float *o, const float *qkv, const float *w, int B, int N, int H, int D, int taps,
    int first)
{
  int part = H * D;
  return gh_cuda_convolve (ctx, o, part, qkv + 2 * part, 3 * part, w, false, B, N, H, D, taps, first);
}
