/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-frame-store.c: which frames a store keeps, and the views that augmentation takes of them.
 */
#include "model-file.h"
#include "models/gh-frame-store.h"
#include "models/gh-view.h"

#include <math.h>
#include <string.h>

enum { HEIGHT = 5, WIDTH = 7, STRIDE = 24 };

/* A frame that carries its number in every pixel. */
static void
push (GhFrameStore *store, guint32 number)
{
  guint8 rgb[HEIGHT * STRIDE];
  g_autoptr (GError) error = NULL;

  memset (rgb, 0xee, sizeof rgb);
  for (int y = 0; y < HEIGHT; y++)
    for (int x = 0; x < WIDTH; x++) {
      rgb[y * STRIDE + 3 * x] = number;
      rgb[y * STRIDE + 3 * x + 1] = number >> 8;
      rgb[y * STRIDE + 3 * x + 2] = number >> 16;
    }
  gh_frame_store_push (store, rgb, STRIDE, &error);
  g_assert_no_error (error);
}

static guint32
number_at (GhFrameStore *store, guint index)
{
  guint8 rgb[HEIGHT * WIDTH * 3];
  g_autoptr (GError) error = NULL;

  gh_frame_store_copy (store, index, rgb, &error);
  g_assert_no_error (error);
  for (int i = 3; i < HEIGHT * WIDTH * 3; i++)
    g_assert_cmpint (rgb[i], ==, rgb[i - 3]);
  return rgb[0] | rgb[1] << 8 | rgb[2] << 16;
}

static void
test_order (void)
{
  g_autoptr (GhFrameStore) store = gh_frame_store_new (HEIGHT, WIDTH, 11, 1);
  guint8 rgb[HEIGHT * WIDTH * 3];

  g_assert_cmpint (gh_frame_store_count (store), ==, 0);
  g_assert_false (gh_frame_store_copy (store, 0, rgb, NULL));
  for (guint i = 0; i < 11; i++) {
    push (store, i);
    g_assert_cmpint (gh_frame_store_count (store), ==, i + 1);
    for (guint j = 0; j <= i; j++)
      g_assert_cmpint (number_at (store, j), ==, j);
  }
  g_assert_false (gh_frame_store_copy (store, 11, rgb, NULL));
  g_assert_cmpint (gh_frame_store_pushed (store), ==, 11);
}

/* Full, the later half is what came last, in order; the earlier half differs from it and in itself. */
static void
test_replay (void)
{
  g_autoptr (GhFrameStore) store = gh_frame_store_new (HEIGHT, WIDTH, 20, 3), again = gh_frame_store_new (HEIGHT, WIDTH,
      20, 3);

  for (guint i = 0; i < 500; i++) {
    g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);

    push (store, i);
    push (again, i);
    if (i < 20)
      continue;
    g_assert_cmpint (gh_frame_store_count (store), ==, 20);
    for (guint j = 0; j < 20; j++) {
      guint32 number = number_at (store, j);

      g_assert_true (g_hash_table_add (seen, GUINT_TO_POINTER (number)));
      g_assert_cmpint (number, ==, number_at (again, j));
      if (j >= 10)
        g_assert_cmpint (number, ==, i - 19 + j);
      else
        g_assert_cmpint (number, <=, i - 10);
    }
  }
}

/* Over many seeds every older frame stays equally often. */
static void
test_sample (void)
{
  enum { SEEDS = 400, FRAMES = 60, KEPT = 5, OLDER = FRAMES - KEPT };
  int stayed[OLDER] = { 0 };
  double expected = (double) SEEDS * KEPT / OLDER, chi = 0;

  for (guint seed = 0; seed < SEEDS; seed++) {
    g_autoptr (GhFrameStore) store = gh_frame_store_new (HEIGHT, WIDTH, 2 * KEPT, seed);

    for (guint i = 0; i < FRAMES; i++)
      push (store, i);
    for (guint j = 0; j < KEPT; j++)
      stayed[number_at (store, j)]++;
  }
  for (int i = 0; i < OLDER; i++)
    chi += (stayed[i] - expected) * (stayed[i] - expected) / expected;
  /* 54 degrees of freedom: 91 is passed once in a thousand. */
  g_test_message ("chi square %.1f", chi);
  g_assert_cmpfloat (chi, <, 91);
}

static gpointer
push_many (gpointer store)
{
  for (guint i = 0; i < 2000; i++)
    push (store, i);
  return NULL;
}

static void
test_threads (void)
{
  g_autoptr (GhFrameStore) store = gh_frame_store_new (HEIGHT, WIDTH, 8, 1);
  GThread *thread;

  push (store, 0);
  thread = g_thread_new ("push", push_many, store);
  for (int i = 0; i < 2000; i++)
    number_at (store, i % gh_frame_store_count (store));
  g_thread_join (thread);
  g_assert_cmpint (gh_frame_store_pushed (store), ==, 2001);
}

/* ---- views ------------------------------------------------------------------------------------------------------- */

static GhCtx *ctx;

static void
render (const GhView *view, guint8 *out, int height, int width, const guint8 *frame, int frame_height, int frame_width)
{
  g_assert_cmpint (gh_view_fwd (ctx, out, frame, view, 1, height, width, 1, frame_height, frame_width), ==, GH_OK);
}

/* A slope of red from left to right, of green from top to bottom. */
static guint8 *
new_slope (int height, int width)
{
  guint8 *rgb = g_malloc (height * width * 3), *p = rgb;

  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++, p += 3) {
      p[0] = 2 * x + 10;
      p[1] = 2 * y + 20;
      p[2] = 77;
    }
  return rgb;
}

static void
test_whole (void)
{
  g_autofree guint8 *frame = new_slope (40, 60), *out = g_malloc (40 * 60 * 3);
  guint64 random = 1;
  GhView view;

  gh_view_draw (&view, &random, 40, 60, 1.5, 1, FALSE, 0);
  g_assert_cmpint (random, ==, 1);
  render (&view, out, 40, 60, frame, 40, 60);
  g_assert_cmpmem (out, 40 * 60 * 3, frame, 40 * 60 * 3);

  view.flip = TRUE;
  render (&view, out, 40, 60, frame, 40, 60);
  for (int y = 0; y < 40; y++)
    for (int x = 0; x < 60; x++)
      g_assert_cmpmem (out + (y * 60 + x) * 3, 3, frame + (y * 60 + 59 - x) * 3, 3);
}

/* What a crop shows of a slope is a slope: each pixel where its centre falls. */
static void
test_crop (void)
{
  enum { HEIGHT_IN = 90, WIDTH_IN = 110, HEIGHT_OUT = 64, WIDTH_OUT = 80 };
  g_autofree guint8 *frame = new_slope (HEIGHT_IN, WIDTH_IN), *out = g_malloc (HEIGHT_OUT * WIDTH_OUT * 3);
  guint64 random = 9;
  double smallest = 1, largest = 0;
  int flips = 0;

  for (int i = 0; i < 300; i++) {
    GhView view;
    double area;

    gh_view_draw (&view, &random, HEIGHT_IN, WIDTH_IN, (double) WIDTH_OUT / HEIGHT_OUT, 0.3, TRUE, 0);
    g_assert_true (view.x >= 0 && view.y >= 0 && view.x + view.width <= WIDTH_IN);
    g_assert_true (view.width > 0 && view.height > 0 && view.y + view.height <= HEIGHT_IN);
    area = (double) view.width * view.height / (HEIGHT_IN * WIDTH_IN);
    smallest = fmin (smallest, area);
    largest = fmax (largest, area);
    flips += view.flip;
    render (&view, out, HEIGHT_OUT, WIDTH_OUT, frame, HEIGHT_IN, WIDTH_IN);
    for (int y = 0; y < HEIGHT_OUT; y++)
      for (int x = 0; x < WIDTH_OUT; x++) {
        const guint8 *p = out + (y * WIDTH_OUT + x) * 3;
        double sx = (view.flip ? WIDTH_OUT - 1 - x : x) + 0.5, sy = y + 0.5;

        sx = CLAMP (sx * view.width / WIDTH_OUT - 0.5, 0, view.width - 1) + view.x;
        sy = CLAMP (sy * view.height / HEIGHT_OUT - 0.5, 0, view.height - 1) + view.y;
        g_assert_cmpfloat (fabs (p[0] - (2 * sx + 10)), <, 0.6);
        g_assert_cmpfloat (fabs (p[1] - (2 * sy + 20)), <, 0.6);
        g_assert_cmpint (p[2], ==, 77);
      }
  }
  g_assert_true (smallest > 0.2 && smallest < 0.4 && largest > 0.85);
  g_assert_true (flips > 100 && flips < 200);
}

static void
test_light (void)
{
  guint8 frame[256 * 3], out[256 * 3];
  guint64 random = 4;
  int differs = 0;

  for (int i = 0; i < 256; i++)
    memset (frame + 3 * i, i, 3);
  for (int round = 0; round < 50; round++) {
    GhView view;

    gh_view_draw (&view, &random, 1, 256, 256, 1, FALSE, 1);
    render (&view, out, 1, 256, frame, 1, 256);
    differs += memcmp (frame, out, sizeof out) != 0;
    for (int i = 3; i < 256 * 3; i++)
      g_assert_cmpint (out[i], >=, out[i - 3]);
    g_assert_cmpint (abs (out[3 * 128 + 1] - 128), <, 90);
  }
  g_assert_cmpint (differs, >, 45);
}

int
main (int argc, char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (gh_ctx_new (&ctx, GH_DEVICE_CPU, 2, NULL, 0), ==, GH_OK);
  g_test_add_func ("/frame-store/order", test_order);
  g_test_add_func ("/frame-store/replay", test_replay);
  g_test_add_func ("/frame-store/sample", test_sample);
  g_test_add_func ("/frame-store/threads", test_threads);
  g_test_add_func ("/view/whole", test_whole);
  g_test_add_func ("/view/crop", test_crop);
  g_test_add_func ("/view/light", test_light);
  result = g_test_run ();
  gh_ctx_free (ctx);
  return result;
}
