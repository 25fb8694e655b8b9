/* SPDX-License-Identifier: LGPL-2.1-or-later
 * plaza-noise.h: sensor noise: mostly brightness, a little colour, different in every frame. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Adds noise of standard deviation sigma (8-bit steps; 0 adds none) to 32-bit xRGB pixels of the machine's byte order;
 * x stays. Same key, same noise. Thread-safe. */
void plaza_noise_add (guint64 key, double sigma, guint8 *pixels, gsize stride, int width, int height);

G_END_DECLS
