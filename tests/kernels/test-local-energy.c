/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-local-energy.c: mean squares over the windows around all places.
 */
#include "cases.h"

static void
check_one (Hn *hn, int B, int rows, int cols, int C, int window_rows, int window_cols, HnFill fill)
{
  const size_t n = (size_t) B * rows * cols;
  double *want = hn_doubles (hn, n);

  hn_describe (hn, "B=%d %dx%d C=%d window %dx%d fill=%d", B, rows, cols, C, window_rows, window_cols, fill);
  HnTensor x = hn_in (hn, n * C, fill), energy = hn_out (hn, n);
  /* Number by number: which windows it lies in. */
  for (size_t i = 0; i < n * C; i++) {
    int j = (int) (i / C % cols), row = (int) (i / C / cols % rows);
    size_t image = i / C / cols / rows;
    for (int y = row - window_rows / 2; y <= row + window_rows / 2; y++)
      for (int z = j - window_cols / 2; z <= j + window_cols / 2; z++)
        if (y >= 0 && y < rows && z >= 0 && z < cols)
          want[(image * rows + y) * cols + z] += (double) x.host[i] * x.host[i] / (window_rows * window_cols);
  }
  if (hn_status (hn, gh_local_energy_fwd (hn_ctx (hn), energy.p, x.p, B, rows, cols, C, window_rows, window_cols),
          GH_OK))
    hn_expect (hn, &energy, want, HN_F32);
  hn_reset (hn);
}

static void
check (Hn *hn)
{
  check_one (hn, 1, 1, 1, 1, 1, 1, HN_NORMAL);
  check_one (hn, 2, 3, 5, 3, 13, 3, HN_NORMAL);         /* the window is larger than the picture */
  check_one (hn, 2, 20, 31, 3, 13, 3, HN_NORMAL);
  check_one (hn, 1, 33, 40, 2, 3, 13, HN_SKEWED);
  check_one (hn, 1, 144, 239, 3, 13, 3, HN_NORMAL);
  check_one (hn, 1, 9, 17, 3, 1, 3, HN_ZERO);
  for (int i = 0; i < 6; i++)
    check_one (hn, hn_random_int (hn, 1, 3), hn_random_int (hn, 1, 30), hn_random_int (hn, 1, 60),
        hn_random_int (hn, 1, 4), 2 * hn_random_int (hn, 0, 6) + 1, 2 * hn_random_int (hn, 0, 3) + 1, HN_NORMAL);
}

static void
bench (Hn *hn)
{
  enum { ROWS = 144, COLS = 239 };
  HnTensor x = hn_in (hn, ROWS * COLS * 3, HN_NORMAL), energy = hn_out (hn, ROWS * COLS);

  HN_BENCH (hn, ROWS * COLS * (13 * 3 * 2 + 9.0), 16.0 * ROWS * COLS, "%dx%d", ROWS, COLS)
    gh_local_energy_fwd (hn_ctx (hn), energy.p, x.p, 1, ROWS, COLS, 3, 13, 3);
}

const HnCase hn_local_energy_fwd = { "local_energy_fwd", check, bench };
