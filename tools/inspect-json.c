/* SPDX-License-Identifier: LGPL-2.1-or-later
 * inspect-json.c: the report of "gst-heads inspect --json". Keys are snake_case; what is unknown is absent. */
#include "inspect.h"

#include <json-glib/json-glib.h>
#include <stdio.h>

static void
add_string (JsonBuilder *builder, const char *key, const char *value)
{
  if (!value)
    return;
  json_builder_set_member_name (builder, key);
  json_builder_add_string_value (builder, value);
}

static void
add_int (JsonBuilder *builder, const char *key, gint64 value)
{
  json_builder_set_member_name (builder, key);
  json_builder_add_int_value (builder, value);
}

static void
add_boolean (JsonBuilder *builder, const char *key, gboolean value)
{
  json_builder_set_member_name (builder, key);
  json_builder_add_boolean_value (builder, value);
}

static void
add_double (JsonBuilder *builder, const char *key, double value)
{
  json_builder_set_member_name (builder, key);
  json_builder_add_double_value (builder, value);
}

static void
add_config (JsonBuilder *builder, const GhInspection *inspection)
{
  g_autofree char *text = gh_mae_config_to_json (&inspection->config);
  g_autoptr (JsonNode) node = json_from_string (text, NULL);
  add_boolean (builder, "trained", inspection->trained);
  if (node) {
    json_builder_set_member_name (builder, "config");
    json_builder_add_value (builder, g_steal_pointer (&node));
  }
}

static void
add_head (JsonBuilder *builder, const GhHead *head)
{
  json_builder_set_member_name (builder, "head");
  json_builder_begin_object (builder);
  add_string (builder, "name", gh_head_name (head));
  add_string (builder, "kind", gh_head_kind_name (gh_head_kind (head)));
  add_string (builder, "unit", gh_head_unit (head));
  add_int (builder, "embedding", gh_head_embedding (head));
  add_string (builder, "encoder_id", gh_head_encoder_id (head));
  add_string (builder, "encoder_file", gh_head_encoder_file (head));
  add_string (builder, "model", gh_head_metadata (head, "model"));
  json_builder_end_object (builder);
}

static void
add_metadata (JsonBuilder *builder, GhSafetensors *st)
{
  GHashTableIter iter;
  gpointer key, value;
  json_builder_set_member_name (builder, "metadata");
  json_builder_begin_object (builder);
  g_hash_table_iter_init (&iter, gh_safetensors_all_metadata (st));
  while (g_hash_table_iter_next (&iter, &key, &value))
    add_string (builder, key, value);
  json_builder_end_object (builder);
}

static void
add_tensor (JsonBuilder *builder, const GhTensorInfo *tensor, const GhTensorStats *stats)
{
  json_builder_begin_object (builder);
  add_string (builder, "name", tensor->name);
  add_string (builder, "dtype", gh_safetensors_dtype_name (tensor->dtype));
  json_builder_set_member_name (builder, "shape");
  json_builder_begin_array (builder);
  for (int i = 0; i < tensor->rank; i++)
    json_builder_add_int_value (builder, tensor->shape[i]);
  json_builder_end_array (builder);
  if (stats && tensor->dtype <= GH_ST_BF16) {
    add_int (builder, "not_finite", stats->bad);
    if (tensor->count > stats->bad) {
      add_double (builder, "min", stats->min);
      add_double (builder, "max", stats->max);
      add_double (builder, "mean", stats->mean);
      add_double (builder, "std", stats->std);
    }
  }
  json_builder_end_object (builder);
}

void
gh_inspection_print_json (const GhInspection *inspection)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *text = NULL;

  json_builder_begin_object (builder);
  add_string (builder, "file", inspection->path);
  add_string (builder, "kind", gh_file_kind_name (inspection->kind));
  add_string (builder, "model_id", inspection->id);
  add_int (builder, "bytes", inspection->bytes);
  add_int (builder, "numbers", inspection->numbers);
  add_int (builder, "decoder_numbers", inspection->decoder_numbers);
  add_boolean (builder, "usable", inspection->problem == NULL && inspection->kind != GH_FILE_OTHER);
  add_string (builder, "problem", inspection->problem);
  if (inspection->has_config)
    add_config (builder, inspection);
  if (inspection->head)
    add_head (builder, inspection->head);
  add_metadata (builder, inspection->st);
  json_builder_set_member_name (builder, "tensors");
  json_builder_begin_array (builder);
  for (guint i = 0; i < gh_safetensors_n_tensors (inspection->st); i++)
    add_tensor (builder, gh_safetensors_tensor (inspection->st, i), inspection->stats ? &inspection->stats[i] : NULL);
  json_builder_end_array (builder);
  json_builder_end_object (builder);

  root = json_builder_get_root (builder);
  text = json_to_string (root, TRUE);
  printf ("%s\n", text);
}
