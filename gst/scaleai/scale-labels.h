/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * scale-labels.h: what people said in a task, as labels of its frame.
 *
 *   boxes        of a list of annotations: its boxes, as a JSON list of {"label","left","top","width","height"} in pixels
 *   NAME         how many annotations have the label NAME, 0 included where the task says that NAME was looked for (the
 *                objects_to_annotate of its geometries). A rule LABEL:TASK counts LABEL as TASK, 0 included everywhere; several
 *                labels may count as one task, and the label * is every annotation
 *   FIELD        of a textcollection, a categorization and of global attributes: the answer; several are joined by "|"
 *
 * A name that came before keeps its meaning: boxes, counts, fields, in this order. Only completed tasks say anything. Names and
 * answers that are longer than 200 bytes are no labels (the task's JSON has them).
 */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

typedef struct {
  gchar *task, *value;
} ScaleLabel;

void scale_label_free (ScaleLabel *label);

/* What counts as what: LABEL -> TASK, both text. From "LABEL:TASK"s, NULL-terminated or NULL. NULL with an error of G_IO_ERROR
 * that names the one that is wrong. Free it with g_hash_table_unref(). */
GHashTable *scale_label_rules (const gchar *const *words, GError **error);

/* Of a task as the API shows it, whatever it may hold: ScaleLabel, freed with the array. */
GPtrArray *scale_labels_of (JsonObject *task, GHashTable *rules);

/* Members of a stranger's object: NULL unless it is there and of this type. Borrowed. */
const gchar *scale_json_string (JsonObject *object, const gchar *member);
JsonObject *scale_json_object (JsonObject *object, const gchar *member);
JsonArray *scale_json_array (JsonObject *object, const gchar *member);

G_END_DECLS
