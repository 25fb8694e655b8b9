/* SPDX-License-Identifier: LGPL-2.1-or-later
 * patchify.cu: a block per patch; its threads walk the patch's values, neighbours along a row of the image. */
#include "cuda.h"

namespace {
struct Colours {
  float scale[3], shift[3];     /* (u8/255 - mean)/std = u8*scale + shift */
};

struct Image {
  int height, width, patch, cols;
  size_t stride;
};
}

template <class T> static __global__ void
patchify (T *patches, const uint8_t *rgb, const int32_t *keep, Colours colours, Image image, int K)
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

/* The same, eight values of a row at a time: they lie in the image together or not at all. */
template <class T> static __global__ void
patchify_eights (T *patches, const uint8_t *rgb, const int32_t *keep, Colours colours, Image image, int K)
{
  int b = blockIdx.y, k = blockIdx.x, of_row = image.patch * 3 / 8, eights = image.patch * of_row;
  int index = keep ? keep[(size_t) b * K + k] : k;
  int row0 = index / image.cols * image.patch, value0 = index % image.cols * image.patch * 3;
  const uint8_t *from = rgb + ((size_t) b * image.height + row0) * image.stride + value0;
  T *to = patches + ((size_t) b * K + k) * eights * 8;

  for (int i = threadIdx.x; i < eights; i += blockDim.x) {
    int row = i / of_row, value = (i - row * of_row) * 8, channel = value % 3;
    float v[8] = { 0 };
    if (row0 + row < image.height && value0 + value < image.width * 3) {
      uint2 pixels = *(const uint2 *) (from + row * image.stride + value);
#pragma unroll
      for (int j = 0; j < 8; j++) {
        unsigned pixel = (j < 4 ? pixels.x : pixels.y) >> (j % 4 * 8) & 0xff;
        int c = channel + j % 3 >= 3 ? channel + j % 3 - 3 : channel + j % 3;
        float scale = c == 0 ? colours.scale[0] : c == 1 ? colours.scale[1] : colours.scale[2];
        float shift = c == 0 ? colours.shift[0] : c == 1 ? colours.shift[1] : colours.shift[2];
        v[j] = pixel * scale + shift;
      }
    }
    store_eight (to + (size_t) i * 8, v);
  }
}

template <class T> static GhStatus
cut (GhCtx *ctx, T *patches, const uint8_t *rgb, const int32_t *keep, const float *mean, const float *std, int B,
    Image image, int K)
{
  bool in_eights = image.patch * 3 % 8 == 0 && image.width * 3 % 8 == 0 && image.stride % 8 == 0
      && (uintptr_t) rgb % 8 == 0 && (uintptr_t) patches % 16 == 0;
  Colours colours;

  for (int c = 0; c < 3; c++) {
    colours.scale[c] = (float) (1 / (255.0 * std[c]));
    colours.shift[c] = (float) (-(double) mean[c] / std[c]);
  }
  if (in_eights)
    return GH_LAUNCH (ctx, patchify_eights<T>, dim3 (K, B), dim3 (256), 0, patches, rgb, keep, colours, image, K);
  return GH_LAUNCH (ctx, patchify<T>, dim3 (K, B), dim3 (256), 0, patches, rgb, keep, colours, image, K);
}

GhStatus
gh_cuda_patchify_fwd (GhCtx *ctx, float *patches, const uint8_t *rgb, const int32_t *keep, const float *mean,
    const float *std, int B, int height, int width, size_t stride, int patch, int K)
{
  return cut (ctx, patches, rgb, keep, mean, std, B, { height, width, patch, (width - 1) / patch + 1, stride }, K);
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
  GH_CUDA_TRY (cut (ctx, patches, rgb, keep, mean, std, B,
          { height, width, patch, (width - 1) / patch + 1, stride }, K));
  GhGemm g = gh_gemm_packed (y, patches, w, B * K);
  g.bias = bias;
  g.tune = true;
  return gh_blas_gemm (ctx, &g);
}
