/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-mae-config.c: the shape of a masked autoencoder: JSON in and out, limits, and the arithmetic that follows from
 * it. Hostile files pass through here, so every field is described once, in a table, with its range.
 */
#include "gh-mae-config.h"
#include "gh-json.h"
#include "gh-regions.h"
#include "gh-embed-places.h"
#include "gh-shadows.h"
#include "gh-surprise.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define MAX_VALUES (1 << 28)    /* of any buffer for one image, and of any weight matrix */

typedef enum { INT, BOOLEAN, FLOAT, DOUBLE, TRIPLE, POOL, TARGET } FieldType;
typedef enum { ALWAYS, WITH_EMBED, WITH_DECODER, OPTIONAL } Need;

static const struct Field {
  const char *name;
  FieldType type;
  gsize offset;
  Need need;
  double low, high;
} fields[] = {
#define FIELD(name, type, need, low, high) {#name, type, offsetof (GhMaeConfig, name), need, low, high}
  FIELD (height, INT, ALWAYS, 1, 32768),
  FIELD (width, INT, ALWAYS, 1, 32768),
  FIELD (patch, INT, ALWAYS, 1, 256),
  FIELD (mean, TRIPLE, OPTIONAL, -1000, 1000),
  FIELD (std, TRIPLE, OPTIONAL, 1e-6, 1000),
  FIELD (dim, INT, ALWAYS, 4, 16384),
  FIELD (depth, INT, ALWAYS, 1, 256),
  FIELD (heads, INT, ALWAYS, 1, 256),
  FIELD (head_dim, INT, ALWAYS, 1, 1024),
  FIELD (mlp, INT, ALWAYS, 1, 65536),
  FIELD (landmarks, INT, OPTIONAL, 0, 65536),
  FIELD (pinv_iters, INT, OPTIONAL, 1, 64),
  FIELD (conv, INT, OPTIONAL, 0, 1023),
  FIELD (qkv_bias, BOOLEAN, OPTIONAL, 0, 1),
  FIELD (cls_token, BOOLEAN, OPTIONAL, 0, 1),
  FIELD (eps, FLOAT, OPTIONAL, 1e-20, 1),
  FIELD (pool, POOL, OPTIONAL, GH_POOL_MEAN, GH_POOL_CLS),
  FIELD (pool_rows, INT, OPTIONAL, 0, 64),
  FIELD (pool_cols, INT, OPTIONAL, 0, 64),
  FIELD (surprise, INT, OPTIONAL, 0, 1024),
  FIELD (shadows, INT, OPTIONAL, 0, 1024),
  FIELD (embedding, INT, WITH_EMBED, 1, 65536),
  FIELD (has_embed, BOOLEAN, OPTIONAL, 0, 1),
  FIELD (dec_dim, INT, WITH_DECODER, 4, 16384),
  FIELD (dec_depth, INT, OPTIONAL, 0, 256),
  FIELD (dec_heads, INT, WITH_DECODER, 1, 256),
  FIELD (dec_head_dim, INT, WITH_DECODER, 1, 1024),
  FIELD (dec_mlp, INT, WITH_DECODER, 1, 65536),
  FIELD (mask_ratio, DOUBLE, OPTIONAL, 0, 0.99),
  FIELD (target, TARGET, OPTIONAL, GH_MAE_TARGET_PATCH, GH_MAE_TARGET_CAMERA),
#undef FIELD
};

static const char *const pools[] = {
  [GH_POOL_MEAN] = "mean", [GH_POOL_MEAN_STD] = "mean+std", [GH_POOL_CLS] = "cls",
};

static const char *const targets[] = {
  [GH_MAE_TARGET_PATCH] = "patch", [GH_MAE_TARGET_PIXELS] = "pixels", [GH_MAE_TARGET_CAMERA] = "camera",
};

static const GhMaeConfig defaults = {
  .mean = {0.485f, 0.456f, 0.406f},
  .std = {0.229f, 0.224f, 0.225f},
  .pinv_iters = 6,
  .eps = 1e-6f,
  .pool = GH_POOL_MEAN,
  .has_embed = TRUE,
  .mask_ratio = 0.7,
};

const char *
gh_pool_name (GhPool pool)
{
  return pools[pool];
}

const char *
gh_mae_target_name (GhMaeTarget target)
{
  return targets[target];
}

gboolean
gh_mae_target_from_name (GhMaeTarget *target, const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (targets); i++) {
    if (strcmp (name, targets[i]) == 0) {
      *target = i;
      return TRUE;
    }
  }
  return FALSE;
}

/* ---- checks -------------------------------------------------------------------------------------------- */

static gboolean G_GNUC_PRINTF (3, 4)
unsuitable (GError **error, const char *where, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s: model configuration: %s", where, text);
  return FALSE;
}

/* Value number i of a field as a double; the sizes in question are exact in one. */
static double
get_number (const GhMaeConfig *config, const struct Field *field, int i)
{
  const void *p = (const char *) config + field->offset;

  switch (field->type) {
    case FLOAT:
    case TRIPLE:
      return ((const float *) p)[i];
    case DOUBLE:
      return *(const double *) p;
    case POOL:
      return *(const GhPool *) p;
    case TARGET:
      return *(const GhMaeTarget *) p;
    default:
      return *(const int *) p;
  }
}

/* The decoder's fields have a meaning only with a decoder, and are zero without. */
static gboolean
check_ranges (const GhMaeConfig *config, const char *where, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (fields); i++) {
    const struct Field *field = &fields[i];
    gboolean absent = field->need == WITH_DECODER && config->dec_depth == 0;
    double low = absent ? 0 : field->low, high = absent ? 0 : field->high;

    for (int k = 0; k < (field->type == TRIPLE ? 3 : 1); k++) {
      double value = get_number (config, field, k);

      if (value >= low && value <= high)
        continue;
      if (absent)
        return unsuitable (error, where, "\"%s\": %g in a model without a decoder (dec_depth 0)", field->name, value);
      return unsuitable (error, where, "\"%s\": %g is outside %g..%g", field->name, value, low, high);
    }
  }
  return TRUE;
}

static gboolean
check_product (const char *where, const char *what, double a, double b, GError **error)
{
  return a * b <= MAX_VALUES
      || unsuitable (error, where, "%s would have %.0f x %.0f values, at most 2^28 are accepted", what, a, b);
}

/* Of a stack of blocks over `tokens` tokens. */
static gboolean
check_stack (const char *where, int tokens, int dim, int heads, int head_dim, int mlp, GError **error)
{
  int inner = heads * head_dim;

  if (dim % 4 != 0)
    return unsuitable (error, where, "the width %d does not divide by 4 as the positions need", dim);
  if (inner > 16384)
    return unsuitable (error, where, "%d heads of %d make a width of %d, at most 16384 is accepted", heads, head_dim,
        inner);
  return check_product (where, "the tokens", tokens, dim, error)
      && check_product (where, "the queries, keys and values", tokens, 3 * inner, error)
      && check_product (where, "the hidden layer", tokens, mlp, error)
      && check_product (where, "a weight matrix", dim, MAX (mlp, 3 * inner), error);
}

static gboolean
check_sizes (const GhMaeConfig *config, const char *where, GError **error)
{
  gint64 tokens = (gint64) gh_mae_config_grid_rows (config) * gh_mae_config_grid_cols (config);
  int values = gh_mae_config_patch_values (config), first = config->cls_token ? 1 : 0;

  if (tokens > 65536)
    return unsuitable (error, where, "%d x %d pixels in patches of %d make %" G_GINT64_FORMAT " tokens, at most 65536 "
        "are accepted", config->width, config->height, config->patch, tokens);
  if (!check_product (where, "the patches", tokens, values, error)
      || !check_product (where, "the patch projection", config->dim, values, error)
      || !check_stack (where, tokens + first, config->dim, config->heads, config->head_dim, config->mlp, error))
    return FALSE;
  if (config->landmarks > 0 && tokens + first > config->landmarks
      && !check_product (where, "the landmark attention", (double) (tokens + first) * config->heads, config->landmarks,
          error))
    return FALSE;
  if (config->dec_depth == 0)
    return TRUE;
  return check_product (where, "the decoder's prediction", config->dec_dim, values, error)
      && check_stack (where, tokens + first, config->dec_dim, config->dec_heads, config->dec_head_dim,
      config->dec_mlp, error);
}

/* The matrix that makes `n` numbers of a picture's edges. */
static gboolean
check_edges (const GhMaeConfig *config, const char *key, int n, int channels, const char *where, GError **error)
{
  return n == 0 || (gh_edges_check (config, key, n, where, error)
      && check_product (where, key, gh_edges_places (config) * channels, n, error));
}

gboolean
gh_mae_config_check (const GhMaeConfig *config, const char *where, GError **error)
{
  if (!check_ranges (config, where, error) || !check_sizes (config, where, error))
    return FALSE;
  if (config->conv != 0 && config->conv % 2 == 0)
    return unsuitable (error, where, "\"conv\": %d is neither odd nor 0", config->conv);
  if (config->pool == GH_POOL_CLS && !config->cls_token)
    return unsuitable (error, where, "\"pool\": \"cls\" in a model without a cls token");
  if (!gh_regions_check (config, where, error)
      || !check_edges (config, "surprise", config->surprise, GH_SURPRISE_CHANNELS, where, error)
      || !check_edges (config, "shadows", config->shadows, GH_SHADOWS_CHANNELS, where, error))
    return FALSE;
  if (!config->has_embed && config->embedding != gh_mae_config_pooled (config))
    return unsuitable (error, where, "\"embedding\": %d, but without a projection it is the pooled width, %d",
        config->embedding, gh_mae_config_pooled (config));
  return !config->has_embed || (gh_embed_check_room (config, where, error)
      && check_product (where, "the embedding", config->embedding, gh_mae_config_pooled (config), error));
}

/* ---- JSON ---------------------------------------------------------------------------------------------- */

static void
parse_int (GhJson *json, const struct Field *field, int *value)
{
  guint64 number;

  if (!gh_json_uint (json, &number))
    return;
  if (number > (guint64) field->high)
    gh_json_fail (json, "%" G_GUINT64_FORMAT " is outside %g..%g", number, field->low, field->high);
  else
    *value = number;
}

static void
parse_float (GhJson *json, float *value)
{
  double number;

  if (gh_json_double (json, &number))
    *value = number;
}

static void
parse_triple (GhJson *json, float values[3])
{
  gboolean first = TRUE;
  int n = 0;

  if (!gh_json_begin_array (json))
    return;
  while (gh_json_next_item (json, &first)) {
    if (n == 3)
      gh_json_fail (json, "more than three numbers");
    else
      parse_float (json, &values[n++]);
  }
  if (n < 3)
    gh_json_fail (json, "fewer than three numbers");
}

static void
parse_pool (GhJson *json, GhPool *pool)
{
  g_autofree char *name = NULL;

  if (!gh_json_string (json, &name))
    return;
  for (guint i = 0; i < G_N_ELEMENTS (pools); i++) {
    if (strcmp (name, pools[i]) == 0) {
      *pool = i;
      return;
    }
  }
  gh_json_fail (json, "\"%s\" is none of \"mean\", \"mean+std\" and \"cls\"", name);
}

static void
parse_target (GhJson *json, GhMaeTarget *target)
{
  g_autofree char *name = NULL;

  if (gh_json_string (json, &name) && !gh_mae_target_from_name (target, name))
    gh_json_fail (json, "\"%s\" is none of \"patch\", \"pixels\" and \"camera\"", name);
}

static void
parse_value (GhJson *json, const struct Field *field, GhMaeConfig *config)
{
  void *p = (char *) config + field->offset;

  switch (field->type) {
    case INT:
      parse_int (json, field, p);
      break;
    case BOOLEAN:
      gh_json_boolean (json, p);
      break;
    case FLOAT:
      parse_float (json, p);
      break;
    case DOUBLE:
      gh_json_double (json, p);
      break;
    case TRIPLE:
      parse_triple (json, p);
      break;
    case POOL:
      parse_pool (json, p);
      break;
    case TARGET:
      parse_target (json, p);
      break;
  }
}

/* seen: a bit per field. */
static void
parse_fields (GhJson *json, GhMaeConfig *config, guint32 *seen)
{
  gboolean first = TRUE;
  char *next;

  G_STATIC_ASSERT (G_N_ELEMENTS (fields) <= 32);
  if (!gh_json_begin_object (json))
    return;
  while (gh_json_next_key (json, &first, &next)) {
    g_autofree char *key = next;
    guint i = 0;

    while (i < G_N_ELEMENTS (fields) && strcmp (key, fields[i].name) != 0)
      i++;
    if (i == G_N_ELEMENTS (fields))
      gh_json_fail (json, "unknown key \"%s\"", key);
    else if (*seen & 1u << i)
      gh_json_fail (json, "\"%s\" stands there twice", key);
    else {
      *seen |= 1u << i;
      parse_value (json, &fields[i], config);
      gh_json_within (json, "", key);
    }
  }
  gh_json_end (json);
}

static gboolean
check_present (const GhMaeConfig *config, guint32 seen, const char *where, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (fields); i++) {
    Need need = fields[i].need;

    if (seen & 1u << i || need == OPTIONAL || (need == WITH_EMBED && !config->has_embed)
        || (need == WITH_DECODER && config->dec_depth == 0))
      continue;
    return unsuitable (error, where, "\"%s\" is missing", fields[i].name);
  }
  return TRUE;
}

gboolean
gh_mae_config_from_json (GhMaeConfig *config, const char *text, const char *where, GError **error)
{
  guint32 seen = 0;
  GhJson json;

  *config = defaults;
  if (gh_json_init (&json, text, strlen (text)))
    parse_fields (&json, config, &seen);
  if (gh_json_failed (&json)) {
    g_set_error (error, GH_ERROR, GH_ERROR_CORRUPT, "%s: model configuration: %s", where, gh_json_problem (&json));
    return FALSE;
  }
  if (!check_present (config, seen, where, error))
    return FALSE;
  if (!config->has_embed && config->embedding == 0)
    config->embedding = gh_mae_config_pooled (config);
  return gh_mae_config_check (config, where, error);
}

static void
append_value (GString *out, const struct Field *field, const GhMaeConfig *config)
{
  switch (field->type) {
    case INT:
      g_string_append_printf (out, "%.0f", get_number (config, field, 0));
      break;
    case BOOLEAN:
      g_string_append (out, get_number (config, field, 0) != 0 ? "true" : "false");
      break;
    case POOL:
      gh_json_append_string (out, pools[config->pool]);
      break;
    case TARGET:
      gh_json_append_string (out, targets[config->target]);
      break;
    case TRIPLE:
      for (int i = 0; i < 3; i++) {
        g_string_append (out, i == 0 ? "[" : ", ");
        gh_json_append_number (out, get_number (config, field, i), TRUE);
      }
      g_string_append_c (out, ']');
      break;
    default:
      gh_json_append_number (out, get_number (config, field, 0), field->type == FLOAT);
      break;
  }
}

char *
gh_mae_config_to_json (const GhMaeConfig *config)
{
  GString *out = g_string_new ("{");

  for (guint i = 0; i < G_N_ELEMENTS (fields); i++) {
    if (fields[i].need == WITH_DECODER && config->dec_depth == 0)
      continue;
    /* A file's id is that of its bytes: models from before these keys stay what they are. */
    if ((fields[i].type == TARGET && config->target == defaults.target)
        || (g_str_has_prefix (fields[i].name, "pool_") && config->pool_rows == 0)
        || (strcmp (fields[i].name, "surprise") == 0 && config->surprise == 0)
        || (strcmp (fields[i].name, "shadows") == 0 && config->shadows == 0))
      continue;
    g_string_append_printf (out, "%s\"%s\": ", out->len > 1 ? ", " : "", fields[i].name);
    append_value (out, &fields[i], config);
  }
  g_string_append_c (out, '}');
  return g_string_free (out, FALSE);
}

/* ---- what follows from the shape ----------------------------------------------------------------------- */

int
gh_mae_config_grid_rows (const GhMaeConfig *config)
{
  return (config->height + config->patch - 1) / config->patch;
}

int
gh_mae_config_grid_cols (const GhMaeConfig *config)
{
  return (config->width + config->patch - 1) / config->patch;
}

int
gh_mae_config_tokens (const GhMaeConfig *config)
{
  return gh_mae_config_grid_rows (config) * gh_mae_config_grid_cols (config);
}

int
gh_mae_config_patch_values (const GhMaeConfig *config)
{
  return config->patch * config->patch * 3;
}

int
gh_mae_config_pooled (const GhMaeConfig *config)
{
  return (config->pool == GH_POOL_MEAN_STD ? 2 : 1) * config->dim * gh_regions_count (config);
}

int
gh_mae_config_kept (const GhMaeConfig *config, double mask_ratio)
{
  int n = gh_mae_config_tokens (config);

  return MAX (1, n - (int) floor (n * mask_ratio + 0.5));
}

/* Whether patch a comes after patch b: by noise, where there is some, and by index between equals, which makes the
 * order that of a stable sort. */
static gboolean
comes_after (const float *noise, gint32 a, gint32 b)
{
  if (noise && noise[a] != noise[b])
    return noise[a] > noise[b];
  return a > b;
}

/* Lets heap[0] sink to its place among n, the last of all patches on top. */
static void
sink (gint32 *heap, int n, const float *noise)
{
  const gint32 patch = heap[0];
  int at = 0;

  for (int child = 1; child < n; child = 2 * at + 1) {
    if (child + 1 < n && comes_after (noise, heap[child + 1], heap[child]))
      child++;
    if (!comes_after (noise, heap[child], patch))
      break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = patch;
}

static void
rise (gint32 *heap, int at, const float *noise)
{
  const gint32 patch = heap[at];

  for (; at > 0 && comes_after (noise, patch, heap[(at - 1) / 2]); at = (at - 1) / 2)
    heap[at] = heap[(at - 1) / 2];
  heap[at] = patch;
}

/* By index. */
static void
heap_sort (gint32 *values, int n)
{
  for (int i = 1; i < n; i++)
    rise (values, i, NULL);
  for (int left = n - 1; left > 0; left--) {
    gint32 last = values[0];

    values[0] = values[left];
    values[left] = last;
    sink (values, left, NULL);
  }
}

/* A heap of the K first, in place: training draws masks all the time and should not allocate for it. */
void
gh_mae_mask (const float *noise, int n, int K, gint32 *keep, gint32 *drop)
{
  for (gint32 i = 0; i < n; i++) {
    if (i < K) {
      keep[i] = i;
      rise (keep, i, noise);
    } else if (comes_after (noise, keep[0], i)) {
      keep[0] = i;
      sink (keep, K, noise);
    }
  }
  heap_sort (keep, K);
  for (gint32 i = 0, kept = 0; i < n; i++) {
    if (kept < K && keep[kept] == i)
      kept++;
    else
      *drop++ = i;
  }
}

void
gh_mae_sincos (float *pos, int rows, int cols, int dim)
{
  int quarter = dim / 4;

  for (int k = 0; k < quarter; k++) {
    double w = pow (10000, -(double) k / quarter);

    for (int x = 0; x < cols; x++) {
      float s = sin (x * w), c = cos (x * w);

      for (int y = 0; y < rows; y++) {
        pos[((gsize) y * cols + x) * dim + k] = s;
        pos[((gsize) y * cols + x) * dim + quarter + k] = c;
      }
    }
    for (int y = 0; y < rows; y++) {
      float s = sin (y * w), c = cos (y * w);

      for (int x = 0; x < cols; x++) {
        pos[((gsize) y * cols + x) * dim + 2 * quarter + k] = s;
        pos[((gsize) y * cols + x) * dim + 3 * quarter + k] = c;
      }
    }
  }
}
