/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * scale-tasks.h: the tasks of a project, page by page (GET /tasks).
 */
#pragma once

#include "scale-api.h"

G_BEGIN_DECLS

#define SCALE_TASKS_ERROR (scale_tasks_error_quark ())
GQuark scale_tasks_error_quark (void);

typedef enum {
  SCALE_TASKS_ERROR_REFUSED,    /* key, account, project or address: a person has to mend it */
  SCALE_TASKS_ERROR_UNREACHABLE,        /* no answer, or none that could be used, after all attempts */
  SCALE_TASKS_ERROR_NONSENSE,   /* an answer that does not say what the service promises: paging cannot go on */
  SCALE_TASKS_ERROR_STOPPED,    /* by the cancellable or by visit */
} ScaleTasksError;

typedef struct {
  const gchar *project, *status;        /* status: completed, error, pending, canceled */
  const gchar *batch;           /* NULL: all of the project */
  gint64 updated_after;         /* microseconds since 1970-01-01 UTC; 0: all */
  guint attempts;               /* for each page */
} ScaleTasksQuery;

/* total: of the whole query, as far as the service says; 0 otherwise. FALSE stops. */
typedef gboolean (*ScaleTasksVisit) (JsonArray *docs, guint64 total, gpointer data);

/* Calls visit for each page. FALSE with an error of SCALE_TASKS_ERROR, one line without the key; pages that were visited were
 * whole. Pages that repeat themselves end it. */
gboolean scale_tasks_each_page (ScaleApi *api, const ScaleTasksQuery *query, GCancellable *cancellable, ScaleTasksVisit visit,
    gpointer data, GError **error);

/* The first task of the list that an answer is, borrowed, or NULL. FALSE: it is no list. */
gboolean scale_tasks_first (const ScaleReply *reply, JsonObject **task);

G_END_DECLS
