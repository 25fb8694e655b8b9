/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstheadwatch.c: see gstheadwatch.h. */
#include "gstheadwatch.h"

#include "models/gh-file-stamp.h"

struct _GstHeadWatch {
  GstHeadSlot *slot;
  void (*changed) (gpointer data);
  gpointer data;
  GThread *thread;
  GMutex lock;
  GCond stop;
  gboolean stopping;            /* under the lock */
};

/* What the files are now, as one number; 0: all are what was loaded, or one is not there. */
static guint64
look (GstHeadWatch *watch)
{
  g_autoptr (GstHeadSet) set = gst_head_slot_acquire (watch->slot);
  gboolean same = TRUE;
  guint64 sum = 0;

  for (guint i = 0; i < gst_head_set_size (set); i++) {
    const GhHead *head = gst_head_set_get (set, i);
    guint64 stamp = gh_file_stamp (gh_head_path (head));

    if (stamp == 0)
      return 0;
    same = same && stamp == gh_head_stamp (head);
    sum = sum * 1000003 + stamp;
  }
  return same ? 0 : MAX (sum, 1);
}

/* FALSE: the end. */
static gboolean
rest (GstHeadWatch *watch)
{
  gint64 end = g_get_monotonic_time () + G_TIME_SPAN_SECOND;
  gboolean going;

  g_mutex_lock (&watch->lock);
  while (!watch->stopping && g_cond_wait_until (&watch->stop, &watch->lock, end)) { /* woken for nothing */
  }
  going = !watch->stopping;
  g_mutex_unlock (&watch->lock);
  return going;
}

static gpointer
run (gpointer data)
{
  GstHeadWatch *watch = data;
  guint64 tried = 0;            /* files that were refused are not tried again */

  do {
    guint64 now = look (watch);

    if (now != 0 && now != tried)
      watch->changed (watch->data);
    tried = now;
  } while (rest (watch));
  return NULL;
}

GstHeadWatch *
gst_head_watch_new (GstHeadSlot *slot, void (*changed) (gpointer data), gpointer data)
{
  GstHeadWatch *watch = g_new0 (GstHeadWatch, 1);

  watch->slot = slot;
  watch->changed = changed;
  watch->data = data;
  g_mutex_init (&watch->lock);
  g_cond_init (&watch->stop);
  watch->thread = g_thread_new ("head-watch", run, watch);
  return watch;
}

void
gst_head_watch_free (GstHeadWatch *watch)
{
  if (watch == NULL)
    return;
  g_mutex_lock (&watch->lock);
  watch->stopping = TRUE;
  g_cond_signal (&watch->stop);
  g_mutex_unlock (&watch->lock);
  g_thread_join (watch->thread);
  g_mutex_clear (&watch->lock);
  g_cond_clear (&watch->stop);
  g_free (watch);
}
