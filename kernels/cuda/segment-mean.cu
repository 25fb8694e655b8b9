/* SPDX-License-Identifier: LGPL-2.1-or-later
 * segment-mean.cu: a thread per channel of a landmark (forward), of a token (back). */
#include "cuda.h"

namespace {
struct Segments {
  int col, ld, N, H, D, M;
  float scale;
};
}

/* The first n_short segments hold base tokens, the others one more. */
static __global__ void
segment_mean_fwd (float *y, const float *x, Segments s, size_t n)
{
  int base = s.N / s.M, n_short = s.M - s.N % s.M;

  GH_FOR_EACH (i, n) {
    int d = i % s.D, j = i / s.D % s.M, h = i / s.D / s.M % s.H;
    size_t b = i / s.D / s.M / s.H;
    int begin = j * base + max (j - n_short, 0), length = j < n_short ? base : base + 1;
    const float *from = x + (b * s.N + begin) * s.ld + s.col + h * s.D + d;
    float sum = 0;
    for (int t = 0; t < length; t++)
      sum += from[(size_t) t * s.ld];
    y[i] = s.scale * sum / length;
  }
}

static __global__ void
segment_mean_bwd (float *dx, const float *dy, Segments s, size_t n)
{
  int base = s.N / s.M, n_short = s.M - s.N % s.M;

  GH_FOR_EACH (i, n) {
    int hd = i % (s.H * s.D), t = i / (s.H * s.D) % s.N;
    size_t b = i / (s.H * s.D) / s.N;
    int j = t < n_short * base ? t / base : n_short + (t - n_short * base) / (base + 1);
    int length = j < n_short ? base : base + 1;
    dx[(b * s.N + t) * s.ld + s.col + hd] +=
        s.scale / length * dy[((b * s.H + hd / s.D) * s.M + j) * s.D + hd % s.D];
  }
}

GhStatus
gh_cuda_segment_mean_fwd (GhCtx *ctx, float *y, const float *x, int col, int ld, float scale, int B, int N, int H,
    int D, int M)
{
  Segments s = { col, ld, N, H, D, M, scale };
  size_t n = (size_t) B * H * M * D;
  return GH_LAUNCH (ctx, segment_mean_fwd, dim3 (gh_grid (ctx, n)), dim3 (256), 0, y, x, s, n);
}

GhStatus
gh_cuda_segment_mean_bwd (GhCtx *ctx, float *dx, const float *dy, int col, int ld, float scale, int B, int N, int H,
    int D, int M)
{
  Segments s = { col, ld, N, H, D, M, scale };
  size_t n = (size_t) B * N * H * D;
  return GH_LAUNCH (ctx, segment_mean_bwd, dim3 (gh_grid (ctx, n)), dim3 (256), 0, dx, dy, s, n);
}
