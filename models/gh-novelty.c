/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-novelty.c: see gh-novelty.h. */
#include "gh-novelty.h"

#include <math.h>
#include <string.h>

struct _GhNovelty {
  guint dim, most;
  float *chosen;                /* ring [most,dim] */
  guint64 n_chosen;
  guint64 n_seen;
  double *mean, *squares;       /* [dim], Welford's */
  float *weight;                /* [dim]: 1 / (dim * variance), of the last call */
};

GhNovelty *
gh_novelty_new (guint dim, guint most)
{
  GhNovelty *novelty = g_new0 (GhNovelty, 1);

  novelty->dim = dim;
  novelty->most = MAX (most, 1);
  novelty->chosen = g_new (float, (gsize) novelty->most * dim);
  novelty->mean = g_new0 (double, dim);
  novelty->squares = g_new0 (double, dim);
  novelty->weight = g_new (float, dim);
  return novelty;
}

void
gh_novelty_free (GhNovelty *novelty)
{
  if (novelty == NULL)
    return;
  g_free (novelty->chosen);
  g_free (novelty->mean);
  g_free (novelty->squares);
  g_free (novelty->weight);
  g_free (novelty);
}

static gboolean
is_finite (const float *x, guint n)
{
  for (guint i = 0; i < n; i++)
    if (!isfinite (x[i]))
      return FALSE;
  return TRUE;
}

static void
see (GhNovelty *novelty, const float *x)
{
  novelty->n_seen++;
  for (guint i = 0; i < novelty->dim; i++) {
    double off = x[i] - novelty->mean[i], variance;

    novelty->mean[i] += off / novelty->n_seen;
    novelty->squares[i] += off * (x[i] - novelty->mean[i]);
    variance = novelty->squares[i] / novelty->n_seen;
    /* What never changes says nothing. */
    novelty->weight[i] = variance > 0 ? (float) (1 / (novelty->dim * variance)) : 0;
  }
}

static float
squared_distance (const GhNovelty *novelty, const float *a, const float *b)
{
  float sum = 0;

  for (guint i = 0; i < novelty->dim; i++)
    sum += (a[i] - b[i]) * (a[i] - b[i]) * novelty->weight[i];
  return sum;
}

void
gh_novelty_see (GhNovelty *novelty, const float *embedding)
{
  if (is_finite (embedding, novelty->dim))
    see (novelty, embedding);
}

double
gh_novelty_of (GhNovelty *novelty, const float *embedding)
{
  guint n = (guint) MIN (novelty->n_chosen, novelty->most);
  double least = INFINITY;

  if (!is_finite (embedding, novelty->dim))
    return NAN;
  see (novelty, embedding);
  for (guint i = 0; i < n; i++)
    least = fmin (least, squared_distance (novelty, embedding, novelty->chosen + (gsize) i * novelty->dim));
  return sqrt (least);
}

void
gh_novelty_choose (GhNovelty *novelty, const float *embedding)
{
  memcpy (novelty->chosen + (gsize) (novelty->n_chosen++ % novelty->most) * novelty->dim, embedding,
      novelty->dim * sizeof *embedding);
}
