/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-embed-places.c: see the header. */
#include "gh-embed-places.h"
#include "gh-error.h"

void
gh_embed_divide (const GhMaeConfig *c, int *shadows, int *tokens)
{
  *shadows = c->surprise > 0 ? GH_EMBED_BEGINNING : 0;
  *tokens = c->shadows > 0 ? MAX (*shadows, c->embedding - GH_EMBED_END (c->embedding)) : *shadows;
}

gboolean
gh_embed_check_room (const GhMaeConfig *c, const char *where, GError **error)
{
  int shadows, tokens;

  gh_embed_divide (c, &shadows, &tokens);
  if (c->surprise > 0 && c->embedding <= GH_EMBED_BEGINNING)
    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s: an embedding of %d numbers has no room beside %d that tell what "
        "surprises", where, c->embedding, GH_EMBED_BEGINNING);
  else if (c->shadows > tokens - shadows || tokens >= c->embedding)
    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s: an embedding of %d numbers has room for %d that tell how the light "
        "falls, not for %d", where, c->embedding, tokens < c->embedding ? tokens - shadows : 0, c->shadows);
  else
    return TRUE;
  return FALSE;
}
