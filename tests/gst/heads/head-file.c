/* SPDX-License-Identifier: LGPL-2.1-or-later
 * head-file.c: one linear layer whose answers a test can work out by hand. */
#include "head-file.h"

#include "models/gh-head-private.h"
#include "models/gh-head-train.h"

gchar *
head_file_write (const gchar *folder, const gchar *file, const gchar *task, GhHeadKind kind, gfloat bias,
    const gchar *encoder_id)
{
  static const char *const classes[] = { "night", "day", NULL };
  g_autofree gchar *path = g_strconcat (folder, "/", file, ".safetensors", NULL);
  gboolean two = kind == GH_HEAD_TIME || kind == GH_HEAD_CLASS;
  gint ruled = kind == GH_HEAD_CLASS ? 1 : 0;   /* the output that carries the sum */
  gfloat mean[HEAD_FILE_DIM] = { 0 }, std[HEAD_FILE_DIM], weight[2][HEAD_FILE_DIM] = { { 0 } }, biases[2] = { 0 };
  GhHeadParts parts = { .kind = kind, .name = task, .unit = kind == GH_HEAD_COUNT ? "people" : NULL,
    .classes = kind == GH_HEAD_CLASS ? classes : NULL,
    .encoder_id = encoder_id ? encoder_id : HEAD_FILE_ENCODER_ID, .encoder_file = "tiny.safetensors",
    .embedding = HEAD_FILE_DIM, .mean = mean, .std = std, .n_layers = 1,
    .layers = { { HEAD_FILE_DIM, two ? 2 : 1, weight[0], biases } }
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (GhHead) head = NULL;

  for (gint i = 0; i < HEAD_FILE_DIM; i++) {
    std[i] = 1;
    weight[ruled][i] = i + 1;
  }
  biases[ruled] = bias;
  head = gh_head_new (&parts, file, &error);
  g_assert_no_error (error);
  gh_head_save (head, path, &error);
  g_assert_no_error (error);
  return g_steal_pointer (&path);
}
