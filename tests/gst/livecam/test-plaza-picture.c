/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-plaza-picture.c: the plaza as a function of seed and time: repeatable, drawn only where there is frame, as bright
 * as the time of day, and with a truth that agrees with the pixels.
 */
#include <gst/check/gstcheck.h>
#include <math.h>
#include <string.h>

#include "plaza-paint.h"

#define WIDTH 480
#define HEIGHT 288
#define GUARD 0xa5

typedef struct {
  PlazaPainter *painter;
  int width, height;
  gsize stride;
  guint8 *pixels;
  PlazaTruth truth;
  PlazaMoment moment;
} Canvas;

static void
canvas_init (Canvas *canvas, int width, int height)
{
  memset (canvas, 0, sizeof *canvas);
  canvas->painter = plaza_painter_new (width, height);
  fail_unless (canvas->painter != NULL, "no painter of %dx%d", width, height);
  canvas->width = width;
  canvas->height = height;
  canvas->stride = width * 4 + 16;
  canvas->pixels = g_malloc (canvas->stride * height);
  memset (canvas->pixels, GUARD, canvas->stride * height);
}

static void
canvas_clear (Canvas *canvas)
{
  plaza_painter_free (canvas->painter);
  g_free (canvas->pixels);
}

static PlazaSettings
settings_for (guint64 seed, int people, double minute)
{
  PlazaSettings settings = { seed, people, people, minute, 1, 0, FALSE };

  return settings;
}

static void
paint (Canvas *canvas, const PlazaSettings *settings, guint64 index, double seconds, double noise)
{
  plaza_moment_at (&canvas->moment, settings, index, seconds, plaza_painter_camera (canvas->painter));
  plaza_painter_paint (canvas->painter, &canvas->moment, noise, canvas->pixels, canvas->stride, &canvas->truth);
}

static guint32
pixel (const guint8 *pixels, gsize stride, int x, int y)
{
  return ((const guint32 *) (pixels + y * stride))[x];
}

static double
luma (guint32 p)
{
  return 0.299 * (p >> 16 & 255) + 0.587 * (p >> 8 & 255) + 0.114 * (p & 255);
}

static double
mean_luma (const Canvas *canvas)
{
  double sum = 0;

  for (int y = 0; y < canvas->height; y++) {
    for (int x = 0; x < canvas->width; x++)
      sum += luma (pixel (canvas->pixels, canvas->stride, x, y));
  }
  return sum / ((double) canvas->width * canvas->height);
}

static gboolean
same_picture (const Canvas *a, const Canvas *b)
{
  for (int y = 0; y < a->height; y++) {
    if (memcmp (a->pixels + y * a->stride, b->pixels + y * b->stride, a->width * 4) != 0)
      return FALSE;
  }
  return memcmp (&a->truth.people, &b->truth.people, sizeof (int)) == 0
      && memcmp (a->truth.boxes, b->truth.boxes, a->truth.people * sizeof (PlazaRect)) == 0;
}

/* Frames come out the same whatever was drawn before them, and differ between seeds and moments. */
GST_START_TEST (test_repeatable)
{
  Canvas a, b;
  PlazaSettings settings = settings_for (5, -1, 600), other = settings_for (6, -1, 600);

  settings.people_min = other.people_min = 2;
  settings.people_max = other.people_max = 12;
  settings.overcast = other.overcast = -1;
  settings.time_scale = other.time_scale = 2880;
  canvas_init (&a, WIDTH, HEIGHT);
  canvas_init (&b, WIDTH, HEIGHT);
  for (int i = 0; i < 12; i++) {
    guint64 at = (i * 7) % 12 * 37;

    for (int warm = 0; warm < i % 3; warm++)
      paint (&b, &other, warm * 11, warm * 3.7, 2);
    paint (&a, &settings, at, at / 30.0, 1.5);
    paint (&b, &settings, at, at / 30.0, 1.5);
    fail_unless (same_picture (&a, &b), "frame %d depends on what was drawn before", (int) at);
    paint (&b, &other, at, at / 30.0, 1.5);
    fail_if (same_picture (&a, &b), "seeds 5 and 6 draw the same frame %d", (int) at);
    paint (&b, &settings, at + 1, (at + 1) / 30.0, 1.5);
    fail_if (same_picture (&a, &b), "frame %d stands still", (int) at);
  }
  canvas_clear (&a);
  canvas_clear (&b);
}

GST_END_TEST;

/* Any size draws inside the frame only, sets every pixel and the x byte. */
GST_START_TEST (test_sizes)
{
  static const int sizes[][2] = { {1, 1}, {16, 16}, {17, 31}, {64, 48}, {333, 111}, {121, 640}, {1024, 48}, {3840, 2160} };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    Canvas canvas;
    PlazaSettings settings = settings_for (3, 14, i % 2 ? 700 : 1300);

    canvas_init (&canvas, sizes[i][0], sizes[i][1]);
    paint (&canvas, &settings, 0, 10, 1.5);
    guint overrun = 0, unset = 0;

    for (int y = 0; y < canvas.height; y++) {
      for (int k = 0; k < 16; k++)
        overrun += canvas.pixels[y * canvas.stride + canvas.width * 4 + k] != GUARD;
      for (int x = 0; x < canvas.width; x++)
        unset += pixel (canvas.pixels, canvas.stride, x, y) >> 24 != 255;
    }
    fail_unless (overrun == 0 && unset == 0, "%dx%d: %u bytes beside the frame, %u pixels not drawn", canvas.width,
        canvas.height, overrun, unset);
    for (int k = 0; k < canvas.truth.people; k++) {
      const PlazaRect *box = &canvas.truth.boxes[k];

      fail_unless (box->x >= 0 && box->y >= 0 && box->width > 0 && box->height > 0
          && box->x + box->width <= canvas.width && box->y + box->height <= canvas.height);
    }
    canvas_clear (&canvas);
  }
}

GST_END_TEST;

/* Bright by day, dark at night, steadily between; clouds take light away; the lamps burn only without sun. */
GST_START_TEST (test_daylight)
{
  Canvas canvas;
  double last = 0, noon, dusk, night, grey;
  PlazaSettings settings = settings_for (1, 0, 0);

  canvas_init (&canvas, WIDTH, HEIGHT);
  for (int minute = 270; minute <= 660; minute += 30) {
    settings.start_minute = minute;
    paint (&canvas, &settings, 0, 0, 0);
    /* The lamps going out in the morning may cost a little. */
    fail_unless (mean_luma (&canvas) > last - 2, "at minute %d it is darker (%.1f) than before (%.1f)", minute,
        mean_luma (&canvas), last);
    last = mean_luma (&canvas);
  }
  settings.start_minute = 780;
  paint (&canvas, &settings, 0, 0, 0);
  noon = mean_luma (&canvas);
  settings.overcast = 1;
  paint (&canvas, &settings, 0, 0, 0);
  grey = mean_luma (&canvas);
  settings.overcast = 0;
  settings.start_minute = 1195;
  paint (&canvas, &settings, 0, 0, 0);
  dusk = mean_luma (&canvas);
  settings.start_minute = 60;
  paint (&canvas, &settings, 0, 0, 0);
  night = mean_luma (&canvas);
  fail_unless (noon > grey + 15 && grey > dusk + 10 && dusk > night + 15, "noon %.1f, overcast %.1f, dusk %.1f, night %.1f",
      noon, grey, dusk, night);

  for (int minute = 0; minute < 1440; minute++) {
    PlazaLight light;

    plaza_light_at (&light, 1, 0, minute, -1);
    fail_if (light.lamps && light.sunlight.r > 0, "lamps and sun at minute %d", minute);
    fail_unless (light.overcast >= 0 && light.overcast <= 1);
    fail_unless (fabs (light.sun.x * light.sun.x + light.sun.y * light.sun.y + light.sun.z * light.sun.z - 1) < 1e-9);
  }
  canvas_clear (&canvas);
}

GST_END_TEST;

/* In the morning the walls on the left are lit, in the evening those on the right. */
GST_START_TEST (test_sun_moves)
{
  Canvas canvas;
  double left[2] = { 0 }, right[2] = { 0 };

  canvas_init (&canvas, WIDTH, HEIGHT);
  for (int evening = 0; evening < 2; evening++) {
    PlazaSettings settings = settings_for (1, 0, evening ? 1080 : 480);

    paint (&canvas, &settings, 0, 0, 0);
    for (int y = 40; y < 75; y++) {
      for (int x = 0; x < 40; x++) {
        left[evening] += luma (pixel (canvas.pixels, canvas.stride, x, y));
        right[evening] += luma (pixel (canvas.pixels, canvas.stride, WIDTH - 1 - x, y));
      }
    }
  }
  fail_unless (left[0] > 1.2 * left[1], "left walls: %.0f in the morning, %.0f in the evening", left[0], left[1]);
  fail_unless (right[1] > 1.2 * right[0], "right walls: %.0f in the morning, %.0f in the evening", right[0], right[1]);
  canvas_clear (&canvas);
}

GST_END_TEST;

/* What people change in the picture lies inside the boxes of the truth, and every box holds something. */
GST_START_TEST (test_truth_fits_picture)
{
  Canvas with, without;
  guint inside = 0, outside = 0;
  int seen = 0, expected = 0;

  canvas_init (&with, 960, 576);
  canvas_init (&without, 960, 576);
  for (int i = 0; i < 12; i++) {
    PlazaSettings settings = settings_for (20 + i, 1 + i % 7, 720), empty = settings_for (20 + i, 0, 720);

    /* No sun, no shadows. */
    settings.overcast = empty.overcast = 1;
    paint (&with, &settings, 0, 5, 0);
    paint (&without, &empty, 0, 5, 0);
    fail_unless_equals_int (without.truth.people, 0);
    fail_unless (with.truth.people <= settings.people_max);
    seen += with.truth.people;
    expected += settings.people_max;
    for (int k = 0; k < with.truth.people; k++) {
      const PlazaRect *box = &with.truth.boxes[k];
      guint changed = 0;

      for (int y = box->y; y < box->y + box->height; y++) {
        for (int x = box->x; x < box->x + box->width; x++)
          changed += pixel (with.pixels, with.stride, x, y) != pixel (without.pixels, without.stride, x, y);
      }
      fail_unless (changed * 4 > (guint) (box->width * box->height), "box %d of seed %d is nearly empty", k, 20 + i);
      fail_unless (box->height > box->width, "a person wider than tall");
    }
    for (int y = 0; y < 576; y++) {
      for (int x = 0; x < 960; x++) {
        gboolean boxed = FALSE;

        if (pixel (with.pixels, with.stride, x, y) == pixel (without.pixels, without.stride, x, y))
          continue;
        for (int k = 0; k < with.truth.people && !boxed; k++) {
          const PlazaRect *box = &with.truth.boxes[k];

          /* A ring of soft edge and the dark spot under the feet belong to the person. */
          boxed = x >= box->x - 12 && x < box->x + box->width + 12 && y >= box->y - 3 && y < box->y + box->height + 9;
        }
        if (boxed)
          inside++;
        else
          outside++;
      }
    }
  }
  fail_unless (outside * 20 < inside, "%u changed pixels outside the boxes, %u inside", outside, inside);
  fail_unless (seen * 10 >= expected * 9, "of %d people, %d are seen", expected, seen);
  canvas_clear (&with);
  canvas_clear (&without);
}

GST_END_TEST;

/* People far away are drawn smaller, as the camera's geometry says. */
GST_START_TEST (test_perspective)
{
  PlazaCamera camera;
  double y[3], ignored;

  plaza_camera_init (&camera, 960, 576);
  for (int i = 0; i < 3; i++) {
    PlazaPoint foot = { 3, 20 + 10 * i, 0 }, head = { 3, 20 + 10 * i, 1.75 };
    double top;

    fail_unless (plaza_camera_project (&camera, foot, &ignored, &y[i]));
    fail_unless (plaza_camera_project (&camera, head, &ignored, &top));
    y[i] -= top;
  }
  fail_unless (y[0] > 1.25 * y[1] && y[1] > 1.2 * y[2]);

  PlazaPoint behind = { 0, -3, 0 };
  fail_if (plaza_camera_project (&camera, behind, &ignored, &ignored));
}

GST_END_TEST;

/* Over ten minutes nobody teleports, walks through a thing, or breaks the bounds on their number. */
GST_START_TEST (test_people_behave)
{
  PlazaCamera camera;
  const PlazaCrowd crowd = { 9, 3, 12 };
  PlazaPerson now[PLAZA_MAX_PEOPLE], soon[PLAZA_MAX_PEOPLE];
  int fewest = G_MAXINT, most = 0;

  plaza_camera_init (&camera, 960, 576);
  for (double t = 0; t < 600; t += 1.7) {
    int n = plaza_people_at (&crowd, t, camera.half_tan, now);

    plaza_people_at (&crowd, t + 0.04, camera.half_tan, soon);
    fewest = MIN (fewest, n);
    most = MAX (most, n);
    for (int i = 0; i < n; i++) {
      fail_unless (fabs (hypot (now[i].hx, now[i].hy) - 1) < 1e-6);
      for (int k = 0; k < plaza_n_things; k++) {
        double gap = hypot (now[i].x - plaza_things[k].x, now[i].y - plaza_things[k].y);

        fail_unless (gap > plaza_things[k].clearance - 0.01, "at %.1f s, %.2f m from thing %d", t, gap, k);
      }
      if (i < crowd.people_min) {
        double x, y, step = hypot (now[i].x - soon[i].x, now[i].y - soon[i].y);

        /* A brisk walk, or half as fast again where a corner is cut. */
        fail_unless (step < 0.04 * 3, "at %.1f s, %.2f m in 40 ms", t, step);
        PlazaPoint chest = { now[i].x, now[i].y, 1 };
        fail_unless (plaza_camera_project (&camera, chest, &x, &y) && x > 0 && y > 0 && x < 960 && y < 576,
            "a wanderer left the view at %.1f s", t);
      }
    }
  }
  fail_unless (fewest >= 3 && most <= 12, "between %d and %d people", fewest, most);
  fail_unless (most - fewest >= 5, "the number hardly varies: %d to %d", fewest, most);
}

GST_END_TEST;

/* Forty shuffled frames cover the day without a gap of two hours, and nearly all numbers of people. */
GST_START_TEST (test_shuffle_covers)
{
  Canvas canvas;
  PlazaSettings settings = { 4, 0, 12, -1, 1, -1, TRUE };
  gboolean hours[24] = { FALSE }, counts[13] = { FALSE };
  int n_hours = 0, n_counts = 0;
  double last_minute = -1;

  canvas_init (&canvas, WIDTH, HEIGHT);
  for (guint i = 0; i < 40; i++) {
    paint (&canvas, &settings, i, i / 30.0, 1.5);
    fail_unless (canvas.moment.minute >= 0 && canvas.moment.minute < 1440);
    fail_unless (fabs (canvas.moment.minute - last_minute) > 1, "frame %u follows the one before", i);
    last_minute = canvas.moment.minute;
    hours[(int) canvas.moment.minute / 60] = TRUE;
    fail_unless (canvas.truth.people <= 12);
    counts[canvas.truth.people] = TRUE;
  }
  for (int i = 0; i < 24; i++)
    n_hours += hours[i];
  for (int i = 0; i < 13; i++)
    n_counts += counts[i];
  fail_unless (n_hours >= 22, "only %d hours of the day", n_hours);
  fail_unless (n_counts >= 10, "only %d numbers of people", n_counts);
  canvas_clear (&canvas);
}

GST_END_TEST;

/* The noise has the deviation asked for, no drift, and is new in every frame. */
GST_START_TEST (test_noise)
{
  Canvas clean, noisy, next;
  PlazaSettings settings = settings_for (1, 0, 720);
  double sum = 0, squares = 0;
  guint n = 0, same = 0;

  settings.time_scale = 0;
  canvas_init (&clean, WIDTH, HEIGHT);
  canvas_init (&noisy, WIDTH, HEIGHT);
  canvas_init (&next, WIDTH, HEIGHT);
  paint (&clean, &settings, 0, 0, 0);
  paint (&noisy, &settings, 0, 0, 3);
  paint (&next, &settings, 1, 0, 3);
  for (int y = 0; y < HEIGHT; y++) {
    for (int x = 0; x < WIDTH; x++) {
      int g = pixel (clean.pixels, clean.stride, x, y) >> 8 & 255;
      int d = (int) (pixel (noisy.pixels, noisy.stride, x, y) >> 8 & 255) - g;

      if (g < 20 || g > 235)
        continue;
      sum += d;
      squares += d * d;
      n++;
      same += pixel (noisy.pixels, noisy.stride, x, y) == pixel (next.pixels, next.stride, x, y);
    }
  }
  fail_unless (fabs (sum / n) < 0.1, "drift of %.3f", sum / n);
  fail_unless (fabs (sqrt (squares / n) - 3) < 0.4, "deviation %.2f instead of 3", sqrt (squares / n));
  fail_unless (same < n / 50);
  canvas_clear (&clean);
  canvas_clear (&noisy);
  canvas_clear (&next);
}

GST_END_TEST;

static Suite *
plaza_picture_suite (void)
{
  Suite *suite = suite_create ("plaza-picture");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_test (tc, test_repeatable);
  tcase_add_test (tc, test_sizes);
  tcase_add_test (tc, test_daylight);
  tcase_add_test (tc, test_sun_moves);
  tcase_add_test (tc, test_truth_fits_picture);
  tcase_add_test (tc, test_perspective);
  tcase_add_test (tc, test_people_behave);
  tcase_add_test (tc, test_shuffle_covers);
  tcase_add_test (tc, test_noise);
  return suite;
}

GST_CHECK_MAIN (plaza_picture);
