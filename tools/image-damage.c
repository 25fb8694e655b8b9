/* SPDX-License-Identifier: LGPL-2.1-or-later
 * image-damage.c: see the header. */
#include "image-damage.h"
#include "gst/common/gstimagefile.h"
#include "models/gh-error.h"

/* Of so many images that cannot be read the reason is told, one by one; so many, or a tenth, or half
 * of few, are no accident any more. */
enum { TOLD = 5, ACCIDENTS = 8 };

void
gh_image_damage_init (GhImageDamage *damage, const char *folder, const char *first, guint n, GhToolProgress *progress)
{
  g_autofree char *path = g_build_filename (folder, first, NULL);

  *damage = (GhImageDamage) { folder, n, 0, gst_image_file_has_end (path), progress };
}

/* NULL when image `name` is whole, as far as its end tells. */
static GError *
check_end (const GhImageDamage *damage, const char *name)
{
  g_autofree char *path = g_build_filename (damage->folder, name, NULL), *shown = g_filename_display_name (path);

  return !damage->have_ends || gst_image_file_has_end (path) ? NULL : g_error_new (GH_ERROR, GH_ERROR_DATA,
      "%s: breaks off in the middle of the picture: put it there anew, or take the file away", shown);
}

/* A picture that cannot be read spoils neither the others nor the hours of reading before it. One that the crop does not
 * fit, or many of them, are the caller's to mend. Takes the problem. */
static void
leave_out (GhImageDamage *damage, GError *problem, GError **error)
{
  const gboolean is_damaged = g_error_matches (problem, GH_ERROR, GH_ERROR_DATA);

  if (is_damaged && ++damage->left_out <= TOLD)
    g_printerr ("%sLeft out: %s\n", damage->progress->drawn ? "\n" : "", problem->message);
  if (is_damaged && damage->left_out <= MIN (MAX (ACCIDENTS, damage->n / 10), damage->n / 2)) {
    g_error_free (problem);
    return;
  }
  g_propagate_error (error, problem);
  if (is_damaged && damage->left_out > 1)
    g_prefix_error (error, "%u of %u images cannot be read, the last one: ", damage->left_out, damage->n);
}

gboolean
gh_image_damage_passes (GhImageDamage *damage, const char *name, GError *problem, GError **error)
{
  if (!problem)
    problem = check_end (damage, name);
  if (!problem)
    return TRUE;
  leave_out (damage, problem, error);
  return FALSE;
}

void
gh_image_damage_tell (const GhImageDamage *damage)
{
  if (damage->left_out > 0)
    g_printerr ("%u of %u images could not be read and are left out.\n", damage->left_out, damage->n);
}
