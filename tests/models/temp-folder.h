/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * temp-folder.h: a folder of a test's own, and its removal with everything inside.
 */
#pragma once

#include <glib/gstdio.h>

static inline char *
temp_folder_new (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = g_dir_make_tmp ("gst-heads-XXXXXX", &error);

  g_assert_no_error (error);
  return folder;
}

static inline void
temp_folder_remove (const char *folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *path = g_build_filename (folder, name, NULL);

    if (g_file_test (path, G_FILE_TEST_IS_DIR) && !g_file_test (path, G_FILE_TEST_IS_SYMLINK))
      temp_folder_remove (path);
    else
      g_unlink (path);
  }
  g_clear_pointer (&dir, g_dir_close);
  g_rmdir (folder);
}
