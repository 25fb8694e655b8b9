/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * patches-loss.cu: the last layer of a decoder that learns: prediction, loss and all gradients in one, in bfloat16.
 * What it is compared with is cut from the picture's bytes as it is needed; the gradient takes the prediction's place.
 */
#include "column-sums.h"
#include "patches.h"

enum { MOST_THREADS = 256, MOST_EIGHTS = 4 /* of a thread */ };

namespace {
struct Loss {
  GhBf16 *pred;                 /* [rows,P], then its gradient */
  float *of_part, *bias_part;   /* [parts], [parts,P] */
  const float *bias;
  const uint8_t *rgb;
  const int32_t *keep;
  GhColours colours;
  GhImage image;
  int K, rows, P, rows_of_part;
  bool normalise;
  float scale;
};
}

/* A block takes some rows, one after the other; a thread has the same columns in all of them: eights threadIdx.x,
 * + blockDim.x, ... of a patch. */
template <int EIGHTS> static __global__ void
__launch_bounds__ (MOST_THREADS, 2)
patches_loss (Loss v)
{
  GH_SHARED (float, shared);    /* [32] */
  int begin = blockIdx.x * v.rows_of_part, end = min (begin + v.rows_of_part, v.rows), eights = v.P / 8;
  float columns[EIGHTS][8] = { }, loss = 0;

  for (int row = begin; row < end; row++) {
    int index = v.keep ? v.keep[row] : row % v.K;
    const uint8_t *picture = v.rgb + (size_t) (row / v.K) * v.image.height * v.image.stride;
    GhBf16 *pred = v.pred + (size_t) row * v.P;
    float target[EIGHTS][8], sum = 0, mean = 0, inverse = 1;
    uint4 words[EIGHTS];
#pragma unroll
    for (int e = 0; e < EIGHTS; e++) {
      int i = e * blockDim.x + threadIdx.x;
      words[e] = i < eights ? ((const uint4 *) pred)[i] : make_uint4 (0, 0, 0, 0);
      for (int j = 0; j < 8; j++)
        target[e][j] = 0;
      if (i < eights)
        gh_eight_of_patch (target[e], picture, v.image, v.colours, index, i);
      for (int j = 0; j < 8; j++)
        sum += target[e][j];
    }
    if (v.normalise) {
      mean = gh_block_sum (sum, shared) / v.P;
      sum = 0;
#pragma unroll
      for (int e = 0; e < EIGHTS; e++) {
        bool is_there = (int) (e * blockDim.x + threadIdx.x) < eights;
        for (int j = 0; j < 8; j++)
          sum += is_there ? (target[e][j] - mean) * (target[e][j] - mean) : 0;
      }
      inverse = 1 / sqrtf (gh_block_sum (sum, shared) / (v.P > 1 ? v.P - 1 : 1) + 1e-6f);
    }
#pragma unroll
    for (int e = 0; e < EIGHTS; e++) {
      int i = e * blockDim.x + threadIdx.x;
      float d[8];
      if (i >= eights)
        break;
      gh_load_eight (d, (const GhBf16 *) &words[e]);
#pragma unroll
      for (int j = 0; j < 8; j++) {
        float error = d[j] + (v.bias ? v.bias[i * 8 + j] : 0) - (target[e][j] - mean) * inverse;
        loss += error * error;
        d[j] = 2 * v.scale * error;
        columns[e][j] += d[j];
      }
      gh_store_eight (pred + i * 8, d);
    }
  }
  loss = gh_block_sum (loss, shared);
  if (threadIdx.x == 0)
    v.of_part[blockIdx.x] = loss;
#pragma unroll
  for (int e = 0; e < EIGHTS; e++) {
    int i = e * blockDim.x + threadIdx.x;
    float *to = v.bias_part + (size_t) blockIdx.x * v.P + i * 8;
    if (i >= eights)
      break;
    ((float4 *) to)[0] = make_float4 (columns[e][0], columns[e][1], columns[e][2], columns[e][3]);
    ((float4 *) to)[1] = make_float4 (columns[e][4], columns[e][5], columns[e][6], columns[e][7]);
  }
}

static GhStatus
launch (GhCtx *ctx, const Loss *v, int parts)
{
  int eights = v->P / 8, threads = eights >= MOST_THREADS ? MOST_THREADS : (eights + 31) / 32 * 32;
  dim3 grid (parts), block (threads);
  size_t shared = 32 * sizeof (float);

  switch ((eights + threads - 1) / threads) {
    case 1:
      return GH_LAUNCH (ctx, patches_loss<1>, grid, block, shared, *v);
    case 2:
      return GH_LAUNCH (ctx, patches_loss<2>, grid, block, shared, *v);
    default:
      return GH_LAUNCH (ctx, patches_loss<MOST_EIGHTS>, grid, block, shared, *v);
  }
}

bool
gh_cuda_fuses_patches_loss (const GhPacked *w, const GhPatches *p)
{
  return w->dtype == GH_DTYPE_BF16 && w->n_out <= 8 * MOST_THREADS * MOST_EIGHTS && w->n_in % 8 == 0
      && gh_lies_in_eights (gh_image (p->height, p->width, p->stride, p->patch), p->rgb);
}

namespace {
struct Scratch {
  GhBf16 *x, *pred;             /* [rows,n_in], [rows,P] */
  float *of_part, *bias_part;
};
}

static bool
make_scratch (GhCtx *ctx, Scratch *to, size_t rows, size_t n_in, size_t P, size_t parts)
{
  size_t x = (rows * n_in + 127) / 128 * 128, pred = (rows * P + 127) / 128 * 128, part = (parts + 63) / 64 * 64;
  GhBf16 *scratch = (GhBf16 *) gh_scratch (ctx, (x + pred) * sizeof (GhBf16) + (part + parts * P) * sizeof (float));

  to->x = scratch;
  to->pred = scratch + x;
  to->of_part = (float *) (to->pred + pred);
  to->bias_part = to->of_part + part;
  return scratch != NULL;
}

GhStatus
gh_cuda_patches_loss (GhCtx *ctx, float *loss, float *dx, float *dw, float *db, const float *x, const GhPacked *w,
    const float *bias, const GhPatches *p, bool normalise, float scale)
{
  int rows = p->B * p->K, P = w->n_out, n_in = w->n_in, rows_of_part = gh_rows_of_wide_part (ctx, rows, 4);
  int parts = gh_blocks (rows, rows_of_part);
  Scratch s;

  if (!make_scratch (ctx, &s, rows, n_in, P, parts))
    return GH_NOMEM;
  const Loss v = { s.pred, s.of_part, s.bias_part, bias, p->rgb, p->keep, gh_colours (p->mean, p->std),
    gh_image (p->height, p->width, p->stride, p->patch), p->K, rows, P, rows_of_part, normalise, scale };
  GhGemm forward = gh_gemm_packed (s.pred, s.x, w, rows), weight = { }, back = { };
  forward.half_out = true;
  GH_CUDA_TRY (gh_cuda_round_bf16 (ctx, s.x, x, (size_t) rows * n_in));
  GH_CUDA_TRY (gh_blas_gemm (ctx, &forward));
  GH_CUDA_TRY (launch (ctx, &v, parts));
  GH_CUDA_TRY (gh_cuda_add_up (ctx, loss, s.of_part, scale, parts));
  if (db)
    GH_CUDA_TRY (gh_add_parts (ctx, { { db } }, s.bias_part, parts, P));
  weight = gh_gemm_weight_gradient (dw, s.pred, s.x, rows, P, n_in);
  GH_CUDA_TRY (gh_blas_gemm (ctx, &weight));
  back = gh_gemm_back (dx, s.pred, w, rows);
  return gh_blas_gemm (ctx, &back);
}
