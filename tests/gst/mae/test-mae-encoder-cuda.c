/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-mae-encoder-cuda.c: frames in a GPU's memory go into mae-encoder as they are and give the bits that the same
 * frames give from the processor's memory; those of another context or device are fetched, and it says so; caps and the
 * context that is shared follow the device. Meson runs it over the emulated back end and a driver that is none; on a GPU
 * where there is one. Exits with 77 without both, or without libgstcuda-1.0.
 */
#include "cuda-rig.h"

#include <string.h>

static MaeTest test;

typedef struct {
  GstHarness *system, *device;  /* the same element, for the frames of either memory */
  gpointer context;             /* the second one's */
  gint fetched;                 /* copies to the processor while that had a frame */
} Pair;

static GstHarness *
new_harness (void)
{
  return mae_test_harness (&test, "device", GH_DEVICE_CUDA, "precision", GH_PRECISION_F32, NULL);
}

static Pair
pair_new (void)
{
  Pair pair = { new_harness (), new_harness (), NULL, 0 };

  fail_unless ((pair.context = cuda_rig_ask (pair.device->element)) != NULL);
  return pair;
}

static void
pair_free (Pair *pair)
{
  gst_object_unref (pair->context);
  mae_test_harness_free (pair->device);
  mae_test_harness_free (pair->system);
}

static GstVideoInfo
pair_set_caps (Pair *pair, const gchar *format, gint width, gint height)
{
  gchar *system = mae_test_caps (format, width, height), *device = cuda_rig_caps (format, width, height);
  GstCaps *caps = gst_caps_from_string (system);
  GstVideoInfo info;

  fail_unless (gst_video_info_from_caps (&info, caps));
  gst_harness_set_src_caps_str (pair->system, system);
  gst_harness_set_src_caps_str (pair->device, device);
  gst_caps_unref (caps);
  g_free (system);
  g_free (device);
  return info;
}

/* Takes the frames: the same picture in both memories. */
static void
check_same_bits (Pair *pair, GstBuffer *system, GstBuffer *device, const gchar *what)
{
  gfloat want[MAE_TEST_EMBEDDING], got[MAE_TEST_EMBEDDING];
  GstMemory *memory = gst_buffer_peek_memory (device, 0);
  GstMaeEmbedding embedding;
  gint before;

  system = gst_harness_push_and_pull (pair->system, system);
  before = cuda_rig_downloads ();
  device = gst_harness_push_and_pull (pair->device, device);
  pair->fetched += cuda_rig_downloads () - before;
  fail_unless (gst_buffer_peek_memory (device, 0) == memory, "%s: another memory came out", what);
  fail_unless (gst_buffer_get_mae_embedding (system, &embedding), "%s: no embedding", what);
  gst_mae_embedding_get_values (&embedding, want, MAE_TEST_EMBEDDING);
  fail_unless (gst_buffer_get_mae_embedding (device, &embedding), "%s: no embedding on the device", what);
  fail_unless_equals_string (embedding.device, "cuda");
  gst_mae_embedding_get_values (&embedding, got, MAE_TEST_EMBEDDING);
  fail_unless (memcmp (want, got, sizeof want) == 0, "%s: %g instead of %g", what, got[0], want[0]);
  gst_buffer_unref (system);
  gst_buffer_unref (device);
}

/* Every picture has other numbers: two frames that give the same would prove nothing. */
static void
check_frame (Pair *pair, const GstVideoInfo *info, guint n, const gchar *what)
{
  GstBuffer *frame = mae_test_frame (info, n);

  check_same_bits (pair, gst_buffer_ref (frame), cuda_rig_upload (pair->context, info, frame), what);
  check_same_bits (pair, gst_buffer_ref (frame), cuda_rig_strip (cuda_rig_upload (pair->context, info, frame)), what);
  gst_buffer_unref (frame);
}

static guint
count_warnings (GstHarness *h, const gchar *words)
{
  GstMessage *message;
  guint n = 0;

  while ((message = gst_bus_pop_filtered (mae_test_bus (h), GST_MESSAGE_WARNING))) {
    g_autoptr (GError) error = NULL;

    gst_message_parse_warning (message, &error, NULL);
    fail_unless (strstr (error->message, words) != NULL, "%s", error->message);
    gst_message_unref (message);
    n++;
  }
  return n;
}

/* Rows of the device are longer than those of the caps; with and without a meta that says so; and nothing is fetched. */
GST_START_TEST (test_in_place)
{
  static const gchar *const formats[] = { "NV12", "NV21", "I420", "YV12", "RGBx", "BGRA", "RGB" };
  Pair pair = pair_new ();
  GstBuffer *frame, *there;
  GstVideoCropMeta *crop;
  GstVideoInfo info;

  for (guint f = 0; f < G_N_ELEMENTS (formats); f++) {
    info = pair_set_caps (&pair, formats[f], 322, 98);
    check_frame (&pair, &info, f, formats[f]);
  }
  info = pair_set_caps (&pair, "NV12", 640, 360);
  check_frame (&pair, &info, 10, "larger");
  frame = mae_test_frame (&info, 11);
  crop = gst_buffer_add_video_crop_meta (frame);
  crop->x = 20;
  crop->y = 10;
  crop->width = 301;
  crop->height = 157;
  there = cuda_rig_upload (pair.context, &info, frame);
  check_same_bits (&pair, frame, there, "cropped");
  fail_unless_equals_int (pair.fetched, 0);
  fail_unless_equals_int (count_warnings (pair.device, ""), 0);
  pair_free (&pair);
}
GST_END_TEST;

/* What a decoder has under way when it hands its frame over comes first. */
GST_START_TEST (test_under_way)
{
  Pair pair = pair_new ();
  GstVideoInfo info = pair_set_caps (&pair, "NV12", 320, 180);

  for (guint n = 0; n < 4; n++) {
    GstBuffer *frame = mae_test_frame (&info, n);

    check_same_bits (&pair, gst_buffer_ref (frame), cuda_rig_upload_late (pair.context, &info, frame), "under way");
    gst_buffer_unref (frame);
  }
  pair_free (&pair);
}
GST_END_TEST;

/* The context of a device of its own, or of another device: the numbers are the same, the way is longer. */
static void
check_fetched (Pair *pair, guint device, const gchar *words)
{
  gpointer own = pair->context;
  GstBuffer *frame;
  GstVideoInfo info = pair_set_caps (pair, "NV12", 322, 98 + 2 * (gint) device);

  pair->fetched = 0;
  pair->context = cuda_rig_context_new (device);
  fail_unless (cuda_rig_handle (own) != cuda_rig_handle (pair->context));
  check_frame (pair, &info, 0, words);
  frame = mae_test_frame (&info, 1);
  check_same_bits (pair, gst_buffer_ref (frame), cuda_rig_upload_late (pair->context, &info, frame), words);
  gst_buffer_unref (frame);
  if (cuda_rig_downloads () >= 0)
    fail_unless_equals_int (pair->fetched, 1);
  fail_unless_equals_int (count_warnings (pair->device, words), 1);
  gst_object_unref (pair->context);
  pair->context = own;
}

GST_START_TEST (test_elsewhere)
{
  Pair pair = pair_new ();
  GstVideoInfo info;

  check_fetched (&pair, 0, "a CUDA context of its own");
  if (cuda_rig_downloads () >= 0)       /* a GPU may be alone */
    check_fetched (&pair, 1, "another device");
  info = pair_set_caps (&pair, "I420", 160, 96);        /* of the picture's size: GStreamer converts it another way */
  check_frame (&pair, &info, 0, "no plan");
  fail_unless_equals_int (count_warnings (pair.device, "not made pictures there"), 1);
  pair_free (&pair);
}
GST_END_TEST;

/* A frame that does not hold what its caps promise passes without an embedding; the next one is whole again. */
GST_START_TEST (test_too_small)
{
  Pair pair = pair_new ();
  GstVideoInfo info = pair_set_caps (&pair, "NV12", 322, 98), small = info;
  GstBuffer *frame = mae_test_frame (&info, 0), *out;

  gst_video_info_set_format (&small, GST_VIDEO_FORMAT_NV12, 322, 96);
  for (guint strip = 0; strip < 2; strip++) {
    GstBuffer *there = mae_test_frame (&small, 0);

    out = cuda_rig_upload (pair.context, &small, there);
    gst_buffer_unref (there);
    out = gst_harness_push_and_pull (pair.device, strip ? cuda_rig_strip (out) : out);
    fail_unless (out && !mae_test_has_embedding (out));
    gst_buffer_unref (out);
  }
  fail_unless_equals_uint64 (mae_test_count (pair.device->element, "unreadable"), 2);
  check_same_bits (&pair, gst_buffer_ref (frame), cuda_rig_upload (pair.context, &info, frame), "after it");
  gst_buffer_unref (frame);
  pair_free (&pair);
}
GST_END_TEST;

/* ---- caps and context ------------------------------------------------------------------------------- */

static gboolean
takes (GstHarness *h, const gchar *string)
{
  GstCaps *caps = gst_caps_from_string (string), *all = gst_pad_query_caps (GST_PAD_PEER (h->srcpad), NULL);
  gboolean yes = gst_caps_can_intersect (caps, all);

  if (yes)
    fail_unless (gst_pad_query_accept_caps (GST_PAD_PEER (h->srcpad), caps));
  gst_caps_unref (all);
  gst_caps_unref (caps);
  return yes;
}

static const gchar system_caps[] = "video/x-raw,format=NV12,width=320,height=240,framerate=25/1";
static const gchar device_caps[] = "video/x-raw(memory:CUDAMemory),format=NV12,width=320,height=240,framerate=25/1";
static const gchar deep_caps[] = "video/x-raw(memory:CUDAMemory),format=P010_10LE,width=320,height=240,framerate=25/1";

GST_START_TEST (test_caps)
{
  GstHarness *cuda = new_harness (), *cpu = mae_test_harness (&test, "device", GH_DEVICE_CPU, NULL);
  GstCaps *all = gst_pad_query_caps (GST_PAD_PEER (cuda->srcpad), NULL);

  fail_unless (takes (cuda, system_caps) && takes (cuda, device_caps) && !takes (cuda, deep_caps));
  fail_unless (takes (cpu, system_caps) && !takes (cpu, device_caps));
  /* Who can make both is asked for the device's first. */
  fail_unless (gst_caps_features_contains (gst_caps_get_features (all, 0), "memory:CUDAMemory"));
  gst_caps_unref (all);

  /* Frames pass on as they are: downstream has to take them. */
  gst_harness_set_sink_caps_str (cuda, "video/x-raw");
  fail_unless (takes (cuda, system_caps) && !takes (cuda, device_caps));
  gst_harness_set_sink_caps_str (cuda, GST_MAE_EMBEDDING_CAPS);
  fail_unless (takes (cuda, system_caps) && takes (cuda, device_caps));
  mae_test_harness_free (cuda);
  mae_test_harness_free (cpu);
}
GST_END_TEST;

/* A decoder asks while it gets ready, before frames flow; elements that come later are told by their bin. */
GST_START_TEST (test_context)
{
  GstElement *element = gst_element_factory_make ("mae-encoder", NULL);
  GstElement *on_cpu = gst_element_factory_make ("mae-encoder", NULL);
  gpointer early, later;
  GstMessage *message;
  GstContext *context;
  GstHarness *h;

  g_object_set (on_cpu, "device", GH_DEVICE_CPU, NULL);
  fail_unless (cuda_rig_ask (on_cpu) == NULL);
  gst_object_unref (on_cpu);

  g_object_set (element, "model", test.model, "device", GH_DEVICE_CUDA, NULL);
  fail_unless ((early = cuda_rig_ask (element)) != NULL);
  fail_unless_equals_int (cuda_rig_device (early), 0);
  h = mae_test_harness_new (element);
  message = gst_bus_pop_filtered (mae_test_bus (h), GST_MESSAGE_HAVE_CONTEXT);
  fail_unless (message != NULL);
  gst_message_parse_have_context (message, &context);
  fail_unless_equals_string (gst_context_get_context_type (context), "gst.cuda.context");
  gst_context_unref (context);
  gst_message_unref (message);
  fail_unless ((later = cuda_rig_ask (element)) != NULL);
  fail_unless (cuda_rig_handle (early) == cuda_rig_handle (later));
  gst_object_unref (early);
  gst_object_unref (later);
  mae_test_harness_free (h);
}
GST_END_TEST;

static Suite *
mae_encoder_cuda_suite (void)
{
  Suite *suite = suite_create ("mae-encoder-cuda");
  TCase *tcase = mae_test_case (&test);

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, test_in_place);
  tcase_add_test (tcase, test_under_way);
  tcase_add_test (tcase, test_elsewhere);
  tcase_add_test (tcase, test_too_small);
  tcase_add_test (tcase, test_caps);
  tcase_add_test (tcase, test_context);
  return suite;
}

int
main (int argc, char **argv)
{
  Suite *suite;

  gst_check_init (&argc, &argv);
  if (!cuda_rig_works ())
    return 77;
  suite = mae_encoder_cuda_suite ();
  return gst_check_run_suite (suite, "mae-encoder-cuda", __FILE__);
}
