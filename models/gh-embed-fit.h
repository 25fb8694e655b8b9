/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-embed-fit.h: an encoder's last layer, `embed`, from what its camera shows, without labels.
 *
 * Whatever the tokens are pooled to (pool, pool_rows, pool_cols) may be many more numbers than an embedding has. Each of
 * them is standardised by its mean and spread over the frames; the principal components of that are kept, as many as the
 * embedding has numbers, and then turned by a random rotation. Distances between frames stay what they were, and every
 * number varies about as much as every other: a head standardises each by itself, which would make the last
 * component, noise, as loud as the first.
 *
 * With `surprise` (gh-surprise.h) the light is taken from the same frames, and what it leaves comes first: the embedding's
 * first 16 numbers, turned among themselves, tell it and nothing else. Heads try what such a beginning says by itself,
 * and what the rest says without it (gh-kernel-ridge.h), so few labels suffice for what stands in the picture, while the
 * many numbers behind, which know the light, are not drowned (docs/experiments.md).
 *
 * With `shadows` (gh-shadows.h) the tokens are told by the last quarter of the embedding, and shadows by all before it, turned
 * as well: so much do distances between embeddings have to be distances of the light, for a head to tell the time on days
 * that look like none with labels. The last quarter is twice as loud then, by which heads for anything else know that they may
 * try what it says by itself.
 */
#pragma once

#include "gh-encoder.h"
#include "gh-frame-store.h"

G_BEGIN_DECLS

/* Of more frames, so many are looked at, evenly spread. */
#define GH_EMBED_FIT_FRAMES 1000

typedef struct {
  GhPool pool;
  int rows, cols;               /* regions; 0: the whole image */
  int embedding;
  int surprise;                 /* components of the light; 0: without */
  int shadows;                  /* numbers that tell how the light falls; 0: without */
  gboolean bfloat16;            /* matrices in half the space, rounded; else as they are stored */
} GhEmbedShape;

/* What an encoder of that configuration becomes; UNSUITABLE where it cannot. where: names it in errors. */
gboolean gh_embed_shape_apply (const GhEmbedShape *shape, GhMaeConfig *config, const char *where, GError **error);

/* How far it is, 0 to 1; FALSE: it is to stop. From the caller's thread. */
typedef gboolean (*GhEmbedProgress) (double part, gpointer data);

typedef struct {
  guint64 seed;
  GhDevice device;              /* that encodes the frames */
  int threads;                  /* 0: all processors */
  gboolean removes_from;        /* the file `from` goes as soon as it is open, so that whatever ends this leaves none */
  GhEmbedProgress progress;     /* may be NULL */
  gpointer data;
  int *shadows_told;            /* NULL, or where to write how many of the shadows' numbers tell something; the others stay 0 */
} GhEmbedHow;

/* Writes the encoder of file `from`, with its decoder but without a state of training, to `to`, which may be the same
 * path: pooled as `shape` says (NULL: as it is) and `embed` fitted to the frames, at least 2 of the store. The
 * same frames and seed give the same file. UNSUITABLE names what does not fit the encoder, DATA says that there are too
 * few frames or that they are all alike; G_IO_ERROR_CANCELLED, that progress() ended it. */
gboolean gh_embed_fit (const char *from, const char *to, const GhEmbedShape *shape, GhFrameStore *frames,
    const GhEmbedHow *how, GError **error);

G_END_DECLS
