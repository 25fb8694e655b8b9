/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-frame-fit.h (private to models/): frames of a stream, as they come, become pictures of the model's size in the
 * memory of a context. gh_encoder_session_expect() is its public door.
 *
 * It plans how (the order of the steps, their tables and gains) when the stream or the crop changes; gh_fit_fwd() does
 * the work. Bound to its context's thread.
 */
#pragma once

#include "gh-frame-layout.h"
#include "kernels/gh-kernels.h"

G_BEGIN_DECLS

typedef struct _GhFrameFit GhFrameFit;

/* Pictures rgb[height,width,3]. ctx is borrowed and outlives the object. */
GhFrameFit *gh_frame_fit_new (GhCtx *ctx, int width, int height);
void gh_frame_fit_free (GhFrameFit *fit);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GhFrameFit, gh_frame_fit_free)

/* Forgets frames that were sent. GH_UNSUPPORTED when such frames, or this part of them, have no exact plan; then nothing
 * is planned. */
GhStatus gh_frame_fit_expect (GhFrameFit *fit, const GhFrameLayout *layout, const GhFrameRectangle *part);
gboolean gh_frame_fit_is_planned (const GhFrameFit *fit);
/* A frame as expected: host memory of the layout's planes, which stays as it is until run() is through with it. To a
 * device its copy has begun when this returns. At most GH_FRAMES_AHEAD have been sent and not run. */
GhStatus gh_frame_fit_send (GhFrameFit *fit, const guint8 *const *planes, const gsize *strides);
/* The same for a frame that lies in the context's memory already and is read there: nothing is copied. On the host no
 * other than send(). */
GhStatus gh_frame_fit_lend (GhFrameFit *fit, const guint8 *const *planes, const gsize *strides);
guint gh_frame_fit_ahead (const GhFrameFit *fit);    /* how many */
void gh_frame_fit_drop (GhFrameFit *fit);            /* forgets them all; the plan stays */
/* The oldest that was sent, into rgb, memory of the context. */
GhStatus gh_frame_fit_run (GhFrameFit *fit, guint8 *rgb);

G_END_DECLS
