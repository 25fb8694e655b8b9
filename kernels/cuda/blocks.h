/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * blocks.h (private): what blocks-pack.cu lays out and blocks.cu runs: all blocks of an encoder for one image, in one
 * launch whose thread blocks stay for all of it.
 */
#pragma once

#include "hopper.h"

enum {
  GH_WIDE = 64, GH_NARROW = 32, /* columns of a product that a thread block takes: of qkv and fc1, of out and fc2 */
  GH_MOST_CHANNELS = 1024,      /* whose statistics registers have room for */
  GH_MOST_ROW_TILES = 4,        /* of 64 tokens: each is a matter of two warps when they attend */
  GH_MOST_CONV = 97,            /* taps that shared memory has room for */
  GH_MOST_PEERS = 8             /* in a cluster, on every device */
};

/* This variable of the environment asks for it: "together", or the shape of the clusters, row tiles by columns, as "2x2".
 * Without it blocks run one by one: no device has run them together yet. */
#define GH_CUDA_BLOCKS "GST_HEADS_CUDA_BLOCKS"

/* Of one block. The matrices are tiles, [n_out/columns][n_in/64] of [columns][64]. A norm before a product is done after
 * it: norm(x) w^T + b = rstd ((x norm_w) w^T - mean sum) + add, with sum[n] = norm_w w[n], add[n] = norm_b w[n] + b[n]. What
 * is rounded is x norm_w, not x - mean: the error grows by sqrt (1 + (mean / deviation)^2) of a token, next to nothing in
 * models that have learned. */
struct GhLayer {
  const GhBf16 *qkv, *out, *fc1, *fc2;
  const float *norm1_w, *norm2_w, *qkv_sum, *qkv_add, *fc1_sum, *fc1_add;
  const float *out_b, *fc2_b, *conv;    /* NULL: none */
};

/* What gh_cuda_blocks_pack() makes. */
struct GhLayers {
  void *memory;                 /* all of it, on the device */
  const GhLayer *layers;        /* [depth], there too */
  int depth, C, H, mlp, taps, first;
  float eps;
};
