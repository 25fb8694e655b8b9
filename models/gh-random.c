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

guint64
gh_splitmix (guint64 *state)
{
  guint64 z = *state += G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);

  z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT (0x94d049bb133111eb);
  return z ^ (z >> 31);
}

double
gh_splitmix_double (guint64 *state)
{
  return (double) (gh_splitmix (state) >> 11) * 0x1p-53;
}

/* The bias of n/2^64 is nothing here. */
guint64
gh_splitmix_below (guint64 *state, guint64 n)
{
  return gh_splitmix (state) % n;
}

/* FNV-1a of the name, mixed with the seed. */
guint64
gh_splitmix_stream (guint64 seed, const char *name)
{
  guint64 hash = G_GUINT64_CONSTANT (0xcbf29ce484222325);

  for (; *name; name++)
    hash = (hash ^ (guint8) *name) * G_GUINT64_CONSTANT (0x100000001b3);
  seed ^= hash;
  return gh_splitmix (&seed);
}

guint64
gh_splitmix_substream (guint64 stream, guint64 number)
{
  stream += number * G_GUINT64_CONSTANT (0xd1342543de82ef95);
  return gh_splitmix (&stream);
}

/* A Feistel network (Luby & Rackoff 1988) over the least even number of bits that holds n, walked until it lands below
 * n. */
guint64
gh_permute (guint64 index, guint64 n, guint64 key)
{
  int half = 1;
  guint64 mask;

  while (half < 32 && n > G_GUINT64_CONSTANT (1) << 2 * half)
    half++;
  mask = (G_GUINT64_CONSTANT (1) << half) - 1;
  do {
    guint64 left = index >> half, right = index & mask;

    for (int round = 0; round < 6; round++) {
      guint64 mixed = gh_splitmix_substream (key + round, right) & mask, next = left ^ mixed;

      left = right;
      right = next;
    }
    index = left << half | right;
  } while (index >= n);
  return index;
}
