/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-view.h (private): augmentation: a random view of a frame, cropped, mirrored and lit differently, which gh_view_fwd()
 * renders at the model's size.
 */
#pragma once

#include <glib.h>

#include "kernels/gh-kernels.h"

G_BEGIN_DECLS

/* Draws from the stream `random`, all but which frame it is of. crop: the smallest share of the area; proportion: width /
 * height of what the model sees, a crop's is that give or take a third. */
void gh_view_draw (GhView *view, guint64 *random, int frame_height, int frame_width, double proportion, double crop,
    gboolean flip, double light);

G_END_DECLS
