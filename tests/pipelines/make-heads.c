/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * make-heads.c ENCODER FOLDER: writes FOLDER/people.safetensors and FOLDER/time.safetensors, heads with seeded weights
 * that fit the encoder. Their answers mean nothing; that every way of asking gives the same ones is what tests check.
 */
#include "models/gh-encoder.h"
#include "models/gh-head-private.h"
#include "models/gh-head-train.h"

#include <stdio.h>

static gboolean
make_head (const char *folder, const char *name, GhHeadKind kind, const char *encoder, const char *id, int dim,
    GError **error)
{
  g_autofree char *path = g_strdup_printf ("%s/%s.safetensors", folder, name);
  g_autofree float *mean = g_new0 (float, dim), *std = g_new (float, dim), *weight = g_new (float, 2 * dim);
  g_autoptr (GRand) random = g_rand_new_with_seed (kind);
  float bias[2] = { kind == GH_HEAD_COUNT ? 5 : 0, 0 };
  int outputs = kind == GH_HEAD_TIME ? 2 : 1;
  GhHeadParts parts = { .kind = kind, .name = name, .unit = kind == GH_HEAD_COUNT ? "people" : NULL, .encoder_id = id,
    .encoder_file = encoder, .embedding = dim, .mean = mean, .std = std, .n_layers = 1,
    .layers = { { dim, outputs, weight, bias } } };
  g_autoptr (GhHead) head = NULL;

  for (int i = 0; i < dim; i++)
    std[i] = 1;
  for (int i = 0; i < outputs * dim; i++)
    weight[i] = g_rand_double_range (random, -0.3, 0.3);
  head = gh_head_new (&parts, name, error);
  return head && gh_head_save (head, path, error);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GhEncoder) encoder = NULL;
  g_autofree char *base = NULL;
  if (argc != 3)
    return 1;
  base = g_path_get_basename (argv[1]);
  encoder = gh_encoder_load (argv[1], GH_DEVICE_CPU, GH_PRECISION_F32, 1, &error);
  if (!encoder
      || !make_head (argv[2], "people", GH_HEAD_COUNT, base, gh_encoder_id (encoder),
          gh_encoder_config (encoder)->embedding, &error)
      || !make_head (argv[2], "time", GH_HEAD_TIME, base, gh_encoder_id (encoder),
          gh_encoder_config (encoder)->embedding, &error)) {
    fprintf (stderr, "%s\n", error->message);
    return 1;
  }
  return 0;
}
