/* SPDX-License-Identifier: LGPL-2.1-or-later
 * value-conv-bwd.cu: the gradient of the values is the convolution with the taps turned round; that of a tap is one long
 * sum, taken per image first. */
#include "column-sums.h"

enum { THREADS = 256 };

/* part[b,h,j] = sum over tokens and channels of dout[t] v[t + j - taps/2]; a block per (j, b*H + h). */
static __global__ void
tap_gradients (float *part, const float *dout, const float *qkv, int N, int H, int D, int taps, int first)
{
  GH_SHARED (float, shared);
  int j = blockIdx.x, b = blockIdx.y / H, h = blockIdx.y % H, I = H * D, shift = j - taps / 2;
  int begin = max (first, first - shift), end = min (N, N - shift);
  const float *v = qkv + ((size_t) b * N * 3 + 2) * I + h * D;
  float sum = 0;

  dout += (size_t) b * N * I + h * D;
  for (int i = threadIdx.x; i < (end - begin) * D; i += THREADS) {
    int t = begin + i / D, d = i % D;
    sum += dout[(size_t) t * I + d] * v[(size_t) (t + shift) * 3 * I + d];
  }
  sum = gh_block_sum (sum, shared);
  if (threadIdx.x == 0)
    part[(size_t) blockIdx.y * taps + j] = sum;
}

namespace {
struct Part {
  const float *part;
  int C;
  __device__ float operator() (int row, int c) const { return part[(size_t) row * C + c]; }
};
}

GhStatus
gh_cuda_value_conv_bwd (GhCtx *ctx, float *dqkv, float *dw, const float *dout, const float *qkv, const float *w, int B,
    int N, int H, int D, int taps, int first)
{
  int I = H * D;
  size_t n = (size_t) B * H * taps;
  float *part = (float *) gh_scratch (ctx, (n + (size_t) gh_parts (B) * H * taps) * sizeof *part);

  if (!part)
    return GH_NOMEM;
  GH_CUDA_TRY (GH_LAUNCH (ctx, tap_gradients, dim3 (taps, B * H), dim3 (THREADS), 32 * sizeof (float), part, dout, qkv,
          N, H, D, taps, first));
  GH_CUDA_TRY (gh_sum_columns (ctx, dw, Part { part, H * taps }, B, H * taps, part + n));
  return gh_cuda_convolve (ctx, dqkv + 2 * I, 3 * I, dout, I, w, true, B, N, H, D, taps, first);
}
