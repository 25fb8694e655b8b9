/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * encoder-fixture.h: a folder of a test's own and the path of a model in it, for g_test_add().
 */
#pragma once

#include "temp-folder.h"

typedef struct {
  char *folder, *path;
} Fixture;

static inline void
set_up (Fixture *f, gconstpointer data)
{
  f->folder = temp_folder_new ();
  f->path = g_build_filename (f->folder, "model.safetensors", NULL);
}

static inline void
tear_down (Fixture *f, gconstpointer data)
{
  temp_folder_remove (f->folder);
  g_free (f->folder);
  g_free (f->path);
}
