/* SPDX-License-Identifier: LGPL-2.1-or-later
 * plaza-noise.c: one table of bell-shaped noise, entered anew for every run of pixels. */
#include "plaza-noise.h"

#include <math.h>

#include "plaza-scene.h"

#define TABLE_PIXELS 65536
#define RUN_PIXELS 1024
#define TABLE_SIGMA 32.0
#define KEY_NOISE 271
#define X_BYTE (G_BYTE_ORDER == G_LITTLE_ENDIAN ? 3 : 0)

static gint8 table[(TABLE_PIXELS + RUN_PIXELS) * 4];

/* Standard deviation 1, about normal. */
static double
bell (guint64 key)
{
  guint64 hash = plaza_hash (KEY_NOISE, key, 0);
  double sum = 0;

  for (int i = 0; i < 4; i++)
    sum += (hash >> (16 * i) & 0xffff) / 65536.0;
  return (sum - 2) * sqrt (3);
}

static void
make_table (void)
{
  static gsize made = 0;

  if (!g_once_init_enter (&made))
    return;
  for (gsize i = 0; i < TABLE_PIXELS + RUN_PIXELS; i++) {
    double luma = bell (4 * i) * 0.9;

    for (int c = 0; c < 4; c++) {
      double value = TABLE_SIGMA * (luma + 0.45 * bell (4 * i + 1 + c));

      table[4 * i + c] = c == X_BYTE ? 0 : (gint8) lrint (CLAMP (value, -127, 127));
    }
  }
  g_once_init_leave (&made, 1);
}

static void
add_run (guint8 *restrict pixels, const gint8 *restrict noise, gint16 amplitude, int n)
{
  for (int i = 0; i < n; i++) {
    gint16 scaled = (gint16) (noise[i] * amplitude + 64), value = (gint16) (pixels[i] + (scaled >> 7));

    pixels[i] = (guint8) CLAMP (value, 0, 255);
  }
}

void
plaza_noise_add (guint64 key, double sigma, guint8 *pixels, gsize stride, int width, int height)
{
  gint16 amplitude = (gint16) lrint (MIN (sigma * 128 / TABLE_SIGMA, 255));

  if (amplitude == 0)
    return;
  make_table ();
  for (int y = 0; y < height; y++) {
    for (int x = 0; x < width; x += RUN_PIXELS) {
      guint64 entry = plaza_hash (key, y, x) % TABLE_PIXELS;

      add_run (pixels + y * stride + 4 * (gsize) x, table + 4 * entry, amplitude,
          4 * MIN (RUN_PIXELS, width - x));
    }
  }
}
