/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-encoder-private.h: what the files of the encoder share: the loaded weights and the two objects around them.
 *
 *   gh-encoder.c           GhEncoder: device and precision, the registry of shared weights
 *   gh-encoder-weights.c   from a checkpoint to packed weights
 *   gh-encoder-session.c   GhEncoderSession: activations and the forward pass
 *   gh-encoder-edges.c     what the embedding tells beside the tokens
 *   gh-encoder-init.c      files of fresh weights
 */
#pragma once

#include "gh-checkpoint.h"
#include "gh-decoder.h"
#include "gh-encoder.h"
#include "gh-shadows.h"
#include "gh-surprise.h"

G_BEGIN_DECLS

/* Letters: N = grid tokens, P = values of a patch, D = dim, E = embedding. Vectors lie in one block of memory of the
 * context; the matrices are packed. */
typedef struct {
  GhCtx *ctx;                   /* borrowed */
  GhDtype dtype;
  GhBlockShape shape;
  int depth;
  GhLinear patch;               /* [D,P] */
  const float *cls;             /* [D] with its position added, NULL for none */
  const float *pos;             /* [N,D] */
  GhBlock *blocks;              /* [depth] */
  GhPackedBlocks *together;     /* the same, to be run in one call; NULL where that gains nothing */
  GhNorm norm;                  /* [D] */
  GhLinear embed;               /* [E,pooled]; weight NULL when the pooled tokens are the embedding */
  GhSurprise surprise;          /* nothing in it without */
  GhShadows shadows;            /* the same */
  GhDecoder decoder;            /* depth 0 when there is none */
  GhArena vectors;
} GhEncoderWeights;

/* Reads and packs tensor by tensor: one of them at most is in memory twice. On failure the weights are cleared. */
gboolean gh_encoder_weights_load (GhEncoderWeights *weights, GhCheckpoint *checkpoint, GhCtx *ctx, GhDtype dtype,
    GError **error);
void gh_encoder_weights_clear (GhEncoderWeights *weights);

/* Activations of what follows from the edges of B pictures; nothing in it where nothing does. */
typedef struct {
  GhSurpriseActs surprise;
  GhShadowsActs shadows;
} GhEdgeActs;

void gh_encoder_plan_edges (GhEdgeActs *acts, GhArena *arena, const GhMaeConfig *config, int B);
/* rgb[B,height,width,3] -> acts; and what they tell, added to embedding[B,E]. */
GhStatus gh_encoder_see_edges (GhCtx *ctx, const GhEdgeActs *acts, const GhEncoderWeights *weights, const GhMaeConfig *config,
    const guint8 *rgb, gsize stride, int B);
GhStatus gh_encoder_tell_edges (GhCtx *ctx, const GhEdgeActs *acts, const GhEncoderWeights *weights, float *embedding, int B);

struct _GhEncoder {
  int refs;                     /* under the registry's lock */
  char *key;                    /* in the registry */
  GhCtx *ctx;                   /* owns the memory of the weights; computes nothing after loading */
  GhMaeConfig config;
  GhEncoderWeights weights;
  char *path, *shown;           /* shown: the path in UTF-8, for messages */
  char *id, *reason;
  gboolean is_trained;
};

/* FALSE, with an error, when `bytes` of host memory could never be had: a file can ask for any size in a few bytes of
 * configuration, and the system would only notice by killing somebody. Always TRUE for a device's own memory. */
gboolean gh_encoder_fits_memory (GhCtx *ctx, guint64 bytes, const char *what, const char *shown, GError **error);

/* The pass of the last gh_encoder_encode() again, `times` times, on what it brought to the device, and a wait for the last
 * of them: for benchmarks. */
GhStatus gh_encoder_session_repeat (GhEncoderSession *session, int times);

/* status == GH_OK, else the error it stands for. */
gboolean gh_encoder_check (GhStatus status, GhCtx *ctx, const char *shown, GError **error);

G_END_DECLS
