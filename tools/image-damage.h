/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * image-damage.h: which pictures of a set cannot be read. A few are an accident, such as a disk that was full: they are left
 * out and told. Many are not: the error says so.
 */
#pragma once

#include "tools.h"

G_BEGIN_DECLS

typedef struct {
  const char *folder;
  guint n, left_out;            /* images */
  gboolean have_ends;           /* files that break off stand out: most others do not */
  GhToolProgress *progress;     /* the bar that words must not run into */
} GhImageDamage;

/* Of the pictures files[n] in folder, of which some are looked at. Keeps no copies. */
void gh_image_damage_init (GhImageDamage *damage, const char *folder, char *const *files, guint n,
    GhToolProgress *progress);

/* FALSE for a file that breaks off where others do not. */
gboolean gh_image_damage_is_whole (const GhImageDamage *damage, const char *name);

/* Whether picture `name` may be used; problem: why it could not be read, or NULL, and is taken. FALSE without an error: leave it
 * out. FALSE and an error: one that the crop does not fit, or this damaged one is too much. */
gboolean gh_image_damage_passes (GhImageDamage *damage, const char *name, GError *problem, GError **error);

/* Says how many were left out, if any. */
void gh_image_damage_tell (const GhImageDamage *damage);

G_END_DECLS
