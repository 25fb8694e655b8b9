/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-decoder.h (private): the masked autoencoder's decoder: sees the encoder's tokens at their places and a mask
 * token everywhere else, and predicts the pixels of the places that were hidden.
 */
#pragma once

#include "gh-block.h"

G_BEGIN_DECLS

/* Letters: C = the encoder's width, D = the decoder's width, P = values of a patch. */
typedef struct {
  GhBlockShape shape;
  int depth, patch_values;
  GhLinear embed;               /* [D,C]; the encoder's own projection when embed_is_shared */
  gboolean embed_is_shared;
  const float *mask_token;      /* [D] */
  const float *pos;             /* [N,D] */
  const float *cls_pos;         /* [D], NULL without a cls token */
  GhBlock *blocks;              /* [depth] */
  GhNorm norm;                  /* [D] */
  GhLinear pred;                /* [P,D] */
  const float *background;      /* [N,P] the camera's mean picture when the target is CAMERA, else NULL */
} GhDecoder;

typedef struct {
  float *embedded;              /* [B,first+K,D] */
  float *x;                     /* [B,first+N,D] */
  float *dropped;               /* [B,N-K,D] */
  float *pred;                  /* [B,N-K,P] */
  GhBlockActs block;
} GhDecoderActs;

/* For at most B images of N tokens, any number of them kept. */
void gh_decoder_plan (GhDecoderActs *acts, GhArena *arena, const GhDecoder *decoder, int B, int N);

/* acts->pred[B,N-K,P], pixels wherever the target is not PATCH, from latent[B,first+K,C], keep[B,K], drop[B,N-K]. */
GhStatus gh_decoder_forward (GhCtx *ctx, const GhDecoderActs *acts, const GhDecoder *decoder, const float *latent,
    const gint32 *keep, const gint32 *drop, int B, int N, int K);

void gh_decoder_clear (GhDecoder *decoder);

G_END_DECLS
