/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * tokens.c: the sequence before and between the blocks: positions, cls token, mask tokens, gathering; and the
 * gradients of each.
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

GhStatus
gh_ref_embed_tokens_bwd (GhCtx *ctx, float *dx, float *dcls, const float *dy, int B, int K, int C, int first)
{
  size_t n = (size_t) K * C;

  for (int c = 0; first && c < C; c++) {
    double sum = dcls[c];
    for (int b = 0; b < B; b++)
      sum += dy[(size_t) b * (n + C) + c];
    dcls[c] = (float) sum;
  }
  for (int b = 0; K > 0 && dx != dy && b < B; b++)
    memcpy (dx + b * n, dy + b * n + (size_t) first * (b + 1) * C, n * sizeof *dx);
  return GH_OK;
}

/* kept[N]: which tokens are in keep[K]; keep NULL: all. */
static void
mark_kept (bool *kept, const int32_t *keep, int N, int K)
{
  for (int i = 0; i < N; i++)
    kept[i] = !keep;
  for (int j = 0; keep && j < K; j++)
    kept[keep[j]] = true;
}

GhStatus
gh_ref_unmask_tokens_bwd (GhCtx *ctx, float *dx, float *dmask_token, const float *dy, const int32_t *keep, int B, int N,
    int K, int C, int first)
{
  double *sums = gh_scratch (ctx, C * sizeof *sums + N * sizeof (bool));

  if (!sums)
    return GH_NOMEM;
  bool *kept = (bool *) (sums + C);
  for (int c = 0; c < C; c++)
    sums[c] = dmask_token[c];
  for (int b = 0; b < B; b++, dy += (size_t) N * C) {
    if (first) {
      memcpy (dx, dy, C * sizeof *dx);
      dx += C;
      dy += C;
    }
    for (int j = 0; j < K; j++, dx += C)
      memcpy (dx, dy + (size_t) (keep ? keep[(size_t) b * K + j] : j) * C, C * sizeof *dx);
    mark_kept (kept, keep ? keep + (size_t) b * K : NULL, N, K);
    for (int i = 0; i < N; i++) {
      for (int c = 0; !kept[i] && c < C; c++)
        sums[c] += dy[(size_t) i * C + c];
    }
  }
  for (int c = 0; c < C; c++)
    dmask_token[c] = (float) sums[c];
  return GH_OK;
}

GhStatus
gh_ref_gather_rows_bwd (GhCtx *ctx, float *dx, const float *dy, const int32_t *index, int B, int N, int K, int C,
    int first)
{
  memset (dx, 0, (size_t) B * (first + N) * C * sizeof *dx);
  for (int b = 0; b < B; b++) {
    float *image = dx + ((size_t) b * (first + N) + first) * C;
    for (int i = 0; i < K; i++, dy += C)
      memcpy (image + (size_t) (index ? index[(size_t) b * K + i] : i) * C, dy, C * sizeof *dx);
  }
  return GH_OK;
}
