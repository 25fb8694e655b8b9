/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * tokens.c: the sequence before and between the blocks: positions, cls token, mask tokens, gathering.
 */
#include "ref.h"

#include <string.h>

static void
add_rows (float *y, const float *a, const float *b, int C)
{
  for (int c = 0; c < C; c++)
    y[c] = a[c] + b[c];
}

GhStatus
gh_ref_embed_tokens_fwd (GhCtx *ctx, float *y, const float *x, const float *pos, const int32_t *keep,
    const float *cls, int B, int K, int C, int first)
{
  for (int b = 0; b < B; b++) {
    if (first) {
      memcpy (y, cls, C * sizeof *y);
      y += C;
    }
    for (int i = 0; i < K; i++, x += C, y += C)
      add_rows (y, x, pos + (size_t) (keep ? keep[(size_t) b * K + i] : i) * C, C);
  }
  return GH_OK;
}

GhStatus
gh_ref_unmask_tokens_fwd (GhCtx *ctx, float *y, const float *x, const float *mask_token, const float *pos,
    const int32_t *keep, const float *cls_pos, int B, int N, int K, int C, int first)
{
  for (int b = 0; b < B; b++) {
    if (first) {
      add_rows (y, x, cls_pos, C);
      x += C;
      y += C;
    }
    for (int i = 0; i < N; i++)
      add_rows (y + (size_t) i * C, mask_token, pos + (size_t) i * C, C);
    for (int j = 0; j < K; j++, x += C) {
      int i = keep ? keep[(size_t) b * K + j] : j;
      add_rows (y + (size_t) i * C, x, pos + (size_t) i * C, C);
    }
    y += (size_t) N * C;
  }
  return GH_OK;
}

GhStatus
gh_ref_gather_rows_fwd (GhCtx *ctx, float *y, const float *x, const int32_t *index, int B, int N, int K, int C,
    int first)
{
  for (int b = 0; b < B; b++) {
    const float *image = x + ((size_t) b * (first + N) + first) * C;
    for (int i = 0; i < K; i++, y += C)
      memcpy (y, image + (size_t) (index ? index[(size_t) b * K + i] : i) * C, C * sizeof *y);
  }
  return GH_OK;
}
