/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * main.c: one program checks and measures every tensor operation; harness.h has its command line.
 */
#include "cases.h"

static const HnCase *const cases[] = {
  &hn_adamw,
  &hn_attention_f32,
  &hn_attention_bf16,
  &hn_attention_bwd_f32,
  &hn_attention_bwd_bf16,
  &hn_band_share_fwd,
  &hn_block_fwd,
  &hn_blocks_fwd,
  &hn_blocks_training,
  &hn_bmm,
  &hn_embed_tokens_fwd,
  &hn_embed_tokens_bwd,
  &hn_fit_fwd,
  &hn_gather_rows_fwd,
  &hn_gather_rows_bwd,
  &hn_gelu_fwd,
  &hn_gelu_bwd,
  &hn_layernorm_fwd,
  &hn_layernorm_bwd,
  &hn_linear_f32,
  &hn_linear_bf16,
  &hn_linear_int16,
  &hn_linear_int8,
  &hn_linear_bwd_input,
  &hn_linear_weight_f32,
  &hn_linear_weight_bf16,
  &hn_local_energy_fwd,
  &hn_masked_loss,
  &hn_pack_update_f32,
  &hn_pack_update_bf16,
  &hn_patchify_fwd,
  &hn_patches_loss,
  &hn_pinv_fwd,
  &hn_pinv_bwd,
  &hn_pool_fwd,
  &hn_project_patches_fwd,
  &hn_project_patches_bwd,
  &hn_segment_mean_fwd,
  &hn_segment_mean_bwd,
  &hn_softmax_fwd,
  &hn_softmax_bwd,
  &hn_sum_rows,
  &hn_sum_squares,
  &hn_tile_edges_fwd,
  &hn_unmask_tokens_fwd,
  &hn_unmask_tokens_bwd,
  &hn_value_conv_fwd,
  &hn_value_conv_bwd,
  &hn_view_fwd,
  &hn_zero,
};

int
main (int argc, char **argv)
{
  return hn_main (argc, argv, cases, sizeof cases / sizeof cases[0]);
}
