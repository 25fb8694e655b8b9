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
  GhEdgeEye eye;
  guint frames;
  int n, k;                     /* edges, components */
  GhSurprise surprise;          /* its vectors, in memory of the host */
  float *minus_usual;
  GhArena arena;
  GhSurpriseActs acts;
} Look;

static void
look_clear (Look *look)
{
  gh_surprise_clear (&look->surprise);
  if (look->arena.base)
    gh_free (look->eye.ctx, look->arena.base);
  g_free (look->minus_usual);
  gh_edge_eye_close (&look->eye);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Look, look_clear)

static gboolean
no_memory (const Look *look, GError **error)
{
  return gh_edge_eye_no_memory (&look->eye, look->frames, error);
}

static gboolean
plan_acts (Look *look, GError **error)
{
  GhArena count = { NULL };
  void *memory = NULL;

  gh_surprise_plan (&look->acts, &count, look->eye.config, 1);
  if (gh_alloc (look->eye.ctx, &memory, count.peak) != GH_OK)
    return no_memory (look, error);
  look->arena.base = memory;
  gh_surprise_plan (&look->acts, &look->arena, look->eye.config, 1);
  look->acts.edges = look->eye.edges;
  return TRUE;
}

static gboolean
kernels_did (const Look *look, GhStatus status, GError **error)
{
  return gh_edge_eye_check (&look->eye, status, error);
}

/* The frames are gone through so many times. */
enum { ALL_EDGES, LIGHT, LEVEL, SCALES, N_PASSES };

/* Frame i's edges, in look->eye.edges, which is where a forward pass finds them, too. */
static gboolean
see (const Look *look, int pass, guint i, GError **error)
{
  return gh_edge_eye_see (&look->eye, i, (pass + (double) i / look->frames) / N_PASSES, error);
}

/* Of so many edges one is looked at; never by a multiple of the channels, or it would be always the same channel's. */
static int
step_over (const Look *look)
{
  int step = MAX (1, (int) (((gint64) look->n * look->frames + SEEN_VALUES - 1) / SEEN_VALUES));

  return step > 1 && step % 3 == 0 ? step + 1 : step;
}

/* seen[frames,some], less their mean; all edges' mean. */
static gboolean
see_all (GhSurpriseFit *fit, const Look *look, float *seen, int some, int step, GError **error)
{
  g_autofree double *sum = g_new0 (double, look->n);

  for (guint i = 0; i < look->frames; i++) {
    if (!see (look, ALL_EDGES, i, error))
      return FALSE;
    for (int j = 0; j < look->n; j++)
      sum[j] += look->eye.edges[j];
    for (int j = 0; j < some; j++)
      seen[(gsize) i * some + j] = look->eye.edges[(gsize) j * step];
  }
  for (int j = 0; j < look->n; j++)
    fit->usual[j] = (float) (sum[j] / look->frames);
  for (guint i = 0; i < look->frames; i++)
    for (int j = 0; j < some; j++)
      seen[(gsize) i * some + j] -= fit->usual[(gsize) j * step];
  return TRUE;
}

/* How the frames vary around the edges' mean, by the most first: weight[count,frames] of the frames in each component,
 * told from some of their edges; the frames' products with each other have it all. */
static double *
find_variation (GhSurpriseFit *fit, const Look *look, int *count, GError **error)
{
  const int step = step_over (look), some = (look->n + step - 1) / step, frames = look->frames;
  g_autofree float *seen = g_try_new (float, (gsize) frames * some), *gram = g_new (float, (gsize) frames * frames);
  g_autofree double *weight = g_new (double, (gsize) frames * frames), *value = g_new (double, frames);
  const GhMat rows = { seen, some }, products = { gram, frames };

  if (!seen)
    return no_memory (look, error), NULL;
  if (!see_all (fit, look, seen, some, step, error)
      || !kernels_did (look, gh_bmm (look->eye.ctx, products, rows, false, rows, true, 1, 0, 1, 1, frames, frames, some),
          error))
    return NULL;
  for (int i = 0; i < frames * frames; i++)
    weight[i] = gram[i];
  *count = 0;
  if (gh_eigen_symmetric (weight, value, frames))
    while (*count < MIN (look->k, frames / FRAMES_PER_COMPONENT) && value[*count] > LEAST_VALUE * value[0])
      ++*count;
  return g_steal_pointer (&weight);
}

/* light[i] += the frame's part in component i. */
static void
add_frame (double *light, const Look *look, const GhSurpriseFit *fit, const double *weight, guint frame, int count)
{
  g_autofree double *edges = g_new (double, look->n);

  for (int j = 0; j < look->n; j++)
    edges[j] = look->eye.edges[j] - fit->usual[j];
  for (int i = 0; i < count; i++)
    gh_axpy (light + (gsize) i * look->n, weight[(gsize) i * look->frames + frame], edges, look->n);
}

/* The components of all edges; those of some stand at right angles, so these nearly do already. */
static gboolean
find_light (GhSurpriseFit *fit, const Look *look, const double *weight, int count, GError **error)
{
  const int n = look->n;
  g_autofree double *light = g_try_new0 (double, (gsize) MAX (count, 1) * n), *usual = g_new (double, n);

  if (!light)
    return no_memory (look, error);
  for (guint frame = 0; frame < look->frames; frame++) {
    if (!see (look, LIGHT, frame, error))
      return FALSE;
    add_frame (light, look, fit, weight, frame, count);
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
pack_light (Look *look, const GhSurpriseFit *fit, GError **error)
{
  g_autofree float *turned = gh_surprise_turn_light (fit->light, look->k, look->n);

  look->minus_usual = g_new (float, look->n);
  for (int j = 0; j < look->n; j++)
    look->minus_usual[j] = -fit->usual[j];
  look->surprise.light.bias = fit->bias;
  look->surprise.unlit.bias = look->minus_usual;
  if (!turned)
    return no_memory (look, error);
  return kernels_did (look, gh_pack (look->eye.ctx, &look->surprise.light.weight, fit->light, look->k, look->n,
          GH_DTYPE_F32), error)
      && kernels_did (look, gh_pack (look->eye.ctx, &look->surprise.unlit.weight, turned, look->n, look->k, GH_DTYPE_F32),
          error);
}

static gboolean
find_level (GhSurpriseFit *fit, Look *look, GError **error)
{
  const int places = gh_edges_places (look->eye.config), count = MIN (look->frames, LEVEL_FRAMES);
  double square = 0;

  for (int i = 0; i < count; i++) {
    if (!see (look, LEVEL, (guint64) i * look->frames / count, error)
        || !kernels_did (look, gh_surprise_unlight (look->eye.ctx, &look->acts, &look->surprise, look->eye.config, 1),
            error))
      return FALSE;
    for (int j = 0; j < places; j++)
      square += (double) look->acts.energy[j] * look->acts.energy[j] / places / count;
  }
  /* Frames that are all the same have nothing above any level. */
  fit->level = look->surprise.level = square > 0 ? (float) sqrt (square) : 1;
  return TRUE;
}

static gboolean
find_scales (GhSurpriseFit *fit, const Look *look, GError **error)
{
  const GhMaeConfig *c = look->eye.config;
  const int bands = gh_surprise_bands (c);
  g_autofree float *share = g_new (float, (gsize) look->frames * bands);
  g_autofree int *all = g_new (int, look->frames);

  for (guint i = 0; i < look->frames; i++) {
    all[i] = i;
    if (!see (look, SCALES, i, error)
        || !kernels_did (look, gh_surprise_judge (look->eye.ctx, &look->acts, &look->surprise, c, 1), error))
      return FALSE;
    memcpy (share + (gsize) i * bands, look->acts.share, bands * sizeof *share);
  }
  fit->scales = gh_scales_new (share, bands, all, look->frames);
  return TRUE;
}

gboolean
gh_surprise_fit (GhSurpriseFit *fit, const GhMaeConfig *c, guint n, const GhPictures *pictures, int threads, GError **error)
{
  g_auto (Look) look = { .frames = n, .n = gh_surprise_edges (c), .k = c->surprise };
  g_autofree double *weight = NULL;
  int count;

  if (!gh_edge_eye_open (&look.eye, c, GH_SURPRISE_CHANNELS, pictures, threads, error) || !plan_acts (&look, error))
    return FALSE;
  fit->light = g_try_new0 (float, (gsize) look.k * look.n);
  fit->bias = g_new0 (float, look.k);
  fit->usual = g_new (float, look.n);
  if (!fit->light)
    return no_memory (&look, error);
  weight = find_variation (fit, &look, &count, error);
  return weight && find_light (fit, &look, weight, count, error) && pack_light (&look, fit, error)
      && find_level (fit, &look, error) && find_scales (fit, &look, error);
}

void
gh_surprise_fit_clear (GhSurpriseFit *fit)
{
  g_free (fit->light);
  g_free (fit->bias);
  g_free (fit->usual);
  gh_scales_free (fit->scales);
}
