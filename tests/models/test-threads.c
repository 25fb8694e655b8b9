/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-threads.c: independent work on several threads: everything once, progress that rises, an end when asked. */
#include "models/gh-threads.h"

enum { PIECES = 200 };

typedef struct {
  int done[PIECES];
  double last;
  int stop_after, asked;
  GThread *caller;
} Log;

static void
work (int i, gpointer data)
{
  Log *log = data;

  g_atomic_int_inc (&log->done[i]);
}

static gboolean
progress (double fraction, gpointer data)
{
  Log *log = data;

  g_assert_true (g_thread_self () == log->caller);
  g_assert_cmpfloat (fraction, >=, log->last);
  g_assert_cmpfloat (fraction, <=, 1);
  log->last = fraction;
  return ++log->asked <= log->stop_after;
}

static void
test_all (void)
{
  for (int threads = 0; threads < 5; threads++) {
    for (int n = 0; n <= PIECES; n += n < 4 ? 1 : 49) {
      Log log = { { 0 }, 0, PIECES + 1, 0, g_thread_self () };

      g_assert_true (gh_threads_run (threads, n, work, n % 2 ? progress : NULL, &log));
      for (int i = 0; i < PIECES; i++)
        g_assert_cmpint (log.done[i], ==, i < n);
    }
  }
}

static void
test_stop (void)
{
  Log log = { { 0 }, 0, 0, 0, g_thread_self () }, later = { { 0 }, 0, 3, 0, g_thread_self () };
  int done = 0;

  g_assert_false (gh_threads_run (2, PIECES, work, progress, &log));
  for (int i = 0; i < PIECES; i++)
    g_assert_cmpint (log.done[i], ==, 0);
  g_assert_false (gh_threads_run (1, PIECES, work, progress, &later));
  for (int i = 0; i < PIECES; i++)
    done += later.done[i];
  g_assert_cmpint (done, ==, 3);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/threads/all", test_all);
  g_test_add_func ("/threads/stop", test_stop);
  return g_test_run ();
}
