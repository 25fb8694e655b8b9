/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-fused.c: the public operations that do several others in one, where a back end gains by that. Each has a question
 * beside it that asks beforehand.
 */
#include "gh-checks.h"

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
  CHECK (x && block && block->norm1_w && block->norm1_b && block->norm2_w && block->norm2_b);
  CHECK (block->qkv && block->out && block->fc1 && block->fc2 && block->C > 0 && block->H > 0 && block->D > 0);
  CHECK (!block->conv || (block->taps > 0 && (block->first == 0 || block->first == 1)));
  if (!gh_fuses_block (ctx, block))
    return gh_fail (ctx, GH_UNSUPPORTED, "the %s back end does not fuse such a block", ctx->backend->name);
  return ctx->backend->block_fwd (ctx, x, block, B, N);
}

bool
gh_fuses_training (const GhCtx *ctx, const GhBlockTraining *block)
{
  return ctx && block && ctx->backend->fuses_training && ctx->backend->fuses_training (ctx, block);
}

GhStatus
gh_blocks_training_bytes (GhCtx *ctx, size_t *kept, size_t *scratch, const GhBlockTraining *block, int B, int N)
{
  NEED (blocks_training_bytes);
  CHECK (kept && scratch && block && B > 0 && N > 0);
  if (!gh_fuses_training (ctx, block))
    return gh_fail (ctx, GH_UNSUPPORTED, "the %s back end does not fuse the training of such a block",
        ctx->backend->name);
  ctx->backend->blocks_training_bytes (ctx, kept, scratch, block, B, N);
  return GH_OK;
}

static bool
can_train (const GhBlockTraining *blocks, int depth)
{
  for (int i = 0; i < depth; i++) {
    const GhBlockTraining *b = &blocks[i];
    const GhBlockParts *p = &b->parts;

    if (!p->norm1_w || !p->norm1_b || !p->norm2_w || !p->norm2_b || !p->qkv || !p->out || !p->fc1 || !p->fc2
        || !b->d_norm1_w || !b->d_norm1_b || !b->d_norm2_w || !b->d_norm2_b || !b->d_qkv || !b->d_out || !b->d_fc1
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
    return gh_fail (ctx, GH_UNSUPPORTED, "the %s back end does not fuse the training of such a block",
        ctx->backend->name);
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
    return gh_fail (ctx, GH_UNSUPPORTED, "the %s back end does not fuse the training of such a block",
        ctx->backend->name);
  return ctx->backend->blocks_training_bwd (ctx, dx, blocks, depth, kept, scratch, B, N);
}
