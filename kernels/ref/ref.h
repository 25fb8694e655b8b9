/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ref.h (private): the reference back end, one operation per file. Plain C that reads like the formula in
 * gh-kernels.h, sums in double, one thread; the truth every other back end is tested against.
 */
#pragma once

#include "kernels/gh-backend.h"

GhStatus gh_ref_alloc (GhCtx *ctx, void **ptr, size_t bytes);
void gh_ref_free (GhCtx *ctx, void *ptr);
GhStatus gh_ref_copy (GhCtx *ctx, void *dst, const void *src, size_t bytes);

GhStatus gh_ref_pack (GhCtx *ctx, GhPacked *packed, const float *host_w);
void gh_ref_packed_free (GhPacked *packed);
GhStatus gh_ref_pack_update (GhCtx *ctx, GhPacked *packed, const float *w, bool transposed);
float gh_ref_round_bf16 (float x);
GhStatus gh_ref_linear_fwd (GhCtx *ctx, float *y, const float *x, const GhPacked *w, const float *bias,
    const float *residual, GhAct act, int rows);
GhStatus gh_ref_linear_bwd_weight (GhCtx *ctx, float *dw, float *db, const float *dy, const float *x, GhDtype dtype,
    int rows, int n_out, int n_in);
GhStatus gh_ref_bmm (GhCtx *ctx, GhMat c, GhMat a, bool trans_a, GhMat b, bool trans_b, float alpha, float beta,
    int B, int H, int m, int n, int k);
GhStatus gh_ref_fit_fwd (GhCtx *ctx, uint8_t *rgb, const GhFrame *frame, const GhFit *fit, int height, int width);
GhStatus gh_ref_view_fwd (GhCtx *ctx, uint8_t *rgb, const uint8_t *frames, const GhView *views, int B, int height,
    int width, int frame_height, int frame_width);
GhStatus gh_ref_patchify_fwd (GhCtx *ctx, float *patches, const uint8_t *rgb, const int32_t *keep, const float *mean,
    const float *std, int B, int height, int width, size_t stride, int patch, int K);
GhStatus gh_ref_tile_edges_fwd (GhCtx *ctx, float *edges, const uint8_t *rgb, const float *table, int B, int height,
    int width, size_t stride, int tile, int channels);
GhStatus gh_ref_local_energy_fwd (GhCtx *ctx, float *energy, const float *x, int B, int rows, int cols, int C,
    int window_rows, int window_cols);
GhStatus gh_ref_band_share_fwd (GhCtx *ctx, float *share, const float *x, float level, int B, int rows, int cols,
    int bands);
GhStatus gh_ref_layernorm_fwd (GhCtx *ctx, float *y, float *mean, float *rstd, const float *x, const float *w,
    const float *b, int rows, int C, float eps);
GhStatus gh_ref_layernorm_bwd (GhCtx *ctx, float *dx, float *dw, float *db, const float *dy, const float *x,
    const float *w, const float *mean, const float *rstd, const float *residual, int rows, int C);
GhStatus gh_ref_gelu_fwd (GhCtx *ctx, float *y, const float *x, size_t n);
GhStatus gh_ref_gelu_bwd (GhCtx *ctx, float *dx, const float *dy, const float *x, size_t n);
GhStatus gh_ref_softmax_fwd (GhCtx *ctx, float *y, const float *x, int rows, int n);
GhStatus gh_ref_softmax_bwd (GhCtx *ctx, float *dx, const float *dy, const float *y, int rows, int n);
GhStatus gh_ref_attention_fwd (GhCtx *ctx, float *o, const float *qkv, GhDtype dtype, int B, int N, int H, int D);
GhStatus gh_ref_attention_bwd (GhCtx *ctx, float *dqkv, const float *dout, const float *qkv, GhDtype dtype,
    int B, int N, int H, int D);
GhStatus gh_ref_segment_mean_fwd (GhCtx *ctx, float *y, const float *x, int col, int ld, float scale, int B, int N,
    int H, int D, int M);
GhStatus gh_ref_segment_mean_bwd (GhCtx *ctx, float *dx, const float *dy, int col, int ld, float scale, int B, int N,
    int H, int D, int M);
GhStatus gh_ref_pinv_fwd (GhCtx *ctx, float *z, float *trail, const float *a, int count, int M, int iters);
/* 1 / (r c) of the header's Z0; 0 for a matrix of zeros. */
double gh_ref_pinv_scale (const float *a, int M);
GhStatus gh_ref_pinv_bwd (GhCtx *ctx, float *da, const float *dz, const float *a, const float *trail, int count, int M,
    int iters);
GhStatus gh_ref_value_conv_fwd (GhCtx *ctx, float *o, const float *qkv, const float *w, int B, int N, int H, int D,
    int taps, int first);
GhStatus gh_ref_value_conv_bwd (GhCtx *ctx, float *dqkv, float *dw, const float *dout, const float *qkv,
    const float *w, int B, int N, int H, int D, int taps, int first);
GhStatus gh_ref_embed_tokens_fwd (GhCtx *ctx, float *y, const float *x, const float *pos, const int32_t *keep,
    const float *cls, int B, int K, int C, int first);
GhStatus gh_ref_embed_tokens_bwd (GhCtx *ctx, float *dx, float *dcls, const float *dy, int B, int K, int C, int first);
GhStatus gh_ref_unmask_tokens_fwd (GhCtx *ctx, float *y, const float *x, const float *mask_token, const float *pos,
    const int32_t *keep, const float *cls_pos, int B, int N, int K, int C, int first);
GhStatus gh_ref_unmask_tokens_bwd (GhCtx *ctx, float *dx, float *dmask_token, const float *dy, const int32_t *keep,
    int B, int N, int K, int C, int first);
GhStatus gh_ref_gather_rows_fwd (GhCtx *ctx, float *y, const float *x, const int32_t *index, int B, int N, int K,
    int C, int first);
GhStatus gh_ref_gather_rows_bwd (GhCtx *ctx, float *dx, const float *dy, const int32_t *index, int B, int N, int K,
    int C, int first);
GhStatus gh_ref_pool_fwd (GhCtx *ctx, float *y, const float *x, GhPool pool, int B, int N, int C, int first);
GhStatus gh_ref_sum_rows (GhCtx *ctx, float *sum, const float *x, int rows, int C);
GhStatus gh_ref_masked_loss (GhCtx *ctx, float *loss, float *dpred, const float *pred, const float *patches,
    bool normalise, float scale, int rows, int P);
GhStatus gh_ref_sum_squares (GhCtx *ctx, float *sum, const float *x, size_t n);
GhStatus gh_ref_zero (GhCtx *ctx, void *ptr, size_t bytes);
GhStatus gh_ref_adamw (GhCtx *ctx, float *p, float *m, float *v, const float *g, size_t n, float grad_scale,
    float lr, float beta1, float beta2, float eps, float weight_decay, int step);
