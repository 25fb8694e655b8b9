/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * linear.cu: products with fixed weights, by cuBLAS, which also adds bias and residual. Packed weights are [n_out,n_in]
 * in the type they were asked for. In BF16 the activations are rounded first, beside the stream's other work.
 */
#include "cuda.h"

#include <stdlib.h>

/* Eight values a thread: 32 bytes read, 16 written. */
static __global__ void
round_eights (GhBf16 *to, const float *x, size_t eights)
{
  GH_FOR_EACH (i, eights) {
    float4 a = ((const float4 *) x)[2 * i], b = ((const float4 *) x)[2 * i + 1];
    const float v[8] = { a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w };
    gh_store_eight (to + i * 8, v);
  }
}

static __global__ void
round_each (GhBf16 *to, const float *x, size_t n)
{
  GH_FOR_EACH (i, n)
    to[i] = gh_to_bf16 (x[i]);
}

GhStatus
gh_cuda_round_bf16 (GhCtx *ctx, GhBf16 *to, const float *x, size_t n)
{
  if (n % 8 || ((uintptr_t) x | (uintptr_t) to) % 16)
    return GH_LAUNCH (ctx, round_each, dim3 (gh_grid (ctx, n)), dim3 (256), 0, to, x, n);
  return GH_LAUNCH (ctx, round_eights, dim3 (gh_grid (ctx, n / 8)), dim3 (256), 0, to, x, n / 8);
}

static __global__ void
widen (float *to, const GhBf16 *x, size_t n)
{
  GH_FOR_EACH (i, n)
    to[i] = gh_from_bf16 (x[i]);
}

GhStatus
gh_cuda_widen_bf16 (GhCtx *ctx, float *to, const GhBf16 *x, size_t n)
{
  return GH_LAUNCH (ctx, widen, dim3 (gh_grid (ctx, n)), dim3 (256), 0, to, x, n);
}

/* to[n_out,n_in] = the transpose of w[n_in,n_out]; a tile of 32 x 32 goes through shared memory. */
template <class T> static __global__ void
turn_weights (T *to, const float *w, int n_out, int n_in)
{
  GH_SHARED (float, tile);      /* [32][33] */
  int o0 = blockIdx.y * 32, i0 = blockIdx.x * 32, x = threadIdx.x;

  for (int y = threadIdx.y; y < 32; y += 8) {
    if (i0 + y < n_in && o0 + x < n_out)
      tile[y * 33 + x] = w[(size_t) (i0 + y) * n_out + o0 + x];
  }
  __syncthreads ();
  for (int y = threadIdx.y; y < 32; y += 8) {
    if (o0 + y < n_out && i0 + x < n_in)
      gh_store (to + (size_t) (o0 + y) * n_in + i0 + x, tile[x * 33 + y]);
  }
}

GhStatus
gh_cuda_pack_update (GhCtx *ctx, GhPacked *packed, const float *w, bool transposed)
{
  int n_out = packed->n_out, n_in = packed->n_in;
  dim3 grid (gh_blocks (n_in, 32), gh_blocks (n_out, 32)), block (32, 8);
  size_t shared = 32 * 33 * sizeof (float), n = (size_t) n_out * n_in;
  bool half = packed->dtype == GH_DTYPE_BF16;

  if (transposed && half)
    return GH_LAUNCH (ctx, turn_weights<GhBf16>, grid, block, shared, (GhBf16 *) packed->data, w, n_out, n_in);
  if (transposed)
    return GH_LAUNCH (ctx, turn_weights<float>, grid, block, shared, (float *) packed->data, w, n_out, n_in);
  if (half)
    return gh_cuda_round_bf16 (ctx, (GhBf16 *) packed->data, w, n);
  return gh_cuda_check (ctx, cudaMemcpyAsync (packed->data, w, n * sizeof *w, cudaMemcpyDeviceToDevice,
          gh_cuda (ctx)->stream), "weights");
}

/* Waits: other contexts may use the weights as soon as they are packed, and the host's may go. */
GhStatus
gh_cuda_pack (GhCtx *ctx, GhPacked *packed, const float *host_w)
{
  size_t n = (size_t) packed->n_out * packed->n_in;
  cudaStream_t stream = gh_cuda (ctx)->stream;
  float *w = NULL;
  GhStatus status;

  packed->bytes = n * (packed->dtype == GH_DTYPE_BF16 ? sizeof (GhBf16) : sizeof (float));
  GH_CUDA_TRY (gh_cuda_check (ctx, cudaMalloc (&packed->data, packed->bytes), "memory for weights"));
  GH_CUDA_TRY (gh_cuda_check (ctx, cudaMalloc ((void **) &w, n * sizeof *w), "memory for weights"));
  status = gh_cuda_check (ctx, cudaMemcpyAsync (w, host_w, n * sizeof *w, cudaMemcpyHostToDevice, stream), "weights");
  if (status == GH_OK)
    status = gh_cuda_pack_update (ctx, packed, w, false);
  if (status == GH_OK)
    status = gh_cuda_check (ctx, cudaStreamSynchronize (stream), "weights");
  cudaFree (w);
  return status;
}

void
gh_cuda_packed_free (GhPacked *packed)
{
  cudaFree (packed->data);
}

static __global__ void
gelu_and_residual (float *y, const float *x, const float *residual, size_t n)
{
  GH_FOR_EACH (i, n)
    y[i] = 0.5f * x[i] * erfcf (-x[i] * 0.70710678118654752f) + residual[i];
}

/* What stands in the scratch: the activations rounded, and, when GELU comes before a residual in y's own place, the
 * products. */
namespace {
struct Scratch {
  GhBf16 *rounded;
  float *products;
};
}

static bool
make_scratch (GhCtx *ctx, Scratch *to, size_t n_rounded, size_t n_products)
{
  size_t first = (n_rounded * sizeof (GhBf16) + 255) / 256 * 256, bytes = first + n_products * sizeof (float);
  char *scratch = bytes ? (char *) gh_scratch (ctx, bytes) : NULL;

  to->rounded = (GhBf16 *) scratch;
  to->products = (float *) (scratch + first);
  return scratch || !bytes;
}

GhStatus
gh_cuda_linear_fwd (GhCtx *ctx, float *y, const float *x, const GhPacked *w, const float *bias, const float *residual,
    GhAct act, int rows)
{
  size_t n_in = (size_t) rows * w->n_in, n_out = (size_t) rows * w->n_out;
  bool half = w->dtype == GH_DTYPE_BF16, apart = residual == y && act == GH_ACT_GELU;
  Scratch scratch;

  if (!make_scratch (ctx, &scratch, half ? n_in : 0, apart ? n_out : 0))
    return GH_NOMEM;
  GhGemm g = gh_gemm_packed (apart ? scratch.products : y, x, w, rows);
  g.bias = bias;
  if (half) {
    GH_CUDA_TRY (gh_cuda_round_bf16 (ctx, scratch.rounded, x, n_in));
    g.a = scratch.rounded;
  }
  if (residual && act == GH_ACT_NONE) {
    g.beta = 1;
    g.c0 = residual;
  }
  GH_CUDA_TRY (gh_blas_gemm (ctx, &g));
  if (act == GH_ACT_NONE)
    return GH_OK;
  if (!residual)
    return gh_cuda_gelu_fwd (ctx, y, y, n_out);
  return GH_LAUNCH (ctx, gelu_and_residual, dim3 (gh_grid (ctx, n_out)), dim3 (256), 0, y,
      (const float *) g.c, residual, n_out);
}
