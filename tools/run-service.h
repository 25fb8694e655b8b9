/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * run-service.h (private): what "gst-heads run" does for whoever watches over it: a status page with /healthz, /readyz and
 * /metrics, and words to a service manager. Everything is called from the thread of the main loop.
 *
 * The manager's watchdog is fed by frames that reach a sink, not by a timer: a pipeline that hangs is restarted. While a
 * source says that its camera is out of reach (live-outage) it is at work though no frame comes, and so it is between
 * two frames of a source with an interval, up to three of which it waits itself; then the main loop feeds.
 */
#pragma once

#include "frame-watch.h"
#include "status-server.h"

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct {
  GstElement *pipeline;         /* borrowed */
  GhFrameWatch *watch;
  GhStatusServer *server;       /* NULL without a page */
  double max_age;               /* seconds without a frame from which on it is not ready */
  double patience;              /* seconds without a frame that are as they should be */
  gboolean playing;
  guint64 warnings;
  GHashTable *outages;          /* element name -> reason, of those that last */
  GHashTable *pauses;           /* the same of datasets that store nothing for now */
  GHashTable *doubts;           /* the same of what makes frames doubtful: "element reason" -> GhDoubt */
  GHashTable *heads;            /* head name -> its last value and how many */
  guint feeder;
} GhRunService;

/* Zero the struct before. port -1: no page. max_age 0: a minute, or three intervals of a source. GH_ERROR; the struct
 * is to be cleared in any case. */
gboolean gh_run_service_begin (GhRunService *service, GstElement *pipeline, int port, double max_age, GError **error);
void gh_run_service_message (GhRunService *service, GstMessage *message);
/* The pipeline is about to stop. */
void gh_run_service_end (GhRunService *service);
void gh_run_service_clear (GhRunService *service);

G_END_DECLS
