/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * block-train.cu: blocks of a transformer that learn, in bfloat16. The stream of tokens and its gradient stay float32;
 * what stands between one product and the next is rounded where it is made, and kept so for the way back: norms, q k v,
 * attention's output, the MLP before and after GELU. What is summed over rows is summed by whoever passes over them
 * anyway.
 *
 * Letters: C channels, I = H*64, M = mlp, rows = B*N.
 */
#include "attention-tiles.h"
#include "column-sums.h"

namespace {
/* Of one block, between the passes. */
struct Kept {
  float *x, *mean1, *rstd1;             /* [rows,C] what came in; [rows] of the norms */
  GhBf16 *norm1, *qkv, *attn;           /* [rows,C], [rows,3I], [rows,I] */
  float *lse;                           /* [B,H,N] */
  float *mid, *mean2, *rstd2;           /* [rows,C] between attention and MLP */
  GhBf16 *norm2, *pre, *hidden;         /* [rows,C], [rows,M] without fc1's bias, [rows,M] after GELU */
};

struct Scratch {
  GhBf16 *dy, *d_norm;                  /* [rows,C]: the stream's gradient, rounded; that of a norm */
  GhBf16 *d_hidden;                     /* [rows,M], over the place of the next */
  GhBf16 *d_attn, *d_qkv;               /* [rows,I], [rows,3I] */
  void *work;                           /* attention's */
};

/* Lays things out one after the other from `base` on, which may be NULL. */
struct Layout {
  char *base;
  size_t used;

  template <class T> void take (T **to, size_t n)
  {
    *to = (T *) (base + used);
    used += (n * sizeof (T) + 255) / 256 * 256;
  }
};
}

static size_t
lay_out (Kept *k, void *base, const GhBlockParts *p, int B, int N)
{
  size_t rows = (size_t) B * N, inner = (size_t) p->H * p->D, mlp = p->fc1->n_out;
  Layout l = { (char *) base, 0 };

  l.take (&k->x, rows * p->C);
  l.take (&k->mean1, rows);
  l.take (&k->rstd1, rows);
  l.take (&k->norm1, rows * p->C);
  l.take (&k->qkv, rows * 3 * inner);
  l.take (&k->attn, rows * inner);
  l.take (&k->lse, rows * p->H);
  l.take (&k->mid, rows * p->C);
  l.take (&k->mean2, rows);
  l.take (&k->rstd2, rows);
  l.take (&k->norm2, rows * p->C);
  l.take (&k->pre, rows * mlp);
  l.take (&k->hidden, rows * mlp);
  return l.used;
}

static GhAttention
attention_of (const GhBlockParts *p, int B, int N)
{
  return { B, N, p->H, p->conv, p->taps, p->first };
}

static size_t
lay_out (Scratch *s, void *base, const GhBlockParts *p, int B, int N)
{
  size_t rows = (size_t) B * N, inner = (size_t) p->H * p->D;
  const GhAttention attention = attention_of (p, B, N);
  Layout l = { (char *) base, 0 }, other;
  char *work;

  l.take (&s->dy, rows * p->C);
  l.take (&s->d_norm, rows * p->C);
  other = l;
  l.take (&s->d_hidden, rows * p->fc1->n_out);
  other.take (&s->d_attn, rows * inner);
  other.take (&s->d_qkv, rows * 3 * inner);
  other.take (&work, gh_cuda_attention_bwd_work (&attention));
  s->work = work;
  return l.used > other.used ? l.used : other.used;
}

/* Heads as tensor cores like them, rows in wide words. */
bool
gh_cuda_fuses_training (const GhCtx *ctx, const GhBlockTraining *block)
{
  const GhBlockParts *p = &block->parts;

  return p->qkv->dtype == GH_DTYPE_BF16 && gh_cuda_attends_in_bf16 (ctx, p->D) && p->C % 128 == 0 && p->C <= 4096
      && p->fc1->n_out % 8 == 0 && (!p->conv || p->taps <= GH_MOST_TAPS);
}

void
gh_cuda_blocks_training_bytes (GhCtx *ctx, size_t *kept, size_t *scratch, const GhBlockTraining *block, int B, int N)
{
  Kept k;
  Scratch s;

  *kept = lay_out (&k, NULL, &block->parts, B, N);
  *scratch = lay_out (&s, NULL, &block->parts, B, N);
}

/* ---- products -------------------------------------------------------------------------------------------- */

/* dx[rows,n_in] = dy w in bfloat16. */
static GhStatus
product_back (GhCtx *ctx, GhBf16 *dx, const GhBf16 *dy, const GhPacked *w, int rows)
{
  GhGemm g = gh_gemm_back (dx, dy, w, rows);

  g.half_out = true;
  return gh_blas_gemm (ctx, &g);
}

/* dw[n_out,n_in] += dy^T x in float32. */
static GhStatus
add_weight_gradient (GhCtx *ctx, float *dw, const GhBf16 *dy, const GhBf16 *x, const GhPacked *w, int rows)
{
  GhGemm g = gh_gemm_weight_gradient (dw, dy, x, rows, w->n_out, w->n_in);

  return gh_blas_gemm (ctx, &g);
}

namespace {
struct Element {
  const GhBf16 *x;
  int C;
  __device__ float operator() (int row, int c) const { return gh_from_bf16 (x[(size_t) row * C + c]); }
};
}

/* db[C] += the columns of dy; db may be NULL. */
static GhStatus
add_bias_gradient (GhCtx *ctx, float *db, const GhBf16 *dy, int rows, int C)
{
  float *part = db ? (float *) gh_scratch (ctx, (size_t) gh_parts (rows) * C * sizeof *part) : NULL;

  if (!db)
    return GH_OK;
  return part ? gh_sum_columns (ctx, db, Element { dy, C }, rows, C, part) : GH_NOMEM;
}

/* ---- forward --------------------------------------------------------------------------------------------- */

static GhStatus
forward (GhCtx *ctx, float *y, const GhBlockParts *p, const Kept *k, int B, int N)
{
  int rows = B * N, inner = p->H * p->D;
  const GhAttention attention = attention_of (p, B, N);

  GH_CUDA_TRY (gh_cuda_layernorm_bf16 (ctx, k->norm1, k->mean1, k->rstd1, k->x, p->norm1_w, p->norm1_b, rows, p->C,
          p->eps));
  GH_CUDA_TRY (gh_cuda_product_bf16 (ctx, k->qkv, k->norm1, p->qkv, rows));
  GH_CUDA_TRY (gh_cuda_finish_bf16 (ctx, k->qkv, k->qkv, p->qkv_b, GH_ACT_NONE, rows, 3 * inner));
  GH_CUDA_TRY (gh_cuda_attention_bf16 (ctx, k->attn, k->lse, k->qkv, &attention));
  GH_CUDA_TRY (gh_cuda_add_product_bf16 (ctx, k->mid, k->x, k->attn, p->out, p->out_b, rows));

  GH_CUDA_TRY (gh_cuda_layernorm_bf16 (ctx, k->norm2, k->mean2, k->rstd2, k->mid, p->norm2_w, p->norm2_b, rows, p->C,
          p->eps));
  GH_CUDA_TRY (gh_cuda_product_bf16 (ctx, k->pre, k->norm2, p->fc1, rows));
  GH_CUDA_TRY (gh_cuda_finish_bf16 (ctx, k->hidden, k->pre, p->fc1_b, GH_ACT_GELU, rows, p->fc1->n_out));
  return gh_cuda_add_product_bf16 (ctx, y, k->mid, k->hidden, p->fc2, p->fc2_b, rows);
}

static Kept
kept_of (const void *kept, const GhBlockTraining *blocks, int i, int B, int N)
{
  Kept k;
  size_t bytes = lay_out (&k, NULL, &blocks->parts, B, N);

  lay_out (&k, (char *) kept + i * bytes, &blocks->parts, B, N);
  return k;
}

GhStatus
gh_cuda_blocks_training_fwd (GhCtx *ctx, float *y, const GhBlockTraining *blocks, int depth, void *kept, void *scratch,
    int B, int N)
{
  for (int i = 0; i < depth; i++) {
    const Kept k = kept_of (kept, blocks, i, B, N);
    float *next = i + 1 < depth ? kept_of (kept, blocks, i + 1, B, N).x : y;
    GH_CUDA_TRY (forward (ctx, next, &blocks[i].parts, &k, B, N));
  }
  return GH_OK;
}

/* ---- backward -------------------------------------------------------------------------------------------- */

/* From the gradient of the MLP's output, rounded in s->dy, to that of `mid` in dx and s->dy. */
static GhStatus
back_through_mlp (GhCtx *ctx, float *dx, const GhBlockTraining *b, const Kept *k, const Scratch *s, int rows)
{
  const GhBlockParts *p = &b->parts;
  const GhNormGradient norm = { dx, b->d_norm2_w, b->d_norm2_b, b->d_out_b, s->dy, s->d_norm, k->mid, p->norm2_w,
    k->mean2, k->rstd2 };

  GH_CUDA_TRY (add_weight_gradient (ctx, b->d_fc2, s->dy, k->hidden, p->fc2, rows));
  GH_CUDA_TRY (product_back (ctx, s->d_hidden, s->dy, p->fc2, rows));
  GH_CUDA_TRY (gh_cuda_gelu_bwd_bf16 (ctx, s->d_hidden, b->d_fc1_b, k->pre, p->fc1_b, rows, p->fc1->n_out));
  GH_CUDA_TRY (add_weight_gradient (ctx, b->d_fc1, s->d_hidden, k->norm2, p->fc1, rows));
  GH_CUDA_TRY (product_back (ctx, s->d_norm, s->d_hidden, p->fc1, rows));
  return gh_cuda_layernorm_bwd_bf16 (ctx, &norm, rows, p->C);
}

/* On to that of x. d_before: of the bias that the block before added last. */
static GhStatus
back_through_attention (GhCtx *ctx, float *dx, const GhBlockTraining *b, const Kept *k, const Scratch *s,
    float *d_before, int B, int N)
{
  const GhBlockParts *p = &b->parts;
  const GhAttention attention = attention_of (p, B, N);
  const GhNormGradient norm = { dx, b->d_norm1_w, b->d_norm1_b, d_before, s->dy, s->d_norm, k->x, p->norm1_w, k->mean1,
    k->rstd1 };
  int rows = B * N;

  GH_CUDA_TRY (add_weight_gradient (ctx, b->d_out, s->dy, k->attn, p->out, rows));
  GH_CUDA_TRY (product_back (ctx, s->d_attn, s->dy, p->out, rows));
  GH_CUDA_TRY (gh_cuda_attention_bwd_bf16 (ctx, s->d_qkv, b->d_conv, s->d_attn, k->attn, k->lse, k->qkv, &attention,
          s->work));
  GH_CUDA_TRY (add_bias_gradient (ctx, b->d_qkv_b, s->d_qkv, rows, 3 * p->H * p->D));
  GH_CUDA_TRY (add_weight_gradient (ctx, b->d_qkv, s->d_qkv, k->norm1, p->qkv, rows));
  GH_CUDA_TRY (product_back (ctx, s->d_norm, s->d_qkv, p->qkv, rows));
  return gh_cuda_layernorm_bwd_bf16 (ctx, &norm, rows, p->C);
}

GhStatus
gh_cuda_blocks_training_bwd (GhCtx *ctx, float *dx, const GhBlockTraining *blocks, int depth, const void *kept,
    void *scratch, int B, int N)
{
  const GhBlockTraining *last = &blocks[depth - 1];
  int rows = B * N, C = last->parts.C;
  Scratch s;

  lay_out (&s, scratch, &last->parts, B, N);
  GH_CUDA_TRY (gh_cuda_round_bf16 (ctx, s.dy, dx, (size_t) rows * C));
  if (last->d_fc2_b)
    GH_CUDA_TRY (gh_cuda_sum_rows (ctx, last->d_fc2_b, dx, rows, C));
  for (int i = depth - 1; i >= 0; i--) {
    const Kept k = kept_of (kept, blocks, i, B, N);
    GH_CUDA_TRY (back_through_mlp (ctx, dx, &blocks[i], &k, &s, rows));
    GH_CUDA_TRY (back_through_attention (ctx, dx, &blocks[i], &k, &s, i > 0 ? blocks[i - 1].d_fc2_b : NULL, B, N));
  }
  return GH_OK;
}
