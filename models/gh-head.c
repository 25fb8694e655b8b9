/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-head.c: a head in memory: made from parts, asked about, compared with an encoder, run. Everything that can be
 * wrong with a head is found in gh_head_new(); running it cannot fail but by numbers that overflow.
 */
#include "gh-head-private.h"
#include "gh-json.h"
#include "gh-time-of-day.h"

#include <math.h>
#include <string.h>

static const char *const kinds[] = {
  [GH_HEAD_SCALAR] = "scalar", [GH_HEAD_COUNT] = "count", [GH_HEAD_TIME] = "time", [GH_HEAD_CLASS] = "class",
};

const char *
gh_head_kind_name (GhHeadKind kind)
{
  return kinds[kind];
}

gboolean
gh_head_kind_from_name (const char *name, GhHeadKind *kind)
{
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    if (strcmp (name, kinds[i]) == 0) {
      *kind = i;
      return TRUE;
    }
  }
  return FALSE;
}

/* ---- making one ---------------------------------------------------------------------------------------- */

int
gh_head_outputs (GhHeadKind kind, const char *const *classes, int harmonics)
{
  return kind == GH_HEAD_CLASS ? (int) g_strv_length ((char **) classes) : kind == GH_HEAD_TIME ? 2 * harmonics : 1;
}

static void
put (GHashTable *metadata, const char *key, char *value)
{
  g_hash_table_insert (metadata, g_strdup (key), value);
}

static char *
classes_to_json (const char *const *classes)
{
  GString *out = g_string_new ("[");

  for (guint i = 0; classes[i]; i++) {
    if (i > 0)
      g_string_append_c (out, ',');
    gh_json_append_string (out, classes[i]);
  }
  g_string_append_c (out, ']');
  return g_string_free (out, FALSE);
}

static GHashTable *
make_metadata (const GhHeadParts *parts)
{
  GHashTable *metadata = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  GHashTableIter iter;
  gpointer key, value;

  if (parts->record) {
    g_hash_table_iter_init (&iter, parts->record);
    while (g_hash_table_iter_next (&iter, &key, &value))
      put (metadata, key, g_strdup (value));
  }
  put (metadata, "format_version", g_strdup (GH_HEAD_FORMAT));
  put (metadata, "task", g_strdup (parts->name));
  put (metadata, "kind", g_strdup (kinds[parts->kind]));
  put (metadata, "unit", g_strdup (parts->unit ? parts->unit : ""));
  put (metadata, "encoder_id", g_strdup (parts->encoder_id));
  put (metadata, "encoder_file", g_strdup (parts->encoder_file));
  put (metadata, "embedding", g_strdup_printf ("%d", parts->embedding));
  if (parts->classes)
    put (metadata, "classes", classes_to_json (parts->classes));
  return metadata;
}

static float *
copy_floats (const float *values, gsize n)
{
  return g_memdup2 (values, n * sizeof *values);
}

static GhHeadKernels
copy_kernels (const GhHeadParts *parts)
{
  const GhHeadKernels *from = &parts->kernels;
  gsize n = from->n_centres, outputs = parts->layers[0].n_out;

  return (GhHeadKernels) { from->n_centres, from->n_kernels, copy_floats (from->centres, n * parts->embedding),
    copy_floats (from->widths, from->n_kernels), copy_floats (from->weight, outputs * from->n_kernels * n) };
}

GhHead *
gh_head_new (const GhHeadParts *parts, const char *where, GError **error)
{
  GhHead *head;

  if (!gh_head_parts_check (parts, where, error))
    return NULL;
  head = g_new0 (GhHead, 1);
  g_atomic_ref_count_init (&head->ref_count);
  head->kind = parts->kind;
  head->embedding = parts->embedding;
  head->classes = g_strdupv ((char **) parts->classes);
  head->metadata = make_metadata (parts);
  head->mean = copy_floats (parts->mean, parts->embedding);
  head->std = copy_floats (parts->std, parts->embedding);
  head->n_layers = parts->n_layers;
  for (int i = 0; i < parts->n_layers; i++) {
    const GhHeadLayer *from = &parts->layers[i];

    head->layers[i] = (GhHeadLayer) { from->n_in, from->n_out,
      copy_floats (from->weight, (gsize) from->n_in * from->n_out), copy_floats (from->bias, from->n_out) };
  }
  if (parts->kernels.n_centres > 0)
    head->kernels = copy_kernels (parts);
  return head;
}

GhHead *
gh_head_ref (GhHead *head)
{
  g_atomic_ref_count_inc (&head->ref_count);
  return head;
}

void
gh_head_unref (GhHead *head)
{
  if (!head || !g_atomic_ref_count_dec (&head->ref_count))
    return;
  for (int i = 0; i < head->n_layers; i++) {
    g_free (head->layers[i].weight);
    g_free (head->layers[i].bias);
  }
  g_free (head->kernels.centres);
  g_free (head->kernels.widths);
  g_free (head->kernels.weight);
  g_free (head->mean);
  g_free (head->std);
  g_hash_table_unref (head->metadata);
  g_strfreev (head->classes);
  g_free (head->path);
  g_free (head->id);
  g_free (head);
}

void
gh_head_set_record (GhHead *head, const char *key, const char *value)
{
  put (head->metadata, key, g_strdup (value));
}

/* ---- asking it ----------------------------------------------------------------------------------------- */

const char *
gh_head_metadata (const GhHead *head, const char *key)
{
  return g_hash_table_lookup (head->metadata, key);
}

const char *
gh_head_name (const GhHead *head)
{
  return gh_head_metadata (head, "task");
}

const char *
gh_head_path (const GhHead *head)
{
  return head->path;
}

const char *
gh_head_id (const GhHead *head)
{
  return head->id;
}

guint64
gh_head_stamp (const GhHead *head)
{
  return head->stamp;
}

const char *
gh_head_unit (const GhHead *head)
{
  return gh_head_metadata (head, "unit");
}

GhHeadKind
gh_head_kind (const GhHead *head)
{
  return head->kind;
}

int
gh_head_embedding (const GhHead *head)
{
  return head->embedding;
}

const char *
gh_head_encoder_id (const GhHead *head)
{
  return gh_head_metadata (head, "encoder_id");
}

const char *
gh_head_encoder_file (const GhHead *head)
{
  return gh_head_metadata (head, "encoder_file");
}

const char *const *
gh_head_classes (const GhHead *head)
{
  return (const char *const *) head->classes;
}

gboolean
gh_head_check (const GhHead *head, const char *model_id, const char *encoder_path, int dim, GError **error)
{
  g_autofree char *file = g_filename_display_name (head->path ? head->path : gh_head_name (head));
  g_autofree char *encoder = encoder_path ? g_filename_display_name (encoder_path) : NULL;
  g_autofree char *problem = NULL;

  if (model_id && strcmp (model_id, gh_head_encoder_id (head)) != 0)
    problem = g_strdup_printf ("the embeddings come from %s (id %s)", encoder ? encoder : "another encoder", model_id);
  else if (dim != head->embedding)
    problem = g_strdup_printf ("it reads %d numbers and the embeddings of %s have %d", head->embedding,
        encoder ? encoder : "this stream", dim);
  else
    return TRUE;
  g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s: this head was trained on the encoder %s (id %s), but %s; "
      "train it again with `gst-heads train-head --encoder=%s`, or use the encoder it was trained on", file,
      gh_head_encoder_file (head), gh_head_encoder_id (head), problem, encoder ? encoder : "FILE");
  return FALSE;
}

/* ---- running it ---------------------------------------------------------------------------------------- */

typedef float Lanes __attribute__ ((vector_size (16), aligned (4), may_alias));

/* Four vectors of partial sums: C would not let the compiler reorder a single sum by itself. 16 bytes fit a register
 * of every machine; wider vectors would be spilled where there are none. */
static float
dot (const float *a, const float *b, int n)
{
  Lanes s0 = { 0 }, s1 = { 0 }, s2 = { 0 }, s3 = { 0 };
  float sum;
  int i = 0;

  for (; i + 16 <= n; i += 16) {
    s0 += *(const Lanes *) (a + i) * *(const Lanes *) (b + i);
    s1 += *(const Lanes *) (a + i + 4) * *(const Lanes *) (b + i + 4);
    s2 += *(const Lanes *) (a + i + 8) * *(const Lanes *) (b + i + 8);
    s3 += *(const Lanes *) (a + i + 12) * *(const Lanes *) (b + i + 12);
  }
  s0 = (s0 + s1) + (s2 + s3);
  sum = (s0[0] + s0[1]) + (s0[2] + s0[3]);
  for (; i < n; i++)
    sum += a[i] * b[i];
  return sum;
}

static float
gelu (float x)
{
  return 0.5f * x * (1.0f + erff (x * (float) G_SQRT2 * 0.5f));
}

/* y[n_out] = act (W x + b) */
static void
run_layer (const GhHeadLayer *layer, float *y, const float *x, gboolean last)
{
  for (int o = 0; o < layer->n_out; o++) {
    float sum = layer->bias[o] + dot (layer->weight + (gsize) o * layer->n_in, x, layer->n_in);

    y[o] = last ? sum : gelu (sum);
  }
}

static float
squared_distance (const float *a, const float *b, int n)
{
  Lanes s0 = { 0 }, s1 = { 0 }, s2 = { 0 }, s3 = { 0 };
  float sum;
  int i = 0;

  for (; i + 16 <= n; i += 16) {
    const Lanes d0 = *(const Lanes *) (a + i) - *(const Lanes *) (b + i);
    const Lanes d1 = *(const Lanes *) (a + i + 4) - *(const Lanes *) (b + i + 4);
    const Lanes d2 = *(const Lanes *) (a + i + 8) - *(const Lanes *) (b + i + 8);
    const Lanes d3 = *(const Lanes *) (a + i + 12) - *(const Lanes *) (b + i + 12);

    s0 += d0 * d0;
    s1 += d1 * d1;
    s2 += d2 * d2;
    s3 += d3 * d3;
  }
  s0 = (s0 + s1) + (s2 + s3);
  sum = (s0[0] + s0[1]) + (s0[2] + s0[3]);
  for (; i < n; i++)
    sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

/* Widths from where a kernel is 0: infinity would make it no number. */
#define FAR 200.0f

/* Centres whose kernels are known before the outputs add them up, in the order in which their weights lie. */
#define CENTRES 64

/* values[n_kernels,CENTRES] of centres first.. of the standardised embedding z. */
static void
run_kernels (const GhHead *head, float values[][CENTRES], const float *z, int first, int n)
{
  const GhHeadKernels *k = &head->kernels;

  for (int i = 0; i < n; i++) {
    float distance = sqrtf (squared_distance (z, k->centres + (gsize) (first + i) * head->embedding, head->embedding));

    for (int j = 0; j < k->n_kernels; j++) {
      float r = MIN (distance / k->widths[j], FAR);

      values[j][i] = (1 + r) * expf (-r);
    }
  }
}

/* y[n_out] += the kernels' part for the standardised embedding z. Large coefficients of both signs may all but cancel,
 * hence the sums in double. */
static void
add_kernels (const GhHead *head, float *y, const float *z, int n_out)
{
  const GhHeadKernels *k = &head->kernels;
  double sum[GH_HEAD_MAX_CLASSES] = { 0 };

  for (int first = 0; first < k->n_centres; first += CENTRES) {
    const int n = MIN (CENTRES, k->n_centres - first);
    float values[GH_HEAD_MAX_KERNELS][CENTRES];

    run_kernels (head, values, z, first, n);
    for (int o = 0; o < n_out; o++)
      for (int j = 0; j < k->n_kernels; j++) {
        const float *weight = k->weight + ((gsize) o * k->n_kernels + j) * k->n_centres + first;

        for (int i = 0; i < n; i++)
          sum[o] += (double) values[j][i] * weight[i];
      }
  }
  for (int o = 0; o < n_out; o++)
    y[o] += sum[o];
}

static void
copy_text (GhPrediction *prediction, const char *text)
{
  const char *bad;

  g_strlcpy (prediction->text, text, sizeof prediction->text);
  if (!g_utf8_validate (prediction->text, -1, &bad))
    prediction->text[bad - prediction->text] = '\0';
}

/* Three digits that matter, without exponents where people do not expect them. */
static const char *
number_format (GhHeadKind kind, double size)
{
  if (size >= 1e9)
    return "%.4g";
  if (kind == GH_HEAD_COUNT || size >= 100)
    return "%.0f";
  return size >= 10 ? "%.1f" : size >= 0.1 || size == 0 ? "%.2f" : "%.3g";
}

static void
scalar_text (const GhHead *head, GhPrediction *prediction)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE], text[2 * sizeof prediction->text];
  const char *unit = gh_head_unit (head);

  g_ascii_formatd (number, sizeof number, number_format (head->kind, fabs (prediction->value)), prediction->value);
  g_snprintf (text, sizeof text, "%s%s%s", number, *unit ? " " : "", unit);
  copy_text (prediction, text);
}

static void
predict_scalar (const GhHead *head, const float *y, GhPrediction *prediction)
{
  prediction->value = head->kind == GH_HEAD_COUNT && y[0] < 0 ? 0 : y[0];
  prediction->value += 0.0;     /* -0 becomes 0 */
  scalar_text (head, prediction);
}

static void
predict_time (const float *y, int n, GhPrediction *prediction)
{
  double wide[2 * GH_DAY_HARMONICS], height;
  int shown;

  for (int i = 0; i < n; i++)
    wide[i] = y[i];
  prediction->value = gh_day_decode (wide, n, &height);
  prediction->confidence = MIN (height, 1.0);
  shown = (int) floor (prediction->value + 0.5) % 1440;
  g_snprintf (prediction->text, sizeof prediction->text, "%02d:%02d", shown / 60, shown % 60);
}

static void
predict_class (const GhHead *head, const float *y, int n, GhPrediction *prediction)
{
  double sum = 0;
  int best = 0;

  for (int i = 1; i < n; i++)
    if (y[i] > y[best])
      best = i;
  for (int i = 0; i < n; i++)
    sum += exp ((double) y[i] - y[best]);
  prediction->value = best;
  prediction->confidence = 1 / sum;
  copy_text (prediction, head->classes[best]);
}

gboolean
gh_head_predict (const GhHead *head, const float *embedding, GhPrediction *prediction)
{
  float buffers[2][GH_HEAD_MAX_WIDTH], *x = buffers[0], *y = buffers[1];
  int n = head->layers[head->n_layers - 1].n_out;

  *prediction = (GhPrediction) { NAN, NAN, "" };
  for (int i = 0; i < head->embedding; i++)
    x[i] = (embedding[i] - head->mean[i]) / head->std[i];
  for (int i = 0; i < head->n_layers; i++) {
    float *swap = x;

    run_layer (&head->layers[i], y, x, i == head->n_layers - 1);
    x = y;
    y = swap;
  }
  /* After the one layer that goes with kernels, y is where the standardised embedding still stands. */
  if (head->kernels.n_centres > 0)
    add_kernels (head, x, y, n);
  for (int i = 0; i < n; i++)
    if (!isfinite (x[i]))
      return FALSE;
  if (head->kind == GH_HEAD_CLASS)
    predict_class (head, x, n, prediction);
  else if (head->kind == GH_HEAD_TIME)
    predict_time (x, n, prediction);
  else
    predict_scalar (head, x, prediction);
  return TRUE;
}

double
gh_head_strangeness (const GhHead *head, const float *embedding)
{
  double sum = 0;

  for (int i = 0; i < head->embedding; i++) {
    double off = (embedding[i] - head->mean[i]) / head->std[i];

    sum += off * off;
  }
  return isfinite (sum) ? sqrt (sum / head->embedding) : NAN;
}
