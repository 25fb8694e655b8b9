/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-resize.h (private to models/): the weights with which one direction of a picture is resized.
 *
 * A triangle as wide as the reduction (two neighbours when there is none), in whole numbers. They are those of
 * GStreamer 1.22's "linear" method for pictures of 8 bits, to the bit, because encoders were trained on pictures that it
 * made.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  int size, n_taps;             /* n_taps 0: nothing to do */
  int shift, round;
  gint32 *first;                /* [size] */
  guint16 *taps;                /* [size,n_taps] */
} GhResize;

/* What is special about two taps, which is what enlarging takes. COARSE: nothing, sums of 64ths. FINE: 256ths. RUN:
 * 256ths without rounding, at equal steps from the first sample to the last. */
typedef enum { GH_RESIZE_COARSE, GH_RESIZE_FINE, GH_RESIZE_RUN } GhResizePair;

/* samples, size: at least 1. FALSE, with nothing to free, when the reduction is too large for GH_FIT_MAX_TAPS, a size
 * is beyond 16384, or the weights cannot be rounded. */
gboolean gh_resize_init (GhResize *resize, int samples, int size, GhResizePair pair);
void gh_resize_clear (GhResize *resize);

G_END_DECLS
