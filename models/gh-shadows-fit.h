/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-shadows-fit.h (private): what gh-shadows.h needs to know of a camera, from its frames without labels.
 *
 * "Within hours" is told by the order of the frames alone: what varies around the mean of a twelfth of them, those before
 * and after. Over twelve days that is a day, and shadows are found by what changes in the course of it. Anything from a
 * fortieth to a sixth of the frames gave the same; the frames have to be of several days.
 */
#pragma once

#include "gh-edge-eye.h"

G_BEGIN_DECLS

typedef struct {
  float *weight;                /* [k,n], as files hold them, to bfloat16 */
  float *bias;                  /* [k] */
  int count;                    /* numbers that tell something, the first ones; the others are 0 */
} GhShadowsFit;

/* From n >= 2 frames in the order of their time, each of which is asked for once, by `threads` (0: all processors). There is
 * at most one number for four frames (and one for fewer). 512 MiB hold edges, beside a few matrices as large as the result;
 * where all frames have more, fewer are looked at, evenly spread.
 * DEVICE when memory is short, or the error of `pictures`. */
gboolean gh_shadows_fit (GhShadowsFit *fit, const GhMaeConfig *config, guint n, const GhPictures *pictures, int threads,
    GError **error);
void gh_shadows_fit_clear (GhShadowsFit *fit);

G_END_DECLS
