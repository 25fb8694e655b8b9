/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * block.cu: a whole block of a transformer in bfloat16. The tokens stay float32; what stands between one product and
 * the next is rounded where it is made, so half as many bytes move as when every operation speaks for itself.
 */
#include "cuda.h"

namespace {
struct Buffers {
  GhBf16 *norm, *qkv, *attn, *hidden;   /* [rows,C], [rows,3*H*D], [rows,H*D], [rows,mlp] */
};
}

static size_t
padded (size_t values)
{
  return (values + 127) / 128 * 128;
}

/* hidden takes the place of qkv and attn: it lives after them. */
static bool
make_buffers (GhCtx *ctx, Buffers *to, const GhBlockParts *block, size_t rows)
{
  size_t inner = (size_t) block->H * block->D, norm = padded (rows * block->C), qkv = padded (rows * 3 * inner);
  size_t attention = qkv + padded (rows * inner), mlp = padded (rows * block->fc1->n_out);
  GhBf16 *scratch = (GhBf16 *) gh_scratch (ctx, (norm + (mlp > attention ? mlp : attention)) * sizeof *scratch);

  to->norm = scratch;
  to->qkv = to->hidden = scratch + norm;
  to->attn = to->qkv + qkv;
  return scratch != NULL;
}

GhStatus
gh_cuda_product_bf16 (GhCtx *ctx, GhBf16 *y, const GhBf16 *x, const GhPacked *w, int rows)
{
  GhGemm g = gh_gemm_packed (y, x, w, rows);

  g.half_out = true;
  g.tune = !w->learns;
  return gh_blas_gemm (ctx, &g);
}

GhStatus
gh_cuda_add_product_bf16 (GhCtx *ctx, float *y, const float *past, const GhBf16 *x, const GhPacked *w,
    const float *bias, int rows)
{
  GhGemm g = gh_gemm_packed (y, x, w, rows);

  g.bias = bias;
  g.c0 = past;
  g.beta = 1;
  g.tune = !w->learns;
  return gh_blas_gemm (ctx, &g);
}

/* Everything in bfloat16, in eights, and matrices as the tensor cores like them. */
bool
gh_cuda_fuses_block (const GhBlockParts *b)
{
  return b->qkv->dtype == GH_DTYPE_BF16 && b->C % 8 == 0 && b->D % 8 == 0 && b->fc1->n_out % 8 == 0;
}

static GhStatus
attend (GhCtx *ctx, GhBf16 *attn, const GhBf16 *qkv, const GhBlockParts *block, int B, int N)
{
  const GhAttention attention = { B, N, block->H, block->conv, block->taps, block->first };
  int inner = block->H * block->D;

  if (gh_cuda_attends_in_bf16 (ctx, block->D))
    return gh_cuda_attention_bf16 (ctx, attn, NULL, qkv, &attention);
  GH_CUDA_TRY (gh_cuda_attention (ctx, attn, qkv, GH_DTYPE_BF16, B, N, block->H, block->D));
  if (!block->conv)
    return GH_OK;
  return gh_cuda_convolve (ctx, attn, inner, qkv + 2 * inner, 3 * inner, block->conv, false, B, N, block->H, block->D,
      block->taps, block->first);
}

GhStatus
gh_cuda_block_fwd (GhCtx *ctx, float *x, const GhBlockParts *block, int B, int N)
{
  int rows = B * N, inner = block->H * block->D;
  Buffers w;

  if (!make_buffers (ctx, &w, block, rows))
    return GH_NOMEM;
  GH_CUDA_TRY (gh_cuda_layernorm_bf16 (ctx, w.norm, NULL, NULL, x, block->norm1_w, block->norm1_b, rows, block->C,
          block->eps));
  GH_CUDA_TRY (gh_cuda_product_bf16 (ctx, w.qkv, w.norm, block->qkv, rows));
  GH_CUDA_TRY (gh_cuda_finish_bf16 (ctx, w.qkv, w.qkv, block->qkv_b, GH_ACT_NONE, rows, 3 * inner));
  GH_CUDA_TRY (attend (ctx, w.attn, w.qkv, block, B, N));
  GH_CUDA_TRY (gh_cuda_add_product_bf16 (ctx, x, x, w.attn, block->out, block->out_b, rows));

  GH_CUDA_TRY (gh_cuda_layernorm_bf16 (ctx, w.norm, NULL, NULL, x, block->norm2_w, block->norm2_b, rows, block->C,
          block->eps));
  GH_CUDA_TRY (gh_cuda_product_bf16 (ctx, w.hidden, w.norm, block->fc1, rows));
  GH_CUDA_TRY (gh_cuda_finish_bf16 (ctx, w.hidden, w.hidden, block->fc1_b, GH_ACT_GELU, rows, block->fc1->n_out));
  return gh_cuda_add_product_bf16 (ctx, x, x, w.hidden, block->fc2, block->fc2_b, rows);
}
