/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-file-lock.c: one writer at a time, in this process and in others; what is killed holds nothing. */
#include "models/gh-error.h"
#include "models/gh-file-lock.h"
#include "processes.h"
#include "temp-folder.h"

#include <fcntl.h>
#include <string.h>

typedef struct {
  char *folder, *path, *beside;
} Place;

static Place
place_new (void)
{
  Place p = { temp_folder_new () };

  p.path = g_build_filename (p.folder, "state.safetensors", NULL);
  p.beside = g_build_filename (p.folder, ".state.safetensors.lock", NULL);
  return p;
}

static void
place_free (Place *p)
{
  temp_folder_remove (p->folder);
  g_free (p->folder);
  g_free (p->path);
  g_free (p->beside);
}

static void
expect_refusal (const char *path, const char *words)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (gh_file_lock_new (path, &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_WRITE);
  g_assert_nonnull (strstr (error->message, path));
  g_assert_nonnull (strstr (error->message, words));
}

static void
test_one_writer (void)
{
  Place p = place_new ();
  g_autofree char *other = g_strconcat (p.path, "-2", NULL), *absent = g_build_filename (p.folder, "absent", "x", NULL);
  g_autoptr (GError) error = NULL;
  GhFileLock *lock = gh_file_lock_new (p.path, &error), *second;

  g_assert_no_error (error);
  expect_refusal (p.path, "another process or element is writing it");
  g_assert_null (gh_file_lock_new (absent, &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_WRITE);
  g_assert_nonnull (strstr (error->message, "absent/.x.lock: No such file"));
  g_clear_error (&error);
  second = gh_file_lock_new (other, &error);
  g_assert_no_error (error);
  gh_file_lock_free (second);
  gh_file_lock_free (lock);
  g_assert_false (g_file_test (p.beside, G_FILE_TEST_EXISTS));
  lock = gh_file_lock_new (p.path, &error);
  g_assert_no_error (error);
  gh_file_lock_free (lock);
  gh_file_lock_free (NULL);
  place_free (&p);
}

/* A file under the name that is another's is left alone. */
static void
test_replaced (void)
{
  Place p = place_new ();
  GhFileLock *first = gh_file_lock_new (p.path, NULL), *second;

  g_assert_cmpint (g_unlink (p.beside), ==, 0);
  second = gh_file_lock_new (p.path, NULL);
  g_assert_nonnull (second);
  gh_file_lock_free (first);
  expect_refusal (p.path, "another process or element is writing it");
  gh_file_lock_free (second);
  g_assert_false (g_file_test (p.beside, G_FILE_TEST_EXISTS));
  place_free (&p);
}

/* Says through data[1] that it holds the lock, and waits to be killed. */
typedef struct {
  const char *path;
  int pipe[2];
} Holder;

static void
hold (int rank, int size, int port, gconstpointer data)
{
  const Holder *holder = data;
  GhFileLock *lock = gh_file_lock_new (holder->path, NULL);

  g_assert_nonnull (lock);
  g_assert_cmpint (write (holder->pipe[1], "x", 1), ==, 1);
  pause ();
}

static void
test_killed (void)
{
  Place p = place_new ();
  Holder holder = { p.path };
  g_autoptr (GError) error = NULL;
  GhFileLock *lock;
  GPid pid;
  char byte;

  g_assert_cmpint (pipe (holder.pipe), ==, 0);
  pid = processes_fork (hold, 0, 1, 0, &holder);
  g_assert_cmpint (read (holder.pipe[0], &byte, 1), ==, 1);
  expect_refusal (p.path, "another process or element is writing it");
  kill (pid, SIGKILL);
  processes_expect (pid, SIGKILL);
  g_assert_true (g_file_test (p.beside, G_FILE_TEST_EXISTS));
  lock = gh_file_lock_new (p.path, &error);
  g_assert_no_error (error);
  gh_file_lock_free (lock);
  close (holder.pipe[0]);
  close (holder.pipe[1]);
  place_free (&p);
}

/* Takes the lock again and again; nobody else is inside then, or the file that only the holder makes would be there. */
static void
compete (int rank, int size, int port, gconstpointer data)
{
  const char *path = data;

  for (int won = 0; won < 200;) {
    g_autoptr (GhFileLock) lock = gh_file_lock_new (path, NULL);
    int fd;

    if (!lock) {
      g_usleep (10);
      continue;
    }
    fd = open (path, O_RDWR | O_CREAT | O_EXCL, 0600);
    g_assert_cmpint (fd, >=, 0);
    close (fd);
    g_assert_cmpint (g_unlink (path), ==, 0);
    won++;
  }
}

static void
test_races (void)
{
  Place p = place_new ();

  processes_run (compete, 4, p.path);
  place_free (&p);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/file-lock/one-writer", test_one_writer);
  g_test_add_func ("/file-lock/replaced", test_replaced);
  g_test_add_func ("/file-lock/killed", test_killed);
  g_test_add_func ("/file-lock/races", test_races);
  return g_test_run ();
}
