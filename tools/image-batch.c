/* SPDX-License-Identifier: LGPL-2.1-or-later
 * image-batch.c: see the header. */
#include "image-batch.h"

struct _GhImageBatch
{
  int width, height;
  guint8 *rgb;                  /* [GH_IMAGE_BATCH,height,width,3] */
  GstFrameScaler *scalers[GH_IMAGE_BATCH];
  GThreadPool *pool;

  /* While a batch is read. */
  const char *folder;
  const GhCrop *crop;
  GMutex lock;
  GCond done;
  int running;                  /* under the lock */
};

typedef struct {
  int slot;
  const char *file;
  GError *error;
} Job;

static void
read_one (gpointer data, gpointer user_data)
{
  Job *job = data;
  GhImageBatch *b = user_data;
  g_autofree char *path = g_build_filename (b->folder, job->file, NULL);

  gh_image_read (path, b->crop, b->scalers[job->slot], b->width, b->height,
      b->rgb + (gsize) job->slot * b->width * b->height * 3, &job->error);
  g_mutex_lock (&b->lock);
  if (--b->running == 0)
    g_cond_signal (&b->done);
  g_mutex_unlock (&b->lock);
}

GhImageBatch *
gh_image_batch_new (int width, int height)
{
  GhImageBatch *b = g_new0 (GhImageBatch, 1);

  b->width = width;
  b->height = height;
  b->rgb = g_new (guint8, (gsize) GH_IMAGE_BATCH * height * width * 3);
  for (int i = 0; i < GH_IMAGE_BATCH; i++)
    b->scalers[i] = gst_frame_scaler_new (width, height, 1);
  b->pool = g_thread_pool_new (read_one, b, g_get_num_processors (), FALSE, NULL);
  g_mutex_init (&b->lock);
  g_cond_init (&b->done);
  return b;
}

void
gh_image_batch_free (GhImageBatch *b)
{
  if (!b)
    return;
  g_thread_pool_free (b->pool, FALSE, TRUE);
  for (int i = 0; i < GH_IMAGE_BATCH; i++)
    gst_frame_scaler_free (b->scalers[i]);
  g_mutex_clear (&b->lock);
  g_cond_clear (&b->done);
  g_free (b->rgb);
  g_free (b);
}

guint8 *
gh_image_batch_read (GhImageBatch *b, const char *folder, const char *const *files, int n, const GhCrop *crop,
    GError **problems)
{
  Job jobs[GH_IMAGE_BATCH];

  g_return_val_if_fail (n <= GH_IMAGE_BATCH, NULL);
  b->folder = folder;
  b->crop = crop;
  b->running = n;
  for (int i = 0; i < n; i++) {
    jobs[i] = (Job) { i, files[i] };
    g_thread_pool_push (b->pool, &jobs[i], NULL);
  }
  g_mutex_lock (&b->lock);
  while (b->running > 0)
    g_cond_wait (&b->done, &b->lock);
  g_mutex_unlock (&b->lock);
  for (int i = 0; i < n; i++)
    problems[i] = jobs[i].error;
  return b->rgb;
}
