/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-time-of-day.h (private): times of day as numbers to regress on, and back.
 *
 * A picture may look like ten in the morning and like three in the afternoon. Who regresses on (cos, sin) of the time gets
 * their mean, about noon, when it looked like neither; who is far from all labels gets the mean of everything. Heads
 * regress on a bump on the circle of the day instead, in its first K harmonics, and answer with the place where what they
 * add up to is highest:
 *
 *   y = v_1 cos t, v_1 sin t, v_2 cos 2t, v_2 sin 2t, ... v_K sin Kt        t = 2 pi minute/1440
 *   height (t) = y_0 cos t + y_1 sin t + y_2 cos 2t + ...                   1 at t itself, as the v_k add up to 1
 *   v_k ~ exp (-(3k/K)^2/2): a Gaussian bump, 3/K wide                      57 minutes for K = 12, 115 for K = 6
 *
 * K = 1 is (cos, sin), the better one where these follow from the picture in straight lines: kernel ridge tries it as well
 * (gh_day_plain()). Bumps have to be wider where labels are fewer and farther apart: K grows with the cube root of their
 * number, to 12 for 300. Within 15 minutes over 24 hours, (cos, sin) alone -> as here: 30 labels of plaza-test-src
 * 26 -> 34 %, 300 labels 69 -> 78 %; 300 labels of a real camera, an untrained encoder, later days 34 -> 39 %, on two
 * spans of days within those of the labels, where the width was chosen, 19 -> 38 and 24 -> 40 % (docs/experiments.md).
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define GH_DAY 1440.0            /* minutes */
#define GH_DAY_HARMONICS 12

/* K for so many labels, 1 to GH_DAY_HARMONICS. */
int gh_day_harmonics (int labels);

/* minute in [0,1440) -> y[outputs], outputs = 2 K. */
void gh_day_encode (double minute, double *y, int outputs);
/* factor[outputs] that makes of y the plain (cos, sin) and nothing else: 1/v_1 twice, and 0. */
void gh_day_plain (double *factor, int outputs);
/* y[outputs], finite -> the minute in [0,1440) where it is highest, of equals the first; its height, at least 0, goes to
 * *height unless that is NULL. */
double gh_day_decode (const double *y, int outputs, double *height);

G_END_DECLS
