/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * overrides.c (once per instruction set): the operations of this set.
 */
#include "isa.h"

void
ISA_FN (gh_cpu_override) (GhBackend *backend)
{
  backend->pack_update = ISA_FN (gh_cpu_pack_update);
  backend->linear_bwd_weight = ISA_FN (gh_cpu_linear_bwd_weight);
  backend->bmm = ISA_FN (gh_cpu_bmm);
  backend->fit_fwd = ISA_FN (gh_cpu_fit_fwd);
  backend->view_fwd = ISA_FN (gh_cpu_view_fwd);
  backend->patchify_fwd = ISA_FN (gh_cpu_patchify_fwd);
  backend->tile_edges_fwd = ISA_FN (gh_cpu_tile_edges_fwd);
  backend->local_energy_fwd = ISA_FN (gh_cpu_local_energy_fwd);
  backend->band_share_fwd = ISA_FN (gh_cpu_band_share_fwd);
  backend->layernorm_fwd = ISA_FN (gh_cpu_layernorm_fwd);
  backend->layernorm_bwd = ISA_FN (gh_cpu_layernorm_bwd);
  backend->gelu_fwd = ISA_FN (gh_cpu_gelu_fwd);
  backend->gelu_bwd = ISA_FN (gh_cpu_gelu_bwd);
  backend->softmax_fwd = ISA_FN (gh_cpu_softmax_fwd);
  backend->softmax_bwd = ISA_FN (gh_cpu_softmax_bwd);
  backend->attention_fwd = ISA_FN (gh_cpu_attention_fwd);
  backend->attention_bwd = ISA_FN (gh_cpu_attention_bwd);
  backend->segment_mean_fwd = ISA_FN (gh_cpu_segment_mean_fwd);
  backend->segment_mean_bwd = ISA_FN (gh_cpu_segment_mean_bwd);
  backend->pinv_fwd = ISA_FN (gh_cpu_pinv_fwd);
  backend->pinv_bwd = ISA_FN (gh_cpu_pinv_bwd);
  backend->value_conv_fwd = ISA_FN (gh_cpu_value_conv_fwd);
  backend->value_conv_bwd = ISA_FN (gh_cpu_value_conv_bwd);
  backend->embed_tokens_bwd = ISA_FN (gh_cpu_embed_tokens_bwd);
  backend->unmask_tokens_bwd = ISA_FN (gh_cpu_unmask_tokens_bwd);
  backend->gather_rows_bwd = ISA_FN (gh_cpu_gather_rows_bwd);
  backend->pool_fwd = ISA_FN (gh_cpu_pool_fwd);
  backend->sum_rows = ISA_FN (gh_cpu_sum_rows);
  backend->masked_loss = ISA_FN (gh_cpu_masked_loss);
  backend->sum_squares = ISA_FN (gh_cpu_sum_squares);
  backend->zero = ISA_FN (gh_cpu_zero);
  backend->adamw = ISA_FN (gh_cpu_adamw);
}
