/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plaza-shade.h: surface colour x light, as tables. A pixel's surface picks the table and one byte of the light plane
 * the row: by day how much sun arrives (255 all of it), by night the lamps' light as in PlazaBackdrop.lamp, on glass
 * always the window's number.
 */
#pragma once

#include "plaza-backdrop.h"
#include "plaza-light.h"

G_BEGIN_DECLS

/* Blue, green, red, unused; 256 leaves a colour as it is. */
typedef struct { guint16 gain[PLAZA_N_SURFACES][256][4]; } PlazaShades;

void plaza_shades_set (PlazaShades *shades, const PlazaLight *light);
/* out[n] = albedo[n] lit, xRGB with x set to 255. Not for PLAZA_SKY, which shines by itself. */
void plaza_shades_apply (const PlazaShades *shades, PlazaSurface surface, guint32 *out, const guint32 *albedo,
    const guint8 *plane, int n);

/* Factors for the sRGB colour of something that stands free: sun and lamp say how much of either (0..1) gets there. */
PlazaColor plaza_shade_upright (const PlazaLight *light, PlazaPoint normal, double sun, double lamp);

G_END_DECLS
