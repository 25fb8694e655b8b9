/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-mae-config.c: configurations in and out, the shipped ones, masks and positions.
 */
#include "models/gh-mae-config.h"
#include "models/gh-mae-layout.h"

#include "temp-folder.h"

#include <math.h>
#include <string.h>

static const char least[] = "{\"height\": 64, \"width\": 96, \"patch\": 16, \"dim\": 32, \"depth\": 2, \"heads\": 2, "
    "\"head_dim\": 16, \"mlp\": 64, \"embedding\": 24}";

static gboolean
same (const GhMaeConfig *a, const GhMaeConfig *b)
{
  g_autofree char *x = gh_mae_config_to_json (a), *y = gh_mae_config_to_json (b);

  return g_str_equal (x, y);
}

static void
test_defaults (void)
{
  GhMaeConfig config;
  g_autoptr (GError) error = NULL;

  g_assert_true (gh_mae_config_from_json (&config, least, "x.json", &error));
  g_assert_cmpint (config.landmarks, ==, 0);
  g_assert_cmpint (config.pinv_iters, ==, 6);
  g_assert_cmpint (config.conv, ==, 0);
  g_assert_cmpint (config.dec_depth, ==, 0);
  g_assert_cmpint (config.pool, ==, GH_POOL_MEAN);
  g_assert_true (config.has_embed && !config.qkv_bias && !config.cls_token);
  g_assert_true (config.eps == 1e-6f && config.mask_ratio == 0.7);
  g_assert_true (config.mean[1] == 0.456f && config.std[2] == 0.225f);
  g_assert_cmpint (gh_mae_config_tokens (&config), ==, 24);
  g_assert_cmpint (gh_mae_config_patch_values (&config), ==, 768);
}

static void
test_round_trip (void)
{
  GhMaeConfig config, again;
  g_autofree char *json = NULL, *text = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (gh_mae_config_from_json (&config, least, "x.json", &error));
  config.cls_token = config.qkv_bias = TRUE;
  config.pool = GH_POOL_MEAN_STD;
  config.has_embed = FALSE;
  config.embedding = 64;
  config.eps = 1e-12f;
  config.mean[0] = -0.1f;
  config.std[1] = 1.0f / 3;
  config.conv = 33;
  config.landmarks = 8;
  config.dec_depth = 3;
  config.dec_dim = 16;
  config.dec_heads = 4;
  config.dec_head_dim = 8;
  config.dec_mlp = 40;
  config.mask_ratio = 0.75;
  json = gh_mae_config_to_json (&config);
  g_assert_true (gh_mae_config_from_json (&again, json, "x.json", &error));
  g_assert_no_error (error);
  g_assert_true (same (&config, &again));
  g_assert_true (again.eps == config.eps && again.std[1] == config.std[1] && again.mask_ratio == config.mask_ratio);
  g_assert_cmpint (again.pool, ==, GH_POOL_MEAN_STD);
  g_assert_cmpint (again.dec_mlp, ==, 40);
  g_assert_nonnull (strstr (json, "\"pool\": \"mean+std\""));

  /* Regions are written where there are some. */
  g_assert_null (strstr (json, "pool_rows"));
  config.pool_rows = 2;
  config.pool_cols = 3;
  config.embedding = gh_mae_config_pooled (&config);
  g_assert_cmpint (config.embedding, ==, 2 * 3 * 2 * config.dim);
  g_free (json);
  json = gh_mae_config_to_json (&config);
  g_assert_true (gh_mae_config_from_json (&again, json, "x.json", &error));
  g_assert_true (same (&config, &again));

  /* So are surprise and shadows. */
  g_assert_null (strstr (json, "surprise"));
  g_assert_null (strstr (json, "shadows"));
  config.surprise = 7;
  config.shadows = 9;
  config.has_embed = TRUE;
  g_free (json);
  json = gh_mae_config_to_json (&config);
  g_assert_true (gh_mae_config_from_json (&again, json, "x.json", &error));
  g_assert_true (same (&config, &again));
  g_assert_cmpint (again.surprise, ==, 7);
  g_assert_cmpint (again.shadows, ==, 9);

  /* What there is no room for is refused before anybody trains it. */
  config.shadows = config.embedding;
  g_assert_false (gh_mae_config_check (&config, "x.json", &error));
  g_assert_nonnull (strstr (error->message, "has room for "));
  g_clear_error (&error);
  config.shadows = 9;

  /* Without a decoder its fields are not written, and refused when they say something. */
  config.dec_depth = 0;
  text = gh_mae_config_to_json (&config);
  g_assert_null (strstr (text, "dec_dim"));
  g_assert_false (gh_mae_config_check (&config, "x.json", &error));
  g_assert_nonnull (strstr (error->message, "dec_dim"));
}

/* Every key, left out or given a value of the wrong kind, is named in the error. */
static void
test_every_key (void)
{
  GhMaeConfig config;
  g_autofree char *json = NULL;
  g_auto (GStrv) parts = NULL;
  guint checked = 0;

  g_assert_true (gh_mae_config_load (&config, "almacam", NULL));
  json = gh_mae_config_to_json (&config);
  parts = g_strsplit (json, ": ", -1);
  for (char **part = parts; part[1]; part++) {
    const char *end = strrchr (*part, '"'), *start = g_strrstr_len (*part, end - *part, "\"");
    g_autofree char *key = g_strndup (start, end + 1 - start);
    g_autofree char *member = g_strconcat (key, ": {}", NULL);
    g_autofree char *head = g_strndup (json, strstr (json, key) - json);
    g_autofree char *bad = g_strconcat (head, member, "}", NULL);
    g_autoptr (GError) error = NULL;

    g_assert_false (gh_mae_config_from_json (&config, bad, "x.json", &error));
    g_assert_nonnull (strstr (error->message, key));
    g_assert_true (g_str_has_prefix (error->message, "x.json: "));
    checked++;
  }
  g_assert_cmpuint (checked, ==, 25);
}

/* pool_rows and pool_cols: both or none, no finer than the grid, and not with the cls token. */
static void
test_regions (void)
{
  static const struct { int rows, cols; GhPool pool; } bad[] = {
    { 0, 2, GH_POOL_MEAN }, { 2, 0, GH_POOL_MEAN }, { 65, 2, GH_POOL_MEAN }, { 2, 64, GH_POOL_MEAN_STD },
    { 2, 2, GH_POOL_CLS },
  };
  GhMaeConfig config, wide;

  g_assert_true (gh_mae_config_from_json (&config, least, "x.json", NULL));
  config.cls_token = TRUE;
  config.pool_rows = gh_mae_config_grid_rows (&config);
  config.pool_cols = gh_mae_config_grid_cols (&config);
  g_assert_true (gh_mae_config_check (&config, "x.json", NULL));
  /* Wider than a matrix may be: there is none. */
  g_assert_true (gh_mae_config_load (&wide, "almacam", NULL));
  wide.pool = GH_POOL_MEAN_STD;
  wide.pool_rows = 4;
  wide.pool_cols = 5;
  wide.has_embed = FALSE;
  wide.embedding = 4 * 5 * 2 * 1024;
  g_assert_true (gh_mae_config_check (&wide, "x.json", NULL));
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;

    config.pool_rows = bad[i].rows;
    config.pool_cols = bad[i].cols;
    config.pool = bad[i].pool;
    g_assert_false (gh_mae_config_check (&config, "x.json", &error));
    g_assert_error (error, GH_ERROR, GH_ERROR_UNSUITABLE);
    g_assert_nonnull (strstr (error->message, "pool_rows"));
  }
}

static void
test_limits (void)
{
  static const struct { const char *json, *reason; } cases[] = {
    {"\"height\": 32768, \"width\": 32768, \"patch\": 256, \"dim\": 32, \"depth\": 1, \"heads\": 1, \"head_dim\": 8, "
        "\"mlp\": 8", "the patches"},
    {"\"height\": 4096, \"width\": 4096, \"patch\": 16, \"dim\": 8192, \"depth\": 1, \"heads\": 1, \"head_dim\": 8, "
        "\"mlp\": 8", "the tokens"},
    {"\"height\": 4096, \"width\": 4096, \"patch\": 16, \"dim\": 32, \"depth\": 1, \"heads\": 16, \"head_dim\": 256, "
        "\"mlp\": 8", "the queries"},
    {"\"height\": 4096, \"width\": 4096, \"patch\": 16, \"dim\": 32, \"depth\": 1, \"heads\": 16, \"head_dim\": 8, "
        "\"mlp\": 8192", "the hidden layer"},
    {"\"height\": 4096, \"width\": 4096, \"patch\": 16, \"dim\": 32, \"depth\": 1, \"heads\": 16, \"head_dim\": 8, "
        "\"mlp\": 8, \"landmarks\": 1024", "the landmark attention"},
    {"\"height\": 64, \"width\": 64, \"patch\": 16, \"dim\": 16384, \"depth\": 1, \"heads\": 1, \"head_dim\": 8, "
        "\"mlp\": 65536", "a weight matrix"},
    {"\"height\": 64, \"width\": 64, \"patch\": 16, \"dim\": 16, \"depth\": 1, \"heads\": 256, \"head_dim\": 1024, "
        "\"mlp\": 8", "256 heads of 1024"},
    {"\"height\": 256, \"width\": 256, \"patch\": 256, \"dim\": 16384, \"depth\": 1, \"heads\": 1, \"head_dim\": 8, "
        "\"mlp\": 8", "the patch projection"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *json = g_strdup_printf ("{%s, \"embedding\": 8}", cases[i].json);
    g_autoptr (GError) error = NULL;
    GhMaeConfig config;

    g_assert_false (gh_mae_config_from_json (&config, json, "x.json", &error));
    g_assert_error (error, GH_ERROR, GH_ERROR_UNSUITABLE);
    if (!strstr (error->message, cases[i].reason))
      g_error ("\"%s\" lacks \"%s\"", error->message, cases[i].reason);
  }
}

/* Seeded damage: refused or accepted, never more; what is accepted has passed the limits. */
static void
test_mutations (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (77);
  guint accepted = 0;

  for (int round = 0; round < 3000; round++) {
    g_autofree char *json = g_strdup (least);
    g_autoptr (GError) error = NULL;
    GhMaeConfig config;

    for (int i = g_rand_int_range (rand, 0, 3); i >= 0; i--)
      json[g_rand_int_range (rand, 0, sizeof least - 1)] = "0123456789\",:{}[]-.e ab"[g_rand_int_range (rand, 0, 23)];
    if (gh_mae_config_from_json (&config, json, "x.json", &error)) {
      g_assert_true (gh_mae_config_check (&config, "x.json", &error));
      accepted++;
    } else {
      g_assert_nonnull (error);
    }
  }
  g_assert_cmpuint (accepted, >, 50);
}

static void
test_shipped (void)
{
  static const struct { const char *name; int rows, cols, embedding; } models[] = {
    {"almacam", 12, 20, 512}, {"almacam-1080p", 23, 40, 512}, {"small", 12, 20, 512}, {"tiny", 12, 20, 512},
  };

  for (guint i = 0; i < G_N_ELEMENTS (models); i++) {
    g_autoptr (GError) error = NULL;
    GhMaeConfig config;

    gh_mae_config_load (&config, models[i].name, &error);
    g_assert_no_error (error);
    g_assert_cmpint (gh_mae_config_grid_rows (&config), ==, models[i].rows);
    g_assert_cmpint (gh_mae_config_grid_cols (&config), ==, models[i].cols);
    g_assert_cmpint (config.embedding, ==, models[i].embedding);
  }
}

/* The sums of the design: 75,323,620 in the encoder, 29,278,976 in the decoder, the embedding's layer among them. */
static void
test_parameters (void)
{
  g_autoptr (GPtrArray) layout = NULL;
  g_autoptr (GError) error = NULL;
  gint64 encoder = 0, decoder = 0;
  GhMaeConfig config;

  gh_mae_config_load (&config, "almacam", &error);
  g_assert_no_error (error);
  layout = gh_mae_layout (&config);
  for (guint i = 0; i < layout->len; i++) {
    const GhParam *param = g_ptr_array_index (layout, i);

    if (param->optional)
      continue;
    if (g_str_has_prefix (param->name, "decoder.") || g_str_has_prefix (param->name, "embed."))
      decoder += gh_param_count (param);
    else
      encoder += gh_param_count (param);
  }
  g_assert_cmpint (encoder, ==, 75323620);
  g_assert_cmpint (decoder, ==, 29278976);
}

static void
test_find (void)
{
  g_autofree char *folder = temp_folder_new (), *old = g_strdup (g_getenv ("GST_HEADS_MODEL_PATH"));
  g_autofree char *json = g_build_filename (folder, "mine.json", NULL);
  g_autofree char *model = g_build_filename (folder, "mine.safetensors", NULL);
  g_autofree char *large = g_build_filename (folder, "large.json", NULL), *zeros = g_strnfill (100000, ' ');
  g_autoptr (GError) none = NULL, too_large = NULL, a_folder = NULL;
  GhMaeConfig config;
  char *found;

  g_assert_true (g_file_set_contents (json, least, -1, NULL));
  g_assert_true (g_file_set_contents (large, zeros, -1, NULL));
  g_setenv ("GST_HEADS_MODEL_PATH", folder, TRUE);
  found = gh_model_find ("mine");
  g_assert_cmpstr (found, ==, json);
  g_free (found);
  g_assert_true (g_file_set_contents (model, "", 0, NULL));
  found = gh_model_find ("mine");       /* weights before a bare configuration */
  g_assert_cmpstr (found, ==, model);
  g_free (found);
  found = gh_model_find ("mine.json");
  g_assert_cmpstr (found, ==, json);
  g_free (found);
  found = gh_model_find (model);
  g_assert_cmpstr (found, ==, model);
  g_free (found);
  g_assert_null (gh_model_find ("other"));
  g_assert_null (gh_model_find ("./mine"));
  g_assert_null (gh_model_find (""));
  g_assert_null (gh_model_find (NULL));
  g_assert_true (gh_mae_config_load (&config, "mine", NULL));
  g_assert_true (gh_mae_config_load (&config, json, NULL));
  g_assert_false (gh_mae_config_load (&config, "other", &none));
  g_assert_error (none, GH_ERROR, GH_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (none->message, folder));
  g_assert_false (gh_mae_config_load (&config, "large", &too_large));
  g_assert_nonnull (strstr (too_large->message, "too large"));
  g_assert_false (gh_mae_config_load (&config, folder, &a_folder));
  g_assert_nonnull (strstr (a_folder->message, "not a regular file"));
  if (old)
    g_setenv ("GST_HEADS_MODEL_PATH", old, TRUE);
  temp_folder_remove (folder);
}

static void
test_kept (void)
{
  static const struct { int cols; double ratio; int kept; } cases[] = {
    {240, 0.7, 72}, {240, 0.75, 60}, {240, 0.9, 24}, {920, 0.7, 276}, {8160, 0.7, 2448}, {60, 0.7, 18}, {7, 0.5, 3},
    {240, 0, 240}, {3, 0.99, 1}, {1, 0.7, 1},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    GhMaeConfig config = { .height = 1, .width = cases[i].cols, .patch = 1 };

    g_assert_cmpint (gh_mae_config_kept (&config, cases[i].ratio), ==, cases[i].kept);
  }
}

/* keep holds the K smallest draws, equal ones in order; both lists ascend and together are 0..n-1. */
static void
test_mask (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (3);

  for (int n = 1; n < 200; n += 13) {
    float noise[200];
    gint32 keep[200], drop[200];
    int K = MAX (1, n * 3 / 10);

    for (int i = 0; i < n; i++)
      noise[i] = g_rand_int_range (rand, 0, 20) / 20.0f;        /* many equals */
    gh_mae_mask (noise, n, K, keep, drop);
    for (int i = 0; i < n; i++) {
      int before = 0, in_keep = 0, in_drop = 0;

      for (int j = 0; j < n; j++)
        before += noise[j] < noise[i] || (noise[j] == noise[i] && j < i);
      for (int j = 0; j < K; j++)
        in_keep += keep[j] == i;
      for (int j = 0; j < n - K; j++)
        in_drop += drop[j] == i;
      g_assert_cmpint (in_keep, ==, before < K);
      g_assert_cmpint (in_drop, ==, before >= K);
    }
    for (int i = 1; i < K; i++)
      g_assert_cmpint (keep[i - 1], <, keep[i]);
    for (int i = 1; i < n - K; i++)
      g_assert_cmpint (drop[i - 1], <, drop[i]);
  }
}

static void
test_sincos (void)
{
  enum { ROWS = 3, COLS = 5, DIM = 24, QUARTER = DIM / 4 };
  float pos[ROWS * COLS * DIM];

  gh_mae_sincos (pos, ROWS, COLS, DIM);
  for (int y = 0; y < ROWS; y++) {
    for (int x = 0; x < COLS; x++) {
      const float *row = pos + (y * COLS + x) * DIM;

      for (int k = 0; k < QUARTER; k++) {
        double w = exp (-log (10000) * k / QUARTER);

        g_assert_cmpfloat_with_epsilon (row[k], sin (x * w), 1e-7);
        g_assert_cmpfloat_with_epsilon (row[QUARTER + k], cos (x * w), 1e-7);
        g_assert_cmpfloat_with_epsilon (row[2 * QUARTER + k], sin (y * w), 1e-7);
        g_assert_cmpfloat_with_epsilon (row[3 * QUARTER + k], cos (y * w), 1e-7);
      }
    }
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/mae-config/defaults", test_defaults);
  g_test_add_func ("/mae-config/round-trip", test_round_trip);
  g_test_add_func ("/mae-config/every-key", test_every_key);
  g_test_add_func ("/mae-config/regions", test_regions);
  g_test_add_func ("/mae-config/limits", test_limits);
  g_test_add_func ("/mae-config/mutations", test_mutations);
  g_test_add_func ("/mae-config/shipped", test_shipped);
  g_test_add_func ("/mae-config/parameters", test_parameters);
  g_test_add_func ("/mae-config/find", test_find);
  g_test_add_func ("/mae-config/kept", test_kept);
  g_test_add_func ("/mae-config/mask", test_mask);
  g_test_add_func ("/mae-config/sincos", test_sincos);
  return g_test_run ();
}
