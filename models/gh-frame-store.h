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
 * Frames lie in the host's memory, or, where they all fit, in that of a device (gh_frame_store_to_device()), which can
 * look at them in place.
 *
 * Thread-safe: one thread may push while another trains.
 */
#pragma once

#include "gh-error.h"
#include "kernels/gh-kernels.h"

G_BEGIN_DECLS

typedef struct _GhFrameStore GhFrameStore;

/* capacity frames (at least 2) of height x width pixels. Places are allocated as frames come, capacity * height *
 * width * 3 bytes in the end. */
GhFrameStore *gh_frame_store_new (int height, int width, guint capacity, guint64 seed);
void gh_frame_store_free (GhFrameStore *store);                 /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GhFrameStore, gh_frame_store_free)

/* Before the first push: takes room for all its frames from a device, so that they lie there from now on; half of what
 * the device has free, at most: call it when others have theirs. FALSE: they stay with the host, which is no error. */
gboolean gh_frame_store_to_device (GhFrameStore *store, GhDevice device);
/* One line for people: where the frames are, and, where they stay with the host, why, and how many would fit. NULL: no
 * device was asked. */
const char *gh_frame_store_where (const GhFrameStore *store);
/* Where the frames begin in the device's memory, all of one size, [capacity,height,width,3]; NULL: the host has them. */
const guint8 *gh_frame_store_on_device (const GhFrameStore *store);

/* For whoever looks at frames on the device: none comes or goes in between, so a push waits. Unlock when the device has
 * done what it looked for. */
void gh_frame_store_lock (GhFrameStore *store);
void gh_frame_store_unlock (GhFrameStore *store);
/* While locked: which of the frames on the device is number `index` of those held. */
int gh_frame_store_place (const GhFrameStore *store, guint index);

int gh_frame_store_height (const GhFrameStore *store);
int gh_frame_store_width (const GhFrameStore *store);
guint gh_frame_store_capacity (const GhFrameStore *store);

/* Copies a frame of the store's size, `stride` bytes a row. DATA when memory is short; the store is as before then.
 * DEVICE when the device fails; the store is of no further use then. */
gboolean gh_frame_store_push (GhFrameStore *store, const guint8 *rgb, gsize stride, GError **error);

guint gh_frame_store_count (GhFrameStore *store);               /* frames held */
guint64 gh_frame_store_pushed (GhFrameStore *store);            /* frames ever pushed */

/* numbers[n]: which of the frames ever pushed, from 0, the first n of those held are. */
void gh_frame_store_numbers (GhFrameStore *store, guint64 *numbers, guint n);

/* Frame `index` of those held, 0 the oldest place, to the host's rgb[height,width,3]. DATA when there is no such frame (a
 * store never holds fewer than before), DEVICE when the device fails. */
gboolean gh_frame_store_copy (GhFrameStore *store, guint index, guint8 *rgb, GError **error);

G_END_DECLS
