/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plaza-paint.h: draws a moment of the plaza into a frame, and says who can be seen in it.
 *
 * A painter belongs to one frame size and one thread. It keeps the backdrop, and the lit sky, shadows and light tables
 * of the last light it drew; a frame in the same light then costs little more than its people.
 */
#pragma once

#include "plaza-moment.h"

G_BEGIN_DECLS

typedef struct _PlazaPainter PlazaPainter;

typedef struct { int x, y, width, height; } PlazaRect;

/* The people of whom at least half is visible, and the frame's part of each. */
typedef struct {
  int people;
  PlazaRect boxes[PLAZA_MAX_PEOPLE];
} PlazaTruth;

/* NULL when there is no memory for a frame of this size. */
PlazaPainter *plaza_painter_new (int width, int height);
void plaza_painter_free (PlazaPainter *painter);
const PlazaCamera *plaza_painter_camera (const PlazaPainter *painter);

/* pixels[height,width]: 32 bits each, xRGB in the machine's byte order (BGRx in memory on little endian), rows `stride`
 * bytes apart, 4-byte aligned; x is set to 255. noise: standard deviation in 8-bit steps by day. */
void plaza_painter_paint (PlazaPainter *painter, const PlazaMoment *moment, double noise, guint8 *pixels, gsize stride,
    PlazaTruth *truth);

G_END_DECLS
