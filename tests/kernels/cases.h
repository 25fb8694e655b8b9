/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cases.h: every case of the program; main.c runs those listed here.
 */
#pragma once

#include "harness.h"

extern const HnCase hn_adamw;
extern const HnCase hn_attention_f32;
extern const HnCase hn_attention_bf16;
extern const HnCase hn_attention_bwd_f32;
extern const HnCase hn_attention_bwd_bf16;
extern const HnCase hn_band_share_fwd;
extern const HnCase hn_block_fwd;
extern const HnCase hn_blocks_fwd;
extern const HnCase hn_blocks_training;
extern const HnCase hn_bmm;
extern const HnCase hn_embed_tokens_fwd;
extern const HnCase hn_embed_tokens_bwd;
extern const HnCase hn_fit_fwd;
extern const HnCase hn_gather_rows_fwd;
extern const HnCase hn_gather_rows_bwd;
extern const HnCase hn_gelu_fwd;
extern const HnCase hn_gelu_bwd;
extern const HnCase hn_layernorm_fwd;
extern const HnCase hn_layernorm_bwd;
extern const HnCase hn_linear_f32;
extern const HnCase hn_linear_bf16;
extern const HnCase hn_linear_int16;
extern const HnCase hn_linear_int8;
extern const HnCase hn_linear_bwd_input;
extern const HnCase hn_linear_weight_f32;
extern const HnCase hn_linear_weight_bf16;
extern const HnCase hn_local_energy_fwd;
extern const HnCase hn_masked_loss;
extern const HnCase hn_pack_update_f32;
extern const HnCase hn_pack_update_bf16;
extern const HnCase hn_patchify_fwd;
extern const HnCase hn_patches_loss;
extern const HnCase hn_pinv_fwd;
extern const HnCase hn_pinv_bwd;
extern const HnCase hn_pool_fwd;
extern const HnCase hn_project_patches_fwd;
extern const HnCase hn_project_patches_bwd;
extern const HnCase hn_segment_mean_fwd;
extern const HnCase hn_segment_mean_bwd;
extern const HnCase hn_softmax_fwd;
extern const HnCase hn_softmax_bwd;
extern const HnCase hn_sum_rows;
extern const HnCase hn_sum_squares;
extern const HnCase hn_tile_edges_fwd;
extern const HnCase hn_unmask_tokens_fwd;
extern const HnCase hn_unmask_tokens_bwd;
extern const HnCase hn_value_conv_fwd;
extern const HnCase hn_value_conv_bwd;
extern const HnCase hn_view_fwd;
extern const HnCase hn_zero;
