/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * linear.c: y = act(x w^T + bias) + residual with the operands rounded as each type would hold them, so that the
 * result is the truth for the engines that really compute in it:
 *   F32    nothing is rounded.
 *   BF16   weights and activations to the nearest bfloat16, ties to even.
 *   INT16  symmetric, -2047..2047: one scale per output for the weights, one per row for the activations,
 *          scale = largest magnitude / 2047, value = nearest integer to x / scale, ties to even.
 *   INT8   the same with 127.
 * Integer products are summed exactly and scaled afterwards.
 */
#include "ref.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

float
gh_ref_round_bf16 (float x)
{
  uint32_t u;
  memcpy (&u, &x, sizeof u);
  if ((u & 0x7fffffff) <= 0x7f800000)   /* a NaN stays as it is: rounding could turn it into infinity */
    u += 0x7fff + ((u >> 16) & 1);
  else
    u |= 0x00400000;
  u &= 0xffff0000;
  memcpy (&x, &u, sizeof x);
  return x;
}

static int
largest_integer (GhDtype dtype)
{
  return dtype == GH_DTYPE_INT16 ? 2047 : 127;
}

/* q[n] = x[n] / scale rounded, as whole numbers in float; returns the scale, NaN when x holds one. */
static float
quantise (float *q, const float *x, int n, int limit)
{
  float top = 0;
  for (int i = 0; i < n; i++)
    top = isnan (x[i]) || fabsf (x[i]) > top ? fabsf (x[i]) : top;
  float scale = top / limit, inverse = top > 0 ? limit / top : 0;
  for (int i = 0; i < n; i++)
    q[i] = isfinite (inverse) ? rintf (x[i] * inverse) : 0;
  return scale;
}

GhStatus
gh_ref_pack (GhCtx *ctx, GhPacked *packed, const float *host_w)
{
  int n_out = packed->n_out, n_in = packed->n_in;
  float *w = malloc ((size_t) n_out * n_in * sizeof *w);
  float *scale = malloc (n_out * sizeof *scale);

  if (!w || !scale) {
    free (w);
    free (scale);
    return gh_fail (ctx, GH_NOMEM, "not enough memory for weights [%d,%d]", n_out, n_in);
  }
  for (int o = 0; o < n_out; o++) {
    const float *src = host_w + (size_t) o * n_in;
    float *dst = w + (size_t) o * n_in;
    scale[o] = 1;
    if (packed->dtype == GH_DTYPE_INT16 || packed->dtype == GH_DTYPE_INT8)
      scale[o] = quantise (dst, src, n_in, largest_integer (packed->dtype));
    else
      for (int i = 0; i < n_in; i++)
        dst[i] = packed->dtype == GH_DTYPE_BF16 ? gh_ref_round_bf16 (src[i]) : src[i];
  }
  packed->data = w;
  packed->scale = scale;
  packed->bytes = ((size_t) n_out * n_in + n_out) * sizeof *w;
  return GH_OK;
}

GhStatus
gh_ref_pack_update (GhCtx *ctx, GhPacked *packed, const float *w, bool transposed)
{
  int n_out = packed->n_out, n_in = packed->n_in;
  float *to = packed->data;

  for (int o = 0; o < n_out; o++) {
    for (int i = 0; i < n_in; i++) {
      float x = transposed ? w[(size_t) i * n_out + o] : w[(size_t) o * n_in + i];
      *to++ = packed->dtype == GH_DTYPE_BF16 ? gh_ref_round_bf16 (x) : x;
    }
  }
  return GH_OK;
}

void
gh_ref_packed_free (GhPacked *packed)
{
  free (packed->data);
  free (packed->scale);
}

static float
round_row (float *xr, const float *x, int n, GhDtype dtype)
{
  if (dtype == GH_DTYPE_INT16 || dtype == GH_DTYPE_INT8)
    return quantise (xr, x, n, largest_integer (dtype));
  for (int i = 0; i < n; i++)
    xr[i] = dtype == GH_DTYPE_BF16 ? gh_ref_round_bf16 (x[i]) : x[i];
  return 1;
}

/* Eight partial sums in double: exact enough for every type (integer products below 2^22 sum exactly), and the
 * compiler can use its vector unit. */
static double
dot (const float *a, const float *b, int n)
{
  double part[8] = { 0 };
  int i = 0;

  for (; i + 8 <= n; i += 8) {
    for (int j = 0; j < 8; j++)
      part[j] += (double) a[i + j] * b[i + j];
  }
  for (; i < n; i++)
    part[0] += (double) a[i] * b[i];
  return ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
}

static double
gelu (double x)
{
  return 0.5 * x * erfc (-x * M_SQRT1_2);
}

GhStatus
gh_ref_linear_fwd (GhCtx *ctx, float *y, const float *x, const GhPacked *w, const float *bias, const float *residual,
    GhAct act, int rows)
{
  int n_out = w->n_out, n_in = w->n_in;
  float *xr = gh_scratch (ctx, n_in * sizeof *xr);

  if (!xr)
    return GH_NOMEM;
  for (int r = 0; r < rows; r++) {
    double row_scale = round_row (xr, x + (size_t) r * n_in, n_in, w->dtype);
    for (int o = 0; o < n_out; o++) {
      double sum = dot (xr, (const float *) w->data + (size_t) o * n_in, n_in) * row_scale * w->scale[o];
      sum += bias ? bias[o] : 0;
      if (act == GH_ACT_GELU)
        sum = gelu (sum);
      size_t at = (size_t) r * n_out + o;
      y[at] = (float) (sum + (residual ? residual[at] : 0));
    }
  }
  return GH_OK;
}
