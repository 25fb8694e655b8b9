/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * scale-task-body.h: the body of POST /task/TYPE: what a file says of every task, and what each frame brings.
 */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* What every task's body holds besides: a JSON object, or one of geometries alone. NULL or "": nothing. NULL with an error
 * (G_IO_ERROR) that names the file. */
JsonObject *scale_task_body_load (const gchar *geometries_file, GError **error);

typedef struct {
  const gchar *type;            /* "imageannotation" */
  const gchar *project, *batch, *unique_id;
  const gchar *attachment_url;
  const gchar *metadata;        /* JSON */
} ScaleTaskRequest;

/* A new object; common is of scale_task_body_load(). */
JsonObject *scale_task_body_new (JsonObject *common, const ScaleTaskRequest *request);

G_END_DECLS
