/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-mae-trainer-device.c: training on the cuda back end with its frames on the device: the weights are those of frames
 * that come from the host, bit for bit, also while frames are replaced; a step brings no pixels, waits no more often
 * than it must, and allocates nothing. Meson runs it on the emulated module, which counts; on a GPU where there is one.
 * Exits with 77 without both.
 */
#include "training-fixture.h"

#include <dlfcn.h>
#include <string.h>

/* As in cuda-emulation.h. */
typedef struct {
  guint64 uploads, bytes_up, downloads, bytes_down, waits, allocations;
} Traffic;

enum { BATCH = 3, CAPACITY = 8, FRAMES = 13 };

static void
set_up (Training *f, gconstpointer data)
{
  training_set_up (f, data);
  f->config.depth = f->config.dec_depth = 1;
  f->options.device = GH_DEVICE_CUDA;
  f->options.batch = BATCH;
}

/* Puts another store in the place of the fixture's: one that has had more frames than it holds. */
static void
fill (Training *f, GhFrameStore *store)
{
  const gsize stride = f->config.width * 3 + 5;
  g_autofree guint8 *tight = g_malloc (f->config.height * f->config.width * 3);
  g_autofree guint8 *wide = g_malloc0 (f->config.height * stride);

  for (guint i = 0; i < FRAMES; i++) {
    training_frame (tight, f->config.height, f->config.width, i);
    for (int y = 0; y < f->config.height; y++)
      memcpy (wide + y * stride, tight + y * f->config.width * 3, f->config.width * 3);
    g_assert_true (i % 2 ? gh_frame_store_push (store, tight, f->config.width * 3, NULL)
        : gh_frame_store_push (store, wide, stride, NULL));
  }
  gh_frame_store_free (f->store);
  f->store = store;
}

static GhFrameStore *
host_store (Training *f)
{
  return gh_frame_store_new (f->config.height, f->config.width, CAPACITY, f->options.seed);
}

/* ---- the same weights -------------------------------------------------------------------------------------------- */

static void
augment (Training *f)
{
  f->options.crop = 0.4;
  f->options.flip = TRUE;
  f->options.light = 0.7;
  f->options.accumulate = 2;
}

/* On the device, from the host by way of the device, and by the processor. */
static void
check_same (Training *f)
{
  g_autoptr (GhMaeTrainer) device = training_new (f), host = training_new (f);
  g_autoptr (GhMaeTrainer) processor = NULL;
  const guint64 steps = 2;

  fill (f, gh_mae_trainer_new_store (device, CAPACITY));
  g_assert_nonnull (gh_frame_store_on_device (f->store));
  g_assert_nonnull (strstr (gh_frame_store_where (f->store), "on the device"));
  training_steps (f, device, steps);
  training_save (device, f->a);
  fill (f, host_store (f));
  g_assert_null (gh_frame_store_on_device (f->store));
  training_steps (f, host, steps);
  training_save (host, f->b);
  assert_same_bytes (f->a, f->b);
  f->options.device = GH_DEVICE_CPU;
  processor = training_new (f);
  training_steps (f, processor, steps);
  for (guint64 i = 0; i < steps; i++)
    g_assert_cmpfloat_with_epsilon (mean_loss (device, i, i + 1), mean_loss (processor, i, i + 1), 1e-4);
}

static void
test_same (Training *f, gconstpointer data)
{
  augment (f);
  check_same (f);
}

/* The camera's mean picture is made of the frames of the device, too. */
static void
test_camera (Training *f, gconstpointer data)
{
  f->config.target = GH_MAE_TARGET_CAMERA;
  check_same (f);
}

/* Steps on pictures that are given, between those on frames, take nothing from what was drawn ahead; nor does another
 * size of frames. */
static void
test_between (Training *f, gconstpointer data)
{
  const gsize pixels = (gsize) f->config.height * f->config.width * 3;
  g_autoptr (GhFrameStore) large = training_store (f->config.height + 20, f->config.width + 30, CAPACITY);
  g_autofree guint8 *rgb = g_malloc (BATCH * pixels);
  g_autofree float *noise = g_new0 (float, BATCH * gh_mae_config_tokens (&f->config));
  double losses[2][5];

  test_fill_bytes (rgb, BATCH * pixels, 3);
  f->options.crop = 0.5;
  for (int i = 0; i < 2; i++) {
    g_autoptr (GhMaeTrainer) trainer = NULL;

    f->options.device = i == 0 ? GH_DEVICE_CUDA : GH_DEVICE_CPU;
    trainer = training_new (f);
    fill (f, gh_mae_trainer_new_store (trainer, CAPACITY));
    training_steps (f, trainer, 1);
    g_assert_true (gh_mae_trainer_step_on (trainer, rgb, noise, NULL, NULL));
    training_steps (f, trainer, 1);
    g_assert_true (gh_mae_trainer_step (trainer, large, NULL, NULL));
    training_steps (f, trainer, 1);
    for (int step = 0; step < 5; step++)
      losses[i][step] = mean_loss (trainer, step, step + 1);
  }
  for (int step = 0; step < 5; step++)
    g_assert_cmpfloat_with_epsilon (losses[0][step], losses[1][step], 1e-4);
}

/* ---- in bfloat16 ------------------------------------------------------------------------------------------------- */

/* A model whose blocks, patches and loss are done in one call each, where there are tensor cores. */
static void
shape_to_fuse (Training *f)
{
  GhMaeConfig *c = &f->config;

  c->dim = c->dec_dim = 128;
  c->heads = c->dec_heads = 2;
  c->head_dim = c->dec_head_dim = 64;
  c->depth = c->dec_depth = 2;
  c->conv = 9;
  c->landmarks = 256;
  f->options.batch = BATCH;
}

/* What is left of the first step, and the losses of three. */
static float *
gradient_of_step (Training *f, GhDevice device, GhPrecision precision, gsize *n, double *losses)
{
  g_autoptr (GhMaeTrainer) trainer = NULL;
  float *gradient;

  f->options.device = device;
  f->options.precision = precision;
  trainer = training_new (f);
  g_test_message ("blocks %s, patches %s, loss %s: %s", trainer->pass.decoder.fused ? "fused" : "not fused",
      trainer->pass.fuses_patches ? "fused" : "not fused", trainer->pass.fuses_loss ? "fused" : "not fused",
      gh_mae_trainer_reason (trainer));
  if (device == GH_DEVICE_CUDA && precision == GH_PRECISION_BF16) {
    const gboolean whole = f->config.target != GH_MAE_TARGET_CAMERA;    /* whose patches are shifted first */

    g_assert_true (trainer->pass.encoder.fused && trainer->pass.decoder.fused);
    g_assert_true (trainer->pass.fuses_patches == whole && trainer->pass.fuses_loss == whole);
  }
  fill (f, gh_mae_trainer_new_store (trainer, CAPACITY));
  training_steps (f, trainer, 1);
  *n = trainer->model.params.n_trained;
  gradient = g_new (float, *n);
  g_assert_cmpint (gh_download (trainer->ctx, gradient, trainer->model.params.gradient, *n * sizeof (float)), ==, GH_OK);
  g_assert_cmpint (gh_sync (trainer->ctx), ==, GH_OK);
  training_steps (f, trainer, 2);
  for (int step = 0; step < 3; step++)
    losses[step] = mean_loss (trainer, step, step + 1);
  return gradient;
}

/* Close to the processor's in float32, and the same bits each time. */
static void
check_fused (Training *f)
{
  bool fast = false;
  GhCtx *ctx = NULL;
  double losses[3][3];
  gsize n, same;
  g_autofree float *want = NULL, *got = NULL, *again = NULL;

  g_assert_cmpint (gh_ctx_new (&ctx, GH_DEVICE_CUDA, 0, NULL, 0), ==, GH_OK);
  gh_supports (ctx, GH_DTYPE_BF16, &fast, NULL);
  gh_ctx_free (ctx);
  if (!fast) {
    g_test_skip ("no tensor cores");
    return;
  }
  shape_to_fuse (f);
  want = gradient_of_step (f, GH_DEVICE_CPU, GH_PRECISION_F32, &n, losses[0]);
  got = gradient_of_step (f, GH_DEVICE_CUDA, GH_PRECISION_BF16, &same, losses[1]);
  g_assert_cmpuint (n, ==, same);
  g_test_message ("gradients of %" G_GSIZE_FORMAT " numbers differ by %g", n, test_error (got, want, n));
  g_assert_cmpfloat (test_error (got, want, n), <, 2e-2);
  for (int step = 0; step < 3; step++)
    g_assert_cmpfloat_with_epsilon (losses[0][step], losses[1][step], 5e-3);
  again = gradient_of_step (f, GH_DEVICE_CUDA, GH_PRECISION_BF16, &same, losses[2]);
  g_assert_cmpmem (again, n * sizeof (float), got, n * sizeof (float));
  g_assert_cmpmem (losses[2], sizeof losses[2], losses[1], sizeof losses[1]);
}

static void
test_fused (Training *f, gconstpointer data)
{
  check_fused (f);
}

static void
test_fused_camera (Training *f, gconstpointer data)
{
  f->config.target = GH_MAE_TARGET_CAMERA;
  check_fused (f);
}

/* ---- where frames are -------------------------------------------------------------------------------------------- */

static void
test_too_many (Training *f, gconstpointer data)
{
  const guint64 frame = f->config.height * f->config.width * 3;
  g_autoptr (GhMaeTrainer) trainer = training_new (f);
  size_t left;
  guint most;

  g_assert_cmpint (gh_memory_left (trainer->ctx, &left), ==, GH_OK);
  most = left / 2 / frame;
  fill (f, gh_mae_trainer_new_store (trainer, most + most / 100));
  g_test_message ("%s", gh_frame_store_where (f->store));
  g_assert_null (gh_frame_store_on_device (f->store));
  g_assert_nonnull (strstr (gh_frame_store_where (f->store), "stay in the host's memory"));
  g_assert_nonnull (strstr (gh_frame_store_where (f->store), "half of what the device has free"));
  training_steps (f, trainer, 1);
}

static void
test_processor (Training *f, gconstpointer data)
{
  g_autoptr (GhMaeTrainer) trainer = NULL;
  g_autoptr (GhFrameStore) store = NULL;

  f->options.device = GH_DEVICE_CPU;
  trainer = training_new (f);
  store = gh_mae_trainer_new_store (trainer, CAPACITY);
  g_assert_true (!gh_frame_store_on_device (store) && !gh_frame_store_where (store));
  g_assert_false (gh_frame_store_to_device (store, GH_DEVICE_CPU));
  g_assert_nonnull (strstr (gh_frame_store_where (store), "the host's memory"));
}

/* ---- what a step asks of the device ------------------------------------------------------------------------------ */

static Traffic
traffic_of_step (Training *f, GhMaeTrainer *trainer, Traffic (*read) (void))
{
  const Traffic before = read ();

  training_steps (f, trainer, 1);

  const Traffic after = read ();

  return (Traffic) { after.uploads - before.uploads, after.bytes_up - before.bytes_up, after.downloads - before.downloads,
    after.bytes_down - before.bytes_down, after.waits - before.waits, after.allocations - before.allocations };
}

static void
test_traffic (Training *f, gconstpointer data)
{
  void *module = dlopen (g_getenv ("GST_HEADS_CUDA_MODULE"), RTLD_NOW | RTLD_NOLOAD);
  Traffic (*read) (void) = module ? (Traffic (*) (void)) dlsym (module, "gh_emulated_traffic") : NULL;
  g_autoptr (GhMaeTrainer) trainer = training_new (f);
  const guint64 N = gh_mae_config_tokens (&f->config), frame = f->config.height * f->config.width * 3;
  const guint64 plan = BATCH * (sizeof (GhView) + N * sizeof (gint32));
  Traffic t;

  if (!read) {
    g_test_skip ("only the emulation counts");
    return;
  }
  fill (f, gh_mae_trainer_new_store (trainer, CAPACITY));
  training_steps (f, trainer, 1);
  for (int i = 0; i < 3; i++) {
    t = traffic_of_step (f, trainer, read);
    g_assert_cmpuint (t.uploads, ==, 1);
    g_assert_cmpuint (t.bytes_up, ==, plan);
    g_assert_cmpuint (t.downloads, ==, 1);
    g_assert_cmpuint (t.bytes_down, ==, 2 * sizeof (float));
    g_assert_cmpuint (t.waits, <=, 4);
    g_assert_cmpuint (t.allocations, ==, 0);
  }
  g_test_message ("on the device: %" G_GUINT64_FORMAT " bytes up, %" G_GUINT64_FORMAT " waits", t.bytes_up, t.waits);
  fill (f, host_store (f));
  training_steps (f, trainer, 1);
  t = traffic_of_step (f, trainer, read);
  g_test_message ("from the host: %" G_GUINT64_FORMAT " bytes up, %" G_GUINT64_FORMAT " waits", t.bytes_up, t.waits);
  g_assert_cmpuint (t.bytes_up, ==, plan + BATCH * frame);
  g_assert_cmpuint (t.waits, <=, 4);
  g_assert_cmpuint (t.allocations, ==, 0);
  dlclose (module);
}

/* ---- while frames come ------------------------------------------------------------------------------------------- */

typedef struct {
  Training *f;
  gint stop;                    /* atomic */
} Camera;

/* Frames of one value each. */
static void
push (Training *f, guint8 *rgb, int value)
{
  memset (rgb, value, f->config.height * f->config.width * 3);
  g_assert_true (gh_frame_store_push (f->store, rgb, f->config.width * 3, NULL));
}

static gpointer
push_frames (gpointer data)
{
  Camera *camera = data;
  Training *f = camera->f;
  g_autofree guint8 *rgb = g_malloc (f->config.height * f->config.width * 3);

  for (int i = 0; !g_atomic_int_get (&camera->stop); i++) {
    push (f, rgb, i);
    g_usleep (100);
  }
  return NULL;
}

/* No picture that was learned from is of two frames. */
static void
test_live (Training *f, gconstpointer data)
{
  const gsize pixels = (gsize) f->config.height * f->config.width * 3;
  g_autoptr (GhMaeTrainer) trainer = training_new (f);
  g_autofree guint8 *rgb = g_malloc (BATCH * pixels);
  Camera camera = { f };
  GThread *thread;

  gh_frame_store_free (f->store);
  f->store = gh_mae_trainer_new_store (trainer, 4);
  g_assert_nonnull (gh_frame_store_on_device (f->store));
  for (int i = 0; i < 4; i++)
    push (f, rgb, i);
  thread = g_thread_new ("camera", push_frames, &camera);
  for (int step = 0; step < 4; step++) {
    training_steps (f, trainer, 1);
    g_assert_cmpint (gh_download (trainer->ctx, rgb, trainer->pass.rgb, BATCH * pixels), ==, GH_OK);
    for (gsize i = 0; i < BATCH * pixels; i++)
      g_assert_cmpint (rgb[i], ==, rgb[i / pixels * pixels]);
  }
  g_atomic_int_set (&camera.stop, TRUE);
  g_thread_join (thread);
  g_test_message ("%" G_GUINT64_FORMAT " frames came meanwhile", gh_frame_store_pushed (f->store));
  g_assert_cmpuint (gh_frame_store_pushed (f->store), >, 20);
}

int
main (int argc, char **argv)
{
  char reason[256] = "";
  GhCtx *ctx = NULL;

  if (gh_ctx_new (&ctx, GH_DEVICE_CUDA, 0, reason, sizeof (reason)) != GH_OK) {
    g_printerr ("skipped: %s\n", reason);
    return 77;
  }
  gh_ctx_free (ctx);
#define ADD(name, function) \
    g_test_add ("/mae-trainer-device/" name, Training, NULL, set_up, function, training_tear_down)
  g_test_init (&argc, &argv, NULL);
  ADD ("same", test_same);
  ADD ("camera", test_camera);
  ADD ("between", test_between);
  ADD ("fused", test_fused);
  ADD ("fused-camera", test_fused_camera);
  ADD ("too-many", test_too_many);
  ADD ("processor", test_processor);
  ADD ("traffic", test_traffic);
  ADD ("live", test_live);
  return g_test_run ();
}
