/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-encoder-sharing.c: one file is loaded once for all who ask for the same of it, from any number of threads, and
 * sessions in several threads do not disturb each other.
 */
#include "encoder-fixture.h"
#include "model-file.h"
#include "models/gh-error.h"

#include <unistd.h>

static void
test_sharing (Fixture *f, gconstpointer data)
{
  const GhMaeConfig c = test_config ();
  g_autofree char *link = g_build_filename (f->folder, "link.safetensors", NULL);
  GhEncoder *a, *b, *other;

  test_make_model (f->path, &c, 9);
  g_assert_cmpint (symlink (f->path, link), ==, 0);
  a = test_load (f->path, GH_DEVICE_CPU, GH_PRECISION_F32);
  b = test_load (link, GH_DEVICE_CPU, GH_PRECISION_F32);
  g_assert_true (a == b);
  other = test_load (f->path, GH_DEVICE_REF, GH_PRECISION_F32);
  g_assert_true (other != a);
  g_assert_cmpstr (gh_encoder_device (other), ==, "ref");
  g_assert_cmpstr (gh_encoder_id (other), ==, gh_encoder_id (a));
  gh_encoder_unref (other);
  other = test_load (f->path, GH_DEVICE_CPU, GH_PRECISION_BF16);
  g_assert_true (other != a);
  g_assert_cmpstr (gh_encoder_precision (other), ==, "bf16");
  gh_encoder_unref (other);

  /* One reference is enough to keep it. */
  gh_encoder_unref (a);
  a = test_load (f->path, GH_DEVICE_CPU, GH_PRECISION_F32);
  g_assert_true (a == b);

  /* Another file under the same name is another encoder, and the old one lives on. */
  test_make_model (f->path, &c, 10);
  other = test_load (f->path, GH_DEVICE_CPU, GH_PRECISION_F32);
  g_assert_true (other != a);
  g_assert_cmpstr (gh_encoder_id (other), !=, gh_encoder_id (a));
  gh_encoder_unref (other);
  gh_encoder_unref (a);
  gh_encoder_unref (b);
}

static gpointer
load_in_thread (gpointer path)
{
  return test_load (path, GH_DEVICE_CPU, GH_PRECISION_F32);
}

static void
test_sharing_threads (Fixture *f, gconstpointer data)
{
  const GhMaeConfig c = test_config ();

  test_make_model (f->path, &c, 9);
  for (int round = 0; round < 20; round++) {
    GThread *threads[8];
    GhEncoder *encoders[8];

    for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
      threads[i] = g_thread_new ("load", load_in_thread, f->path);
    for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
      encoders[i] = g_thread_join (threads[i]);
    for (guint i = 0; i < G_N_ELEMENTS (threads); i++) {
      g_assert_true (encoders[i] == encoders[0]);
      gh_encoder_unref (encoders[i]);
    }
  }
}

static gpointer
fail_in_thread (gpointer path)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (gh_encoder_load (path, GH_DEVICE_CPU, GH_PRECISION_F32, 0, &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_UNSUITABLE);
  return NULL;
}

/* Whoever waits for a load that fails tries by itself and gets an error of its own. */
static void
test_failing_threads (Fixture *f, gconstpointer data)
{
  const GhMaeConfig c = test_config ();
  g_autoptr (ModelFile) file = NULL;
  GThread *threads[8];

  test_make_model (f->path, &c, 9);
  file = model_file_read (f->path);
  model_file_remove (file, "norm.bias");
  model_file_write (file, f->path);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("fail", fail_in_thread, f->path);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

static float *
embed (GhEncoderSession *session, const float *patches, const GhMaeConfig *c)
{
  g_autoptr (GError) error = NULL;
  float *embedding = g_new (float, c->embedding);

  gh_encoder_forward (session, patches, NULL, 1, gh_mae_config_tokens (c), NULL, embedding, &error);
  g_assert_no_error (error);
  return embedding;
}

/* Sessions of one encoder in several threads give what each would give alone. */
static gpointer
encode_in_thread (gpointer encoder)
{
  const GhMaeConfig *c = gh_encoder_config (encoder);
  g_autoptr (GhEncoderSession) session = test_open_session (encoder, 1);
  g_autofree float *patches = test_random_patches (c, 1, gh_mae_config_tokens (c), 12), *again = NULL;
  float *embedding = embed (session, patches, c);

  for (int i = 0; i < 20; i++) {
    again = embed (session, patches, c);
    g_assert_cmpmem (again, c->embedding * sizeof (float), embedding, c->embedding * sizeof (float));
    g_clear_pointer (&again, g_free);
  }
  return embedding;
}

static void
test_session_threads (Fixture *f, gconstpointer data)
{
  const GhMaeConfig c = test_config ();
  g_autoptr (GhEncoder) encoder = NULL;
  GThread *threads[4];
  float *embeddings[4];

  test_make_model (f->path, &c, 9);
  encoder = test_load (f->path, GH_DEVICE_CPU, GH_PRECISION_F32);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("encode", encode_in_thread, encoder);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    embeddings[i] = g_thread_join (threads[i]);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_assert_cmpmem (embeddings[i], c.embedding * sizeof (float), embeddings[0], c.embedding * sizeof (float));
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_free (embeddings[i]);
}

#define ADD(name, function) g_test_add ("/sharing/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("files", test_sharing);
  ADD ("threads", test_sharing_threads);
  ADD ("failing-threads", test_failing_threads);
  ADD ("session-threads", test_session_threads);
  return g_test_run ();
}
