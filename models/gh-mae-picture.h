/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-mae-picture.h: what a masked autoencoder knows, as pictures: a frame with most of its patches hidden, and the
 * frame as encoder and decoder complete it from the patches that were left.
 *
 * With the target PATCH the decoder predicts patches normalised by their own mean and spread, so a picture takes
 * these two from the patch that was hidden, as MAE's authors do in theirs: light and contrast of a hidden patch are
 * given, its structure is the model's.
 */
#pragma once

#include "gh-encoder.h"

G_BEGIN_DECLS

typedef struct _GhMaePicture GhMaePicture;

/* For one frame at a time; keeps a reference to the encoder. UNSUITABLE when its file holds no decoder, DEVICE when
 * memory is short. One thread at a time. */
GhMaePicture *gh_mae_picture_new (GhEncoder *encoder, GError **error);
void gh_mae_picture_free (GhMaePicture *picture);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GhMaePicture, gh_mae_picture_free)

/* Which patches are hidden: `ratio` of them (negative: the configuration's own ratio; at least one patch stays),
 * chosen by `seed` and the frame's number. */
typedef struct {
  double ratio;
  guint64 seed;
  guint64 number;
} GhMaePictureMask;

/* From rgb[height,width,3] of the model's size, `stride` bytes a row, to pictures of the same size, `out_stride` bytes
 * a row; either may be NULL. masked: hidden patches in the configuration's mean colour. completed: hidden patches as
 * predicted, the others as they are. loss (may be NULL): what training calls the loss of this frame, about 1 for a
 * model that knows nothing; 0 when no patch is hidden. */
gboolean gh_mae_picture_make (GhMaePicture *picture, const guint8 *rgb, gsize stride, const GhMaePictureMask *mask,
    guint8 *masked, guint8 *completed, gsize out_stride, double *loss, GError **error);

G_END_DECLS
