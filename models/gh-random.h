/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-random.h: seeded random numbers for training heads: GLib's generator, in streams that do not overlap. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Generator number `stream` of a seed. Free with g_rand_free(). */
GRand *gh_rand_new (guint64 seed, int stream);
/* Standard normal. */
double gh_rand_normal (GRand *rand);
void gh_rand_shuffle (GRand *rand, int *values, int n);

G_END_DECLS
