/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-frame-fit.c: frames as they come go through an encoder exactly as the picture that is made of them; the tables
 * of a resize keep what the kernels were promised; what has no plan is refused, and a session without one says so.
 * (That the pictures are those of GStreamer is tested in tests/gst/common/.)
 */
#include "encoder-fixture.h"
#include "model-file.h"
#include "models/gh-error.h"
#include "models/gh-frame-fit.h"
#include "models/gh-resize.h"

#include <string.h>

enum { WIDTH = 90, HEIGHT = 70 };

static const GhFrameLayout nv12 = {
  .width = WIDTH, .height = HEIGHT, .n_planes = 2, .channel = { { 0, 1, 0 }, { 1, 2, 0 }, { 1, 2, 1 } },
  .subsampled = TRUE, .kr = 0.299, .kb = 0.114, .range = { 219, 224, 224 },
};
static const GhFrameLayout bgrx = {
  .width = WIDTH, .height = HEIGHT, .n_planes = 1, .channel = { { 0, 4, 2 }, { 0, 4, 1 }, { 0, 4, 0 } },
};
static const GhFrameRectangle all = { 0, 0, WIDTH, HEIGHT }, corner = { 31, 17, 59, 53 };
static const GhFrameRectangle far_corner = { 80, 60, 1000, 9 };

/* ---- tables ------------------------------------------------------------------------------------------------------ */

static void
check_resize (int samples, int size, GhResizePair pair)
{
  GhResize r;

  g_assert_true (gh_resize_init (&r, samples, size, pair));
  g_assert_cmpint (r.n_taps == 0, ==, samples == size);
  for (int i = 0; i < size && r.n_taps > 0; i++) {
    int sum = 0;

    g_assert_cmpint (r.first[i], >=, i > 0 ? r.first[i - 1] : 0);
    g_assert_cmpint (r.first[i] + r.n_taps, <=, samples);
    for (int t = 0; t < r.n_taps; t++)
      sum += r.taps[i * r.n_taps + t];
    g_assert_cmpint (sum, <=, MIN (256, 2 << r.shift));
    g_assert_cmpint (sum, >, 0);
  }
  gh_resize_clear (&r);
}

static void
test_resize (void)
{
  GhResize r;

  for (int pair = GH_RESIZE_COARSE; pair <= GH_RESIZE_RUN; pair++) {
    for (int samples = 1; samples < 40; samples++)
      for (int size = 1; size < 40; size++)
        check_resize (samples, size, pair);
    check_resize (1920, 960, pair);
    check_resize (1080, 288, pair);
    check_resize (64 * 30, 30, pair);
  }
  g_assert_false (gh_resize_init (&r, 65 * 30, 30, GH_RESIZE_COARSE));
  g_assert_false (gh_resize_init (&r, 20000, 10000, GH_RESIZE_COARSE));
}

/* ---- frames ------------------------------------------------------------------------------------------------------ */

/* The picture that the session makes, by the same means. */
static void
fit_picture (GhDevice device, const GhMaeConfig *c, const GhFrameLayout *layout, const GhFrameRectangle *part,
    const guint8 *const *planes, const gsize *strides, guint8 *picture)
{
  GhFrameFit *fit;
  GhCtx *ctx;

  g_assert_cmpint (gh_ctx_new (&ctx, device, 1, NULL, 0), ==, GH_OK);
  fit = gh_frame_fit_new (ctx, c->width, c->height);
  g_assert_false (gh_frame_fit_is_planned (fit));
  g_assert_cmpint (gh_frame_fit_expect (fit, layout, part), ==, GH_OK);
  g_assert_true (gh_frame_fit_is_planned (fit));
  g_assert_cmpint (gh_frame_fit_send (fit, planes, strides), ==, GH_OK);
  g_assert_cmpint (gh_frame_fit_ahead (fit), ==, 1);
  g_assert_cmpint (gh_frame_fit_run (fit, picture), ==, GH_OK);
  gh_frame_fit_free (fit);
  gh_ctx_free (ctx);
}

static void
check_layout (GhEncoderSession *session, const GhMaeConfig *c, const GhFrameLayout *layout,
    const GhFrameRectangle *part)
{
  const gsize row = layout->n_planes == 1 ? WIDTH * 4 : WIDTH, strides[] = { row + 3, row + 7 };
  const gsize bytes[] = { strides[0] * (HEIGHT - 1) + row, strides[1] * (HEIGHT / 2 - 1) + row };
  g_autofree guint8 *first = g_malloc (bytes[0]), *second = g_malloc (bytes[1]);
  g_autofree guint8 *picture = g_malloc (c->width * c->height * 3), *cpu = g_malloc (c->width * c->height * 3);
  const int n_tokens = gh_mae_config_tokens (c) * c->dim;
  g_autofree float *want = g_new (float, c->embedding), *got = g_new (float, c->embedding);
  g_autofree float *want_tokens = g_new (float, n_tokens), *got_tokens = g_new (float, n_tokens);
  const guint8 *planes[] = { first, second };
  g_autoptr (GError) error = NULL;

  test_fill_bytes (first, bytes[0], 1);
  test_fill_bytes (second, bytes[1], 2);
  fit_picture (GH_DEVICE_REF, c, layout, part, planes, strides, picture);
  fit_picture (GH_DEVICE_CPU, c, layout, part, planes, strides, cpu);
  g_assert_cmpmem (picture, c->width * c->height * 3, cpu, c->width * c->height * 3);

  g_assert_true (gh_encoder_session_expect (session, layout, part));
  gh_encoder_send_frame (session, planes, strides, &error);
  g_assert_no_error (error);
  gh_encoder_encode_frame (session, got, got_tokens, &error);
  g_assert_no_error (error);
  gh_encoder_encode (session, picture, c->width * 3, 1, want, want_tokens, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (got, c->embedding * sizeof *got, want, c->embedding * sizeof *want);
  g_assert_cmpmem (got_tokens, n_tokens * sizeof *got, want_tokens, n_tokens * sizeof *want);
}

static void
test_frames (Fixture *f, gconstpointer data)
{
  static const GhDevice devices[] = { GH_DEVICE_REF, GH_DEVICE_CPU };
  GhMaeConfig c = test_config ();

  test_make_model (f->path, &c, 1);
  for (guint d = 0; d < G_N_ELEMENTS (devices); d++) {
    g_autoptr (GhEncoder) encoder = test_load (f->path, devices[d], GH_PRECISION_F32);
    g_autoptr (GhEncoderSession) session = test_open_session (encoder, 1);

    check_layout (session, &c, &nv12, &all);
    check_layout (session, &c, &bgrx, &corner);
    check_layout (session, &c, &nv12, &corner);
    check_layout (session, &c, &nv12, &far_corner);     /* cut to the frame */
    check_layout (session, &c, &bgrx, &all);
  }
}

static void
test_refusals (Fixture *f, gconstpointer data)
{
  const GhFrameRectangle one_row = { 0, 0, WIDTH, 1 }, outside = { WIDTH + 2, 0, 10, 10 }, before = { -2, 0, 10, 10 };
  const guint8 bytes[WIDTH * HEIGHT * 4] = { 0 }, *planes[] = { bytes, bytes };
  const gsize strides[] = { WIDTH * 4, WIDTH * 4 };
  GhMaeConfig c = test_config ();
  g_autofree float *embedding = g_new (float, c.embedding);
  GhFrameLayout huge = bgrx;
  GhFrameRectangle all_of_it;

  test_make_model (f->path, &c, 1);
  {
    g_autoptr (GhEncoder) encoder = test_load (f->path, GH_DEVICE_CPU, GH_PRECISION_F32);
    g_autoptr (GhEncoderSession) session = test_open_session (encoder, 1);
    g_autoptr (GError) error = NULL;

    g_assert_false (gh_encoder_send_frame (session, planes, strides, &error));
    g_assert_error (error, GH_ERROR, GH_ERROR_DATA);
    g_clear_error (&error);
    g_assert_false (gh_encoder_encode_frame (session, embedding, NULL, &error));
    g_assert_error (error, GH_ERROR, GH_ERROR_DATA);
    g_clear_error (&error);

    /* Two ahead and no more; a new plan forgets them. */
    g_assert_true (gh_encoder_session_expect (session, &bgrx, &all));
    for (int i = 0; i < GH_FRAMES_AHEAD; i++)
      g_assert_true (gh_encoder_send_frame (session, planes, strides, &error));
    g_assert_false (gh_encoder_send_frame (session, planes, strides, &error));
    g_assert_error (error, GH_ERROR, GH_ERROR_DATA);
    g_clear_error (&error);
    g_assert_true (gh_encoder_encode_frame (session, embedding, NULL, &error));
    g_assert_true (gh_encoder_send_frame (session, planes, strides, &error));
    g_assert_true (gh_encoder_session_expect (session, &bgrx, &corner));
    g_assert_false (gh_encoder_encode_frame (session, embedding, NULL, &error));
    g_assert_error (error, GH_ERROR, GH_ERROR_DATA);
    g_clear_error (&error);
    huge.width = huge.height = 100 * 56;
    all_of_it = (GhFrameRectangle) { 0, 0, huge.width, huge.height };
    g_assert_false (gh_encoder_session_expect (session, &huge, &all_of_it));
    g_assert_false (gh_encoder_session_expect (session, &nv12, &one_row));
    g_assert_false (gh_encoder_session_expect (session, &nv12, &outside));
    g_assert_false (gh_encoder_session_expect (session, &nv12, &before));

    /* The plan of before is gone, and not used for other frames. */
    g_assert_false (gh_encoder_send_frame (session, planes, strides, &error));
    g_assert_error (error, GH_ERROR, GH_ERROR_DATA);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/frame-fit/resize", test_resize);
  g_test_add ("/frame-fit/frames", Fixture, NULL, set_up, test_frames, tear_down);
  g_test_add ("/frame-fit/refusals", Fixture, NULL, set_up, test_refusals, tear_down);
  return g_test_run ();
}
