/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-surprise-fit.h (private): what gh-surprise.h needs to know of a camera, from its frames without labels.
 */
#pragma once

#include "gh-edge-eye.h"
#include "gh-scales.h"
#include "gh-surprise.h"

G_BEGIN_DECLS

typedef struct {
  float *light;                 /* [k,n], rows of length 1 at right angles; zero where less varies */
  float *bias;                  /* [k]: minus the usual edges in terms of the light */
  float *usual;                 /* [n] */
  float level;                  /* of energies: their root mean square */
  GhScales *scales;             /* [bands]: of the shares */
} GhSurpriseFit;

/* From n >= 2 frames, each of which is asked for up to four times, by `threads` (0: all processors). The light has at most
 * one component for four frames; which they are is told from evenly spread edges, as many as 128 MiB hold of all frames.
 * DEVICE when memory is short, or the error of `pictures`. */
gboolean gh_surprise_fit (GhSurpriseFit *fit, const GhMaeConfig *config, guint n, const GhPictures *pictures, int threads,
    GError **error);
void gh_surprise_fit_clear (GhSurpriseFit *fit);

G_END_DECLS
