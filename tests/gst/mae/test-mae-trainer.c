/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-mae-trainer.c: the files that mae-trainer writes are those that models/ writes for the same frames, byte for
 * byte; when it trains, how it stops and goes on, what it refuses.
 */
#include "mae-test.h"

#include <glib/gstdio.h>
#include <string.h>

#include "gst/common/gstframescaler.h"
#include "models/gh-mae-trainer.h"

enum { W = 48, H = 32, BATCH = 2, STEPS = 6, FRAMES = 9 };

#define CAPS "video/x-raw,format=I420,width=80,height=60,framerate=25/1"

static MaeTest test;
static gchar *config_file, *location, *checkpoint;
static GstElement *element;
static GstHarness *h;

/* So small that a step takes a few milliseconds. */
static GhMaeConfig
small_config (void)
{
  GhMaeConfig config = mae_test_config (16, 1);

  config.width = W;
  config.height = H;
  config.heads = 1;
  config.head_dim = 16;
  config.embedding = 8;
  config.dec_dim = 16;
  config.dec_head_dim = 16;
  config.dec_mlp = 32;
  return config;
}

static void
setup (void)
{
  GhMaeConfig config = small_config ();
  g_autofree gchar *json = gh_mae_config_to_json (&config);

  mae_test_setup (&test);
  config_file = g_build_filename (test.folder, "small.json", NULL);
  location = g_build_filename (test.folder, "trained.safetensors", NULL);
  checkpoint = g_build_filename (test.folder, "checkpoint.safetensors", NULL);
  fail_unless (g_file_set_contents (config_file, json, -1, NULL));
  element = gst_element_factory_make ("mae-trainer", NULL);
  fail_unless (element != NULL);
  g_object_set (element, "config", config_file, "location", location, "steps", (guint64) STEPS, "batch-size", BATCH,
      "learning-rate", 0.01, "warmup", (gint64) 1, "device", GH_DEVICE_CPU, "precision", GH_PRECISION_F32, "threads", 1,
      "seed", (guint64) 5, NULL);
  h = NULL;
}

static void
teardown (void)
{
  g_clear_pointer (&h, mae_test_harness_free);
  g_free (config_file);
  g_free (location);
  g_free (checkpoint);
  mae_test_teardown (&test);
}

static GstBus *
start (void)
{
  h = mae_test_harness_new (g_steal_pointer (&element));
  gst_harness_set_src_caps_str (h, CAPS);
  return mae_test_bus (h);
}

static void
push_frames (guint from, guint n)
{
  for (guint i = 0; i < n; i++)
    fail_unless_equals_int (gst_harness_push (h, mae_test_frame_for (h, from + i)), GST_FLOW_OK);
}

static gboolean
push_eos (void)
{
  return gst_harness_push_event (h, gst_event_new_eos ());
}

static GstMessage *
pop_state (GstBus *bus, const gchar *state)
{
  GstMessage *message;

  while ((message = gst_bus_pop_filtered (bus, GST_MESSAGE_ELEMENT))) {
    if (gst_message_has_name (message, "mae-trainer")
        && g_strcmp0 (gst_structure_get_string (gst_message_get_structure (message), "state"), state) == 0)
      return message;
    gst_message_unref (message);
  }
  return NULL;
}

static GstMessage *
wait_for_state (GstBus *bus, const gchar *state)
{
  GstMessage *message = NULL;

  for (guint i = 0; i < 2000 && !message; i++) {
    message = pop_state (bus, state);
    if (!message)
      g_usleep (5 * G_TIME_SPAN_MILLISECOND);
  }
  fail_unless (message != NULL, "no message says %s", state);
  return message;
}

static guint64
number_of (GstMessage *message, const gchar *field)
{
  guint64 number = 0;

  fail_unless (gst_structure_get_uint64 (gst_message_get_structure (message), field, &number), "no %s", field);
  gst_message_unref (message);
  return number;
}

static void
expect_error (GstBus *bus, GQuark domain, gint code, const gchar *says)
{
  GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  GError *error = NULL;

  fail_unless (message != NULL, "nobody says \"%s\"", says);
  gst_message_parse_error (message, &error, NULL);
  fail_unless (g_error_matches (error, domain, code), "%s %d: %s", g_quark_to_string (error->domain), error->code,
      error->message);
  fail_unless (strstr (error->message, says) != NULL, "\"%s\" does not say \"%s\"", error->message, says);
  g_error_free (error);
  gst_message_unref (message);
}

/* ---- against models/ --------------------------------------------------------------------------------- */

static GhMaeTrainOptions
options_of_test (void)
{
  GhMaeTrainOptions options;

  gh_mae_train_options_init (&options);
  options.device = GH_DEVICE_CPU;
  options.precision = GH_PRECISION_F32;
  options.threads = 1;
  options.seed = 5;
  options.batch = BATCH;
  options.steps = STEPS;
  options.warmup = 1;
  options.lr = 0.01;
  return options;
}

/* A store with the frames 0..n-1 as the element scales them. */
static GhFrameStore *
reference_store (guint n, guint capacity)
{
  GhFrameStore *store = gh_frame_store_new (H, W, capacity, 5);
  g_autoptr (GstFrameScaler) scaler = gst_frame_scaler_new (W, H, 1);
  GstCaps *caps = gst_caps_from_string (CAPS);
  GstVideoInfo info;

  fail_unless (gst_video_info_from_caps (&info, caps) && gst_frame_scaler_set_info (scaler, &info));
  gst_caps_unref (caps);
  for (guint i = 0; i < n; i++) {
    GstBuffer *frame = mae_test_frame (&info, i);
    const guint8 *rgb;
    gsize stride;

    fail_unless ((rgb = gst_frame_scaler_scale (scaler, frame, &stride)) != NULL);
    fail_unless (gh_frame_store_push (store, rgb, stride, NULL));
    gst_buffer_unref (frame);
  }
  return store;
}

/* Compares the file at location with what this training gives, its embedding fitted to the frames of the store. */
static void
check_result (GhMaeTrainer *trainer, GhFrameStore *store, const GhMaeExport *how)
{
  g_autofree gchar *path = g_build_filename (test.folder, "reference.safetensors", NULL);
  g_autofree gchar *expected = NULL, *got = NULL;
  g_autoptr (GError) error = NULL;
  GhMaeExport fitted = *how;
  gsize expected_size, got_size;

  fitted.frames = store;
  fail_unless (trainer != NULL);
  while (gh_mae_trainer_steps_done (trainer) < STEPS)
    fail_unless (gh_mae_trainer_step (trainer, store, NULL, &error), "%s", error ? error->message : "");
  fail_unless (gh_mae_trainer_export (trainer, path, &fitted, &error));
  fail_unless (g_file_get_contents (path, &expected, &expected_size, NULL));
  fail_unless (g_file_get_contents (location, &got, &got_size, NULL), "there is no %s", location);
  assert_equals_int (got_size, expected_size);
  fail_unless (memcmp (got, expected, got_size) == 0, "the files differ");
}

static void
check_default_result (void)
{
  const GhMaeConfig config = small_config ();
  const GhMaeTrainOptions options = options_of_test ();
  g_autoptr (GhMaeTrainer) trainer = gh_mae_trainer_new (&config, &options, NULL);
  g_autoptr (GhFrameStore) store = reference_store (FRAMES, 1000);
  GhMaeExport how = { FALSE, FALSE, NULL, NULL };

  check_result (trainer, store, &how);
}

GST_START_TEST (test_recording)
{
  GstBus *bus = start ();
  GstMessage *message = pop_state (bus, "ready");

  fail_unless (message && gst_structure_get_string (gst_message_get_structure (message), "reason") != NULL);
  gst_message_unref (message);
  push_frames (0, FRAMES);
  fail_unless (push_eos ());
  assert_equals_uint64 (number_of (wait_for_state (bus, "training"), "steps"), STEPS);
  message = wait_for_state (bus, "done");
  assert_equals_string (gst_structure_get_string (gst_message_get_structure (message), "location"), location);
  assert_equals_uint64 (number_of (message, "step"), STEPS);
  assert_equals_uint64 (mae_test_count (h->element, "taken"), FRAMES);
  assert_equals_uint64 (mae_test_count (h->element, "images"), STEPS * BATCH);
  check_default_result ();
}
GST_END_TEST;

/* Every option reaches the trainer. */
GST_START_TEST (test_options)
{
  const GhMaeConfig config = small_config ();
  GhMaeTrainOptions options = options_of_test ();
  g_autoptr (GhMaeTrainer) trainer = NULL;
  g_autoptr (GhFrameStore) store = reference_store (FRAMES, 6);
  GhMaeExport how = { TRUE, TRUE, "noise", NULL };

  g_object_set (element, "accumulate", 2, "warmup", (gint64) 3, "weight-decay", 0.2, "clip", 0.5, "mask-ratio", 0.5,
      "target", GH_MAE_TARGET_PIXELS, "crop", 0.4, "flip", TRUE, "light", 0.3, "buffer-size", 6, "decoder", FALSE,
      "bfloat16", TRUE, "record", "noise", NULL);
  options.accumulate = 2;
  options.warmup = 3;
  options.weight_decay = 0.2;
  options.clip = 0.5;
  options.mask_ratio = 0.5;
  options.target = GH_MAE_TARGET_PIXELS;
  options.crop = 0.4;
  options.flip = TRUE;
  options.light = 0.3;
  start ();
  push_frames (0, FRAMES);
  fail_unless (push_eos ());
  trainer = gh_mae_trainer_new (&config, &options, NULL);
  check_result (trainer, store, &how);
}
GST_END_TEST;

GST_START_TEST (test_from_model)
{
  const GhMaeConfig config = small_config ();
  const GhMaeTrainOptions options = options_of_test ();
  g_autofree gchar *model = g_build_filename (test.folder, "model.safetensors", NULL);
  g_autoptr (GhMaeTrainer) trainer = NULL;
  g_autoptr (GhFrameStore) store = reference_store (FRAMES, 1000);
  GhMaeExport how = { FALSE, FALSE, NULL, NULL };

  fail_unless (gh_encoder_init_file (model, &config, 99, TRUE, NULL));
  g_object_set (element, "config", NULL, "model", model, NULL);
  start ();
  push_frames (0, FRAMES);
  fail_unless (push_eos ());
  trainer = gh_mae_trainer_new_from_file (model, &options, NULL);
  check_result (trainer, store, &how);
}
GST_END_TEST;

/* Stopped in the middle and started again on the same frames: as if nothing had happened. */
GST_START_TEST (test_resume)
{
  const GhMaeConfig config = small_config ();
  const GhMaeTrainOptions options = options_of_test ();
  g_autoptr (GhMaeTrainer) trainer = gh_mae_trainer_new (&config, &options, NULL);
  g_autoptr (GhFrameStore) store = reference_store (FRAMES, 1000);
  GstBus *bus;

  for (guint i = 0; i < 2; i++)
    fail_unless (gh_mae_trainer_step (trainer, store, NULL, NULL));
  fail_unless (gh_mae_trainer_save (trainer, checkpoint, NULL));
  g_object_set (element, "checkpoint", checkpoint, NULL);
  bus = start ();
  assert_equals_uint64 (number_of (wait_for_state (bus, "ready"), "step"), 2);
  push_frames (0, FRAMES);
  fail_unless (push_eos ());
  check_default_result ();

  /* Once more from the end: whatever the frames are now, what they give is not in the checkpoint. */
  gst_element_set_state (h->element, GST_STATE_READY);
  fail_unless_equals_int (gst_element_set_state (h->element, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  expect_error (bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS, "has had all its 6 steps. Set 'steps' to more");
  g_object_set (h->element, "steps", (guint64) STEPS + 1, NULL);
  fail_unless (gst_element_set_state (h->element, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
}
GST_END_TEST;

/* The interval, and frames that cannot be read. */
GST_START_TEST (test_frames)
{
  GstBus *bus;

  g_object_set (element, "interval", (guint64) (80 * GST_MSECOND), NULL);
  bus = start ();
  push_frames (0, 10);
  assert_equals_uint64 (mae_test_count (h->element, "taken"), 5);
  assert_equals_uint64 (mae_test_count (h->element, "skipped-interval"), 5);
  g_object_set (h->element, "interval", (guint64) 0, NULL);
  for (guint i = 0; i < 2; i++)
    fail_unless_equals_int (gst_harness_push (h, gst_buffer_new_allocate (NULL, 9, NULL)), GST_FLOW_OK);
  assert_equals_uint64 (mae_test_count (h->element, "unreadable"), 2);
  gst_harness_set_src_caps_str (h, "video/x-raw,format=GRAY8,width=33,height=7,framerate=25/1");
  push_frames (10, 3);
  assert_equals_uint64 (mae_test_count (h->element, "taken"), 8);
  fail_unless (push_eos ());
  gst_message_unref (wait_for_state (bus, "done"));
}
GST_END_TEST;

/* ---- live -------------------------------------------------------------------------------------------- */

/* Starts with the frame that was asked for, ends when the stream does. */
GST_START_TEST (test_live)
{
  GstBus *bus;

  gst_util_set_object_arg (G_OBJECT (element), "mode", "live");
  g_object_set (element, "steps", (guint64) 1000000, "start-after", 4, "checkpoint", checkpoint, NULL);
  bus = start ();
  push_frames (0, 3);
  g_usleep (30 * G_TIME_SPAN_MILLISECOND);
  fail_unless (pop_state (bus, "training") == NULL);
  push_frames (3, 1);
  gst_message_unref (wait_for_state (bus, "training"));
  push_frames (4, 20);
  fail_unless (push_eos ());
  fail_unless (number_of (wait_for_state (bus, "done"), "step") > 0);
  fail_unless (g_file_test (location, G_FILE_TEST_EXISTS) && g_file_test (checkpoint, G_FILE_TEST_EXISTS));
}
GST_END_TEST;

/* After the last step it wants no more frames. */
GST_START_TEST (test_live_steps)
{
  GstFlowReturn flow = GST_FLOW_OK;
  GstBus *bus;

  gst_util_set_object_arg (G_OBJECT (element), "mode", "live");
  g_object_set (element, "start-after", 1, NULL);
  bus = start ();
  push_frames (0, 1);
  gst_message_unref (wait_for_state (bus, "done"));
  for (guint i = 0; i < 100 && flow == GST_FLOW_OK; i++)
    flow = gst_harness_push (h, mae_test_frame_for (h, i));
  fail_unless_equals_int (flow, GST_FLOW_EOS);
  fail_unless (push_eos ());
}
GST_END_TEST;

/* A pipeline with a live source finds out by itself, and ends by itself. */
GST_START_TEST (test_live_pipeline)
{
  g_autofree gchar *line = g_strdup_printf ("videotestsrc is-live=true pattern=ball ! "
      "video/x-raw,width=64,height=48,framerate=100/1 ! queue ! mae-trainer config=%s location=%s steps=40 "
      "batch-size=1 start-after=3 device=cpu", config_file, location);
  GstElement *pipeline = gst_parse_launch (line, NULL);
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;

  gst_object_unref (element);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 30 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS);
  gst_message_unref (message);
  fail_unless (g_file_test (location, G_FILE_TEST_EXISTS));
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
}
GST_END_TEST;

/* ---- stopping ---------------------------------------------------------------------------------------- */

static gpointer
end_stream (gpointer data)
{
  return GINT_TO_POINTER (push_eos ());
}

/* In the middle of a training that would take minutes; what was learned is in the checkpoint. */
GST_START_TEST (test_stop)
{
  g_autoptr (GhMaeTrainer) trainer = NULL;
  GThread *thread;
  gint64 before;
  GstBus *bus;

  g_object_set (element, "steps", (guint64) 1000000, "checkpoint", checkpoint, NULL);
  bus = start ();
  push_frames (0, FRAMES);
  thread = g_thread_new ("end", end_stream, NULL);
  gst_message_unref (wait_for_state (bus, "training"));
  gst_message_unref (wait_for_state (bus, "training"));
  before = g_get_monotonic_time ();
  if (__i__ == 0) {
    gst_element_set_state (h->element, GST_STATE_PAUSED);
    fail_unless (g_get_monotonic_time () - before < G_USEC_PER_SEC);
    gst_element_set_state (h->element, GST_STATE_PLAYING);
    gst_message_unref (wait_for_state (bus, "training"));
  } else if (__i__ == 1) {
    fail_unless (gst_harness_push_event (h, gst_event_new_flush_start ()));
  }
  gst_element_set_state (h->element, GST_STATE_NULL);
  fail_unless (!GPOINTER_TO_INT (g_thread_join (thread)));
  fail_unless (g_get_monotonic_time () - before < 5 * G_USEC_PER_SEC);
  fail_unless (!g_file_test (location, G_FILE_TEST_EXISTS));
  trainer = gh_mae_trainer_resume (checkpoint, NULL, NULL);
  fail_unless (trainer != NULL && gh_mae_trainer_steps_done (trainer) > 0);
  assert_equals_uint64 (gh_mae_trainer_steps_done (trainer), mae_test_count (h->element, "step"));
}
GST_END_TEST;

GST_START_TEST (test_checkpoint_interval)
{
  GstBus *bus;

  gst_util_set_object_arg (G_OBJECT (element), "mode", "live");
  g_object_set (element, "steps", (guint64) 1000000, "start-after", 1, "checkpoint", checkpoint, "checkpoint-interval",
      (guint64) (20 * GST_MSECOND), NULL);
  bus = start ();
  push_frames (0, 2);
  for (guint i = 0; i < 3; i++)
    gst_message_unref (wait_for_state (bus, "checkpoint"));
  fail_unless (g_file_test (checkpoint, G_FILE_TEST_EXISTS));
}
GST_END_TEST;

GST_START_TEST (test_cycles)
{
  MaeTestUsage before = { 0, 0, 0 };
  GstBus *bus = start ();

  for (guint i = 0; i < 110; i++) {
    gst_element_set_state (h->element, GST_STATE_NULL);
    gst_bus_set_flushing (bus, TRUE);
    gst_bus_set_flushing (bus, FALSE);
    if (i == 10)
      before = mae_test_usage ();
    fail_unless (gst_element_set_state (h->element, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
    gst_harness_push_event (h, gst_event_new_stream_start ("cycle"));
    gst_harness_set_src_caps_str (h, CAPS);
    push_frames (0, 3);
    if (i % 2)
      fail_unless (push_eos ());
  }
  gst_element_set_state (h->element, GST_STATE_NULL);
  mae_test_check_no_growth (before, "cycles");
}
GST_END_TEST;

/* ---- what is refused --------------------------------------------------------------------------------- */

static void
expect_no_start (const gchar *says)
{
  GError *error = mae_test_start_and_fail (element);

  fail_unless (strstr (error->message, says) != NULL, "\"%s\" does not say \"%s\"", error->message, says);
  g_error_free (error);
}

GST_START_TEST (test_settings)
{
  GhMaeConfig other = small_config ();
  GhMaeTrainOptions options = options_of_test ();
  g_autoptr (GhMaeTrainer) trainer = NULL;

  g_object_set (element, "location", NULL, NULL);
  expect_no_start ("'location'");
  g_object_set (element, "location", "/nowhere/at/all/encoder.safetensors", NULL);
  expect_no_start ("/nowhere/at/all/encoder.safetensors");
  g_object_set (element, "location", location, "checkpoint", location, NULL);
  expect_no_start ("cannot be the same file");
  g_object_set (element, "checkpoint", test.folder, NULL);
  expect_no_start ("it is a folder");
  g_object_set (element, "checkpoint", NULL, "config", "nosuch", NULL);
  expect_no_start ("nosuch");
  g_object_set (element, "config", config_file, "model", test.model, NULL);
  expect_no_start ("only one");
  g_object_set (element, "config", NULL, NULL);
  expect_no_start ("no decoder");
  g_object_set (element, "model", "/nowhere.safetensors", NULL);
  expect_no_start ("/nowhere.safetensors");
  g_object_set (element, "model", NULL, "config", config_file, "warmup", (gint64) STEPS, NULL);
  expect_no_start ("warmup takes 6 steps of 6: give it fewer.");
  g_object_set (element, "warmup", (gint64) 1, "precision", GH_PRECISION_INT8, NULL);
  expect_no_start ("precision can be auto, f32 or bf16");
  g_object_set (element, "precision", GH_PRECISION_F32, "checkpoint", test.model, NULL);
  expect_no_start ("no state of training");
  other.depth = 2;
  trainer = gh_mae_trainer_new (&other, &options, NULL);
  fail_unless (gh_mae_trainer_save (trainer, checkpoint, NULL));
  g_object_set (element, "checkpoint", checkpoint, NULL);
  expect_no_start ("is of another model than the configuration");
  gst_object_unref (element);
}
GST_END_TEST;

GST_START_TEST (test_no_frames)
{
  GstBus *bus = start ();

  fail_unless (!push_eos ());
  expect_error (bus, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED, "without a frame");
}
GST_END_TEST;

GST_START_TEST (test_too_few_live)
{
  GstBus *bus;

  gst_util_set_object_arg (G_OBJECT (element), "mode", "live");
  bus = start ();
  push_frames (0, 5);
  fail_unless (!push_eos ());
  expect_error (bus, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED, "after 5 frames, before training began");
}
GST_END_TEST;

/* A learning rate that makes the loss overflow: an error, and the last good checkpoint. */
GST_START_TEST (test_diverging)
{
  g_autoptr (GhMaeTrainer) trainer = NULL;
  GhMaeTrainStep step;
  g_autoptr (GhFrameStore) store = reference_store (FRAMES, 10);
  GstBus *bus;

  g_object_set (element, "learning-rate", 10.0, "weight-decay", 10.0, "steps", (guint64) 3000, "warmup", (gint64) 0,
      "checkpoint", checkpoint, "checkpoint-interval", (guint64) 1, NULL);
  bus = start ();
  push_frames (0, FRAMES);
  fail_unless (!push_eos ());
  expect_error (bus, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE, "Set 'learning-rate' lower, "
      "'warmup' higher or 'clip'; the last good state is in ");
  fail_unless (!g_file_test (location, G_FILE_TEST_EXISTS));
  trainer = gh_mae_trainer_resume (checkpoint, NULL, NULL);
  fail_unless (trainer != NULL && gh_mae_trainer_steps_done (trainer) > 0);
  fail_unless (!gh_mae_trainer_step (trainer, store, &step, NULL) || step.step > 0);
}
GST_END_TEST;

/* A place that is gone when the time comes. */
GST_START_TEST (test_cannot_write)
{
  g_autofree gchar *folder = g_build_filename (test.folder, "gone", NULL);
  g_autofree gchar *path = g_build_filename (folder, "encoder.safetensors", NULL);
  g_autofree gchar *state = g_build_filename (folder, "checkpoint.safetensors", NULL);
  GstBus *bus;

  fail_unless (g_mkdir (folder, 0700) == 0);
  g_object_set (element, "location", path, "checkpoint", state, NULL);
  bus = start ();
  push_frames (0, FRAMES);
  g_rmdir (folder);
  fail_unless (!push_eos ());
  expect_error (bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE, path);
}
GST_END_TEST;

/* Only the checkpoint is gone: an error, whether or not there is an encoder beside it, which is written. */
GST_START_TEST (test_cannot_save)
{
  g_autofree gchar *folder = g_build_filename (test.folder, "gone", NULL);
  g_autofree gchar *state = g_build_filename (folder, "checkpoint.safetensors", NULL);
  const gboolean with_encoder = __i__ == 1;
  gboolean done = FALSE;
  GstMessage *message;
  GstBus *bus;

  fail_unless (g_mkdir (folder, 0700) == 0);
  g_object_set (element, "location", with_encoder ? location : NULL, "checkpoint", state, NULL);
  bus = start ();
  push_frames (0, FRAMES);
  g_rmdir (folder);
  fail_unless (!push_eos ());
  while ((message = gst_bus_peek (bus)) && GST_MESSAGE_TYPE (message) != GST_MESSAGE_ERROR) {
    const GstStructure *structure = gst_message_get_structure (message);

    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ELEMENT
        && g_strcmp0 (gst_structure_get_string (structure, "state"), "done") == 0) {
      done = TRUE;
      fail_unless (!gst_structure_has_field (structure, "checkpoint"));
    }
    gst_message_unref (message);
    gst_message_unref (gst_bus_pop (bus));
  }
  gst_clear_message (&message);
  assert_equals_int (done, with_encoder);
  if (with_encoder)
    check_default_result ();
  expect_error (bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE, state);
}
GST_END_TEST;

static Suite *
mae_trainer_suite (void)
{
  Suite *suite = suite_create ("mae-trainer");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_test (tcase, test_recording);
  tcase_add_test (tcase, test_options);
  tcase_add_test (tcase, test_from_model);
  tcase_add_test (tcase, test_resume);
  tcase_add_test (tcase, test_frames);
  tcase_add_test (tcase, test_live);
  tcase_add_test (tcase, test_live_steps);
  tcase_add_test (tcase, test_live_pipeline);
  tcase_add_loop_test (tcase, test_stop, 0, 3);
  tcase_add_test (tcase, test_checkpoint_interval);
  tcase_add_test (tcase, test_cycles);
  tcase_add_test (tcase, test_settings);
  tcase_add_test (tcase, test_no_frames);
  tcase_add_test (tcase, test_too_few_live);
  tcase_add_test (tcase, test_diverging);
  tcase_add_test (tcase, test_cannot_write);
  tcase_add_loop_test (tcase, test_cannot_save, 0, 2);
  tcase_set_timeout (tcase, 60);
  return suite;
}

GST_CHECK_MAIN (mae_trainer);
