/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * linear-onednn.h (private): oneDNN as the engine of products with packed weights, in F32 and BF16.
 *
 * Our own tiles are faster where they have vectors of their own (docs/benchmarks/), so oneDNN is taken where they do
 * not: on processors other than x86-64. GST_HEADS_LINEAR = onednn or own decides by hand. libdnnl is opened at run
 * time: no plugin depends on it. It brings OpenMP threads of its own (OMP_NUM_THREADS), and may allocate in a call;
 * users of one weight wait for each other.
 */
#pragma once

#include "kernels/gh-backend.h"

/* True when oneDNN is built in, present, wanted for this type on this processor, and able. */
bool gh_onednn_takes (GhDtype dtype);
/* The value of GhPacked.engine for weights packed here. */
extern const char gh_onednn_engine[];

GhStatus gh_onednn_pack (GhCtx *ctx, GhPacked *packed, const float *host_w);
GhStatus gh_onednn_pack_update (GhCtx *ctx, GhPacked *packed, const float *w, bool transposed);
void gh_onednn_packed_free (GhPacked *packed);
GhStatus gh_onednn_linear_fwd (GhCtx *ctx, float *y, const float *x, const GhPacked *w, const float *bias,
    const float *residual, GhAct act, int rows);
