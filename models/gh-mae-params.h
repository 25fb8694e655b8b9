/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-mae-params.h (private): the numbers a masked autoencoder learns, in four flat pieces of memory of the context:
 * weights, their gradient, and the two moments of AdamW, each tensor at the same place of all four. Tensors that are
 * decayed come first, then those that are not, then those that stay as they are (and have a weight only), so that the
 * optimizer is two calls.
 *
 * Decayed: what has two dimensions, which are the matrices and the convolutions. Not: biases, norms, tokens. Fixed:
 * tables of positions, the camera's offset, and `embed` where the decoder has a first layer of its own: nothing tells it how to change.
 */
#pragma once

#include "gh-forward.h"
#include "gh-mae-layout.h"

G_BEGIN_DECLS

typedef struct {
  const GhParam *param;         /* name and shape */
  guint64 offset;               /* numbers from the beginning of each piece, a multiple of 16 */
  gboolean is_trained;
} GhMaeTensor;

typedef struct {
  GhCtx *ctx;                   /* borrowed */
  GPtrArray *layout;
  GArray *tensors;              /* GhMaeTensor: those that the model has, in the order of the layout */
  guint64 n_decayed, n_trained, n_all;  /* numbers, with the gaps between tensors, which are zero */
  float *weights;               /* [n_all] */
  float *gradient, *m, *v;      /* [n_trained] */
} GhMaeParams;

/* has: whether the model has an optional tensor. */
typedef gboolean (*GhMaeHas) (const char *name, gpointer data);
void gh_mae_params_plan (GhMaeParams *params, const GhMaeConfig *config, GhMaeHas has, gpointer data);
/* Takes the memory, all zero. */
GhStatus gh_mae_params_allocate (GhMaeParams *params, GhCtx *ctx);
void gh_mae_params_clear (GhMaeParams *params);

/* NULL when the model does not have it. */
const GhMaeTensor *gh_mae_params_find (const GhMaeParams *params, const char *name);

/* One AdamW step; t counts from 1. */
GhStatus gh_mae_params_adamw (const GhMaeParams *params, float grad_scale, float lr, float beta1, float beta2,
    float weight_decay, int t);

G_END_DECLS
