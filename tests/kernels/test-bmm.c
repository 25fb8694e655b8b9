/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-bmm.c: general products: transposes, strides, alpha and beta.
 */
#include "cases.h"

#include <math.h>

typedef struct {
  int B, H, m, n, k;
  bool trans_a, trans_b;
  float alpha, beta;
  int pad;                      /* cells between rows that belong to nobody */
} Problem;

/* The extent of an operand of B*H matrices, with its gaps. */
static GhMat
layout (int B, int H, int rows, int cols, int pad, bool heads_inside, size_t *total)
{
  GhMat mat = { NULL, 0, 0, 0 };
  if (heads_inside) {           /* like qkv: the heads lie side by side in a row */
    mat.ld = (ptrdiff_t) H * cols + pad;
    mat.stride_h = cols;
    mat.stride_b = (ptrdiff_t) rows * mat.ld;
  } else {
    mat.ld = cols + pad;
    mat.stride_h = (ptrdiff_t) rows * mat.ld;
    mat.stride_b = (ptrdiff_t) H * rows * mat.ld;
  }
  *total = (size_t) B * mat.stride_b;
  return mat;
}

static const float *
at (GhMat mat, const float *host, int b, int h, int row, int col)
{
  return host + b * mat.stride_b + h * mat.stride_h + row * mat.ld + col;
}

static void
check_one (Hn *hn, const Problem *p, HnFill fill, bool heads_inside)
{
  size_t na, nb, nc;
  GhMat a = layout (p->B, p->H, p->trans_a ? p->k : p->m, p->trans_a ? p->m : p->k, p->pad, heads_inside, &na);
  GhMat b = layout (p->B, p->H, p->trans_b ? p->n : p->k, p->trans_b ? p->k : p->n, p->pad, heads_inside, &nb);
  GhMat c = layout (p->B, p->H, p->m, p->n, p->pad, heads_inside, &nc);
  HnTensor ta = hn_in (hn, na, fill), tb = hn_in (hn, nb, HN_NORMAL);
  HnTensor tc = p->beta != 0 || p->pad ? hn_inout (hn, nc, HN_NORMAL) : hn_out (hn, nc);
  double *want = hn_doubles (hn, nc);

  hn_describe (hn, "B=%d H=%d m=%d n=%d k=%d trans=%d%d alpha=%g beta=%g pad=%d fill=%d inside=%d", p->B, p->H, p->m,
      p->n, p->k, p->trans_a, p->trans_b, p->alpha, p->beta, p->pad, fill, heads_inside);
  for (size_t i = 0; i < nc; i++)
    want[i] = tc.host[i];       /* what lies between the rows stays */
  for (int ib = 0; ib < p->B; ib++) {
    for (int ih = 0; ih < p->H; ih++) {
      for (int i = 0; i < p->m; i++) {
        for (int j = 0; j < p->n; j++) {
          double sum = 0;
          for (int l = 0; l < p->k; l++)
            sum += (double) *at (a, ta.host, ib, ih, p->trans_a ? l : i, p->trans_a ? i : l)
                * *at (b, tb.host, ib, ih, p->trans_b ? j : l, p->trans_b ? l : j);
          double *cell = want + (at (c, tc.host, ib, ih, i, j) - tc.host);
          *cell = p->alpha * sum + (p->beta != 0 ? p->beta * *cell : 0);
        }
      }
    }
  }
  a.p = ta.p;
  b.p = tb.p;
  c.p = tc.p;
  GhStatus status = gh_bmm (hn_ctx (hn), c, a, p->trans_a, b, p->trans_b, p->alpha, p->beta, p->B, p->H, p->m, p->n,
      p->k);
  if (hn_status (hn, status, GH_OK))
    hn_expect (hn, &tc, want, HN_F32);
  hn_reset (hn);
}

static void
check (Hn *hn)
{
  static const int sizes[][3] = { { 1, 1, 1 }, { 2, 3, 4 }, { 7, 5, 11 }, { 6, 16, 8 }, { 12, 32, 1 }, { 1, 33, 17 },
    { 37, 1, 29 }, { 8, 8, 300 }, { 65, 47, 31 }, { 100, 130, 257 }, { 149, 70, 520 } };

  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    for (int trans = 0; trans < 4; trans++) {
      Problem p = { 1, 1, sizes[i][0], sizes[i][1], sizes[i][2], trans & 1, trans & 2, 1, 0, 0 };
      check_one (hn, &p, HN_NORMAL, false);
      p.B = 2;
      p.H = 3;
      p.alpha = 0.5f;
      p.beta = trans % 2 ? 1 : -0.25f;
      p.pad = 3;
      if (sizes[i][2] < 100)
        check_one (hn, &p, HN_LARGE, trans < 2);
    }
  }
  Problem landmark = { 1, 2, 64, 256, 256, false, false, 1, 0, 0 };
  check_one (hn, &landmark, HN_NORMAL, false);
  for (int i = 0; i < 12; i++) {
    Problem p = { hn_random_int (hn, 1, 2), hn_random_int (hn, 1, 3), hn_random_int (hn, 1, 90),
      hn_random_int (hn, 1, 90), hn_random_int (hn, 1, 90), i & 1, i & 2, 2, (float) (i % 3),
      hn_random_int (hn, 0, 5) };
    check_one (hn, &p, i % 4 ? HN_NORMAL : HN_TINY, i & 4);
  }
}

static void
bench (Hn *hn)
{
  static const int shapes[][4] = { { 10, 256, 256, 256 }, { 1, 256, 256, 256 }, { 1, 512, 512, 512 },
    { 1, 1024, 1024, 1024 }, { 10, 240, 240, 64 }, { 10, 240, 64, 240 }, { 1, 300, 512, 512 } };

  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    int H = shapes[i][0], m = shapes[i][1], n = shapes[i][2], k = shapes[i][3];
    HnTensor a = hn_in (hn, (size_t) H * m * k, HN_NORMAL), b = hn_in (hn, (size_t) H * k * n, HN_NORMAL);
    HnTensor c = hn_out (hn, (size_t) H * m * n);
    for (int trans = 0; trans < (i < 2 ? 3 : 1); trans++) {
      HN_BENCH (hn, 2.0 * H * m * n * k, 0, "%dx %dx%dx%d%s", H, m, n, k,
          trans == 0 ? "" : trans == 1 ? " a^T" : " b^T")
        gh_bmm (hn_ctx (hn), (GhMat) { c.p, n, 0, (ptrdiff_t) m * n },
            (GhMat) { a.p, trans == 1 ? m : k, 0, (ptrdiff_t) m * k }, trans == 1,
            (GhMat) { b.p, trans == 2 ? k : n, 0, (ptrdiff_t) k * n }, trans == 2, 1, 0, 1, H, m, n, k);
    }
    hn_reset (hn);
  }
}

const HnCase hn_bmm = { "bmm", check, bench };
