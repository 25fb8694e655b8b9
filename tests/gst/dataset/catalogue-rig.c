/* SPDX-License-Identifier: LGPL-2.1-or-later
 * catalogue-rig.c: see catalogue-rig.h. */
#include "catalogue-rig.h"

#include "tests/models/temp-folder.h"

#include <string.h>

void
set_up (Fixture *f, gconstpointer data)
{
  f->folder = temp_folder_new ();
}

void
tear_down (Fixture *f, gconstpointer data)
{
  temp_folder_remove (f->folder);
  g_free (f->folder);
}

/* An image that is like no other, `size` bytes. */
GBytes *
image_of (guint64 n, gsize size)
{
  guint8 *data = g_malloc0 (MAX (size, sizeof n));

  memcpy (data, &n, sizeof n);
  return g_bytes_new_take (data, MAX (size, sizeof n));
}

CatalogueOutcome
add (Catalogue *catalogue, guint64 n, gsize size, gint64 at, gchar **id, GError **error)
{
  g_autoptr (GBytes) image = image_of (n, size);
  CatalogueFrame frame = { .source = "gate", .uri = "rtsp://gate/", .captured_at = at, .received_at = at + 1,
    .media_sequence = n, .pts = G_MAXUINT64, .width = 8, .height = 6, .suffix = "jpg", .image = image };

  return catalogue_add (catalogue, &frame, id, NULL, error);
}

gboolean
put_label (Catalogue *catalogue, const gchar *frame, CatalogueLabel label)
{
  g_autoptr (GError) error = NULL;
  CatalogueMark mark = { frame, label, FALSE };

  catalogue_label (catalogue, &mark, 1, &error);
  g_assert_no_error (error);
  return mark.known;
}

void
note (const gchar *line, gpointer data)
{
  g_test_message ("%s", line);
}

gint
verify (Catalogue *catalogue)
{
  g_autoptr (GError) error = NULL;
  gint wrong = catalogue_verify (catalogue, note, NULL, &error);

  g_assert_no_error (error);
  return wrong;
}

CatalogueCounts
count (Catalogue *catalogue)
{
  CatalogueCounts counts;
  g_autoptr (GError) error = NULL;

  catalogue_count (catalogue, &counts, &error);
  g_assert_no_error (error);
  return counts;
}

Catalogue *
reopen (Fixture *f, Catalogue *catalogue)
{
  g_autoptr (GError) error = NULL;

  catalogue_close (catalogue);
  catalogue = catalogue_open (f->folder, &error);
  g_assert_no_error (error);
  return catalogue;
}
