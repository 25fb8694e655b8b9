/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-file-lock.c: see the header. */
#include "gh-file-lock.h"
#include "gh-error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/file.h>
#include <unistd.h>

struct _GhFileLock
{
  char *path;                   /* of the file beside */
  int fd;
};

static GhFileLock *
refuse (GhFileLock *lock, const char *path, const char *reason, GError **error)
{
  g_autofree char *shown = g_filename_display_name (path);

  g_set_error (error, GH_ERROR, GH_ERROR_WRITE, "%s: %s", shown, reason);
  if (lock->fd >= 0)
    close (lock->fd);
  g_free (lock->path);
  g_free (lock);
  return NULL;
}

/* Whether the name still is the opened file's: the writer before may have taken it away in between. */
static gboolean
is_current (const GhFileLock *lock)
{
  struct stat opened, named;

  return fstat (lock->fd, &opened) == 0 && g_stat (lock->path, &named) == 0 && opened.st_ino == named.st_ino
      && opened.st_dev == named.st_dev;
}

GhFileLock *
gh_file_lock_new (const char *path, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path), *base = g_path_get_basename (path);
  g_autofree char *name = g_strdup_printf (".%.200s.lock", base);
  GhFileLock *lock = g_new0 (GhFileLock, 1);

  lock->path = g_build_filename (folder, name, NULL);
  while (TRUE) {
    lock->fd = g_open (lock->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (lock->fd < 0)
      return refuse (lock, path, g_strerror (errno), error);
    if (flock (lock->fd, LOCK_EX | LOCK_NB) != 0)
      return refuse (lock, path, errno == EWOULDBLOCK ? "another training is writing it; give each a file of its own"
          : g_strerror (errno), error);
    if (is_current (lock))
      return lock;
    close (lock->fd);
  }
}

void
gh_file_lock_free (GhFileLock *lock)
{
  if (!lock)
    return;
  g_unlink (lock->path);        /* before it is let go: whoever opened it meanwhile sees that it is gone */
  close (lock->fd);
  g_free (lock->path);
  g_free (lock);
}
