/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-tokens-bwd.c: the gradients of embedding, unmasking and gathering of tokens.
 */
#include "cases.h"

static const int shapes[][4] = { { 1, 1, 1, 1 }, { 2, 5, 3, 7 }, { 3, 16, 16, 8 }, { 1, 240, 72, 1024 },
  { 2, 60, 18, 64 }, { 4, 197, 49, 33 }, { 2, 9, 0, 5 } };
enum { N_SHAPES = sizeof shapes / sizeof shapes[0] };

static double *
doubles_of (Hn *hn, HnTensor t)
{
  double *d = hn_doubles (hn, t.n);
  for (size_t i = 0; i < t.n; i++)
    d[i] = t.host[i];
  return d;
}

static void
check_embed_one (Hn *hn, int B, int K, int C, int first, bool in_place)
{
  size_t n = (size_t) B * (K + first) * C;
  HnTensor dy = in_place ? hn_inout (hn, n, HN_NORMAL) : hn_in (hn, n, HN_NORMAL);
  HnTensor dx = in_place ? dy : hn_out (hn, (size_t) B * K * C), dcls = hn_inout (hn, C, HN_NORMAL);
  double *want = hn_doubles (hn, dx.n), *want_cls = doubles_of (hn, dcls);

  hn_describe (hn, "B=%d K=%d C=%d first=%d in_place=%d", B, K, C, first, in_place);
  for (size_t i = 0; i < n; i++) {
    int b = (int) (i / C / (K + first)), row = (int) (i / C % (K + first)) - first, c = (int) (i % C);
    if (row < 0)
      want_cls[c] += dy.host[i];
    else
      want[((size_t) b * K + row) * C + c] = dy.host[i];
  }
  GhStatus status = gh_embed_tokens_bwd (hn_ctx (hn), dx.n ? dx.p : NULL, first ? dcls.p : NULL, dy.p, B, K, C, first);
  if (hn_status (hn, status, GH_OK)) {
    hn_expect (hn, &dx, want, HN_EXACT);
    hn_expect (hn, &dcls, want_cls, HN_F32);
  }
  hn_reset (hn);
}

static void
check_unmask_one (Hn *hn, int B, int N, int K, int C, int first)
{
  HnTensor dy = hn_in (hn, (size_t) B * (N + first) * C, HN_NORMAL), dx = hn_out (hn, (size_t) B * (K + first) * C);
  HnTensor dmask = hn_inout (hn, C, HN_NORMAL);
  const int32_t *host = NULL, *keep = K < N ? hn_indices (hn, &host, B, K, N) : NULL;
  double *want = hn_doubles (hn, dx.n), *want_mask = doubles_of (hn, dmask), *cell = want;

  hn_describe (hn, "B=%d N=%d K=%d C=%d first=%d", B, N, K, C, first);
  for (int b = 0; b < B; b++) {
    const float *row = dy.host + (size_t) b * (N + first) * C;
    for (int i = -first, j = 0; i < N; i++, row += C) {
      bool kept = i < 0 || (j < K && (keep ? host[b * K + j] : j) == i);
      for (int c = 0; c < C; c++) {
        if (kept)
          *cell++ = row[c];
        else
          want_mask[c] += row[c];
      }
      j += kept && i >= 0;
    }
  }
  GhStatus status = gh_unmask_tokens_bwd (hn_ctx (hn), dx.n ? dx.p : NULL, dmask.p, dy.p, keep, B, N, K, C, first);
  if (hn_status (hn, status, GH_OK)) {
    hn_expect (hn, &dx, want, HN_EXACT);
    hn_expect (hn, &dmask, want_mask, HN_F32);
  }
  hn_reset (hn);
}

static void
check_gather_one (Hn *hn, int B, int N, int K, int C, int first, bool all)
{
  HnTensor dy = hn_in (hn, (size_t) B * K * C, HN_NORMAL), dx = hn_out (hn, (size_t) B * (N + first) * C);
  const int32_t *host = NULL, *index = all ? NULL : hn_indices (hn, &host, B, K, N);
  double *want = hn_doubles (hn, dx.n);

  hn_describe (hn, "B=%d N=%d K=%d C=%d first=%d all=%d", B, N, K, C, first, all);
  for (size_t i = 0; i < dy.n; i++) {
    int b = (int) (i / C / K), k = (int) (i / C % K);
    want[((size_t) b * (N + first) + first + (all ? k : host[b * K + k])) * C + i % C] = dy.host[i];
  }
  if (hn_status (hn, gh_gather_rows_bwd (hn_ctx (hn), dx.p, dy.p, index, B, N, K, C, first), GH_OK))
    hn_expect (hn, &dx, want, HN_EXACT);
  hn_reset (hn);
}

/* Rows that were gathered in any order. */
static void
check_order (Hn *hn)
{
  static const int32_t order[] = { 3, 0, 2 };
  HnTensor dy = hn_in (hn, 3 * 5, HN_NORMAL), dx = hn_out (hn, 4 * 5), dmask = hn_inout (hn, 5, HN_ZERO);
  HnTensor index = hn_in_data (hn, 3, (const float *) order), back = hn_out (hn, 3 * 5);
  double *want = hn_doubles (hn, 4 * 5), *want_back = doubles_of (hn, dy), *zeros = hn_doubles (hn, 5);

  hn_describe (hn, "rows 3, 0, 2 of 4");
  for (int i = 0; i < 15; i++)
    want[order[i / 5] * 5 + i % 5] = dy.host[i];
  if (hn_status (hn, gh_gather_rows_bwd (hn_ctx (hn), dx.p, dy.p, (int32_t *) index.p, 1, 4, 3, 5, 0), GH_OK))
    hn_expect (hn, &dx, want, HN_EXACT);
  if (hn_status (hn, gh_unmask_tokens_bwd (hn_ctx (hn), back.p, dmask.p, dx.p, (int32_t *) index.p, 1, 4, 3, 5, 0),
      GH_OK)) {
    hn_expect (hn, &back, want_back, HN_EXACT);
    hn_expect (hn, &dmask, zeros, HN_EXACT);
  }
  hn_reset (hn);
}

static void
check_embed (Hn *hn)
{
  for (int i = 0; i < N_SHAPES; i++) {
    if (shapes[i][2] > 0)
      check_embed_one (hn, shapes[i][0], shapes[i][2], shapes[i][3], 0, i & 1);
    check_embed_one (hn, shapes[i][0], shapes[i][2], shapes[i][3], 1, false);
  }
}

static void
check_unmask (Hn *hn)
{
  for (int i = 0; i < N_SHAPES; i++) {
    check_unmask_one (hn, shapes[i][0], shapes[i][1], shapes[i][2], shapes[i][3], 0);
    check_unmask_one (hn, shapes[i][0], shapes[i][1], shapes[i][2], shapes[i][3], 1);
  }
}

static void
check_gather (Hn *hn)
{
  for (int i = 0; i < N_SHAPES; i++) {
    check_gather_one (hn, shapes[i][0], shapes[i][1], shapes[i][2], shapes[i][3], i & 1, false);
    check_gather_one (hn, shapes[i][0], shapes[i][1], shapes[i][2], shapes[i][3], !(i & 1), true);
  }
  check_order (hn);
}

static void
bench_embed (Hn *hn)
{
  int B = 8, K = 72, C = 1024;
  HnTensor dy = hn_in (hn, (size_t) B * (K + 1) * C, HN_NORMAL), dx = hn_out (hn, (size_t) B * K * C);
  HnTensor dcls = hn_inout (hn, C, HN_ZERO);
  HN_BENCH (hn, 0, 8.0 * B * K * C, "B=%d %dx%d", B, K, C)
    gh_embed_tokens_bwd (hn_ctx (hn), dx.p, dcls.p, dy.p, B, K, C, 1);
}

static void
bench_unmask (Hn *hn)
{
  int B = 8, N = 240, K = 72, C = 512;
  const int32_t *host, *keep = hn_indices (hn, &host, B, K, N);
  HnTensor dy = hn_in (hn, (size_t) B * N * C, HN_NORMAL), dx = hn_out (hn, (size_t) B * K * C);
  HnTensor dmask = hn_inout (hn, C, HN_ZERO);
  HN_BENCH (hn, 0, 4.0 * B * (N + K) * C, "B=%d %d of %d x %d", B, K, N, C)
    gh_unmask_tokens_bwd (hn_ctx (hn), dx.p, dmask.p, dy.p, keep, B, N, K, C, 0);
}

static void
bench_gather (Hn *hn)
{
  int B = 8, N = 240, K = 168, C = 512;
  const int32_t *host, *index = hn_indices (hn, &host, B, K, N);
  HnTensor dy = hn_in (hn, (size_t) B * K * C, HN_NORMAL), dx = hn_out (hn, (size_t) B * N * C);
  HN_BENCH (hn, 0, 4.0 * B * (N + K) * C, "B=%d %d of %d x %d", B, K, N, C)
    gh_gather_rows_bwd (hn_ctx (hn), dx.p, dy.p, index, B, N, K, C, 0);
}

const HnCase hn_embed_tokens_bwd = { "embed_tokens_bwd", check_embed, bench_embed };
const HnCase hn_unmask_tokens_bwd = { "unmask_tokens_bwd", check_unmask, bench_unmask };
const HnCase hn_gather_rows_bwd = { "gather_rows_bwd", check_gather, bench_gather };
