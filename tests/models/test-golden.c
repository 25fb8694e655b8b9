/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-golden.c: the forward pass against the numbers of the PyTorch reference, in true Nystrom (18 and 60 tokens, 8
 * landmarks), in f32, on every back end: latent, prediction and embedding within 1e-5. The file is not part of the
 * project: $GST_HEADS_SHARED names the folder that holds reference/tiny.safetensors; skipped (77) without it.
 */
#include "model-file.h"
#include "temp-folder.h"

#include <stdio.h>
#include <string.h>

#define TOLERANCE 1e-5

enum { B = 2, HEIGHT = 96, WIDTH = 160, PATCH = 16, ROWS = HEIGHT / PATCH, COLS = WIDTH / PATCH, N = ROWS * COLS,
  P = PATCH * PATCH * 3, D = 64, E = 48 };

static const GhMaeConfig config = {
  .height = HEIGHT, .width = WIDTH, .patch = PATCH, .mean = { 0.485f, 0.456f, 0.406f },
  .std = { 0.229f, 0.224f, 0.225f },
  .dim = D, .depth = 2, .heads = 2, .head_dim = 16, .mlp = 96, .landmarks = 8, .pinv_iters = 6, .conv = 9, .eps = 1e-6f,
  .pool = GH_POOL_MEAN, .embedding = E, .has_embed = TRUE,
  .dec_dim = 48, .dec_depth = 2, .dec_heads = 3, .dec_head_dim = 16, .dec_mlp = 96, .mask_ratio = 0.7,
};

typedef struct {
  ModelFile *golden;
  char *folder, *path;          /* the same weights in our layout */
  float *patches;               /* [B,N,P] */
  gint32 *keep, *drop;          /* [B,K], [B,N-K] */
  int K;
} Golden;

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
  for (guint i = 0; i < g->golden->tensors->len; i++) {
    const ModelTensor *tensor = g_ptr_array_index (g->golden->tensors, i);
    g_autofree char *name = our_name (tensor->name);

    if (name)
      model_file_add (ours, name, tensor->rank, tensor->shape, tensor->data);
  }
  model_file_write (ours, g->path);
}

static const float *
expected (Golden *g, const char *name, gint64 count)
{
  ModelTensor *tensor = model_file_find (g->golden, name);

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

static void
set_up (Golden *g, const char *file)
{
  const float *noise;

  g->golden = model_file_read (file);
  g->folder = temp_folder_new ();
  g->path = g_build_filename (g->folder, "tiny.safetensors", NULL);
  convert (g);
  g->patches = g_new (float, B * N * P);
  cut_patches (g->patches, expected (g, "in.img", B * 3 * HEIGHT * WIDTH));
  noise = expected (g, "in.noise", B * N);
  g->K = gh_mae_config_kept (&config, config.mask_ratio);
  g_assert_cmpint (g->K, ==, 18);
  g->keep = g_new (gint32, B * g->K);
  g->drop = g_new (gint32, B * (N - g->K));
  for (int b = 0; b < B; b++)
    gh_mae_mask (noise + b * N, N, g->K, g->keep + b * g->K, g->drop + b * (N - g->K));
}

static void
tear_down (Golden *g)
{
  model_file_free (g->golden);
  temp_folder_remove (g->folder);
  g_free (g->folder);
  g_free (g->path);
  g_free (g->patches);
  g_free (g->keep);
  g_free (g->drop);
}

static void
judge (const char *device, const char *what, const float *got, const float *want, gsize n)
{
  double error = test_error (got, want, n);

  g_test_message ("%s: %s off by %.2g", device, what, error);
  g_assert_cmpfloat (error, <, TOLERANCE);
}

/* patches[B,K,P] of the kept tokens only. */
static float *
pick (const Golden *g)
{
  float *kept = g_new (float, B * g->K * P);

  for (int b = 0; b < B; b++)
    for (int i = 0; i < g->K; i++)
      memcpy (kept + (b * g->K + i) * P, g->patches + (b * N + g->keep[b * g->K + i]) * P, P * sizeof (float));
  return kept;
}

static void
run (Golden *g, GhDevice device)
{
  const char *name = gh_device_name (device);
  g_autoptr (GError) error = NULL;
  g_autoptr (GhEncoder) encoder = gh_encoder_load (g->path, device, GH_PRECISION_F32, 0, &error);
  g_autoptr (GhEncoderSession) session = NULL;
  g_autofree float *kept = pick (g), *latent = g_new (float, B * g->K * D), *embedding = g_new (float, B * E);
  g_autofree float *pred = g_new (float, B * (N - g->K) * P);

  g_assert_no_error (error);
  g_assert_true (gh_encoder_has_decoder (encoder));
  session = gh_encoder_session_new (encoder, B, &error);
  g_assert_no_error (error);

  gh_encoder_forward (session, kept, g->keep, B, g->K, latent, NULL, &error);
  g_assert_no_error (error);
  judge (name, "latent", latent, expected (g, "out.latent", B * g->K * D), B * g->K * D);

  gh_encoder_decode (session, latent, g->keep, g->drop, B, g->K, pred, &error);
  g_assert_no_error (error);
  judge (name, "prediction", pred, expected (g, "out.pred", B * (N - g->K) * P), B * (N - g->K) * P);

  gh_encoder_forward (session, g->patches, NULL, B, N, NULL, embedding, &error);
  g_assert_no_error (error);
  judge (name, "embedding", embedding, expected (g, "out.embedding", B * E), B * E);
}

static void
test_ref (gconstpointer data)
{
  run ((Golden *) data, GH_DEVICE_REF);
}

static void
test_cpu (gconstpointer data)
{
  run ((Golden *) data, GH_DEVICE_CPU);
}

int
main (int argc, char **argv)
{
  const char *shared = g_getenv ("GST_HEADS_SHARED");
  g_autofree char *file = g_build_filename (shared ? shared : "", "reference", "tiny.safetensors", NULL);
  Golden golden = { 0 };
  int result;

  if (!g_file_test (file, G_FILE_TEST_EXISTS)) {
    printf ("skipped: there is no %s (set GST_HEADS_SHARED)\n", file);
    return 77;
  }
  g_test_init (&argc, &argv, NULL);
  set_up (&golden, file);
  g_test_add_data_func ("/golden/ref", &golden, test_ref);
  g_test_add_data_func ("/golden/cpu", &golden, test_cpu);
  result = g_test_run ();
  tear_down (&golden);
  return result;
}
