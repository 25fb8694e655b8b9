/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-mae-pass.h (private): one batch through a masked autoencoder and back: from pixels and a mask to the loss and the
 * gradient of every parameter. All memory is one piece, planned once for the batch.
 *
 * Letters: B images, N grid tokens, K of them kept, P values of a patch, C = dim, D = dec_dim.
 */
#pragma once

#include "gh-block-stack.h"
#include "gh-mae-model.h"

G_BEGIN_DECLS

typedef struct {
  const GhMaeModel *model;      /* borrowed */
  int B, N, K, P;
  gboolean normalise;           /* the target of a patch by its own mean and deviation */

  /* What goes in: filled by the caller, and set by it, in the context's memory. */
  guint8 *rgb;                  /* [B,height,width,3] */
  const gint32 *keep, *drop;    /* [B,K], [B,N-K], ascending */

  /* Patches are cut where they are needed, and the loss is found with the prediction: kept, or hidden and pred, are
   * none. */
  gboolean fuses_patches, fuses_loss;

  float *sums;                  /* [2] loss and squared norm of the gradient */
  float *kept, *hidden;         /* [B,K,P], [B,N-K,P] the patches, normalised and offset */
  float *cls;                   /* [C] the cls token with its position */
  GhBlockStack encoder;         /* encoder.x[B,first+K,C] are the embedded patches */
  float *encoded;               /* [B,first+K,C] before the final norm */
  float *mean, *rstd;
  float *latent;                /* [B,first+K,C] */
  GhBlockStack decoder;
  float *picked;                /* [B,N-K,D] the decoder's hidden tokens before the final norm */
  float *dec_mean, *dec_rstd;
  float *normed;                /* [B,N-K,D] */
  float *pred;                  /* [B,N-K,P], later its gradient */
  float *x;                     /* [B,first+N,max(C,D)] what leaves a block, later the gradient that goes back */
  float *small;                 /* [B,first+N,max(C,D)] between the parts */
} GhMaePass;

/* Of a pass that is zeroed. */
GhStatus gh_mae_pass_init (GhMaePass *pass, const GhMaeModel *model, int B, int K);
/* Bytes of a pass, and its memory behind it. */
guint64 gh_mae_pass_plan (GhMaePass *pass, void *memory);
void gh_mae_pass_clear (GhMaePass *pass);       /* the memory is the caller's */

/* rgb -> kept, hidden */
GhStatus gh_mae_pass_cut (const GhMaePass *pass);
/* kept -> pred */
GhStatus gh_mae_pass_forward (const GhMaePass *pass);
/* sums[0] accumulates scale times the mean over hidden patches and their values; every gradient accumulates scale times
 * its own. Uses pred up. */
GhStatus gh_mae_pass_backward (const GhMaePass *pass, float scale);

G_END_DECLS
