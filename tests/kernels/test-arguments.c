/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-arguments.c: every operation refuses what the header forbids, touches nothing when there is nothing to do, and
 * says so when a back end lacks it.
 */
#include "check.h"
#include "kernels/gh-backend.h"

#include <math.h>
#include <string.h>

static float f[64], g[64], h[64], s[64];
static uint8_t rgb[64];
static const int32_t low[] = { -1 }, high[] = { 4 }, good[] = { 3 };
static const float ones[3] = { 1, 1, 1 };

static GhMat
mat (float *p, int ld)
{
  return (GhMat) { p, ld, 0, 0 };
}

/* A picture of 2x2 from a frame of as many, or what the caller made of them. */
static GhFrame
frame (int width, size_t stride, bool subsampled)
{
  return (GhFrame) { .channel = { rgb, rgb + 1, rgb + 2 }, .stride = { stride, stride, stride }, .step = { 3, 3, 3 },
    .height = 2, .width = width, .subsampled = subsampled };
}

static GhFit
fit (int x, int width, GhFitAxis across, int gain)
{
  return (GhFit) { .x = x, .width = width, .height = 2, .across = across, .gain = { (int16_t) gain } };
}

/* The call is refused as a bug of the caller and the message names it. */
#define REFUSED(function, ...) \
  do { \
    ctx->error[0] = 0; \
    CHECK (function (ctx, __VA_ARGS__) == GH_INVAL); \
    CHECK (strncmp (gh_last_error (ctx), #function, strlen (#function)) == 0); \
    CHECK (function (NULL, __VA_ARGS__) == GH_INVAL); \
  } while (0)

static void
test_refusals (GhCtx *ctx, GhPacked *w, GhPacked *foreign)
{
  GhPacked *packed, *int8;

  static const int32_t inside[] = { 0, 1 }, outside[] = { 0, 2 }, falling[] = { 1, 0 };
  static const uint16_t taps[] = { 1, 1 };
  const GhFrame square = frame (2, 6, false), narrow = frame (2, 3, false), halved = frame (4, 12, true);
  const GhFrame wide = frame (4, 12, false);
  const GhFit whole = fit (0, 2, (GhFitAxis) { 0 }, 0), odd = fit (1, 2, (GhFitAxis) { 0 }, 0);
  const GhFit beside = fit (3, 2, (GhFitAxis) { 0 }, 0), loud = fit (0, 2, (GhFitAxis) { 0 }, 5000);
  const GhFit unequal = fit (0, 1, (GhFitAxis) { 0 }, 0), tableless = fit (0, 2, (GhFitAxis) { .n_taps = 1 }, 0);
  const GhFit reaching = fit (0, 2, (GhFitAxis) { 1, 0, 0, outside, taps }, 0);
  const GhFit descending = fit (0, 2, (GhFitAxis) { 1, 0, 0, falling, taps }, 0);
  const GhFit shifting = fit (0, 2, (GhFitAxis) { 1, 9, 0, inside, taps }, 0);

  const GhView seen = { .width = 2, .height = 2 }, beyond = { .x = 1, .width = 2, .height = 2 };
  const GhView below = { .y = 1, .width = 1, .height = 2 }, empty = { .height = 1 };
  const GhView absent = { .frame = 1, .width = 1, .height = 1 };

  CHECK (gh_pack (ctx, &int8, f, 2, 2, GH_DTYPE_INT8) == GH_OK);
  CHECK (gh_fit_fwd (ctx, (uint8_t *) f, &square, &whole, 2, 2) == GH_OK);
  REFUSED (gh_fit_fwd, NULL, &square, &whole, 2, 2);
  REFUSED (gh_fit_fwd, (uint8_t *) f, NULL, &whole, 2, 2);
  REFUSED (gh_fit_fwd, (uint8_t *) f, &square, NULL, 2, 2);
  REFUSED (gh_fit_fwd, (uint8_t *) f, &square, &whole, 0, 2);
  REFUSED (gh_fit_fwd, (uint8_t *) f, &narrow, &whole, 2, 2);
  REFUSED (gh_fit_fwd, (uint8_t *) f, &halved, &odd, 2, 2);
  REFUSED (gh_fit_fwd, (uint8_t *) f, &wide, &beside, 2, 2);
  REFUSED (gh_fit_fwd, (uint8_t *) f, &square, &loud, 2, 2);
  REFUSED (gh_fit_fwd, (uint8_t *) f, &square, &unequal, 2, 2);
  REFUSED (gh_fit_fwd, (uint8_t *) f, &square, &tableless, 2, 2);
  REFUSED (gh_fit_fwd, (uint8_t *) f, &square, &reaching, 2, 2);
  REFUSED (gh_fit_fwd, (uint8_t *) f, &square, &descending, 2, 2);
  REFUSED (gh_fit_fwd, (uint8_t *) f, &square, &shifting, 2, 2);
  CHECK (gh_view_fwd (ctx, (uint8_t *) f, rgb, &seen, 1, 2, 2, 1, 2, 2) == GH_OK);
  REFUSED (gh_view_fwd, NULL, rgb, &seen, 1, 2, 2, 1, 2, 2);
  REFUSED (gh_view_fwd, (uint8_t *) f, NULL, &seen, 1, 2, 2, 1, 2, 2);
  REFUSED (gh_view_fwd, rgb, rgb, &seen, 1, 2, 2, 1, 2, 2);
  REFUSED (gh_view_fwd, (uint8_t *) f, rgb, NULL, 1, 2, 2, 1, 2, 2);
  REFUSED (gh_view_fwd, (uint8_t *) f, rgb, &seen, -1, 2, 2, 1, 2, 2);
  REFUSED (gh_view_fwd, (uint8_t *) f, rgb, &seen, 1, 0, 2, 1, 2, 2);
  REFUSED (gh_view_fwd, (uint8_t *) f, rgb, &seen, 1, 2, 1 << 16, 1, 2, 2);
  REFUSED (gh_view_fwd, (uint8_t *) f, rgb, &beyond, 1, 2, 2, 1, 2, 2);
  REFUSED (gh_view_fwd, (uint8_t *) f, rgb, &below, 1, 2, 2, 1, 2, 2);
  REFUSED (gh_view_fwd, (uint8_t *) f, rgb, &empty, 1, 2, 2, 1, 2, 2);
  REFUSED (gh_view_fwd, (uint8_t *) f, rgb, &absent, 1, 2, 2, 1, 2, 2);
  REFUSED (gh_patchify_fwd, f, NULL, NULL, ones, ones, 1, 2, 2, 6, 1, 4);
  REFUSED (gh_patchify_fwd, f, rgb, NULL, ones, ones, 1, 2, 2, 5, 1, 4);
  REFUSED (gh_patchify_fwd, f, rgb, NULL, ones, ones, 1, 2, 2, 6, 0, 4);
  REFUSED (gh_patchify_fwd, f, rgb, NULL, ones, ones, 1, 2, 2, 6, 1, 3);
  REFUSED (gh_patchify_fwd, f, rgb, good, ones, ones, 1, 2, 2, 6, 1, 5);
  REFUSED (gh_patchify_fwd, f, rgb, low, ones, ones, 1, 2, 2, 6, 1, 1);
  REFUSED (gh_patchify_fwd, f, rgb, high, ones, ones, 1, 2, 2, 6, 1, 1);
  REFUSED (gh_patchify_fwd, f, rgb, NULL, ones, (const float[]) { 1, 0, 1 }, 1, 2, 2, 6, 1, 4);
  REFUSED (gh_patchify_fwd, f, rgb, NULL, ones, ones, -1, 2, 2, 6, 1, 4);

  REFUSED (gh_tile_edges_fwd, f, NULL, g, 1, 2, 2, 6, 1, 3);
  REFUSED (gh_tile_edges_fwd, f, rgb, NULL, 1, 2, 2, 6, 1, 3);
  REFUSED (gh_tile_edges_fwd, f, rgb, g, 1, 2, 2, 5, 1, 3);
  REFUSED (gh_tile_edges_fwd, f, rgb, g, 1, 2, 2, 6, 0, 3);
  REFUSED (gh_tile_edges_fwd, f, rgb, g, 1, 2, 2, 6, 2, 3);        /* one tile in a row has no neighbour */
  REFUSED (gh_tile_edges_fwd, f, rgb, g, 1, 200, 200, 600, 65, 3);
  REFUSED (gh_tile_edges_fwd, f, rgb, g, 1, 2, 2, 6, 1, 2);
  REFUSED (gh_local_energy_fwd, f, f, 1, 2, 2, 1, 1, 1);
  REFUSED (gh_local_energy_fwd, f, g, 1, 2, 2, 1, 2, 1);
  REFUSED (gh_local_energy_fwd, f, g, 1, 2, 2, 1, 1, 0);
  REFUSED (gh_band_share_fwd, f, g, 0, 1, 2, 2, 1);
  REFUSED (gh_band_share_fwd, f, g, NAN, 1, 2, 2, 1);
  REFUSED (gh_band_share_fwd, f, g, 1, 1, 2, 2, 3);
  REFUSED (gh_pack, NULL, f, 2, 2, GH_DTYPE_F32);
  REFUSED (gh_pack, &packed, NULL, 2, 2, GH_DTYPE_F32);
  REFUSED (gh_pack, &packed, f, 0, 2, GH_DTYPE_F32);
  REFUSED (gh_pack, &packed, f, 2, -1, GH_DTYPE_F32);
  REFUSED (gh_pack, &packed, f, 2, 2, GH_N_DTYPES);
  REFUSED (gh_linear_fwd, f, f, w, NULL, NULL, GH_ACT_NONE, 1);
  REFUSED (gh_linear_fwd, f, g, NULL, NULL, NULL, GH_ACT_NONE, 1);
  REFUSED (gh_linear_fwd, f, g, foreign, NULL, NULL, GH_ACT_NONE, 1);
  REFUSED (gh_linear_fwd, f, g, w, NULL, NULL, (GhAct) 7, 1);
  REFUSED (gh_linear_fwd, f, g, w, NULL, NULL, GH_ACT_NONE, -1);
  REFUSED (gh_pack_update, NULL, f, false);
  REFUSED (gh_pack_update, w, NULL, true);
  REFUSED (gh_pack_update, foreign, f, false);
  REFUSED (gh_pack_update, int8, f, false);
  REFUSED (gh_linear_bwd_weight, f, NULL, NULL, g, GH_DTYPE_F32, 1, 2, 2);
  REFUSED (gh_linear_bwd_weight, f, NULL, f, g, GH_DTYPE_F32, 1, 2, 2);
  REFUSED (gh_linear_bwd_weight, f, NULL, g, f, GH_DTYPE_F32, 1, 2, 2);
  REFUSED (gh_linear_bwd_weight, f, f, g, h, GH_DTYPE_F32, 1, 2, 2);
  REFUSED (gh_linear_bwd_weight, f, NULL, g, h, GH_DTYPE_INT8, 1, 2, 2);
  REFUSED (gh_linear_bwd_weight, f, NULL, g, h, GH_DTYPE_F32, 1, 0, 2);
  REFUSED (gh_linear_bwd_weight, f, NULL, g, h, GH_DTYPE_F32, -1, 2, 2);
  REFUSED (gh_bmm, mat (f, 2), mat (f, 2), false, mat (h, 2), false, 1, 0, 1, 1, 2, 2, 2);
  REFUSED (gh_bmm, mat (f, 2), mat (NULL, 2), false, mat (h, 2), false, 1, 0, 1, 1, 2, 2, 2);
  REFUSED (gh_bmm, mat (f, 1), mat (g, 2), false, mat (h, 2), false, 1, 0, 1, 1, 2, 2, 2);
  REFUSED (gh_bmm, mat (f, 2), mat (g, 2), true, mat (h, 2), false, 1, 0, 1, 1, 3, 2, 2);
  REFUSED (gh_bmm, mat (f, 2), mat (g, 2), false, mat (h, 2), true, 1, 0, 1, 1, 2, 2, 3);
  REFUSED (gh_bmm, mat (f, 2), mat (g, 2), false, mat (h, 2), false, 1, 0, 1, 1, 2, 2, 0);
  REFUSED (gh_layernorm_fwd, f, s, NULL, g, h, h, 1, 4, 0);
  REFUSED (gh_layernorm_fwd, g, s, s + 8, g, h, h, 1, 4, 0);
  REFUSED (gh_layernorm_fwd, f, NULL, NULL, g, h, NULL, 1, 4, 0);
  REFUSED (gh_layernorm_fwd, f, NULL, NULL, g, h, h, 1, 0, 0);
  REFUSED (gh_layernorm_fwd, f, NULL, NULL, g, h, h, 1, 4, -1);
  REFUSED (gh_layernorm_bwd, f, g, g + 8, h, h, h, s, NULL, NULL, 1, 4);
  REFUSED (gh_layernorm_bwd, f, g, g + 8, h, f, h, s, s + 8, NULL, 1, 4);
  REFUSED (gh_layernorm_bwd, f, g, g + 8, f, h, h, s, s + 8, f, 1, 4);
  REFUSED (gh_gelu_fwd, NULL, f, 4);
  REFUSED (gh_gelu_bwd, f, g, f, 4);
  REFUSED (gh_softmax_fwd, f, g, 1, 0);
  REFUSED (gh_softmax_fwd, f, g, -1, 4);
  REFUSED (gh_softmax_bwd, f, g, f, 1, 4);
  REFUSED (gh_softmax_bwd, f, g, NULL, 1, 4);
  REFUSED (gh_softmax_bwd, f, g, h, 1, 0);
  REFUSED (gh_attention_fwd, f, f, GH_DTYPE_F32, 1, 2, 1, 2);
  REFUSED (gh_attention_fwd, f, g, GH_DTYPE_F32, 1, 0, 1, 2);
  REFUSED (gh_attention_fwd, f, g, GH_N_DTYPES, 1, 2, 1, 2);
  REFUSED (gh_attention_fwd, f, g, GH_DTYPE_F32, 1, 2, 0, 2);
  REFUSED (gh_attention_bwd, f, f, g, GH_DTYPE_F32, 1, 2, 1, 2);
  REFUSED (gh_attention_bwd, f, g, f, GH_DTYPE_F32, 1, 2, 1, 2);
  REFUSED (gh_attention_bwd, f, g, NULL, GH_DTYPE_F32, 1, 2, 1, 2);
  REFUSED (gh_attention_bwd, f, g, h, GH_DTYPE_F32, 1, 2, 1, 0);
  REFUSED (gh_segment_mean_fwd, f, g, 0, 2, 1, 1, 2, 1, 2, 3);
  REFUSED (gh_segment_mean_fwd, f, g, 1, 2, 1, 1, 2, 1, 2, 1);
  REFUSED (gh_segment_mean_bwd, f, f, 0, 2, 1, 1, 2, 1, 2, 1);
  REFUSED (gh_segment_mean_bwd, f, g, 0, 2, 1, 1, 2, 1, 2, 3);
  REFUSED (gh_segment_mean_bwd, f, g, 1, 2, 1, 1, 2, 1, 2, 1);
  REFUSED (gh_pinv_fwd, f, NULL, f, 1, 2, 6);
  REFUSED (gh_pinv_fwd, f, NULL, g, 1, 2, -1);
  REFUSED (gh_pinv_bwd, f, f, g, h, 1, 2, 6);
  REFUSED (gh_pinv_bwd, f, g, f, h, 1, 2, 6);
  REFUSED (gh_pinv_bwd, f, g, h, NULL, 1, 2, 6);
  REFUSED (gh_pinv_bwd, f, g, h, s, 1, 2, 0);
  REFUSED (gh_value_conv_fwd, f, g, h, 1, 2, 1, 2, 0, 0);
  REFUSED (gh_value_conv_fwd, f, g, h, 1, 2, 1, 2, 3, 2);
  REFUSED (gh_value_conv_bwd, f, s, f, g, h, 1, 2, 1, 2, 3, 0);
  REFUSED (gh_value_conv_bwd, f, NULL, g, h, h, 1, 2, 1, 2, 3, 0);
  REFUSED (gh_value_conv_bwd, f, h, g, s, h, 1, 2, 1, 2, 3, 0);
  REFUSED (gh_value_conv_bwd, f, s, g, h, h, 1, 2, 1, 2, 3, 2);
  REFUSED (gh_embed_tokens_fwd, f, g, h, NULL, NULL, 1, 2, 2, 1);
  REFUSED (gh_embed_tokens_fwd, f, f, h, NULL, s, 1, 2, 2, 1);
  REFUSED (gh_embed_tokens_bwd, f, NULL, g, 1, 2, 2, 1);
  REFUSED (gh_embed_tokens_bwd, f, h, f, 1, 2, 2, 1);
  REFUSED (gh_embed_tokens_bwd, NULL, h, g, 1, 2, 2, 1);
  REFUSED (gh_unmask_tokens_fwd, f, g, h, s, NULL, NULL, 1, 4, 2, 2, 0);
  REFUSED (gh_unmask_tokens_fwd, f, g, h, s, high, NULL, 1, 4, 1, 2, 0);
  REFUSED (gh_unmask_tokens_fwd, f, g, h, s, good, NULL, 1, 4, 1, 2, 1);
  REFUSED (gh_unmask_tokens_bwd, f, h, f, good, 1, 4, 1, 2, 0);
  REFUSED (gh_unmask_tokens_bwd, f, NULL, g, good, 1, 4, 1, 2, 0);
  REFUSED (gh_unmask_tokens_bwd, f, h, g, NULL, 1, 4, 1, 2, 0);
  REFUSED (gh_unmask_tokens_bwd, f, h, g, high, 1, 4, 1, 2, 0);
  REFUSED (gh_unmask_tokens_bwd, NULL, h, g, good, 1, 4, 1, 2, 0);
  REFUSED (gh_gather_rows_fwd, f, g, NULL, 1, 2, 3, 2, 0);
  REFUSED (gh_gather_rows_fwd, f, g, low, 1, 4, 1, 2, 0);
  REFUSED (gh_gather_rows_bwd, f, f, good, 1, 4, 1, 2, 0);
  REFUSED (gh_gather_rows_bwd, f, NULL, good, 1, 4, 1, 2, 0);
  REFUSED (gh_gather_rows_bwd, f, g, low, 1, 4, 1, 2, 0);
  REFUSED (gh_gather_rows_bwd, f, g, NULL, 1, 2, 3, 2, 0);
  REFUSED (gh_pool_fwd, f, g, GH_POOL_CLS, 1, 2, 2, 0);
  REFUSED (gh_pool_fwd, f, g, GH_POOL_MEAN, 1, 0, 2, 1);
  REFUSED (gh_pool_fwd, f, g, (GhPool) 9, 1, 2, 2, 0);
  REFUSED (gh_sum_rows, f, f, 1, 2);
  REFUSED (gh_sum_rows, f, g, 1, 0);
  REFUSED (gh_masked_loss, s, f, g, f, true, 1, 1, 4);
  REFUSED (gh_masked_loss, f, f, g, h, true, 1, 1, 4);
  REFUSED (gh_masked_loss, NULL, f, g, h, true, 1, 1, 4);
  REFUSED (gh_masked_loss, s, f, g, h, true, 1, 1, 0);
  REFUSED (gh_masked_loss, s, f, g, h, true, 1, -1, 4);
  REFUSED (gh_sum_squares, f, f, 4);
  REFUSED (gh_sum_squares, NULL, f, 4);
  REFUSED (gh_zero, NULL, 4);
  REFUSED (gh_adamw, f, g, h, s, 4, 1, 1e-3f, 0.9f, 0.95f, 1e-8f, 0, 0);
  REFUSED (gh_adamw, f, g, h, s, 4, 1, 1e-3f, 1, 0.95f, 1e-8f, 0, 1);
  REFUSED (gh_adamw, f, g, NULL, s, 4, 1, 1e-3f, 0.9f, 0.95f, 1e-8f, 0, 1);
  gh_packed_free (int8);
}

/* No image, no row, no element: no work, no pointer needed. */
static void
test_nothing_to_do (GhCtx *ctx)
{
  CHECK (gh_view_fwd (ctx, NULL, NULL, NULL, 0, 2, 2, 0, 2, 2) == GH_OK);
  CHECK (gh_patchify_fwd (ctx, NULL, NULL, NULL, NULL, NULL, 0, 2, 2, 6, 1, 4) == GH_OK);
  CHECK (gh_tile_edges_fwd (ctx, NULL, NULL, NULL, 0, 2, 2, 6, 1, 3) == GH_OK);
  CHECK (gh_local_energy_fwd (ctx, NULL, NULL, 0, 2, 2, 1, 1, 1) == GH_OK);
  CHECK (gh_band_share_fwd (ctx, NULL, NULL, 1, 0, 2, 2, 1) == GH_OK);
  CHECK (gh_linear_fwd (ctx, NULL, NULL, NULL, NULL, NULL, GH_ACT_NONE, 0) == GH_OK);
  CHECK (gh_bmm (ctx, mat (NULL, 0), mat (NULL, 0), false, mat (NULL, 0), false, 1, 0, 0, 1, 2, 2, 2) == GH_OK);
  CHECK (gh_layernorm_fwd (ctx, NULL, NULL, NULL, NULL, NULL, NULL, 0, 4, 0) == GH_OK);
  CHECK (gh_gelu_fwd (ctx, NULL, NULL, 0) == GH_OK);
  CHECK (gh_softmax_fwd (ctx, NULL, NULL, 0, 4) == GH_OK);
  CHECK (gh_attention_fwd (ctx, NULL, NULL, GH_DTYPE_F32, 0, 2, 1, 2) == GH_OK);
  CHECK (gh_gather_rows_fwd (ctx, NULL, NULL, NULL, 1, 4, 0, 2, 0) == GH_OK);
  CHECK (gh_linear_bwd_weight (ctx, NULL, NULL, NULL, NULL, GH_DTYPE_F32, 0, 2, 2) == GH_OK);
  CHECK (gh_softmax_bwd (ctx, NULL, NULL, NULL, 0, 4) == GH_OK);
  CHECK (gh_attention_bwd (ctx, NULL, NULL, NULL, GH_DTYPE_F32, 0, 2, 1, 2) == GH_OK);
  CHECK (gh_segment_mean_bwd (ctx, NULL, NULL, 0, 2, 1, 0, 2, 1, 2, 1) == GH_OK);
  CHECK (gh_pinv_bwd (ctx, NULL, NULL, NULL, NULL, 0, 2, 6) == GH_OK);
  CHECK (gh_value_conv_bwd (ctx, NULL, NULL, NULL, NULL, NULL, 0, 2, 1, 2, 3, 0) == GH_OK);
  CHECK (gh_embed_tokens_bwd (ctx, NULL, NULL, NULL, 0, 2, 2, 0) == GH_OK);
  CHECK (gh_unmask_tokens_bwd (ctx, NULL, NULL, NULL, NULL, 0, 4, 4, 2, 0) == GH_OK);
  CHECK (gh_gather_rows_bwd (ctx, NULL, NULL, NULL, 0, 4, 1, 2, 0) == GH_OK);
  CHECK (gh_masked_loss (ctx, NULL, NULL, NULL, NULL, true, 1, 0, 4) == GH_OK);
  CHECK (gh_sum_squares (ctx, NULL, NULL, 0) == GH_OK);
  CHECK (gh_zero (ctx, NULL, 0) == GH_OK);
  CHECK (gh_adamw (ctx, NULL, NULL, NULL, NULL, 0, 1, 0, 0, 0, 0, 0, 1) == GH_OK);
}

#define LACKED(function, ...) \
  do { \
    CHECK (function (ctx, __VA_ARGS__) == GH_UNSUPPORTED); \
    CHECK (strstr (gh_last_error (ctx), "the empty back end lacks") != NULL); \
  } while (0)

static void
test_empty_back_end (void)
{
  static const GhBackend empty = { .abi = GH_BACKEND_ABI, .name = "empty" };
  GhCtx fake = { .backend = &empty, .device = GH_DEVICE_CUDA }, *ctx = &fake;
  GhPacked *packed;

  LACKED (gh_view_fwd, rgb, rgb, NULL, 1, 2, 2, 1, 2, 2);
  LACKED (gh_patchify_fwd, f, rgb, NULL, ones, ones, 1, 2, 2, 6, 1, 4);
  LACKED (gh_tile_edges_fwd, f, rgb, g, 1, 2, 2, 6, 1, 3);
  LACKED (gh_local_energy_fwd, f, g, 1, 2, 2, 1, 1, 1);
  LACKED (gh_band_share_fwd, f, g, 1, 1, 2, 2, 1);
  LACKED (gh_pack, &packed, f, 2, 2, GH_DTYPE_F32);
  LACKED (gh_linear_fwd, f, g, NULL, NULL, NULL, GH_ACT_NONE, 1);
  LACKED (gh_bmm, mat (f, 2), mat (g, 2), false, mat (h, 2), false, 1, 0, 1, 1, 2, 2, 2);
  LACKED (gh_layernorm_fwd, f, NULL, NULL, g, h, h, 1, 4, 0);
  LACKED (gh_layernorm_bwd, f, g, g + 8, h, h, h, s, s, NULL, 1, 4);
  LACKED (gh_gelu_fwd, f, g, 4);
  LACKED (gh_gelu_bwd, f, g, h, 4);
  LACKED (gh_softmax_fwd, f, g, 1, 4);
  LACKED (gh_attention_fwd, f, g, GH_DTYPE_F32, 1, 2, 1, 2);
  LACKED (gh_segment_mean_fwd, f, g, 0, 2, 1, 1, 2, 1, 2, 1);
  LACKED (gh_pinv_fwd, f, NULL, g, 1, 2, 6);
  LACKED (gh_value_conv_fwd, f, g, h, 1, 2, 1, 2, 3, 0);
  LACKED (gh_embed_tokens_fwd, f, g, h, NULL, NULL, 1, 2, 2, 0);
  LACKED (gh_unmask_tokens_fwd, f, g, h, s, NULL, NULL, 1, 2, 2, 2, 0);
  LACKED (gh_gather_rows_fwd, f, g, NULL, 1, 2, 2, 2, 0);
  LACKED (gh_pool_fwd, f, g, GH_POOL_MEAN, 1, 2, 2, 0);
  LACKED (gh_sum_rows, f, g, 1, 2);
  LACKED (gh_pack_update, NULL, f, false);
  LACKED (gh_linear_bwd_weight, f, NULL, g, h, GH_DTYPE_F32, 1, 2, 2);
  LACKED (gh_softmax_bwd, f, g, h, 1, 4);
  LACKED (gh_attention_bwd, f, g, h, GH_DTYPE_F32, 1, 2, 1, 2);
  LACKED (gh_segment_mean_bwd, f, g, 0, 2, 1, 1, 2, 1, 2, 1);
  LACKED (gh_pinv_bwd, f, g, h, s, 1, 2, 6);
  LACKED (gh_value_conv_bwd, f, s, g, h, h, 1, 2, 1, 2, 3, 0);
  LACKED (gh_embed_tokens_bwd, f, NULL, g, 1, 2, 2, 0);
  LACKED (gh_unmask_tokens_bwd, f, h, g, NULL, 1, 2, 2, 2, 0);
  LACKED (gh_gather_rows_bwd, f, g, NULL, 1, 2, 2, 2, 0);
  LACKED (gh_masked_loss, s, f, g, h, true, 1, 1, 4);
  LACKED (gh_sum_squares, s, f, 4);
  LACKED (gh_zero, f, 4);
  LACKED (gh_adamw, f, g, h, s, 4, 1, 1e-3f, 0.9f, 0.95f, 1e-8f, 0, 1);
  CHECK (gh_best_dtype (ctx) == GH_DTYPE_F32 && !gh_supports (ctx, GH_DTYPE_F32, NULL, NULL));
}

int
main (void)
{
  GhCtx *ref, *cpu;
  GhPacked *ref_w, *cpu_w;

  if (gh_ctx_new (&ref, GH_DEVICE_REF, 1, NULL, 0) != GH_OK || gh_ctx_new (&cpu, GH_DEVICE_CPU, 2, NULL, 0) != GH_OK)
    return 1;
  CHECK (gh_pack (ref, &ref_w, f, 2, 2, GH_DTYPE_F32) == GH_OK);
  CHECK (gh_pack (cpu, &cpu_w, f, 2, 2, GH_DTYPE_F32) == GH_OK);
  test_refusals (ref, ref_w, cpu_w);
  test_refusals (cpu, cpu_w, ref_w);
  test_nothing_to_do (ref);
  test_nothing_to_do (cpu);
  test_empty_back_end ();
  gh_packed_free (ref_w);
  gh_packed_free (cpu_w);
  gh_packed_free (NULL);
  CHECK (gh_packed_bytes (NULL) == 0);
  gh_ctx_free (ref);
  gh_ctx_free (cpu);
  return check_result ();
}
