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
  *ptr = gh_host_memory (bytes);
  if (!*ptr)
    return gh_fail (ctx, GH_NOMEM, "not enough memory for %zu bytes", bytes);
  memset (*ptr, 0, bytes);
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

GhStatus
gh_ref_zero (GhCtx *ctx, void *ptr, size_t bytes)
{
  memset (ptr, 0, bytes);
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
  .pack_update = gh_ref_pack_update,
  .linear_fwd = gh_ref_linear_fwd,
  .linear_bwd_weight = gh_ref_linear_bwd_weight,
  .bmm = gh_ref_bmm,
  .fit_fwd = gh_ref_fit_fwd,
  .view_fwd = gh_ref_view_fwd,
  .patchify_fwd = gh_ref_patchify_fwd,
  .tile_edges_fwd = gh_ref_tile_edges_fwd,
  .local_energy_fwd = gh_ref_local_energy_fwd,
  .band_share_fwd = gh_ref_band_share_fwd,
  .layernorm_fwd = gh_ref_layernorm_fwd,
  .layernorm_bwd = gh_ref_layernorm_bwd,
  .gelu_fwd = gh_ref_gelu_fwd,
  .gelu_bwd = gh_ref_gelu_bwd,
  .softmax_fwd = gh_ref_softmax_fwd,
  .softmax_bwd = gh_ref_softmax_bwd,
  .attention_fwd = gh_ref_attention_fwd,
  .attention_bwd = gh_ref_attention_bwd,
  .segment_mean_fwd = gh_ref_segment_mean_fwd,
  .segment_mean_bwd = gh_ref_segment_mean_bwd,
  .pinv_fwd = gh_ref_pinv_fwd,
  .pinv_bwd = gh_ref_pinv_bwd,
  .value_conv_fwd = gh_ref_value_conv_fwd,
  .value_conv_bwd = gh_ref_value_conv_bwd,
  .embed_tokens_fwd = gh_ref_embed_tokens_fwd,
  .embed_tokens_bwd = gh_ref_embed_tokens_bwd,
  .unmask_tokens_fwd = gh_ref_unmask_tokens_fwd,
  .unmask_tokens_bwd = gh_ref_unmask_tokens_bwd,
  .gather_rows_fwd = gh_ref_gather_rows_fwd,
  .gather_rows_bwd = gh_ref_gather_rows_bwd,
  .pool_fwd = gh_ref_pool_fwd,
  .sum_rows = gh_ref_sum_rows,
  .masked_loss = gh_ref_masked_loss,
  .sum_squares = gh_ref_sum_squares,
  .zero = gh_ref_zero,
  .adamw = gh_ref_adamw,
};

const GhBackend *
gh_ref_backend (void)
{
  return &ref_backend;
}
