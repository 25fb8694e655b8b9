/* SPDX-License-Identifier: LGPL-2.1-or-later
 * patchify.cu: a block per patch; its threads walk the patch's values, neighbours along a row of the image. */
#include "patches.h"

template <class T> static __global__ void
patchify (T *patches, const uint8_t *rgb, const int32_t *keep, GhColours colours, GhImage image, int K)
{
  int b = blockIdx.y, k = blockIdx.x, row_values = image.patch * 3, P = image.patch * row_values;
  int index = keep ? keep[(size_t) b * K + k] : k;
  int row0 = index / image.cols * image.patch, value0 = index % image.cols * row_values;
  const uint8_t *from = rgb + ((size_t) b * image.height + row0) * image.stride + value0;
  T *to = patches + ((size_t) b * K + k) * P;

  for (int i = threadIdx.x; i < P; i += blockDim.x) {
    int row = i / row_values, value = i - row * row_values, channel = value % 3;
    bool inside = row0 + row < image.height && value0 + value < image.width * 3;
    gh_store (to + i, inside ? from[row * image.stride + value] * colours.scale[channel] + colours.shift[channel] : 0);
  }
}

static __device__ __forceinline__ void
store_eight (float *to, const float *v)
{
  ((float4 *) to)[0] = make_float4 (v[0], v[1], v[2], v[3]);
  ((float4 *) to)[1] = make_float4 (v[4], v[5], v[6], v[7]);
}

static __device__ __forceinline__ void
store_eight (GhBf16 *to, const float *v)
{
  gh_store_eight (to, v);
}

/* The same, eight values of a row at a time. */
template <class T> static __global__ void
patchify_eights (T *patches, const uint8_t *rgb, const int32_t *keep, GhColours colours, GhImage image, int K)
{
  int b = blockIdx.y, k = blockIdx.x, eights = image.patch * image.patch * 3 / 8;
  int index = keep ? keep[(size_t) b * K + k] : k;
  const uint8_t *picture = rgb + (size_t) b * image.height * image.stride;
  T *to = patches + ((size_t) b * K + k) * eights * 8;

  for (int i = threadIdx.x; i < eights; i += blockDim.x) {
    float v[8];
    gh_eight_of_patch (v, picture, image, colours, index, i);
    store_eight (to + (size_t) i * 8, v);
  }
}

template <class T> static GhStatus
cut (GhCtx *ctx, T *patches, const uint8_t *rgb, const int32_t *keep, const float *mean, const float *std, int B,
    GhImage image, int K)
{
  const GhColours colours = gh_colours (mean, std);

  if (gh_lies_in_eights (image, rgb) && (uintptr_t) patches % 16 == 0)
    return GH_LAUNCH (ctx, patchify_eights<T>, dim3 (K, B), dim3 (256), 0, patches, rgb, keep, colours, image, K);
  return GH_LAUNCH (ctx, patchify<T>, dim3 (K, B), dim3 (256), 0, patches, rgb, keep, colours, image, K);
}

GhStatus
gh_cuda_patchify_fwd (GhCtx *ctx, float *patches, const uint8_t *rgb, const int32_t *keep, const float *mean,
    const float *std, int B, int height, int width, size_t stride, int patch, int K)
{
  return cut (ctx, patches, rgb, keep, mean, std, B, gh_image (height, width, stride, patch), K);
}

bool
gh_cuda_fuses_patches (const GhPacked *w)
{
  return w->dtype == GH_DTYPE_BF16;
}

/* The patches are only ever seen in bfloat16. */
GhStatus
gh_cuda_project_patches_fwd (GhCtx *ctx, float *y, const uint8_t *rgb, const int32_t *keep, const float *mean,
    const float *std, const GhPacked *w, const float *bias, int B, int height, int width, size_t stride, int patch,
    int K)
{
  size_t P = (size_t) patch * patch * 3;
  GhBf16 *patches = (GhBf16 *) gh_scratch (ctx, (size_t) B * K * P * sizeof *patches);

  if (!patches)
    return GH_NOMEM;
  GH_CUDA_TRY (cut (ctx, patches, rgb, keep, mean, std, B, gh_image (height, width, stride, patch), K));
  GhGemm g = gh_gemm_packed (y, patches, w, B * K);
  g.bias = bias;
  g.tune = !w->learns;          /* a training has the same bits each time */
  return gh_blas_gemm (ctx, &g);
}

/* They are cut once more: that moves fewer bytes than keeping them would. */
GhStatus
gh_cuda_project_patches_bwd (GhCtx *ctx, float *dw, float *db, const float *dy, const GhPatches *p, int n_out)
{
  int rows = p->B * p->K, P = p->patch * p->patch * 3;
  size_t n_dy = ((size_t) rows * n_out + 127) / 128 * 128;
  GhBf16 *rounded;

  if (db)
    GH_CUDA_TRY (gh_cuda_sum_rows (ctx, db, dy, rows, n_out));
  rounded = (GhBf16 *) gh_scratch (ctx, (n_dy + (size_t) rows * P) * sizeof *rounded);
  if (!rounded)
    return GH_NOMEM;
  GH_CUDA_TRY (gh_cuda_round_bf16 (ctx, rounded, dy, (size_t) rows * n_out));
  GH_CUDA_TRY (cut (ctx, rounded + n_dy, p->rgb, p->keep, p->mean, p->std, p->B,
          gh_image (p->height, p->width, p->stride, p->patch), p->K));
  GhGemm g = gh_gemm_weight_gradient (dw, rounded, rounded + n_dy, rows, n_out, P);
  return gh_blas_gemm (ctx, &g);
}
