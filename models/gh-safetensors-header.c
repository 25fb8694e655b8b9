/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-safetensors-header.c: from the JSON header of a safetensors file to a checked table of tensors. Touches no
 * file: everything here works on bytes in memory and on the size the data buffer is said to have.
 */
#include "gh-safetensors-private.h"
#include "gh-json.h"

#include <string.h>

static const struct {
  const char *name;
  int bytes;
} dtypes[] = {
  [GH_ST_F64] = {"F64", 8}, [GH_ST_F32] = {"F32", 4}, [GH_ST_F16] = {"F16", 2}, [GH_ST_BF16] = {"BF16", 2},
  [GH_ST_I64] = {"I64", 8}, [GH_ST_I32] = {"I32", 4}, [GH_ST_I16] = {"I16", 2}, [GH_ST_I8] = {"I8", 1},
  [GH_ST_U8] = {"U8", 1}, [GH_ST_BOOL] = {"BOOL", 1}, [GH_ST_U64] = {"U64", 8}, [GH_ST_U32] = {"U32", 4},
  [GH_ST_U16] = {"U16", 2}, [GH_ST_F8_E5M2] = {"F8_E5M2", 1}, [GH_ST_F8_E4M3] = {"F8_E4M3", 1},
};

const char *
gh_safetensors_dtype_name (GhStDtype dtype)
{
  return dtypes[dtype].name;
}

int
gh_st_dtype_bytes (GhStDtype dtype)
{
  return dtypes[dtype].bytes;
}

gboolean
gh_st_dtype_from_name (const char *name, GhStDtype *dtype)
{
  for (guint i = 0; i < G_N_ELEMENTS (dtypes); i++) {
    if (strcmp (name, dtypes[i].name) == 0) {
      *dtype = i;
      return TRUE;
    }
  }
  return FALSE;
}

const char *
gh_st_name_problem (const char *name)
{
  if (*name == '\0')
    return "an empty name";
  if (strlen (name) > GH_ST_MAX_NAME)
    return "a name longer than 256 bytes";
  if (!g_utf8_validate (name, -1, NULL))
    return "a name that is not UTF-8";
  for (; *name; name = g_utf8_next_char (name))
    if (g_unichar_iscntrl (g_utf8_get_char (name)))
      return "a name with a control character";
  return NULL;
}

gboolean
gh_st_shape_size (const gint64 *shape, int rank, GhStDtype dtype, gint64 *count, gsize *bytes)
{
  guint64 n = 1, size;

  for (int i = 0; i < rank; i++)
    if (shape[i] < 0 || !g_uint64_checked_mul (&n, n, shape[i]))
      return FALSE;
  if (!g_uint64_checked_mul (&size, n, dtypes[dtype].bytes) || size > G_MAXINT64 || size > G_MAXSIZE)
    return FALSE;
  *count = n;
  *bytes = size;
  return TRUE;
}

static void
parse_shape (GhJson *json, GhTensorInfo *tensor)
{
  gboolean first = TRUE;
  guint64 dim;

  if (!gh_json_begin_array (json))
    return;
  while (gh_json_next_item (json, &first)) {
    if (tensor->rank == GH_SAFETENSORS_MAX_RANK) {
      gh_json_fail (json, "more than %d dimensions", GH_SAFETENSORS_MAX_RANK);
      return;
    }
    if (!gh_json_uint (json, &dim))
      return;
    if (dim > G_MAXINT64) {
      gh_json_fail (json, "a dimension beyond 63 bits");
      return;
    }
    tensor->shape[tensor->rank++] = dim;
  }
}

static void
parse_offsets (GhJson *json, guint64 offsets[2])
{
  gboolean first = TRUE;
  int n = 0;

  if (!gh_json_begin_array (json))
    return;
  while (gh_json_next_item (json, &first)) {
    if (n == 2) {
      gh_json_fail (json, "more than two data_offsets");
      return;
    }
    if (!gh_json_uint (json, &offsets[n++]))
      return;
  }
  if (n != 2)
    gh_json_fail (json, "fewer than two data_offsets");
}

static void
parse_dtype (GhJson *json, GhTensorInfo *tensor)
{
  g_autofree char *name = NULL;

  if (gh_json_string (json, &name) && !gh_st_dtype_from_name (name, &tensor->dtype))
    gh_json_fail (json, "unknown dtype \"%s\"", name);
}

static gboolean
check_extent (GhJson *json, GhTensorInfo *tensor, const guint64 offsets[2], guint64 data_size)
{
  if (!gh_st_shape_size (tensor->shape, tensor->rank, tensor->dtype, &tensor->count, &tensor->bytes))
    return gh_json_fail (json, "its size overflows");
  if (offsets[1] < offsets[0])
    return gh_json_fail (json, "it ends before it begins");
  if (offsets[1] > data_size)
    return gh_json_fail (json, "it reaches %" G_GUINT64_FORMAT " bytes into the data, the file has %" G_GUINT64_FORMAT
        ": truncated, or not what its header says", offsets[1], data_size);
  if (offsets[1] - offsets[0] != tensor->bytes)
    return gh_json_fail (json, "it has %" G_GUINT64_FORMAT " bytes, its shape and dtype need %" G_GSIZE_FORMAT,
        offsets[1] - offsets[0], tensor->bytes);
  tensor->offset = offsets[0];
  return TRUE;
}

/* One {"dtype", "shape", "data_offsets"} object: each key exactly once, in any order. */
static gboolean
parse_tensor (GhJson *json, GhTensorInfo *tensor, guint64 data_size)
{
  enum { DTYPE = 1, SHAPE = 2, OFFSETS = 4, ALL = 7 };
  guint64 offsets[2] = { 0 };
  gboolean first = TRUE;
  char *next;
  int seen = 0;

  if (!gh_json_begin_object (json))
    return FALSE;
  while (gh_json_next_key (json, &first, &next)) {
    g_autofree char *key = next;
    int bit = strcmp (key, "dtype") == 0 ? DTYPE : strcmp (key, "shape") == 0 ? SHAPE :
        strcmp (key, "data_offsets") == 0 ? OFFSETS : 0;

    if (bit == 0)
      return gh_json_fail (json, "unknown key \"%s\"", key);
    if (seen & bit)
      return gh_json_fail (json, "\"%s\" stands there twice", key);
    seen |= bit;
    if (bit == DTYPE)
      parse_dtype (json, tensor);
    else if (bit == SHAPE)
      parse_shape (json, tensor);
    else
      parse_offsets (json, offsets);
  }
  if (gh_json_failed (json))
    return FALSE;
  if (seen != ALL)
    return gh_json_fail (json, "no %s", !(seen & DTYPE) ? "dtype" : !(seen & SHAPE) ? "shape" : "data_offsets");
  return check_extent (json, tensor, offsets, data_size);
}

static gboolean
parse_metadata (GhJson *json, GHashTable *metadata)
{
  gboolean first = TRUE;
  char *next, *value;

  if (!gh_json_begin_object (json))
    return FALSE;
  while (gh_json_next_key (json, &first, &next)) {
    g_autofree char *key = next;
    const char *problem = gh_st_name_problem (key);

    if (problem)
      return gh_json_fail (json, "%s in the metadata", problem);
    if (g_hash_table_contains (metadata, key))
      return gh_json_fail (json, "\"%s\" stands there twice in the metadata", key);
    if (g_hash_table_size (metadata) == GH_ST_MAX_METADATA)
      return gh_json_fail (json, "more than %d entries in the metadata", GH_ST_MAX_METADATA);
    if (!gh_json_string (json, &value)) {
      gh_json_within (json, "metadata ", key);
      return FALSE;
    }
    g_hash_table_insert (metadata, g_steal_pointer (&key), value);
  }
  return !gh_json_failed (json);
}

/* names: the set of those seen so far, borrowed from tensors. */
static gboolean
parse_entry (GhJson *json, const char *name, guint64 data_size, GArray *tensors, GHashTable *names)
{
  const char *problem = gh_st_name_problem (name);
  GhTensorInfo tensor = { 0 };

  if (problem)
    return gh_json_fail (json, "a tensor has %s", problem);
  if (g_hash_table_contains (names, name))
    return gh_json_fail (json, "the tensor \"%s\" stands there twice", name);
  if (tensors->len == GH_ST_MAX_TENSORS)
    return gh_json_fail (json, "more than %d tensors", GH_ST_MAX_TENSORS);
  tensor.name = g_strdup (name);
  g_array_append_val (tensors, tensor);
  g_hash_table_add (names, tensor.name);
  if (parse_tensor (json, &g_array_index (tensors, GhTensorInfo, tensors->len - 1), data_size))
    return TRUE;
  gh_json_within (json, "tensor ", name);
  return FALSE;
}

static gboolean
parse_entries (GhJson *json, guint64 data_size, GArray *tensors, GHashTable *metadata)
{
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);
  gboolean first = TRUE, has_metadata = FALSE;
  char *next;

  if (!gh_json_begin_object (json))
    return FALSE;
  while (gh_json_next_key (json, &first, &next)) {
    g_autofree char *key = next;

    if (strcmp (key, "__metadata__") != 0) {
      if (!parse_entry (json, key, data_size, tensors, names))
        return FALSE;
    } else if (has_metadata) {
      return gh_json_fail (json, "__metadata__ stands there twice");
    } else {
      has_metadata = TRUE;
      if (!parse_metadata (json, metadata))
        return FALSE;
    }
  }
  return gh_json_end (json);
}

static int
by_offset (gconstpointer a, gconstpointer b)
{
  const GhTensorInfo *x = a, *y = b;

  if (x->offset != y->offset)
    return x->offset < y->offset ? -1 : 1;
  if (x->bytes != y->bytes)     /* an empty tensor lies before the one that starts at the same byte */
    return x->bytes < y->bytes ? -1 : 1;
  return strcmp (x->name, y->name);
}

/* Sorted tensors must follow each other from byte 0 to the end: no holes, no overlaps, nothing behind. */
static char *
layout_problem (GArray *tensors, guint64 data_size)
{
  guint64 at = 0;

  for (guint i = 0; i < tensors->len; i++) {
    const GhTensorInfo *tensor = &g_array_index (tensors, GhTensorInfo, i);

    if (tensor->offset != at)
      return g_strdup_printf (tensor->offset < at ? "tensor \"%s\" overlaps the one before it" :
          "there is a hole before tensor \"%s\"", tensor->name);
    at += tensor->bytes;
  }
  if (at != data_size)
    return g_strdup_printf ("bytes after the last tensor: %" G_GUINT64_FORMAT, data_size - at);
  return NULL;
}

gboolean
gh_st_parse_header (const char *header, gsize size, guint64 data_size, GArray *tensors, GHashTable *metadata,
    char **problem)
{
  GhJson json;

  if (gh_json_init (&json, header, size)) {
    if (size == 0 || header[0] != '{')
      gh_json_fail (&json, "the header does not begin with an opening brace");
    else
      parse_entries (&json, data_size, tensors, metadata);
  }
  if (gh_json_failed (&json)) {
    *problem = g_strdup_printf ("bad header: %s", gh_json_problem (&json));
    return FALSE;
  }
  g_array_sort (tensors, by_offset);
  *problem = layout_problem (tensors, data_size);
  return *problem == NULL;
}
