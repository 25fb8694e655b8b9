/* SPDX-License-Identifier: LGPL-2.1-or-later
 * plaza-shadow.h: the shadows of what never moves, for one position of the sun. */
#pragma once

#include <cairo.h>

#include "plaza-backdrop.h"

G_BEGIN_DECLS

/* Clears the plane (alpha: how much of the sun arrives) wherever houses, trees and the like are in the way. sun is a
 * unit vector towards the sun; nothing is drawn when it is down. */
void plaza_shadow_paint (cairo_t *cr, const PlazaCamera *camera, PlazaPoint sun);

G_END_DECLS
