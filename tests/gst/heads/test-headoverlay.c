/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-headoverlay.c: head-overlay draws where it should and nowhere else, into any format and size, as a composition
 * meta where downstream takes it, again only when something changed, and forgets what is over.
 */
#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <gst/heads/heads.h>
#include <gst/video/video.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#define GROWTH_LIMIT_KB G_MAXLONG       /* a sanitizer keeps freed memory, */
#define FORMAT_STEP 9                   /* and is slow */
#else
#define GROWTH_LIMIT_KB 2048
#define FORMAT_STEP 1
#define __lsan_disable()
#define __lsan_enable()
#endif

#define FEATURE "(memory:SystemMemory, meta:GstVideoOverlayComposition)"
#define FRAME (40 * GST_MSECOND)

static GstHarness *
harness (const gchar *properties)
{
  g_autofree gchar *line = g_strdup_printf ("head-overlay %s", properties);

  return gst_harness_new_parse (line);
}

static void
set_caps (GstHarness *h, const gchar *feature, const gchar *format, gint width, gint height)
{
  g_autofree gchar *caps = g_strdup_printf ("video/x-raw%s,format=%s,width=%d,height=%d,framerate=25/1", feature, format,
      width, height);

  gst_harness_set_src_caps_str (h, caps);
}

/* Frame n of the harness's caps, all bytes 0x70. */
static GstBuffer *
frame (GstHarness *h, guint n)
{
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (h->srcpad);
  GstVideoInfo info;
  GstBuffer *buffer;

  fail_unless (gst_video_info_from_caps (&info, caps));
  buffer = gst_buffer_new_allocate (NULL, info.size, NULL);
  gst_buffer_memset (buffer, 0, 0x70, info.size);
  GST_BUFFER_PTS (buffer) = n * FRAME;
  GST_BUFFER_DURATION (buffer) = FRAME;
  return buffer;
}

static GstBuffer *
predict (GstBuffer *buffer, const gchar *name, const gchar *kind, gdouble value, const gchar *text)
{
  GstHeadPrediction prediction = { .name = name, .kind = kind, .value = value, .confidence = 0.8, .unit = "", .text = text,
    .head_id = "0123456789abcdef", .model_id = "fedcba9876543210" };

  fail_unless (gst_buffer_add_head_prediction (buffer, &prediction));
  return buffer;
}

static GstBuffer *
pass (GstHarness *h, GstBuffer *buffer)
{
  GstBuffer *out;

  fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  out = gst_harness_pull (h);
  fail_unless (out != NULL);
  return out;
}

/* How many bytes are not 0x70, and in which part of a packed frame of 4 bytes per pixel. */
typedef struct { guint changed; gint x0, y0, x1, y1; } Trace;

static Trace
trace (GstBuffer *buffer, gint width)
{
  Trace found = { 0, G_MAXINT, G_MAXINT, -1, -1 };
  GstMapInfo map;

  fail_unless (gst_buffer_map (buffer, &map, GST_MAP_READ));
  for (gsize i = 0; i < map.size; i++) {
    gint x = (gint) (i / 4 % width), y = (gint) (i / 4 / width);

    if (map.data[i] == 0x70)
      continue;
    found.changed++;
    found.x0 = MIN (found.x0, x);
    found.y0 = MIN (found.y0, y);
    found.x1 = MAX (found.x1, x);
    found.y1 = MAX (found.y1, y);
  }
  gst_buffer_unmap (buffer, &map);
  return found;
}

static Trace
trace_of_prediction (GstHarness *h, guint n, gint width)
{
  GstBuffer *out = pass (h, predict (frame (h, n), "people", "count", n, "3 people"));
  Trace found = trace (out, width);

  gst_buffer_unref (out);
  return found;
}

/* Without predictions the frame passes as it is, in the same memory. */
GST_START_TEST (test_nothing_to_draw)
{
  GstHarness *h = harness ("");
  GstBuffer *in, *out;

  set_caps (h, "", "BGRx", 320, 240);
  in = frame (h, 0);
  out = pass (h, in);
  fail_unless (in == out);
  fail_unless_equals_int (trace (out, 320).changed, 0);
  gst_buffer_unref (out);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* The cards stay in their corner, whichever it is, also when it changes on the way. */
GST_START_TEST (test_anchors)
{
  static const gchar *const anchors[] = { "top-left", "top-right", "bottom-left", "bottom-right" };
  GstHarness *h = harness ("");
  GstElement *overlay = gst_harness_find_element (h, "head-overlay");

  set_caps (h, "", "BGRx", 640, 480);
  for (guint i = 0; i < 4; i++) {
    Trace found;

    gst_util_set_object_arg (G_OBJECT (overlay), "anchor", anchors[i]);
    found = trace_of_prediction (h, i, 640);
    fail_unless (found.changed > 2000, "%s: %u bytes changed", anchors[i], found.changed);
    fail_unless (i & 1 ? found.x0 > 200 && found.x1 < 636 : found.x0 > 4 && found.x1 < 440, "%s: %d to %d", anchors[i],
        found.x0, found.x1);
    fail_unless (i & 2 ? found.y0 > 360 && found.y1 < 476 : found.y0 > 4 && found.y1 < 120, "%s: %d to %d", anchors[i],
        found.y0, found.y1);
  }
  gst_object_unref (overlay);
  gst_harness_teardown (h);
}

GST_END_TEST;

static guint
differing_bytes (GstBuffer *a, GstBuffer *b)
{
  GstMapInfo x, y;
  guint n = 0;

  fail_unless (gst_buffer_map (a, &x, GST_MAP_READ) && gst_buffer_map (b, &y, GST_MAP_READ));
  fail_unless_equals_int (x.size, y.size);
  for (gsize i = 0; i < x.size; i++)
    n += x.data[i] != y.data[i];
  gst_buffer_unmap (a, &x);
  gst_buffer_unmap (b, &y);
  return n;
}

/* Every format of the template at an odd size: some bytes change, most do not. */
GST_START_TEST (test_formats)
{
  g_autoptr (GstElementFactory) factory = gst_element_factory_find ("head-overlay");
  const GList *templates = gst_element_factory_get_static_pad_templates (factory);
  g_autoptr (GstCaps) caps = gst_static_pad_template_get_caps (templates->data);
  const GValue *formats = gst_structure_get_value (gst_caps_get_structure (caps, 0), "format");

  fail_unless (gst_value_list_get_size (formats) > 50);
  for (guint i = 0; i < gst_value_list_get_size (formats); i += FORMAT_STEP) {
    const gchar *name = g_value_get_string (gst_value_list_get_value (formats, i));
    GstHarness *h = harness ("plot=false");
    GstBuffer *before, *after;
    guint changed;

    set_caps (h, "", name, 321, 241);
    before = frame (h, 0);
    after = pass (h, predict (gst_buffer_copy_deep (before), "people", "count", 3, "3"));
    changed = differing_bytes (before, after);
    fail_unless (changed > 500, "%s: %u bytes changed", name, changed);
    fail_unless (changed < gst_buffer_get_size (before) / 3, "%s: %u of %" G_GSIZE_FORMAT " bytes changed", name, changed,
        gst_buffer_get_size (before));
    gst_buffer_unref (before);
    gst_buffer_unref (after);
    gst_harness_teardown (h);
  }
}

GST_END_TEST;

/* From a single pixel to 4K; where there is room for letters there are some. */
GST_START_TEST (test_sizes)
{
  static const gint sizes[][2] = { {1, 1}, {16, 16}, {17, 401}, {64, 48}, {161, 121}, {480, 360}, {1920, 1080}, {3840, 2160} };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    GstHarness *h = harness ("");
    Trace found;

    set_caps (h, "", "BGRx", sizes[i][0], sizes[i][1]);
    found = trace_of_prediction (h, 0, sizes[i][0]);
    if (sizes[i][0] >= 160)
      fail_unless (found.changed > 500, "nothing drawn at %dx%d", sizes[i][0], sizes[i][1]);
    /* A third of the frame at most. */
    fail_unless (found.changed <= (guint) (sizes[i][0] * sizes[i][1] * 4 / 3));
    gst_harness_teardown (h);
  }
}

GST_END_TEST;

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
  GstHarness *h = harness (properties);

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

    set_caps (h, "", "BGRx", heights[i] * 16 / 9, heights[i]);
    out = pass (h, predict (frame (h, 0), "people", "count", 3, "3 people"));
    check_feature (h, TRUE);
    gst_video_overlay_rectangle_get_render_rectangle (only_rectangle (out), &x, &y, &width, &height);
    fail_unless (x > 0 && y > 0 && x + (gint) width < heights[i] * 16 / 9 && y + (gint) height < heights[i]);
    fail_unless_equals_int (trace (out, heights[i] * 16 / 9).changed, 0);
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
  GstHarness *h = harness ("");
  Trace found;

  gst_harness_set_sink_caps_str (h, "video/x-raw(ANY)");
  set_caps (h, "", "BGRx", 320, 240);
  found = trace_of_prediction (h, 0, 320);
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

  set_caps (h, FEATURE, "BGRx", 320, 240);
  out = pass (h, compose_square (predict (frame (h, 0), "people", "count", 3, "3"), 300, 200));
  meta = gst_buffer_get_video_overlay_composition_meta (out);
  fail_unless (meta != NULL);
  fail_unless_equals_int (gst_video_overlay_composition_n_rectangles (meta->overlay), 2);
  gst_buffer_unref (out);
  gst_harness_teardown (h);

  h = harness ("");
  gst_harness_set_sink_caps_str (h, "video/x-raw");
  set_caps (h, FEATURE, "BGRx", 320, 240);
  for (guint i = 0; i < 2; i++) {
    out = frame (h, i);
    out = pass (h, compose_square (i ? out : predict (out, "people", "count", 3, "3"), 300, 200));
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
  GstBuffer *out = pass (h, buffer);
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

  set_caps (h, "", "BGRx", 320, 240);
  for (guint i = 0; i < 8; i++) {
    if (i == 5)
      g_object_set (overlay, "opacity", 0.5, NULL);
    if (i == 6)
      g_object_set (overlay, "plot", TRUE, NULL);
    all[i] = composition_of (h, predict (frame (h, i == 7 ? 40 : i), "people", "count", i < 3 ? 3 : 4, i < 3 ? "3" : "4"));
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

/* Frames without a prediction go on showing the last one for hold-time, and then nothing. */
GST_START_TEST (test_hold_time)
{
  GstHarness *h = harness ("hold-time=200000000");

  set_caps (h, "", "BGRx", 320, 240);
  fail_unless (trace_of_prediction (h, 0, 320).changed > 500);
  for (guint i = 1; i < 10; i++) {
    GstBuffer *out = pass (h, frame (h, i));

    /* 200 ms are five frames. */
    fail_unless_equals_int (trace (out, 320).changed > 0, i <= 5);
    gst_buffer_unref (out);
  }
  gst_harness_teardown (h);
}

GST_END_TEST;

static guint
height_of (GstHarness *h, guint n)
{
  GstBuffer *in = predict (predict (frame (h, n), "people", "count", 3, "3"), "clock", "time", 725, "12:05"), *out;
  guint height = 0;

  out = pass (h, predict (in, "weather", "class", 1, "sunny"));
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

  set_caps (h, "", "BGRx", 640, 480);
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

/* After a flush, and when time jumps back, nothing of before is shown. */
GST_START_TEST (test_flush)
{
  GstHarness *h = harness ("hold-time=18446744073709551615");
  GstBuffer *out;

  set_caps (h, "", "BGRx", 320, 240);
  fail_unless (trace_of_prediction (h, 50, 320).changed > 500);
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  GstSegment segment;
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  out = pass (h, frame (h, 51));
  fail_unless_equals_int (trace (out, 320).changed, 0);
  gst_buffer_unref (out);

  fail_unless (trace_of_prediction (h, 52, 320).changed > 500);
  out = pass (h, frame (h, 1));
  fail_unless_equals_int (trace (out, 320).changed, 0);
  gst_buffer_unref (out);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* New caps redraw at the new size and keep the history. */
GST_START_TEST (test_caps_change)
{
  GstHarness *h = harness ("");
  Trace small, large;

  set_caps (h, "", "BGRx", 320, 240);
  small = trace_of_prediction (h, 0, 320);
  set_caps (h, "", "BGRx", 1280, 960);
  large = trace_of_prediction (h, 1, 1280);
  fail_unless (large.y1 - large.y0 > 1.8 * (small.y1 - small.y0));
  set_caps (h, "", "I420", 33, 31);
  gst_buffer_unref (pass (h, predict (frame (h, 2), "people", "count", 3, "3")));
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Predictions no sane head would make neither crash nor leave the frame. */
GST_START_TEST (test_odd_predictions)
{
  static const gdouble values[] = { NAN, INFINITY, -INFINITY, 1e308, -1e308, 5e-324, 0 };
  GstHarness *h = harness ("");
  g_autofree gchar *endless = g_strnfill (20000, 'W');
  guint n = 0;

  set_caps (h, "", "BGRx", 320, 240);
  for (guint i = 0; i < G_N_ELEMENTS (values); i++) {
    static const gchar *const kinds[] = { "scalar", "count", "time", "class" };

    for (guint k = 0; k < 4; k++, n++) {
      GstBuffer *in = frame (h, n), *out;
      GstHeadPrediction prediction = { "odd", kinds[k], values[i], values[i], "", n % 2 ? endless : "\xe2\x82\xac\n?",
        "0123456789abcdef", "0123456789abcdef" };

      /* The library may refuse it; a producer without the library may not. */
      gst_buffer_add_head_prediction (in, &prediction);
      predict (in, "fine", "scalar", values[i], "a\nb\tc");
      out = pass (h, in);
      fail_unless (trace (out, 320).changed < 320 * 240 * 4);
      gst_buffer_unref (out);
    }
  }
  gst_harness_teardown (h);
}

GST_END_TEST;

/* More heads than fit: those that do. */
GST_START_TEST (test_many_heads)
{
  GstHarness *h = harness ("scale=2");
  GstBuffer *in, *out;

  set_caps (h, "", "BGRx", 320, 240);
  in = frame (h, 0);
  for (guint i = 0; i < 40; i++) {
    g_autofree gchar *name = g_strdup_printf ("head-%u", i);

    predict (in, name, "scalar", i, "1.5 m");
  }
  out = pass (h, in);
  fail_unless (trace (out, 320).changed > 2000);
  gst_buffer_unref (out);
  gst_harness_teardown (h);
}

GST_END_TEST;

static glong
resident_kb (void)
{
  long pages = 0;
  FILE *file = fopen ("/proc/self/statm", "r");

  if (file && fscanf (file, "%*d %ld", &pages) != 1)
    pages = 0;
  if (file)
    fclose (file);
  return pages * sysconf (_SC_PAGESIZE) / 1024;
}

/* A hundred lives of the element, each drawing: nothing is left behind. */
GST_START_TEST (test_state_cycles)
{
  GstHarness *h = harness ("");
  GstElement *overlay = gst_harness_find_element (h, "head-overlay");
  glong settled = 0;

  for (guint i = 0; i < 120; i++) {
    gst_element_set_state (overlay, GST_STATE_NULL);
    gst_harness_play (h);
    set_caps (h, "", "I420", 320 + i % 3, 240);
    gst_harness_push_event (h, gst_event_new_flush_start ());
    gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
    GstSegment segment;
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_harness_push_event (h, gst_event_new_segment (&segment));
    for (guint k = 0; k < 3; k++)
      gst_buffer_unref (pass (h, predict (frame (h, k), "people", "count", k, "3 people")));
    if (i == 20)
      settled = resident_kb ();
  }
  fail_unless (resident_kb () - settled < GROWTH_LIMIT_KB, "grew from %ld to %ld kB", settled, resident_kb ());
  gst_object_unref (overlay);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Each test runs in a fork of this process: fonts loaded here are loaded for all. No checks, this is outside of tests. */
static void
load_fonts (void)
{
  GstHeadPrediction prediction = { "people", "count", 3, NAN, "", "3 people", "0123456789abcdef", "0123456789abcdef" };
  GstHarness *h = harness ("");
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 320 * 240 * 4, NULL);

  /* Fontconfig links its patterns in ways a leak checker cannot follow. */
  __lsan_disable ();
  set_caps (h, "", "BGRx", 320, 240);
  gst_buffer_add_head_prediction (buffer, &prediction);
  buffer = gst_harness_push_and_pull (h, buffer);
  __lsan_enable ();
  gst_clear_buffer (&buffer);
  gst_harness_teardown (h);
}

static Suite *
headoverlay_suite (void)
{
  Suite *suite = suite_create ("headoverlay");
  TCase *tc = tcase_create ("general");

  load_fonts ();
  suite_add_tcase (suite, tc);
  tcase_add_test (tc, test_nothing_to_draw);
  tcase_add_test (tc, test_anchors);
  tcase_add_test (tc, test_formats);
  tcase_add_test (tc, test_sizes);
  tcase_add_test (tc, test_composition_meta);
  tcase_add_test (tc, test_feature_without_meta);
  tcase_add_test (tc, test_upstream_composition);
  tcase_add_test (tc, test_redraws_only_on_change);
  tcase_add_test (tc, test_hold_time);
  tcase_add_test (tc, test_heads);
  tcase_add_test (tc, test_flush);
  tcase_add_test (tc, test_caps_change);
  tcase_add_test (tc, test_odd_predictions);
  tcase_add_test (tc, test_many_heads);
  tcase_add_test (tc, test_state_cycles);
  return suite;
}

GST_CHECK_MAIN (headoverlay);
