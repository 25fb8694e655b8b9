/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-headoverlay-composition.c: head-overlay hands its drawing downstream as a composition meta where that is taken,
 * beside those of others, draws again only when something changed, and shows the heads that are asked for. */
#include "overlay-rig.h"

#include <gst/video/video.h>

#define FEATURE "(memory:SystemMemory, meta:GstVideoOverlayComposition)"

static GstVideoOverlayRectangle *
only_rectangle (GstBuffer *buffer)
{
  GstVideoOverlayCompositionMeta *meta = gst_buffer_get_video_overlay_composition_meta (buffer);

  fail_unless (meta != NULL, "no composition");
  fail_unless_equals_int (gst_video_overlay_composition_n_rectangles (meta->overlay), 1);
  return gst_video_overlay_composition_get_rectangle (meta->overlay, 0);
}

/* A harness whose downstream lays overlays over the video itself. */
static GstHarness *
composing_harness (const gchar *properties)
{
  GstHarness *h = rig_harness (properties);

  gst_harness_set_sink_caps_str (h, "video/x-raw" FEATURE);
  gst_harness_add_propose_allocation_meta (h, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE, NULL);
  return h;
}

static void
check_feature (GstHarness *h, gboolean expected)
{
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (h->sinkpad);

  fail_unless_equals_int (gst_caps_features_contains (gst_caps_get_features (caps, 0),
          GST_CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION), expected);
}

/* The composition travels as meta, the pixels stay untouched, and it scales with the frame. */
GST_START_TEST (test_composition_meta)
{
  gint heights[2] = { 360, 1080 }, drawn[2];

  for (guint i = 0; i < 2; i++) {
    GstHarness *h = composing_harness ("");
    GstBuffer *out;
    gint x, y;
    guint width, height;

    rig_set_caps (h, "", "BGRx", heights[i] * 16 / 9, heights[i]);
    out = rig_pass (h, rig_predict (rig_frame (h, 0), "people", "count", 3, "3 people"));
    check_feature (h, TRUE);
    gst_video_overlay_rectangle_get_render_rectangle (only_rectangle (out), &x, &y, &width, &height);
    fail_unless (x > 0 && y > 0 && x + (gint) width < heights[i] * 16 / 9 && y + (gint) height < heights[i]);
    fail_unless_equals_int (rig_trace (out, heights[i] * 16 / 9).changed, 0);
    drawn[i] = height;
    gst_buffer_unref (out);
    gst_harness_teardown (h);
  }
  fail_unless (drawn[1] > 1.7 * drawn[0] && drawn[1] < 3 * drawn[0], "%d and %d pixels high", drawn[0], drawn[1]);
}

GST_END_TEST;

/* Downstream that accepts any caps but does not know the meta gets plain caps and blended frames. */
GST_START_TEST (test_feature_without_meta)
{
  GstHarness *h = rig_harness ("");
  Trace found;

  gst_harness_set_sink_caps_str (h, "video/x-raw(ANY)");
  rig_set_caps (h, "", "BGRx", 320, 240);
  found = rig_trace_of_prediction (h, 0, 320);
  fail_unless (found.changed > 500);
  check_feature (h, FALSE);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* A white square as some other overlay upstream would have it. */
static GstBuffer *
compose_square (GstBuffer *buffer, gint x, gint y)
{
  GstBuffer *pixels = gst_buffer_new_allocate (NULL, 8 * 8 * 4, NULL);
  GstVideoOverlayRectangle *square;
  GstVideoOverlayComposition *composition;

  gst_buffer_memset (pixels, 0, 0xff, 8 * 8 * 4);
  gst_buffer_add_video_meta (pixels, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB, 8, 8);
  square = gst_video_overlay_rectangle_new_raw (pixels, x, y, 8, 8, GST_VIDEO_OVERLAY_FORMAT_FLAG_NONE);
  composition = gst_video_overlay_composition_new (square);
  gst_buffer_add_video_overlay_composition_meta (buffer, composition);
  gst_video_overlay_composition_unref (composition);
  gst_video_overlay_rectangle_unref (square);
  gst_buffer_unref (pixels);
  return buffer;
}

/* What other elements want laid over the frame is kept: as meta beside ours, or blended like ours. */
GST_START_TEST (test_upstream_composition)
{
  GstHarness *h = composing_harness ("");
  GstVideoOverlayCompositionMeta *meta;
  GstBuffer *out;
  guint8 pixel[4];

  rig_set_caps (h, FEATURE, "BGRx", 320, 240);
  out = rig_pass (h, compose_square (rig_predict (rig_frame (h, 0), "people", "count", 3, "3"), 300, 200));
  meta = gst_buffer_get_video_overlay_composition_meta (out);
  fail_unless (meta != NULL);
  fail_unless_equals_int (gst_video_overlay_composition_n_rectangles (meta->overlay), 2);
  gst_buffer_unref (out);
  gst_harness_teardown (h);

  h = rig_harness ("");
  gst_harness_set_sink_caps_str (h, "video/x-raw");
  rig_set_caps (h, FEATURE, "BGRx", 320, 240);
  for (guint i = 0; i < 2; i++) {
    out = rig_frame (h, i);
    out = rig_pass (h, compose_square (i ? out : rig_predict (out, "people", "count", 3, "3"), 300, 200));
    fail_if (gst_buffer_get_video_overlay_composition_meta (out) != NULL);
    gst_buffer_extract (out, (204 * 320 + 304) * 4, pixel, 4);
    fail_unless (pixel[0] > 250 && pixel[1] > 250 && pixel[2] > 250, "the square is not in the frame");
    gst_buffer_unref (out);
  }
  check_feature (h, FALSE);
  gst_harness_teardown (h);
}

GST_END_TEST;

static GstVideoOverlayComposition *
composition_of (GstHarness *h, GstBuffer *buffer)
{
  GstBuffer *out = rig_pass (h, buffer);
  GstVideoOverlayCompositionMeta *meta = gst_buffer_get_video_overlay_composition_meta (out);
  GstVideoOverlayComposition *composition = meta ? gst_video_overlay_composition_ref (meta->overlay) : NULL;

  gst_buffer_unref (out);
  return composition;
}

/* The same answer is drawn once; a new one, a new property, or the plot moving on draws again. */
GST_START_TEST (test_redraws_only_on_change)
{
  GstHarness *h = composing_harness ("plot=false");
  GstElement *overlay = gst_harness_find_element (h, "head-overlay");
  GstVideoOverlayComposition *all[8];
  /* plot off: same, same, new text, same, new opacity; plot on (which draws): within a step, a step later. */
  const gboolean fresh[8] = { TRUE, FALSE, FALSE, TRUE, FALSE, TRUE, TRUE, TRUE };

  rig_set_caps (h, "", "BGRx", 320, 240);
  for (guint i = 0; i < 8; i++) {
    if (i == 5)
      g_object_set (overlay, "opacity", 0.5, NULL);
    if (i == 6)
      g_object_set (overlay, "plot", TRUE, NULL);
    all[i] = composition_of (h, rig_predict (rig_frame (h, i == 7 ? 40 : i), "people", "count", i < 3 ? 3 : 4,
            i < 3 ? "3" : "4"));
    fail_unless (all[i] != NULL);
    if (i > 0)
      fail_unless_equals_int (all[i] != all[i - 1], fresh[i]);
  }
  for (guint i = 0; i < 8; i++)
    gst_video_overlay_composition_unref (all[i]);
  gst_object_unref (overlay);
  gst_harness_teardown (h);
}

GST_END_TEST;

static guint
height_of (GstHarness *h, guint n)
{
  GstBuffer *in = rig_predict (rig_frame (h, n), "people", "count", 3, "3"), *out;
  guint height = 0;

  rig_predict (in, "clock", "time", 725, "12:05");
  out = rig_pass (h, rig_predict (in, "weather", "class", 1, "sunny"));
  if (gst_buffer_get_video_overlay_composition_meta (out))
    gst_video_overlay_rectangle_get_render_rectangle (only_rectangle (out), NULL, NULL, NULL, &height);
  gst_buffer_unref (out);
  return height;
}

/* heads chooses among them while the stream runs; names no head has show nothing. */
GST_START_TEST (test_heads)
{
  GstHarness *h = composing_harness ("");
  GstElement *overlay = gst_harness_find_element (h, "head-overlay");
  guint all, two, one;

  rig_set_caps (h, "", "BGRx", 640, 480);
  all = height_of (h, 0);
  g_object_set (overlay, "heads", " weather , people", NULL);
  two = height_of (h, 1);
  g_object_set (overlay, "heads", "clock", NULL);
  one = height_of (h, 2);
  fail_unless (all > two && two > one && one > 0, "%u, %u, %u pixels high", all, two, one);
  fail_unless (ABS ((gint) (all - two) - (gint) (two - one)) <= 2);
  g_object_set (overlay, "heads", "dogs", NULL);
  fail_unless_equals_int (height_of (h, 3), 0);
  g_object_set (overlay, "heads", NULL, NULL);
  fail_unless_equals_int (height_of (h, 4), all);
  gst_object_unref (overlay);
  gst_harness_teardown (h);
}

GST_END_TEST;

static Suite *
headoverlay_composition_suite (void)
{
  Suite *suite = suite_create ("headoverlay: composition");
  TCase *tc = tcase_create ("general");

  rig_load_fonts ();
  suite_add_tcase (suite, tc);
  tcase_add_test (tc, test_composition_meta);
  tcase_add_test (tc, test_feature_without_meta);
  tcase_add_test (tc, test_upstream_composition);
  tcase_add_test (tc, test_redraws_only_on_change);
  tcase_add_test (tc, test_heads);
  return suite;
}

GST_CHECK_MAIN (headoverlay_composition);
