/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-head-file.c: heads from and to safetensors files.
 */
#include "gh-file-stamp.h"
#include "gh-head-private.h"
#include "gh-head-train.h"
#include "gh-json.h"
#include "gh-safetensors-private.h"

#include <string.h>

/* What a file gave; parts points into it. */
typedef struct {
  GhSafetensors *st;
  const char *where;
  GPtrArray *classes;           /* char*, NULL-terminated; NULL when the file has none */
  GPtrArray *buffers;           /* float* of every tensor */
  guint used;                   /* tensors the head has a place for */
  GhHeadParts parts;
} Loader;

static gboolean G_GNUC_PRINTF (4, 5)
refuse (GError **error, GhError code, const Loader *loader, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  gh_json_make_printable (text);
  g_set_error (error, GH_ERROR, code, "%s: %s", loader->where, text);
  return FALSE;
}

/* NULL and an error when the key is missing. */
static const char *
required (Loader *loader, const char *key, GError **error)
{
  const char *value = gh_safetensors_metadata (loader->st, key);

  if (!value)
    refuse (error, GH_ERROR_CORRUPT, loader, "not a usable head: its metadata has no \"%s\"", key);
  return value;
}

static gboolean
check_version (Loader *loader, GError **error)
{
  const char *version = gh_safetensors_metadata (loader->st, "format_version");
  const char *kind = gh_safetensors_metadata (loader->st, "kind");

  if (!kind && gh_safetensors_metadata (loader->st, "config"))
    return refuse (error, GH_ERROR_UNSUITABLE, loader, "is an encoder, not a head; heads are made with `gst-heads "
        "train-head`");
  if (!version || !kind)
    return refuse (error, GH_ERROR_UNSUITABLE, loader, "not a head: its metadata has no \"%s\"; heads are made with "
        "`gst-heads train-head`", !version ? "format_version" : "kind");
  if (strcmp (version, GH_HEAD_FORMAT) != 0)
    return refuse (error, GH_ERROR_UNSUITABLE, loader, "is a head of format_version \"%.20s\", this version reads %s",
        version, GH_HEAD_FORMAT);
  if (!gh_head_kind_from_name (kind, &loader->parts.kind))
    return refuse (error, GH_ERROR_UNSUITABLE, loader, "is a head of the unknown kind \"%.20s\"", kind);
  return TRUE;
}

static gboolean
read_classes (Loader *loader, GError **error)
{
  const char *text = gh_safetensors_metadata (loader->st, "classes");
  gboolean first = TRUE;
  GhJson json;
  char *name;

  if (!text)
    return TRUE;
  loader->classes = g_ptr_array_new_with_free_func (g_free);
  if (gh_json_init (&json, text, strlen (text)) && gh_json_begin_array (&json)) {
    while (gh_json_next_item (&json, &first)) {
      if (loader->classes->len == GH_HEAD_MAX_CLASSES)
        gh_json_fail (&json, "more than %d classes", GH_HEAD_MAX_CLASSES);
      else if (gh_json_string (&json, &name))
        g_ptr_array_add (loader->classes, name);
    }
    gh_json_end (&json);
  }
  if (gh_json_failed (&json))
    return refuse (error, GH_ERROR_CORRUPT, loader, "not a usable head: \"classes\": %s", gh_json_problem (&json));
  g_ptr_array_add (loader->classes, NULL);
  loader->parts.classes = (const char *const *) loader->classes->pdata;
  return TRUE;
}

static gboolean
read_names (Loader *loader, GError **error)
{
  GhHeadParts *parts = &loader->parts;

  parts->name = required (loader, "task", error);
  if (!parts->name)
    return FALSE;
  parts->encoder_id = required (loader, "encoder_id", error);
  if (!parts->encoder_id)
    return FALSE;
  parts->encoder_file = required (loader, "encoder_file", error);
  if (!parts->encoder_file)
    return FALSE;
  parts->unit = gh_safetensors_metadata (loader->st, "unit");
  parts->record = gh_safetensors_all_metadata (loader->st);
  return read_classes (loader, error);
}

/* The values of a tensor of `rank` dimensions, none wider than a head may be; NULL and an error otherwise. */
static const float *
read_tensor (Loader *loader, const char *name, int rank, gint64 *shape, GError **error)
{
  const GhTensorInfo *tensor = gh_safetensors_find (loader->st, name);
  g_autofree float *values = NULL;

  if (!tensor) {
    refuse (error, GH_ERROR_CORRUPT, loader, "not a usable head: the tensor \"%s\" is missing", name);
    return NULL;
  }
  if (tensor->rank != rank) {
    refuse (error, GH_ERROR_CORRUPT, loader, "not a usable head: tensor \"%s\" has %d dimensions instead of %d", name,
        tensor->rank, rank);
    return NULL;
  }
  for (int i = 0; i < rank; i++) {
    shape[i] = tensor->shape[i];
    if (shape[i] >= 1 && shape[i] <= GH_HEAD_MAX_WIDTH)
      continue;
    refuse (error, GH_ERROR_CORRUPT, loader, "not a usable head: tensor \"%s\" is %" G_GINT64_FORMAT " wide, 1 to %d "
        "is accepted", name, shape[i], GH_HEAD_MAX_WIDTH);
    return NULL;
  }
  values = g_new (float, tensor->count);
  if (!gh_safetensors_read_f32 (loader->st, tensor, values, TRUE, error))
    return NULL;
  loader->used++;
  g_ptr_array_add (loader->buffers, values);
  return g_steal_pointer (&values);
}

static gboolean
read_input (Loader *loader, GError **error)
{
  const char *stated = required (loader, "embedding", error);
  g_autofree char *actual = NULL;
  gint64 n_mean, n_std;

  if (!stated)
    return FALSE;
  loader->parts.mean = read_tensor (loader, "input.mean", 1, &n_mean, error);
  if (!loader->parts.mean)
    return FALSE;
  loader->parts.std = read_tensor (loader, "input.std", 1, &n_std, error);
  if (!loader->parts.std)
    return FALSE;
  actual = g_strdup_printf ("%d", (int) n_mean);
  if (n_mean != n_std || strcmp (stated, actual) != 0)
    return refuse (error, GH_ERROR_CORRUPT, loader, "not a usable head: \"embedding\", input.mean and input.std "
        "disagree about its width");
  loader->parts.embedding = n_mean;
  return TRUE;
}

static gboolean
read_layer (Loader *loader, int i, GError **error)
{
  GhHeadLayer *layer = &loader->parts.layers[i];
  char weight[32], bias[32];
  gint64 shape[2], n_bias;

  g_snprintf (weight, sizeof weight, "fc%d.weight", i + 1);
  g_snprintf (bias, sizeof bias, "fc%d.bias", i + 1);
  /* The parts never change what the buffers hold; only their type allows it. */
  layer->weight = (float *) read_tensor (loader, weight, 2, shape, error);
  if (!layer->weight)
    return FALSE;
  layer->bias = (float *) read_tensor (loader, bias, 1, &n_bias, error);
  if (!layer->bias)
    return FALSE;
  if (n_bias != shape[0])
    return refuse (error, GH_ERROR_CORRUPT, loader, "not a usable head: %s and %s disagree about the width", weight,
        bias);
  layer->n_out = shape[0];
  layer->n_in = shape[1];
  return TRUE;
}

static gboolean
read_kernels (Loader *loader, GError **error)
{
  GhHeadKernels *kernels = &loader->parts.kernels;
  gint64 centres[2], n_widths, weight[3];

  kernels->centres = (float *) read_tensor (loader, "kernels.centres", 2, centres, error);
  if (!kernels->centres)
    return FALSE;
  kernels->widths = (float *) read_tensor (loader, "kernels.widths", 1, &n_widths, error);
  if (!kernels->widths)
    return FALSE;
  kernels->weight = (float *) read_tensor (loader, "kernels.weight", 3, weight, error);
  if (!kernels->weight)
    return FALSE;
  if (centres[1] != loader->parts.embedding)
    return refuse (error, GH_ERROR_CORRUPT, loader, "not a usable head: kernels.centres has %" G_GINT64_FORMAT
        " numbers a centre, embeddings have %d", centres[1], loader->parts.embedding);
  if (weight[0] != loader->parts.layers[0].n_out || weight[1] != n_widths || weight[2] != centres[0])
    return refuse (error, GH_ERROR_CORRUPT, loader, "not a usable head: kernels.weight does not have a number for "
        "every output, width and centre");
  kernels->n_centres = centres[0];
  kernels->n_kernels = n_widths;
  return TRUE;
}

static gboolean
read_layers (Loader *loader, GError **error)
{
  int n = 0;

  while (n < GH_HEAD_MAX_LAYERS) {
    char name[32];

    g_snprintf (name, sizeof name, "fc%d.weight", n + 1);
    if (n > 0 && !gh_safetensors_find (loader->st, name))
      break;
    if (!read_layer (loader, n++, error))
      return FALSE;
  }
  loader->parts.n_layers = n;
  if (gh_safetensors_find (loader->st, "kernels.centres") && !read_kernels (loader, error))
    return FALSE;
  if (loader->used != gh_safetensors_n_tensors (loader->st))
    return refuse (error, GH_ERROR_CORRUPT, loader, "not a usable head: it has %u tensors, a head of %d layers has %u",
        gh_safetensors_n_tensors (loader->st), n, loader->used);
  return TRUE;
}

static GhHead *
load (Loader *loader, GError **error)
{
  const char *id;
  GhHead *head;

  if (!check_version (loader, error) || !read_names (loader, error) || !read_input (loader, error)
      || !read_layers (loader, error))
    return NULL;
  id = gh_safetensors_id (loader->st, error);
  head = id ? gh_head_new (&loader->parts, loader->where, error) : NULL;
  if (head) {
    head->path = g_strdup (gh_safetensors_path (loader->st));
    head->id = g_strdup (id);
  }
  return head;
}

GhHead *
gh_head_load (const char *path, GError **error)
{
  guint64 stamp = gh_file_stamp (path);         /* before it is read: what replaces it meanwhile differs */
  g_autoptr (GhSafetensors) st = gh_safetensors_open (path, error);
  g_autoptr (GPtrArray) buffers = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *where = NULL;
  Loader loader = { 0 };
  GhHead *head;

  if (!st)
    return NULL;
  where = g_filename_display_name (path);
  loader.st = st;
  loader.where = where;
  loader.buffers = buffers;
  head = load (&loader, error);
  g_clear_pointer (&loader.classes, g_ptr_array_unref);
  if (head)
    head->stamp = stamp;
  return head;
}

static void
add_tensor (GArray *tensors, const char *name, int rank, int rows, int cols, const float *data)
{
  GhTensorOut tensor = { g_intern_string (name), GH_ST_F32, rank, { rows, cols }, data };

  g_array_append_val (tensors, tensor);
}

static void
add_kernels (GArray *tensors, const GhHead *head)
{
  const GhHeadKernels *k = &head->kernels;
  GhTensorOut centres = { "kernels.centres", GH_ST_BF16, 2, { k->n_centres, head->embedding }, k->centres };
  GhTensorOut weight = { "kernels.weight", GH_ST_F32, 3, { head->layers[0].n_out, k->n_kernels, k->n_centres },
    k->weight };

  g_array_append_val (tensors, centres);
  add_tensor (tensors, "kernels.widths", 1, k->n_kernels, 0, k->widths);
  g_array_append_val (tensors, weight);
}

gboolean
gh_head_save (GhHead *head, const char *path, GError **error)
{
  g_autoptr (GArray) tensors = g_array_new (FALSE, FALSE, sizeof (GhTensorOut));
  g_autoptr (GhSafetensors) st = NULL;
  const char *id;

  add_tensor (tensors, "input.mean", 1, head->embedding, 0, head->mean);
  add_tensor (tensors, "input.std", 1, head->embedding, 0, head->std);
  for (int i = 0; i < head->n_layers; i++) {
    const GhHeadLayer *layer = &head->layers[i];
    char name[32];

    g_snprintf (name, sizeof name, "fc%d.weight", i + 1);
    add_tensor (tensors, name, 2, layer->n_out, layer->n_in, layer->weight);
    g_snprintf (name, sizeof name, "fc%d.bias", i + 1);
    add_tensor (tensors, name, 1, layer->n_out, 0, layer->bias);
  }
  if (head->kernels.n_centres > 0)
    add_kernels (tensors, head);
  if (!gh_safetensors_write (path, (GhTensorOut *) tensors->data, tensors->len, head->metadata, error))
    return FALSE;
  st = gh_safetensors_open (path, error);
  id = st ? gh_safetensors_id (st, error) : NULL;
  if (!id)
    return FALSE;
  g_free (head->path);
  g_free (head->id);
  head->path = g_strdup (path);
  head->id = g_strdup (id);
  head->stamp = gh_file_stamp (path);
  return TRUE;
}
