/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-safetensors-private.h: what the reader's and the writer's files share.
 */
#pragma once

#include "gh-safetensors.h"

G_BEGIN_DECLS

#define GH_ST_MAX_HEADER (16 << 20)
#define GH_ST_MAX_TENSORS 65536
#define GH_ST_MAX_METADATA 4096
#define GH_ST_MAX_NAME 256

gboolean gh_st_dtype_from_name (const char *name, GhStDtype *dtype);
int gh_st_dtype_bytes (GhStDtype dtype);

/* NULL when the name may stand in a file, else why not. */
const char *gh_st_name_problem (const char *name);
/* Product of the shape and its size in bytes; FALSE when either does not fit 63 bits or a dimension is negative. */
gboolean gh_st_shape_size (const gint64 *shape, int rank, GhStDtype dtype, gint64 *count, gsize *bytes);

/* Parses header[size] into tensors (GhTensorInfo, sorted by offset) and metadata (char* -> char*), and checks that
 * the tensors fill data_size bytes without holes or overlaps. On failure *problem is a sentence for people. */
gboolean gh_st_parse_header (const char *header, gsize size, guint64 data_size, GArray *tensors,
    GHashTable *metadata, char **problem);

G_END_DECLS
