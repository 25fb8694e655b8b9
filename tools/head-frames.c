/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * head-frames.c: see head-frames.h. A name is the first 8 hex digits of its SHA-256. Of four million images one is taken
 * for one of a thousand others, and is then missing among those that judge, no more.
 */
#include "head-frames.h"
#include "models/gh-head-private.h"

#include <string.h>

enum { DIGITS = 8 };

static char *
mark_of (const char *file)
{
  g_autofree char *name = g_path_get_basename (file);
  g_autofree char *sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, name, -1);

  return g_strndup (sum, DIGITS);
}

void
gh_head_record_frames (GhHead *head, char *const *files, guint n)
{
  g_autoptr (GString) marks = g_string_sized_new ((gsize) n * DIGITS + 1);

  for (guint i = 0; i < n; i++) {
    g_autofree char *mark = mark_of (files[i]);

    g_string_append (marks, mark);
  }
  gh_head_set_record (head, "frames", marks->str);
}

GHashTable *
gh_head_frames (const GhHead *head)
{
  const char *marks = gh_head_metadata (head, "frames");
  gsize length = marks ? strlen (marks) : 0;
  GHashTable *frames;

  if (length == 0 || length % DIGITS != 0)
    return NULL;
  frames = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (gsize at = 0; at < length; at += DIGITS)
    g_hash_table_add (frames, g_strndup (marks + at, DIGITS));
  return frames;
}

gboolean
gh_head_frames_have (GHashTable *frames, const char *file)
{
  g_autofree char *mark = mark_of (file);

  return g_hash_table_contains (frames, mark);
}
