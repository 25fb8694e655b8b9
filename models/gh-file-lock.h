/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-file-lock.h: a file that is written again and again has one writer at a time, of all that run on the machine and
 * in any of its processes. Every writing replaces the file, so that what is locked is an empty one beside it,
 * ".NAME.lock", which goes with the lock. Who is killed holds no lock any more. Where the file system knows no locks there
 * are none.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _GhFileLock GhFileLock;

/* The lock of the file `path`, which need not be there. GH_ERROR_WRITE, which names it, when another writer has it, or
 * the file beside it when that cannot be made. */
GhFileLock *gh_file_lock_new (const char *path, GError **error);
void gh_file_lock_free (GhFileLock *lock);                      /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GhFileLock, gh_file_lock_free)

G_END_DECLS
