/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-tokens.c: embedding, unmasking and gathering of tokens.
 */
#include "cases.h"

static void
check_embed_one (Hn *hn, int B, int N, int K, int C, int first, bool in_place)
{
  size_t n = (size_t) B * (K + first) * C;
  HnTensor x = in_place ? hn_inout (hn, (size_t) B * K * C, HN_NORMAL) : hn_in (hn, (size_t) B * K * C, HN_NORMAL);
  HnTensor y = in_place ? x : hn_out (hn, n), pos = hn_in (hn, (size_t) N * C, HN_NORMAL);
  HnTensor cls = hn_in (hn, C, HN_NORMAL);
  const int32_t *host = NULL, *keep = K < N ? hn_indices (hn, &host, B, K, N) : NULL;
  double *want = hn_doubles (hn, n), *cell = want;

  hn_describe (hn, "B=%d N=%d K=%d C=%d first=%d in_place=%d", B, N, K, C, first, in_place);
  for (int b = 0; b < B; b++) {
    for (int i = -first; i < K; i++) {
      for (int c = 0; c < C; c++)
        *cell++ = i < 0 ? cls.host[c] : (float) (x.host[((size_t) b * K + i) * C + c]
            + pos.host[(size_t) (keep ? host[b * K + i] : i) * C + c]);
    }
  }
  GhStatus status = gh_embed_tokens_fwd (hn_ctx (hn), y.p, x.p, pos.p, keep, first ? cls.p : NULL, B, K, C, first);
  if (hn_status (hn, status, GH_OK))
    hn_expect (hn, &y, want, HN_EXACT);
  hn_reset (hn);
}

static void
check_unmask_one (Hn *hn, int B, int N, int K, int C, int first)
{
  size_t n = (size_t) B * (N + first) * C;
  HnTensor x = hn_in (hn, (size_t) B * (K + first) * C, HN_NORMAL), y = hn_out (hn, n);
  HnTensor mask = hn_in (hn, C, HN_NORMAL), pos = hn_in (hn, (size_t) N * C, HN_NORMAL);
  HnTensor cls = hn_in (hn, C, HN_NORMAL);
  const int32_t *host = NULL, *keep = K < N ? hn_indices (hn, &host, B, K, N) : NULL;
  double *want = hn_doubles (hn, n), *cell = want;

  hn_describe (hn, "B=%d N=%d K=%d C=%d first=%d", B, N, K, C, first);
  for (int b = 0; b < B; b++) {
    const float *row = x.host + (size_t) b * (K + first) * C;
    for (int c = 0; first && c < C; c++)
      *cell++ = (float) (row[c] + cls.host[c]);
    row += (size_t) first * C;
    for (int i = 0, j = 0; i < N; i++) {
      bool kept = j < K && (keep ? host[b * K + j] : j) == i;
      for (int c = 0; c < C; c++)
        *cell++ = (float) ((kept ? row[(size_t) j * C + c] : mask.host[c]) + pos.host[(size_t) i * C + c]);
      j += kept;
    }
  }
  GhStatus status = gh_unmask_tokens_fwd (hn_ctx (hn), y.p, x.p, mask.p, pos.p, keep, first ? cls.p : NULL, B, N, K, C,
      first);
  if (hn_status (hn, status, GH_OK))
    hn_expect (hn, &y, want, HN_EXACT);
  hn_reset (hn);
}

static void
check_gather_one (Hn *hn, int B, int N, int K, int C, int first, bool all)
{
  HnTensor x = hn_in (hn, (size_t) B * (N + first) * C, HN_NORMAL), y = hn_out (hn, (size_t) B * K * C);
  const int32_t *host = NULL, *index = all ? NULL : hn_indices (hn, &host, B, K, N);
  double *want = hn_doubles (hn, y.n);

  hn_describe (hn, "B=%d N=%d K=%d C=%d first=%d all=%d", B, N, K, C, first, all);
  for (size_t i = 0; i < y.n; i++) {
    int b = (int) (i / C / K), k = (int) (i / C % K);
    want[i] = x.host[((size_t) b * (N + first) + first + (all ? k : host[b * K + k])) * C + i % C];
  }
  if (hn_status (hn, gh_gather_rows_fwd (hn_ctx (hn), y.p, x.p, index, B, N, K, C, first), GH_OK))
    hn_expect (hn, &y, want, HN_EXACT);
  hn_reset (hn);
}

static const int shapes[][4] = { { 1, 1, 1, 1 }, { 2, 5, 3, 7 }, { 3, 16, 16, 8 }, { 1, 240, 72, 1024 },
  { 2, 60, 18, 64 }, { 4, 197, 49, 33 } };
enum { N_SHAPES = sizeof shapes / sizeof shapes[0] };

static void
check_embed (Hn *hn)
{
  for (int i = 0; i < N_SHAPES; i++) {
    check_embed_one (hn, shapes[i][0], shapes[i][1], shapes[i][2], shapes[i][3], 0, i & 1);
    check_embed_one (hn, shapes[i][0], shapes[i][1], shapes[i][2], shapes[i][3], 1, false);
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
}

static void
bench_embed (Hn *hn)
{
  int K = 240, C = 1024;
  HnTensor x = hn_in (hn, (size_t) K * C, HN_NORMAL), y = hn_out (hn, (size_t) K * C);
  HnTensor pos = hn_in (hn, (size_t) K * C, HN_NORMAL);
  HN_BENCH (hn, 0, 12.0 * K * C, "%dx%d", K, C)
    gh_embed_tokens_fwd (hn_ctx (hn), y.p, x.p, pos.p, NULL, NULL, 1, K, C, 0);
}

static void
bench_unmask (Hn *hn)
{
  int B = 8, N = 240, K = 72, C = 512;
  const int32_t *host, *keep = hn_indices (hn, &host, B, K, N);
  HnTensor x = hn_in (hn, (size_t) B * K * C, HN_NORMAL), y = hn_out (hn, (size_t) B * N * C);
  HnTensor pos = hn_in (hn, (size_t) N * C, HN_NORMAL), mask = hn_in (hn, C, HN_NORMAL);
  HN_BENCH (hn, 0, 8.0 * B * N * C, "B=%d %d of %d x %d", B, K, N, C)
    gh_unmask_tokens_fwd (hn_ctx (hn), y.p, x.p, mask.p, pos.p, keep, NULL, B, N, K, C, 0);
}

const HnCase hn_embed_tokens_fwd = { "embed_tokens_fwd", check_embed, bench_embed };
const HnCase hn_unmask_tokens_fwd = { "unmask_tokens_fwd", check_unmask, bench_unmask };
const HnCase hn_gather_rows_fwd = { "gather_rows_fwd", check_gather, NULL };
