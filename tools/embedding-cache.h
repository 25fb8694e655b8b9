/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * embedding-cache.h: embeddings of image files, kept in a safetensors file so that the next training takes seconds.
 * An entry counts while the file's size and modification time are what they were; the whole cache counts for one key
 * (encoder, precision, crop) only. A cache that is damaged or of another key is as good as none and is overwritten.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _GhEmbeddingCache GhEmbeddingCache;

/* path may be NULL: nothing is kept. */
GhEmbeddingCache *gh_embedding_cache_open (const char *path, const char *key, int dim);
void gh_embedding_cache_free (GhEmbeddingCache *cache);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GhEmbeddingCache, gh_embedding_cache_free)

/* The embedding[dim] of a file; NULL when it is not there or the file has changed. */
const float *gh_embedding_cache_get (GhEmbeddingCache *cache, const char *folder, const char *file);
void gh_embedding_cache_put (GhEmbeddingCache *cache, const char *folder, const char *file, const float *embedding);
/* Writes it when something was put. */
gboolean gh_embedding_cache_save (GhEmbeddingCache *cache, GError **error);

G_END_DECLS
