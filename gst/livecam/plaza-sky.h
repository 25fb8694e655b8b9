/* SPDX-License-Identifier: LGPL-2.1-or-later
 * plaza-sky.h: the sky over the plaza: its colours, the glow where the sun is low, and clouds that drift by the minute. */
#pragma once

#include "plaza-light.h"

G_BEGIN_DECLS

/* pixels[rows,width]: xRGB, the topmost rows of the frame, as if nothing stood before the sky.
 * Thread-safe. */
void plaza_sky_paint (const PlazaCamera *camera, const PlazaLight *light, guint32 *pixels, int rows);

G_END_DECLS
