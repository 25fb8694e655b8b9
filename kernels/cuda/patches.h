/* SPDX-License-Identifier: LGPL-2.1-or-later
 * patches.h (private): pixels of pictures as values of patches, eight at a time where they lie so. */
#pragma once

#include "cuda.h"

namespace {
struct GhColours {
  float scale[3], shift[3];     /* (u8/255 - mean)/std = u8*scale + shift */
};

struct GhImage {
  int height, width, patch, cols;
  size_t stride;
};
}

static inline GhColours
gh_colours (const float *mean, const float *std)
{
  GhColours colours;

  for (int c = 0; c < 3; c++) {
    colours.scale[c] = (float) (1 / (255.0 * std[c]));
    colours.shift[c] = (float) (-(double) mean[c] / std[c]);
  }
  return colours;
}

static inline GhImage
gh_image (int height, int width, size_t stride, int patch)
{
  return { height, width, patch, (width - 1) / patch + 1, stride };
}

/* Eight values that begin at one divisible by eight lie side by side in the picture, all of them or none. */
static inline bool
gh_lies_in_eights (const GhImage &image, const void *rgb)
{
  return image.patch * 3 % 8 == 0 && image.width * 3 % 8 == 0 && image.stride % 8 == 0 && (uintptr_t) rgb % 8 == 0;
}

/* Values 8*i.. of patch `index` of a picture; zero beyond its edges. */
static __device__ __forceinline__ void
gh_eight_of_patch (float *v, const uint8_t *picture, const GhImage &image, const GhColours &colours, int index, int i)
{
  int of_row = image.patch * 3 / 8, y = i / of_row, value = (i - y * of_row) * 8, channel = value % 3;
  int row = index / image.cols * image.patch + y, at = index % image.cols * image.patch * 3 + value;
  bool inside = row < image.height && at < image.width * 3;
  uint2 pixels = inside ? *(const uint2 *) (picture + row * image.stride + at) : make_uint2 (0, 0);

#pragma unroll
  for (int j = 0; j < 8; j++) {
    unsigned pixel = (j < 4 ? pixels.x : pixels.y) >> (j % 4 * 8) & 0xff;
    int c = channel + j % 3 >= 3 ? channel + j % 3 - 3 : channel + j % 3;
    float scale = c == 0 ? colours.scale[0] : c == 1 ? colours.scale[1] : colours.scale[2];
    float shift = c == 0 ? colours.shift[0] : c == 1 ? colours.shift[1] : colours.shift[2];
    v[j] = inside ? pixel * scale + shift : 0;
  }
}
