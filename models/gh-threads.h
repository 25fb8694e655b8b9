/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-threads.h: independent pieces of work on several threads. What a piece does must not depend on the others; then
 * the result does not depend on the number of threads.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Calls work (i, data) for i = 0..n-1, in that order of starting, on at most `threads` threads, the caller's among
 * them (0: the default of gh_ctx_new()). progress, which may be NULL, is called from the caller's thread with
 * the part done, 0..1; when it returns FALSE no further piece is begun and so does this. */
gboolean gh_threads_run (int threads, int n, void (*work) (int i, gpointer data),
    gboolean (*progress) (double fraction, gpointer data), gpointer data);

G_END_DECLS
