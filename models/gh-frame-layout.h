/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-frame-layout.h: what the frames of a stream look like, for gh_encoder_session_expect().
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define GH_FRAME_MAX_PLANES 3
#define GH_FRAMES_AHEAD 2       /* frames that may have been sent to a session and are not yet encoded */

/* Three channels of bytes, R, G, B or Y, Cb, Cr, anywhere in up to three planes. */
typedef struct {
  int width, height;
  int n_planes;
  struct {
    int plane, step;            /* samples lie `step` bytes apart in their plane, */
    int offset;                 /* the first of a row so many bytes after its start */
  } channel[3];
  gboolean subsampled;          /* Cb and Cr have half the rows and columns, rounded up (4:2:0) */
  gboolean cosited;             /* ... and stand in the columns of the even samples of Y, else between two */
  /* R, G, B in three bytes of one plane. Such frames are resized a little differently, as they always were. */
  gboolean packed_rgb;
  /* Y'CbCr: the weights of red and blue in Y (0: the channels are RGB); how many steps make up the range of each. */
  double kr, kb;
  int range[3];
} GhFrameLayout;

typedef struct {
  int x, y, width, height;
} GhFrameRectangle;

G_END_DECLS
