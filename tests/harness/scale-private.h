/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * scale-private.h: what the parts of the Scale server share. Everything here runs with the server's lock held, but for
 * what parses text. A row is a JsonObject; members that begin with _ are never told to clients, _id is what finds it.
 */
#pragma once

#include "scale-server.h"

#include <libsoup/soup.h>
#include <stdio.h>

G_BEGIN_DECLS

typedef enum {
  SCALE_PROJECTS,               /* _id: the name */
  SCALE_BATCHES,                /* _id: the name */
  SCALE_FILES,
  SCALE_TASKS,
  SCALE_DATASETS,
  SCALE_ITEMS,
  SCALE_ANNOTATIONS,
  SCALE_SLICES,
  SCALE_JOBS,
  SCALE_N_TABLES
} ScaleTable;

typedef struct {
  const char *name;                       /* "test" or "live" */
  GPtrArray *rows[SCALE_N_TABLES];        /* oldest first */
  GHashTable *by_id[SCALE_N_TABLES];
} ScaleWorld;

typedef struct _ScaleFault ScaleFault;

struct _ScaleServer {
  GThread *thread;
  GMainContext *context;
  GMainLoop *loop;
  SoupServer *soup;
  char *url, *folder, *truth_key;
  char **keys;
  JsonObject *truth;
  double complete_after;
  gboolean strip_metadata;
  guint64 max_file_bytes;
  GMutex lock;                  /* for what follows */
  ScaleWorld worlds[2];         /* test, live */
  FILE *state;
  guint64 n_ids, first_id;
  GPtrArray *faults;            /* ScaleFault */
  GRand *random;
  GQueue requests;              /* JsonObject */
  GHashTable *puts;             /* path after /signed/ -> GBytes */
};

/* ---- multipart/form-data ----------------------------------------------------------------------------------------- */

typedef struct {
  char *headers;                /* as they came */
  char *name, *filename, *content_type;   /* the last two may be NULL */
  GBytes *body;
} ScalePart;

/* ScalePart; NULL: it is not well formed, for the reason in error. */
GPtrArray *scale_multipart_parse (const char *content_type, GBytes *body, GError **error);

/* ---- requests and answers ---------------------------------------------------------------------------------------- */

typedef struct {
  ScaleServer *server;
  ScaleWorld *world;            /* NULL: no key, or an unknown one */
  SoupServerMessage *message;
  const char *method;
  char **path;                  /* decoded segments, without the empty one before the first slash */
  GPtrArray *query;             /* name, value, name, value... */
  const char *content_type;     /* "" when there is none */
  GBytes *raw;
  JsonNode *body;               /* NULL: empty, or not JSON */
  GPtrArray *parts;             /* ScalePart; NULL: not multipart */
  JsonObject *log;
  /* The answer. */
  guint status;
  const char *type;
  GBytes *answer;
} ScaleRequest;

typedef void (*ScaleHandler) (ScaleRequest *request);
typedef struct {
  const char *method, *path;    /* * is any one segment that is not empty */
  ScaleHandler handler;
} ScaleRoute;

/* Each ends with a row of NULL. Below /v1, and below /v1/nucleus. */
extern const ScaleRoute scale_project_routes[], scale_file_routes[], scale_task_routes[], scale_change_routes[];
extern const ScaleRoute scale_nucleus_routes[], scale_nucleus_read_routes[];
void scale_control (ScaleRequest *request);

/* Sets the world by the key. "none", "unknown" or the world's name; never the key. */
const char *scale_find_world (ScaleRequest *request);
/* Answers. */
void scale_route (ScaleRequest *request);
gboolean scale_read_query (ScaleRequest *request, const char *text);
/* Percent-decoded; NULL: not well encoded, or no UTF-8. */
char *scale_unescape (const char *text);
const char *scale_query (ScaleRequest *request, const char *name);
gboolean scale_query_is_true (ScaleRequest *request, const char *name);
/* Takes node. */
void scale_answer (ScaleRequest *request, JsonNode *node);
void scale_answer_object (ScaleRequest *request, JsonObject *object);
void scale_fail (ScaleRequest *request, guint status, const char *format, ...) G_GNUC_PRINTF (3, 4);
/* The body as an object; NULL: it is none, and the request is answered. */
JsonObject *scale_body_object (ScaleRequest *request);
/* Cuts of the query: *after..*before as times of scale_time(). FALSE: answered. */
gboolean scale_query_times (ScaleRequest *request, const char *after, const char *before, char **from, char **to);
gboolean scale_in_times (const char *time, const char *from, const char *to);
/* limit of the query, at most most. FALSE: answered. */
gboolean scale_query_number (ScaleRequest *request, const char *name, gint64 least, gint64 most, gint64 *value);

/* ---- rows -------------------------------------------------------------------------------------------------------- */

void scale_worlds_init (ScaleServer *server);
void scale_worlds_clear (ScaleServer *server);
gboolean scale_state_open (ScaleServer *server, const char *path, GError **error);
const char *scale_table_name (ScaleTable table);

JsonObject *scale_find (ScaleWorld *world, ScaleTable table, const char *id);
/* The first one whose member is this string. */
JsonObject *scale_find_by (ScaleWorld *world, ScaleTable table, const char *member, const char *value);
/* Adds the row unless it is there (takes it then), and writes it to the state file. */
void scale_save (ScaleServer *server, ScaleWorld *world, ScaleTable table, JsonObject *row);
void scale_remove (ScaleServer *server, ScaleWorld *world, ScaleTable table, JsonObject *row);
/* A new object without the members that begin with _, or with them, renamed. */
JsonObject *scale_public (JsonObject *row);
JsonObject *scale_whole (JsonObject *row);

/* 24 hexadecimal digits; unique, and rising. */
char *scale_new_id (ScaleServer *server);
char *scale_uuid (void);
/* ISO 8601 with milliseconds and Z, of seconds since 1970. */
char *scale_time (double seconds);
double scale_now (void);

/* Members that may be missing or of another type: NULL, 0, FALSE then. */
const char *scale_string (JsonObject *object, const char *name);
JsonObject *scale_object (JsonObject *object, const char *name);
JsonArray *scale_array (JsonObject *object, const char *name);
gboolean scale_true (JsonObject *object, const char *name);
gboolean scale_is_null (JsonObject *object, const char *name);
gsize scale_json_bytes (JsonObject *object);
char *scale_json_text (JsonNode *node);
JsonNode *scale_object_node (JsonObject *object);       /* takes it */
/* NULL for what is not JSON, too deep, or not UTF-8. */
JsonNode *scale_parse_json (const char *text, gsize size, GError **error);

/* ---- files, batches, tasks --------------------------------------------------------------------------------------- */

/* "image/jpeg", "image/png" or NULL, by the first bytes. */
const char *scale_image_type (GBytes *bytes);
/* Keeps the image in the server's folder, if it has one; its SHA-256. */
char *scale_keep_image (ScaleServer *server, GBytes *bytes);
char *scale_sha256 (GBytes *bytes);

gboolean scale_project_is_rapid (JsonObject *project);
gboolean scale_batch_is_open (JsonObject *batch);
/* A new object; its status follows from its tasks. */
JsonObject *scale_batch_public (ScaleWorld *world, JsonObject *batch);
void scale_batch_counts (ScaleWorld *world, const char *batch, guint counts[4]);
JsonObject *scale_batch_new (ScaleServer *server, ScaleWorld *world, const char *name, JsonObject *project);
void scale_batch_finalize (ScaleServer *server, ScaleWorld *world, JsonObject *batch);

extern const char *const scale_task_types[];            /* ends with NULL */
extern const char *const scale_task_statuses[4];        /* pending, completed, error, canceled */
JsonObject *scale_task_public (ScaleServer *server, ScaleWorld *world, JsonObject *task, gboolean with_urls);
/* A pending task that is not yet saved; batch may be NULL, project too. */
JsonObject *scale_task_new (ScaleServer *server, const char *type, JsonObject *project, JsonObject *batch);
/* The uploaded file that its attachment names, or NULL. */
JsonObject *scale_task_file (ScaleWorld *world, JsonObject *task);
/* Saves it, as of now. */
void scale_task_touch (ScaleServer *server, ScaleWorld *world, JsonObject *task);
/* What a project's params say; NULL: nothing. */
JsonObject *scale_project_params (JsonObject *project);

/* Completes what is due by now. */
void scale_label_due (ScaleServer *server);

/* ---- faults ------------------------------------------------------------------------------------------------------ */

typedef enum { SCALE_NOTHING, SCALE_STATUS, SCALE_HTML, SCALE_DROP, SCALE_HANG, SCALE_TRUNCATE, SCALE_CUT, SCALE_SLOW }
    ScaleAction;

struct _ScaleFault {
  char *text, *method, *pattern;        /* method may be NULL */
  ScaleAction action;
  guint status, bytes_per_second;
  double delay, probability, retry_after;       /* retry_after below 0: none */
  gboolean commit, retry_date;
  guint64 skip, count, seen, fired;
};

ScaleFault *scale_fault_parse (const char *text, GError **error);
void scale_fault_free (ScaleFault *fault);
/* The one that this request gets, or NULL. */
ScaleFault *scale_fault_choose (ScaleServer *server, const char *method, const char *path);
/* Sends the request's answer as the fault (may be NULL) has it. */
void scale_fault_send (const ScaleFault *fault, ScaleRequest *request);

G_END_DECLS
