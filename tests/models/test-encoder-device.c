/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-encoder-device.c: an encoder on the cuda back end gives the reference's embeddings: with copies between host and
 * device, with the fused calls in bfloat16, of frames as they come (copied ahead, or lent in the device's memory), with
 * one under way while the next is sent, and when a pass that was recorded is run again, after a larger batch has moved
 * the scratch memory too. Meson runs it on the emulated module; on a GPU where there is one.
 * Exits with 77 without both.
 */
#include "model-file.h"
#include "models/gh-encoder-private.h"
#include "temp-folder.h"

#include <string.h>

enum { MOST = 3 };

static char *folder, *path;
static guint8 *frames;          /* [MOST] images */

static gsize
frame_bytes (const GhMaeConfig *c)
{
  return (gsize) c->height * c->width * 3;
}

/* Embeddings of the first B frames. */
static float *
encode (GhEncoderSession *session, const GhMaeConfig *c, const guint8 *rgb, gsize stride, int B)
{
  g_autoptr (GError) error = NULL;
  float *embedding = g_new (float, B * c->embedding);

  gh_encoder_encode (session, rgb, stride, B, embedding, NULL, &error);
  g_assert_no_error (error);
  return embedding;
}

enum { LUMA_BYTES = 100 * 70, CHROMA_BYTES = 100 * 35, FRAME_BYTES = LUMA_BYTES + CHROMA_BYTES };

static void
send (GhEncoderSession *session, const guint8 *frame, int i)
{
  const guint8 *planes[] = { frame, frame + LUMA_BYTES };
  const gsize strides[] = { i % 2 ? 90 : 97, 90 + i % 8 };
  g_autoptr (GError) error = NULL;

  gh_encoder_send_frame (session, planes, strides, &error);
  g_assert_no_error (error);
}

static float *
encode_sent (GhEncoderSession *session, const GhMaeConfig *c)
{
  g_autoptr (GError) error = NULL;
  float *embedding = g_new (float, c->embedding);

  gh_encoder_encode_frame (session, embedding, NULL, &error);
  g_assert_no_error (error);
  return embedding;
}

static const GhFrameLayout nv12 = {
  .width = 90, .height = 70, .n_planes = 2, .channel = { { 0, 1, 0 }, { 1, 2, 0 }, { 1, 2, 1 } },
  .subsampled = TRUE, .kr = 0.2126, .kb = 0.0722, .range = { 219, 224, 224 },
};
static const GhFrameRectangle whole = { 0, 0, 90, 70 };

/* NV12 frames of 90x70, other pixels each time, their rows with and without a gap; the device's are sent up to two
 * ahead, and their memory is written over before they are encoded: they have left it. */
static void
check_frames (GhEncoderSession *truth, GhEncoderSession *session, const GhMaeConfig *c, double tolerance)
{
  enum { FRAMES = 4 };
  const GhFrameRectangle parts[] = { whole, { 20, 10, 66, 51 } };
  g_autofree guint8 *here = g_malloc (FRAME_BYTES), *there = g_malloc (FRAME_BYTES);

  for (guint p = 0; p < G_N_ELEMENTS (parts); p++) {
    g_assert_true (gh_encoder_session_expect (truth, &nv12, &parts[p]));
    g_assert_true (gh_encoder_session_expect (session, &nv12, &parts[p]));
    for (int i = 0, sent = 0; i < FRAMES; i++) {
      g_autofree float *want = NULL, *got = NULL;

      for (; sent < FRAMES && sent < i + GH_FRAMES_AHEAD; sent++) {
        test_fill_bytes (there, FRAME_BYTES, sent);
        send (session, there, sent);
        memset (there, 0xaa, FRAME_BYTES);
      }
      test_fill_bytes (here, FRAME_BYTES, i);
      send (truth, here, i);
      want = encode_sent (truth, c);
      got = encode_sent (session, c);
      g_assert_cmpfloat (test_error (got, want, c->embedding), <, tolerance);
    }
    send (session, here, 0);    /* left behind: forgotten when other frames are expected */
  }
}

/* Frames in the device's memory give the bits of those that are copied there. */
static void
check_lent (GhEncoderSession *session, const GhMaeConfig *c)
{
  g_autofree guint8 *frame = g_malloc (FRAME_BYTES);
  GhCtx *ctx = NULL;
  void *memory = NULL;

  g_assert_cmpint (gh_ctx_new (&ctx, GH_DEVICE_CUDA, 0, NULL, 0), ==, GH_OK);
  g_assert_cmpint (gh_alloc (ctx, &memory, FRAME_BYTES), ==, GH_OK);
  g_assert_true (gh_encoder_session_expect (session, &nv12, &whole));
  for (int i = 0; i < 3; i++) {
    const guint8 *planes[] = { memory, (guint8 *) memory + LUMA_BYTES };
    const gsize strides[] = { i % 2 ? 90 : 97, 90 + i % 8 };
    g_autoptr (GError) error = NULL;
    g_autofree float *sent = NULL, *lent = NULL;

    test_fill_bytes (frame, FRAME_BYTES, i);
    g_assert_cmpint (gh_upload (ctx, memory, frame, FRAME_BYTES), ==, GH_OK);
    send (session, frame, i);
    gh_encoder_lend_frame (session, planes, strides, &error);
    g_assert_no_error (error);
    sent = encode_sent (session, c);
    lent = encode_sent (session, c);
    g_assert_cmpmem (lent, c->embedding * sizeof *lent, sent, c->embedding * sizeof *sent);
  }
  gh_free (ctx, memory);
  gh_ctx_free (ctx);
}

static void
assert_refused (gboolean done, GError **error, const char *words)
{
  g_assert_false (done);
  g_assert_error (*error, GH_ERROR, GH_ERROR_DATA);
  g_assert_nonnull (strstr ((*error)->message, words));
  g_clear_error (error);
}

/* One frame is under way while the next is sent; nothing else may be begun meanwhile. */
static void
check_halves (GhEncoderSession *session, const GhMaeConfig *c)
{
  enum { FRAMES = 5 };
  g_autofree guint8 *frame = g_malloc (FRAME_BYTES), *rgb = g_malloc0 (frame_bytes (c));
  g_autofree float *got = g_new (float, c->embedding);
  float *want[FRAMES];
  g_autoptr (GError) error = NULL;

  g_assert_true (gh_encoder_session_expect (session, &nv12, &whole));
  for (int i = 0; i < FRAMES; i++) {
    test_fill_bytes (frame, FRAME_BYTES, i);
    send (session, frame, i);
    want[i] = encode_sent (session, c);
  }
  assert_refused (gh_encoder_finish_frame (session, got, NULL, &error), &error, "no frame was begun");
  for (int i = 0; i <= FRAMES; i++) {
    if (i < FRAMES) {
      test_fill_bytes (frame, FRAME_BYTES, i);
      send (session, frame, i);
    }
    if (i > 0) {
      g_assert_true (gh_encoder_finish_frame (session, got, NULL, &error));
      g_assert_cmpmem (got, c->embedding * sizeof *got, want[i - 1], c->embedding * sizeof *got);
    }
    if (i < FRAMES)
      g_assert_true (gh_encoder_begin_frame (session, &error));
  }

  send (session, frame, 0);
  send (session, frame, 1);
  g_assert_true (gh_encoder_begin_frame (session, &error));
  assert_refused (gh_encoder_begin_frame (session, &error), &error, "not finished");
  assert_refused (gh_encoder_encode (session, rgb, (gsize) c->width * 3, 1, got, NULL, &error), &error, "not finished");
  gh_encoder_session_forget_frames (session);
  assert_refused (gh_encoder_begin_frame (session, &error), &error, "no frame was sent");
  for (int i = 0; i < GH_FRAMES_AHEAD; i++)
    send (session, frame, FRAMES - 1);
  g_assert_true (gh_encoder_encode_frame (session, got, NULL, &error));
  g_assert_cmpmem (got, c->embedding * sizeof *got, want[FRAMES - 1], c->embedding * sizeof *got);
  for (int i = 0; i < FRAMES; i++)
    g_free (want[i]);
}

static void
check (const GhMaeConfig *c, GhPrecision precision, double tolerance)
{
  static const int batches[] = { 1, 1, 1, 2, 2, MOST, 1, 1, MOST, MOST, MOST };
  const gsize tight = (gsize) c->width * 3, size = frame_bytes (c);
  GhEncoder *ref = test_load (path, GH_DEVICE_REF, GH_PRECISION_F32);
  GhEncoder *device = test_load (path, GH_DEVICE_CUDA, precision);
  GhEncoderSession *truth = test_open_session (ref, MOST), *session = test_open_session (device, MOST);

  for (guint i = 0; i < G_N_ELEMENTS (batches); i++) {
    const int B = batches[i];
    g_autofree float *want = NULL, *got = NULL;

    frames[i] ^= 0x80;          /* a recorded pass must look at the new pixels */
    want = encode (truth, c, frames, tight, B);
    got = encode (session, c, frames, tight, B);
    g_assert_cmpfloat (test_error (got, want, B * c->embedding), <, tolerance);
  }
  for (int i = 0; i < 2; i++) {         /* rows with a gap, as video has them */
    const gsize stride = tight + 5;
    g_autofree guint8 *wide = g_malloc0 (stride * c->height);
    g_autofree float *want = encode (truth, c, frames, tight, 1), *got = NULL;

    for (int row = 0; row < c->height; row++)
      memcpy (wide + row * stride, frames + row * tight, tight);
    got = encode (session, c, wide, stride, 1);
    g_assert_cmpfloat (test_error (got, want, c->embedding), <, tolerance);
  }
  if (!c->cls_token && c->landmarks == 0) {     /* which change nothing in how frames come */
    check_frames (truth, session, c, tolerance);
    check_lent (session, c);
    check_halves (session, c);
  }
  test_fill_bytes (frames, MOST * size, 7);
  gh_encoder_session_free (session);
  gh_encoder_session_free (truth);
  gh_encoder_unref (device);
  gh_encoder_unref (ref);
}

static void
check_config (const GhMaeConfig *c, GhPrecision precision, double tolerance)
{
  test_make_model (path, c, 1);
  g_free (frames);
  frames = g_malloc (MOST * frame_bytes (c));
  test_fill_bytes (frames, MOST * frame_bytes (c), 7);
  check (c, precision, tolerance);
}

/* The small model as it is; wide enough for fused blocks, with and without a cls token; Nystrom attention. */
static void
check_all (GhPrecision precision, double tolerance)
{
  for (int variant = 0; variant < 4; variant++) {
    GhMaeConfig c = test_config ();

    if (variant > 0)
      c.dim = 64;
    c.cls_token = variant == 2;
    if (variant == 3)
      c.landmarks = 8;
    check_config (&c, precision, tolerance);
  }
}

static void
test_f32 (void)
{
  check_all (GH_PRECISION_F32, 1e-5);
}

static void
test_bf16 (void)
{
  check_all (GH_PRECISION_BF16, 3e-2);
}

/* Heads of 64 channels: a frame alone goes through all blocks in one launch where the device can do that. */
static void
test_together (void)
{
  for (int cls = 0; cls < 2; cls++) {
    GhMaeConfig c = test_config ();

    c.dim = 128;
    c.heads = 2;
    c.head_dim = 64;
    c.mlp = 128;
    c.landmarks = 0;
    c.cls_token = cls;
    check_config (&c, GH_PRECISION_BF16, 3e-2);
    if (g_getenv ("GST_HEADS_CUDA_BLOCKS")) {
      GhEncoder *encoder = test_load (path, GH_DEVICE_CUDA, GH_PRECISION_BF16);

      g_assert_true (gh_suits_blocks (encoder->ctx, encoder->weights.together, 1, cls + gh_mae_config_tokens (&c)));
      gh_encoder_unref (encoder);
    }
  }
}

int
main (int argc, char **argv)
{
  char reason[256] = "";
  GhCtx *ctx = NULL;
  int result;

  if (gh_ctx_new (&ctx, GH_DEVICE_CUDA, 0, reason, sizeof (reason)) != GH_OK) {
    g_printerr ("skipped: %s\n", reason);
    return 77;
  }
  gh_ctx_free (ctx);
  g_test_init (&argc, &argv, NULL);
  folder = temp_folder_new ();
  path = g_build_filename (folder, "encoder.safetensors", NULL);
  g_test_add_func ("/encoder-device/f32", test_f32);
  g_test_add_func ("/encoder-device/bf16", test_bf16);
  g_test_add_func ("/encoder-device/together", test_together);
  result = g_test_run ();
  temp_folder_remove (folder);
  g_free (path);
  g_free (frames);
  return result;
}
