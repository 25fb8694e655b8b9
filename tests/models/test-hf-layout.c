/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-hf-layout.c: Meta's MAE in the Hugging Face layout. A model of ours is written under their names, with their
 * shapes and their order of pixels, and must come out the same: with and without `vit.`, with and without the decoder,
 * in each spelling, with what shapes cannot tell taken from config.json. Numbers of the real code: test-vitmae.py.
 */
#include "model-file.h"
#include "temp-folder.h"
#include "models/gh-error.h"

#include <string.h>

enum { SIDE = 32, PATCH = 8, N = 16, P = PATCH * PATCH * 3, D = 48 };

typedef struct {
  char *folder, *ours, *theirs;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  f->folder = temp_folder_new ();
  f->ours = g_build_filename (f->folder, "ours.safetensors", NULL);
  f->theirs = g_build_filename (f->folder, "model.safetensors", NULL);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  temp_folder_remove (f->folder);
  g_free (f->folder);
  g_free (f->ours);
  g_free (f->theirs);
}

/* What the loader must find out by itself. */
static GhMaeConfig
vit_config (void)
{
  return (GhMaeConfig) {
    .height = SIDE, .width = SIDE, .patch = PATCH, .mean = { 0.485f, 0.456f, 0.406f },
    .std = { 0.229f, 0.224f, 0.225f },
    .dim = D, .depth = 2, .heads = 3, .head_dim = 16, .mlp = 64, .pinv_iters = 6, .qkv_bias = TRUE, .cls_token = TRUE,
    .eps = 1e-12f, .pool = GH_POOL_CLS, .embedding = D, .mask_ratio = 0.75,
    .dec_dim = 32, .dec_depth = 1, .dec_heads = 2, .dec_head_dim = 16, .dec_mlp = 40,
  };
}

static const char config_json[] =
    "{ \"model_type\": \"vit_mae\", \"hidden_size\": 48, \"num_attention_heads\": 3, \"layer_norm_eps\": 1e-12,\n"
    "  \"decoder_num_attention_heads\": 2, \"hidden_act\": \"gelu\", \"mask_ratio\": 0.75,\n"
    "  \"id2label\": {\"0\": \"a\"} }";

/* ---- translation, written apart from the loader's ---------------------------------------------------------------- */

typedef struct {
  const char *prefix;           /* "vit." or "" */
  const char *layer, *decoder_layer;
  const char *q, *k, *v, *out, *fc1, *fc2;
} Spelling;

static const Spelling published = { "vit.", "encoder.layer.", "decoder.decoder_layers.", "attention.attention.query",
  "attention.attention.key", "attention.attention.value", "attention.output.dense", "intermediate.dense",
  "output.dense" };
static const Spelling without_prefix = { "", "encoder.layer.", "decoder.decoder_layers.", "attention.attention.query",
  "attention.attention.key", "attention.attention.value", "attention.output.dense", "intermediate.dense",
  "output.dense" };
static const Spelling version_5 = { "vit.", "layers.", "decoder.decoder_layers.", "attention.q_proj",
  "attention.k_proj", "attention.v_proj", "attention.o_proj", "mlp.fc1", "mlp.fc2" };
static const Spelling version_5_saved = { "vit.", "encoder.layer.", "decoder.decoder_encoder.layer.",
  "attention.attention.query", "attention.attention.key", "attention.attention.value", "attention.output.dense",
  "intermediate.dense", "output.dense" };

static void
put (ModelFile *to, const char *prefix, const char *name, const char *suffix, const ModelTensor *tensor)
{
  g_autofree char *full = g_strconcat (prefix, name, suffix, NULL);

  model_file_add (to, full, tensor->rank, tensor->shape, tensor->data);
}

static void
put_kernel (ModelFile *to, const char *name, const ModelTensor *ours)
{
  const gint64 shape[] = { D, 3, PATCH, PATCH };
  ModelTensor *kernel = model_file_add (to, name, 4, shape, NULL);

  for (int d = 0; d < D; d++)
    for (int c = 0; c < 3; c++)
      for (int y = 0; y < PATCH; y++)
        for (int x = 0; x < PATCH; x++)
          kernel->data[((d * 3 + c) * PATCH + y) * PATCH + x] = ours->data[d * P + (y * PATCH + x) * 3 + c];
}

/* With one more leading 1. */
static void
put_row (ModelFile *to, const char *prefix, const char *name, const ModelTensor *ours)
{
  g_autofree char *full = g_strconcat (prefix, name, NULL);
  const gint64 token[] = { 1, 1, ours->shape[0] }, table[] = { 1, ours->shape[0], ours->shape[1] };

  model_file_add (to, full, 3, ours->rank == 1 ? token : table, ours->data);
}

static void
put_qkv (ModelFile *to, const Spelling *s, const char *block, const char *suffix, const ModelTensor *ours)
{
  const char *const names[] = { s->q, s->k, s->v };
  gint64 shape[] = { ours->shape[0] / 3, ours->shape[1] };

  for (int i = 0; i < 3; i++) {
    g_autofree char *full = g_strconcat (block, names[i], suffix, NULL);

    model_file_add (to, full, ours->rank, shape, ours->data + i * ours->count / 3);
  }
}

/* name: "norm1.weight", "attn.qkv.bias", ... */
static void
put_block_part (ModelFile *to, const Spelling *s, const char *block, const char *name, const ModelTensor *ours)
{
  const char *suffix = strrchr (name, '.');
  g_autofree char *part = g_strndup (name, suffix - name);

  if (g_str_equal (part, "norm1"))
    put (to, block, "layernorm_before", suffix, ours);
  else if (g_str_equal (part, "norm2"))
    put (to, block, "layernorm_after", suffix, ours);
  else if (g_str_equal (part, "attn.qkv"))
    put_qkv (to, s, block, suffix, ours);
  else if (g_str_equal (part, "attn.out"))
    put (to, block, s->out, suffix, ours);
  else if (g_str_equal (part, "mlp.fc1"))
    put (to, block, s->fc1, suffix, ours);
  else
    put (to, block, s->fc2, suffix, ours);
}

static void
put_tensor (ModelFile *to, const Spelling *s, const ModelTensor *ours)
{
  const char *name = ours->name, *suffix = strrchr (name, '.');
  gboolean decoder = g_str_has_prefix (name, "decoder.");
  const char *tail = decoder ? name + strlen ("decoder.") : name;
  g_autofree char *block = NULL, *kernel = NULL;

  if (g_str_has_prefix (tail, "blocks.")) {
    block = g_strdup_printf ("%s%s%c.", decoder ? "" : s->prefix, decoder ? s->decoder_layer : s->layer,
        tail[strlen ("blocks.")]);
    put_block_part (to, s, block, tail + strlen ("blocks.0."), ours);
  } else if (g_str_equal (name, "patch.weight")) {
    kernel = g_strconcat (s->prefix, "embeddings.patch_embeddings.projection.weight", NULL);
    put_kernel (to, kernel, ours);
  } else if (g_str_equal (name, "patch.bias"))
    put (to, s->prefix, "embeddings.patch_embeddings.projection.bias", "", ours);
  else if (g_str_equal (name, "cls_token"))
    put_row (to, s->prefix, "embeddings.cls_token", ours);
  else if (g_str_equal (name, "pos"))
    put_row (to, s->prefix, "embeddings.position_embeddings", ours);
  else if (g_str_equal (name, "decoder.mask_token"))
    put_row (to, "", "decoder.mask_token", ours);
  else if (g_str_equal (name, "decoder.pos"))
    put_row (to, "", "decoder.decoder_pos_embed", ours);
  else if (g_str_has_prefix (name, "norm."))
    put (to, s->prefix, "layernorm", suffix, ours);
  else if (g_str_has_prefix (tail, "embed."))
    put (to, "", "decoder.decoder_embed", suffix, ours);
  else if (g_str_has_prefix (tail, "norm."))
    put (to, "", "decoder.decoder_norm", suffix, ours);
  else
    put (to, "", "decoder.decoder_pred", suffix, ours);
}

/* f->ours in our layout, and the same in theirs. */
static ModelFile *
translate (Fixture *f, const Spelling *s, gboolean with_decoder)
{
  const gint64 table[] = { 1 + N, D }, decoder_table[] = { 1 + N, 32 };
  GhMaeConfig c = vit_config ();
  g_autoptr (ModelFile) ours = NULL;
  ModelFile *theirs = model_file_new ();

  if (!with_decoder)
    c.dec_depth = c.dec_dim = c.dec_heads = c.dec_head_dim = c.dec_mlp = 0;
  test_make_model (f->ours, &c, 3);
  ours = model_file_read (f->ours);
  test_fill_normal (model_file_add (ours, "pos", 2, table, NULL)->data, (1 + N) * D, 0.5, 4);
  if (with_decoder)
    test_fill_normal (model_file_add (ours, "decoder.pos", 2, decoder_table, NULL)->data, (1 + N) * 32, 0.5, 5);
  model_file_write (ours, f->ours);
  model_file_set (theirs, "format", "pt");
  for (guint i = 0; i < ours->tensors->len; i++)
    put_tensor (theirs, s, g_ptr_array_index (ours->tensors, i));
  return theirs;
}

static void
write_config (Fixture *f, const char *json)
{
  g_autofree char *path = g_build_filename (f->folder, "config.json", NULL);

  g_assert_true (g_file_set_contents (path, json, -1, NULL));
}

/* ---- equality ---------------------------------------------------------------------------------------------------- */

/* Embedding, then the prediction from half the patches where there is a decoder. */
static float *
run (const char *path, gboolean with_decoder, gsize *n)
{
  enum { K = N / 2 };
  g_autoptr (GError) error = NULL;
  g_autoptr (GhEncoder) encoder = gh_encoder_load (path, GH_DEVICE_REF, GH_PRECISION_F32, 1, &error);
  g_autoptr (GhEncoderSession) session = NULL;
  g_autofree guint8 *rgb = g_new (guint8, SIDE * SIDE * 3);
  g_autofree float *latent = g_new (float, (1 + K) * D);
  float *out = g_new0 (float, D + (N - K) * P);
  gint32 keep[K], drop[N - K];

  g_assert_no_error (error);
  g_assert_true (gh_encoder_has_decoder (encoder) == with_decoder);
  g_assert_true (gh_encoder_is_trained (encoder) || g_str_has_suffix (path, "ours.safetensors"));
  session = gh_encoder_session_new (encoder, 1, &error);
  g_assert_no_error (error);
  test_fill_bytes (rgb, SIDE * SIDE * 3, 6);
  gh_encoder_encode (session, rgb, SIDE * 3, 1, out, NULL, &error);
  g_assert_no_error (error);
  *n = D;
  if (!with_decoder)
    return out;
  test_fill_normal (latent, (1 + K) * D, 1, 7);
  for (int i = 0; i < K; i++) {
    keep[i] = 2 * i;
    drop[i] = 2 * i + 1;
  }
  gh_encoder_decode (session, latent, keep, drop, 1, K, out + D, &error);
  g_assert_no_error (error);
  *n += (N - K) * P;
  return out;
}

static void
check_equal (Fixture *f, const Spelling *s, gboolean with_decoder)
{
  g_autoptr (ModelFile) theirs = translate (f, s, with_decoder);
  g_autofree float *want = NULL, *got = NULL;
  gsize n;

  write_config (f, config_json);
  model_file_write (theirs, f->theirs);
  want = run (f->ours, with_decoder, &n);
  got = run (f->theirs, with_decoder, &n);
  g_assert_cmpmem (got, n * sizeof (float), want, n * sizeof (float));
}

static void
test_published (Fixture *f, gconstpointer data)
{
  check_equal (f, &published, TRUE);
  check_equal (f, &published, FALSE);
}

static void
test_without_prefix (Fixture *f, gconstpointer data)
{
  check_equal (f, &without_prefix, FALSE);
}

static void
test_version_5 (Fixture *f, gconstpointer data)
{
  check_equal (f, &version_5, TRUE);
  check_equal (f, &version_5_saved, TRUE);
}

/* data: whether patches were normalised in training. */
static void
test_found_config (Fixture *f, gconstpointer data)
{
  g_autoptr (ModelFile) theirs = translate (f, &published, TRUE);
  g_autoptr (GError) error = NULL;
  g_autoptr (GhEncoder) encoder = NULL;
  GhMaeConfig expected = vit_config ();
  g_autofree char *got = NULL, *want = NULL, *json = NULL;

  expected.target = data ? GH_MAE_TARGET_PATCH : GH_MAE_TARGET_PIXELS;
  want = gh_mae_config_to_json (&expected);
  json = g_strdup_printf ("%.*s%s }", (int) (strrchr (config_json, '}') - config_json), config_json,
      data ? ", \"norm_pix_loss\": true" : "");
  write_config (f, json);
  model_file_write (theirs, f->theirs);
  encoder = gh_encoder_load (f->theirs, GH_DEVICE_REF, GH_PRECISION_F32, 1, &error);
  g_assert_no_error (error);
  got = gh_mae_config_to_json (gh_encoder_config (encoder));
  g_assert_cmpstr (got, ==, want);
}

/* ---- refusals ---------------------------------------------------------------------------------------------------- */

static void
expect_refusal (Fixture *f, ModelFile *theirs, const char *word)
{
  g_autoptr (GError) error = NULL;

  model_file_write (theirs, f->theirs);
  g_assert_null (gh_encoder_load (f->theirs, GH_DEVICE_REF, GH_PRECISION_F32, 1, &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_UNSUITABLE);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, f->theirs));
  g_assert_nonnull (strstr (error->message, word));
}

/* Without a config.json of its own, a width that is none of B, L, H leaves the heads unknown. */
static void
test_unknown_heads (Fixture *f, gconstpointer data)
{
  static const char *const configs[] = { NULL, "", "[1]", "{\"model_type\": \"bert\", \"hidden_size\": 48}",
    "{\"model_type\": \"vit_mae\", \"hidden_size\": 768, \"num_attention_heads\": 3}",
    "{\"model_type\": \"vit_mae\", \"hidden_size\": 48, \"num_attention_heads\": 5}",
    "{\"model_type\": \"vit_mae\", \"hidden_size\": 48, \"num_attention_heads\": 0}",
    "{\"model_type\": \"vit_mae\", \"hidden_size\": 48, \"num_attention_heads\": -3}",
    "{\"model_type\": 7, \"hidden_size\": [48], \"num_attention_heads\": 3}" };
  g_autoptr (ModelFile) theirs = translate (f, &published, TRUE);

  for (guint i = 0; i < G_N_ELEMENTS (configs); i++) {
    if (configs[i])
      write_config (f, configs[i]);
    expect_refusal (f, theirs, "config.json");
  }
}

static void
test_other_activation (Fixture *f, gconstpointer data)
{
  g_autoptr (ModelFile) theirs = translate (f, &published, FALSE);

  write_config (f, "{\"model_type\": \"vit_mae\", \"hidden_size\": 48, \"num_attention_heads\": 3, "
      "\"hidden_act\": \"relu\"}");
  expect_refusal (f, theirs, "\"relu\"");
}

/* A configuration nested a hundred thousand deep must not take the stack with it. */
static void
test_deep_config (Fixture *f, gconstpointer data)
{
  g_autoptr (ModelFile) theirs = translate (f, &published, FALSE);
  g_autofree char *deep = g_strnfill (100000, '[');

  write_config (f, deep);
  expect_refusal (f, theirs, "config.json");
}

static void
test_bent_files (Fixture *f, gconstpointer data)
{
  static const char query[] = "vit.encoder.layer.1.attention.attention.query.weight";
  const gint64 shape[] = { 2 }, wide[] = { 1, 1, 18, D };
  g_autoptr (ModelFile) theirs = translate (f, &published, TRUE);

  write_config (f, config_json);
  model_file_add (theirs, "classifier.bias", 1, shape, NULL);
  expect_refusal (f, theirs, "\"classifier.bias\"");
  model_file_remove (theirs, "classifier.bias");

  model_file_remove (theirs, query);
  expect_refusal (f, theirs, "\"blocks.1.attn.qkv.weight\"");
  model_file_add (theirs, query, 1, shape, NULL);
  expect_refusal (f, theirs, query);
  model_file_remove (theirs, query);

  model_file_remove (theirs, "vit.embeddings.position_embeddings");
  expect_refusal (f, theirs, "square");
  model_file_add (theirs, "vit.embeddings.position_embeddings", 4, wide, NULL);
  expect_refusal (f, theirs, "square");
  model_file_remove (theirs, "vit.embeddings.position_embeddings");
  model_file_add (theirs, "vit.embeddings.position_embeddings", 3, wide + 1, NULL);
  expect_refusal (f, theirs, "square");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function) g_test_add ("/hf-layout/" name, Fixture, NULL, set_up, function, tear_down)
  ADD ("published", test_published);
  ADD ("without-prefix", test_without_prefix);
  ADD ("version-5", test_version_5);
  ADD ("config", test_found_config);
  g_test_add ("/hf-layout/config-normalised", Fixture, "", set_up, test_found_config, tear_down);
  ADD ("refused/heads", test_unknown_heads);
  ADD ("refused/activation", test_other_activation);
  ADD ("refused/deep-config", test_deep_config);
  ADD ("refused/bent", test_bent_files);
  return g_test_run ();
}
