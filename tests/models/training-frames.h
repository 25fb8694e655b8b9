/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * training-frames.h: frames with something to learn: a fixed scene with a square that moves.
 */
#pragma once

#include "model-file.h"
#include "models/gh-mae-trainer.h"

#include <math.h>

static inline void
training_frame (guint8 *rgb, int height, int width, guint number)
{
  const int left = (7 * number) % (width - 12), top = (5 * number) % (height - 12);

  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++, rgb += 3) {
      gboolean inside = x >= left && x < left + 12 && y >= top && y < top + 12;

      rgb[0] = inside ? 230 : 128 + 100 * sin (0.2 * x);
      rgb[1] = inside ? 40 : 128 + 100 * cos (0.15 * y);
      rgb[2] = inside ? 60 : 128 + 100 * sin (0.1 * (x + y));
    }
}

static inline void
training_push (GhFrameStore *store, guint n)
{
  const int height = gh_frame_store_height (store), width = gh_frame_store_width (store);
  g_autofree guint8 *rgb = g_malloc ((gsize) height * width * 3);

  for (guint i = 0; i < n; i++) {
    training_frame (rgb, height, width, i);
    g_assert_true (gh_frame_store_push (store, rgb, width * 3, NULL));
  }
}

static inline GhFrameStore *
training_store (int height, int width, guint n)
{
  GhFrameStore *store = gh_frame_store_new (height, width, MAX (n, 2), 1);

  training_push (store, n);
  return store;
}
