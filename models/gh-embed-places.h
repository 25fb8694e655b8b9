/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-embed-places.h (private): which numbers of an embedding tell what. Encoders are fitted by it (gh-embed-fit.h), and heads,
 * which know nothing of an encoder but its numbers, look for parts by it (gh-kernel-ridge.h).
 */
#pragma once

#include "gh-mae-config.h"

G_BEGIN_DECLS

/* The first ones, where there is surprise. */
#define GH_EMBED_BEGINNING 16
/* The last ones of E, which alone tell what the tokens are pooled to where there are shadows. They are so many times as loud as
 * the others then, by which heads know; so shadows do not have most of a distance between embeddings as they are, either. */
#define GH_EMBED_END(E) ((E) / 4)
#define GH_EMBED_LOUDNESS 2.0

/* The surprise before number `shadows`, these before number `tokens`, and what the tokens are pooled to from there on. A part
 * that there is not has no place. */
void gh_embed_divide (const GhMaeConfig *config, int *shadows, int *tokens);
/* FALSE when there is no room for what the configuration wants told. */
gboolean gh_embed_check_room (const GhMaeConfig *config, const char *where, GError **error);

G_END_DECLS
