/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-random.h: seeded random numbers: GLib's generator for training heads, in streams that do not overlap; and
 * splitmix64 (Steele, Lea & Flood 2014), whose whole state is one word, for what must be the same on every machine or
 * must be had at any place of a stream without the numbers before it. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Generator number `stream` of a seed. Free with g_rand_free(). */
GRand *gh_rand_new (guint64 seed, int stream);
/* Standard normal. */
double gh_rand_normal (GRand *rand);
void gh_rand_shuffle (GRand *rand, int *values, int n);

guint64 gh_splitmix (guint64 *state);
/* 0 <= x < 1. */
double gh_splitmix_double (guint64 *state);
/* 0..n-1, n above 0. */
guint64 gh_splitmix_below (guint64 *state, guint64 n);
/* The state a stream of numbers starts from, by seed and name, and by a number within it. */
guint64 gh_splitmix_stream (guint64 seed, const char *name);
guint64 gh_splitmix_substream (guint64 stream, guint64 number);

/* Where `index` of 0..n-1 stands in a random order of them, the order being that of `key`: nothing is stored. */
guint64 gh_permute (guint64 index, guint64 n, guint64 key);

G_END_DECLS
