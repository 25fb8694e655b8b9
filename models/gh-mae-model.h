/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-mae-model.h (private): a masked autoencoder that learns: its parameters in place, and every matrix packed twice,
 * as it is and transposed, the packs following the weights after each step.
 */
#pragma once

#include "gh-block-train.h"
#include "gh-mae-params.h"

G_BEGIN_DECLS

/* Letters: N = grid tokens, P = values of a patch, D = dim, D' = dec_dim. */
typedef struct {
  GhCtx *ctx;                   /* borrowed */
  GhMaeConfig config;
  GhDtype dtype;                /* of the products: F32 or BF16 */
  GhMaeParams params;

  GhBlockShape shape, dec_shape;
  GhTrainLinear patch;          /* [D,P], forward only */
  const float *offset;          /* [N,P] or NULL: minus the camera's mean picture */
  const float *cls_token;       /* [D] or NULL */
  float *d_cls_token;
  GhTrainBlock *blocks;         /* [depth] */
  GhTrainNorm norm;             /* [D] */
  GhTrainLinear embed;          /* [D',D]: the decoder's own, or the encoder's `embed` where they are one */
  const float *mask_token;      /* [D'] */
  float *d_mask_token;
  GhTrainBlock *dec_blocks;     /* [dec_depth] */
  GhTrainNorm dec_norm;         /* [D'] */
  GhTrainLinear pred;           /* [P,D'] */

  /* Positions never learn: tables of the file, or the fixed ones, in memory of their own. */
  const float *pos, *dec_pos;           /* [N,D], [N,D'] */
  const float *cls_pos, *dec_cls_pos;   /* [D], [D'] */
  float *tables;

  GPtrArray *linears;           /* GhTrainLinear*, all of the above */
} GhMaeModel;

/* Bytes that gh_mae_model_new() will take. */
guint64 gh_mae_model_bytes (const GhMaeParams *params, GhCtx *ctx, GhDtype dtype);

/* Takes params, which are planned and allocated. Their values may be filled in afterwards. */
GhStatus gh_mae_model_init (GhMaeModel *model, GhCtx *ctx, const GhMaeConfig *config, GhDtype dtype,
    GhMaeParams *params);
void gh_mae_model_clear (GhMaeModel *model);

/* Packs all matrices anew from the weights. */
GhStatus gh_mae_model_refresh (const GhMaeModel *model);

G_END_DECLS
