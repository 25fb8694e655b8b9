/* SPDX-License-Identifier: LGPL-2.1-or-later
 * inspect.c: gst-heads inspect FILE.safetensors: what a model file holds, for people and as JSON. */
#include "inspect.h"
#include "tools.h"
#include "models/gh-checkpoint.h"
#include "models/gh-hf-layout.h"

#include <glib/gstdio.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_VALUE 400           /* characters of a metadata value that are shown */

const char *
gh_file_kind_name (GhFileKind kind)
{
  static const char *const names[] = { "encoder", "mae-hf", "head", "other" };
  return names[kind];
}

static GhFileKind
kind_of (GhSafetensors *st)
{
  if (gh_safetensors_metadata (st, "kind") || gh_safetensors_find (st, "fc1.weight"))
    return GH_FILE_HEAD;
  if (gh_safetensors_metadata (st, "config"))
    return GH_FILE_ENCODER;
  return gh_hf_layout_detect (st) ? GH_FILE_HF_MAE : GH_FILE_OTHER;
}

/* Loads the file as what it claims to be, so that "inspect" and the elements agree on what is usable. */
static void
examine (GhInspection *inspection)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GhCheckpoint) checkpoint = NULL;
  if (inspection->kind == GH_FILE_HEAD) {
    inspection->head = gh_head_load (inspection->path, &error);
  } else if (inspection->kind != GH_FILE_OTHER) {
    checkpoint = gh_checkpoint_open (inspection->path, &error);
    if (checkpoint) {
      inspection->config = *gh_checkpoint_config (checkpoint);
      inspection->trained = gh_checkpoint_is_trained (checkpoint);
      inspection->has_config = TRUE;
    }
  }
  if (error)
    inspection->problem = g_strdup (error->message);
}

static void
count_numbers (GhInspection *inspection)
{
  for (guint i = 0; i < gh_safetensors_n_tensors (inspection->st); i++) {
    const GhTensorInfo *tensor = gh_safetensors_tensor (inspection->st, i);
    inspection->numbers += tensor->count;
    if (g_str_has_prefix (tensor->name, "decoder"))
      inspection->decoder_numbers += tensor->count;
  }
}

static gboolean
measure (GhSafetensors *st, const GhTensorInfo *tensor, GhTensorStats *stats, GError **error)
{
  g_autofree float *values = g_try_new (float, MAX (tensor->count, 1));
  double sum = 0, squares = 0;
  gint64 good;
  *stats = (GhTensorStats) { .min = INFINITY, .max = -INFINITY };
  if (tensor->dtype > GH_ST_BF16)
    return TRUE;
  if (!values) {
    g_set_error (error, GH_ERROR, GH_ERROR_OPEN, "no memory for tensor \"%s\"", tensor->name);
    return FALSE;
  }
  if (!gh_safetensors_read_f32 (st, tensor, values, FALSE, error))
    return FALSE;
  for (gint64 i = 0; i < tensor->count; i++) {
    if (!isfinite (values[i])) {
      stats->bad++;
      continue;
    }
    stats->min = MIN (stats->min, values[i]);
    stats->max = MAX (stats->max, values[i]);
    sum += values[i];
    squares += (double) values[i] * values[i];
  }
  good = tensor->count - stats->bad;
  stats->mean = good ? sum / good : NAN;
  stats->std = good ? sqrt (MAX (0, squares / good - stats->mean * stats->mean)) : NAN;
  return TRUE;
}

static gboolean
measure_all (GhInspection *inspection, GError **error)
{
  guint n = gh_safetensors_n_tensors (inspection->st);
  inspection->stats = g_new0 (GhTensorStats, n);
  for (guint i = 0; i < n; i++)
    if (!measure (inspection->st, gh_safetensors_tensor (inspection->st, i), &inspection->stats[i], error))
      return FALSE;
  return TRUE;
}

/* 1234567 -> "1 234 567" in text[32]. */
static const char *
grouped (gint64 number, char *text)
{
  g_autofree char *digits = g_strdup_printf ("%" G_GINT64_FORMAT, number);
  gsize length = strlen (digits), at = 0;
  for (gsize i = 0; i < length; i++) {
    if (i > 0 && (length - i) % 3 == 0)
      text[at++] = ' ';
    text[at++] = digits[i];
  }
  text[at] = '\0';
  return text;
}

static void
print_config (const GhInspection *inspection)
{
  const GhMaeConfig *config = &inspection->config;
  int tokens = gh_mae_config_tokens (config);
  printf ("  trained    %s\n", inspection->trained ? "yes" : "no: random weights, for trying things out");
  printf ("  input      %d x %d pixels in patches of %d: %d x %d = %d tokens\n", config->width, config->height,
      config->patch, gh_mae_config_grid_cols (config), gh_mae_config_grid_rows (config), tokens);
  printf ("  encoder    %d layers, %d wide, %d heads of %d, mlp %d%s%s\n", config->depth, config->dim, config->heads,
      config->head_dim, config->mlp, config->cls_token ? ", cls token" : "", config->qkv_bias ? ", qkv bias" : "");
  if (config->landmarks > 0 && tokens > config->landmarks)
    printf ("  attention  Nystrom, %d landmarks, %d pseudo-inverse steps", config->landmarks, config->pinv_iters);
  else
    printf ("  attention  exact");
  if (config->conv > 0)
    printf (", value convolution over %d tokens", config->conv);
  printf ("\n  embedding  %d numbers, pooled by %s", config->embedding, gh_pool_name (config->pool));
  if (config->pool_rows > 0)
    printf (" over each of %d x %d regions", config->pool_cols, config->pool_rows);
  if (config->surprise > 0)
    printf (", and what edges %d components of the light leave", config->surprise);
  if (config->shadows > 0)
    printf (", and how the light falls, in %d numbers", config->shadows);
  printf ("\n");
  if (config->dec_depth > 0)
    printf ("  decoder    %d layers, %d wide, %d heads of %d, mlp %d; trained with %.0f%% masked\n", config->dec_depth,
        config->dec_dim, config->dec_heads, config->dec_head_dim, config->dec_mlp, config->mask_ratio * 100);
  else
    printf ("  decoder    none\n");
}

/* Control characters as escapes: a file's text must not drive the terminal. */
static char *
printable (const char *text)
{
  GString *out = g_string_new (NULL);
  for (; *text; text = g_utf8_next_char (text)) {
    gunichar c = g_utf8_get_char (text);
    if (g_unichar_iscntrl (c))
      g_string_append_printf (out, "\\u%04x", c);
    else
      g_string_append_unichar (out, c);
  }
  return g_string_free (out, FALSE);
}

/* NULL when the metadata has no such key. */
static char *
record (const GhInspection *inspection, const char *key)
{
  const char *value = gh_safetensors_metadata (inspection->st, key);
  return value ? printable (value) : NULL;
}

static void
print_head (const GhInspection *inspection)
{
  const GhHead *head = inspection->head;
  const char *unit = gh_head_unit (head);
  g_autofree char *error = record (inspection, "held_out_error"), *baseline = record (inspection, "baseline_error");
  g_autofree char *metric = record (inspection, "metric"), *classes = record (inspection, "classes");
  g_autofree char *labels = record (inspection, "labels"), *trained_at = record (inspection, "trained_at");
  g_autofree char *model = record (inspection, "model");
  printf ("  task       %s: %s%s%s\n", gh_head_name (head), gh_head_kind_name (gh_head_kind (head)),
      *unit ? " in " : "", unit);
  if (classes)
    printf ("  classes    %s\n", classes);
  printf ("  reads      %d numbers from encoder %s (%s)\n", gh_head_embedding (head), gh_head_encoder_id (head),
      gh_head_encoder_file (head));
  if (model)
    printf ("  model      %s\n", model);
  if (labels)
    printf ("  learned    from %s labels%s%s\n", labels, trained_at ? " at " : "", trained_at ? trained_at : "");
  if (error)
    printf ("  held out   %s (%s)%s%s\n", error, metric ? metric : "error", baseline ? "; constant predictor " : "",
        baseline ? baseline : "");
}

static int
compare_strings (gconstpointer a, gconstpointer b)
{
  return strcmp (a, b);
}

static void
print_metadata (const GhInspection *inspection)
{
  GHashTable *metadata = gh_safetensors_all_metadata (inspection->st);
  GList *keys = g_list_sort (g_hash_table_get_keys (metadata), compare_strings);
  if (keys)
    printf ("\nmetadata\n");
  for (GList *key = keys; key; key = key->next) {
    if (inspection->has_config && g_str_equal (key->data, "config"))
      continue;
    if (g_str_equal (key->data, "plot_png")) {
      printf ("  %-18s the scatter plot of its training, a PNG in base64\n", "plot_png");
      continue;
    }
    g_autofree char *shown = printable (g_hash_table_lookup (metadata, key->data));
    gboolean cut = g_utf8_strlen (shown, -1) > MAX_VALUE;
    printf ("  %-18s %.*s%s\n", (char *) key->data, cut ? (int) (g_utf8_offset_to_pointer (shown, MAX_VALUE) - shown)
        : (int) strlen (shown), shown, cut ? "..." : "");
  }
  g_list_free (keys);
}

static char *
shape_text (const GhTensorInfo *tensor)
{
  GString *text = g_string_new ("[");
  for (int i = 0; i < tensor->rank; i++)
    g_string_append_printf (text, "%s%" G_GINT64_FORMAT, i ? "," : "", tensor->shape[i]);
  return g_string_free (g_string_append_c (text, ']'), FALSE);
}

static void
print_tensors (const GhInspection *inspection)
{
  guint n = gh_safetensors_n_tensors (inspection->st);
  int width = 6;
  for (guint i = 0; i < n; i++)
    width = MAX (width, (int) strlen (gh_safetensors_tensor (inspection->st, i)->name));
  printf ("\n%-*s  dtype  %-18s %s\n", width, "tensor", "shape",
      inspection->stats ? "      min        max       mean        std  not finite" : "");
  for (guint i = 0; i < n; i++) {
    const GhTensorInfo *tensor = gh_safetensors_tensor (inspection->st, i);
    g_autofree char *shape = shape_text (tensor);
    printf ("%-*s  %-5s  %-18s", width, tensor->name, gh_safetensors_dtype_name (tensor->dtype), shape);
    if (inspection->stats && tensor->dtype <= GH_ST_BF16 && tensor->count > inspection->stats[i].bad) {
      const GhTensorStats *stats = &inspection->stats[i];
      printf (" %9.3g  %9.3g  %9.3g  %9.3g  %" G_GINT64_FORMAT, stats->min, stats->max, stats->mean, stats->std,
          stats->bad);
    }
    printf ("\n");
  }
}

static void
print_text (const GhInspection *inspection)
{
  static const char *const words[] = { "an encoder of gst-heads", "Meta's MAE in the Hugging Face layout",
    "a head of gst-heads", "safetensors, neither an encoder nor a head" };
  char all[32], decoder[32], bytes[32];
  printf ("%s\n  is         %s\n  model-id   %s\n", inspection->path, words[inspection->kind], inspection->id);
  printf ("  size       %s bytes, %u tensors, %s numbers", grouped (inspection->bytes, bytes),
      gh_safetensors_n_tensors (inspection->st), grouped (inspection->numbers, all));
  if (inspection->decoder_numbers > 0)
    printf (", of which decoder %s", grouped (inspection->decoder_numbers, decoder));
  printf ("\n");
  if (inspection->problem)
    printf ("  usable     no: %s\n", inspection->problem);
  if (inspection->has_config)
    print_config (inspection);
  if (inspection->head)
    print_head (inspection);
  print_metadata (inspection);
  print_tensors (inspection);
}

static int
inspect (const char *path, gboolean stats, gboolean json)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GhSafetensors) st = gh_safetensors_open (path, &error);
  GhInspection inspection = { .st = st, .path = path };
  GStatBuf info;
  int status = GH_EXIT_OK;

  if (st)
    inspection.id = gh_safetensors_id (st, &error);
  if (error)
    return gh_tool_fail (GH_EXIT_FAILED, "%s", error->message);
  if (g_stat (path, &info) == 0)
    inspection.bytes = info.st_size;
  inspection.kind = kind_of (st);
  count_numbers (&inspection);
  examine (&inspection);
  if (stats && !measure_all (&inspection, &error)) {
    status = gh_tool_fail (GH_EXIT_FAILED, "%s", error->message);
  } else {
    if (json)
      gh_inspection_print_json (&inspection);
    else
      print_text (&inspection);
    if (inspection.problem)
      status = GH_EXIT_FAILED;
  }
  gh_head_unref (inspection.head);
  g_free (inspection.problem);
  g_free (inspection.stats);
  return status;
}

int
gh_tool_inspect (int argc, char **argv)
{
  gboolean stats = FALSE, json = FALSE;
  const GOptionEntry entries[] = {
    { "stats", 's', 0, G_OPTION_ARG_NONE, &stats, "Read every tensor: smallest, largest, mean, spread, bad", NULL },
    { "json", 'j', 0, G_OPTION_ARG_NONE, &json, "Print one JSON object", NULL },
    G_OPTION_ENTRY_NULL
  };
  g_autofree char *path = NULL;
  int status = gh_tool_parse (&argc, &argv, entries, "FILE.safetensors",
      "Says what a model file holds: its kind, model-id, shape, training record and tensors. FILE is a path or the\n"
      "name of a shipped model. Exit status 3 when the file is damaged or could not be used by an element.");
  if (status >= 0)
    return status;
  if (argc != 2)
    return gh_tool_fail (GH_EXIT_USAGE, argc < 2 ? "which file?" : "one file at a time");
  path = gh_model_find (argv[1]);
  return inspect (path ? path : argv[1], stats, json);
}
