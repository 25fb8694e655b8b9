/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-frame-store.c: see gh-frame-store.h. The most recent frames stand in a ring. What falls out of it is offered to
 * the sample: number j of those (from 0) is taken while there is room, later with probability room / (j + 1), in the
 * place of one drawn at random. Frames never move; places change hands.
 *
 * On a device the frames are one piece of memory, taken at once. Who trains looks at them through a stream of its own;
 * the lock, held until either is done, keeps a frame from being replaced meanwhile.
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
  guint64 *number;              /* [n_sample_max] which of the frames pushed those of the sample are */
  guint n_sample, n_sample_max;
  guint8 **ring;                /* [n_ring_max] frames */
  guint n_ring, n_ring_max;
  guint oldest;                 /* in the ring */

  GhCtx *ctx;                   /* the device's, NULL: the host's memory; used under the lock */
  guint8 *block;                /* [capacity] frames on the device, of which so many were given to a place: */
  guint n_given;
  guint8 *tight;                /* a frame on its way there, its rows side by side */
  char *where;                  /* NULL: no device was asked */
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
  store->number = g_new0 (guint64, store->n_sample_max);
  store->ring = g_new0 (guint8 *, store->n_ring_max);
  return store;
}

void
gh_frame_store_free (GhFrameStore *store)
{
  if (!store)
    return;
  for (guint i = 0; !store->ctx && i < store->n_sample; i++)
    g_free (store->sample[i]);
  for (guint i = 0; !store->ctx && i < store->n_ring; i++)
    g_free (store->ring[i]);
  if (store->ctx)
    gh_free (store->ctx, store->block);
  gh_ctx_free (store->ctx);
  g_free (store->tight);
  g_free (store->where);
  g_free (store->sample);
  g_free (store->number);
  g_free (store->ring);
  g_mutex_clear (&store->lock);
  g_free (store);
}

static gsize
frame_bytes (const GhFrameStore *store)
{
  return (gsize) store->height * store->width * 3;
}

/* ---- on a device ------------------------------------------------------------------------------------------------- */

static gboolean
stay (GhFrameStore *store, const char *why)
{
  store->where = g_strdup_printf ("frames stay in the host's memory: %s", why);
  g_clear_pointer (&store->ctx, gh_ctx_free);
  return FALSE;
}

gboolean
gh_frame_store_to_device (GhFrameStore *store, GhDevice device)
{
  const guint64 wanted = store->capacity * (guint64) frame_bytes (store);
  g_autofree char *all = g_format_size (wanted), *half = NULL, *why = NULL;
  char reason[256] = "";
  size_t left;

  g_return_val_if_fail (store->pushed == 0 && !store->where, FALSE);
  if (gh_ctx_new (&store->ctx, device, 1, reason, sizeof reason) != GH_OK)
    return stay (store, reason);
  if (gh_memory_left (store->ctx, &left) != GH_OK)
    return stay (store, gh_last_error (store->ctx));
  half = g_format_size (left / 2);
  if (wanted > left / 2) {
    why = g_strdup_printf ("%u of them take %s, and half of what the device has free, %s, holds %" G_GUINT64_FORMAT,
        store->capacity, all, half, left / 2 / frame_bytes (store));
    return stay (store, why);
  }
  if (gh_alloc (store->ctx, (void **) &store->block, wanted) != GH_OK)
    return stay (store, gh_last_error (store->ctx));
  store->tight = g_malloc (frame_bytes (store));
  store->where = g_strdup_printf ("room for %u frames on the device, %s", store->capacity, all);
  return TRUE;
}

const char *
gh_frame_store_where (const GhFrameStore *store)
{
  return store->where;
}

const guint8 *
gh_frame_store_on_device (const GhFrameStore *store)
{
  return store->block;
}

void
gh_frame_store_lock (GhFrameStore *store)
{
  g_mutex_lock (&store->lock);
}

void
gh_frame_store_unlock (GhFrameStore *store)
{
  g_mutex_unlock (&store->lock);
}

/* Under the lock; NULL: there is none. */
static guint8 *
find (const GhFrameStore *store, guint index)
{
  if (index < store->n_sample)
    return store->sample[index];
  if (index - store->n_sample < store->n_ring)
    return store->ring[(store->oldest + index - store->n_sample) % store->n_ring_max];
  return NULL;
}

int
gh_frame_store_place (const GhFrameStore *store, guint index)
{
  const guint8 *frame = find (store, index);

  g_return_val_if_fail (frame && store->block, 0);
  return (frame - store->block) / frame_bytes (store);
}

static gboolean
check_device (const GhFrameStore *store, GhStatus status, GError **error)
{
  if (status == GH_OK)
    return TRUE;
  g_set_error (error, GH_ERROR, GH_ERROR_DEVICE, "the frames on the device: %s", gh_last_error (store->ctx));
  return FALSE;
}

/* ---- frames ------------------------------------------------------------------------------------------------------ */

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

/* The ring is full: its oldest frame leaves, to the sample or for good. Returns the memory that becomes free, NULL when
 * there is none and the frame that leaves keeps its own. */
static guint8 *
retire_oldest (GhFrameStore *store)
{
  guint8 *frame = store->ring[store->oldest];
  guint64 left = store->pushed - store->n_ring_max;    /* frames that left the ring before */
  guint64 place;

  if (store->n_sample < store->n_sample_max) {
    store->number[store->n_sample] = left;
    store->sample[store->n_sample++] = frame;
    return NULL;
  }
  place = gh_splitmix_below (&store->random, left + 1);
  if (place < store->n_sample_max) {
    guint8 *freed = store->sample[place];

    store->sample[place] = frame;
    store->number[place] = left;
    return freed;
  }
  return frame;
}

/* Memory for one more frame is only needed until all places are taken. */
static guint8 *
new_frame (GhFrameStore *store, GError **error)
{
  guint8 *frame = store->block ? store->block + store->n_given++ * frame_bytes (store)
      : g_try_malloc (frame_bytes (store));

  if (!frame)
    g_set_error (error, GH_ERROR, GH_ERROR_DATA, "no memory for more than %u frames of %dx%d: ask for fewer",
        store->n_sample + store->n_ring, store->width, store->height);
  return frame;
}

static gboolean
fill (GhFrameStore *store, guint8 *frame, const guint8 *rgb, gsize stride, GError **error)
{
  const gsize row = (gsize) store->width * 3;
  guint8 *to = store->ctx ? store->tight : frame;

  for (int y = 0; y < store->height; y++)
    memcpy (to + y * row, rgb + y * stride, row);
  return !store->ctx || check_device (store, gh_upload (store->ctx, frame, to, frame_bytes (store)), error);
}

/* A place for what comes now; NULL, with an error, when memory is short. */
static guint8 *
make_place (GhFrameStore *store, GError **error)
{
  const gboolean ring_is_full = store->n_ring == store->n_ring_max;
  guint8 *frame = NULL, *freed;

  if ((!ring_is_full || store->n_sample < store->n_sample_max) && !(frame = new_frame (store, error)))
    return NULL;
  if (!ring_is_full)
    return store->ring[store->n_ring++] = frame;
  freed = retire_oldest (store);
  frame = frame ? frame : freed;
  store->ring[store->oldest] = frame;
  store->oldest = (store->oldest + 1) % store->n_ring_max;
  return frame;
}

gboolean
gh_frame_store_push (GhFrameStore *store, const guint8 *rgb, gsize stride, GError **error)
{
  gboolean done;
  guint8 *frame;

  g_return_val_if_fail (rgb != NULL && stride >= (gsize) store->width * 3, FALSE);
  g_mutex_lock (&store->lock);
  done = (frame = make_place (store, error)) && fill (store, frame, rgb, stride, error);
  if (done)
    store->pushed++;
  g_mutex_unlock (&store->lock);
  return done;
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
gh_frame_store_copy (GhFrameStore *store, guint index, guint8 *rgb, GError **error)
{
  const guint8 *frame;
  gboolean done = TRUE;

  g_mutex_lock (&store->lock);
  frame = find (store, index);
  if (!frame)
    g_set_error (error, GH_ERROR, GH_ERROR_DATA, "there is no frame number %u", index);
  else if (store->ctx)
    done = check_device (store, gh_download (store->ctx, rgb, frame, frame_bytes (store)), error)
        && check_device (store, gh_sync (store->ctx), error);
  else
    memcpy (rgb, frame, frame_bytes (store));
  g_mutex_unlock (&store->lock);
  return frame && done;
}

void
gh_frame_store_numbers (GhFrameStore *store, guint64 *numbers, guint n)
{
  g_mutex_lock (&store->lock);
  for (guint i = 0; i < n; i++)
    numbers[i] = i < store->n_sample ? store->number[i] : store->pushed - store->n_ring + (i - store->n_sample);
  g_mutex_unlock (&store->lock);
}
