/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * tsan-glib.c: tells ThreadSanitizer of GLib's locks. Debian's GLib is not built for it, and its mutexes are futexes of its
 * own, so every access that a GMutex guards looks like a race. Preloaded, these stand before GLib's functions:
 *
 *   cc -shared -fPIC -o tsan-glib.so tsan-glib.c $(pkg-config --cflags glib-2.0) -ldl
 *   LD_PRELOAD=./tsan-glib.so TSAN_OPTIONS=suppressions=tests/sanitizers/tsan.supp:ignore_noninstrumented_modules=1 TEST
 */
#include <dlfcn.h>
#include <glib.h>

/* Of libtsan, where it is. */
extern void __tsan_acquire (void *address) __attribute__ ((weak));
extern void __tsan_release (void *address) __attribute__ ((weak));

static void
acquired (gpointer lock)
{
  if (__tsan_acquire)
    __tsan_acquire (lock);
}

static void
releases (gpointer lock)
{
  if (__tsan_release)
    __tsan_release (lock);
}

#define REAL(name) ({ static __typeof__ (name) *real; if (real == NULL) real = dlsym (RTLD_NEXT, #name); real; })

void
g_mutex_lock (GMutex *mutex)
{
  REAL (g_mutex_lock) (mutex);
  acquired (mutex);
}

gboolean
g_mutex_trylock (GMutex *mutex)
{
  gboolean locked = REAL (g_mutex_trylock) (mutex);

  if (locked)
    acquired (mutex);
  return locked;
}

void
g_mutex_unlock (GMutex *mutex)
{
  releases (mutex);
  REAL (g_mutex_unlock) (mutex);
}

void
g_rec_mutex_lock (GRecMutex *mutex)
{
  REAL (g_rec_mutex_lock) (mutex);
  acquired (mutex);
}

void
g_rec_mutex_unlock (GRecMutex *mutex)
{
  releases (mutex);
  REAL (g_rec_mutex_unlock) (mutex);
}

void
g_cond_wait (GCond *cond, GMutex *mutex)
{
  releases (mutex);
  REAL (g_cond_wait) (cond, mutex);
  acquired (mutex);
}

gboolean
g_cond_wait_until (GCond *cond, GMutex *mutex, gint64 end)
{
  gboolean woken;

  releases (mutex);
  woken = REAL (g_cond_wait_until) (cond, mutex, end);
  acquired (mutex);
  return woken;
}

/* What is handed to a main context's thread is seen there. */
void
g_main_context_wakeup (GMainContext *context)
{
  releases (context);
  REAL (g_main_context_wakeup) (context);
}

gboolean
g_main_context_iteration (GMainContext *context, gboolean may_block)
{
  gboolean dispatched = REAL (g_main_context_iteration) (context, may_block);

  acquired (context);
  return dispatched;
}
