/* SPDX-License-Identifier: LGPL-2.1-or-later
 * golden.c: see golden.h. */
#include "golden.h"
#include "temp-folder.h"

#include <stdio.h>
#include <string.h>

static const GhMaeConfig config = {
  .height = HEIGHT, .width = WIDTH, .patch = PATCH, .mean = { 0.485f, 0.456f, 0.406f },
  .std = { 0.229f, 0.224f, 0.225f },
  .dim = D, .depth = 2, .heads = 2, .head_dim = 16, .mlp = 96, .landmarks = 8, .pinv_iters = 6, .conv = 9, .eps = 1e-6f,
  .pool = GH_POOL_MEAN, .embedding = E, .has_embed = TRUE,
  .dec_dim = 48, .dec_depth = 2, .dec_heads = 3, .dec_head_dim = 16, .dec_mlp = 96, .mask_ratio = 0.7,
};

/* "param.enc.blocks.0.norm1.weight" -> "blocks.0.norm1.weight", or NULL for what is no weight. */
static char *
our_name (const char *name)
{
  if (g_str_has_prefix (name, "param.enc.proj."))
    return g_strconcat ("patch.", name + strlen ("param.enc.proj."), NULL);
  if (g_str_has_prefix (name, "param.enc."))
    return g_strdup (name + strlen ("param.enc."));
  if (g_str_has_prefix (name, "param.dec.embed."))
    return g_strdup (name + strlen ("param.dec."));
  if (g_str_has_prefix (name, "param.dec."))
    return g_strconcat ("decoder.", name + strlen ("param.dec."), NULL);
  return NULL;
}

static void
convert (Golden *g)
{
  g_autoptr (ModelFile) ours = model_file_new ();
  g_autofree char *json = gh_mae_config_to_json (&config);

  model_file_set (ours, "config", json);
  for (guint i = 0; i < g->file->tensors->len; i++) {
    const ModelTensor *tensor = g_ptr_array_index (g->file->tensors, i);
    g_autofree char *name = our_name (tensor->name);

    if (name)
      model_file_add (ours, name, tensor->rank, tensor->shape, tensor->data);
  }
  model_file_write (ours, g->path);
}

const float *
golden_expect (Golden *g, const char *name, gint64 count)
{
  ModelTensor *tensor = model_file_find (g->file, name);

  g_assert_nonnull (tensor);
  g_assert_cmpint (tensor->count, ==, count);
  return tensor->data;
}

/* img[B,3,HEIGHT,WIDTH] -> patches[B,N,P]: raster patches, inside a patch row, column, channel. */
static void
cut_patches (float *patches, const float *img)
{
  for (int b = 0; b < B; b++)
    for (int c = 0; c < 3; c++)
      for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
          int token = (y / PATCH) * COLS + x / PATCH, value = ((y % PATCH) * PATCH + x % PATCH) * 3 + c;

          patches[((gsize) b * N + token) * P + value] = img[((gsize) (b * 3 + c) * HEIGHT + y) * WIDTH + x];
        }
}

/* FALSE, after having said so, when the file is not there. */
static gboolean
open_golden (Golden *g)
{
  const char *shared = g_getenv ("GST_HEADS_SHARED");
  g_autofree char *file = g_build_filename (shared ? shared : "", "reference", "tiny.safetensors", NULL);
  const float *noise;

  if (!g_file_test (file, G_FILE_TEST_EXISTS)) {
    printf ("skipped: there is no %s (set GST_HEADS_SHARED)\n", file);
    return FALSE;
  }
  g->file = model_file_read (file);
  g->folder = temp_folder_new ();
  g->path = g_build_filename (g->folder, "tiny.safetensors", NULL);
  convert (g);
  g->patches = g_new (float, B * N * P);
  cut_patches (g->patches, golden_expect (g, "in.img", B * 3 * HEIGHT * WIDTH));
  noise = golden_expect (g, "in.noise", B * N);
  g->K = gh_mae_config_kept (&config, config.mask_ratio);
  g_assert_cmpint (g->K, ==, 18);
  g->keep = g_new (gint32, B * g->K);
  g->drop = g_new (gint32, B * (N - g->K));
  for (int b = 0; b < B; b++)
    gh_mae_mask (noise + b * N, N, g->K, g->keep + b * g->K, g->drop + b * (N - g->K));
  return TRUE;
}

static void
close_golden (Golden *g)
{
  model_file_free (g->file);
  temp_folder_remove (g->folder);
  g_free (g->folder);
  g_free (g->path);
  g_free (g->patches);
  g_free (g->keep);
  g_free (g->drop);
}

char *
golden_name (const char *prefix, const char *ours)
{
  if (g_str_has_prefix (ours, "patch."))
    return g_strconcat (prefix, "enc.proj.", ours + strlen ("patch."), NULL);
  if (g_str_has_prefix (ours, "decoder."))
    return g_strconcat (prefix, "dec.", ours + strlen ("decoder."), NULL);
  return g_strconcat (prefix, g_str_has_prefix (ours, "embed.") ? "dec." : "enc.", ours, NULL);
}

float *
golden_pick (const Golden *g, const gint32 *indices, int count)
{
  float *picked = g_new (float, B * count * P);

  for (int b = 0; b < B; b++)
    for (int i = 0; i < count; i++)
      memcpy (picked + (b * count + i) * P, g->patches + (b * N + indices[b * count + i]) * P, P * sizeof (float));
  return picked;
}

/* ---- main() ------------------------------------------------------------------------------------------------------ */

typedef struct {
  Golden *golden;
  GhDevice device;
  void (*compare) (Golden *golden, GhDevice device);
} Comparison;

/* FALSE, with the test marked as skipped, where there is no such device. */
static gboolean
has_device (GhDevice device)
{
  char reason[256] = "";
  GhCtx *ctx = NULL;
  gboolean works = gh_ctx_new (&ctx, device, 0, reason, sizeof (reason)) == GH_OK;

  gh_ctx_free (ctx);
  if (!works)
    g_test_skip (reason);
  return works;
}

static void
test_device (gconstpointer data)
{
  const Comparison *comparison = data;

  if (comparison->device != GH_DEVICE_CUDA || has_device (GH_DEVICE_CUDA))
    comparison->compare (comparison->golden, comparison->device);
}

int
golden_main (int argc, char **argv, const char *path, void (*compare) (Golden *golden, GhDevice device))
{
  static const GhDevice devices[] = { GH_DEVICE_REF, GH_DEVICE_CPU, GH_DEVICE_CUDA };
  Comparison comparisons[G_N_ELEMENTS (devices)];
  Golden golden = { 0 };
  int result;

  if (!open_golden (&golden))
    return 77;
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (devices); i++) {
    g_autofree char *name = g_strdup_printf ("%s/%s", path, gh_device_name (devices[i]));

    comparisons[i] = (Comparison) { &golden, devices[i], compare };
    g_test_add_data_func (name, &comparisons[i], test_device);
  }
  result = g_test_run ();
  close_golden (&golden);
  return result;
}
