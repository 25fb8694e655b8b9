/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ref.c: the table of the reference back end, and its memory, which is plain host memory.
 */
#include "ref.h"

#include <stdlib.h>
#include <string.h>

GhStatus
gh_ref_alloc (GhCtx *ctx, void **ptr, size_t bytes)
{
  size_t rounded = bytes ? (bytes + 63) & ~(size_t) 63 : 64;

  if (rounded < bytes || !(*ptr = aligned_alloc (64, rounded)))
    return gh_fail (ctx, GH_NOMEM, "not enough memory for %zu bytes", bytes);
  memset (*ptr, 0, rounded);
  return GH_OK;
}

void
gh_ref_free (GhCtx *ctx, void *ptr)
{
  free (ptr);
}

GhStatus
gh_ref_copy (GhCtx *ctx, void *dst, const void *src, size_t bytes)
{
  memmove (dst, src, bytes);
  return GH_OK;
}

static GhStatus
ref_open (GhCtx *ctx, char *reason, size_t reason_size)
{
  ctx->threads = 1;
  return GH_OK;
}

static bool
ref_supports (const GhCtx *ctx, GhDtype dtype, bool *fast, const char **engine)
{
  *fast = false;
  *engine = "ref";
  return true;
}

static GhDtype
ref_best_dtype (const GhCtx *ctx)
{
  return GH_DTYPE_F32;
}

static const GhBackend ref_backend = {
  .abi = GH_BACKEND_ABI,
  .name = "ref",
  .open = ref_open,
  .supports = ref_supports,
  .best_dtype = ref_best_dtype,
  .alloc = gh_ref_alloc,
  .free = gh_ref_free,
  .upload = gh_ref_copy,
  .download = gh_ref_copy,

  .pack = gh_ref_pack,
  .packed_free = gh_ref_packed_free,
  .linear_fwd = gh_ref_linear_fwd,
  .bmm = gh_ref_bmm,
  .patchify_fwd = gh_ref_patchify_fwd,
  .layernorm_fwd = gh_ref_layernorm_fwd,
  .layernorm_bwd = gh_ref_layernorm_bwd,
  .gelu_fwd = gh_ref_gelu_fwd,
  .gelu_bwd = gh_ref_gelu_bwd,
  .softmax_fwd = gh_ref_softmax_fwd,
  .attention_fwd = gh_ref_attention_fwd,
  .segment_mean_fwd = gh_ref_segment_mean_fwd,
  .pinv_fwd = gh_ref_pinv_fwd,
  .value_conv_fwd = gh_ref_value_conv_fwd,
  .embed_tokens_fwd = gh_ref_embed_tokens_fwd,
  .unmask_tokens_fwd = gh_ref_unmask_tokens_fwd,
  .gather_rows_fwd = gh_ref_gather_rows_fwd,
  .pool_fwd = gh_ref_pool_fwd,
  .sum_rows = gh_ref_sum_rows,
  .adamw = gh_ref_adamw,
};

const GhBackend *
gh_ref_backend (void)
{
  return &ref_backend;
}
