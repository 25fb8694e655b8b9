/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * isa.h (private): for the sources that are compiled once per instruction set.
 *
 * The build passes ISA (baseline, avx2, wide, avx512), VL (floats of a vector) and the compiler flags of the set; every
 * function visible outside its file carries the set's name, ISA_FN (gh_cpu_gelu_fwd) = gh_cpu_gelu_fwd_avx2.
 * overrides.c puts a set's functions into the table of the cpu back end. Adding an operation: its file, its prototype
 * here, its line in overrides.c and in meson.build.
 */
#pragma once

#include "kernels/gh-backend.h"

#include "pool.h"
#include "vec-math.h"

#include <string.h>

#define ISA_JOIN(a, b) ISA_JOIN_ (a, b)
#define ISA_JOIN_(a, b) a##_##b
#define ISA_FN(name) ISA_JOIN (name, ISA)

void ISA_FN (gh_cpu_override) (GhBackend *backend);

GhStatus ISA_FN (gh_cpu_pack_update) (GhCtx *ctx, GhPacked *packed, const float *w, bool transposed);
/* The same into panels of the caller's: packed needs its engine, dtype, n_out, n_in and data. */
void ISA_FN (gh_cpu_pack_panels) (GhCtx *ctx, const GhPacked *packed, const float *w, bool transposed);
GhStatus ISA_FN (gh_cpu_linear_bwd_weight) (GhCtx *ctx, float *dw, float *db, const float *dy, const float *x,
    GhDtype dtype, int rows, int n_out, int n_in);
GhStatus ISA_FN (gh_cpu_bmm) (GhCtx *ctx, GhMat c, GhMat a, bool trans_a, GhMat b, bool trans_b, float alpha,
    float beta, int B, int H, int m, int n, int k);
GhStatus ISA_FN (gh_cpu_fit_fwd) (GhCtx *ctx, uint8_t *rgb, const GhFrame *frame, const GhFit *fit, int height,
    int width);
GhStatus ISA_FN (gh_cpu_view_fwd) (GhCtx *ctx, uint8_t *rgb, const uint8_t *frames, const GhView *views, int B,
    int height, int width, int frame_height, int frame_width);
GhStatus ISA_FN (gh_cpu_patchify_fwd) (GhCtx *ctx, float *patches, const uint8_t *rgb, const int32_t *keep,
    const float *mean, const float *std, int B, int height, int width, size_t stride, int patch, int K);
GhStatus ISA_FN (gh_cpu_tile_edges_fwd) (GhCtx *ctx, float *edges, const uint8_t *rgb, const float *table, int B,
    int height, int width, size_t stride, int tile, int channels);
GhStatus ISA_FN (gh_cpu_local_energy_fwd) (GhCtx *ctx, float *energy, const float *x, int B, int rows, int cols, int C,
    int window_rows, int window_cols);
GhStatus ISA_FN (gh_cpu_band_share_fwd) (GhCtx *ctx, float *share, const float *x, float level, int B, int rows,
    int cols, int bands);
GhStatus ISA_FN (gh_cpu_layernorm_fwd) (GhCtx *ctx, float *y, float *mean, float *rstd, const float *x,
    const float *w, const float *b, int rows, int C, float eps);
GhStatus ISA_FN (gh_cpu_layernorm_bwd) (GhCtx *ctx, float *dx, float *dw, float *db, const float *dy, const float *x,
    const float *w, const float *mean, const float *rstd, const float *residual, int rows, int C);
GhStatus ISA_FN (gh_cpu_gelu_fwd) (GhCtx *ctx, float *y, const float *x, size_t n);
GhStatus ISA_FN (gh_cpu_gelu_bwd) (GhCtx *ctx, float *dx, const float *dy, const float *x, size_t n);
GhStatus ISA_FN (gh_cpu_softmax_fwd) (GhCtx *ctx, float *y, const float *x, int rows, int n);
GhStatus ISA_FN (gh_cpu_softmax_bwd) (GhCtx *ctx, float *dx, const float *dy, const float *y, int rows, int n);
GhStatus ISA_FN (gh_cpu_attention_fwd) (GhCtx *ctx, float *o, const float *qkv, GhDtype dtype, int B, int N,
    int H, int D);
GhStatus ISA_FN (gh_cpu_attention_bwd) (GhCtx *ctx, float *dqkv, const float *dout, const float *qkv, GhDtype dtype,
    int B, int N, int H, int D);
GhStatus ISA_FN (gh_cpu_segment_mean_fwd) (GhCtx *ctx, float *y, const float *x, int col, int ld, float scale, int B,
    int N, int H, int D, int M);
GhStatus ISA_FN (gh_cpu_segment_mean_bwd) (GhCtx *ctx, float *dx, const float *dy, int col, int ld, float scale, int B,
    int N, int H, int D, int M);
GhStatus ISA_FN (gh_cpu_pinv_fwd) (GhCtx *ctx, float *z, float *trail, const float *a, int count, int M, int iters);
GhStatus ISA_FN (gh_cpu_pinv_bwd) (GhCtx *ctx, float *da, const float *dz, const float *a, const float *trail,
    int count, int M, int iters);
/* 1 / (r c) of the header's Z0; 0 for a matrix of zeros. */
float ISA_FN (gh_cpu_pinv_scale) (const float *a, int M);
GhStatus ISA_FN (gh_cpu_value_conv_fwd) (GhCtx *ctx, float *o, const float *qkv, const float *w, int B, int N, int H,
    int D, int taps, int first);
GhStatus ISA_FN (gh_cpu_value_conv_bwd) (GhCtx *ctx, float *dqkv, float *dw, const float *dout, const float *qkv,
    const float *w, int B, int N, int H, int D, int taps, int first);
GhStatus ISA_FN (gh_cpu_embed_tokens_bwd) (GhCtx *ctx, float *dx, float *dcls, const float *dy, int B, int K, int C,
    int first);
GhStatus ISA_FN (gh_cpu_unmask_tokens_bwd) (GhCtx *ctx, float *dx, float *dmask_token, const float *dy,
    const int32_t *keep, int B, int N, int K, int C, int first);
GhStatus ISA_FN (gh_cpu_gather_rows_bwd) (GhCtx *ctx, float *dx, const float *dy, const int32_t *index, int B, int N,
    int K, int C, int first);
GhStatus ISA_FN (gh_cpu_pool_fwd) (GhCtx *ctx, float *y, const float *x, GhPool pool, int B, int N, int C, int first);
GhStatus ISA_FN (gh_cpu_sum_rows) (GhCtx *ctx, float *sum, const float *x, int rows, int C);
GhStatus ISA_FN (gh_cpu_masked_loss) (GhCtx *ctx, float *loss, float *dpred, const float *pred, const float *patches,
    bool normalise, float scale, int rows, int P);
GhStatus ISA_FN (gh_cpu_sum_squares) (GhCtx *ctx, float *sum, const float *x, size_t n);
GhStatus ISA_FN (gh_cpu_zero) (GhCtx *ctx, void *ptr, size_t bytes);
GhStatus ISA_FN (gh_cpu_adamw) (GhCtx *ctx, float *p, float *m, float *v, const float *g, size_t n, float grad_scale,
    float lr, float beta1, float beta2, float eps, float weight_decay, int step);

/* What the amx set does not do itself. */
GhStatus gh_cpu_attention_fwd_avx512 (GhCtx *ctx, float *o, const float *qkv, GhDtype dtype, int B, int N, int H,
    int D);
GhStatus gh_cpu_attention_bwd_avx512 (GhCtx *ctx, float *dqkv, const float *dout, const float *qkv, GhDtype dtype,
    int B, int N, int H, int D);

/* ---- helpers every such source may use --------------------------------------------------------------- */

static inline int
ceil_div (int a, int b)
{
  return (a - 1) / b + 1;
}

static inline int
smaller (int a, int b)
{
  return a < b ? a : b;
}

static inline size_t
round_up (size_t n, size_t multiple)
{
  return (n + multiple - 1) / multiple * multiple;
}

VEC_INLINE vf
vec_load (const float *p)
{
  return *(const vf_any *) p;
}

VEC_INLINE void
vec_store (float *p, vf v)
{
  *(vf_any *) p = v;
}

/* The first n < VL floats of p, then zeros. */
VEC_INLINE vf
vec_load_part (const float *p, int n)
{
#if VL == 16 && defined(__AVX512F__)
  return (vf) _mm512_maskz_loadu_ps ((__mmask16) ((1u << n) - 1), p);
#else
  vf v = { 0 };
  for (int i = 0; i < n; i++)
    v[i] = p[i];
  return v;
#endif
}

VEC_INLINE void
vec_store_part (float *p, vf v, int n)
{
#if VL == 16 && defined(__AVX512F__)
  _mm512_mask_storeu_ps (p, (__mmask16) ((1u << n) - 1), (__m512) v);
#else
  for (int i = 0; i < n; i++)
    p[i] = v[i];
#endif
}

VEC_INLINE float
vec_sum (vf v)
{
  float part[VL];
  memcpy (part, &v, sizeof part);
  for (int width = VL / 2; width > 0; width /= 2) {
    for (int i = 0; i < width; i++)
      part[i] += part[i + width];
  }
  return part[0];
}

VEC_INLINE float
vec_top (vf v)
{
  float top = v[0];
  for (int i = 1; i < VL; i++)
    top = v[i] > top ? v[i] : top;
  return top;
}
