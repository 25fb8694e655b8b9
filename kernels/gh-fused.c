/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-fused.c: the public operations that do several others in one, where a back end gains by that. Each has a question
 * beside it that asks beforehand.
 */
#include "gh-checks.h"

#include <stdlib.h>

bool
gh_fuses_patches (const GhCtx *ctx, const GhPacked *w)
{
  return ctx && w && ctx->backend->fuses_patches && ctx->backend->fuses_patches (w);
}

GhStatus
gh_project_patches_fwd (GhCtx *ctx, float *y, const uint8_t *rgb, const int32_t *keep, const float host_mean[3],
    const float host_std[3], const GhPacked *w, const float *bias, int B, int height, int width, size_t stride,
    int patch, int K)
{
  NEED (project_patches_fwd);
  CHECK (B >= 0 && K >= 0);
  DONE_IF (B == 0 || K == 0);
  CHECK (y && rgb && w && host_mean && host_std);
  CHECK (height > 0 && width > 0 && patch > 0 && w->n_in == patch * patch * 3);
  CHECK (stride >= (size_t) width * 3);
  CHECK (host_std[0] > 0 && host_std[1] > 0 && host_std[2] > 0);
  long long n = (long long) ((height - 1) / patch + 1) * ((width - 1) / patch + 1);
  CHECK (K <= n && (keep || K == n));
  CHECK (gh_indices_ok (ctx, keep, (size_t) B * K, (int) n));
  if (!gh_fuses_patches (ctx, w))
    return gh_fail (ctx, GH_UNSUPPORTED, "the %s back end does not fuse such patches", ctx->backend->name);
  return ctx->backend->project_patches_fwd (ctx, y, rgb, keep, host_mean, host_std, w, bias, B, height, width, stride,
      patch, K);
}

/* How many patches there are in a picture, 0 where something cannot be. */
static long long
patches_of (const GhPatches *p)
{
  if (!p || !p->rgb || p->B <= 0 || p->K <= 0 || p->height <= 0 || p->width <= 0 || p->patch <= 0
      || p->stride < (size_t) p->width * 3 || !(p->std[0] > 0 && p->std[1] > 0 && p->std[2] > 0))
    return 0;
  return (long long) ((p->height - 1) / p->patch + 1) * ((p->width - 1) / p->patch + 1);
}

GhStatus
gh_project_patches_bwd (GhCtx *ctx, float *dw, float *db, const float *dy, const GhPatches *patches, int n_out)
{
  NEED (project_patches_bwd);
  CHECK (dw && dy && n_out > 0 && patches_of (patches) >= patches->K);
  CHECK (patches->keep || patches->K == patches_of (patches));
  return ctx->backend->project_patches_bwd (ctx, dw, db, dy, patches, n_out);
}

bool
gh_fuses_patches_loss (const GhCtx *ctx, const GhPacked *w, const GhPatches *patches)
{
  return ctx && w && patches && ctx->backend->fuses_patches_loss && ctx->backend->fuses_patches_loss (w, patches);
}

GhStatus
gh_patches_loss (GhCtx *ctx, float *loss, float *dx, float *dw, float *db, const float *x, const GhPacked *w,
    const float *bias, const GhPatches *patches, bool normalise, float scale)
{
  NEED (patches_loss);
  CHECK (loss && dx && dw && x && w && !bias == !db && dx != x && patches_of (patches) >= patches->K);
  CHECK (patches->keep || patches->K == patches_of (patches));
  CHECK (w->n_out == patches->patch * patches->patch * 3);
  if (!gh_fuses_patches_loss (ctx, w, patches))
    return gh_fail (ctx, GH_UNSUPPORTED, "the %s back end does not fuse such a loss", ctx->backend->name);
  return ctx->backend->patches_loss (ctx, loss, dx, dw, db, x, w, bias, patches, normalise, scale);
}

static bool
has_all_parts (const GhBlockParts *b)
{
  return b->norm1_w && b->norm1_b && b->norm2_w && b->norm2_b && b->qkv && b->out && b->fc1 && b->fc2;
}

bool
gh_fuses_block (const GhCtx *ctx, const GhBlockParts *block)
{
  return ctx && block && ctx->backend->fuses_block && ctx->backend->fuses_block (block);
}

GhStatus
gh_block_fwd (GhCtx *ctx, float *x, const GhBlockParts *block, int B, int N)
{
  NEED (block_fwd);
  CHECK (B >= 0 && N >= 0);
  DONE_IF (B == 0 || N == 0);
  CHECK (x && block && has_all_parts (block) && block->C > 0 && block->H > 0 && block->D > 0);
  CHECK (!block->conv || (block->taps > 0 && (block->first == 0 || block->first == 1)));
  if (!gh_fuses_block (ctx, block))
    return gh_fail (ctx, GH_UNSUPPORTED, "the %s back end does not fuse such a block", ctx->backend->name);
  return ctx->backend->block_fwd (ctx, x, block, B, N);
}

/* Matrices that go with each other and with C, H and D, packed in one type. */
static bool
has_shapes (const GhBlockParts *b)
{
  int I = b->H * b->D, mlp = b->fc1->n_out;

  return b->C > 0 && b->H > 0 && b->D > 0 && b->qkv->n_out == 3 * I && b->qkv->n_in == b->C && b->out->n_out == b->C
      && b->out->n_in == I && b->fc1->n_in == b->C && b->fc2->n_out == b->C && b->fc2->n_in == mlp
      && b->out->dtype == b->qkv->dtype && b->fc1->dtype == b->qkv->dtype && b->fc2->dtype == b->qkv->dtype
      && (!b->conv || (b->taps > 0 && gh_is_flag (b->first)));
}

static bool
of_one_shape (const GhBlockParts *a, const GhBlockParts *b)
{
  return a->C == b->C && a->H == b->H && a->D == b->D && a->taps == b->taps && a->first == b->first && a->eps == b->eps
      && a->fc1->n_out == b->fc1->n_out && a->qkv->dtype == b->qkv->dtype && !a->conv == !b->conv;
}

GhStatus
gh_blocks_pack (GhCtx *ctx, GhPackedBlocks **packed, const GhBlockParts *blocks, int depth)
{
  GhStatus status;

  if (packed)
    *packed = NULL;
  NEED (blocks_pack);
  CHECK (packed && blocks && depth > 0);
  for (int i = 0; i < depth; i++)
    CHECK (has_all_parts (&blocks[i]) && has_shapes (&blocks[i]) && of_one_shape (&blocks[i], blocks));
  if (!ctx->backend->packs_blocks (ctx, blocks))
    return gh_fail (ctx, GH_UNSUPPORTED, "the %s back end does not run such blocks in one", ctx->backend->name);
  *packed = calloc (1, sizeof **packed);
  if (!*packed)
    return GH_NOMEM;
  (*packed)->backend = ctx->backend;
  status = ctx->backend->blocks_pack (ctx, &(*packed)->data, blocks, depth);
  if (status != GH_OK) {
    gh_packed_blocks_free (*packed);
    *packed = NULL;
  }
  return status;
}

void
gh_packed_blocks_free (GhPackedBlocks *packed)
{
  if (!packed)
    return;
  packed->backend->blocks_free (packed->data);
  free (packed);
}

bool
gh_suits_blocks (const GhCtx *ctx, const GhPackedBlocks *packed, int B, int N)
{
  return ctx && packed && packed->backend == ctx->backend && B > 0 && N > 0
      && ctx->backend->suits_blocks (ctx, packed->data, B, N);
}

GhStatus
gh_blocks_fwd (GhCtx *ctx, float *x, const GhPackedBlocks *packed, int B, int N)
{
  NEED (blocks_fwd);
  CHECK (x && packed && B > 0 && N > 0);
  if (!gh_suits_blocks (ctx, packed, B, N))
    return gh_fail (ctx, GH_UNSUPPORTED, "the %s back end has no room for such blocks in one", ctx->backend->name);
  return ctx->backend->blocks_fwd (ctx, x, packed->data, N);
}

bool
gh_fuses_training (const GhCtx *ctx, const GhBlockTraining *block)
{
  return ctx && block && ctx->backend->fuses_training && ctx->backend->fuses_training (ctx, block);
}

static GhStatus
refuse_training (GhCtx *ctx)
{
  return gh_fail (ctx, GH_UNSUPPORTED, "the %s back end does not fuse the training of such a block", ctx->backend->name);
}

GhStatus
gh_blocks_training_bytes (GhCtx *ctx, size_t *kept, size_t *scratch, const GhBlockTraining *block, int B, int N)
{
  NEED (blocks_training_bytes);
  CHECK (kept && scratch && block && B > 0 && N > 0);
  if (!gh_fuses_training (ctx, block))
    return refuse_training (ctx);
  ctx->backend->blocks_training_bytes (ctx, kept, scratch, block, B, N);
  return GH_OK;
}

static bool
can_train (const GhBlockTraining *blocks, int depth)
{
  for (int i = 0; i < depth; i++) {
    const GhBlockTraining *b = &blocks[i];
    const GhBlockParts *p = &b->parts;

    if (!has_all_parts (p) || !b->d_norm1_w || !b->d_norm1_b || !b->d_norm2_w || !b->d_norm2_b || !b->d_qkv || !b->d_out || !b->d_fc1
        || !b->d_fc2 || !p->qkv_b != !b->d_qkv_b || !p->out_b != !b->d_out_b || !p->fc1_b != !b->d_fc1_b
        || !p->fc2_b != !b->d_fc2_b || !p->conv != !b->d_conv)
      return false;
  }
  return true;
}

GhStatus
gh_blocks_training_fwd (GhCtx *ctx, float *y, const GhBlockTraining *blocks, int depth, void *kept, void *scratch, int B,
    int N)
{
  NEED (blocks_training_fwd);
  CHECK (y && blocks && depth > 0 && kept && scratch && B > 0 && N > 0);
  CHECK (can_train (blocks, depth));
  if (!gh_fuses_training (ctx, blocks))
    return refuse_training (ctx);
  return ctx->backend->blocks_training_fwd (ctx, y, blocks, depth, kept, scratch, B, N);
}

GhStatus
gh_blocks_training_bwd (GhCtx *ctx, float *dx, const GhBlockTraining *blocks, int depth, const void *kept, void *scratch,
    int B, int N)
{
  NEED (blocks_training_bwd);
  CHECK (dx && blocks && depth > 0 && kept && scratch && B > 0 && N > 0);
  CHECK (can_train (blocks, depth));
  if (!gh_fuses_training (ctx, blocks))
    return refuse_training (ctx);
  return ctx->backend->blocks_training_bwd (ctx, dx, blocks, depth, kept, scratch, B, N);
}
