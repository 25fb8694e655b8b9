/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * scale-client.h: a small client of the Scale server for the tests in C, which sees what others hide.
 */
#pragma once

#include "scale-server.h"

#include <libsoup/soup.h>

G_BEGIN_DECLS

typedef struct {
  guint status;                 /* 0: no answer */
  char *body, *type, *retry_after;      /* may be NULL */
  JsonNode *json;               /* NULL: no JSON */
  GError *error;                /* why there is no (whole) answer */
} Answer;

/* key: NULL for none. type NULL: application/json, if there is a body. body NULL: none; size -1: it is text. */
Answer *ask (ScaleServer *server, const char *key, const char *method, const char *path, const char *type,
    const char *body, gssize size);
/* With the key of the tests and JSON. */
Answer *ask_json (ScaleServer *server, const char *method, const char *path, const char *format, ...)
    G_GNUC_PRINTF (4, 5);
void answer_free (Answer *answer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Answer, answer_free)

/* Members of the answer's object. */
const char *answer_string (Answer *answer, const char *name);
gint64 answer_int (Answer *answer, const char *name);
JsonObject *answer_object (Answer *answer);
/* Fails with the answer's words. */
#define assert_status(answer, wanted) G_STMT_START { \
    Answer *answer_ = (answer); \
    if (answer_->status != (wanted)) \
      g_error ("%s:%d: status %u instead of %u: %s", __FILE__, __LINE__, answer_->status, (guint) (wanted), \
          answer_->body ? answer_->body : answer_->error ? answer_->error->message : "no words"); \
  } G_STMT_END

/* Something that begins as a JPEG does; content differs by number. */
GBytes *tiny_jpeg (guint number);
/* A well formed upload of it. Those that are NULL are left out. */
Answer *upload (ScaleServer *server, guint number, const char *project, const char *reference_id, const char *metadata);
/* A project for boxes, rapid or not. */
void make_project (ScaleServer *server, const char *name, gboolean rapid);

G_END_DECLS
