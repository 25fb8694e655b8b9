/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstscalegate.c: see gstscalegate.h. */
#include "gstscalegate.h"

/* Failures in a row after which nothing is sent for a while; refusals in a row after which they are taken for a halt. */
enum { FAILURES_OF_AN_OUTAGE = 3, REFUSALS_OF_A_HALT = 3 };

#define FIRST_HALT (30 * G_TIME_SPAN_SECOND)
#define LONGEST_HALT (10 * G_TIME_SPAN_MINUTE)

struct _GstScaleGate {
  GstElement *element;
  gchar *project;
  gint64 closed_at, closed_until;       /* monotonic */
  gint64 halt;                  /* the next halt's length */
  guint failures, refusals;     /* in a row */
  enum { FINE, DELAYED, HALTED } state;         /* what the bus knows */

  GMutex lock;                  /* for what follows */
  gboolean halted;
  gchar *problem;               /* the last one */
};

GstScaleGate *
gst_scale_gate_new (GstElement *element, const gchar *project)
{
  GstScaleGate *gate = g_new0 (GstScaleGate, 1);

  gate->element = element;
  gate->project = g_strdup (project);
  gate->halt = FIRST_HALT;
  g_mutex_init (&gate->lock);
  return gate;
}

void
gst_scale_gate_free (GstScaleGate *gate)
{
  if (gate == NULL)
    return;
  g_mutex_clear (&gate->lock);
  g_free (gate->project);
  g_free (gate->problem);
  g_free (gate);
}

gint64
gst_scale_gate_closed_until (const GstScaleGate *gate)
{
  return gate->closed_until;
}

gboolean
gst_scale_gate_is_in_trouble (const GstScaleGate *gate)
{
  return gate->state != FINE;
}

static void
note (GstScaleGate *gate, const gchar *problem, gboolean halted)
{
  g_mutex_lock (&gate->lock);
  g_free (gate->problem);
  gate->problem = g_strdup (problem);
  gate->halted = halted;
  g_mutex_unlock (&gate->lock);
}

void
gst_scale_gate_remember (GstScaleGate *gate, const gchar *problem)
{
  note (gate, problem, gate->state == HALTED);
}

static void
post (GstScaleGate *gate, GstStructure *structure)
{
  gst_element_post_message (gate->element, gst_message_new_element (GST_OBJECT (gate->element), structure));
}

static void
close_for (GstScaleGate *gate, gint64 pause)
{
  gate->closed_at = g_get_monotonic_time ();
  gate->closed_until = MAX (gate->closed_until, gate->closed_at + pause);
}

static void
begin_trouble (GstScaleGate *gate, const gchar *problem, gint64 pause, gboolean halted)
{
  close_for (gate, pause);
  note (gate, problem, halted);
  if (gate->state >= (halted ? HALTED : DELAYED))
    return;
  gate->state = halted ? HALTED : DELAYED;
  post (gate, gst_structure_new ("scale-upload-trouble", "problem", G_TYPE_STRING, problem, "retry-in", G_TYPE_UINT64,
          (guint64) pause * GST_USECOND, "halted", G_TYPE_BOOLEAN, halted, NULL));
  if (halted)
    GST_ELEMENT_WARNING (gate->element, RESOURCE, NOT_AUTHORIZED, ("Nothing is uploaded to \"%s\" for now: %s", gate->project,
            problem), ("%" G_GINT64_FORMAT " s until the next attempt; frames are kept meanwhile", pause / G_TIME_SPAN_SECOND));
}

void
gst_scale_gate_accepted (GstScaleGate *gate)
{
  gate->failures = gate->refusals = 0;
  gate->halt = FIRST_HALT;
  if (gate->state == FINE)
    return;
  gate->state = FINE;
  note (gate, NULL, FALSE);
  post (gate, gst_structure_new_empty ("scale-upload-resumed"));
}

/* Whether it was under way when the gate was closed, and what is left of that pause. */
static gboolean
is_of_the_last_closing (const GstScaleGate *gate, gint64 began, gint64 *pause)
{
  *pause = MAX (1, gate->closed_until - g_get_monotonic_time ());
  return began <= gate->closed_at;
}

gint64
gst_scale_gate_failed (GstScaleGate *gate, gint64 began, guint attempts, const ScaleReply *reply)
{
  gint64 again = scale_api_pause (attempts + 1, reply), pause;

  if (is_of_the_last_closing (gate, began, &pause))
    return MAX (again, pause);
  if (++gate->failures >= FAILURES_OF_AN_OUTAGE)
    begin_trouble (gate, reply->problem, scale_api_pause (gate->failures - FAILURES_OF_AN_OUTAGE + 1, reply), FALSE);
  else if (reply->retry_after > 0)      /* the service asks for it, not this upload's luck */
    close_for (gate, again);
  gst_scale_gate_remember (gate, reply->problem);
  return again;
}

gint64
gst_scale_gate_halted (GstScaleGate *gate, gint64 began, const gchar *problem)
{
  gint64 pause;

  if (gate->state == HALTED && is_of_the_last_closing (gate, began, &pause))
    return pause;
  pause = gate->halt;
  begin_trouble (gate, problem, pause, TRUE);
  gate->halt = MIN (2 * gate->halt, LONGEST_HALT);
  return pause;
}

/* One frame that is refused is that frame's fault; several in a row, with nothing accepted between them, are not. */
gint64
gst_scale_gate_refused (GstScaleGate *gate, gint64 began, const gchar *problem)
{
  if (++gate->refusals < REFUSALS_OF_A_HALT)
    return 0;
  return gst_scale_gate_halted (gate, began, problem);
}

void
gst_scale_gate_describe (GstScaleGate *gate, GstStructure *description)
{
  g_mutex_lock (&gate->lock);
  gst_structure_set (description, "halted", G_TYPE_BOOLEAN, gate->halted, "last-problem", G_TYPE_STRING, gate->problem, NULL);
  g_mutex_unlock (&gate->lock);
}
