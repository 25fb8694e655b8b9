/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-file-lock.c: see the header. */
#include "gh-file-lock.h"
#include "gh-error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/file.h>
#include <unistd.h>

/* Each of them lost to a writer that took its file away between two lines. */
#define TRIES 100

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

/* One that another user has left behind can be read. */
static int
open_lock (const char *path)
{
  int fd = g_open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

  return fd < 0 && errno == EACCES ? g_open (path, O_RDONLY | O_CLOEXEC, 0) : fd;
}

GhFileLock *
gh_file_lock_new (const char *path, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path), *base = g_path_get_basename (path);
  g_autofree char *name = g_strdup_printf (".%.200s.lock", base);
  GhFileLock *lock = g_new0 (GhFileLock, 1);

  lock->path = g_build_filename (folder, name, NULL);
  for (int i = 0; i < TRIES; i++) {
    lock->fd = open_lock (lock->path);
    if (lock->fd < 0)
      return refuse (lock, lock->path, g_strerror (errno), error);
    if (flock (lock->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
      return refuse (lock, path, "another process or element is writing it; give each a file of its own", error);
    if (is_current (lock))
      return lock;
    close (lock->fd);
  }
  lock->fd = -1;
  return refuse (lock, lock->path, "it is replaced again and again", error);
}

void
gh_file_lock_free (GhFileLock *lock)
{
  if (!lock)
    return;
  if (is_current (lock))
    g_unlink (lock->path);      /* before it is let go: whoever opened it meanwhile sees that it is gone */
  close (lock->fd);
  g_free (lock->path);
  g_free (lock);
}
