/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-mlp.h: many small networks of equal shape, trained side by side over kernels/: every product is one batched
 * gh_bmm() over all of them, the optimiser one pass over all their parameters.
 *
 * A network is inputs -> width -> width -> outputs with GELU (erf form) between. gh_mlp_train() does it all; the
 * pieces it is made of are public for tests and for other training loops. One thread at a time.
 */
#pragma once

#include "gh-error.h"

G_BEGIN_DECLS

#define GH_MLP_LAYERS 3

typedef enum {
  GH_MLP_ROBUST,                /* sqrt (|y - t|^2 + d^2) - d, d = 0.3: squared near 0, the distance further out */
  GH_MLP_CROSS_ENTROPY,         /* of softmax (y) against the class probabilities t */
} GhMlpLoss;

typedef struct {
  int networks, inputs, width, outputs;
  int batch;                    /* rows per network and step */
  GhMlpLoss loss;
} GhMlpShape;

typedef struct _GhMlp GhMlp;

/* threads as in gh_ctx_new(). Fails with GH_ERROR_DEVICE. */
GhMlp *gh_mlp_new (const GhMlpShape *shape, int threads, GError **error);
void gh_mlp_free (GhMlp *mlp);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GhMlp, gh_mlp_free)

/* Parameters lie in one block: weight 1 of every network, weight 2, weight 3, then the biases likewise. A weight is
 * [out,in]. */
gsize gh_mlp_n_parameters (const GhMlpShape *shape);
/* Where weight (bias) `layer`, 0..2, of `network` begins. */
gsize gh_mlp_weight_offset (const GhMlpShape *shape, int layer, int network);
gsize gh_mlp_bias_offset (const GhMlpShape *shape, int layer, int network);
int gh_mlp_layer_in (const GhMlpShape *shape, int layer);
int gh_mlp_layer_out (const GhMlpShape *shape, int layer);

gboolean gh_mlp_set_parameters (GhMlp *mlp, const float *parameters, GError **error);
gboolean gh_mlp_get_parameters (GhMlp *mlp, float *parameters, GError **error);
/* loss[networks] = mean over the batch, at x[networks,batch,inputs] and targets[networks,batch,outputs]; keeps the
 * gradients for the next step. gradients: NULL, or a block laid out as the parameters. All in host memory. */
gboolean gh_mlp_gradient (GhMlp *mlp, const float *x, const float *targets, double *loss, float *gradients,
    GError **error);
/* One AdamW step along the gradients of the last gh_mlp_gradient(); weights decay, biases do not. */
gboolean gh_mlp_step (GhMlp *mlp, double learning_rate, double weight_decay, GError **error);

/* One network on one row, on the host. */
void gh_mlp_run (const GhMlpShape *shape, const float *parameters, int network, const float *x, float *y);

/* What one network learns from. Everything is borrowed. */
typedef struct {
  const float *x, *targets;     /* [*,inputs], [*,outputs] */
  const int *rows;              /* [n] of them */
  int n;
  int live;                     /* noise is added to the first this many inputs; the rest are padding */
  double noise;                 /* its standard deviation: the regulariser */
} GhMlpTask;

typedef struct {
  int steps;
  double learning_rate, weight_decay;
  guint64 seed;
  int threads;
  gboolean (*progress) (double fraction, gpointer data);        /* FALSE cancels: G_IO_ERROR_CANCELLED. May be NULL */
  gpointer progress_data;
} GhMlpTraining;

/* Trains shape->networks networks on tasks[networks], shape->batch rows (at most the smallest task's n) at a time.
 * Returns the parameters, NULL on failure. The same arguments give the same bits. */
float *gh_mlp_train (const GhMlpShape *shape, const GhMlpTask *tasks, const GhMlpTraining *training, GError **error);

G_END_DECLS
