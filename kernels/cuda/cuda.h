/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cuda.h (private): the cuda back end, one operation per file, formulas and shapes as in gh-kernels.h. A context is one
 * stream; nothing waits for the device but gh_sync(), downloads and packing. Sums are taken in a fixed order: the same
 * input gives the same bits.
 *
 * The sources are compiled twice: by nvcc for the module that gh-kernels opens at run time, and, as plain C++ with
 * GH_CUDA_EMULATION, by the tests, which run every kernel on the processor (tests/cuda-emulation/). So kernels take
 * shared memory through GH_SHARED and start by GH_LAUNCH, and take tensor cores through tensor-cores.h.
 */
#pragma once

extern "C" {
#include "kernels/gh-backend.h"
}

#include <math.h>

#ifdef GH_CUDA_EMULATION
#include "tests/cuda-emulation/cuda-emulation.h"
#define GH_SHARED(type, name) type *name = (type *) gh_emulated_shared ()
#define GH_LAUNCH(ctx, kernel, grid, block, shared, ...) \
  (gh_emulate_launch (grid, block, shared, gh_emulated_call (kernel, __VA_ARGS__)), GH_OK)
#else
#include <cuda_bf16.h>
#include <cuda_runtime.h>
#define GH_SHARED(type, name) \
  extern __shared__ __align__ (16) unsigned char gh_shared_memory[]; \
  type *name = (type *) gh_shared_memory
#define GH_LAUNCH(ctx, kernel, grid, block, shared, ...) \
  (kernel<<<grid, block, shared, gh_cuda (ctx)->stream>>> (__VA_ARGS__), \
      gh_cuda_check (ctx, cudaGetLastError (), #kernel))
#endif

#define GH_CUDA_TRY(call) do { \
    GhStatus gh_try_status = (call); \
    if (gh_try_status != GH_OK) \
      return gh_try_status; \
  } while (0)

struct GhBlas;

struct GhCuda {
  cudaStream_t stream;
  cudaStream_t copies;          /* of lanes; NULL before the first */
  cudaEvent_t others;           /* how far the default stream has come; NULL before it was asked */
  struct GhBlas *blas;
  int processors;               /* multiprocessors of the device */
  void *group;                  /* NCCL's communicator; NULL: none */
  int capability;               /* 90 for compute capability 9.0; 0 when emulated */
};

static inline GhCuda *
gh_cuda (const GhCtx *ctx)
{
  return (GhCuda *) ctx->device_data;
}

/* The status of a call of the CUDA runtime, with gh_last_error() set. */
GhStatus gh_cuda_check (GhCtx *ctx, cudaError_t error, const char *what);

GhStatus gh_cuda_lane_new (GhCtx *ctx, GhLane *lane);
void gh_cuda_lane_free (GhCtx *ctx, GhLane *lane);
GhStatus gh_cuda_lane_wait (GhCtx *ctx, GhLane *lane);
GhStatus gh_cuda_lane_send (GhCtx *ctx, GhLane *lane);
GhStatus gh_cuda_lane_take (GhCtx *ctx, GhLane *lane);
GhStatus gh_cuda_lane_done (GhCtx *ctx, GhLane *lane);

GhStatus gh_cuda_device_handle (GhCtx *ctx, void **handle, int *device);
GhStatus gh_cuda_await_others (GhCtx *ctx);

GhStatus gh_cuda_group_available (GhCtx *ctx);
GhStatus gh_cuda_group_id (GhCtx *ctx, uint8_t *id);
GhStatus gh_cuda_group_join (GhCtx *ctx, const uint8_t *id, int rank, int size, int seconds);
GhStatus gh_cuda_group_sum (GhCtx *ctx, float *x, size_t n, int seconds);
void gh_cuda_group_leave (GhCtx *ctx);

static inline unsigned
gh_blocks (size_t n, size_t per_block)
{
  return (unsigned) ((n + per_block - 1) / per_block);
}

/* A walk over n elements by a grid of at most this many blocks of 256 threads. */
#define GH_FOR_EACH(i, n) \
  for (size_t i = (size_t) blockIdx.x * blockDim.x + threadIdx.x; i < (n); i += (size_t) gridDim.x * blockDim.x)

static inline unsigned
gh_grid (const GhCtx *ctx, size_t n)
{
  unsigned most = 16 * (unsigned) gh_cuda (ctx)->processors, wanted = gh_blocks (n, 256);
  return wanted < most ? wanted : most;
}

/* ---- bfloat16 ------------------------------------------------------------------------------------------ */

typedef uint16_t GhBf16;

static __device__ __forceinline__ float
gh_from_bf16 (GhBf16 x)
{
  return __uint_as_float ((unsigned) x << 16);
}

/* To the nearest, ties to even; a NaN stays one. */
static __device__ __forceinline__ GhBf16
gh_to_bf16 (float x)
{
#ifndef GH_CUDA_EMULATION
  return __bfloat16_as_ushort (__float2bfloat16_rn (x));
#else
  unsigned u = __float_as_uint (x);
  if ((u & 0x7fffffff) > 0x7f800000)
    return (GhBf16) ((u >> 16) | 0x40);
  return (GhBf16) ((u + 0x7fff + ((u >> 16) & 1)) >> 16);
#endif
}

static __device__ __forceinline__ float
gh_load (const float *p)
{
  return *p;
}

static __device__ __forceinline__ float
gh_load (const GhBf16 *p)
{
  return gh_from_bf16 (*p);
}

static __device__ __forceinline__ void
gh_store (float *p, float x)
{
  *p = x;
}

static __device__ __forceinline__ void
gh_store (GhBf16 *p, float x)
{
  *p = gh_to_bf16 (x);
}

/* Eight values that lie side by side, aligned to 16 bytes in bfloat16. */
static __device__ __forceinline__ void
gh_load_eight (float *v, const GhBf16 *p)
{
  uint4 words = *(const uint4 *) p;
  const unsigned w[4] = { words.x, words.y, words.z, words.w };
#pragma unroll
  for (int i = 0; i < 4; i++) {
    v[2 * i] = __uint_as_float (w[i] << 16);
    v[2 * i + 1] = __uint_as_float (w[i] & 0xffff0000);
  }
}

static __device__ __forceinline__ void
gh_store_eight (GhBf16 *p, const float *v)
{
  unsigned w[4];
#pragma unroll
  for (int i = 0; i < 4; i++)
    w[i] = (unsigned) gh_to_bf16 (v[2 * i + 1]) << 16 | gh_to_bf16 (v[2 * i]);
  *(uint4 *) p = make_uint4 (w[0], w[1], w[2], w[3]);
}

/* to[n] = x[n] in bfloat16. */
GhStatus gh_cuda_round_bf16 (GhCtx *ctx, GhBf16 *to, const float *x, size_t n);
GhStatus gh_cuda_widen_bf16 (GhCtx *ctx, float *to, const GhBf16 *x, size_t n);

/* ---- sums ------------------------------------------------------------------------------------------------ */

static __device__ __forceinline__ float
gh_warp_sum (float x)
{
  for (int lane = 16; lane > 0; lane /= 2)
    x += __shfl_xor_sync (0xffffffffu, x, lane);
  return x;
}

static __device__ __forceinline__ float
gh_warp_max (float x)
{
  for (int lane = 16; lane > 0; lane /= 2)
    x = fmaxf (x, __shfl_xor_sync (0xffffffffu, x, lane));
  return x;
}

/* The sum over a block of whole warps, in every thread; shared[32] is free again afterwards. */
static __device__ __forceinline__ float
gh_block_sum (float x, float *shared)
{
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;

  x = gh_warp_sum (x);
  if (lane == 0)
    shared[warp] = x;
  __syncthreads ();
  x = gh_warp_sum (lane < warps ? shared[lane] : 0);
  __syncthreads ();
  return x;
}

/* ---- products -------------------------------------------------------------------------------------------- */

/* c[m,n] = alpha op(a) op(b) + beta c0 + bias[n], row after row, for each of `count` matrices `stride` elements apart.
 * op(a) is [m,k], op(b) [k,n]. half: a and b are bfloat16, half_out: c is (and beta 0); the sums are float32 either way.
 * c0 NULL means c itself; bias may be NULL, and goes with count 1. */
typedef struct {
  int m, n, k, count;
  const void *a, *b;
  void *c;
  const float *c0, *bias;
  ptrdiff_t lda, ldb, ldc, stride_a, stride_b, stride_c;
  bool trans_a, trans_b, half, half_out;
  bool tune;                    /* find the fastest of cuBLAS's kernels by trying: which one may differ from run to run */
  float alpha, beta;
} GhGemm;

/* c[rows,n_out] = a w^T: a product with packed weights, to be completed. */
static inline GhGemm
gh_gemm_packed (void *c, const void *a, const GhPacked *w, int rows)
{
  GhGemm g = { };

  g.m = rows;
  g.n = w->n_out;
  g.k = w->n_in;
  g.lda = g.ldb = w->n_in;
  g.ldc = w->n_out;
  g.count = 1;
  g.a = a;
  g.b = w->data;
  g.c = c;
  g.trans_b = true;
  g.half = w->dtype == GH_DTYPE_BF16;
  g.alpha = 1;
  return g;
}

/* dx[rows,n_in] = dy w: back through it. */
static inline GhGemm
gh_gemm_back (void *dx, const void *dy, const GhPacked *w, int rows)
{
  GhGemm g = { };

  g.m = rows;
  g.n = g.ldb = g.ldc = w->n_in;
  g.k = g.lda = w->n_out;
  g.count = 1;
  g.a = dy;
  g.b = w->data;
  g.c = dx;
  g.half = w->dtype == GH_DTYPE_BF16;
  g.alpha = 1;
  return g;
}

/* dw[n_out,n_in] += dy^T x, both in bfloat16. */
static inline GhGemm
gh_gemm_weight_gradient (float *dw, const GhBf16 *dy, const GhBf16 *x, int rows, int n_out, int n_in)
{
  GhGemm g = { };

  g.m = g.lda = n_out;
  g.n = g.ldb = g.ldc = n_in;
  g.k = rows;
  g.count = 1;
  g.a = dy;
  g.b = x;
  g.c = dw;
  g.trans_a = g.half = true;
  g.alpha = g.beta = 1;
  return g;
}

GhStatus gh_blas_open (GhCtx *ctx, char *reason, size_t reason_size);
void gh_blas_close (GhCtx *ctx);
GhStatus gh_blas_gemm (GhCtx *ctx, const GhGemm *gemm);

/* The same for B*H matrices: each operand's two distances. The gemm's own strides and count are not read. */
typedef struct {
  ptrdiff_t a_b, a_h, b_b, b_h, c_b, c_h;
} GhGemmSteps;
GhStatus gh_cuda_gemm_heads (GhCtx *ctx, const GhGemm *gemm, const GhGemmSteps *steps, int B, int H);

/* ---- the operations -------------------------------------------------------------------------------------- */

GhStatus gh_cuda_pack (GhCtx *ctx, GhPacked *packed, const float *host_w);
void gh_cuda_packed_free (GhPacked *packed);
GhStatus gh_cuda_pack_update (GhCtx *ctx, GhPacked *packed, const float *w, bool transposed);
GhStatus gh_cuda_linear_fwd (GhCtx *ctx, float *y, const float *x, const GhPacked *w, const float *bias,
    const float *residual, GhAct act, int rows);
GhStatus gh_cuda_linear_bwd_input (GhCtx *ctx, float *dx, const float *dy, const GhPacked *w, int rows);
GhStatus gh_cuda_linear_bwd_weight (GhCtx *ctx, float *dw, float *db, const float *dy, const float *x, GhDtype dtype,
    int rows, int n_out, int n_in);
GhStatus gh_cuda_bmm (GhCtx *ctx, GhMat c, GhMat a, bool trans_a, GhMat b, bool trans_b, float alpha, float beta,
    int B, int H, int m, int n, int k);
GhStatus gh_cuda_fit_fwd (GhCtx *ctx, uint8_t *rgb, const GhFrame *frame, const GhFit *fit, int height, int width);
GhStatus gh_cuda_view_fwd (GhCtx *ctx, uint8_t *rgb, const uint8_t *frames, const GhView *views, int B, int height,
    int width, int frame_height, int frame_width);
GhStatus gh_cuda_patchify_fwd (GhCtx *ctx, float *patches, const uint8_t *rgb, const int32_t *keep, const float *mean,
    const float *std, int B, int height, int width, size_t stride, int patch, int K);
GhStatus gh_cuda_tile_edges_fwd (GhCtx *ctx, float *edges, const uint8_t *rgb, const float *table, int B, int height,
    int width, size_t stride, int tile, int channels);
GhStatus gh_cuda_local_energy_fwd (GhCtx *ctx, float *energy, const float *x, int B, int rows, int cols, int C,
    int window_rows, int window_cols);
GhStatus gh_cuda_band_share_fwd (GhCtx *ctx, float *share, const float *x, float level, int B, int rows, int cols,
    int bands);
GhStatus gh_cuda_layernorm_fwd (GhCtx *ctx, float *y, float *mean, float *rstd, const float *x, const float *w,
    const float *b, int rows, int C, float eps);
GhStatus gh_cuda_layernorm_bwd (GhCtx *ctx, float *dx, float *dw, float *db, const float *dy, const float *x,
    const float *w, const float *mean, const float *rstd, const float *residual, int rows, int C);
GhStatus gh_cuda_gelu_fwd (GhCtx *ctx, float *y, const float *x, size_t n);
GhStatus gh_cuda_gelu_bwd (GhCtx *ctx, float *dx, const float *dy, const float *x, size_t n);
GhStatus gh_cuda_softmax_fwd (GhCtx *ctx, float *y, const float *x, int rows, int n);
GhStatus gh_cuda_softmax_bwd (GhCtx *ctx, float *dx, const float *dy, const float *y, int rows, int n);
GhStatus gh_cuda_attention_fwd (GhCtx *ctx, float *o, const float *qkv, GhDtype dtype, int B, int N, int H, int D);
/* The same with values held as T, float or GhBf16. */
template <class T> GhStatus gh_cuda_attention (GhCtx *ctx, T *o, const T *qkv, GhDtype dtype, int B, int N, int H,
    int D);
/* Attention over H heads of 64 channels, with the convolution of the values where there is one. */
typedef struct {
  int B, N, H;
  const float *conv;            /* [H,taps]; NULL: none */
  int taps, first;
} GhAttention;
/* o[B,N,H*64] = softmax(q k^T / 8) v + conv(v) on tensor cores, which hold operands and weights in bfloat16; o and qkv
 * are aligned to 16 bytes. lse[B,H,N], what gh_cuda_attention_bwd_bf16() wants to know, may be NULL. */
bool gh_cuda_attends_in_bf16 (const GhCtx *ctx, int D);
template <class T> GhStatus gh_cuda_attention_bf16 (GhCtx *ctx, T *o, float *lse, const T *qkv,
    const GhAttention *attention);
/* dqkv overwritten, dconv[H,taps] accumulates (NULL without a convolution), from the gradient of o, and o, lse and qkv of
 * the forward pass. work: as many bytes as the second function says, aligned to 16. */
GhStatus gh_cuda_attention_bwd_bf16 (GhCtx *ctx, GhBf16 *dqkv, float *dconv, const GhBf16 *dout, const GhBf16 *o,
    const float *lse, const GhBf16 *qkv, const GhAttention *attention, void *work);
size_t gh_cuda_attention_bwd_work (const GhAttention *attention);
GhStatus gh_cuda_attention_bwd (GhCtx *ctx, float *dqkv, const float *dout, const float *qkv, GhDtype dtype, int B,
    int N, int H, int D);
GhStatus gh_cuda_segment_mean_fwd (GhCtx *ctx, float *y, const float *x, int col, int ld, float scale, int B, int N,
    int H, int D, int M);
GhStatus gh_cuda_segment_mean_bwd (GhCtx *ctx, float *dx, const float *dy, int col, int ld, float scale, int B, int N,
    int H, int D, int M);
GhStatus gh_cuda_pinv_fwd (GhCtx *ctx, float *z, float *trail, const float *a, int count, int M, int iters);
GhStatus gh_cuda_pinv_bwd (GhCtx *ctx, float *da, const float *dz, const float *a, const float *trail, int count,
    int M, int iters);
/* scale[count] = 1 / (largest row sum * largest column sum of |a|), 0 for a matrix of zeros. */
GhStatus gh_cuda_pinv_scale (GhCtx *ctx, float *scale, const float *a, int count, int M);
/* c = alpha op(a) op(b) + beta c for `count` square matrices, dense. */
GhStatus gh_cuda_pinv_product (GhCtx *ctx, float *c, float alpha, const float *a, bool trans_a, const float *b,
    bool trans_b, float beta, int count, int M);
/* m = scale * m + diagonal * I for `count` square matrices; m0 in the place of m on the right side unless NULL. */
GhStatus gh_cuda_pinv_diagonal (GhCtx *ctx, float *m, const float *m0, float scale, float diagonal, int count, int M);
GhStatus gh_cuda_value_conv_fwd (GhCtx *ctx, float *o, const float *qkv, const float *w, int B, int N, int H, int D,
    int taps, int first);
GhStatus gh_cuda_value_conv_bwd (GhCtx *ctx, float *dqkv, float *dw, const float *dout, const float *qkv,
    const float *w, int B, int N, int H, int D, int taps, int first);
/* to[b,t,h*D+d] += sum_j w[h,j] from[b,t+j-taps/2,h*D+d], rows `ld` apart; flip takes w from its end. T as above. */
template <class T> GhStatus gh_cuda_convolve (GhCtx *ctx, T *to, int to_ld, const T *from, int from_ld,
    const float *w, bool flip, int B, int N, int H, int D, int taps, int first);
/* y[rows,C] in bfloat16 from x in float32; mean and rstd [rows] may be NULL. */
GhStatus gh_cuda_layernorm_bf16 (GhCtx *ctx, GhBf16 *y, float *mean, float *rstd, const float *x, const float *w,
    const float *b, int rows, int C, float eps);
/* dx[rows,C], the gradient that went past the norm, gains the one that goes through it, from dy in bfloat16, and
 * copy[rows,C] is dx in that type. dw, db and, unless NULL, dsum [C] accumulate: dsum the columns of the new dx. C is
 * divisible by 128, at most 4096; everything aligned to 16 bytes. Uses gh_scratch(). */
typedef struct {
  float *dx, *dw, *db, *dsum;
  GhBf16 *copy;
  const GhBf16 *dy;
  const float *x, *w, *mean, *rstd;
} GhNormGradient;
GhStatus gh_cuda_layernorm_bwd_bf16 (GhCtx *ctx, const GhNormGradient *gradient, int rows, int C);
/* y[rows,C] = act(x + bias[C]); y may be x, bias NULL, C is divisible by 8, x and y aligned to 16 bytes. GELU's error is
 * that of bfloat16. */
GhStatus gh_cuda_finish_bf16 (GhCtx *ctx, GhBf16 *y, const GhBf16 *x, const float *bias, GhAct act, int rows, int C);
/* dx[rows,C], the gradient of GELU(x + bias), becomes that of x; db[C] accumulates its columns. bias and db may be NULL.
 * Alignment as above. Uses gh_scratch(). */
GhStatus gh_cuda_gelu_bwd_bf16 (GhCtx *ctx, GhBf16 *dx, float *db, const GhBf16 *x, const float *bias, int rows, int C);
bool gh_cuda_fuses_patches (const GhPacked *w);
GhStatus gh_cuda_project_patches_fwd (GhCtx *ctx, float *y, const uint8_t *rgb, const int32_t *keep,
    const float *mean, const float *std, const GhPacked *w, const float *bias, int B, int height, int width,
    size_t stride, int patch, int K);
GhStatus gh_cuda_project_patches_bwd (GhCtx *ctx, float *dw, float *db, const float *dy, const GhPatches *patches,
    int n_out);
bool gh_cuda_fuses_patches_loss (const GhPacked *w, const GhPatches *patches);
GhStatus gh_cuda_patches_loss (GhCtx *ctx, float *loss, float *dx, float *dw, float *db, const float *x,
    const GhPacked *w, const float *bias, const GhPatches *patches, bool normalise, float scale);
/* The products of blocks: y[rows,n_out] = x w^T in bfloat16, whose bias is added by whatever passes over it next, and
 * y[rows,n_out] = past + x w^T + bias in float32; past may be y, bias NULL. cuBLAS's kernels are tried against each other
 * unless the weights learn: a training has the same bits each time. */
GhStatus gh_cuda_product_bf16 (GhCtx *ctx, GhBf16 *y, const GhBf16 *x, const GhPacked *w, int rows);
GhStatus gh_cuda_add_product_bf16 (GhCtx *ctx, float *y, const float *past, const GhBf16 *x, const GhPacked *w,
    const float *bias, int rows);
bool gh_cuda_fuses_block (const GhBlockParts *block);
GhStatus gh_cuda_block_fwd (GhCtx *ctx, float *x, const GhBlockParts *block, int B, int N);
bool gh_cuda_packs_blocks (const GhCtx *ctx, const GhBlockParts *block);
GhStatus gh_cuda_blocks_pack (GhCtx *ctx, void **packed, const GhBlockParts *blocks, int depth);
void gh_cuda_blocks_free (void *packed);
bool gh_cuda_suits_blocks (const GhCtx *ctx, const void *packed, int B, int N);
/* One image. Uses gh_scratch(). */
GhStatus gh_cuda_blocks_fwd (GhCtx *ctx, float *x, const void *packed, int N);
bool gh_cuda_fuses_training (const GhCtx *ctx, const GhBlockTraining *block);
void gh_cuda_blocks_training_bytes (GhCtx *ctx, size_t *kept, size_t *scratch, const GhBlockTraining *block, int B,
    int N);
GhStatus gh_cuda_blocks_training_fwd (GhCtx *ctx, float *y, const GhBlockTraining *blocks, int depth, void *kept,
    void *scratch, int B, int N);
GhStatus gh_cuda_blocks_training_bwd (GhCtx *ctx, float *dx, const GhBlockTraining *blocks, int depth, const void *kept,
    void *scratch, int B, int N);
GhStatus gh_cuda_embed_tokens_fwd (GhCtx *ctx, float *y, const float *x, const float *pos, const int32_t *keep,
    const float *cls, int B, int K, int C, int first);
GhStatus gh_cuda_embed_tokens_bwd (GhCtx *ctx, float *dx, float *dcls, const float *dy, int B, int K, int C,
    int first);
GhStatus gh_cuda_unmask_tokens_fwd (GhCtx *ctx, float *y, const float *x, const float *mask_token, const float *pos,
    const int32_t *keep, const float *cls_pos, int B, int N, int K, int C, int first);
GhStatus gh_cuda_unmask_tokens_bwd (GhCtx *ctx, float *dx, float *dmask_token, const float *dy, const int32_t *keep,
    int B, int N, int K, int C, int first);
GhStatus gh_cuda_gather_rows_fwd (GhCtx *ctx, float *y, const float *x, const int32_t *index, int B, int N, int K,
    int C, int first);
GhStatus gh_cuda_gather_rows_bwd (GhCtx *ctx, float *dx, const float *dy, const int32_t *index, int B, int N, int K,
    int C, int first);
GhStatus gh_cuda_pool_fwd (GhCtx *ctx, float *y, const float *x, GhPool pool, int B, int N, int C, int first);
GhStatus gh_cuda_sum_rows (GhCtx *ctx, float *sum, const float *x, int rows, int C);
GhStatus gh_cuda_masked_loss (GhCtx *ctx, float *loss, float *dpred, const float *pred, const float *patches,
    bool normalise, float scale, int rows, int P);
GhStatus gh_cuda_sum_squares (GhCtx *ctx, float *sum, const float *x, size_t n);
/* sum[1] += scale * the sum of part[n]. */
GhStatus gh_cuda_add_up (GhCtx *ctx, float *sum, const float *part, float scale, int n);
GhStatus gh_cuda_adamw (GhCtx *ctx, float *p, float *m, float *v, const float *g, size_t n, float grad_scale,
    float lr, float beta1, float beta2, float eps, float weight_decay, int step);
