/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * golden.h: the numbers of the PyTorch reference: a tiny model in true Nystrom (18 and 60 tokens, 8 landmarks), its
 * input, outputs, gradients and three AdamW steps. The file is not part of the project: $GST_HEADS_SHARED names the
 * folder that holds reference/tiny.safetensors.
 */
#pragma once

#include "model-file.h"

enum { B = 2, HEIGHT = 96, WIDTH = 160, PATCH = 16, ROWS = HEIGHT / PATCH, COLS = WIDTH / PATCH, N = ROWS * COLS,
  P = PATCH * PATCH * 3, D = 64, E = 48 };

typedef struct {
  ModelFile *file;
  char *folder, *path;          /* the same weights in our layout */
  float *patches;               /* [B,N,P] */
  gint32 *keep, *drop;          /* [B,K], [B,N-K] */
  int K;
} Golden;

/* main() of the tests: the comparison on every device there is; 77, after having said so, when the file is not there. */
int golden_main (int argc, char **argv, const char *path, void (*compare) (Golden *golden, GhDevice device));

/* Fails the test when it is absent or of another size. */
const float *golden_expect (Golden *golden, const char *name, gint64 count);
/* "grad.", "blocks.0.norm1.weight" -> "grad.enc.blocks.0.norm1.weight"; the caller frees. */
char *golden_name (const char *prefix, const char *ours);
/* The patches[B,count,P] of the indices[B,count]; the caller frees. */
float *golden_pick (const Golden *golden, const gint32 *indices, int count);
