/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-scale-gate.c: how long nothing is sent after failures, halts and refusals, and how often the bus hears of it. */
#include "gst/scaleai/gstscalegate.h"

#include <gst/check/gstcheck.h>

static ScaleReply no_answer = { .verdict = SCALE_RETRY, .retry_after = -1, .problem = (gchar *) "no answer" };

typedef struct {
  GstElement *element;
  GstBus *bus;
  GstScaleGate *gate;
} Fixture;

static void
set_up (Fixture *f)
{
  f->element = gst_element_factory_make ("identity", NULL);
  f->bus = gst_bus_new ();
  gst_element_set_bus (f->element, f->bus);
  f->gate = gst_scale_gate_new (f->element, "square");
}

static void
tear_down (Fixture *f)
{
  gst_scale_gate_free (f->gate);
  gst_element_set_bus (f->element, NULL);
  gst_object_unref (f->bus);
  gst_object_unref (f->element);
}

static guint
count_messages (Fixture *f, const gchar *name)
{
  guint n = 0;
  GstMessage *message;

  while ((message = gst_bus_pop (f->bus))) {
    n += GST_MESSAGE_TYPE (message) == GST_MESSAGE_ELEMENT && gst_message_has_name (message, name);
    gst_message_unref (message);
  }
  return n;
}

/* Seconds, rounded up. */
static gint64
closed_for (Fixture *f)
{
  gint64 left = gst_scale_gate_closed_until (f->gate) - g_get_monotonic_time ();

  return left > 0 ? (left + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC : 0;
}

/* Four uploads that were under way meet the same halt: it lasts as long as one; the next lasts longer. */
GST_START_TEST (test_one_halt)
{
  Fixture f;
  gint64 began = g_get_monotonic_time ();

  set_up (&f);
  for (guint i = 0; i < 4; i++) {
    gint64 pause = gst_scale_gate_halted (f.gate, began, "no such project");

    fail_unless (pause > 0 && pause <= 30 * G_USEC_PER_SEC, "%" G_GINT64_FORMAT, pause);
  }
  fail_unless_equals_int64 (closed_for (&f), 30);
  fail_unless_equals_int64 (gst_scale_gate_halted (f.gate, g_get_monotonic_time () + 1, "no such project"), 60 * G_USEC_PER_SEC);
  fail_unless (gst_scale_gate_is_in_trouble (f.gate));
  fail_unless_equals_int (count_messages (&f, "scale-upload-trouble"), 1);
  gst_scale_gate_accepted (f.gate);
  fail_unless (!gst_scale_gate_is_in_trouble (f.gate));
  fail_unless_equals_int (count_messages (&f, "scale-upload-resumed"), 1);
  fail_unless_equals_int64 (gst_scale_gate_halted (f.gate, g_get_monotonic_time () + 1, "again"), 30 * G_USEC_PER_SEC);
  tear_down (&f);
}

GST_END_TEST;

/* Eight uploads of one outage count as the three that close the gate. */
GST_START_TEST (test_one_outage)
{
  Fixture f;
  gint64 began = g_get_monotonic_time ();

  set_up (&f);
  for (guint i = 0; i < 2; i++)
    gst_scale_gate_failed (f.gate, began, 0, &no_answer);
  fail_unless_equals_int64 (closed_for (&f), 0);
  for (guint i = 0; i < 6; i++)
    fail_unless (gst_scale_gate_failed (f.gate, began, 0, &no_answer) > 0);
  fail_unless_equals_int64 (closed_for (&f), 1);
  for (guint i = 0; i < 3; i++) /* one at a time from then on: 2 s, 4 s, 8 s, or half of that */
    gst_scale_gate_failed (f.gate, g_get_monotonic_time () + 1, 0, &no_answer);
  fail_unless (closed_for (&f) >= 4 && closed_for (&f) <= 8);
  fail_unless_equals_int (count_messages (&f, "scale-upload-trouble"), 1);
  tear_down (&f);
}

GST_END_TEST;

GST_START_TEST (test_refusals)
{
  Fixture f;
  gint64 began = g_get_monotonic_time ();

  set_up (&f);
  fail_unless_equals_int64 (gst_scale_gate_refused (f.gate, began, "bad image"), 0);
  fail_unless_equals_int64 (gst_scale_gate_refused (f.gate, began, "bad image"), 0);
  gst_scale_gate_accepted (f.gate);
  for (guint i = 0; i < 2; i++)
    fail_unless_equals_int64 (gst_scale_gate_refused (f.gate, began, "bad image"), 0);
  fail_unless_equals_int64 (closed_for (&f), 0);
  for (guint i = 0; i < 2; i++)
    fail_unless (gst_scale_gate_refused (f.gate, began, "bad image") > 0);      /* not the images' fault any more */
  fail_unless_equals_int64 (closed_for (&f), 30);
  tear_down (&f);
}

GST_END_TEST;

/* A server that asks for a pause gets it, from all. */
GST_START_TEST (test_retry_after)
{
  ScaleReply busy = { .verdict = SCALE_RETRY, .retry_after = 7 * G_USEC_PER_SEC, .problem = (gchar *) "HTTP 429" };
  Fixture f;

  set_up (&f);
  fail_unless_equals_int64 (gst_scale_gate_failed (f.gate, g_get_monotonic_time (), 0, &busy), 7 * G_USEC_PER_SEC);
  fail_unless_equals_int64 (closed_for (&f), 7);
  fail_unless (!gst_scale_gate_is_in_trouble (f.gate));
  tear_down (&f);
}

GST_END_TEST;

static Suite *
scale_gate_suite (void)
{
  Suite *suite = suite_create ("scale-gate");
  TCase *tc = tcase_create ("general");

  tcase_add_test (tc, test_one_halt);
  tcase_add_test (tc, test_one_outage);
  tcase_add_test (tc, test_refusals);
  tcase_add_test (tc, test_retry_after);
  suite_add_tcase (suite, tc);
  return suite;
}

GST_CHECK_MAIN (scale_gate);
