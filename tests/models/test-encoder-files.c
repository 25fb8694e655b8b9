/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-encoder-files.c: files of fresh weights are the same everywhere, and files that do not fit are refused by an
 * error that names the file and the tensor.
 */
#include "encoder-fixture.h"
#include "model-file.h"
#include "models/gh-error.h"

#include <math.h>
#include <string.h>

/* ---- fresh weights ----------------------------------------------------------------------------------------------- */

static void
init (const char *path, const GhMaeConfig *c, guint64 seed, gboolean with_decoder)
{
  g_autoptr (GError) error = NULL;

  gh_encoder_init_file (path, c, seed, with_decoder, &error);
  g_assert_no_error (error);
}

static char *
file_digest (const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *bytes = NULL;
  gsize size;

  g_file_get_contents (path, &bytes, &size, &error);
  g_assert_no_error (error);
  return g_compute_checksum_for_data (G_CHECKSUM_SHA256, (guchar *) bytes, size);
}

static int
by_name (gconstpointer a, gconstpointer b)
{
  const ModelTensor *const *x = a, *const *y = b;

  return strcmp ((*x)->name, (*y)->name);
}

/* Of names and numbers alone, in the order of names, bytes of each float little end first. */
static char *
weights_digest (const char *path)
{
  g_autoptr (ModelFile) file = model_file_read (path);
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);

  g_ptr_array_sort (file->tensors, by_name);
  for (guint i = 0; i < file->tensors->len; i++) {
    const ModelTensor *tensor = g_ptr_array_index (file->tensors, i);

    g_checksum_update (sum, (guchar *) tensor->name, strlen (tensor->name));
    for (gint64 j = 0; j < tensor->count; j++) {
      guint32 bits;

      memcpy (&bits, &tensor->data[j], sizeof (bits));
      bits = GUINT32_TO_LE (bits);
      g_checksum_update (sum, (guchar *) &bits, sizeof (bits));
    }
  }
  return g_strdup (g_checksum_get_string (sum));
}

static void
test_same_everywhere (Fixture *f, gconstpointer data)
{
  const GhMaeConfig c = test_config ();
  g_autofree char *first = NULL, *second = NULL, *third = NULL, *weights = NULL;

  init (f->path, &c, 42, TRUE);
  first = file_digest (f->path);
  weights = weights_digest (f->path);
  init (f->path, &c, 42, TRUE);
  second = file_digest (f->path);
  init (f->path, &c, 43, TRUE);
  third = file_digest (f->path);
  g_assert_cmpstr (first, ==, second);
  g_assert_cmpstr (first, !=, third);
  /* What every machine must give; it changes only with the generator or the layout, and then results change too. */
  g_assert_cmpstr (weights, ==, "6d439cc6e79e68c57fae98269f6d9b73c4bca03f2a53199ff8bd156484523282");
}

/* Leaving the decoder out leaves the encoder as it is. */
static void
test_without_decoder (Fixture *f, gconstpointer data)
{
  const GhMaeConfig c = test_config ();
  g_autoptr (GError) error = NULL;
  g_autoptr (ModelFile) with = NULL, without = NULL;
  g_autoptr (GhEncoder) encoder = NULL;

  init (f->path, &c, 42, TRUE);
  with = model_file_read (f->path);
  init (f->path, &c, 42, FALSE);
  without = model_file_read (f->path);
  g_assert_cmpint (without->tensors->len, <, with->tensors->len);
  for (guint i = 0; i < without->tensors->len; i++) {
    const ModelTensor *a = g_ptr_array_index (without->tensors, i), *b = model_file_find (with, a->name);

    g_assert_false (g_str_has_prefix (a->name, "decoder."));
    g_assert_cmpmem (a->data, a->count * sizeof (float), b->data, b->count * sizeof (float));
  }
  encoder = gh_encoder_load (f->path, GH_DEVICE_REF, GH_PRECISION_F32, 1, &error);
  g_assert_no_error (error);
  g_assert_false (gh_encoder_has_decoder (encoder));
}

static void
check_spread (ModelFile *file, const char *name, double bound, double deviation)
{
  const ModelTensor *tensor = model_file_find (file, name);
  double sum = 0, squares = 0, largest = 0;

  for (gint64 i = 0; i < tensor->count; i++) {
    sum += tensor->data[i];
    squares += (double) tensor->data[i] * tensor->data[i];
    largest = fmax (largest, fabs (tensor->data[i]));
  }
  g_assert_cmpfloat (largest, <=, bound);
  g_assert_cmpfloat (fabs (sum / tensor->count), <, 4 * deviation / sqrt (tensor->count));
  g_assert_cmpfloat (fabs (sqrt (squares / tensor->count) / deviation - 1), <, 3 / sqrt (tensor->count));
}

/* The distributions training starts from. */
static void
test_distributions (Fixture *f, gconstpointer data)
{
  GhMaeConfig c = test_config ();
  g_autoptr (ModelFile) file = NULL;
  double bound;

  c.dec_dim = 256;              /* a mask token long enough for statistics */
  init (f->path, &c, 7, TRUE);
  file = model_file_read (f->path);
  bound = sqrt (6.0 / (48 + 192));
  check_spread (file, "patch.weight", bound, bound / sqrt (3));
  bound = sqrt (6.0 / (3 * 48 + 48));           /* q, k and v count as one matrix */
  check_spread (file, "blocks.1.attn.qkv.weight", bound, bound / sqrt (3));
  bound = 1 / sqrt (5);
  check_spread (file, "blocks.0.attn.conv", bound, bound / sqrt (3));
  check_spread (file, "decoder.mask_token", 6 * 0.02, 0.02);
  for (int i = 0; i < c.dim; i++) {
    g_assert_cmpfloat (model_file_find (file, "norm.weight")->data[i], ==, 1);
    g_assert_cmpfloat (model_file_find (file, "norm.bias")->data[i], ==, 0);
    g_assert_cmpfloat (model_file_find (file, "patch.bias")->data[i], ==, 0);
  }
}

static void
test_untrained (Fixture *f, gconstpointer data)
{
  const GhMaeConfig c = test_config ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GhEncoder) fresh = NULL, trained = NULL;
  g_autoptr (ModelFile) file = NULL;

  init (f->path, &c, 42, TRUE);
  fresh = gh_encoder_load (f->path, GH_DEVICE_REF, GH_PRECISION_F32, 1, &error);
  g_assert_no_error (error);
  g_assert_false (gh_encoder_is_trained (fresh));
  file = model_file_read (f->path);
  model_file_set (file, "trained", "true");
  model_file_write (file, f->path);
  trained = gh_encoder_load (f->path, GH_DEVICE_REF, GH_PRECISION_F32, 1, &error);
  g_assert_no_error (error);
  g_assert_true (gh_encoder_is_trained (trained));
}

static void
test_bad_config (Fixture *f, gconstpointer data)
{
  GhMaeConfig c = test_config ();
  g_autoptr (GError) error = NULL;

  c.heads = 0;
  g_assert_false (gh_encoder_init_file (f->path, &c, 1, TRUE, &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_UNSUITABLE);
  g_assert_nonnull (strstr (error->message, "heads"));
  g_assert_false (g_file_test (f->path, G_FILE_TEST_EXISTS));
}

/* ---- files that do not fit --------------------------------------------------------------------------------------- */

static void
expect_refusal (const char *path, GhError code, const char *word)
{
  g_autoptr (GError) error = NULL;
  GhEncoder *encoder = gh_encoder_load (path, GH_DEVICE_CPU, GH_PRECISION_F32, 1, &error);

  g_assert_null (encoder);
  g_assert_nonnull (error);
  g_test_message ("%s", error->message);
  g_assert_error (error, GH_ERROR, (int) code);
  g_assert_nonnull (strstr (error->message, path));
  g_assert_nonnull (strstr (error->message, word));
}

/* Writes the standard file after bend(file) and expects it to be refused. */
static void
check_refusal (Fixture *f, void (*bend) (ModelFile *file), GhError code, const char *word)
{
  const GhMaeConfig c = test_config ();
  g_autoptr (ModelFile) file = NULL;

  init (f->path, &c, 1, TRUE);
  file = model_file_read (f->path);
  bend (file);
  model_file_write (file, f->path);
  expect_refusal (f->path, code, word);
}

static void
set_config (ModelFile *file, void (*change) (GhMaeConfig *config))
{
  GhMaeConfig c = test_config ();
  g_autofree char *json = NULL;

  change (&c);
  json = gh_mae_config_to_json (&c);
  model_file_set (file, "config", json);
}

static void drop_norm (ModelFile *file) { model_file_remove (file, "norm.bias"); }
static void drop_conv (ModelFile *file) { model_file_remove (file, "blocks.1.attn.conv"); }
static void drop_mask_token (ModelFile *file) { model_file_remove (file, "decoder.mask_token"); }
static void drop_config (ModelFile *file) { g_hash_table_remove (file->metadata, "config"); }
static void bad_config (ModelFile *file) { model_file_set (file, "config", "{\"height\": 1"); }
static void next_version (ModelFile *file) { model_file_set (file, "format_version", "2"); }
static void make_head (ModelFile *file) { model_file_set (file, "task", "people"); }
static void nan_weight (ModelFile *file) { model_file_find (file, "blocks.0.mlp.fc2.weight")->data[7] = NAN; }
static void inf_bias (ModelFile *file) { model_file_find (file, "decoder.pred.bias")->data[0] = INFINITY; }
static void wider (GhMaeConfig *c) { c->dim = 52; }
static void deeper (GhMaeConfig *c) { c->depth = 3; }
static void shallower (GhMaeConfig *c) { c->depth = 1; }
static void with_cls (GhMaeConfig *c) { c->cls_token = TRUE; }
static void with_bias (GhMaeConfig *c) { c->qkv_bias = TRUE; }
static void no_decoder (GhMaeConfig *c) { c->dec_depth = c->dec_dim = c->dec_heads = c->dec_head_dim = c->dec_mlp = 0; }
static void other_patch (GhMaeConfig *c) { c->patch = 4; }
static void set_wider (ModelFile *file) { set_config (file, wider); }
static void set_deeper (ModelFile *file) { set_config (file, deeper); }
static void set_shallower (ModelFile *file) { set_config (file, shallower); }
static void set_cls (ModelFile *file) { set_config (file, with_cls); }
static void set_bias (ModelFile *file) { set_config (file, with_bias); }
static void set_no_decoder (ModelFile *file) { set_config (file, no_decoder); }
static void set_other_patch (ModelFile *file) { set_config (file, other_patch); }

static void
add_unknown (ModelFile *file)
{
  const gint64 shape[] = { 3 };

  model_file_add (file, "optimizer.step", 1, shape, NULL);
}

static void
half_decoder_embed (ModelFile *file)
{
  const gint64 shape[] = { 32 };

  model_file_add (file, "decoder.embed.bias", 1, shape, NULL);
}

/* The numbers are as many as they should be, the shape is another. */
static void
transpose_fc1 (ModelFile *file)
{
  ModelTensor *tensor = model_file_find (file, "blocks.0.mlp.fc1.weight");
  gint64 rows = tensor->shape[0];

  tensor->shape[0] = tensor->shape[1];
  tensor->shape[1] = rows;
}

static void
extra_rank (ModelFile *file)
{
  ModelTensor *tensor = model_file_find (file, "norm.weight");

  tensor->rank = 2;
  tensor->shape[1] = tensor->shape[0];
  tensor->shape[0] = 1;
}

static void
wrong_positions (ModelFile *file)
{
  const gint64 shape[] = { 36, 48 };

  model_file_add (file, "pos", 2, shape, NULL);
}

static const struct {
  const char *name;
  void (*bend) (ModelFile *file);
  GhError code;
  const char *word;
} refusals[] = {
  { "missing/norm", drop_norm, GH_ERROR_UNSUITABLE, "\"norm.bias\"" },
  { "missing/conv", drop_conv, GH_ERROR_UNSUITABLE, "\"blocks.1.attn.conv\"" },
  { "missing/mask-token", drop_mask_token, GH_ERROR_UNSUITABLE, "\"decoder.mask_token\"" },
  { "missing/half-decoder-embed", half_decoder_embed, GH_ERROR_UNSUITABLE, "\"decoder.embed.weight\"" },
  { "unknown/tensor", add_unknown, GH_ERROR_UNSUITABLE, "\"optimizer.step\"" },
  { "unknown/decoder", set_no_decoder, GH_ERROR_UNSUITABLE, "\"decoder." },
  { "unknown/block", set_shallower, GH_ERROR_UNSUITABLE, "\"blocks.1." },
  { "config/missing", drop_config, GH_ERROR_UNSUITABLE, "\"config\"" },
  { "config/broken", bad_config, GH_ERROR_CORRUPT, "configuration" },
  { "config/version", next_version, GH_ERROR_UNSUITABLE, "version \"2\"" },
  { "config/head", make_head, GH_ERROR_UNSUITABLE, "\"people\"" },
  { "shape/dim", set_wider, GH_ERROR_UNSUITABLE, "[52,192]" },
  { "shape/depth", set_deeper, GH_ERROR_UNSUITABLE, "\"blocks.2." },
  { "shape/cls", set_cls, GH_ERROR_UNSUITABLE, "\"cls_token\"" },
  { "shape/qkv-bias", set_bias, GH_ERROR_UNSUITABLE, "\"blocks.0.attn.qkv.bias\"" },
  { "shape/patch", set_other_patch, GH_ERROR_UNSUITABLE, "\"patch.weight\"" },
  { "shape/transposed", transpose_fc1, GH_ERROR_UNSUITABLE, "\"blocks.0.mlp.fc1.weight\" is [48,80]" },
  { "shape/rank", extra_rank, GH_ERROR_UNSUITABLE, "\"norm.weight\" is [1,48]" },
  { "shape/positions", wrong_positions, GH_ERROR_UNSUITABLE, "\"pos\" is [36,48]" },
  { "values/nan", nan_weight, GH_ERROR_CORRUPT, "blocks.0.mlp.fc2.weight" },
  { "values/inf", inf_bias, GH_ERROR_CORRUPT, "decoder.pred.bias" },
};

static void
test_refusal (Fixture *f, gconstpointer data)
{
  const int i = GPOINTER_TO_INT (data);

  check_refusal (f, refusals[i].bend, refusals[i].code, refusals[i].word);
}

static void
test_no_file (Fixture *f, gconstpointer data)
{
  g_autofree char *config = g_build_filename (f->folder, "shape.json", NULL);

  expect_refusal (f->path, GH_ERROR_NOT_FOUND, "no encoder");
  expect_refusal (f->folder, GH_ERROR_OPEN, "regular file");
  g_file_set_contents (config, "{}", -1, NULL);
  expect_refusal (config, GH_ERROR_UNSUITABLE, "configuration");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, data, function) \
  g_test_add (name, Fixture, GINT_TO_POINTER (data), set_up, function, tear_down)
  ADD ("/files/fresh/same-everywhere", 0, test_same_everywhere);
  ADD ("/files/fresh/without-decoder", 0, test_without_decoder);
  ADD ("/files/fresh/distributions", 0, test_distributions);
  ADD ("/files/fresh/untrained", 0, test_untrained);
  ADD ("/files/fresh/bad-config", 0, test_bad_config);
  ADD ("/files/absent", 0, test_no_file);
  for (guint i = 0; i < G_N_ELEMENTS (refusals); i++) {
    g_autofree char *name = g_strconcat ("/files/refused/", refusals[i].name, NULL);

    ADD (name, i, test_refusal);
  }
  return g_test_run ();
}
