/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * model-file.h: what the encoder's tests share: model files held in memory to be bent and written again, seeded
 * numbers and the measure of error.
 */
#pragma once

#include "models/gh-encoder.h"
#include "models/gh-safetensors.h"

typedef struct {
  char *name;
  int rank;
  gint64 shape[GH_SAFETENSORS_MAX_RANK];
  gint64 count;
  float *data;                  /* [count] */
} ModelTensor;

typedef struct {
  GPtrArray *tensors;           /* ModelTensor* */
  GHashTable *metadata;         /* char* -> char* */
} ModelFile;

ModelFile *model_file_new (void);
/* Fails the test when it cannot be read. */
ModelFile *model_file_read (const char *path);
void model_file_write (ModelFile *file, const char *path);
void model_file_free (ModelFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ModelFile, model_file_free)

/* NULL when absent. */
ModelTensor *model_file_find (ModelFile *file, const char *name);
/* Takes a copy of data[product of shape]; NULL: zeros. */
ModelTensor *model_file_add (ModelFile *file, const char *name, int rank, const gint64 *shape, const float *data);
void model_file_remove (ModelFile *file, const char *name);
void model_file_set (ModelFile *file, const char *key, const char *value);

/* Deterministic numbers: 0..1, and about N(0,1). */
double test_uniform (guint32 *state);
double test_normal (guint32 *state);
void test_fill_normal (float *data, gsize n, double deviation, guint32 seed);
void test_fill_bytes (guint8 *data, gsize n, guint32 seed);

/* |a - b| / |b| in the Euclidean norm, and the largest difference over the largest |b|; the larger of the two. */
double test_error (const float *a, const float *b, gsize n);

/* A small model: 56 x 37 pixels (the last row of patches is padded), patch 8, 35 tokens. */
GhMaeConfig test_config (void);
/* Fresh weights, and every vector shaken so that each term of the forward pass matters. */
void test_make_model (const char *path, const GhMaeConfig *config, guint64 seed);
/* B images of K normalised patches; the caller frees. */
float *test_random_patches (const GhMaeConfig *config, int B, int K, guint32 seed);

/* These fail the test when they fail. */
GhEncoder *test_load (const char *path, GhDevice device, GhPrecision precision);
GhEncoderSession *test_open_session (GhEncoder *encoder, int max_batch);
/* The embeddings of rgb[B,height,width,3], `stride` bytes a row, for g_free(): as they are when the same batch is encoded for the
 * third time, for which a device has a recording. */
float *test_encode (GhEncoder *encoder, const guint8 *rgb, int stride, int B);
