/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-mae-trainer-device.c: the element mae-trainer on the cuda back end: where its frames are, and what it says of
 * that; the encoder is the one that frames in the host's memory make. Exits with 77 without a GPU or the emulated module.
 */
#include "trainer-rig.h"

#include <stdio.h>
#include <string.h>

/* What the element says of itself when it starts. */
static gchar *
start (guint buffer_size)
{
  GstMessage *message;
  GstBus *bus;
  gchar *reason = NULL;

  g_object_set (rig.element, "device", GH_DEVICE_CUDA, "buffer-size", buffer_size, NULL);
  bus = rig_start ();
  while (!reason && (message = gst_bus_pop_filtered (bus, GST_MESSAGE_ELEMENT))) {
    reason = g_strdup (gst_structure_get_string (gst_message_get_structure (message), "reason"));
    gst_message_unref (message);
  }
  fail_unless (reason != NULL);
  return reason;
}

static void
check (guint capacity)
{
  const GhMaeConfig config = rig_config ();
  GhMaeTrainOptions options = rig_options ();
  g_autoptr (GhMaeTrainer) trainer = NULL;
  g_autoptr (GhFrameStore) store = rig_store (FRAMES, capacity);
  GhMaeExport how = { FALSE, FALSE, NULL, NULL };

  options.device = GH_DEVICE_CUDA;
  trainer = gh_mae_trainer_new (&config, &options, NULL);
  rig_push_frames (0, FRAMES);
  fail_unless (rig_push_eos ());
  rig_check_result (trainer, store, &how);
}

GST_START_TEST (test_on_device)
{
  g_autofree gchar *reason = start (4);

  fail_unless (strstr (reason, "room for 4 frames on the device") != NULL, "%s", reason);
  check (4);
}
GST_END_TEST;

GST_START_TEST (test_too_many)
{
  g_autofree gchar *reason = start (1000000);

  fail_unless (strstr (reason, "frames stay in the host's memory") != NULL, "%s", reason);
  fail_unless (strstr (reason, "half of what the device has free") != NULL, "%s", reason);
  check (1000);
}
GST_END_TEST;

/* Frames come while it trains. */
GST_START_TEST (test_live)
{
  g_autofree gchar *reason = NULL;

  g_object_set (rig.element, "mode", 2, "start-after", 2, "steps", G_GUINT64_CONSTANT (1000000), NULL);
  reason = start (4);
  for (guint i = 0; i < 2000 && mae_test_count (rig.h->element, "step") < 3; i++) {
    rig_push_frames (i, 1);
    g_usleep (2 * G_TIME_SPAN_MILLISECOND);
  }
  fail_unless (rig_push_eos ());
  fail_unless (mae_test_count (rig.h->element, "step") >= 3);
  fail_unless (g_file_test (rig.location, G_FILE_TEST_EXISTS));
}
GST_END_TEST;

static Suite *
mae_trainer_device_suite (void)
{
  Suite *suite = suite_create ("mae-trainer-device");
  TCase *tcase = rig_case ();

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, test_on_device);
  tcase_add_test (tcase, test_too_many);
  tcase_add_test (tcase, test_live);
  return suite;
}

int
main (int argc, char **argv)
{
  char reason[256] = "";
  GhCtx *ctx = NULL;

  if (gh_ctx_new (&ctx, GH_DEVICE_CUDA, 0, reason, sizeof reason) != GH_OK) {
    printf ("skipped: %s\n", reason);
    return 77;
  }
  gh_ctx_free (ctx);
  gst_check_init (&argc, &argv);
  return gst_check_run_suite (mae_trainer_device_suite (), "mae-trainer-device", __FILE__);
}
