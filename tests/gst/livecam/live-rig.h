/* SPDX-License-Identifier: LGPL-2.1-or-later
 * live-rig.h: a pipeline around live-src that counts frames and listens for outages, against an origin with faults. */
#pragma once

#include "tests/harness/hls-origin.h"

#include <gst/check/gstcheck.h>

#define SEGMENT 0.5             /* seconds */

typedef struct {
  HlsOrigin *origin;
  GstElement *pipeline, *src;
  GstBus *bus;
  gint frames, sizes, events;   /* sizes: changes of the frames' width */
  gint width;
  gint64 captured_at;           /* of the last frame */
  gint first, last;             /* media sequences of the first and the last frame; -1: none */
  gint skipped, returned;       /* segments without a frame between two; frames of an earlier segment than the last */
  gint suspects;                /* frames whose clock is */
  guint doubts, dispelled;      /* messages */
  gchar *doubt;                 /* the last one's reason */
  guint begins, ends;
  guint warnings, notes;        /* that say so in words */
  gchar *reason, *detail;       /* of the last outage */
  gchar *error;                 /* of the pipeline, NULL: none */
  gboolean eos;
} LiveRig;

/* Folders with segments; NULL where no encoder is. */
extern gchar *live_segments, *live_other_segments;
/* main() of the tests: makes the segments, runs what add_tests puts into its case, each for at most `limit` seconds, and
 * removes the segments. Exits with 77 where no encoder is. */
int live_rig_main (int argc, char **argv, const char *name, double limit, void (*add_tests) (TCase *tests));

/* path: of the origin, or a whole address. properties: as in gst-launch, or "". */
void live_rig_begin (LiveRig *rig, const char *path, const char *properties);
/* The same with an origin that says each segment to be so many seconds long. */
void live_rig_begin_paced (LiveRig *rig, const char *path, const char *properties, double seconds);
void live_rig_play (LiveRig *rig);
void live_rig_end (LiveRig *rig);

/* Each fails the test after `limit` seconds. */
void live_rig_await_frames (LiveRig *rig, gint n, double limit);       /* n more than now */
void live_rig_await_outage (LiveRig *rig, const char *reason, double limit);   /* NULL: any */
void live_rig_await_end_of_outage (LiveRig *rig, double limit);
/* That a doubt begins or ends, the next one. */
void live_rig_await_doubt (LiveRig *rig, const char *reason, gboolean begins, double limit);
/* Listens for so long. */
void live_rig_listen (LiveRig *rig, double seconds);
/* A number or a truth of the statistics; group NULL or the inner structure's name. */
guint64 live_rig_number (LiveRig *rig, const char *group, const char *name);
