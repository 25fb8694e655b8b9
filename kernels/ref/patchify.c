/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * patchify.c: normalised patches of RGB images.
 */
#include "ref.h"

static float
pixel (const uint8_t *image, size_t stride, int height, int width, int row, int col, int channel, const float *mean,
    const float *std)
{
  if (row >= height || col >= width)
    return 0;
  double value = image[row * stride + (size_t) col * 3 + channel] / 255.0;
  return (float) ((value - mean[channel]) / std[channel]);
}

GhStatus
gh_ref_patchify_fwd (GhCtx *ctx, float *patches, const uint8_t *rgb, const int32_t *keep, const float *mean,
    const float *std, int B, int height, int width, size_t stride, int patch, int K)
{
  int cols = (width - 1) / patch + 1;

  for (int b = 0; b < B; b++) {
    const uint8_t *image = rgb + (size_t) b * height * stride;
    for (int i = 0; i < K; i++) {
      int index = keep ? keep[(size_t) b * K + i] : i;
      int row0 = index / cols * patch, col0 = index % cols * patch;
      for (int r = 0; r < patch; r++) {
        for (int c = 0; c < patch; c++) {
          for (int channel = 0; channel < 3; channel++)
            *patches++ = pixel (image, stride, height, width, row0 + r, col0 + c, channel, mean, std);
        }
      }
    }
  }
  return GH_OK;
}
