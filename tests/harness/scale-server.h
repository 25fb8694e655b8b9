/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * scale-server.h: Scale AI's labeling API (v1) and Nucleus on the loopback, as far as an uploader and the official
 * Python clients use them: projects, batches, files, tasks below URL/v1; datasets, items, slices, jobs below
 * URL/v1/nucleus. Labels are given by a file of the truth instead of people, and faults can be had. Keys that begin
 * with test_ or end in |test see one world of rows, all others another.
 *
 * Nothing of it is Scale's; where the real service is not documented the code says GUESS.
 *
 * A fault is one line of text:
 *
 *   [METHOD] PATH ACTION... [OPTION...]      POST /v1/files/upload status=503 retry-after=2 count=3
 *
 * PATH is a pattern with * and ? for the path as it is sent. The first fault of the list that matches and fires is the
 * request's. Actions (one, and delay with or without it):
 *   status=N        this status and an error in JSON, the request undone
 *   html=N          the same with a page of a proxy
 *   drop            the connection is closed without an answer, the request undone
 *   hang            no answer ever, the request undone
 *   truncate        the request done, half of the answer's JSON as if it were all
 *   cut             the request done, half of the answer, then the connection is closed
 *   slow=N          the request done, the answer at N bytes a second
 *   delay=S         S seconds before the request is done and answered
 * Options:
 *   commit          status, html, drop, hang: the request is done nevertheless; with delay: done first, answered late
 *   retry-after=S   the header, in seconds; retry-after=date:S as a date in S seconds
 *   skip=N          the first N matching requests are spared
 *   count=N         it fires N times, then never again
 *   probability=P   it fires at random, by the seed
 *
 * Routes of its own, without a key: POST /control/complete[?task=ID], /control/fail?task=ID, /control/build-batch?
 * project=NAME&batch=NAME[&metadata=0], /control/fault (one fault a line), /control/clear-faults; GET /control/state,
 * /control/requests.
 */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

typedef struct _ScaleServer ScaleServer;

/* All but complete_after may be 0. Strings need to live only during the call. */
typedef struct {
  guint port;                   /* 0: any */
  gboolean tls;                 /* with the certificate that scale_server_certificate() names */
  const char *const *keys;      /* ends with NULL; NULL: SCALE_SERVER_KEY alone */
  const char *state_file;       /* every change is written there before it is answered, and read again at the start */
  const char *folder;           /* accepted images are kept there, as SHA256.jpg or .png */
  const char *truth_file;       /* JSON: {"KEY": response or list of annotations}; NULL: one box of no meaning */
  const char *truth_key;        /* what KEY is: "sha256" of the image (NULL: that) or a member of the metadata */
  double complete_after;        /* seconds until a pending task is completed; below 0: only on request */
  gboolean strip_metadata;      /* tasks are read back without their metadata, as Scale's own downloader saves them */
  guint64 max_file_bytes;       /* 0: 80 MB */
  guint32 seed;                 /* of the faults' probabilities */
} ScaleServerOptions;

#define SCALE_SERVER_OPTIONS_INIT { .complete_after = -1 }
#define SCALE_SERVER_KEY "test_scale_server"

/* Serves from a thread of its own until it is freed; all functions may be called from any thread. The error names the
 * file or the fault that is wrong. */
ScaleServer *scale_server_new (const ScaleServerOptions *options, GError **error);
void scale_server_free (ScaleServer *server);
/* http(s)://127.0.0.1:PORT, without /v1. */
const char *scale_server_url (ScaleServer *server);
/* The PEM file that clients have to trust. */
const char *scale_server_certificate (void);

gboolean scale_server_add_fault (ScaleServer *server, const char *fault, GError **error);
void scale_server_clear_faults (ScaleServer *server);

/* A copy of what is there, oldest first: "projects", "batches", "files" (with sha256, metadata, reference_id, filename,
 * which the API never tells), "tasks", "datasets", "items" (with sha256), "annotations", "slices", "jobs", "requests"
 * (the newest 20000: method, path, query, status, fault, auth, content_type, user_agent, bytes, chunked, parts with
 * their headers as they came). Free it with json_array_unref(). */
JsonArray *scale_server_list (ScaleServer *server, const char *what);
/* Requests so far with this method (NULL: any) whose path matches the pattern. */
guint scale_server_count (ScaleServer *server, const char *method, const char *pattern);

/* Labels one task, or with NULL all that wait for labelers, and says how many were completed. A task stays pending
 * whose answer the truth does not know, and one of a self-serve batch that is not finalized. */
guint scale_server_complete (ScaleServer *server, const char *task_id);
/* The task becomes one of status "error". FALSE: there is no such pending task. */
gboolean scale_server_fail (ScaleServer *server, const char *task_id);
/* What a person does in the dashboard: a finalized batch of the project's files that are in no task yet. with_metadata
 * (GUESS: what the dashboard does) copies each file's metadata into its task. The number of tasks; -1: no such project,
 * or there is such a batch. */
int scale_server_build_batch (ScaleServer *server, const char *project, const char *batch, gboolean with_metadata);

G_END_DECLS
