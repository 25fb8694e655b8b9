/* SPDX-License-Identifier: LGPL-2.1-or-later
 * image-damage.c: see the header. */
#include "image-damage.h"
#include "gst/common/gstimagefile.h"
#include "models/gh-error.h"

/* Of so many images that cannot be read the reason is told, one by one; so many, or a tenth, or half
 * of few, are no accident any more. */
enum { TOLD = 5, ACCIDENTS = 8 };

/* So many files, far from each other, tell whether the camera's have an end. */
#define SAMPLE 9

static gboolean
has_end (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  return gst_image_file_has_end (path);
}

void
gh_image_damage_init (GhImageDamage *damage, const char *folder, char *const *files, guint n, GhToolProgress *progress)
{
  const guint tried = MIN (n, SAMPLE);
  guint ends = 0;

  for (guint i = 0; i < tried; i++)
    ends += has_end (folder, files[(guint64) i * n / tried]);
  *damage = (GhImageDamage) { folder, n, 0, 2 * ends > tried, progress };
}

gboolean
gh_image_damage_is_whole (const GhImageDamage *damage, const char *name)
{
  return !damage->have_ends || has_end (damage->folder, name);
}

/* A picture that cannot be read spoils neither the others nor the hours of reading before it. One that the crop does not
 * fit, or many of them, are the caller's to mend. Takes the problem. */
static void
leave_out (GhImageDamage *damage, GError *problem, GError **error)
{
  /* Pruned since the folder was read: as good as damaged. */
  const gboolean is_gone = g_error_matches (problem, GH_ERROR, GH_ERROR_NOT_FOUND);
  const gboolean is_damaged = is_gone || g_error_matches (problem, GH_ERROR, GH_ERROR_DATA);

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

static GError *
break_off (const GhImageDamage *damage, const char *name)
{
  g_autofree char *path = g_build_filename (damage->folder, name, NULL), *shown = g_filename_display_name (path);

  return g_error_new (GH_ERROR, GH_ERROR_DATA, "%s: breaks off in the middle of the picture, as most others do not: put it there "
      "anew, or take the file away", shown);
}

gboolean
gh_image_damage_passes (GhImageDamage *damage, const char *name, GError *problem, GError **error)
{
  if (!problem && gh_image_damage_is_whole (damage, name))
    return TRUE;
  if (!problem)
    problem = break_off (damage, name);
  leave_out (damage, problem, error);
  return FALSE;
}

void
gh_image_damage_tell (const GhImageDamage *damage)
{
  if (damage->left_out > 0)
    g_printerr ("%u of %u images could not be read and are left out.\n", damage->left_out, damage->n);
}
