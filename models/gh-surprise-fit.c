/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-surprise-fit.c: the frames once for how they vary, once for the components that follow, and, as an encoder will
 * see them, for the level and for what is above it.
 */
#include "gh-surprise-fit.h"
#include "gh-linalg.h"

#include <math.h>
#include <string.h>

#define SEEN_VALUES (1 << 25)
#define LEVEL_FRAMES 250
/* For each component of the light: with fewer it would explain these frames better than any others. */
#define FRAMES_PER_COMPONENT 4
/* What varies less than this part of the most is rounding. */
#define LEAST_VALUE 1e-5

typedef struct {
  const GhMaeConfig *config;
  guint frames;
  int n, k;                     /* edges, components */
  GhPictureFunc picture;
  gpointer data;
  guint8 *rgb;                  /* [height,width,3] */
  GhCtx *ctx;                   /* of the host */
  GhSurprise surprise;          /* its vectors, in memory of the host */
  float *logarithms, *minus_usual;
  GhArena arena;
  GhSurpriseActs acts;
} Eye;

static void
eye_clear (Eye *eye)
{
  gh_surprise_clear (&eye->surprise);
  if (eye->arena.base)
    gh_free (eye->ctx, eye->arena.base);
  g_free (eye->logarithms);
  g_free (eye->minus_usual);
  g_free (eye->rgb);
  gh_ctx_free (eye->ctx);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Eye, eye_clear)

static gboolean
no_memory (const Eye *eye, GError **error)
{
  g_set_error (error, GH_ERROR, GH_ERROR_DEVICE, "no memory for the edges of %u frames, %d each", eye->frames, eye->n);
  return FALSE;
}

static gboolean
eye_open (Eye *eye, int threads, GError **error)
{
  const GhMaeConfig *c = eye->config;
  GhArena count = { NULL };
  char reason[256] = "";
  void *memory = NULL;

  if (gh_ctx_new (&eye->ctx, GH_DEVICE_CPU, threads, reason, sizeof reason) != GH_OK) {
    g_set_error (error, GH_ERROR, GH_ERROR_DEVICE, "The processor cannot look for edges: %s", reason);
    return FALSE;
  }
  gh_surprise_plan (&eye->acts, &count, c, 1);
  if (gh_alloc (eye->ctx, &memory, count.peak) != GH_OK)
    return no_memory (eye, error);
  eye->arena.base = memory;
  gh_surprise_plan (&eye->acts, &eye->arena, c, 1);
  eye->rgb = g_malloc ((gsize) c->height * c->width * 3);
  eye->logarithms = g_new (float, gh_surprise_logarithms (c));
  gh_surprise_fill_logarithms (c, eye->logarithms);
  eye->surprise.logarithms = eye->logarithms;
  return TRUE;
}

static gboolean
kernels_did (const Eye *eye, GhStatus status, GError **error)
{
  if (status == GH_OK)
    return TRUE;
  g_set_error (error, GH_ERROR, GH_ERROR_DEVICE, "The processor cannot look for edges: %s", gh_last_error (eye->ctx));
  return FALSE;
}

/* Frame i's edges, in eye->acts.edges. */
static gboolean
see (const Eye *eye, guint i, GError **error)
{
  const GhMaeConfig *c = eye->config;

  return eye->picture (eye->data, i, eye->rgb, error)
      && kernels_did (eye, gh_surprise_see (eye->ctx, &eye->acts, &eye->surprise, c, eye->rgb, (gsize) c->width * 3, 1),
      error);
}

/* Of so many edges one is looked at; never by a multiple of the channels, or it would be always the same channel's. */
static int
step_over (const Eye *eye)
{
  int step = MAX (1, (int) (((gint64) eye->n * eye->frames + SEEN_VALUES - 1) / SEEN_VALUES));

  return step > 1 && step % 3 == 0 ? step + 1 : step;
}

/* seen[frames,some], less their mean; all edges' mean. */
static gboolean
see_all (GhSurpriseFit *fit, const Eye *eye, float *seen, int some, int step, GError **error)
{
  g_autofree double *sum = g_new0 (double, eye->n);

  for (guint i = 0; i < eye->frames; i++) {
    if (!see (eye, i, error))
      return FALSE;
    for (int j = 0; j < eye->n; j++)
      sum[j] += eye->acts.edges[j];
    for (int j = 0; j < some; j++)
      seen[(gsize) i * some + j] = eye->acts.edges[(gsize) j * step];
  }
  for (int j = 0; j < eye->n; j++)
    fit->usual[j] = (float) (sum[j] / eye->frames);
  for (guint i = 0; i < eye->frames; i++)
    for (int j = 0; j < some; j++)
      seen[(gsize) i * some + j] -= fit->usual[(gsize) j * step];
  return TRUE;
}

/* How the frames vary around the edges' mean, by the most first: weight[count,frames] of the frames in each component,
 * told from some of their edges; the frames' products with each other have it all. */
static double *
find_variation (GhSurpriseFit *fit, const Eye *eye, int *count, GError **error)
{
  const int step = step_over (eye), some = (eye->n + step - 1) / step, frames = eye->frames;
  g_autofree float *seen = g_try_new (float, (gsize) frames * some), *gram = g_new (float, (gsize) frames * frames);
  g_autofree double *weight = g_new (double, (gsize) frames * frames), *value = g_new (double, frames);
  const GhMat rows = { seen, some }, products = { gram, frames };

  if (!seen)
    return no_memory (eye, error), NULL;
  if (!see_all (fit, eye, seen, some, step, error)
      || !kernels_did (eye, gh_bmm (eye->ctx, products, rows, false, rows, true, 1, 0, 1, 1, frames, frames, some), error))
    return NULL;
  for (int i = 0; i < frames * frames; i++)
    weight[i] = gram[i];
  *count = 0;
  if (gh_eigen_symmetric (weight, value, frames))
    while (*count < MIN (eye->k, frames / FRAMES_PER_COMPONENT) && value[*count] > LEAST_VALUE * value[0])
      ++*count;
  return g_steal_pointer (&weight);
}

/* light[i] += the frame's part in component i. */
static void
add_frame (double *light, const Eye *eye, const GhSurpriseFit *fit, const double *weight, guint frame, int count)
{
  g_autofree double *edges = g_new (double, eye->n);

  for (int j = 0; j < eye->n; j++)
    edges[j] = eye->acts.edges[j] - fit->usual[j];
  for (int i = 0; i < count; i++)
    gh_axpy (light + (gsize) i * eye->n, weight[(gsize) i * eye->frames + frame], edges, eye->n);
}

/* The components of all edges; those of some stand at right angles, so these nearly do already. */
static gboolean
find_light (GhSurpriseFit *fit, const Eye *eye, const double *weight, int count, GError **error)
{
  const int n = eye->n;
  g_autofree double *light = g_try_new0 (double, (gsize) MAX (count, 1) * n), *usual = g_new (double, n);

  if (!light)
    return no_memory (eye, error);
  for (guint frame = 0; frame < eye->frames; frame++) {
    if (!see (eye, frame, error))
      return FALSE;
    add_frame (light, eye, fit, weight, frame, count);
  }
  for (int j = 0; j < n; j++)
    usual[j] = fit->usual[j];
  for (int i = 0; i < count; i++) {
    double *component = light + (gsize) i * n, length;

    for (int other = 0; other < i; other++)
      gh_axpy (component, -gh_dot (component, light + (gsize) other * n, n), light + (gsize) other * n, n);
    length = sqrt (gh_dot (component, component, n));
    for (int j = 0; j < n; j++) {
      component[j] = length > 0 ? component[j] / length : 0;
      fit->light[(gsize) i * n + j] = (float) component[j];
    }
    fit->bias[i] = (float) -gh_dot (component, usual, n);
  }
  return TRUE;
}

static gboolean
pack_light (Eye *eye, const GhSurpriseFit *fit, GError **error)
{
  g_autofree float *turned = gh_surprise_turn_light (fit->light, eye->k, eye->n);

  eye->minus_usual = g_new (float, eye->n);
  for (int j = 0; j < eye->n; j++)
    eye->minus_usual[j] = -fit->usual[j];
  eye->surprise.light.bias = fit->bias;
  eye->surprise.unlit.bias = eye->minus_usual;
  if (!turned)
    return no_memory (eye, error);
  return kernels_did (eye, gh_pack (eye->ctx, &eye->surprise.light.weight, fit->light, eye->k, eye->n, GH_DTYPE_F32),
      error) && kernels_did (eye, gh_pack (eye->ctx, &eye->surprise.unlit.weight, turned, eye->n, eye->k, GH_DTYPE_F32),
      error);
}

static gboolean
find_level (GhSurpriseFit *fit, Eye *eye, GError **error)
{
  const int places = gh_surprise_places (eye->config), count = MIN (eye->frames, LEVEL_FRAMES);
  double square = 0;

  for (int i = 0; i < count; i++) {
    if (!see (eye, (guint64) i * eye->frames / count, error)
        || !kernels_did (eye, gh_surprise_unlight (eye->ctx, &eye->acts, &eye->surprise, eye->config, 1), error))
      return FALSE;
    for (int j = 0; j < places; j++)
      square += (double) eye->acts.energy[j] * eye->acts.energy[j] / places / count;
  }
  /* Frames that are all the same have nothing above any level. */
  fit->level = eye->surprise.level = square > 0 ? (float) sqrt (square) : 1;
  return TRUE;
}

static gboolean
find_scales (GhSurpriseFit *fit, const Eye *eye, GError **error)
{
  const GhMaeConfig *c = eye->config;
  const int bands = gh_surprise_bands (c);
  g_autofree float *share = g_new (float, (gsize) eye->frames * bands);
  g_autofree int *all = g_new (int, eye->frames);

  for (guint i = 0; i < eye->frames; i++) {
    all[i] = i;
    if (!eye->picture (eye->data, i, eye->rgb, error)
        || !kernels_did (eye, gh_surprise_forward (eye->ctx, &eye->acts, &eye->surprise, c, eye->rgb,
                (gsize) c->width * 3, 1), error))
      return FALSE;
    memcpy (share + (gsize) i * bands, eye->acts.share, bands * sizeof *share);
  }
  fit->scales = gh_scales_new (share, bands, all, eye->frames);
  return TRUE;
}

gboolean
gh_surprise_fit (GhSurpriseFit *fit, const GhMaeConfig *c, guint n, GhPictureFunc picture, gpointer data, int threads,
    GError **error)
{
  g_auto (Eye) eye = { c, n, gh_surprise_edges (c), c->surprise, picture, data };
  g_autofree double *weight = NULL;
  int count;

  fit->light = g_try_new0 (float, (gsize) eye.k * eye.n);
  fit->bias = g_new0 (float, eye.k);
  fit->usual = g_new (float, eye.n);
  if (!fit->light)
    return no_memory (&eye, error);
  weight = eye_open (&eye, threads, error) ? find_variation (fit, &eye, &count, error) : NULL;
  return weight && find_light (fit, &eye, weight, count, error) && pack_light (&eye, fit, error)
      && find_level (fit, &eye, error) && find_scales (fit, &eye, error);
}

void
gh_surprise_fit_clear (GhSurpriseFit *fit)
{
  g_free (fit->light);
  g_free (fit->bias);
  g_free (fit->usual);
  gh_scales_free (fit->scales);
}
