/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-kernels.c: the public operations. Each wrapper checks its arguments once, in the words of the header, and calls
 * the back end's entry; the entries trust what they get. Nothing to do (no image, no row) is no error.
 */
#include "gh-checks.h"

#include <stdlib.h>

/* A direction whose tables stay inside its `samples`. On a device they cannot be read from here: they are trusted. */
static bool
axis_ok (const GhCtx *ctx, const GhFitAxis *axis, int outputs, int samples)
{
  if (axis->n_taps == 0)
    return outputs == samples;
  if (axis->n_taps < 0 || axis->n_taps > GH_FIT_MAX_TAPS || axis->n_taps > samples || !axis->first || !axis->taps
      || axis->shift < 0 || axis->shift > 8 || axis->round < 0 || axis->round >= 1 << axis->shift)
    return false;
  if (!gh_indices_ok (ctx, axis->first, (size_t) outputs, samples - axis->n_taps + 1))
    return false;
  for (int i = 1; ctx->device != GH_DEVICE_CUDA && i < outputs; i++) {
    if (axis->first[i] < axis->first[i - 1])
      return false;
  }
  return true;
}

static bool
frame_ok (const GhFrame *frame)
{
  for (int c = 0; c < 3; c++) {
    size_t samples = (size_t) (frame->subsampled && c ? (frame->width + 1) / 2 : frame->width);
    if (!frame->channel[c] || frame->step[c] < 1 || frame->stride[c] < (samples - 1) * (size_t) frame->step[c] + 1)
      return false;
  }
  return true;
}

GhStatus
gh_fit_fwd (GhCtx *ctx, uint8_t *rgb, const GhFrame *frame, const GhFit *fit, int height, int width)
{
  NEED (fit_fwd);
  CHECK (rgb && frame && fit);
  CHECK (height > 0 && width > 0 && frame->height > 0 && frame->width > 0);
  CHECK (frame_ok (frame));
  CHECK (fit->x >= 0 && fit->width > 0 && fit->x <= frame->width - fit->width);
  CHECK (fit->y >= 0 && fit->height > 0 && fit->y <= frame->height - fit->height);
  CHECK (!frame->subsampled || (fit->x % 2 == 0 && fit->y % 2 == 0));
  CHECK (axis_ok (ctx, &fit->across, width, fit->width));
  CHECK (axis_ok (ctx, &fit->down, height, fit->height));
  CHECK (fit->colours >= GH_FIT_KEEP && fit->colours <= GH_FIT_COLOURS_LAST);
  for (int i = 0; i < 5; i++)
    CHECK (fit->gain[i] >= -4096 && fit->gain[i] <= 4096);
  return ctx->backend->fit_fwd (ctx, rgb, frame, fit, height, width);
}

/* Those on a device cannot be read from here: they are trusted. */
static bool
views_ok (const GhCtx *ctx, const GhView *views, int B, int n, int frame_height, int frame_width)
{
  for (int b = 0; ctx->device != GH_DEVICE_CUDA && b < B; b++) {
    const GhView *v = &views[b];
    if (v->frame < 0 || v->frame >= n || v->x < 0 || v->width < 1 || v->x > frame_width - v->width || v->y < 0
        || v->height < 1 || v->y > frame_height - v->height)
      return false;
  }
  return true;
}

static bool
is_view_size (int height, int width)
{
  return height > 0 && width > 0 && height <= GH_VIEW_MAX_SIZE && width <= GH_VIEW_MAX_SIZE;
}

GhStatus
gh_view_fwd (GhCtx *ctx, uint8_t *rgb, const uint8_t *frames, const GhView *views, int B, int height, int width, int n,
    int frame_height, int frame_width)
{
  NEED (view_fwd);
  CHECK (B >= 0 && n >= 0);
  DONE_IF (B == 0);
  CHECK (rgb && frames && views && rgb != frames);
  CHECK (is_view_size (height, width) && is_view_size (frame_height, frame_width));
  CHECK (views_ok (ctx, views, B, n, frame_height, frame_width));
  return ctx->backend->view_fwd (ctx, rgb, frames, views, B, height, width, frame_height, frame_width);
}

GhStatus
gh_patchify_fwd (GhCtx *ctx, float *patches, const uint8_t *rgb, const int32_t *keep, const float host_mean[3],
    const float host_std[3], int B, int height, int width, size_t stride, int patch, int K)
{
  NEED (patchify_fwd);
  CHECK (B >= 0 && K >= 0);
  DONE_IF (B == 0 || K == 0);
  CHECK (patches && rgb && host_mean && host_std);
  CHECK (height > 0 && width > 0 && patch > 0);
  CHECK (stride >= (size_t) width * 3);
  CHECK (host_std[0] > 0 && host_std[1] > 0 && host_std[2] > 0);
  long long n = (long long) ((height - 1) / patch + 1) * ((width - 1) / patch + 1);
  CHECK (K <= n && (keep || K == n));
  CHECK (gh_indices_ok (ctx, keep, (size_t) B * K, (int) n));
  return ctx->backend->patchify_fwd (ctx, patches, rgb, keep, host_mean, host_std, B, height, width, stride, patch, K);
}

GhStatus
gh_pack (GhCtx *ctx, GhPacked **packed, const float *host_w, int n_out, int n_in, GhDtype dtype)
{
  NEED (pack);
  CHECK (packed);
  *packed = NULL;
  CHECK (host_w && n_out > 0 && n_in > 0);
  CHECK ((int) dtype >= 0 && dtype < GH_N_DTYPES);
  if (!gh_supports (ctx, dtype, NULL, NULL))
    return gh_fail (ctx, GH_UNSUPPORTED, "the %s back end does not multiply in %s here", ctx->backend->name,
        gh_dtype_name (dtype));

  GhPacked *p = calloc (1, sizeof *p);
  if (!p)
    return gh_fail (ctx, GH_NOMEM, "not enough memory for packed weights");
  p->backend = ctx->backend;
  p->dtype = dtype;
  p->n_out = n_out;
  p->n_in = n_in;
  GhStatus status = ctx->backend->pack (ctx, p, host_w);
  if (status != GH_OK) {
    gh_packed_free (p);
    return status;
  }
  *packed = p;
  return GH_OK;
}

void
gh_packed_free (GhPacked *packed)
{
  if (!packed)
    return;
  packed->backend->packed_free (packed);
  free (packed);
}

size_t
gh_packed_bytes (const GhPacked *packed)
{
  return packed ? packed->bytes : 0;
}

GhStatus
gh_pack_update (GhCtx *ctx, GhPacked *packed, const float *w, bool transposed)
{
  NEED (pack_update);
  CHECK (packed && w);
  CHECK (packed->backend == ctx->backend);
  CHECK (packed->dtype == GH_DTYPE_F32 || packed->dtype == GH_DTYPE_BF16);
  packed->learns = true;
  return ctx->backend->pack_update (ctx, packed, w, transposed);
}

GhStatus
gh_linear_fwd (GhCtx *ctx, float *y, const float *x, const GhPacked *w, const float *bias, const float *residual,
    GhAct act, int rows)
{
  NEED (linear_fwd);
  CHECK (rows >= 0);
  DONE_IF (rows == 0);
  CHECK (y && x && w && y != x);
  CHECK (w->backend == ctx->backend);
  CHECK (act == GH_ACT_NONE || act == GH_ACT_GELU);
  return ctx->backend->linear_fwd (ctx, y, x, w, bias, residual, act, rows);
}

GhStatus
gh_linear_bwd_weight (GhCtx *ctx, float *dw, float *db, const float *dy, const float *x, GhDtype dtype, int rows,
    int n_out, int n_in)
{
  NEED (linear_bwd_weight);
  CHECK (rows >= 0);
  DONE_IF (rows == 0);
  CHECK (dw && dy && x && dw != dy && dw != x && db != dw);
  CHECK (n_out > 0 && n_in > 0);
  CHECK (dtype == GH_DTYPE_F32 || dtype == GH_DTYPE_BF16);
  return ctx->backend->linear_bwd_weight (ctx, dw, db, dy, x, dtype, rows, n_out, n_in);
}

bool
gh_multiplies_back (const GhCtx *ctx)
{
  return ctx && ctx->backend->linear_bwd_input;
}

GhStatus
gh_linear_bwd_input (GhCtx *ctx, float *dx, const float *dy, const GhPacked *w, int rows)
{
  NEED (linear_bwd_input);
  CHECK (rows >= 0);
  DONE_IF (rows == 0);
  CHECK (dx && dy && w && dx != dy);
  return ctx->backend->linear_bwd_input (ctx, dx, dy, w, rows);
}

GhStatus
gh_bmm (GhCtx *ctx, GhMat c, GhMat a, bool trans_a, GhMat b, bool trans_b, float alpha, float beta, int B, int H,
    int m, int n, int k)
{
  NEED (bmm);
  CHECK (B >= 0 && H >= 0 && m >= 0 && n >= 0);
  DONE_IF (B == 0 || H == 0 || m == 0 || n == 0);
  CHECK (k > 0);
  CHECK (c.p && a.p && b.p && c.p != a.p && c.p != b.p);
  CHECK (c.ld >= n && a.ld >= (trans_a ? m : k) && b.ld >= (trans_b ? k : n));
  return ctx->backend->bmm (ctx, c, a, trans_a, b, trans_b, alpha, beta, B, H, m, n, k);
}

GhStatus
gh_tile_edges_fwd (GhCtx *ctx, float *edges, const uint8_t *rgb, const float *table, int B, int height, int width,
    size_t stride, int tile, int channels)
{
  NEED (tile_edges_fwd);
  CHECK (B >= 0);
  DONE_IF (B == 0);
  CHECK (edges && rgb && table && (channels == 1 || channels == 3));
  CHECK (tile > 0 && tile <= GH_MOST_TILE && height >= tile && width / 2 >= tile && stride >= (size_t) width * 3);
  return ctx->backend->tile_edges_fwd (ctx, edges, rgb, table, B, height, width, stride, tile, channels);
}

GhStatus
gh_local_energy_fwd (GhCtx *ctx, float *energy, const float *x, int B, int rows, int cols, int C, int window_rows,
    int window_cols)
{
  NEED (local_energy_fwd);
  CHECK (B >= 0);
  DONE_IF (B == 0);
  CHECK (energy && x && energy != x);
  CHECK (rows > 0 && cols > 0 && C > 0 && window_rows > 0 && window_cols > 0 && window_rows % 2 && window_cols % 2);
  return ctx->backend->local_energy_fwd (ctx, energy, x, B, rows, cols, C, window_rows, window_cols);
}

GhStatus
gh_band_share_fwd (GhCtx *ctx, float *share, const float *x, float level, int B, int rows, int cols, int bands)
{
  NEED (band_share_fwd);
  CHECK (B >= 0);
  DONE_IF (B == 0);
  CHECK (share && x && share != x && level > 0);
  CHECK (cols > 0 && bands > 0 && bands <= rows);
  return ctx->backend->band_share_fwd (ctx, share, x, level, B, rows, cols, bands);
}

GhStatus
gh_layernorm_fwd (GhCtx *ctx, float *y, float *mean, float *rstd, const float *x, const float *w, const float *b,
    int rows, int C, float eps)
{
  NEED (layernorm_fwd);
  CHECK (rows >= 0);
  DONE_IF (rows == 0);
  CHECK (y && x && w && b && C > 0);
  CHECK (eps >= 0);
  CHECK ((mean == NULL) == (rstd == NULL));
  CHECK (y != x || !mean);
  return ctx->backend->layernorm_fwd (ctx, y, mean, rstd, x, w, b, rows, C, eps);
}

GhStatus
gh_layernorm_bwd (GhCtx *ctx, float *dx, float *dw, float *db, const float *dy, const float *x, const float *w,
    const float *mean, const float *rstd, const float *residual, int rows, int C)
{
  NEED (layernorm_bwd);
  CHECK (rows >= 0);
  DONE_IF (rows == 0);
  CHECK (dx && dw && db && dy && x && w && mean && rstd && C > 0);
  CHECK (dx != x && (dx != dy || residual != dx));
  return ctx->backend->layernorm_bwd (ctx, dx, dw, db, dy, x, w, mean, rstd, residual, rows, C);
}

GhStatus
gh_gelu_fwd (GhCtx *ctx, float *y, const float *x, size_t n)
{
  NEED (gelu_fwd);
  DONE_IF (n == 0);
  CHECK (y && x);
  return ctx->backend->gelu_fwd (ctx, y, x, n);
}

GhStatus
gh_gelu_bwd (GhCtx *ctx, float *dx, const float *dy, const float *x, size_t n)
{
  NEED (gelu_bwd);
  DONE_IF (n == 0);
  CHECK (dx && dy && x && dx != x);
  return ctx->backend->gelu_bwd (ctx, dx, dy, x, n);
}

GhStatus
gh_softmax_fwd (GhCtx *ctx, float *y, const float *x, int rows, int n)
{
  NEED (softmax_fwd);
  CHECK (rows >= 0);
  DONE_IF (rows == 0);
  CHECK (y && x && n > 0);
  return ctx->backend->softmax_fwd (ctx, y, x, rows, n);
}

GhStatus
gh_softmax_bwd (GhCtx *ctx, float *dx, const float *dy, const float *y, int rows, int n)
{
  NEED (softmax_bwd);
  CHECK (rows >= 0);
  DONE_IF (rows == 0);
  CHECK (dx && dy && y && dx != y && n > 0);
  return ctx->backend->softmax_bwd (ctx, dx, dy, y, rows, n);
}

GhStatus
gh_attention_fwd (GhCtx *ctx, float *o, const float *qkv, GhDtype dtype, int B, int N, int H, int D)
{
  NEED (attention_fwd);
  CHECK (B >= 0);
  DONE_IF (B == 0);
  CHECK (o && qkv && o != qkv);
  CHECK (N > 0 && H > 0 && D > 0 && (int) dtype >= 0 && dtype < GH_N_DTYPES);
  return ctx->backend->attention_fwd (ctx, o, qkv, dtype, B, N, H, D);
}

GhStatus
gh_attention_bwd (GhCtx *ctx, float *dqkv, const float *dout, const float *qkv, GhDtype dtype, int B, int N, int H,
    int D)
{
  NEED (attention_bwd);
  CHECK (B >= 0);
  DONE_IF (B == 0);
  CHECK (dqkv && dout && qkv && dqkv != dout && dqkv != qkv);
  CHECK (N > 0 && H > 0 && D > 0 && (int) dtype >= 0 && dtype < GH_N_DTYPES);
  return ctx->backend->attention_bwd (ctx, dqkv, dout, qkv, dtype, B, N, H, D);
}

GhStatus
gh_segment_mean_fwd (GhCtx *ctx, float *y, const float *x, int col, int ld, float scale, int B, int N, int H, int D,
    int M)
{
  NEED (segment_mean_fwd);
  CHECK (B >= 0);
  DONE_IF (B == 0);
  CHECK (y && x && y != x);
  CHECK (N > 0 && H > 0 && D > 0 && M > 0 && M <= N);
  CHECK (col >= 0 && (long long) col + (long long) H * D <= ld);
  return ctx->backend->segment_mean_fwd (ctx, y, x, col, ld, scale, B, N, H, D, M);
}

GhStatus
gh_segment_mean_bwd (GhCtx *ctx, float *dx, const float *dy, int col, int ld, float scale, int B, int N, int H, int D,
    int M)
{
  NEED (segment_mean_bwd);
  CHECK (B >= 0);
  DONE_IF (B == 0);
  CHECK (dx && dy && dx != dy);
  CHECK (N > 0 && H > 0 && D > 0 && M > 0 && M <= N);
  CHECK (col >= 0 && (long long) col + (long long) H * D <= ld);
  return ctx->backend->segment_mean_bwd (ctx, dx, dy, col, ld, scale, B, N, H, D, M);
}

GhStatus
gh_pinv_fwd (GhCtx *ctx, float *z, float *trail, const float *a, int count, int M, int iters)
{
  NEED (pinv_fwd);
  CHECK (count >= 0);
  DONE_IF (count == 0);
  CHECK (z && a && z != a && trail != a && trail != z);
  CHECK (M > 0 && iters >= 0);
  return ctx->backend->pinv_fwd (ctx, z, trail, a, count, M, iters);
}

GhStatus
gh_pinv_bwd (GhCtx *ctx, float *da, const float *dz, const float *a, const float *trail, int count, int M, int iters)
{
  NEED (pinv_bwd);
  CHECK (count >= 0);
  DONE_IF (count == 0);
  CHECK (da && dz && a && trail && da != dz && da != a && da != trail);
  CHECK (M > 0 && iters > 0);
  return ctx->backend->pinv_bwd (ctx, da, dz, a, trail, count, M, iters);
}

GhStatus
gh_value_conv_fwd (GhCtx *ctx, float *o, const float *qkv, const float *w, int B, int N, int H, int D, int taps,
    int first)
{
  NEED (value_conv_fwd);
  CHECK (B >= 0);
  DONE_IF (B == 0);
  CHECK (o && qkv && w && o != qkv);
  CHECK (N > 0 && H > 0 && D > 0 && taps > 0 && gh_is_flag (first));
  return ctx->backend->value_conv_fwd (ctx, o, qkv, w, B, N, H, D, taps, first);
}

GhStatus
gh_value_conv_bwd (GhCtx *ctx, float *dqkv, float *dw, const float *dout, const float *qkv, const float *w, int B,
    int N, int H, int D, int taps, int first)
{
  NEED (value_conv_bwd);
  CHECK (B >= 0);
  DONE_IF (B == 0);
  CHECK (dqkv && dw && dout && qkv && w && dqkv != dout && dqkv != qkv && dw != w);
  CHECK (N > 0 && H > 0 && D > 0 && taps > 0 && gh_is_flag (first));
  return ctx->backend->value_conv_bwd (ctx, dqkv, dw, dout, qkv, w, B, N, H, D, taps, first);
}

GhStatus
gh_embed_tokens_fwd (GhCtx *ctx, float *y, const float *x, const float *pos, const int32_t *keep, const float *cls,
    int B, int K, int C, int first)
{
  NEED (embed_tokens_fwd);
  CHECK (B >= 0 && K >= 0 && gh_is_flag (first));
  DONE_IF (B == 0 || K + first == 0);
  CHECK (y && C > 0 && (x != y || !first));
  CHECK (K == 0 || (x && pos));
  CHECK (!first || cls);
  return ctx->backend->embed_tokens_fwd (ctx, y, x, pos, keep, cls, B, K, C, first);
}

GhStatus
gh_embed_tokens_bwd (GhCtx *ctx, float *dx, float *dcls, const float *dy, int B, int K, int C, int first)
{
  NEED (embed_tokens_bwd);
  CHECK (B >= 0 && K >= 0 && gh_is_flag (first));
  DONE_IF (B == 0 || K + first == 0);
  CHECK (dy && C > 0 && (dx != dy || !first));
  CHECK (K == 0 || dx);
  CHECK (!first || (dcls && dcls != dy));
  return ctx->backend->embed_tokens_bwd (ctx, dx, dcls, dy, B, K, C, first);
}

GhStatus
gh_unmask_tokens_fwd (GhCtx *ctx, float *y, const float *x, const float *mask_token, const float *pos,
    const int32_t *keep, const float *cls_pos, int B, int N, int K, int C, int first)
{
  NEED (unmask_tokens_fwd);
  CHECK (B >= 0);
  DONE_IF (B == 0);
  CHECK (y && pos && mask_token && y != x);
  CHECK (N > 0 && C > 0 && K >= 0 && K <= N && gh_is_flag (first));
  CHECK (keep || K == N);
  CHECK (x || K + first == 0);
  CHECK (!first || cls_pos);
  CHECK (gh_indices_ok (ctx, keep, (size_t) B * K, N));
  return ctx->backend->unmask_tokens_fwd (ctx, y, x, mask_token, pos, keep, cls_pos, B, N, K, C, first);
}

GhStatus
gh_unmask_tokens_bwd (GhCtx *ctx, float *dx, float *dmask_token, const float *dy, const int32_t *keep, int B, int N,
    int K, int C, int first)
{
  NEED (unmask_tokens_bwd);
  CHECK (B >= 0);
  DONE_IF (B == 0);
  CHECK (dy && dmask_token && dx != dy && dmask_token != dy);
  CHECK (N > 0 && C > 0 && K >= 0 && K <= N && gh_is_flag (first));
  CHECK (keep || K == N);
  CHECK (dx || K + first == 0);
  CHECK (gh_indices_ok (ctx, keep, (size_t) B * K, N));
  return ctx->backend->unmask_tokens_bwd (ctx, dx, dmask_token, dy, keep, B, N, K, C, first);
}

GhStatus
gh_gather_rows_fwd (GhCtx *ctx, float *y, const float *x, const int32_t *index, int B, int N, int K, int C, int first)
{
  NEED (gather_rows_fwd);
  CHECK (B >= 0 && K >= 0);
  DONE_IF (B == 0 || K == 0);
  CHECK (y && x && y != x);
  CHECK (N > 0 && C > 0 && gh_is_flag (first));
  CHECK (index || K <= N);
  CHECK (gh_indices_ok (ctx, index, (size_t) B * K, N));
  return ctx->backend->gather_rows_fwd (ctx, y, x, index, B, N, K, C, first);
}

GhStatus
gh_gather_rows_bwd (GhCtx *ctx, float *dx, const float *dy, const int32_t *index, int B, int N, int K, int C,
    int first)
{
  NEED (gather_rows_bwd);
  CHECK (B >= 0 && K >= 0);
  DONE_IF (B == 0);
  CHECK (dx && dx != dy && (dy || K == 0));
  CHECK (N > 0 && C > 0 && gh_is_flag (first) && K <= N);
  CHECK (gh_indices_ok (ctx, index, (size_t) B * K, N));
  return ctx->backend->gather_rows_bwd (ctx, dx, dy, index, B, N, K, C, first);
}

GhStatus
gh_pool_fwd (GhCtx *ctx, float *y, const float *x, GhPool pool, int B, int N, int C, int first)
{
  NEED (pool_fwd);
  CHECK (B >= 0);
  DONE_IF (B == 0);
  CHECK (y && x && y != x);
  CHECK (C > 0 && gh_is_flag (first));
  CHECK (pool == GH_POOL_MEAN || pool == GH_POOL_MEAN_STD || pool == GH_POOL_CLS);
  CHECK (N > 0 || (pool == GH_POOL_CLS && N == 0));
  CHECK (pool != GH_POOL_CLS || first == 1);
  return ctx->backend->pool_fwd (ctx, y, x, pool, B, N, C, first);
}

GhStatus
gh_sum_rows (GhCtx *ctx, float *sum, const float *x, int rows, int C)
{
  NEED (sum_rows);
  CHECK (rows >= 0);
  DONE_IF (rows == 0);
  CHECK (sum && x && sum != x && C > 0);
  return ctx->backend->sum_rows (ctx, sum, x, rows, C);
}

GhStatus
gh_masked_loss (GhCtx *ctx, float *loss, float *dpred, const float *pred, const float *patches, bool normalise,
    float scale, int rows, int P)
{
  NEED (masked_loss);
  CHECK (rows >= 0);
  DONE_IF (rows == 0);
  CHECK (loss && pred && patches && dpred != patches && loss != dpred && P > 0);
  return ctx->backend->masked_loss (ctx, loss, dpred, pred, patches, normalise, scale, rows, P);
}

GhStatus
gh_sum_squares (GhCtx *ctx, float *sum, const float *x, size_t n)
{
  NEED (sum_squares);
  DONE_IF (n == 0);
  CHECK (sum && x && sum != x);
  return ctx->backend->sum_squares (ctx, sum, x, n);
}

GhStatus
gh_zero (GhCtx *ctx, void *ptr, size_t bytes)
{
  NEED (zero);
  DONE_IF (bytes == 0);
  CHECK (ptr);
  return ctx->backend->zero (ctx, ptr, bytes);
}

GhStatus
gh_adamw (GhCtx *ctx, float *p, float *m, float *v, const float *g, size_t n, float grad_scale, float lr,
    float beta1, float beta2, float eps, float weight_decay, int step)
{
  NEED (adamw);
  DONE_IF (n == 0);
  CHECK (p && m && v && g);
  CHECK (step >= 1);
  CHECK (beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1);
  return ctx->backend->adamw (ctx, p, m, v, g, n, grad_scale, lr, beta1, beta2, eps, weight_decay, step);
}

GhStatus
gh_group_available (GhCtx *ctx)
{
  NEED (group_available);
  return ctx->backend->group_available (ctx);
}

GhStatus
gh_group_id (GhCtx *ctx, uint8_t host_id[GH_GROUP_ID])
{
  NEED (group_id);
  CHECK (host_id);
  return ctx->backend->group_id (ctx, host_id);
}

GhStatus
gh_group_join (GhCtx *ctx, const uint8_t host_id[GH_GROUP_ID], int rank, int size, int seconds)
{
  NEED (group_join);
  CHECK (host_id);
  CHECK (rank >= 0 && rank < size && seconds > 0);
  return ctx->backend->group_join (ctx, host_id, rank, size, seconds);
}

GhStatus
gh_group_sum (GhCtx *ctx, float *x, size_t n, int seconds)
{
  NEED (group_sum);
  DONE_IF (n == 0);
  CHECK (x && seconds > 0);
  return ctx->backend->group_sum (ctx, x, n, seconds);
}
