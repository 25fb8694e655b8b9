/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-threads.c: see the header. */
#include "gh-threads.h"
#include "kernels/gh-kernels.h"

typedef struct {
  int n;
  void (*work) (int i, gpointer data);
  gpointer data;
  int next, done;               /* atomic */
} Job;

/* FALSE when nothing is left to begin. */
static gboolean
do_one (Job *job)
{
  int i = g_atomic_int_add (&job->next, 1);

  if (i >= job->n)
    return FALSE;
  job->work (i, job->data);
  g_atomic_int_inc (&job->done);
  return TRUE;
}

static gpointer
do_all (gpointer data)
{
  while (do_one (data))
    continue;
  return NULL;
}

/* The context knows the environment and the processors of this process. */
static int
default_threads (void)
{
  GhCtx *ctx = NULL;
  int threads = 1;

  if (gh_ctx_new (&ctx, GH_DEVICE_CPU, 0, NULL, 0) == GH_OK)
    threads = gh_ctx_threads (ctx);
  gh_ctx_free (ctx);
  return threads;
}

gboolean
gh_threads_run (int threads, int n, void (*work) (int i, gpointer data),
    gboolean (*progress) (double fraction, gpointer data), gpointer data)
{
  Job job = { n, work, data };
  g_autoptr (GPtrArray) helpers = g_ptr_array_new ();
  gboolean good = !progress || progress (0, data);

  threads = MIN (threads > 0 ? threads : default_threads (), n);
  for (int i = 1; good && i < threads; i++) {
    GThread *helper = g_thread_try_new ("heads", do_all, &job, NULL);

    if (helper)
      g_ptr_array_add (helpers, helper);
  }
  while (good && do_one (&job))
    good = !progress || progress ((double) g_atomic_int_get (&job.done) / n, data);
  g_atomic_int_set (&job.next, n);
  for (guint i = 0; i < helpers->len; i++)
    g_thread_join (g_ptr_array_index (helpers, i));
  return good;
}
