/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * predict-video.c: a media application in one file: plays a file or URL, lets an encoder and its heads look at every
 * frame, and prints what they say, read from the frames through the public library.
 *
 * On its own it is compiled with
 *   cc predict-video.c -o predict-video $(pkg-config --cflags --libs gstreamer-heads-1.0 gstreamer-app-1.0)
 * and run with a video, one or several heads, and the encoder the heads were trained on unless that is the default:
 *   ./predict-video plaza.mp4 people.safetensors
 *   ./predict-video https://example.org/live.m3u8 people.safetensors,time.safetensors encoder.safetensors
 */
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <gst/heads/heads.h>
#include <math.h>
#include <stdlib.h>

/* "0:00:01.240  people 3 people  sky sunny (87 %)": one line for each frame that has predictions. */
static void
print_predictions (GstBuffer *buffer)
{
  GstHeadPrediction prediction;

  if (gst_buffer_n_head_predictions (buffer) == 0)
    return;
  g_print ("%" GST_STIME_FORMAT, GST_STIME_ARGS ((GstClockTimeDiff) GST_BUFFER_PTS (buffer)));
  for (guint i = 0; gst_buffer_nth_head_prediction (buffer, i, &prediction); i++) {
    g_print ("  %s %s", prediction.name, prediction.text);
    if (isfinite (prediction.confidence))
      g_print (" (%.0f %%)", 100 * prediction.confidence);
  }
  g_print ("\n");
}

/* Prints the reason when the stream ended because something failed. */
static gboolean
ended_well (GstElement *pipeline)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstMessage) message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  g_autoptr (GError) error = NULL;
  g_autofree gchar *details = NULL;

  if (!message)
    return TRUE;
  gst_message_parse_error (message, &error, &details);
  g_printerr ("%s\n%s\n", error->message, details ? details : "");
  return FALSE;
}

static gboolean
play (GstElement *pipeline)
{
  g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (pipeline), "out");
  GstSample *sample;

  if (gst_element_set_state (pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
    return ended_well (pipeline) && FALSE;
  /* An error ends the stream without an end-of-stream, so look every time; that also empties the bus. */
  while (!gst_app_sink_is_eos (GST_APP_SINK (sink))) {
    sample = gst_app_sink_try_pull_sample (GST_APP_SINK (sink), 200 * GST_MSECOND);
    if (sample) {
      print_predictions (gst_sample_get_buffer (sample));
      gst_sample_unref (sample);
    }
    if (!ended_well (pipeline))
      return FALSE;
  }
  return ended_well (pipeline);
}

/* uridecodebin decodes whatever it is; sync=false takes files as fast as the encoder can. */
static GstElement *
build (const gchar *uri, const gchar *heads, const gchar *model, GError **error)
{
  GstElement *pipeline = gst_parse_launch ("uridecodebin name=in caps=video/x-raw ! mae-encoder name=encoder ! "
      "head-predict name=predict ! appsink name=out sync=false max-buffers=8", error);

  if (*error) {
    gst_clear_object (&pipeline);
    return NULL;
  }
  g_autoptr (GstElement) in = gst_bin_get_by_name (GST_BIN (pipeline), "in");
  g_autoptr (GstElement) encoder = gst_bin_get_by_name (GST_BIN (pipeline), "encoder");
  g_autoptr (GstElement) predict = gst_bin_get_by_name (GST_BIN (pipeline), "predict");

  g_object_set (in, "uri", uri, NULL);
  g_object_set (predict, "heads", heads, "post-messages", FALSE, NULL);
  if (model)
    g_object_set (encoder, "model", model, NULL);
  return pipeline;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autofree gchar *uri = NULL;
  GstElement *pipeline;
  gboolean ok;

  gst_init (&argc, &argv);
  if (argc < 3 || argc > 4) {
    g_printerr ("Usage: %s FILE-OR-URL HEAD[,HEAD...] [ENCODER]\n", argv[0]);
    return 2;
  }
  uri = gst_uri_is_valid (argv[1]) ? g_strdup (argv[1]) : gst_filename_to_uri (argv[1], &error);
  pipeline = uri ? build (uri, argv[2], argc > 3 ? argv[3] : NULL, &error) : NULL;
  if (!pipeline) {
    g_printerr ("%s\n", error->message);
    return EXIT_FAILURE;
  }
  ok = play (pipeline);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
