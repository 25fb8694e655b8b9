/* SPDX-License-Identifier: LGPL-2.1-or-later
 * mae-test.c: the shared parts of the tests of the plugin mae. */
#include "mae-test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "gst/common/gstframescaler.h"
#include "tests/models/temp-folder.h"

GhMaeConfig
mae_test_config (gint dim, gint depth)
{
  return (GhMaeConfig) {
    .height = 96, .width = 160, .patch = 16,
    .mean = { 0.485f, 0.456f, 0.406f }, .std = { 0.229f, 0.224f, 0.225f },
    .dim = dim, .depth = depth, .heads = 2, .head_dim = 32, .mlp = 2 * dim,
    .pinv_iters = 6, .conv = 9, .eps = 1e-6f,
    .pool = GH_POOL_MEAN, .embedding = MAE_TEST_EMBEDDING, .has_embed = TRUE,
    .dec_dim = 32, .dec_depth = 1, .dec_heads = 1, .dec_head_dim = 32, .dec_mlp = 64, .mask_ratio = 0.7,
  };
}

static gchar *
write_model (MaeTest *test, const gchar *name, gint dim, gint depth, gboolean with_decoder)
{
  g_autoptr (GError) error = NULL;
  gchar *path = g_build_filename (test->folder, name, NULL);
  GhMaeConfig config = mae_test_config (dim, depth);

  if (!gh_encoder_init_file (path, &config, 7, with_decoder, &error))
    g_error ("%s", error->message);
  return path;
}

gchar *
mae_test_write_model (MaeTest *test, const gchar *name, gint dim, gint depth)
{
  return write_model (test, name, dim, depth, FALSE);
}

gchar *
mae_test_write_autoencoder (MaeTest *test, const gchar *name)
{
  return write_model (test, name, MAE_TEST_DIM, 2, TRUE);
}

void
mae_test_setup (MaeTest *test)
{
  test->folder = temp_folder_new ();
  test->model = mae_test_write_model (test, "encoder.safetensors", MAE_TEST_DIM, 2);
}

void
mae_test_teardown (MaeTest *test)
{
  temp_folder_remove (test->folder);
  g_free (test->folder);
  g_free (test->model);
}

/* A fixture takes no argument; a program has one case. */
static MaeTest *of_case;

static void
set_up_case (void)
{
  mae_test_setup (of_case);
}

static void
tear_down_case (void)
{
  mae_test_teardown (of_case);
}

TCase *
mae_test_case (MaeTest *test)
{
  TCase *tcase = tcase_create ("general");

  of_case = test;
  tcase_add_checked_fixture (tcase, set_up_case, tear_down_case);
  return tcase;
}

GstHarness *
mae_test_harness_new (GstElement *element)
{
  gboolean has_output = gst_element_class_get_pad_template (GST_ELEMENT_GET_CLASS (element), "src") != NULL;
  GstBus *bus = gst_bus_new ();
  GstHarness *h;

  gst_element_set_bus (element, bus);
  gst_object_unref (bus);
  h = gst_harness_new_with_element (element, "sink", has_output ? "src" : NULL);
  gst_harness_set_live (h, FALSE);
  gst_object_unref (element);
  return h;
}

GstHarness *
mae_test_harness (MaeTest *test, const gchar *first_property, ...)
{
  GstElement *element = gst_element_factory_make ("mae-encoder", NULL);
  va_list args;

  fail_unless (element != NULL);
  g_object_set (element, "model", test->model, "device", GH_DEVICE_REF, "threads", 1, NULL);
  va_start (args, first_property);
  g_object_set_valist (G_OBJECT (element), first_property, args);
  va_end (args);
  return mae_test_harness_new (element);
}

GstBus *
mae_test_bus (GstHarness *h)
{
  return GST_ELEMENT_BUS (h->element);
}

void
mae_test_harness_free (GstHarness *h)
{
  GstElement *element = gst_object_ref (h->element);

  gst_harness_teardown (h);
  /* Messages hold pads, which must not go while the element's lock is held. */
  gst_bus_set_flushing (GST_ELEMENT_BUS (element), TRUE);
  gst_element_set_bus (element, NULL);
  gst_object_unref (element);
}

gchar *
mae_test_caps (const gchar *format, gint width, gint height)
{
  return g_strdup_printf ("video/x-raw,format=%s,width=%d,height=%d,framerate=25/1", format, width, height);
}

GstBuffer *
mae_test_frame (const GstVideoInfo *info, guint n)
{
  GstBuffer *frame = gst_buffer_new_allocate (NULL, info->size, NULL);
  guint32 state = 2463534242u + n;
  GstMapInfo map;

  fail_unless (gst_buffer_map (frame, &map, GST_MAP_WRITE));
  for (gsize i = 0; i < map.size; i++) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    map.data[i] = state >> 24;
  }
  gst_buffer_unmap (frame, &map);
  GST_BUFFER_PTS (frame) = n * 40 * GST_MSECOND;
  GST_BUFFER_DURATION (frame) = 40 * GST_MSECOND;
  return frame;
}

GstBuffer *
mae_test_frame_for (GstHarness *h, guint n)
{
  GstCaps *caps = gst_pad_get_current_caps (h->srcpad);
  GstVideoInfo info;

  fail_unless (gst_video_info_from_caps (&info, caps));
  gst_caps_unref (caps);
  return mae_test_frame (&info, n);
}

void
mae_test_reference (MaeTest *test, const GstVideoInfo *info, GstBuffer *frame, gfloat *embedding, gfloat *tokens)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GhEncoder) encoder = gh_encoder_load (test->model, GH_DEVICE_REF, GH_PRECISION_F32, 1, &error);
  g_autoptr (GhEncoderSession) session = encoder ? gh_encoder_session_new (encoder, 1, &error) : NULL;
  g_autoptr (GstFrameScaler) scaler = gst_frame_scaler_new (160, 96, 1);
  const guint8 *rgb;
  gsize stride;

  fail_unless (session != NULL, "%s", error ? error->message : "");
  fail_unless (gst_frame_scaler_set_info (scaler, info));
  fail_unless ((rgb = gst_frame_scaler_scale (scaler, frame, &stride)) != NULL);
  fail_unless (gh_encoder_encode (session, rgb, stride, 1, embedding, tokens, &error));
}

void
mae_test_check_embedding (GstBuffer *buffer, const gfloat *expected, const gchar *what)
{
  gfloat values[MAE_TEST_EMBEDDING];
  GstMaeEmbedding embedding;

  fail_unless (gst_buffer_get_mae_embedding (buffer, &embedding), "%s: no embedding", what);
  assert_equals_int (embedding.dim, MAE_TEST_EMBEDDING);
  assert_equals_string (embedding.device, "ref");
  assert_equals_int (strlen (embedding.model_id), 16);
  assert_equals_int (embedding.grid_rows, 6);
  assert_equals_int (embedding.grid_cols, 10);
  fail_unless (embedding.encode_time > 0 && embedding.encode_time < 60 * GST_SECOND);
  assert_equals_int (gst_mae_embedding_get_values (&embedding, values, MAE_TEST_EMBEDDING), MAE_TEST_EMBEDDING);
  for (gint i = 0; i < MAE_TEST_EMBEDDING; i++) {
    if (!(fabsf (values[i] - expected[i]) <= 1e-6f * MAX (1.0f, fabsf (expected[i]))))
      fail ("%s: number %d is %g instead of %g", what, i, values[i], expected[i]);
  }
}

gboolean
mae_test_has_embedding (GstBuffer *buffer)
{
  GstMaeEmbedding embedding;

  return gst_buffer_get_mae_embedding (buffer, &embedding);
}

guint64
mae_test_count (GstElement *element, const gchar *field)
{
  GstStructure *stats;
  guint64 count = G_MAXUINT64;

  g_object_get (element, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, field, &count), "stats without %s", field);
  gst_structure_free (stats);
  return count;
}

GError *
mae_test_start_and_fail (GstElement *element)
{
  GstBus *bus = gst_bus_new ();
  GstMessage *message;
  GError *error = NULL;

  gst_element_set_bus (element, bus);
  fail_unless_equals_int (gst_element_set_state (element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  fail_unless (message != NULL, "no error message");
  gst_message_parse_error (message, &error, NULL);
  gst_message_unref (message);
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR) == NULL, "more than one error");
  gst_element_set_state (element, GST_STATE_NULL);
  gst_bus_set_flushing (bus, TRUE);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  return error;
}

static glong
count_entries (const gchar *folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  glong n = 0;

  while (dir && g_dir_read_name (dir))
    n++;
  g_clear_pointer (&dir, g_dir_close);
  return n;
}

MaeTestUsage
mae_test_usage (void)
{
  MaeTestUsage usage = { 0, count_entries ("/proc/self/fd"), count_entries ("/proc/self/task") };
  g_autofree gchar *status = NULL;
  const gchar *line;

  fail_unless (g_file_get_contents ("/proc/self/status", &status, NULL, NULL));
  line = strstr (status, "VmRSS:");
  fail_unless (line && sscanf (line, "VmRSS: %ld", &usage.rss) == 1);
  return usage;
}

void
mae_test_check_no_growth (MaeTestUsage before, const gchar *what)
{
  MaeTestUsage after;

  for (guint i = 0; i < 50; i++) {      /* threads of pools take a moment to end */
    after = mae_test_usage ();
    if (after.threads <= before.threads)
      break;
    g_usleep (20 * G_TIME_SPAN_MILLISECOND);
  }
  fail_unless (after.files <= before.files, "%s: from %ld to %ld files", what, before.files, after.files);
  fail_unless (after.threads <= before.threads, "%s: from %ld to %ld threads", what, before.threads, after.threads);
  if (!mae_test_sanitized ())
    fail_unless (after.rss <= before.rss + 4096, "%s: from %ld to %ld kB", what, before.rss, after.rss);
}

gboolean
mae_test_sanitized (void)
{
#ifdef __SANITIZE_ADDRESS__
  return TRUE;
#else
  return FALSE;
#endif
}
