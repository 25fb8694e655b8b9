/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-band-share.c: how much of each band of rows is above a level.
 */
#include "cases.h"

static void
check_one (Hn *hn, int B, int rows, int cols, int bands, float level)
{
  const size_t n = (size_t) B * rows * cols;
  double *want = hn_doubles (hn, (size_t) B * bands), *places = hn_doubles (hn, bands);

  hn_describe (hn, "B=%d %dx%d bands=%d level=%g", B, rows, cols, bands, level);
  HnTensor x = hn_in (hn, n, HN_NORMAL), share = hn_out (hn, (size_t) B * bands);
  /* The last band that begins at or above the row. */
  for (int row = 0, band = 0; row < rows; row++) {
    while (band + 1 < bands && (long) (band + 1) * rows / bands <= row)
      band++;
    for (int b = 0; b < B; b++)
      for (int j = 0; j < cols; j++) {
        double above = x.host[((size_t) b * rows + row) * cols + j] / (double) level - 0.5;
        want[b * bands + band] += above < 0 ? 0 : above > 1 ? 1 : above;
      }
    places[band] += cols;
  }
  for (int i = 0; i < B * bands; i++)
    want[i] /= places[i % bands];
  if (hn_status (hn, gh_band_share_fwd (hn_ctx (hn), share.p, x.p, level, B, rows, cols, bands), GH_OK))
    hn_expect (hn, &share, want, HN_F32);
  hn_reset (hn);
}

static void
check (Hn *hn)
{
  check_one (hn, 1, 1, 1, 1, 1);
  check_one (hn, 2, 7, 5, 3, 0.3f);
  check_one (hn, 3, 12, 600, 12, 1);
  check_one (hn, 1, 144, 239, 12, 2.5f);
  check_one (hn, 1, 135, 239, 16, 2.5f);
  check_one (hn, 1, 41, 33, 5, 1e-3f);
  check_one (hn, 2, 10, 40, 1, 1e4f);           /* nothing is above it */
  for (int i = 0; i < 6; i++) {
    int rows = hn_random_int (hn, 1, 40);
    check_one (hn, hn_random_int (hn, 1, 3), rows, hn_random_int (hn, 1, 300), hn_random_int (hn, 1, rows), 0.7f);
  }
}

static void
bench (Hn *hn)
{
  enum { ROWS = 144, COLS = 239, BANDS = 12 };
  HnTensor x = hn_in (hn, ROWS * COLS, HN_NORMAL), share = hn_out (hn, BANDS);

  HN_BENCH (hn, 4.0 * ROWS * COLS, 4.0 * ROWS * COLS, "%dx%d, %d bands", ROWS, COLS, BANDS)
    gh_band_share_fwd (hn_ctx (hn), share.p, x.p, 1, 1, ROWS, COLS, BANDS);
}

const HnCase hn_band_share_fwd = { "band_share_fwd", check, bench };
