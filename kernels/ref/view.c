/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * view.c: views of frames, for training.
 */
#include "ref.h"

/* Between which samples of `from` output i of n falls, and how far on: the second one's weight in 1/256. */
typedef struct {
  int before, after, weight;
} Place;

static Place
place (int i, int n, int from)
{
  long long at = (2LL * i + 1) * from * 128 / n - 128, last = (from - 1) * 256LL;

  at = at < 0 ? 0 : at > last ? last : at;
  return (Place) { (int) (at / 256), (int) ((at + 255) / 256), (int) (at % 256) };
}

static int
mix (int before, int after, int weight)
{
  return before * (256 - weight) + after * weight;
}

GhStatus
gh_ref_view_fwd (GhCtx *ctx, uint8_t *rgb, const uint8_t *frames, const GhView *views, int B, int height, int width,
    int frame_height, int frame_width)
{
  size_t row = (size_t) frame_width * 3;

  for (int b = 0; b < B; b++) {
    const GhView *v = &views[b];
    const uint8_t *part = frames + ((size_t) v->frame * frame_height + v->y) * row + (size_t) v->x * 3;
    for (int y = 0; y < height; y++) {
      Place down = place (y, height, v->height);
      for (int x = 0; x < width; x++) {
        Place across = place (v->flip ? width - 1 - x : x, width, v->width);
        for (int c = 0; c < 3; c++) {
          const uint8_t *left = part + across.before * 3 + c, *right = part + across.after * 3 + c;
          int mixed = (mix (mix (left[down.before * row], left[down.after * row], down.weight),
                  mix (right[down.before * row], right[down.after * row], down.weight), across.weight) + 32768) >> 16;
          *rgb++ = v->lit ? v->curve[c][mixed] : (uint8_t) mixed;
        }
      }
    }
  }
  return GH_OK;
}
