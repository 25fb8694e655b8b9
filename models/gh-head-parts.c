/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-head-parts.c: everything that can be wrong with the parts of a head, and parts that own their numbers. */
#include "gh-head-private.h"
#include "gh-safetensors-private.h"
#include "gh-time-of-day.h"

#include <math.h>
#include <string.h>

static gboolean G_GNUC_PRINTF (3, 4)
corrupt (GError **error, const char *where, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, GH_ERROR, GH_ERROR_CORRUPT, "%s: not a usable head: %s", where, text);
  return FALSE;
}

static gboolean
check_classes (const GhHeadParts *parts, const char *where, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  guint n = parts->classes ? g_strv_length ((char **) parts->classes) : 0;

  if (parts->kind != GH_HEAD_CLASS)
    return parts->classes == NULL || corrupt (error, where, "only heads of kind \"class\" have classes");
  if (n < 2 || n > GH_HEAD_MAX_CLASSES)
    return corrupt (error, where, "it has %u classes, 2 to %d are accepted", n, GH_HEAD_MAX_CLASSES);
  for (guint i = 0; i < n; i++) {
    const char *problem = gh_st_name_problem (parts->classes[i]);

    if (problem)
      return corrupt (error, where, "class %u has %s", i, problem);
    if (!g_hash_table_add (seen, (gpointer) parts->classes[i]))
      return corrupt (error, where, "the class \"%s\" is there twice", parts->classes[i]);
  }
  return TRUE;
}

static gboolean
is_id (const char *id)
{
  return id && strlen (id) == 16 && strspn (id, "0123456789abcdef") == 16;
}

static gboolean
check_names (const GhHeadParts *parts, const char *where, GError **error)
{
  const char *problem = gh_st_name_problem (parts->name);

  if (problem)
    return corrupt (error, where, "its task has %s", problem);
  if (parts->unit && *parts->unit && (problem = gh_st_name_problem (parts->unit)))
    return corrupt (error, where, "its unit has %s", problem);
  if (!parts->encoder_file || (problem = gh_st_name_problem (parts->encoder_file)))
    return corrupt (error, where, "its encoder_file has %s", problem ? problem : "no name");
  if (!is_id (parts->encoder_id))
    return corrupt (error, where, "its encoder_id is not 16 hexadecimal digits");
  return check_classes (parts, where, error);
}

static gboolean
check_finite (const char *where, const char *what, const float *values, gsize n, GError **error)
{
  for (gsize i = 0; i < n; i++)
    if (!isfinite (values[i]))
      return corrupt (error, where, "%s is not finite at element %" G_GSIZE_FORMAT, what, i);
  return TRUE;
}

static gboolean
check_outputs (const GhHeadParts *parts, const char *where, int n, GError **error)
{
  const int needed = gh_head_outputs (parts->kind, parts->classes, 1);

  if (parts->kind == GH_HEAD_TIME)
    return (n >= needed && n <= GH_DAY_HARMONICS * needed && n % needed == 0) || corrupt (error, where, "its last layer "
        "makes %d numbers, a head of kind \"time\" needs %d or more, %d at a time, up to %d", n, needed, needed,
        GH_DAY_HARMONICS * needed);
  return n == needed || corrupt (error, where, "its last layer makes %d numbers, a head of kind \"%s\" needs %d", n,
      gh_head_kind_name (parts->kind), needed);
}

static gboolean
check_layers (const GhHeadParts *parts, const char *where, GError **error)
{
  int width = parts->embedding;

  if (parts->n_layers < 1 || parts->n_layers > GH_HEAD_MAX_LAYERS)
    return corrupt (error, where, "it has %d layers, 1 to %d are accepted", parts->n_layers, GH_HEAD_MAX_LAYERS);
  for (int i = 0; i < parts->n_layers; i++) {
    const GhHeadLayer *layer = &parts->layers[i];
    gsize n_in = layer->n_in, n_out = layer->n_out;

    if (layer->n_in != width)
      return corrupt (error, where, "layer %d reads %d numbers and is given %d", i + 1, layer->n_in, width);
    if (layer->n_out < 1 || layer->n_out > GH_HEAD_MAX_WIDTH)
      return corrupt (error, where, "layer %d is %d wide, 1 to %d is accepted", i + 1, layer->n_out, GH_HEAD_MAX_WIDTH);
    if (!check_finite (where, "a weight", layer->weight, n_in * n_out, error)
        || !check_finite (where, "a bias", layer->bias, n_out, error))
      return FALSE;
    width = layer->n_out;
  }
  return check_outputs (parts, where, width, error);
}

static gboolean
check_kernels (const GhHeadParts *parts, const char *where, GError **error)
{
  const GhHeadKernels *k = &parts->kernels;
  gsize outputs = parts->layers[0].n_out;

  if (k->n_centres == 0)
    return TRUE;
  if (parts->n_layers != 1)
    return corrupt (error, where, "it has kernels and %d layers; with kernels there is one", parts->n_layers);
  if (k->n_centres < 0 || k->n_centres > GH_HEAD_MAX_CENTRES)
    return corrupt (error, where, "it has %d centres, at most %d are accepted", k->n_centres, GH_HEAD_MAX_CENTRES);
  if (k->n_kernels < 1 || k->n_kernels > GH_HEAD_MAX_KERNELS)
    return corrupt (error, where, "it has %d kernel widths, 1 to %d are accepted", k->n_kernels, GH_HEAD_MAX_KERNELS);
  if (!check_finite (where, "kernels.centres", k->centres, (gsize) k->n_centres * parts->embedding, error)
      || !check_finite (where, "kernels.widths", k->widths, k->n_kernels, error)
      || !check_finite (where, "kernels.weight", k->weight, outputs * k->n_kernels * k->n_centres, error))
    return FALSE;
  for (int i = 0; i < k->n_kernels; i++)
    if (k->widths[i] <= 0)
      return corrupt (error, where, "kernels.widths is not above 0 at element %d", i);
  return TRUE;
}

gboolean
gh_head_parts_check (const GhHeadParts *parts, const char *where, GError **error)
{
  if (!check_names (parts, where, error))
    return FALSE;
  if (parts->embedding < 1 || parts->embedding > GH_HEAD_MAX_WIDTH)
    return corrupt (error, where, "it reads embeddings of %d numbers, 1 to %d are accepted", parts->embedding,
        GH_HEAD_MAX_WIDTH);
  if (!check_finite (where, "input.mean", parts->mean, parts->embedding, error)
      || !check_finite (where, "input.std", parts->std, parts->embedding, error))
    return FALSE;
  for (int i = 0; i < parts->embedding; i++)
    if (parts->std[i] <= 0)
      return corrupt (error, where, "input.std is not above 0 at element %d", i);
  return check_layers (parts, where, error) && check_kernels (parts, where, error);
}

GhHeadLayer *
gh_head_parts_add_layer (GhHeadParts *parts, int n_in, int n_out)
{
  GhHeadLayer *layer = &parts->layers[parts->n_layers++];

  *layer = (GhHeadLayer) { n_in, n_out, g_new0 (float, (gsize) n_in * n_out), g_new0 (float, n_out) };
  return layer;
}

void
gh_head_parts_clear (GhHeadParts *parts)
{
  g_free ((float *) parts->mean);
  g_free ((float *) parts->std);
  for (int l = 0; l < parts->n_layers; l++) {
    g_free (parts->layers[l].weight);
    g_free (parts->layers[l].bias);
  }
  g_free (parts->kernels.centres);
  g_free (parts->kernels.widths);
  g_free (parts->kernels.weight);
}
