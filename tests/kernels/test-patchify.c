/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-patchify.c: pixels to normalised patches.
 */
#include "cases.h"

#include <math.h>

static const float mean[3] = { 0.485f, 0.456f, 0.406f }, deviation[3] = { 0.229f, 0.224f, 0.225f };

/* Pixel by pixel of the image: where it goes. What no pixel reaches stays 0. */
static void
scatter (double *want, const uint8_t *rgb, const int32_t *keep, int B, int height, int width, size_t stride, int patch,
    int K)
{
  int cols = (width + patch - 1) / patch;

  for (int b = 0; b < B; b++) {
    for (int i = 0; i < K; i++) {
      int index = keep ? keep[b * K + i] : i;
      double *out = want + ((size_t) b * K + i) * patch * patch * 3;
      for (int y = index / cols * patch; y < height && y < (index / cols + 1) * patch; y++) {
        for (int x = index % cols * patch; x < width && x < (index % cols + 1) * patch; x++) {
          for (int c = 0; c < 3; c++)
            out[((y % patch) * patch + x % patch) * 3 + c] =
                (rgb[(size_t) b * height * stride + y * stride + x * 3 + c] / 255. - mean[c]) / deviation[c];
        }
      }
    }
  }
}

static void
check_one (Hn *hn, int B, int height, int width, int gap, int patch, int K)
{
  int total = ((height + patch - 1) / patch) * ((width + patch - 1) / patch);
  size_t stride = (size_t) width * 3 + gap;
  const uint8_t *host;
  const int32_t *keep = NULL, *host_keep = NULL;
  bool all = K >= total;

  K = all ? total : K;
  hn_describe (hn, "B=%d %dx%d stride=%zu patch=%d K=%d of %d", B, height, width, stride, patch, K, total);
  uint8_t *rgb = hn_bytes (hn, &host, B * height * stride);
  if (!all)
    keep = hn_indices (hn, &host_keep, B, K, total);
  size_t n = (size_t) B * K * patch * patch * 3;
  HnTensor patches = hn_out (hn, n);
  double *want = hn_doubles (hn, n);
  scatter (want, host, host_keep, B, height, width, stride, patch, K);
  if (hn_status (hn, gh_patchify_fwd (hn_ctx (hn), patches.p, rgb, keep, mean, deviation, B, height, width, stride,
      patch, K), GH_OK))
    hn_expect (hn, &patches, want, HN_F32);
  hn_reset (hn);
}

static void
check (Hn *hn)
{
  enum { ALL = 1 << 20 };

  check_one (hn, 1, 1, 1, 0, 1, ALL);
  check_one (hn, 2, 5, 7, 1, 3, ALL);
  check_one (hn, 1, 16, 16, 0, 16, ALL);
  check_one (hn, 1, 33, 47, 5, 16, ALL);
  check_one (hn, 3, 96, 160, 0, 16, 18);
  check_one (hn, 1, 100, 50, 2, 48, 3);
  check_one (hn, 1, 576, 960, 0, 48, ALL);
  check_one (hn, 1, 224, 224, 4, 14, ALL);
  for (int i = 0; i < 10; i++)
    check_one (hn, hn_random_int (hn, 1, 3), hn_random_int (hn, 1, 60), hn_random_int (hn, 1, 60),
        hn_random_int (hn, 0, 9), hn_random_int (hn, 1, 20), i & 1 ? ALL : hn_random_int (hn, 1, 4));
}

static void
bench (Hn *hn)
{
  const uint8_t *host;
  int height = 576, width = 960, patch = 48, K = 240;
  uint8_t *rgb = hn_bytes (hn, &host, (size_t) height * width * 3);
  HnTensor patches = hn_out (hn, (size_t) height * width * 3);

  HN_BENCH (hn, 0, 5.0 * height * width * 3, "%dx%d patch %d", width, height, patch)
    gh_patchify_fwd (hn_ctx (hn), patches.p, rgb, NULL, mean, deviation, 1, height, width, (size_t) width * 3, patch,
        K);
}

const HnCase hn_patchify_fwd = { "patchify_fwd", check, bench };
