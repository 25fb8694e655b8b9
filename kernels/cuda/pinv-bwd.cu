/* SPDX-License-Identifier: LGPL-2.1-or-later
 * pinv-bwd.cu: back through the steps of pinv.cu, whose inner products are computed again from the trail. */
#include "cuda.h"

namespace {
struct Work {
  float *p, *t1, *t2, *t3, *g, *g1, *g2, *g3, *gp, *scale;
};
}

/* da += scale g^T: through the first guess, whose scale counts as a constant. */
static __global__ void
through_first_guess (float *da, const float *g, const float *scale, int M, size_t n)
{
  GH_FOR_EACH (i, n) {
    size_t index = i / M / M, row = i / M % M, col = i % M;
    da[i] += scale[index] * g[(index * M + col) * M + row];
  }
}

/* From w.g, the gradient of what the step gave, to that of its z (in w.g again) and of a (added to da). */
static GhStatus
step_back (GhCtx *ctx, const Work &w, float *da, const float *a, const float *z, int count, int M)
{
  auto product = [&] (float *c, float alpha, const float *x, bool trans_x, const float *y, bool trans_y, float beta) {
    return gh_cuda_pinv_product (ctx, c, alpha, x, trans_x, y, trans_y, beta, count, M);
  };
  auto diagonal = [&] (float *m, const float *m0, float scale, float value) {
    return gh_cuda_pinv_diagonal (ctx, m, m0, scale, value, count, M);
  };

  GH_CUDA_TRY (product (w.p, 1, a, false, z, false, 0));
  GH_CUDA_TRY (diagonal (w.t1, w.p, -1, 7));
  GH_CUDA_TRY (product (w.t2, -1, w.p, false, w.t1, false, 0));
  GH_CUDA_TRY (diagonal (w.t2, NULL, 1, 15));
  GH_CUDA_TRY (product (w.t3, -1, w.p, false, w.t2, false, 0));
  GH_CUDA_TRY (diagonal (w.t3, NULL, 1, 13));
  GH_CUDA_TRY (product (w.g3, 0.25f, z, true, w.g, false, 0));
  GH_CUDA_TRY (product (w.g2, -1, w.p, true, w.g3, false, 0));
  GH_CUDA_TRY (product (w.g1, -1, w.p, true, w.g2, false, 0));
  GH_CUDA_TRY (diagonal (w.gp, w.g1, -1, 0));
  GH_CUDA_TRY (product (w.gp, -1, w.g3, false, w.t2, true, 1));
  GH_CUDA_TRY (product (w.gp, -1, w.g2, false, w.t1, true, 1));
  GH_CUDA_TRY (product (w.g1, 0.25f, w.g, false, w.t3, true, 0));
  GH_CUDA_TRY (product (w.g1, 1, a, true, w.gp, false, 1));
  GH_CUDA_TRY (product (da, 1, w.gp, false, z, true, 1));
  return diagonal (w.g, w.g1, 1, 0);
}

GhStatus
gh_cuda_pinv_bwd (GhCtx *ctx, float *da, const float *dz, const float *a, const float *trail, int count, int M,
    int iters)
{
  size_t n = (size_t) count * M * M, floats = (n + 63) / 64 * 64;
  float *base = (float *) gh_scratch (ctx, (9 * floats + count) * sizeof *base);
  cudaStream_t stream = gh_cuda (ctx)->stream;

  if (!base)
    return GH_NOMEM;
  Work w = { base, base + floats, base + 2 * floats, base + 3 * floats, base + 4 * floats, base + 5 * floats,
    base + 6 * floats, base + 7 * floats, base + 8 * floats, base + 9 * floats };
  GH_CUDA_TRY (gh_cuda_check (ctx, cudaMemcpyAsync (w.g, dz, n * sizeof *dz, cudaMemcpyDeviceToDevice, stream),
          "pinv_bwd"));
  GH_CUDA_TRY (gh_cuda_check (ctx, cudaMemsetAsync (da, 0, n * sizeof *da, stream), "pinv_bwd"));
  for (int i = iters - 1; i >= 0; i--)
    GH_CUDA_TRY (step_back (ctx, w, da, a, trail + i * n, count, M));
  GH_CUDA_TRY (gh_cuda_pinv_scale (ctx, w.scale, a, count, M));
  return GH_LAUNCH (ctx, through_first_guess, dim3 (gh_grid (ctx, n)), dim3 (256), 0, da, w.g, w.scale, M, n);
}
