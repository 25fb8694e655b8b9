/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bmm.h (private, once per instruction set): gh_bmm with the caller's workspace, for operations made of products.
 */
#pragma once

#include "isa.h"

/* Floats of workspace for `threads` threads, whatever the sizes. */
size_t ISA_FN (gh_cpu_bmm_work) (int threads);
void ISA_FN (gh_cpu_bmm_run) (GhCtx *ctx, float *work, GhMat c, GhMat a, bool trans_a, GhMat b, bool trans_b,
    float alpha, float beta, int B, int H, int m, int n, int k);
