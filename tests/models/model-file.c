/* SPDX-License-Identifier: LGPL-2.1-or-later
 * model-file.c: see model-file.h. */
#include "model-file.h"

#include <math.h>
#include <string.h>

static void
tensor_free (gpointer data)
{
  ModelTensor *tensor = data;

  g_free (tensor->name);
  g_free (tensor->data);
  g_free (tensor);
}

ModelFile *
model_file_new (void)
{
  ModelFile *file = g_new0 (ModelFile, 1);

  file->tensors = g_ptr_array_new_with_free_func (tensor_free);
  file->metadata = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return file;
}

void
model_file_free (ModelFile *file)
{
  g_ptr_array_unref (file->tensors);
  g_hash_table_unref (file->metadata);
  g_free (file);
}

ModelFile *
model_file_read (const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GhSafetensors) st = gh_safetensors_open (path, &error);
  ModelFile *file = model_file_new ();
  GHashTableIter iter;
  gpointer key, value;

  g_assert_no_error (error);
  g_hash_table_iter_init (&iter, gh_safetensors_all_metadata (st));
  while (g_hash_table_iter_next (&iter, &key, &value))
    model_file_set (file, key, value);
  for (guint i = 0; i < gh_safetensors_n_tensors (st); i++) {
    const GhTensorInfo *info = gh_safetensors_tensor (st, i);
    ModelTensor *tensor = model_file_add (file, info->name, info->rank, info->shape, NULL);

    gh_safetensors_read_f32 (st, info, tensor->data, FALSE, &error);
    g_assert_no_error (error);
  }
  return file;
}

void
model_file_write (ModelFile *file, const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autofree GhTensorOut *out = g_new0 (GhTensorOut, file->tensors->len);

  for (guint i = 0; i < file->tensors->len; i++) {
    const ModelTensor *tensor = g_ptr_array_index (file->tensors, i);

    out[i] = (GhTensorOut) { .name = tensor->name, .dtype = GH_ST_F32, .rank = tensor->rank, .data = tensor->data };
    memcpy (out[i].shape, tensor->shape, sizeof (out[i].shape));
  }
  gh_safetensors_write (path, out, file->tensors->len, file->metadata, &error);
  g_assert_no_error (error);
}

ModelTensor *
model_file_find (ModelFile *file, const char *name)
{
  for (guint i = 0; i < file->tensors->len; i++) {
    ModelTensor *tensor = g_ptr_array_index (file->tensors, i);

    if (g_str_equal (tensor->name, name))
      return tensor;
  }
  return NULL;
}

ModelTensor *
model_file_add (ModelFile *file, const char *name, int rank, const gint64 *shape, const float *data)
{
  ModelTensor *tensor = g_new0 (ModelTensor, 1);

  tensor->name = g_strdup (name);
  tensor->rank = rank;
  tensor->count = 1;
  for (int i = 0; i < rank; i++) {
    tensor->shape[i] = shape[i];
    tensor->count *= shape[i];
  }
  tensor->data = g_new0 (float, MAX (tensor->count, 1));
  if (data)
    memcpy (tensor->data, data, tensor->count * sizeof (float));
  g_ptr_array_add (file->tensors, tensor);
  return tensor;
}

void
model_file_remove (ModelFile *file, const char *name)
{
  g_assert_true (g_ptr_array_remove (file->tensors, model_file_find (file, name)));
}

void
model_file_set (ModelFile *file, const char *key, const char *value)
{
  g_hash_table_insert (file->metadata, g_strdup (key), g_strdup (value));
}

double
test_uniform (guint32 *state)
{
  *state = *state * 1664525u + 1013904223u;
  return (*state >> 8) * 0x1p-24;
}

double
test_normal (guint32 *state)
{
  double sum = -6;

  for (int i = 0; i < 12; i++)
    sum += test_uniform (state);
  return sum;
}

void
test_fill_normal (float *data, gsize n, double deviation, guint32 seed)
{
  for (gsize i = 0; i < n; i++)
    data[i] = (float) (deviation * test_normal (&seed));
}

void
test_fill_bytes (guint8 *data, gsize n, guint32 seed)
{
  for (gsize i = 0; i < n; i++)
    data[i] = (guint8) (256 * test_uniform (&seed));
}

double
test_error (const float *a, const float *b, gsize n)
{
  double difference = 0, norm = 0, worst = 0, largest = 0;

  for (gsize i = 0; i < n; i++) {
    double d = (double) a[i] - b[i];

    g_assert_true (isfinite (a[i]) && isfinite (b[i]));
    difference += d * d;
    norm += (double) b[i] * b[i];
    worst = fmax (worst, fabs (d));
    largest = fmax (largest, fabs (b[i]));
  }
  return fmax (sqrt (difference / norm), worst / largest);
}

GhMaeConfig
test_config (void)
{
  return (GhMaeConfig) {
    .height = 37, .width = 56, .patch = 8, .mean = { 0.485f, 0.456f, 0.406f }, .std = { 0.229f, 0.224f, 0.225f },
    .dim = 48, .depth = 2, .heads = 3, .head_dim = 16, .mlp = 80, .landmarks = 16, .pinv_iters = 6, .conv = 5,
    .eps = 1e-6f, .pool = GH_POOL_MEAN, .embedding = 32, .has_embed = TRUE,
    .dec_dim = 32, .dec_depth = 2, .dec_heads = 2, .dec_head_dim = 16, .dec_mlp = 64, .mask_ratio = 0.7,
  };
}

void
test_make_model (const char *path, const GhMaeConfig *config, guint64 seed)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ModelFile) file = NULL;
  guint32 state = (guint32) seed + 1;

  gh_encoder_init_file (path, config, seed, config->dec_depth > 0, &error);
  g_assert_no_error (error);
  file = model_file_read (path);
  for (guint i = 0; i < file->tensors->len; i++) {
    ModelTensor *tensor = g_ptr_array_index (file->tensors, i);

    for (gint64 j = 0; tensor->rank == 1 && j < tensor->count; j++)
      tensor->data[j] += (float) (0.1 * test_normal (&state));
  }
  model_file_write (file, path);
}

float *
test_random_patches (const GhMaeConfig *c, int B, int K, guint32 seed)
{
  gsize n = (gsize) B * K * gh_mae_config_patch_values (c);
  float *patches = g_new (float, n);

  test_fill_normal (patches, n, 1, seed);
  return patches;
}

GhEncoder *
test_load (const char *path, GhDevice device, GhPrecision precision)
{
  g_autoptr (GError) error = NULL;
  GhEncoder *encoder = gh_encoder_load (path, device, precision, 0, &error);

  g_assert_no_error (error);
  return encoder;
}

GhEncoderSession *
test_open_session (GhEncoder *encoder, int max_batch)
{
  g_autoptr (GError) error = NULL;
  GhEncoderSession *session = gh_encoder_session_new (encoder, max_batch, &error);

  g_assert_no_error (error);
  return session;
}

float *
test_encode (GhEncoder *encoder, const guint8 *rgb, int stride, int B)
{
  g_autoptr (GhEncoderSession) session = test_open_session (encoder, B);
  float *embedding = g_new (float, B * gh_encoder_config (encoder)->embedding);
  g_autoptr (GError) error = NULL;

  for (int i = 0; i < 3; i++) {
    gh_encoder_encode (session, rgb, stride, B, embedding, NULL, &error);
    g_assert_no_error (error);
  }
  return embedding;
}
