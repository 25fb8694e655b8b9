/* SPDX-License-Identifier: LGPL-2.1-or-later
 * mae-test.c: the shared parts of mae-encoder's tests. */
#include "mae-test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "gst/common/gstframescaler.h"
#include "tests/models/temp-folder.h"

gchar *
mae_test_write_model (MaeTest *test, const gchar *name, gint dim, gint depth)
{
  g_autoptr (GError) error = NULL;
  gchar *path = g_build_filename (test->folder, name, NULL);
  GhMaeConfig config = {
    .height = 96, .width = 160, .patch = 16,
    .mean = { 0.485f, 0.456f, 0.406f }, .std = { 0.229f, 0.224f, 0.225f },
    .dim = dim, .depth = depth, .heads = 2, .head_dim = 32, .mlp = 2 * dim,
    .pinv_iters = 6, .conv = 9, .eps = 1e-6f,
    .pool = GH_POOL_MEAN, .embedding = MAE_TEST_EMBEDDING, .has_embed = TRUE, .mask_ratio = 0.7,
  };

  if (!gh_encoder_init_file (path, &config, 7, FALSE, &error))
    g_error ("%s", error->message);
  return path;
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

GstHarness *
mae_test_harness (MaeTest *test, const gchar *first_property, ...)
{
  GstElement *element = gst_element_factory_make ("mae-encoder", NULL);
  GstBus *bus = gst_bus_new ();
  GstHarness *h;
  va_list args;

  fail_unless (element != NULL);
  g_object_set (element, "model", test->model, "device", GH_DEVICE_REF, "threads", 1, NULL);
  va_start (args, first_property);
  g_object_set_valist (G_OBJECT (element), first_property, args);
  va_end (args);
  gst_element_set_bus (element, bus);
  gst_object_unref (bus);

  h = gst_harness_new_with_element (element, "sink", "src");
  gst_harness_set_live (h, FALSE);
  gst_object_unref (element);
  return h;
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

gboolean
mae_test_sanitized (void)
{
#ifdef __SANITIZE_ADDRESS__
  return TRUE;
#else
  return FALSE;
#endif
}
