/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-random.c: see the header. */
#include "gh-random.h"

#include <math.h>

GRand *
gh_rand_new (guint64 seed, int stream)
{
  guint32 words[] = { seed, seed >> 32, (guint32) stream };

  return g_rand_new_with_seed_array (words, G_N_ELEMENTS (words));
}

/* Box & Muller 1958; the second number of the pair is not kept, so that a generator has no hidden state. */
double
gh_rand_normal (GRand *rand)
{
  double radius = sqrt (-2 * log (1 - g_rand_double (rand)));

  return radius * cos (2 * G_PI * g_rand_double (rand));
}

void
gh_rand_shuffle (GRand *rand, int *values, int n)
{
  for (int i = n - 1; i > 0; i--) {
    int j = g_rand_int_range (rand, 0, i + 1), swap = values[i];

    values[i] = values[j];
    values[j] = swap;
  }
}
