/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-regions.h (private): the regions that an image is pooled over one by one, so that its embedding tells what is
 * where. pool_rows x pool_cols of them cover the grid of tokens evenly; all have the same number of tokens, and where
 * the grid does not divide, neighbours overlap.
 */
#pragma once

#include "gh-mae-config.h"

G_BEGIN_DECLS

/* More regions than tokens, a grid of which one side is 0, a cls token that is in none. */
gboolean gh_regions_check (const GhMaeConfig *config, const char *where, GError **error);
int gh_regions_count (const GhMaeConfig *config);       /* 1 when the image is pooled as a whole */
int gh_regions_tokens (const GhMaeConfig *config);      /* of a region */
/* index[regions,tokens]: the tokens of every region, regions row by row. */
void gh_regions_fill (const GhMaeConfig *config, gint32 *index);

G_END_DECLS
