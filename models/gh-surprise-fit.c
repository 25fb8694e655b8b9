/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-surprise-fit.c: pictures as the surprise sees them, in plain C; their principal components; what those leave.
 */
#include "gh-surprise-fit.h"
#include "gh-linalg.h"
#include "gh-spectrum.h"

#include <math.h>
#include <string.h>

#define SEEN_VALUES (1 << 25)

typedef struct {
  const GhMaeConfig *config;
  int n;                        /* N C */
  GhPictureFunc picture;
  gpointer data;
  guint8 *rgb;                  /* [height,width,3] */
  float *patch;                 /* [P] */
} Eye;

static void
eye_clear (Eye *eye)
{
  g_free (eye->rgb);
  g_free (eye->patch);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Eye, eye_clear)

/* Pixels of the patch whose upper left corner is (x0, y0), 0 over the edge; normalised by their mean and spread. */
static void
cut_patch (const Eye *eye, int y0, int x0)
{
  const GhMaeConfig *c = eye->config;
  const int P = gh_mae_config_patch_values (c);
  double mean = 0, square = 0, rstd;

  for (int i = 0; i < P; i++) {
    const int y = y0 + i / 3 / c->patch, x = x0 + i / 3 % c->patch, channel = i % 3;
    const gboolean inside = y < c->height && x < c->width;

    eye->patch[i] = inside ? (eye->rgb[((gsize) y * c->width + x) * 3 + channel] / 255.0f - c->mean[channel])
        / c->std[channel] : 0;
    mean += eye->patch[i];
  }
  mean /= P;
  for (int i = 0; i < P; i++)
    square += (eye->patch[i] - mean) * (eye->patch[i] - mean);
  rstd = 1 / sqrt (square / P + GH_SURPRISE_EPS);
  for (int i = 0; i < P; i++)
    eye->patch[i] = (float) ((eye->patch[i] - mean) * rstd);
}

/* seen[N,C] of frame i. */
static gboolean
see (const Eye *eye, guint frame, float *seen, GError **error)
{
  const GhMaeConfig *c = eye->config;
  const int P = gh_mae_config_patch_values (c), C = gh_surprise_tiles (c), side = c->patch / GH_SURPRISE_TILE;
  const int cols = gh_mae_config_grid_cols (c), N = gh_mae_config_tokens (c);

  if (!eye->picture (eye->data, frame, eye->rgb, error))
    return FALSE;
  memset (seen, 0, (gsize) eye->n * sizeof *seen);
  for (int token = 0; token < N; token++) {
    cut_patch (eye, token / cols * c->patch, token % cols * c->patch);
    for (int i = 0; i < P; i++) {
      const int row = i / 3 / c->patch / GH_SURPRISE_TILE, column = i / 3 % c->patch / GH_SURPRISE_TILE;

      seen[(gsize) token * C + (row * side + column) * 3 + i % 3] += eye->patch[i]
          / (GH_SURPRISE_TILE * GH_SURPRISE_TILE);
    }
  }
  return TRUE;
}

/* The components that vary the most around the mean. */
static void
take_light (GhSurpriseFit *fit, const Eye *eye, const float *seen, int count)
{
  const int n = eye->n, k = eye->config->surprise;
  g_autofree int *rows = g_new (int, count);
  g_autoptr (GhScales) centre = NULL;
  g_autoptr (GhSpectrum) spectrum = NULL;

  for (int i = 0; i < count; i++)
    rows[i] = i;
  centre = gh_scales_new (seen, n, rows, count);
  for (int j = 0; j < n; j++) {
    centre->std[j] = 1;
    fit->usual[j] = (float) centre->mean[j];
  }
  spectrum = gh_spectrum_new (seen, centre, rows, count);
  for (int i = 0; i < MIN (k, spectrum->rank); i++) {
    const double *component = spectrum->v + (gsize) i * n;

    for (int j = 0; j < n; j++)
      fit->light[(gsize) i * n + j] = (float) component[j];
    fit->bias[i] = (float) -gh_dot (component, centre->mean, n);
  }
}

/* energy[rows] of what the light leaves; seen is overwritten by that. */
static void
find_energy (const GhSurpriseFit *fit, const Eye *eye, float *seen, float *energy)
{
  const int n = eye->n, rows = gh_mae_config_grid_rows (eye->config), per_row = n / rows;

  for (int j = 0; j < n; j++)
    seen[j] -= fit->usual[j];
  for (int i = 0; i < eye->config->surprise; i++) {
    const float *component = fit->light + (gsize) i * n;
    double code = 0;

    for (int j = 0; j < n; j++)
      code += (double) component[j] * seen[j];
    for (int j = 0; j < n; j++)
      seen[j] -= (float) code * component[j];
  }
  for (int row = 0; row < rows; row++) {
    double sum = 0;

    for (int j = 0; j < per_row; j++)
      sum += (double) seen[row * per_row + j] * seen[row * per_row + j];
    energy[row] = (float) (sum / per_row);
  }
}

gboolean
gh_surprise_fit (GhSurpriseFit *fit, const GhMaeConfig *c, guint n, GhPictureFunc picture, gpointer data, GError **error)
{
  g_auto (Eye) eye = { c, gh_mae_config_tokens (c) * gh_surprise_tiles (c), picture, data };
  const int rows = gh_mae_config_grid_rows (c), count = MIN (n, MAX (2, (guint) (SEEN_VALUES / eye.n)));
  g_autofree float *seen = g_try_new (float, (gsize) count * eye.n), *energy = g_new (float, (gsize) n * rows);
  g_autofree int *all = g_new (int, n);

  fit->light = g_try_new0 (float, (gsize) c->surprise * eye.n);
  fit->bias = g_new0 (float, c->surprise);
  fit->usual = g_new (float, eye.n);
  if (!seen || !fit->light) {
    g_set_error (error, GH_ERROR, GH_ERROR_DEVICE, "no memory for %d pictures of %d numbers", count, eye.n);
    return FALSE;
  }
  eye.rgb = g_malloc ((gsize) c->height * c->width * 3);
  eye.patch = g_new (float, gh_mae_config_patch_values (c));
  for (int i = 0; i < count; i++)
    if (!see (&eye, (guint64) i * n / count, seen + (gsize) i * eye.n, error))
      return FALSE;
  take_light (fit, &eye, seen, count);
  for (guint i = 0; i < n; i++) {
    all[i] = i;
    if (!see (&eye, i, seen, error))
      return FALSE;
    find_energy (fit, &eye, seen, energy + (gsize) i * rows);
  }
  fit->scales = gh_scales_new (energy, rows, all, n);
  return TRUE;
}

void
gh_surprise_fit_clear (GhSurpriseFit *fit)
{
  g_free (fit->light);
  g_free (fit->bias);
  g_free (fit->usual);
  gh_scales_free (fit->scales);
}
