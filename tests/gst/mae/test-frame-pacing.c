/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-frame-pacing.c: which frames are due and which are late, played through on a clock that costs no time.
 */
#include <gst/check/gstcheck.h>

#include "gst/common/gstinterval.h"
#include "gst/mae/gstlateness.h"

#define MS GST_MSECOND
#define FRAME (GST_SECOND / 30)

/* ---- interval --------------------------------------------------------------------------------------- */

static guint
count_taken (GstInterval *state, GstClockTime from, guint frames, GstClockTime interval)
{
  guint taken = 0;

  for (guint i = 0; i < frames; i++) {
    GstClockTime time = from + gst_util_uint64_scale (i, GST_SECOND, 30);

    if (gst_interval_is_due (state, time, interval, FRAME / 2)) {
      gst_interval_take (state, time, interval);
      taken++;
    }
  }
  return taken;
}

GST_START_TEST (test_interval)
{
  GstInterval state;

  /* 30 frames a second, rounded down to nanoseconds: the rhythm neither drifts nor loses a beat. */
  gst_interval_reset (&state);
  assert_equals_int (count_taken (&state, 0, 300, 0), 300);
  assert_equals_int (count_taken (&state, 0, 300, 100 * MS), 100);
  gst_interval_reset (&state);
  assert_equals_int (count_taken (&state, 0, 3000, GST_SECOND), 100);
  gst_interval_reset (&state);
  assert_equals_int (count_taken (&state, 0, 300, 10 * MS), 300);
  gst_interval_reset (&state);
  assert_equals_int (count_taken (&state, 0, 3000, 70 * MS), 1429);

  /* Time jumps ahead, back, and is unknown. */
  gst_interval_reset (&state);
  gst_interval_take (&state, 0, GST_SECOND);
  fail_if (gst_interval_is_due (&state, 500 * MS, GST_SECOND, 0));
  fail_unless (gst_interval_is_due (&state, 100 * GST_SECOND, GST_SECOND, 0));
  gst_interval_take (&state, 100 * GST_SECOND, GST_SECOND);
  fail_if (gst_interval_is_due (&state, 100 * GST_SECOND + 999 * MS, GST_SECOND, 0));
  fail_unless (gst_interval_is_due (&state, 3 * GST_SECOND, GST_SECOND, 0));
  fail_unless (gst_interval_is_due (&state, GST_CLOCK_TIME_NONE, GST_SECOND, 0));
  gst_interval_take (&state, GST_CLOCK_TIME_NONE, GST_SECOND);
  fail_unless (gst_interval_is_due (&state, 5 * GST_SECOND, GST_SECOND, 0));

  /* Absurdly long intervals mean: once. */
  gst_interval_reset (&state);
  assert_equals_int (count_taken (&state, 0, 300, G_MAXINT64), 1);
}
GST_END_TEST;

/* ---- lateness --------------------------------------------------------------------------------------- */

typedef struct
{
  GstClockTime encode;          /* what one encoding takes */
  GstClockTime pass;            /* what every frame takes in any case */
  GstClockTime latency;         /* what upstream announces */
  GstClockTime delay;           /* what upstream really adds */
  GstClockTime jump_at, jump;   /* from frame time jump_at on, delay grows by jump */
  GstClockTime duration;
  GstClockTime start;           /* nothing runs before */
  GstClockTime sink;            /* every frame is held until so long after its time */
} Scene;

typedef struct
{
  guint frames, encoded;
  GstClockTimeDiff worst;       /* lag at the output before the sink, over the second half */
  GstClockTime longest_gap;     /* between two encodings */
} Outcome;

/* A source of 30 frames a second, a queue without bounds, one thread. */
static Outcome
play (const Scene *scene)
{
  Outcome outcome = { 0, 0, 0, 0 };
  GstClockTime now = scene->start, last = 0, announced = scene->latency + 20 * MS;
  GstLateness lateness;

  gst_lateness_reset (&lateness);
  for (GstClockTime time = 0; time < scene->duration; time += FRAME) {
    GstClockTime delay = scene->delay + (scene->jump && time >= scene->jump_at ? scene->jump : 0);

    now = MAX (now, time + delay);
    outcome.frames++;
    if (!gst_lateness_is_late (&lateness, now, time, announced, 20 * MS)) {
      outcome.encoded++;
      outcome.longest_gap = MAX (outcome.longest_gap, now - last);
      last = now;
      now += scene->encode;
    }
    now += scene->pass;
    if (time >= scene->duration / 2)
      outcome.worst = MAX (outcome.worst, GST_CLOCK_DIFF (time, now));
    if (scene->sink)
      now = MAX (now, time + scene->sink);
  }
  return outcome;
}

/* Fast enough: everything is encoded, whatever delay upstream announces or conceals. */
GST_START_TEST (test_fast_encoder)
{
  const Scene scenes[] = {
    {10 * MS, 1 * MS, 0, 0, 0, 0, 20 * GST_SECOND},
    {10 * MS, 1 * MS, 0, 300 * MS, 0, 0, 20 * GST_SECOND},
    {10 * MS, 1 * MS, 300 * MS, 300 * MS, 0, 0, 20 * GST_SECOND},
    {30 * MS, 1 * MS, 2 * GST_SECOND, 50 * MS, 0, 0, 20 * GST_SECOND},
  };

  for (guint i = 0; i < G_N_ELEMENTS (scenes); i++) {
    Outcome outcome = play (&scenes[i]);

    assert_equals_int (outcome.encoded, outcome.frames);
  }
}
GST_END_TEST;

/* Too slow: lag is bounded by one encoding, and the encoder is never idle for long. */
GST_START_TEST (test_slow_encoder)
{
  const GstClockTime encodings[] = { 40 * MS, 100 * MS, 700 * MS, 5 * GST_SECOND };

  for (guint i = 0; i < G_N_ELEMENTS (encodings); i++) {
    Scene scene = { encodings[i], 1 * MS, 100 * MS, 100 * MS, 0, 0, 120 * GST_SECOND };
    Outcome outcome = play (&scene);
    guint ideal = scene.duration / encodings[i];

    fail_unless (outcome.encoded < outcome.frames);
    fail_unless (outcome.encoded * 10 >= ideal * 5, "%u of %u encodings", outcome.encoded, ideal);
    fail_unless (outcome.worst <= (GstClockTimeDiff) (scene.delay + encodings[i] + 25 * MS),
        "encoding %" GST_TIME_FORMAT ": lag %" GST_STIME_FORMAT, GST_TIME_ARGS (encodings[i]),
        GST_STIME_ARGS (outcome.worst));
  }
}
GST_END_TEST;

/* Upstream announces two seconds: a backlog of that much is on time for the sink, more is not. */
GST_START_TEST (test_generous_latency)
{
  Scene scene = { 100 * MS, 1 * MS, 2 * GST_SECOND, 10 * MS, 0, 0, 60 * GST_SECOND };
  Outcome outcome = play (&scene);

  fail_unless (outcome.worst <= (GstClockTimeDiff) (2125 * MS), "%" GST_STIME_FORMAT, GST_STIME_ARGS (outcome.worst));
  fail_unless (outcome.worst > (GstClockTimeDiff) GST_SECOND);
}
GST_END_TEST;

/* Everything starts almost a second late and the source hands out what was missed: the lag does not stay. */
GST_START_TEST (test_late_start)
{
  const GstClockTime encodings[] = { 5 * MS, 100 * MS, 700 * MS };

  for (guint i = 0; i < G_N_ELEMENTS (encodings); i++) {
    Scene scene = { encodings[i], 1 * MS, 0, 0, 0, 0, 60 * GST_SECOND, 900 * MS, 0 };
    Outcome outcome = play (&scene);

    fail_unless (outcome.worst <= (GstClockTimeDiff) (encodings[i] + 25 * MS), "%" GST_STIME_FORMAT,
        GST_STIME_ARGS (outcome.worst));
    fail_unless (outcome.encoded >= 60 * GST_SECOND / MAX (encodings[i], FRAME) / 2, "%u", outcome.encoded);
  }
}
GST_END_TEST;

/* A sink that synchronises and no queue before it: frames arrive as late as it lets them, and are encoded still. */
GST_START_TEST (test_synchronised_sink)
{
  const GstClockTime encodings[] = { 5 * MS, 45 * MS, 150 * MS };

  for (guint i = 0; i < G_N_ELEMENTS (encodings); i++) {
    GstClockTime latency = encodings[i] + 20 * MS;
    Scene scene = { encodings[i], 1 * MS, 0, 0, 0, 0, 60 * GST_SECOND, 0, latency };
    Outcome outcome = play (&scene);

    fail_unless (outcome.longest_gap <= GST_SECOND, "%" GST_TIME_FORMAT, GST_TIME_ARGS (outcome.longest_gap));
    fail_unless (outcome.encoded >= 60 * GST_SECOND / MAX (encodings[i], FRAME) / 3, "%u", outcome.encoded);
    fail_unless (outcome.worst <= (GstClockTimeDiff) (latency + encodings[i] + 25 * MS), "%" GST_STIME_FORMAT,
        GST_STIME_ARGS (outcome.worst));
  }
}
GST_END_TEST;

/* Upstream gets half a second slower for good: soon encoding resumes. */
GST_START_TEST (test_jump)
{
  Scene scene = { 10 * MS, 1 * MS, 0, 0, 10 * GST_SECOND, 500 * MS, 60 * GST_SECOND };
  Outcome outcome = play (&scene);

  fail_unless (outcome.longest_gap > 500 * MS && outcome.longest_gap < 2 * GST_SECOND);
  fail_unless (outcome.frames - outcome.encoded < 80);
}
GST_END_TEST;

/* Even without us the pipeline cannot keep up (40 ms of work for every 33): we add little to its misery. */
GST_START_TEST (test_overload_elsewhere)
{
  Scene scene = { 200 * MS, 40 * MS, 0, 0, 0, 0, 600 * GST_SECOND };
  Outcome outcome = play (&scene);

  fail_unless (outcome.encoded >= 5 && outcome.encoded < 60, "%u", outcome.encoded);
}
GST_END_TEST;

/* A reset forgets how punctual the stream once was. */
GST_START_TEST (test_reset)
{
  GstLateness lateness;

  gst_lateness_reset (&lateness);
  fail_if (gst_lateness_is_late (&lateness, 0, 0, 0, 20 * MS));
  fail_unless (gst_lateness_is_late (&lateness, 5 * GST_SECOND, 0, 0, 20 * MS));
  gst_lateness_reset (&lateness);
  fail_if (gst_lateness_is_late (&lateness, 5 * GST_SECOND, 0, 0, 20 * MS));
}
GST_END_TEST;

static Suite *
frame_pacing_suite (void)
{
  Suite *suite = suite_create ("frame-pacing");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, test_interval);
  tcase_add_test (tcase, test_fast_encoder);
  tcase_add_test (tcase, test_slow_encoder);
  tcase_add_test (tcase, test_generous_latency);
  tcase_add_test (tcase, test_late_start);
  tcase_add_test (tcase, test_synchronised_sink);
  tcase_add_test (tcase, test_jump);
  tcase_add_test (tcase, test_overload_elsewhere);
  tcase_add_test (tcase, test_reset);
  return suite;
}

GST_CHECK_MAIN (frame_pacing);
