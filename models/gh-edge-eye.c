/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-edge-eye.c: see the header. */
#include "gh-edge-eye.h"
#include "gh-error.h"

gboolean
gh_edge_eye_open (GhEdgeEye *eye, const GhMaeConfig *c, int channels, const GhPictures *pictures, int threads,
    GError **error)
{
  char reason[256] = "";

  *eye = (GhEdgeEye) { c, channels, pictures, .n = gh_edges_places (c) * channels };
  if (gh_ctx_new (&eye->ctx, GH_DEVICE_CPU, threads, reason, sizeof reason) != GH_OK) {
    g_set_error (error, GH_ERROR, GH_ERROR_DEVICE, "The processor cannot look for edges: %s", reason);
    return FALSE;
  }
  eye->rgb = g_malloc ((gsize) c->height * c->width * 3);
  eye->edges = g_new (float, eye->n);
  eye->logarithms = g_new (float, gh_edges_logarithms (c, channels));
  gh_edges_fill_logarithms (c, channels, eye->logarithms);
  return TRUE;
}

void
gh_edge_eye_close (GhEdgeEye *eye)
{
  g_clear_pointer (&eye->rgb, g_free);
  g_clear_pointer (&eye->edges, g_free);
  g_clear_pointer (&eye->logarithms, g_free);
  g_clear_pointer (&eye->ctx, gh_ctx_free);
}

gboolean
gh_edge_eye_check (const GhEdgeEye *eye, GhStatus status, GError **error)
{
  if (status == GH_OK)
    return TRUE;
  g_set_error (error, GH_ERROR, GH_ERROR_DEVICE, "The processor cannot look for edges: %s", gh_last_error (eye->ctx));
  return FALSE;
}

gboolean
gh_edge_eye_no_memory (const GhEdgeEye *eye, guint frames, GError **error)
{
  g_set_error (error, GH_ERROR, GH_ERROR_DEVICE, "no memory for the edges of %u frames, %d each", frames, eye->n);
  return FALSE;
}

gboolean
gh_edge_eye_go_on (const GhEdgeEye *eye, double part, GError **error)
{
  return eye->pictures->go_on (eye->pictures->data, part, error);
}

gboolean
gh_edge_eye_see (const GhEdgeEye *eye, guint i, double part, GError **error)
{
  const GhMaeConfig *c = eye->config;

  return gh_edge_eye_go_on (eye, part, error) && eye->pictures->picture (eye->pictures->data, i, eye->rgb, error)
      && gh_edge_eye_check (eye, gh_edges_see (eye->ctx, eye->edges,
          eye->logarithms, c, eye->channels, eye->rgb, (gsize) c->width * 3, 1), error);
}
