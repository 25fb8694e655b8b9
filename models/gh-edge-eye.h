/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-edge-eye.h (private): the edges of a camera's frames, one by one, for what is fitted to them.
 */
#pragma once

#include "gh-edges.h"

G_BEGIN_DECLS

/* A camera's frames, for what is fitted to them. FALSE and an error ends the fit. */
typedef struct {
  gboolean (*picture) (gpointer data, guint i, guint8 *rgb, GError **error);    /* frame i -> rgb[height,width,3] */
  gboolean (*go_on) (gpointer data, double part, GError **error);               /* part: how much of the fit is done */
  gpointer data;
} GhPictures;

typedef struct {
  const GhMaeConfig *config;
  int channels;
  const GhPictures *pictures;
  GhCtx *ctx;                   /* of the host */
  int n;                        /* edges */
  float *edges;                 /* [n] of the frame seen last */
  float *logarithms;
  guint8 *rgb;                  /* [height,width,3] */
} GhEdgeEye;

/* By `threads`, 0: all processors. To be closed whatever this returns. DEVICE when there is no processor to do it. */
gboolean gh_edge_eye_open (GhEdgeEye *eye, const GhMaeConfig *config, int channels, const GhPictures *pictures,
    int threads, GError **error);
void gh_edge_eye_close (GhEdgeEye *eye);

/* Frame i -> eye->edges, when `part` of the fit is done. */
gboolean gh_edge_eye_see (const GhEdgeEye *eye, guint i, double part, GError **error);
gboolean gh_edge_eye_go_on (const GhEdgeEye *eye, double part, GError **error);
/* status == GH_OK, else the error of the eye's context that it stands for. */
gboolean gh_edge_eye_check (const GhEdgeEye *eye, GhStatus status, GError **error);
/* An error that says how many edges of how many frames there is no memory for. Always FALSE. */
gboolean gh_edge_eye_no_memory (const GhEdgeEye *eye, guint frames, GError **error);

G_END_DECLS
