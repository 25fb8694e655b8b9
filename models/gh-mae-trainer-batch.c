/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-mae-trainer-batch.c: what a batch is made of, and how it comes to the pass. Drawn on the host: which frames, how
 * each is seen, which patches are hidden; a kilobyte or two an image, in one copy. The pixels are looked at where they
 * are when the store has them on the trainer's device; else the frames travel, too, some at a time.
 */
#include "gh-mae-trainer-private.h"
#include "gh-random.h"

#include <string.h>

/* Frames travel in pieces of about so many bytes: one is filled while the one before is copied and looked at. */
#define PIECE (4 << 20)

/* ---- ways -------------------------------------------------------------------------------------------------------- */

static GhStatus
way_open (GhMaeWay *way, const GhMaeTrainer *t, gsize bytes)
{
  way->bytes = bytes;
  return t->is_host ? gh_alloc (t->ctx, &way->memory, bytes) : gh_lanes_new (t->ctx, &way->lanes, bytes);
}

static void
way_close (GhMaeWay *way, const GhMaeTrainer *t)
{
  gh_lanes_free (way->lanes);
  gh_free (t->ctx, way->memory);
  *way = (GhMaeWay) { 0 };
}

static GhStatus
way_fill (GhMaeWay *way, void **host)
{
  *host = way->memory;
  return way->lanes ? gh_lanes_fill (way->lanes, host) : GH_OK;
}

static GhStatus
way_bring (GhMaeWay *way, const void **brought)
{
  *brought = way->memory;
  if (!way->lanes)
    return GH_OK;
  GH_TRY (gh_lanes_send (way->lanes));
  return gh_lanes_take (way->lanes, brought);
}

static GhStatus
way_done (GhMaeWay *way)
{
  return way->lanes ? gh_lanes_done (way->lanes) : GH_OK;
}

/* ---- turns ------------------------------------------------------------------------------------------------------- */

GhStatus
gh_mae_trainer_batch_init (GhMaeTrainer *t)
{
  const GhMaePass *p = &t->pass;

  t->batch.frames = g_new0 (guint, p->B);
  t->batch.noise = g_new (float, p->N);
  return way_open (&t->batch.plan, t, p->B * (sizeof (GhView) + p->N * sizeof (gint32)));
}

void
gh_mae_trainer_batch_clear (GhMaeTrainer *t)
{
  way_close (&t->batch.plan, t);
  way_close (&t->batch.pixels, t);
  g_free (t->batch.frames);
  g_free (t->batch.noise);
}

GhStatus
gh_mae_trainer_batch_open (GhMaeTrainer *t)
{
  GhMaeBatch *b = &t->batch;
  const GhMaePass *p = &t->pass;

  b->frame_height = 0;
  if (b->views)
    return GH_OK;
  GH_TRY (way_fill (&b->plan, (void **) &b->views));
  b->keep = (gint32 *) (b->views + p->B);
  b->drop = b->keep + (gsize) p->B * p->K;
  return GH_OK;
}

/* *views: where they are in the context's memory. */
static GhStatus
bring_plan (GhMaeTrainer *t, const GhView **views)
{
  GhMaeBatch *b = &t->batch;
  GhMaePass *p = &t->pass;

  b->views = NULL;
  GH_TRY (way_bring (&b->plan, (const void **) views));
  p->keep = (const gint32 *) (*views + p->B);
  p->drop = p->keep + (gsize) p->B * p->K;
  return GH_OK;
}

GhStatus
gh_mae_trainer_batch_bring (GhMaeTrainer *t)
{
  const GhView *views;

  return bring_plan (t, &views);
}

GhStatus
gh_mae_trainer_batch_end (GhMaeTrainer *t)
{
  return way_done (&t->batch.plan);
}

/* ---- frames ------------------------------------------------------------------------------------------------------ */

static GhStatus
view (const GhMaeTrainer *t, GhFrameStore *store, int from, int n, const guint8 *frames, int n_frames,
    const GhView *views)
{
  const GhMaeConfig *c = &t->config;

  return gh_view_fwd (t->ctx, t->pass.rgb + (gsize) from * c->height * c->width * 3, frames, views + from, n, c->height,
      c->width, n_frames, gh_frame_store_height (store), gh_frame_store_width (store));
}

/* The store is locked. */
static GhStatus
view_locked (GhMaeTrainer *t, GhFrameStore *store)
{
  const int B = t->pass.B;
  const GhView *views;

  for (int i = 0; i < B; i++)
    t->batch.views[i].frame = gh_frame_store_place (store, t->batch.frames[i]);
  GH_TRY (bring_plan (t, &views));
  GH_TRY (view (t, store, 0, B, gh_frame_store_on_device (store), gh_frame_store_capacity (store), views));
  return gh_sync (t->ctx);
}

/* Whoever pushes waits no longer than the device takes to look: it has nothing else to do by then. */
static GhStatus
view_in_place (GhMaeTrainer *t, GhFrameStore *store)
{
  GhStatus status;

  GH_TRY (gh_sync (t->ctx));
  gh_frame_store_lock (store);
  status = view_locked (t, store);
  gh_frame_store_unlock (store);
  return status;
}

/* Where frames are larger than any before. */
static GhStatus
open_pixels (GhMaeTrainer *t, gsize frame_bytes)
{
  GhMaeBatch *b = &t->batch;
  gsize part = t->is_host ? 1 : CLAMP (PIECE / frame_bytes, 1, (gsize) t->pass.B);

  if (part * frame_bytes > b->pixels.bytes) {
    way_close (&b->pixels, t);
    GH_TRY (way_open (&b->pixels, t, part * frame_bytes));
  }
  b->part = part;
  return GH_OK;
}

/* Frames `from`, from + 1, ...: n of the batch. */
static gboolean
bring_part (GhMaeTrainer *t, GhFrameStore *store, int from, int n, gsize frame_bytes, const GhView *views, GError **error)
{
  GhMaeWay *way = &t->batch.pixels;
  const void *brought;
  void *host;

  if (!gh_mae_trainer_check (t, way_fill (way, &host), error))
    return FALSE;
  for (int i = 0; i < n; i++)
    if (!gh_frame_store_copy (store, t->batch.frames[from + i], (guint8 *) host + i * frame_bytes, error))
      return FALSE;
  return gh_mae_trainer_check (t, way_bring (way, &brought), error)
      && gh_mae_trainer_check (t, view (t, store, from, n, brought, n, views), error)
      && gh_mae_trainer_check (t, way_done (way), error);
}

static gboolean
bring_from_host (GhMaeTrainer *t, GhFrameStore *store, GError **error)
{
  const gsize frame_bytes = (gsize) gh_frame_store_height (store) * gh_frame_store_width (store) * 3;
  const int B = t->pass.B;
  const GhView *views;

  if (!gh_mae_trainer_check (t, open_pixels (t, frame_bytes), error))
    return FALSE;
  for (int i = 0; i < B; i++)
    t->batch.views[i].frame = i % t->batch.part;
  if (!gh_mae_trainer_check (t, bring_plan (t, &views), error))
    return FALSE;
  for (int from = 0; from < B; from += t->batch.part)
    if (!bring_part (t, store, from, MIN (t->batch.part, B - from), frame_bytes, views, error))
      return FALSE;
  return TRUE;
}

gboolean
gh_mae_trainer_batch_bring_frames (GhMaeTrainer *t, GhFrameStore *store, GError **error)
{
  if (!t->is_host && gh_frame_store_on_device (store))
    return gh_mae_trainer_check (t, view_in_place (t, store), error);
  return bring_from_host (t, store, error);
}

/* ---- what is drawn ----------------------------------------------------------------------------------------------- */

/* The frames take turns in a random order, a new one each time all have been seen. */
static guint
choose_frame (const GhMaeTrainer *t, guint64 image, guint count)
{
  guint64 order = gh_splitmix_stream (t->options.seed, "order");

  return gh_permute (image % count, count, gh_splitmix_substream (order, image / count));
}

static void
draw_view (GhMaeTrainer *t, GhFrameStore *store, guint64 image, GhView *drawn)
{
  const GhMaeTrainOptions *o = &t->options;
  guint64 random = gh_splitmix_substream (gh_splitmix_stream (o->seed, "view"), image);

  gh_view_draw (drawn, &random, gh_frame_store_height (store), gh_frame_store_width (store),
      (double) t->config.width / t->config.height, o->crop, o->flip, o->light);
}

static void
draw_noise (GhMaeTrainer *t, guint64 image)
{
  guint64 random = gh_splitmix_substream (gh_splitmix_stream (t->options.seed, "mask"), image);

  for (int i = 0; i < t->pass.N; i++)
    t->batch.noise[i] = (float) (gh_splitmix (&random) >> 40) * 0x1p-24f;
}

void
gh_mae_trainer_batch_mask (GhMaeTrainer *t, int i, const float *noise)
{
  const GhMaePass *p = &t->pass;

  gh_mae_mask (noise, p->N, p->K, t->batch.keep + (gsize) i * p->K, t->batch.drop + (gsize) i * (p->N - p->K));
}

GhStatus
gh_mae_trainer_batch_draw (GhMaeTrainer *t, GhFrameStore *store, guint64 image)
{
  const guint stride = gh_mae_trainer_processes (t);
  GhMaeBatch *b = &t->batch;

  GH_TRY (gh_mae_trainer_batch_open (t));
  b->image = image;
  b->frame_height = gh_frame_store_height (store);
  b->frame_width = gh_frame_store_width (store);
  for (int i = 0; i < t->pass.B; i++, image += stride) {
    draw_view (t, store, image, &b->views[i]);
    draw_noise (t, image);
    gh_mae_trainer_batch_mask (t, i, b->noise);
  }
  return GH_OK;
}

static gboolean
is_drawn (const GhMaeBatch *b, const GhFrameStore *store, guint64 image)
{
  return b->views && b->image == image && b->frame_height == gh_frame_store_height (store)
      && b->frame_width == gh_frame_store_width (store);
}

gboolean
gh_mae_trainer_batch_take (GhMaeTrainer *t, GhFrameStore *store, guint count, guint64 image, GError **error)
{
  const guint stride = gh_mae_trainer_processes (t);

  if (!is_drawn (&t->batch, store, image)
      && !gh_mae_trainer_check (t, gh_mae_trainer_batch_draw (t, store, image), error))
    return FALSE;
  for (int i = 0; i < t->pass.B; i++, image += stride)
    t->batch.frames[i] = choose_frame (t, image, count);
  return gh_mae_trainer_batch_bring_frames (t, store, error);
}

/* ---- the store --------------------------------------------------------------------------------------------------- */

GhFrameStore *
gh_mae_trainer_new_store (GhMaeTrainer *t, guint capacity)
{
  GhFrameStore *store = gh_frame_store_new (t->config.height, t->config.width, capacity, t->options.seed);

  if (!t->is_host)
    gh_frame_store_to_device (store, gh_ctx_device (t->ctx));
  return store;
}
