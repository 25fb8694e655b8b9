/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-view.h (private): augmentation: a random view of a frame, cropped, mirrored and lit differently, scaled to the
 * model's size. Whole frames of that size pass as they are, in every bit.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  int x, y, width, height;      /* what is shown of the frame, in its pixels */
  gboolean flip;
  gboolean is_lit;
  guint8 curve[3][256];         /* of R, G, B when is_lit */
} GhView;

/* Room for scaling; grows with the sizes asked for. */
typedef struct {
  gint32 *left;                 /* [width] place in a row of the pixel to the left */
  guint16 *weight;              /* [width] of the pixel to the right, in 1/256 */
  guint16 *row;                 /* [frame width + 1,3] two rows mixed, in 1/256 */
  int max_width, max_frame_width;
} GhViewRoom;

/* Draws from the stream `random`. crop: the smallest share of the area; proportion: width / height of what the model
 * sees, a crop's is that give or take a third. */
void gh_view_draw (GhView *view, guint64 *random, int frame_height, int frame_width, double proportion, double crop,
    gboolean flip, double light);

/* out[height,width,3] from frame[frame_height,frame_width,3]; bilinear, so that only a reduction up to twofold is
 * clean. */
void gh_view_render (const GhView *view, guint8 *out, int height, int width, const guint8 *frame, int frame_width,
    GhViewRoom *room);

void gh_view_room_clear (GhViewRoom *room);

G_END_DECLS
