/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * scale-api.h: requests to Scale AI's labeling API (v1) and to Nucleus, and what their answers mean for whoever asked.
 *
 * The key goes into the header Authorization of every request, to this address alone: redirects are not followed, and
 * plain http is for the loopback only. An object belongs to the thread that makes it and runs on that thread's default
 * main context.
 */
#pragma once

#include "scale-key.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

#define SCALE_API_BASE_URL "https://api.scale.com/v1"

typedef struct {
  const gchar *base_url;        /* NULL: SCALE_API_BASE_URL; a trailing slash is fine */
  const gchar *user_agent;      /* NULL: our own */
  const gchar *ca_file;         /* PEM of the authorities to trust; NULL: the system's */
  guint64 timeout;              /* of a whole request, in nanoseconds; 0: 90 s */
  guint connections;            /* at most, at a time; 0: 4 */
} ScaleApiOptions;

typedef struct _ScaleApi ScaleApi;

/* Takes the key, also when it fails (G_IO_ERROR, naming the property base-url or ca-file). */
ScaleApi *scale_api_new (const ScaleApiOptions *options, ScaleKey *key, GError **error);
/* Requests under way end as SCALE_RETRY before it returns. */
void scale_api_free (ScaleApi *api);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScaleApi, scale_api_free)

const ScaleKey *scale_api_key (const ScaleApi *api);

typedef enum {
  SCALE_OK,                     /* done; json is there when the answer was JSON */
  SCALE_RETRY,                  /* no telling whether it was done: again, later (network, 408, 429, 5xx, torn answers) */
  SCALE_CONFLICT,               /* 409: the id is in use; what was to be made was made before */
  SCALE_REFUSED,                /* this request will never be accepted (other 4xx) */
  SCALE_HALT,                   /* none will, until a person mends it: key, account, address (401, 402, 403, 404, 3xx) */
} ScaleVerdict;

typedef struct {
  ScaleVerdict verdict;
  guint status;                 /* of HTTP; 0: no answer */
  JsonNode *json;               /* NULL: none */
  gint64 retry_after;           /* microseconds from now that the server asks for; -1: it does not */
  gchar *problem;               /* one line for people, without the key; NULL when OK */
} ScaleReply;

void scale_reply_clear (ScaleReply *reply);
/* A member of the answer's object as text; NULL when it is not there or no text. Borrowed. */
const gchar *scale_reply_string (const ScaleReply *reply, const gchar *member);

/* What is left in the reply is cleared after the call. */
typedef void (*ScaleApiDone) (ScaleReply *reply, gpointer data);

/* path: below the base URL, escaped, with its query: "/files/upload". body NULL: none; type: of the body, NULL for JSON.
 * done is called once, later, from the main context. cancellable: NULL, or one that ends the request before the object is
 * freed. */
void scale_api_send (ScaleApi *api, const gchar *method, const gchar *path, GBytes *body, const gchar *type,
    GCancellable *cancellable, ScaleApiDone done, gpointer data);
/* The same, waiting for it. */
void scale_api_call (ScaleApi *api, const gchar *method, const gchar *path, GBytes *body, const gchar *type,
    GCancellable *cancellable, ScaleReply *reply);
/* The same with retries of what is to be retried: up to `attempts` in all, with growing pauses or those that the server
 * asks for. */
void scale_api_call_patiently (ScaleApi *api, const gchar *method, const gchar *path, GBytes *body, const gchar *type,
    guint attempts, GCancellable *cancellable, ScaleReply *reply);

/* Microseconds until the next attempt after this many: doubling from a second to a minute, between half and all of it at
 * random, and never less than the server asks for (reply may be NULL), of which an hour is taken seriously. */
gint64 scale_api_pause (guint attempts, const ScaleReply *reply);

G_END_DECLS
