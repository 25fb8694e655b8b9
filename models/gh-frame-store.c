/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-frame-store.c: see gh-frame-store.h. The most recent frames stand in a ring. What falls out of it is offered to
 * the sample: number j of those (from 0) is taken while there is room, later with probability room / (j + 1), in the
 * place of one drawn at random. Frames never move; places change hands.
 */
#include "gh-frame-store.h"
#include "gh-random.h"

#include <string.h>

struct _GhFrameStore {
  int height, width;
  guint capacity;
  guint64 random;

  GMutex lock;
  guint64 pushed;
  guint8 **sample;              /* [n_sample_max] frames */
  guint n_sample, n_sample_max;
  guint8 **ring;                /* [n_ring_max] frames */
  guint n_ring, n_ring_max;
  guint oldest;                 /* in the ring */
};

GhFrameStore *
gh_frame_store_new (int height, int width, guint capacity, guint64 seed)
{
  GhFrameStore *store;

  g_return_val_if_fail (height > 0 && width > 0 && capacity >= 2, NULL);
  store = g_new0 (GhFrameStore, 1);
  g_mutex_init (&store->lock);
  store->height = height;
  store->width = width;
  store->capacity = capacity;
  store->random = gh_splitmix_stream (seed, "replay");
  store->n_sample_max = capacity / 2;
  store->n_ring_max = capacity - store->n_sample_max;
  store->sample = g_new0 (guint8 *, store->n_sample_max);
  store->ring = g_new0 (guint8 *, store->n_ring_max);
  return store;
}

void
gh_frame_store_free (GhFrameStore *store)
{
  if (!store)
    return;
  for (guint i = 0; i < store->n_sample; i++)
    g_free (store->sample[i]);
  for (guint i = 0; i < store->n_ring; i++)
    g_free (store->ring[i]);
  g_free (store->sample);
  g_free (store->ring);
  g_mutex_clear (&store->lock);
  g_free (store);
}

int
gh_frame_store_height (const GhFrameStore *store)
{
  return store->height;
}

int
gh_frame_store_width (const GhFrameStore *store)
{
  return store->width;
}

guint
gh_frame_store_capacity (const GhFrameStore *store)
{
  return store->capacity;
}

static gsize
frame_bytes (const GhFrameStore *store)
{
  return (gsize) store->height * store->width * 3;
}

/* The ring is full: its oldest frame leaves, to the sample or for good. Returns the memory that becomes free, NULL when
 * there is none and the frame that leaves keeps its own. */
static guint8 *
retire_oldest (GhFrameStore *store)
{
  guint8 *frame = store->ring[store->oldest];
  guint64 left = store->pushed - store->n_ring_max;    /* frames that left the ring before */
  guint64 place;

  if (store->n_sample < store->n_sample_max) {
    store->sample[store->n_sample++] = frame;
    return NULL;
  }
  place = gh_splitmix_below (&store->random, left + 1);
  if (place < store->n_sample_max) {
    guint8 *freed = store->sample[place];

    store->sample[place] = frame;
    return freed;
  }
  return frame;
}

/* Memory for one more frame is only needed until all places are taken. */
static guint8 *
new_frame (GhFrameStore *store, GError **error)
{
  guint8 *frame = g_try_malloc (frame_bytes (store));

  if (!frame)
    g_set_error (error, GH_ERROR, GH_ERROR_DATA, "no memory for more than %u frames of %dx%d: ask for fewer",
        store->n_sample + store->n_ring, store->width, store->height);
  return frame;
}

gboolean
gh_frame_store_push (GhFrameStore *store, const guint8 *rgb, gsize stride, GError **error)
{
  const gsize row = (gsize) store->width * 3;
  gboolean ring_is_full;
  guint8 *frame = NULL;

  g_return_val_if_fail (rgb != NULL && stride >= row, FALSE);
  g_mutex_lock (&store->lock);
  ring_is_full = store->n_ring == store->n_ring_max;
  if (!ring_is_full || store->n_sample < store->n_sample_max) {
    frame = new_frame (store, error);
    if (!frame) {
      g_mutex_unlock (&store->lock);
      return FALSE;
    }
  }
  if (ring_is_full) {
    guint8 *freed = retire_oldest (store);

    frame = frame ? frame : freed;
    store->ring[store->oldest] = frame;
    store->oldest = (store->oldest + 1) % store->n_ring_max;
  } else {
    store->ring[store->n_ring++] = frame;
  }
  for (int y = 0; y < store->height; y++)
    memcpy (frame + y * row, rgb + y * stride, row);
  store->pushed++;
  g_mutex_unlock (&store->lock);
  return TRUE;
}

guint
gh_frame_store_count (GhFrameStore *store)
{
  guint count;

  g_mutex_lock (&store->lock);
  count = store->n_sample + store->n_ring;
  g_mutex_unlock (&store->lock);
  return count;
}

guint64
gh_frame_store_pushed (GhFrameStore *store)
{
  guint64 pushed;

  g_mutex_lock (&store->lock);
  pushed = store->pushed;
  g_mutex_unlock (&store->lock);
  return pushed;
}

gboolean
gh_frame_store_copy (GhFrameStore *store, guint index, guint8 *rgb)
{
  const guint8 *frame = NULL;

  g_mutex_lock (&store->lock);
  if (index < store->n_sample)
    frame = store->sample[index];
  else if (index - store->n_sample < store->n_ring)
    frame = store->ring[(store->oldest + index - store->n_sample) % store->n_ring_max];
  if (frame)
    memcpy (rgb, frame, frame_bytes (store));
  g_mutex_unlock (&store->lock);
  return frame != NULL;
}
