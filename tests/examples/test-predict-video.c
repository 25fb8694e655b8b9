/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-predict-video.c: runs the example on a small video with a small encoder and a head made for it, and looks at what
 * it prints; then on things that are not there. Usage: test-predict-video PREDICT-VIDEO
 */
#include <glib/gstdio.h>
#include <gst/gst.h>
#include <string.h>
#include <sys/wait.h>

#include "models/gh-encoder.h"
#include "models/gh-head-private.h"
#include "models/gh-head-train.h"
#include "tests/models/temp-folder.h"

#define FRAMES 5
#define EMBEDDING 8

static const char *program;

static char *
write_encoder (const char *folder)
{
  g_autoptr (GError) error = NULL;
  char *path = g_build_filename (folder, "encoder.safetensors", NULL);
  GhMaeConfig config = {
    .height = 48, .width = 80, .patch = 16, .mean = { 0.5f, 0.5f, 0.5f }, .std = { 0.25f, 0.25f, 0.25f },
    .dim = 32, .depth = 1, .heads = 1, .head_dim = 32, .mlp = 32, .pinv_iters = 6, .eps = 1e-6f, .pool = GH_POOL_MEAN,
    .embedding = EMBEDDING, .has_embed = TRUE, .mask_ratio = 0.7,
  };

  gh_encoder_init_file (path, &config, 3, FALSE, &error);
  g_assert_no_error (error);
  return path;
}

/* A head that says 7 whatever it sees. */
static char *
write_head (const char *folder, const char *encoder_path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GhEncoder) encoder = gh_encoder_load (encoder_path, GH_DEVICE_REF, GH_PRECISION_F32, 1, &error);
  char *path = g_build_filename (folder, "people.safetensors", NULL);
  float mean[EMBEDDING] = { 0 }, std[EMBEDDING], weight[EMBEDDING] = { 0 }, bias[] = { 7 };

  g_assert_no_error (error);
  for (int i = 0; i < EMBEDDING; i++)
    std[i] = 1;
  GhHeadParts parts = { .kind = GH_HEAD_COUNT, .name = "people", .unit = "people", .encoder_id = gh_encoder_id (encoder),
    .encoder_file = "encoder.safetensors", .embedding = EMBEDDING, .mean = mean, .std = std, .n_layers = 1,
    .layers = { { EMBEDDING, 1, weight, bias } }
  };
  g_autoptr (GhHead) head = gh_head_new (&parts, "people", &error);

  g_assert_no_error (error);
  gh_head_save (head, path, &error);
  g_assert_no_error (error);
  return path;
}

static char *
write_video (const char *folder)
{
  g_autoptr (GError) error = NULL;
  char *path = g_build_filename (folder, "plaza.avi", NULL);
  g_autofree char *line = g_strdup_printf ("plaza-test-src num-buffers=%d ! video/x-raw,width=160,height=96,framerate=25/1 "
      "! jpegenc ! avimux ! filesink location=%s", FRAMES, path);
  GstElement *pipeline = gst_parse_launch (line, &error);
  GstMessage *message;
  GstBus *bus;

  g_assert_no_error (error);
  bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 20 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  g_assert_true (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS);
  gst_message_unref (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
  return path;
}

/* Runs the example; returns its exit status and what it wrote. */
static int
run (const char *video, const char *head, const char *encoder, char **out, char **err)
{
  const char *argv[] = { program, video, head, encoder, NULL };
  g_autoptr (GError) error = NULL;
  int status = 0;

  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, out, err, &status, &error);
  g_assert_no_error (error);
  g_assert_true (WIFEXITED (status));
  return WEXITSTATUS (status);
}

static void
test_prints_predictions (const char *video, const char *head, const char *encoder)
{
  g_autofree char *out = NULL, *err = NULL;
  g_auto (GStrv) lines = NULL;

  g_assert_cmpint (run (video, head, encoder, &out, &err), ==, 0);
  lines = g_strsplit (out, "\n", -1);
  g_assert_cmpint (g_strv_length (lines), ==, FRAMES + 1);
  for (int i = 0; i < FRAMES; i++) {
    g_assert_true (g_regex_match_simple ("^\\+?0:00:0[0-9]\\.[0-9]{9}  people 7 people$", lines[i], 0, 0));
    g_assert_true (i == 0 || strcmp (lines[i - 1], lines[i]) < 0);
  }
}

static void
test_refuses (const char *video, const char *head, const char *encoder, const char *named)
{
  g_autofree char *out = NULL, *err = NULL;

  g_assert_cmpint (run (video, head, encoder, &out, &err), ==, 1);
  g_assert_cmpstr (out, ==, "");
  g_assert_nonnull (strstr (err, named));
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_assert_cmpint (argc, ==, 2);
  program = argv[1];

  g_autofree char *folder = temp_folder_new (), *encoder = write_encoder (folder);
  g_autofree char *head = write_head (folder, encoder), *video = write_video (folder);

  test_prints_predictions (video, head, encoder);
  test_refuses ("/nonexistent/plaza.avi", head, encoder, "plaza.avi");
  test_refuses (video, "/nonexistent/people.safetensors", encoder, "people.safetensors");
  test_refuses (video, head, "/nonexistent/encoder.safetensors", "encoder.safetensors");
  test_refuses (encoder, head, encoder, "stream");
  temp_folder_remove (folder);
  return 0;
}
