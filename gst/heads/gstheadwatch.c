/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstheadwatch.c: see gstheadwatch.h. A look is a stat of each file, which works on every file system. */
#include "gstheadwatch.h"

#include <glib/gstdio.h>

struct _GstHeadWatch {
  GstHeadSlot *slot;
  void (*changed) (gpointer data);
  gpointer data;
  GThread *thread;
  GMutex lock;
  GCond stop;
  gboolean stopping;            /* under the lock */
};

/* One number for what the files are; 0: one is not there. */
static guint64
look (GstHeadWatch *watch)
{
  g_autoptr (GstHeadSet) set = gst_head_slot_acquire (watch->slot);
  guint64 sum = 1;

  for (guint i = 0; i < gst_head_set_size (set); i++) {
    GStatBuf state;

    if (g_stat (gh_head_path (gst_head_set_get (set, i)), &state) != 0)
      return 0;
    sum = sum * 1000003 + state.st_ino;
    sum = sum * 1000003 + (guint64) state.st_mtim.tv_sec;
    sum = sum * 1000003 + (guint64) state.st_mtim.tv_nsec;
    sum = sum * 1000003 + (guint64) state.st_size;
  }
  return MAX (sum, 1);
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
  guint64 known = look (watch);

  while (rest (watch)) {
    guint64 now = look (watch);

    if (now == 0 || now == known)
      continue;
    known = now;
    watch->changed (watch->data);
  }
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
