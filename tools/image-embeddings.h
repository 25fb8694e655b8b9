/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * image-embeddings.h: a list of image files -> one vector each, computed once and kept in a cache.
 *
 * The vectors come from an encoder, or are the pixels of a thumbnail: the baseline every encoder has to beat.
 */
#pragma once

#include "image-folder.h"
#include "models/gh-encoder.h"

G_BEGIN_DECLS

typedef struct _GhEmbedder GhEmbedder;

GhEmbedder *gh_embedder_new_encoder (GhEncoder *encoder, GError **error);
/* width x height pixels, 0..1: luma (BT.601) or red, green, blue. */
GhEmbedder *gh_embedder_new_thumbnail (int width, int height, gboolean grey);
void gh_embedder_free (GhEmbedder *embedder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GhEmbedder, gh_embedder_free)

/* "3f0c...-bf16", "thumbnail-grey-40x30": equal names make equal vectors. */
const char *gh_embedder_name (const GhEmbedder *embedder);
int gh_embedder_dim (const GhEmbedder *embedder);

/* A cache's file name for the images of `folder`, without its own folder:
 * "embeddings-PARENT-FOLDER-NAME[-CROP].safetensors". */
char *gh_embedder_cache_name (const GhEmbedder *embedder, const char *folder, const GhCrop *crop);

/* embeddings[n,dim] of files[n] in folder; NULL and an error that names the file that could not be read, or
 * G_IO_ERROR_CANCELLED. cache: path or NULL. Files are decoded on all processors; what was computed before an error
 * or a Ctrl-C is kept in the cache. *computed (may be NULL): how many were not in the cache.
 *
 * damaged: NULL, or takes the indices (guint) of files that cannot be read, in order, as long as these are few
 * (image-damage.h); the embeddings are those of the others, one behind the other. */
float *gh_image_embeddings (GhEmbedder *embedder, const char *folder, char *const *files, guint n, const GhCrop *crop,
    const char *cache, guint *computed, GArray *damaged, GError **error);

G_END_DECLS
