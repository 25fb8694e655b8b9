/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-shadows-fit.c: all edges of all frames in memory, in units of their noise; by turns, the loadings that explain most of
 * what varies within hours in these units, and the noise that they leave.
 */
#include "gh-shadows-fit.h"
#include "gh-bfloat.h"
#include "gh-error.h"
#include "gh-linalg.h"
#include "gh-random.h"
#include "gh-shadows.h"

#include <math.h>
#include <string.h>

#define SEEN_VALUES (1 << 27)
/* For each number: with fewer it would explain these frames better than any others. */
#define FRAMES_PER_NUMBER 4
/* On either side, the part of the frames whose mean is not within hours. */
#define WINDOW (1.0 / 24)
/* Turns of loadings and noise: two give nearly the same. */
#define TURNS 5
/* Products of the matrix with the space in the first turn, and in those after it. */
enum { FIRST_STEPS = 12, STEPS = 4 };
/* An edge is not taken for better than this part of the median noise, nor for better than rounding. */
#define LEAST_NOISE 0.1
#define ROUNDING 1e-6
/* What varies less than this part of the most is rounding. */
#define LEAST_VALUE 1e-5

typedef struct {
  GhEdgeEye eye;
  int frames, n, k;
  int told;                     /* numbers that tell something, the first ones */
  float *seen;                  /* [frames,n] edges less the usual ones, over the root of their noise */
  double *usual;                /* [n] */
  double *noise;                /* [n] variances; before the first turn, of all that varies */
  double *square;               /* [n] mean square of what was seen */
  double *space;                /* [k,frames] orthonormal, the frames' parts in what varies within hours */
  float *loadings;              /* [k,n], as seen, for rows of length 1 in the space */
  guint64 random;
  double *parts;                /* [k,frames] of the loadings in the frames as seen */
} Look;

static void
look_clear (Look *look)
{
  gh_edge_eye_close (&look->eye);
  g_free (look->seen);
  g_free (look->usual);
  g_free (look->noise);
  g_free (look->square);
  g_free (look->space);
  g_free (look->loadings);
  g_free (look->parts);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Look, look_clear)

static gboolean
not_finite (GError **error)
{
  g_set_error_literal (error, GH_ERROR, GH_ERROR_DATA, "the frames' edges have products that are not finite");
  return FALSE;
}

/* ---- what is seen ------------------------------------------------------------------------------------------------ */

/* seen *= factor[n] in every frame. */
static void
scale_seen (Look *look, const float *factor)
{
  for (int i = 0; i < look->frames; i++)
    for (int j = 0; j < look->n; j++)
      look->seen[(gsize) i * look->n + j] *= factor[j];
}

static void
find_squares (Look *look)
{
  memset (look->square, 0, look->n * sizeof *look->square);
  for (int i = 0; i < look->frames; i++)
    for (int j = 0; j < look->n; j++) {
      const double value = look->seen[(gsize) i * look->n + j];

      look->square[j] += value * value / look->frames;
    }
}

/* Of n frames, as many as there is room for, in units of how much each edge varies. */
static gboolean
see_all (Look *look, guint n, GError **error)
{
  g_autofree float *factor = g_new (float, look->n);

  for (int i = 0; i < look->frames; i++) {
    if (!gh_edge_eye_see (&look->eye, (guint64) i * n / look->frames, (double) i / look->frames / 2, error))
      return FALSE;
    memcpy (look->seen + (gsize) i * look->n, look->eye.edges, look->n * sizeof *look->seen);
    for (int j = 0; j < look->n; j++)
      look->usual[j] += look->eye.edges[j] / (double) look->frames;
  }
  for (int i = 0; i < look->frames; i++)
    for (int j = 0; j < look->n; j++)
      look->seen[(gsize) i * look->n + j] -= look->usual[j];
  find_squares (look);
  for (int j = 0; j < look->n; j++) {
    look->noise[j] = look->square[j] + ROUNDING;
    factor[j] = 1 / sqrt (look->noise[j]);
  }
  scale_seen (look, factor);
  return TRUE;
}

/* ---- within hours ------------------------------------------------------------------------------------------------ */

static int
window (const Look *look)
{
  return MAX (1, (int) (look->frames * WINDOW));
}

/* The frames around frame i. */
static void
around (const Look *look, int i, int *begin, int *end)
{
  *begin = MAX (0, i - window (look));
  *end = MIN (look->frames, i + window (look) + 1);
}

static void
take_mean (double *x, int n)
{
  double mean = 0;

  for (int i = 0; i < n; i++)
    mean += x[i] / n;
  for (int i = 0; i < n; i++)
    x[i] -= mean;
}

/* x[frames] less its mean around each frame, and of mean 0. */
static void
keep_hours (const Look *look, double *x)
{
  g_autofree double *sum = g_new0 (double, look->frames + 1);
  int begin, end;

  for (int i = 0; i < look->frames; i++)
    sum[i + 1] = sum[i] + x[i];
  for (int i = 0; i < look->frames; i++) {
    around (look, i, &begin, &end);
    x[i] -= (sum[end] - sum[begin]) / (end - begin);
  }
  take_mean (x, look->frames);
}

/* The same map turned: (keep_hours x) . y = x . (hours_of y). */
static void
hours_of (const Look *look, double *y)
{
  g_autofree double *sum = g_new0 (double, look->frames + 1);
  int begin, end;

  take_mean (y, look->frames);
  for (int i = 0; i < look->frames; i++) {
    around (look, i, &begin, &end);
    sum[i + 1] = sum[i] + y[i] / (end - begin);
  }
  /* Whoever is around i has i around it. */
  for (int i = 0; i < look->frames; i++) {
    around (look, i, &begin, &end);
    y[i] -= sum[end] - sum[begin];
  }
}

/* products[frames,frames] of what varies within hours, as seen. */
static double *
multiply_frames (const Look *look, GError **error)
{
  const int N = look->frames;
  g_autofree float *gram = g_new (float, (gsize) N * N);
  g_autofree double *products = g_new (double, (gsize) N * N), *column = g_new (double, N);
  const GhMat seen = { look->seen, look->n };

  if (!gh_edge_eye_check (&look->eye, gh_bmm (look->eye.ctx, (GhMat) { gram, N }, seen, false, seen, true, 1, 0, 1, 1, N, N,
              look->n), error))
    return NULL;
  for (int i = 0; i < N; i++) {
    for (int j = 0; j < N; j++)
      products[(gsize) i * N + j] = gram[(gsize) i * N + j];
    keep_hours (look, products + (gsize) i * N);
  }
  for (int j = 0; j < N; j++) {
    for (int i = 0; i < N; i++)
      column[i] = products[(gsize) i * N + j];
    keep_hours (look, column);
    for (int i = 0; i < N; i++)
      products[(gsize) i * N + j] = column[i];
  }
  return g_steal_pointer (&products);
}

/* ---- the loadings ------------------------------------------------------------------------------------------------ */

/* Rows x[k,n] of length 1 and at right angles; one that is made of those before it becomes 0. */
static void
make_orthonormal (double *x, int k, int n)
{
  for (int i = 0; i < k; i++) {
    double *row = x + (gsize) i * n, before = gh_dot (row, row, n), left;

    /* Twice is enough. */
    for (int pass = 0; pass < 2; pass++)
      for (int j = 0; j < i; j++)
        gh_axpy (row, -gh_dot (row, x + (gsize) j * n, n), x + (gsize) j * n, n);
    left = gh_dot (row, row, n);
    for (int j = 0; j < n; j++)
      row[j] = left > 1e-20 * before ? row[j] / sqrt (left) : 0;
  }
}

/* image[k,N] = x[k,N] products[N,N], a symmetric one. */
static void
multiply (double *image, const double *x, const double *products, int k, int N)
{
  for (int i = 0; i < k; i++)
    for (int j = 0; j < N; j++)
      image[(gsize) i * N + j] = gh_dot (x + (gsize) i * N, products + (gsize) j * N, N);
}

/* Random numbers where the space has nothing, or nothing any more: with other noise there may be something. */
static void
fill_space (Look *look)
{
  const int N = look->frames;

  for (int i = 0; i < look->k; i++) {
    double *row = look->space + (gsize) i * N;

    if (gh_dot (row, row, N) > 0)
      continue;
    for (int j = 0; j < N; j++)
      row[j] = gh_splitmix_double (&look->random) - 0.5;
  }
}

/* The space of the first k eigenvectors (subspace iteration), by its own ones, largest first; those of nothing are 0. */
static gboolean
follow_space (Look *look, const double *products, int steps, GError **error)
{
  const int N = look->frames, k = look->k;
  g_autofree double *image = g_new (double, (gsize) k * N), *turn = g_new (double, (gsize) k * k);
  g_autofree double *value = g_new (double, k);

  for (int step = 0; step < steps; step++) {
    multiply (image, look->space, products, k, N);
    memcpy (look->space, image, (gsize) k * N * sizeof *image);
    make_orthonormal (look->space, k, N);
  }
  multiply (image, look->space, products, k, N);
  for (int i = 0; i < k; i++)
    for (int j = 0; j < k; j++)
      turn[(gsize) i * k + j] = gh_dot (look->space + (gsize) i * N, image + (gsize) j * N, N);
  if (!gh_eigen_symmetric (turn, value, k))
    return not_finite (error);
  memset (image, 0, (gsize) k * N * sizeof *image);
  for (int i = 0; i < k && value[i] > LEAST_VALUE * value[0]; i++)
    gh_axpy_rows (image + (gsize) i * N, turn + (gsize) i * k, look->space, k, N);
  memcpy (look->space, image, (gsize) k * N * sizeof *image);
  return TRUE;
}

static float *
as_floats (const double *x, gsize n)
{
  float *y = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    y[i] = x[i];
  return y;
}

/* Loadings of the space, and how much of them is in each frame, by least squares. */
static gboolean
find_loadings (Look *look, GError **error)
{
  const int N = look->frames, n = look->n, k = look->k;
  g_autofree double *turned = g_memdup2 (look->space, (gsize) k * N * sizeof *turned);
  g_autofree double *square = g_new (double, (gsize) k * k);
  g_autofree float *weight = NULL, *product = g_new (float, (gsize) k * N), *own = g_new (float, (gsize) k * k);
  const GhMat seen = { look->seen, n }, loadings = { look->loadings, n };
  GhCtx *ctx = look->eye.ctx;

  for (int i = 0; i < k; i++)
    hours_of (look, turned + (gsize) i * N);
  weight = as_floats (turned, (gsize) k * N);
  if (!gh_edge_eye_check (&look->eye, gh_bmm (ctx, loadings, (GhMat) { weight, N }, false, seen, false, 1, 0, 1, 1, k, n, N),
          error)
      || !gh_edge_eye_check (&look->eye, gh_bmm (ctx, (GhMat) { product, N }, loadings, false, seen, true, 1, 0, 1, 1, k, N,
              n), error)
      || !gh_edge_eye_check (&look->eye, gh_bmm (ctx, (GhMat) { own, k }, loadings, false, loadings, true, 1, 0, 1, 1, k, k,
              n), error))
    return FALSE;
  for (int i = 0; i < k; i++)
    for (int j = 0; j < k; j++)
      square[(gsize) i * k + j] = own[(gsize) i * k + j] + (i == j) * (1e-6 * own[0] + 1e-30);
  for (gsize i = 0; i < (gsize) k * N; i++)
    look->parts[i] = product[i];
  return gh_solve_positive (square, look->parts, k, N) || not_finite (error);
}

/* ---- the noise --------------------------------------------------------------------------------------------------- */

/* noise[n]: what the loadings leave of the frames, and of that the least that is believed. */
static gboolean
find_noise (Look *look, double *noise, GError **error)
{
  const int N = look->frames, n = look->n, k = look->k;
  g_autofree float *parts = as_floats (look->parts, (gsize) k * N), *own = g_new (float, (gsize) k * k);
  g_autofree float *twice = g_try_new (float, (gsize) k * n);
  g_autofree double *sorted = NULL;
  GhCtx *ctx = look->eye.ctx;
  double least;

  if (!twice)
    return gh_edge_eye_no_memory (&look->eye, N, error);
  for (int i = 0; i < k; i++)
    for (int j = 0; j < k; j++)
      own[(gsize) i * k + j] = gh_dot (look->parts + (gsize) i * N, look->parts + (gsize) j * N, N);
  /* |x - parts^T l|^2 = |x|^2 - (2 parts x - own l) . l for the loadings l of an edge. */
  if (!gh_edge_eye_check (&look->eye, gh_bmm (ctx, (GhMat) { twice, n }, (GhMat) { parts, N }, false,
              (GhMat) { look->seen, n }, false, 2, 0, 1, 1, k, n, N), error)
      || !gh_edge_eye_check (&look->eye, gh_bmm (ctx, (GhMat) { twice, n }, (GhMat) { own, k }, false,
              (GhMat) { look->loadings, n }, false, -1, 1, 1, 1, k, n, k), error))
    return FALSE;
  find_squares (look);
  for (int j = 0; j < n; j++)
    noise[j] = look->square[j];
  for (int i = 0; i < k; i++)
    for (int j = 0; j < n; j++)
      noise[j] -= (double) twice[(gsize) i * n + j] * look->loadings[(gsize) i * n + j] / N;
  for (int j = 0; j < n; j++)
    noise[j] = MAX (noise[j], 0) * look->noise[j];
  sorted = g_memdup2 (noise, n * sizeof *noise);
  least = MAX (LEAST_NOISE * gh_median (sorted, n), ROUNDING);
  for (int j = 0; j < n; j++)
    noise[j] = MAX (noise[j], least);
  return TRUE;
}

/* In units of that noise from now on. */
static void
take_noise (Look *look, const double *noise)
{
  g_autofree float *factor = g_new (float, look->n);

  for (int j = 0; j < look->n; j++) {
    factor[j] = sqrt (look->noise[j] / noise[j]);
    look->noise[j] = noise[j];
  }
  scale_seen (look, factor);
  for (int i = 0; i < look->k; i++)
    for (int j = 0; j < look->n; j++)
      look->loadings[(gsize) i * look->n + j] *= factor[j];
}

static gboolean
take_turn (Look *look, int steps, GError **error)
{
  g_autofree double *products = multiply_frames (look, error), *noise = g_new (double, look->n);

  if (!products)
    return FALSE;
  fill_space (look);
  if (!follow_space (look, products, steps, error) || !find_loadings (look, error) || !find_noise (look, noise, error))
    return FALSE;
  take_noise (look, noise);
  return TRUE;
}

/* ---- the numbers ------------------------------------------------------------------------------------------------- */

/* weight[k,n]: of the edges as seen, the likeliest numbers. */
static gboolean
find_weights (Look *look, GError **error)
{
  const int n = look->n, k = look->k;
  g_autofree float *own = g_new (float, (gsize) k * k), *mix = NULL, *weight = g_try_new (float, (gsize) k * n);
  g_autofree double *square = g_new (double, (gsize) k * k), *inverse = g_new0 (double, (gsize) k * k);
  const GhMat loadings = { look->loadings, n };
  const float share = 1.0f / look->frames;

  if (!weight)
    return gh_edge_eye_no_memory (&look->eye, look->frames, error);
  if (!gh_edge_eye_check (&look->eye, gh_bmm (look->eye.ctx, (GhMat) { own, k }, loadings, false, loadings, true, share, 0, 1,
              1, k, k, n), error))
    return FALSE;
  /* Of what the edges tell less of than is known without them, nothing is left in a number of variance 1 but noise. */
  while (look->told < k && own[(gsize) look->told * k + look->told] >= 1)
    look->told++;
  for (int i = 0; i < k; i++) {
    for (int j = 0; j < k; j++)
      square[(gsize) i * k + j] = own[(gsize) i * k + j] + (i == j);
    inverse[(gsize) i * k + i] = 1;
  }
  if (!gh_solve_positive (square, inverse, k, k))
    return not_finite (error);
  mix = as_floats (inverse, (gsize) k * k);
  if (!gh_edge_eye_check (&look->eye, gh_bmm (look->eye.ctx, (GhMat) { weight, n }, (GhMat) { mix, k }, false, loadings,
              false, sqrtf (share), 0, 1, 1, k, n, k), error))
    return FALSE;
  memcpy (look->loadings, weight, (gsize) k * n * sizeof *weight);
  return TRUE;
}

/* Weights of the edges themselves, for numbers of variance 1 over the frames. */
static gboolean
write_fit (const Look *look, GhShadowsFit *fit, GError **error)
{
  const int N = look->frames, n = look->n, k = look->k;
  g_autofree float *numbers = g_new (float, (gsize) k * N);

  if (!gh_edge_eye_check (&look->eye, gh_bmm (look->eye.ctx, (GhMat) { numbers, N }, (GhMat) { look->loadings, n }, false,
              (GhMat) { look->seen, n }, true, 1, 0, 1, 1, k, N, n), error))
    return FALSE;
  for (int i = 0; i < look->told; i++) {
    double variance = 0, shift = 0;

    for (int j = 0; j < N; j++)
      variance += (double) numbers[(gsize) i * N + j] * numbers[(gsize) i * N + j] / N;
    if (!(variance > 0))
      break;
    fit->count = i + 1;
    for (int j = 0; j < n; j++) {
      const float weight = gh_bfloat_round (look->loadings[(gsize) i * n + j] / sqrt (look->noise[j] * variance));

      fit->weight[(gsize) i * n + j] = weight;
      shift += (double) weight * look->usual[j];
    }
    fit->bias[i] = -shift;
  }
  return TRUE;
}

static gboolean
look_open (Look *look, guint n, GError **error)
{
  const gsize edges = look->n = look->eye.n;

  look->frames = MIN (n, MAX (2, SEEN_VALUES / edges));
  look->k = MIN (look->eye.config->shadows, MAX (look->frames / FRAMES_PER_NUMBER, 1));
  look->seen = g_try_new (float, look->frames * edges);
  look->usual = g_new0 (double, edges);
  look->noise = g_new (double, edges);
  look->square = g_new (double, edges);
  look->random = gh_splitmix_stream (1, "shadows");
  look->space = g_new0 (double, (gsize) look->k * look->frames);
  look->loadings = g_try_new (float, look->k * edges);
  look->parts = g_new (double, (gsize) look->k * look->frames);
  return (look->seen && look->loadings) || gh_edge_eye_no_memory (&look->eye, look->frames, error);
}

gboolean
gh_shadows_fit (GhShadowsFit *fit, const GhMaeConfig *c, guint n, const GhPictures *pictures, int threads, GError **error)
{
  g_auto (Look) look = { .n = 0 };

  fit->weight = g_try_new0 (float, (gsize) c->shadows * gh_edges_places (c));
  fit->bias = g_new0 (float, c->shadows);
  fit->count = 0;
  if (!gh_edge_eye_open (&look.eye, c, GH_SHADOWS_CHANNELS, pictures, threads, error))
    return FALSE;
  if (!fit->weight)
    return gh_edge_eye_no_memory (&look.eye, n, error);
  if (!look_open (&look, n, error) || !see_all (&look, n, error))
    return FALSE;
  for (int turn = 0; turn < TURNS; turn++)
    if (!gh_edge_eye_go_on (&look.eye, 0.5 + 0.5 * turn / TURNS, error)
        || !take_turn (&look, turn == 0 ? FIRST_STEPS : STEPS, error))
      return FALSE;
  return find_weights (&look, error) && write_fit (&look, fit, error);
}

void
gh_shadows_fit_clear (GhShadowsFit *fit)
{
  g_free (fit->weight);
  g_free (fit->bias);
}
