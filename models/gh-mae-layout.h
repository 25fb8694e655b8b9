/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-mae-layout.h (private): every tensor of an encoder file, as the configuration demands it: one table for the
 * reader, the checker and the writer of fresh weights. In words: docs/checkpoint-format.md.
 */
#pragma once

#include "gh-mae-config.h"
#include "gh-safetensors.h"

G_BEGIN_DECLS

/* What training starts from. XAVIER marks the matrices that are packed for gh_linear_fwd(). */
typedef enum {
  GH_INIT_XAVIER,               /* U(-b,b), b = sqrt(6 / (rows + columns)) */
  GH_INIT_ZERO, GH_INIT_ONE,
  GH_INIT_TOKEN,                /* N(0, 0.02) */
  GH_INIT_OFFSET,               /* zero, until a training has seen its camera; loaded into the positions */
  GH_INIT_TAPS,                 /* U(-1,1) / sqrt(columns) */
} GhInit;

typedef struct {
  char *name;
  int rank;                     /* 1 or 2 */
  gint64 shape[2];              /* shape[1] is 1 when rank is 1 */
  GhInit init;
  gboolean optional;            /* may be absent from a file */
} GhParam;

/* [N,P]: added to the normalised patch of each position. It takes the camera's mean picture away. */
#define GH_MAE_OFFSET "patch.offset"

/* GhParam*, in the order of the forward pass. */
GPtrArray *gh_mae_layout (const GhMaeConfig *config);

/* TRUE when the decoder may use the matrix `embed` as its own first layer. */
gboolean gh_mae_config_can_share_embed (const GhMaeConfig *config);

/* Fresh random values: the stream of the seed and the tensor's name, the same on every machine. */
void gh_param_fill (float *data, const GhParam *param, guint64 seed);

static inline gint64
gh_param_count (const GhParam *param)
{
  return param->shape[0] * param->shape[1];
}

G_END_DECLS
