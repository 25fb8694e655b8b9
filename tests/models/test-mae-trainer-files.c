/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-mae-trainer-files.c: that checkpoints and exports of a trainer are encoders, and that what goes wrong is said
 * and leaves everything as it was.
 */
#include "training-fixture.h"
#include "models/gh-embed-fit.h"

#include <gio/gio.h>
#include <string.h>

/* ---- files ------------------------------------------------------------------------------------------------------- */

static void
embed (const char *path, const GhMaeConfig *c, GhPrecision precision, float *embedding)
{
  g_autoptr (GhEncoder) encoder = test_load (path, GH_DEVICE_CPU, precision);
  g_autoptr (GhEncoderSession) session = test_open_session (encoder, 1);
  g_autofree guint8 *rgb = g_malloc (c->height * c->width * 3);
  g_autoptr (GError) error = NULL;

  g_assert_true (gh_encoder_is_trained (encoder));
  training_frame (rgb, c->height, c->width, 3);
  gh_encoder_encode (session, rgb, c->width * 3, 1, embedding, NULL, &error);
  g_assert_no_error (error);
}

/* Checkpoint and export are encoders, and the same one. */
static void
test_export (Training *f, gconstpointer data)
{
  g_autoptr (GhMaeTrainer) trainer = training_new (f);
  const GhMaeExport how = { .data = "a \"moving\" square", .date = "2026-11-26" };
  const GhMaeExport small = { .bfloat16 = TRUE, .without_decoder = TRUE };
  g_autoptr (ModelFile) file = NULL;
  g_autoptr (GError) error = NULL;
  float saved[32], exported[32], rounded[32];
  const char *record;

  training_steps (f, trainer, 5);
  training_save (trainer, f->a);
  g_assert_true (gh_mae_trainer_export (trainer, f->b, &how, &error));
  embed (f->a, &f->config, GH_PRECISION_F32, saved);
  embed (f->b, &f->config, GH_PRECISION_F32, exported);
  g_assert_cmpmem (saved, sizeof saved, exported, sizeof exported);
  file = model_file_read (f->b);
  g_assert_null (model_file_find (file, "train.loss"));
  record = g_hash_table_lookup (file->metadata, "training");
  g_test_message ("%s", record);
  g_assert_true (g_str_has_prefix (record, "{\"data\":\"a \\\"moving\\\" square\",\"date\":\"2026-11-26\","
          "\"steps\":5,"));
  g_assert_nonnull (strstr (record, "\"seed\":1,"));

  g_assert_true (gh_mae_trainer_export (trainer, f->b, &small, &error));
  embed (f->b, &f->config, GH_PRECISION_F32, rounded);
  g_assert_cmpfloat (test_error (rounded, saved, 32), <, 2e-2);
}

/* An `embed` of its own learns nothing from the loss: it is fitted to the frames where there are some, to the same as by
 * hand; and the checkpoint, which training goes on from, is not touched by that. */
static void
test_export_fits (Training *f, gconstpointer data)
{
  const GhMaeExport how = { .frames = f->store }, without = { .without_decoder = TRUE };
  g_autoptr (GhMaeTrainer) trainer = NULL;
  g_autofree char *plain = g_build_filename (f->folder, "plain.safetensors", NULL);
  g_autofree char *bytes = NULL, *by_hand = NULL;
  gsize size, size_by_hand;
  g_autoptr (GError) error = NULL;
  float fitted[40], unfitted[40];

  f->config.pool = GH_POOL_MEAN_STD;
  f->config.pool_rows = 2;
  f->config.pool_cols = 2;
  f->config.embedding = 40;
  trainer = training_new (f);
  training_steps (f, trainer, 3);
  g_assert_true (gh_mae_trainer_export (trainer, f->a, &how, &error));
  g_assert_true (gh_mae_trainer_export (trainer, plain, NULL, &error));
  g_assert_true (gh_embed_fit (plain, f->b, NULL, f->store, &(GhEmbedHow) { .seed = f->options.seed,
      .device = f->options.device, .threads = 1 }, &error));
  g_assert_true (g_file_get_contents (f->a, &bytes, &size, NULL));
  g_assert_true (g_file_get_contents (f->b, &by_hand, &size_by_hand, NULL));
  g_assert_cmpmem (bytes, size, by_hand, size_by_hand);
  embed (f->a, &f->config, GH_PRECISION_F32, fitted);
  embed (plain, &f->config, GH_PRECISION_F32, unfitted);
  g_assert_cmpfloat (test_error (fitted, unfitted, 40), >, 0.1);

  g_assert_true (gh_mae_trainer_export (trainer, f->b, &without, &error));
  embed (f->b, &f->config, GH_PRECISION_F32, fitted);
  g_assert_cmpmem (fitted, sizeof fitted, unfitted, sizeof unfitted);
}

static gboolean
stop (double part, gpointer data)
{
  return FALSE;
}

/* An export that is stopped leaves the encoder of before and nothing beside it. */
static void
test_export_stops (Training *f, gconstpointer data)
{
  const GhMaeExport how = { .frames = f->store, .progress = stop };
  g_autoptr (GhMaeTrainer) trainer = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) folder = NULL;
  g_autofree char *kept = NULL;

  f->config.pool = GH_POOL_MEAN_STD;
  f->config.embedding = 40;
  trainer = training_new (f);
  g_assert_true (g_file_set_contents (f->a, "before", -1, NULL));
  g_assert_false (gh_mae_trainer_export (trainer, f->a, &how, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_true (g_file_get_contents (f->a, &kept, NULL, NULL));
  g_assert_cmpstr (kept, ==, "before");
  folder = g_dir_open (f->folder, 0, NULL);
  g_assert_nonnull (g_dir_read_name (folder));
  g_assert_null (g_dir_read_name (folder));
}

/* New training from an exported encoder: the weights are taken, the history is not. */
static void
test_from_file (Training *f, gconstpointer data)
{
  g_autoptr (GhMaeTrainer) trainer = training_new (f);
  g_autoptr (GhMaeTrainer) next = NULL;
  g_autoptr (GError) error = NULL;
  const GhMaeParams *a, *b;

  training_steps (f, trainer, 5);
  gh_mae_trainer_export (trainer, f->a, NULL, &error);
  g_assert_no_error (error);
  next = gh_mae_trainer_new_from_file (f->a, &f->options, &error);
  g_assert_no_error (error);
  a = &trainer->model.params;
  b = &next->model.params;
  g_assert_cmpmem (a->weights, a->n_all * sizeof (float), b->weights, b->n_all * sizeof (float));
  g_assert_cmpuint (gh_mae_trainer_steps_done (next), ==, 0);
  g_assert_null (gh_mae_trainer_resume (f->a, NULL, &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_UNSUITABLE);
  g_assert_nonnull (strstr (error->message, "no state of training"));
}

/* A learned table of positions and a cls token of a file stay what they are, and the token learns. */
static void
test_tables (Training *f, gconstpointer data)
{
  const gint64 pos_shape[] = { 36, 48 }, dec_pos_shape[] = { 36, 32 };
  g_autoptr (ModelFile) file = NULL, after = NULL;
  g_autoptr (GhMaeTrainer) trainer = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree float *table = g_new (float, 36 * 48);

  f->config.cls_token = TRUE;
  f->config.pool = GH_POOL_MEAN_STD;
  test_make_model (f->a, &f->config, 1);
  file = model_file_read (f->a);
  test_fill_normal (table, 36 * 48, 0.3, 1);
  model_file_add (file, "pos", 2, pos_shape, table);
  model_file_add (file, "decoder.pos", 2, dec_pos_shape, table);
  model_file_write (file, f->a);
  trainer = gh_mae_trainer_new_from_file (f->a, &f->options, &error);
  g_assert_no_error (error);
  training_steps (f, trainer, 3);
  training_save (trainer, f->b);
  after = model_file_read (f->b);
  for (guint i = 0; i < file->tensors->len; i++) {
    ModelTensor *was = g_ptr_array_index (file->tensors, i), *is = model_file_find (after, was->name);
    gboolean fixed = g_str_has_suffix (was->name, "pos") || g_str_has_prefix (was->name, "embed.");

    g_assert_cmpint (was->count, ==, is->count);
    if ((memcmp (was->data, is->data, was->count * sizeof (float)) == 0) != fixed)
      g_error ("%s %s", was->name, fixed ? "has changed" : "is as it was");
  }
}

/* Metadata and tensors of a checkpoint that are not what they should be. */
static void
test_bent (Training *f, gconstpointer data)
{
  static const struct { const char *remove, *key, *value, *word; } cases[] = {
    { "train.loss", NULL, NULL, "train.loss" },
    { "train.v.norm.bias", NULL, NULL, "train.v.norm.bias" },
    { NULL, NULL, NULL, "below 0" },
    { NULL, "training_state", "{}", "missing" },
    { NULL, "training_state", "[1", "state of training" },
    { NULL, "training_state", "{\"step\":1,\"step\":2}", "twice" },
  };
  g_autoptr (GhMaeTrainer) trainer = training_new (f);

  training_steps (f, trainer, 2);
  training_save (trainer, f->a);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (ModelFile) file = model_file_read (f->a);
    g_autoptr (GError) error = NULL;

    if (cases[i].remove)
      model_file_remove (file, cases[i].remove);
    else if (!cases[i].key)
      model_file_find (file, "train.v.norm.bias")->data[3] = -1e-3f;
    else
      model_file_set (file, cases[i].key, cases[i].value);
    model_file_write (file, f->b);
    g_assert_null (gh_mae_trainer_resume (f->b, NULL, &error));
    g_assert_true (g_error_matches (error, GH_ERROR, GH_ERROR_CORRUPT));
    if (!strstr (error->message, cases[i].word))
      g_error ("no \"%s\" in: %s", cases[i].word, error->message);
  }
}

/* A stranger among the tensors of the state is refused on resuming; without a state, on loading. */
static void
test_stranger (Training *f, gconstpointer data)
{
  const gint64 shape[] = { 3 };
  g_autoptr (GhMaeTrainer) trainer = training_new (f);
  g_autoptr (ModelFile) file = NULL;
  g_autoptr (GError) error = NULL;

  training_save (trainer, f->a);
  file = model_file_read (f->a);
  model_file_add (file, "train.m.more", 1, shape, NULL);
  model_file_write (file, f->b);
  g_assert_null (gh_mae_trainer_resume (f->b, NULL, &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_CORRUPT);
  g_clear_error (&error);
  g_hash_table_remove (file->metadata, "training_state");
  model_file_write (file, f->b);
  g_assert_null (gh_encoder_load (f->b, GH_DEVICE_CPU, GH_PRECISION_F32, 0, &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_UNSUITABLE);
}

/* ---- what goes wrong --------------------------------------------------------------------------------------------- */

/* Much too large steps: an error in time, the weights and the last checkpoint as they were. */
static void
test_blow_up (Training *f, gconstpointer data)
{
  g_autoptr (GhMaeTrainer) trainer = NULL;
  g_autofree float *before = NULL;
  g_autoptr (GError) error = NULL;
  const GhMaeParams *p;
  guint64 done = 0;
  float embedding[32];

  f->options.lr = 10;
  f->options.warmup = 0;
  f->options.weight_decay = 0;
  trainer = training_new (f);
  p = &trainer->model.params;
  training_save (trainer, f->a);
  training_steps (f, trainer, 1);
  /* What lr 10 does in its own time. */
  for (guint64 i = 0; i < p->n_trained; i++)
    p->weights[i] *= 1e15f;
  gh_mae_model_refresh (&trainer->model);
  before = g_memdup2 (p->weights, p->n_all * sizeof (float));
  done = gh_mae_trainer_steps_done (trainer);
  g_assert_false (gh_mae_trainer_step (trainer, f->store, NULL, &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_DATA);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, "step 2"));
  g_assert_cmpmem (before, p->n_all * sizeof (float), p->weights, p->n_all * sizeof (float));
  g_assert_cmpuint (gh_mae_trainer_steps_done (trainer), ==, done);

  p->weights[3] = NAN;
  g_clear_error (&error);
  g_assert_false (gh_mae_trainer_save (trainer, f->a, &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_DATA);
  g_clear_pointer (&trainer, gh_mae_trainer_free);
  g_clear_error (&error);
  trainer = gh_mae_trainer_resume (f->a, NULL, &error);
  g_assert_no_error (error);
  training_steps (f, trainer, 1);
  training_save (trainer, f->b);
  embed (f->b, &f->config, GH_PRECISION_F32, embedding);
}

static void
test_empty (Training *f, gconstpointer data)
{
  g_autoptr (GhFrameStore) empty = gh_frame_store_new (37, 56, 4, 1);
  g_autoptr (GhMaeTrainer) trainer = training_new (f);
  g_autoptr (GError) error = NULL;

  g_assert_false (gh_mae_trainer_step (trainer, empty, NULL, &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_DATA);
}

static void
test_unwritable (Training *f, gconstpointer data)
{
  g_autoptr (GhMaeTrainer) trainer = training_new (f);
  g_autofree char *nowhere = g_build_filename (f->folder, "no", "where.safetensors", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (gh_mae_trainer_save (trainer, nowhere, &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_WRITE);
}

static void
refuse (Training *f, const char *word)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (gh_mae_trainer_new (&f->config, &f->options, &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_UNSUITABLE);
  if (!strstr (error->message, word))
    g_error ("no \"%s\" in: %s", word, error->message);
}

static void
test_options (Training *f, gconstpointer data)
{
  const GhMaeTrainOptions good = f->options;
#define REFUSE(name, value) f->options = good, f->options.name = value, refuse (f, #name)
  REFUSE (batch, 0);
  REFUSE (accumulate, 0);
  REFUSE (steps, 0);
  REFUSE (warmup, 60);
  REFUSE (lr, -1);
  REFUSE (lr, NAN);
  REFUSE (min_lr, 1);
  REFUSE (weight_decay, -1);
  REFUSE (beta1, 1);
  REFUSE (beta2, 1);
  REFUSE (clip, -1);
  REFUSE (mask_ratio, 1);
  REFUSE (mask_ratio, 0.001);
  REFUSE (crop, 0);
  REFUSE (light, 2);
  REFUSE (precision, GH_PRECISION_INT8);
#undef REFUSE
  f->options = good;
  f->config.dec_depth = f->config.dec_dim = f->config.dec_heads = f->config.dec_head_dim = f->config.dec_mlp = 0;
  refuse (f, "decoder");
}

int
main (int argc, char **argv)
{
#define ADD(name, data, function) \
    g_test_add ("/mae-trainer-files/" name, Training, data, training_set_up, function, training_tear_down)
  g_test_init (&argc, &argv, NULL);
  ADD ("export", NULL, test_export);
  ADD ("export-fits", NULL, test_export_fits);
  ADD ("export-stops", NULL, test_export_stops);
  ADD ("from-file", NULL, test_from_file);
  ADD ("tables", NULL, test_tables);
  ADD ("bent", NULL, test_bent);
  ADD ("stranger", NULL, test_stranger);
  ADD ("blow-up", NULL, test_blow_up);
  ADD ("empty", NULL, test_empty);
  ADD ("unwritable", NULL, test_unwritable);
  ADD ("options", NULL, test_options);
  return g_test_run ();
}
