/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-safetensors.h: strict reader and atomic writer of safetensors files.
 *
 * The reader accepts what the format's reference implementation accepts and refuses more: duplicate names,
 * a header over 16 MiB, nesting, fractions, more than 65536 tensors or 4096 metadata entries, rank over 8, names
 * empty, over 256 bytes or with control characters, unknown keys, holes, overlaps and trailing bytes. It reads,
 * never maps, so that a file truncated under it cannot kill the process.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define GH_SAFETENSORS_MAX_RANK 8

typedef enum { GH_ST_F64, GH_ST_F32, GH_ST_F16, GH_ST_BF16, GH_ST_I64, GH_ST_I32, GH_ST_I16, GH_ST_I8, GH_ST_U8,
  GH_ST_BOOL, GH_ST_U64, GH_ST_U32, GH_ST_U16, GH_ST_F8_E5M2, GH_ST_F8_E4M3 } GhStDtype;

typedef struct {
  char *name;
  GhStDtype dtype;
  int rank;
  gint64 shape[GH_SAFETENSORS_MAX_RANK];
  gint64 count;                 /* product of the shape, 1 for a scalar */
  gsize offset, bytes;          /* in the data buffer */
} GhTensorInfo;

typedef struct _GhSafetensors GhSafetensors;

/* Reads and checks the header, keeps the file open. Errors name the file and what is wrong. */
GhSafetensors *gh_safetensors_open (const char *path, GError **error);
void gh_safetensors_free (GhSafetensors *st);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GhSafetensors, gh_safetensors_free)

const char *gh_safetensors_path (GhSafetensors *st);
const char *gh_safetensors_dtype_name (GhStDtype dtype);            /* "F32" */
/* The first 16 hex digits of the SHA-256 of the whole file; computed at first call, NULL and error when it
 * cannot be read. Owned by st. */
const char *gh_safetensors_id (GhSafetensors *st, GError **error);
/* NULL when absent. Owned by st. */
const char *gh_safetensors_metadata (GhSafetensors *st, const char *key);
GHashTable *gh_safetensors_all_metadata (GhSafetensors *st);        /* char* -> char*, borrowed */
guint gh_safetensors_n_tensors (GhSafetensors *st);
const GhTensorInfo *gh_safetensors_tensor (GhSafetensors *st, guint i);    /* sorted by offset */
const GhTensorInfo *gh_safetensors_find (GhSafetensors *st, const char *name);   /* NULL when absent */

/* Converts F64, F32, F16 or BF16 to out[count]; refuses other dtypes and, when finite is TRUE, NaN and
 * infinity. Errors name file and tensor. */
gboolean gh_safetensors_read_f32 (GhSafetensors *st, const GhTensorInfo *tensor, float *out, gboolean finite,
    GError **error);

typedef struct {
  const char *name;
  GhStDtype dtype;              /* F32 or BF16; data is float either way and is rounded for BF16 */
  int rank;
  gint64 shape[GH_SAFETENSORS_MAX_RANK];
  const float *data;
} GhTensorOut;

/* Writes path by temporary file, fsync, rename and fsync of the folder: a crash leaves the old file or the
 * new one. metadata: char* -> char*, may be NULL; "format": "pt" is added for Hugging Face's loaders when it has no
 * "format". Order in the file: widest dtype first, then name; metadata by key: the same content gives the same bytes
 * and the same id. An existing path must be a regular file; its permissions are kept. */
gboolean gh_safetensors_write (const char *path, const GhTensorOut *tensors, guint n, GHashTable *metadata,
    GError **error);

G_END_DECLS
