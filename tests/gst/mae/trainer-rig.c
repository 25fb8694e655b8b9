/* SPDX-License-Identifier: LGPL-2.1-or-later
 * trainer-rig.c: see trainer-rig.h. */
#include "trainer-rig.h"

#include <string.h>

#include "gst/common/gstframescaler.h"

TrainerRig rig;

GhMaeConfig
rig_config (void)
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
  GhMaeConfig config = rig_config ();
  g_autofree gchar *json = gh_mae_config_to_json (&config);

  mae_test_setup (&rig.test);
  rig.config_file = g_build_filename (rig.test.folder, "small.json", NULL);
  rig.location = g_build_filename (rig.test.folder, "trained.safetensors", NULL);
  rig.checkpoint = g_build_filename (rig.test.folder, "checkpoint.safetensors", NULL);
  fail_unless (g_file_set_contents (rig.config_file, json, -1, NULL));
  rig.element = gst_element_factory_make ("mae-trainer", NULL);
  fail_unless (rig.element != NULL);
  g_object_set (rig.element, "config", rig.config_file, "location", rig.location, "steps", (guint64) STEPS,
      "batch-size", BATCH, "learning-rate", 0.01, "warmup", (gint64) 1, "device", GH_DEVICE_CPU, "precision",
      GH_PRECISION_F32, "threads", 1, "seed", (guint64) 5, NULL);
  rig.h = NULL;
}

static void
teardown (void)
{
  g_clear_pointer (&rig.h, mae_test_harness_free);
  g_free (rig.config_file);
  g_free (rig.location);
  g_free (rig.checkpoint);
  mae_test_teardown (&rig.test);
}

GstBus *
rig_start (void)
{
  rig.h = mae_test_harness_new (g_steal_pointer (&rig.element));
  gst_harness_set_src_caps_str (rig.h, CAPS);
  return mae_test_bus (rig.h);
}

void
rig_push_frames (guint from, guint n)
{
  for (guint i = 0; i < n; i++)
    fail_unless_equals_int (gst_harness_push (rig.h, mae_test_frame_for (rig.h, from + i)), GST_FLOW_OK);
}

gboolean
rig_push_eos (void)
{
  return gst_harness_push_event (rig.h, gst_event_new_eos ());
}

void
rig_expect_error (GstBus *bus, GQuark domain, gint code, const gchar *says)
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

GhMaeTrainOptions
rig_options (void)
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

GhFrameStore *
rig_store (guint n, guint capacity)
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

void
rig_check_result (GhMaeTrainer *trainer, GhFrameStore *store, const GhMaeExport *how)
{
  g_autofree gchar *path = g_build_filename (rig.test.folder, "reference.safetensors", NULL);
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
  fail_unless (g_file_get_contents (rig.location, &got, &got_size, NULL), "there is no %s", rig.location);
  assert_equals_int (got_size, expected_size);
  fail_unless (memcmp (got, expected, got_size) == 0, "the files differ");
}

void
rig_check_default_result (void)
{
  const GhMaeConfig config = rig_config ();
  const GhMaeTrainOptions options = rig_options ();
  g_autoptr (GhMaeTrainer) trainer = gh_mae_trainer_new (&config, &options, NULL);
  g_autoptr (GhFrameStore) store = rig_store (FRAMES, 1000);
  GhMaeExport how = { FALSE, FALSE, NULL, NULL };

  rig_check_result (trainer, store, &how);
}

TCase *
rig_case (void)
{
  TCase *tcase = tcase_create ("general");

  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_set_timeout (tcase, 60);
  return tcase;
}
