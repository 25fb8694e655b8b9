/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-frame-store.h: the frames a masked autoencoder learns from, in memory: RGB, 8 bits, all of one size.
 *
 * A store has places for a fixed number of frames. Until they are taken, every frame stays, in the order it came. From
 * then on the store is a replay buffer: half of the places hold the most recent frames, the others a uniform random
 * sample of everything older (Vitter 1985, algorithm R), so that training follows a camera as it changes without
 * forgetting what it showed before. Which frames stay depends on the seed and on the number of frames pushed, on
 * nothing else.
 *
 * Thread-safe: one thread may push while another trains.
 */
#pragma once

#include "gh-error.h"

G_BEGIN_DECLS

typedef struct _GhFrameStore GhFrameStore;

/* capacity frames (at least 2) of height x width pixels. Places are allocated as frames come, capacity * height *
 * width * 3 bytes in the end. */
GhFrameStore *gh_frame_store_new (int height, int width, guint capacity, guint64 seed);
void gh_frame_store_free (GhFrameStore *store);                 /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GhFrameStore, gh_frame_store_free)

int gh_frame_store_height (const GhFrameStore *store);
int gh_frame_store_width (const GhFrameStore *store);
guint gh_frame_store_capacity (const GhFrameStore *store);

/* Copies a frame of the store's size, `stride` bytes a row. DATA when memory is short; the store is as before then. */
gboolean gh_frame_store_push (GhFrameStore *store, const guint8 *rgb, gsize stride, GError **error);

guint gh_frame_store_count (GhFrameStore *store);               /* frames held */
guint64 gh_frame_store_pushed (GhFrameStore *store);            /* frames ever pushed */

/* Frame `index` of those held, 0 the oldest place, to rgb[height,width,3]. FALSE when there is no such frame. */
gboolean gh_frame_store_copy (GhFrameStore *store, guint index, guint8 *rgb);

G_END_DECLS
