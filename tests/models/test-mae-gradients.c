/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-mae-gradients.c: the gradient of the whole masked autoencoder against central differences of its loss, tensor by
 * tensor, for every variant of the model, on every back end. Each tensor is moved along its own gradient and along a
 * random direction: the loss must change by what the gradient says.
 */
#include "model-file.h"
#include "temp-folder.h"
#include "models/gh-mae-trainer-private.h"

#include <math.h>
#include <string.h>

/* The gradient takes the scale that the pseudo-inverse starts from as a constant, which it is not: while the iteration
 * is on its way that shows by some percent, at its end not at all. So it is taken to its end, and queries and keys are
 * made large enough for the matrix to have a tame inverse. */
#define PINV_ITERS 12
#define QKV_SCALE 2

enum { B = 2 };

typedef struct {
  const char *name;
  int landmarks, conv;
  gboolean qkv_bias, cls_token;
  GhPool pool;
  GhMaeTarget target;
} Variant;

static const Variant variants[] = {
  { "exact", 0, 0, FALSE, FALSE, GH_POOL_MEAN, GH_MAE_TARGET_PATCH },
  { "nystrom+conv", 4, 5, FALSE, FALSE, GH_POOL_MEAN, GH_MAE_TARGET_PATCH },
  { "exact+conv+cls", 0, 5, FALSE, TRUE, GH_POOL_MEAN_STD, GH_MAE_TARGET_PIXELS },
  { "nystrom+conv+cls+bias", 4, 5, TRUE, TRUE, GH_POOL_CLS, GH_MAE_TARGET_PATCH },
};

static void
sharpen (const char *path)
{
  g_autoptr (ModelFile) file = model_file_read (path);

  for (guint i = 0; i < file->tensors->len; i++) {
    ModelTensor *tensor = g_ptr_array_index (file->tensors, i);

    for (gint64 j = 0; j < tensor->count && g_str_has_suffix (tensor->name, "attn.qkv.weight"); j++)
      tensor->data[j] *= QKV_SCALE;
  }
  model_file_write (file, path);
}

static GhMaeTrainer *
open_trainer (const char *path, const Variant *variant, GhDevice device)
{
  GhMaeConfig c = test_config ();
  g_autoptr (GError) error = NULL;
  GhMaeTrainOptions options;
  GhMaeTrainer *t;

  c.landmarks = variant->landmarks;
  c.pinv_iters = PINV_ITERS;
  c.conv = variant->conv;
  c.qkv_bias = variant->qkv_bias;
  c.cls_token = variant->cls_token;
  c.pool = variant->pool;
  c.target = variant->target;
  test_make_model (path, &c, 3);
  if (c.landmarks)
    sharpen (path);
  gh_mae_train_options_init (&options);
  options.device = device;
  options.precision = GH_PRECISION_F32;
  options.batch = B;
  t = gh_mae_trainer_new_from_file (path, &options, &error);
  g_assert_no_error (error);
  return t;
}

static void
set_input (GhMaeTrainer *t)
{
  test_fill_bytes (t->pass.rgb, (gsize) B * t->config.height * t->config.width * 3, 5);
  g_assert_cmpint (gh_mae_trainer_batch_open (t), ==, GH_OK);
  for (int b = 0; b < B; b++) {
    guint32 state = b + 1;

    for (int i = 0; i < t->pass.N; i++)
      t->batch.noise[i] = test_uniform (&state);
    gh_mae_trainer_batch_mask (t, b, t->batch.noise);
  }
  g_assert_cmpint (gh_mae_trainer_batch_bring (t), ==, GH_OK);
  g_assert_cmpint (gh_mae_pass_cut (&t->pass), ==, GH_OK);
}

static double
loss (GhMaeTrainer *t)
{
  const GhMaePass *p = &t->pass;
  const int rows = B * (p->N - p->K);

  g_assert_cmpint (gh_mae_model_refresh (&t->model), ==, GH_OK);
  g_assert_cmpint (gh_mae_pass_forward (p), ==, GH_OK);
  /* A loss per row: float32 would lose in their sum what is to be measured. */
  double sum = 0;

  for (int row = 0; row < rows; row++) {
    p->sums[0] = 0;
    g_assert_cmpint (gh_masked_loss (t->ctx, p->sums, NULL, p->pred + (gsize) row * p->P,
            p->hidden + (gsize) row * p->P, p->normalise, 1.0f / p->P, 1, p->P), ==, GH_OK);
    sum += p->sums[0];
  }
  return sum / rows;
}

/* How much the loss changes per length along direction[n] from the weights[n]. */
static double
slope (GhMaeTrainer *t, float *weights, const float *direction, gint64 n, double length)
{
  g_autofree float *saved = g_memdup2 (weights, n * sizeof (float));
  double norm = 0, moved = 0, sides[2];

  for (gint64 i = 0; i < n; i++)
    norm += (double) direction[i] * direction[i];
  norm = sqrt (norm);
  for (int side = 0; side < 2; side++) {
    for (gint64 i = 0; i < n; i++)
      weights[i] = saved[i] + (float) ((side ? -length : length) * direction[i] / norm);
    for (gint64 i = 0; i < n; i++)
      moved += (side ? -1 : 1) * ((double) weights[i] - saved[i]) * direction[i] / norm;
    sides[side] = loss (t);
  }
  memcpy (weights, saved, n * sizeof (float));
  return (sides[0] - sides[1]) / moved;
}

static double
norm_of (const float *x, gint64 n)
{
  double sum = 0;

  for (gint64 i = 0; i < n; i++)
    sum += (double) x[i] * x[i];
  return sqrt (sum);
}

/* along: the gradient's own direction, or else a random one, in which the slope is gradient . direction. */
static void
check_tensor (GhMaeTrainer *t, const GhMaeTensor *tensor, gboolean along, double *worst)
{
  const gint64 n = gh_param_count (tensor->param);
  const float *gradient = t->model.params.gradient + tensor->offset;
  g_autofree float *direction = g_memdup2 (gradient, n * sizeof (float));
  double length = norm_of (gradient, n), expected = 0, got, error;

  if (!along)
    test_fill_normal (direction, n, 1, 17);
  for (gint64 i = 0; i < n; i++)
    expected += (double) gradient[i] * direction[i];
  expected /= norm_of (direction, n);
  /* The step changes the loss by about 4e-4, far above its rounding and far below where it bends. */
  got = slope (t, t->model.params.weights + tensor->offset, direction, n, MIN (2e-4 / length, 0.05));
  error = fabs (got - expected) / length;
  *worst = fmax (*worst, error);
  if (!(error < 0.01))
    g_error ("%s: %s of %s: the loss changes by %g, the gradient says %g", gh_device_name (gh_ctx_device (t->ctx)),
        along ? "gradient" : "projection", tensor->param->name, got, expected);
}

static void
check (const Variant *variant, GhDevice device)
{
  g_autofree char *folder = temp_folder_new (), *path = g_build_filename (folder, "m.safetensors", NULL);
  g_autoptr (GhMaeTrainer) t = open_trainer (path, variant, device);
  const GArray *tensors = t->model.params.tensors;
  double worst = 0;

  set_input (t);
  gh_mae_trainer_begin (t, NULL);
  g_assert_cmpint (gh_mae_pass_forward (&t->pass), ==, GH_OK);
  g_assert_cmpint (gh_mae_pass_backward (&t->pass, 1), ==, GH_OK);
  g_assert_cmpfloat (fabs (t->pass.sums[0] - loss (t)), <, 1e-5);
  for (guint i = 0; i < tensors->len; i++) {
    const GhMaeTensor *tensor = &g_array_index (tensors, GhMaeTensor, i);

    if (!tensor->is_trained)
      continue;
    check_tensor (t, tensor, TRUE, &worst);
    check_tensor (t, tensor, FALSE, &worst);
  }
  g_test_message ("%s on %s: off by %.2g at most", variant->name, gh_device_name (device), worst);
  temp_folder_remove (folder);
}

static void
test_ref (gconstpointer variant)
{
  check (variant, GH_DEVICE_REF);
}

static void
test_cpu (gconstpointer variant)
{
  check (variant, GH_DEVICE_CPU);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (variants); i++) {
    g_autofree char *ref = g_strconcat ("/mae-gradients/ref/", variants[i].name, NULL);
    g_autofree char *cpu = g_strconcat ("/mae-gradients/cpu/", variants[i].name, NULL);

    g_test_add_data_func (ref, &variants[i], test_ref);
    g_test_add_data_func (cpu, &variants[i], test_cpu);
  }
  return g_test_run ();
}
