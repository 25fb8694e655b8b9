/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-mae-camera.c: the target CAMERA: the mean picture of the first frames is measured, kept, and taken away by every
 * encoder made from it.
 */
#include "training-fixture.h"

enum { FRAMES = 13 };           /* of the fixture */

/* mean[height,width,3] in 0..1 of the store's frames; returns how far they spread around it. */
static double
measure (const Training *f, double *mean)
{
  const gsize pixels = (gsize) f->config.height * f->config.width * 3;
  g_autofree guint8 *rgb = g_malloc (pixels);
  double squares = 0;

  for (guint k = 0; k < FRAMES; k++) {
    training_frame (rgb, f->config.height, f->config.width, k);
    for (gsize i = 0; i < pixels; i++)
      mean[i] += rgb[i] / 255.0 / FRAMES;
  }
  for (guint k = 0; k < FRAMES; k++) {
    training_frame (rgb, f->config.height, f->config.width, k);
    for (gsize i = 0; i < pixels; i++)
      squares += (rgb[i] / 255.0 - mean[i]) * (rgb[i] / 255.0 - mean[i]);
  }
  return sqrt (squares / FRAMES / pixels);
}

/* pred[B,N-K,P] of the encoder is the trainer's, with the background added. */
static void
check_pred (const GhMaeTrainer *t, const float *pred, const double *mean, double spread)
{
  const GhMaePass *p = &t->pass;
  const GhMaeConfig *c = &t->config;
  const int cols = gh_mae_config_grid_cols (c);

  for (int i = 0; i < p->B * (p->N - p->K); i++) {
    for (int v = 0; v < p->P; v++) {
      const int y = p->drop[i] / cols * c->patch + v / 3 / c->patch, x = p->drop[i] % cols * c->patch + v / 3 % c->patch;
      const double background = y < c->height && x < c->width
          ? (mean[((gsize) y * c->width + x) * 3 + v % 3] - c->mean[v % 3]) / spread : 0;

      g_assert_cmpfloat_with_epsilon (pred[(gsize) i * p->P + v], p->pred[(gsize) i * p->P + v] + background, 1e-3);
    }
  }
}

static void
test_encoder (Training *f, gconstpointer data)
{
  const gsize pixels = (gsize) f->config.height * f->config.width * 3;
  g_autofree double *mean = g_new0 (double, pixels);
  g_autoptr (GhMaeTrainer) t = NULL;
  g_autoptr (GhEncoder) encoder = NULL;
  g_autoptr (GhEncoderSession) session = NULL;
  g_autoptr (GError) error = NULL;
  double spread;

  f->config.target = GH_MAE_TARGET_CAMERA;
  t = training_new (f);
  training_steps (f, t, 3);
  spread = measure (f, mean);
  for (int i = 0; i < 3; i++)
    g_assert_cmpfloat_with_epsilon (gh_mae_trainer_config (t)->std[i], spread, 1e-6);
  training_save (t, f->a);
  encoder = test_load (f->a, GH_DEVICE_CPU, GH_PRECISION_F32);
  g_assert_cmpint (gh_encoder_config (encoder)->target, ==, GH_MAE_TARGET_CAMERA);

  const GhMaePass *p = &t->pass;
  const GhMaeConfig *c = &t->config;
  const gsize n_latent = (gsize) p->B * p->K * c->dim;
  g_autofree float *patches = g_new (float, (gsize) p->B * p->K * p->P), *latent = g_new (float, n_latent);
  g_autofree float *pred = g_new (float, (gsize) p->B * (p->N - p->K) * p->P);

  g_assert_cmpint (gh_mae_pass_cut (p), ==, GH_OK);
  g_assert_cmpint (gh_mae_pass_forward (p), ==, GH_OK);
  g_assert_cmpint (gh_patchify_fwd (t->ctx, patches, p->rgb, p->keep, c->mean, c->std, p->B, c->height, c->width,
          (gsize) c->width * 3, c->patch, p->K), ==, GH_OK);
  session = test_open_session (encoder, p->B);
  g_assert_true (gh_encoder_forward (session, patches, p->keep, p->B, p->K, latent, NULL, &error));
  g_assert_cmpfloat (test_error (latent, p->latent, n_latent), <, 1e-5);
  g_assert_true (gh_encoder_decode (session, latent, p->keep, p->drop, p->B, p->K, pred, &error));
  check_pred (t, pred, mean, spread);
}

/* A resumed training keeps the camera it saw. */
static void
test_resume (Training *f, gconstpointer data)
{
  g_autoptr (GhMaeTrainer) whole = NULL, half = NULL, rest = NULL;

  f->config.target = GH_MAE_TARGET_CAMERA;
  whole = training_new (f);
  training_steps (f, whole, 6);
  training_save (whole, f->a);
  half = training_new (f);
  training_steps (f, half, 3);
  training_save (half, f->b);
  rest = training_resume (f, f->b);
  training_steps (f, rest, 3);
  training_save (rest, f->b);
  assert_same_bytes (f->a, f->b);
}

/* A training for this camera may start from an encoder of any; one that has seen the camera keeps what it saw. */
static void
test_start (Training *f, gconstpointer data)
{
  g_autoptr (GhMaeTrainer) plain = training_new (f);
  g_autoptr (GhMaeTrainer) camera = NULL, again = NULL;
  g_autoptr (GError) error = NULL;
  float std;

  training_steps (f, plain, 2);
  training_save (plain, f->a);
  f->options.target = GH_MAE_TARGET_CAMERA;
  camera = gh_mae_trainer_new_from_file (f->a, &f->options, &error);
  g_assert_no_error (error);
  g_assert_true (camera->needs_camera);
  training_steps (f, camera, 2);
  std = camera->config.std[0];
  training_save (camera, f->b);
  f->options.target = GH_MAE_TARGET_AUTO;
  again = gh_mae_trainer_new_from_file (f->b, &f->options, &error);
  g_assert_no_error (error);
  g_assert_false (again->needs_camera);
  g_assert_cmpint (again->options.target, ==, GH_MAE_TARGET_CAMERA);
  g_assert_cmpfloat (again->config.std[0], ==, std);
  f->options.target = GH_MAE_TARGET_PATCH;
  g_assert_null (gh_mae_trainer_new_from_file (f->b, &f->options, &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_UNSUITABLE);
}

/* The mean picture lies still: no view of a frame may move. */
static void
test_views (Training *f, gconstpointer data)
{
  f->options.target = GH_MAE_TARGET_CAMERA;
  for (int flip = 0; flip < 2; flip++) {
    g_autoptr (GError) error = NULL;

    f->options.flip = flip;
    f->options.crop = flip ? 1 : 0.5;
    g_assert_null (gh_mae_trainer_new (&f->config, &f->options, &error));
    g_assert_error (error, GH_ERROR, GH_ERROR_UNSUITABLE);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name) \
  g_test_add ("/mae-camera/" #name, Training, NULL, training_set_up, test_##name, training_tear_down)
  ADD (encoder);
  ADD (resume);
  ADD (start);
  ADD (views);
#undef ADD
  return g_test_run ();
}
