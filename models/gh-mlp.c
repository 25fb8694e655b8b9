/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-mlp.c: forward and backward of many small networks at once, over kernels/.
 */
#include "gh-mlp.h"
#include "kernels/gh-kernels.h"

#include <math.h>
#include <string.h>

#define ROBUST_DISTANCE 0.3
#define BETA1 0.9f
#define BETA2 0.99f
#define EPSILON 1e-8f

struct _GhMlp
{
  GhMlpShape shape;
  GhCtx *ctx;
  gsize n_weights, n_parameters;
  int step;
  /* Memory of the context. a[l] is what layer l reads: [networks,batch,in]; z[l] what it makes: [networks,batch,out];
   * a[l+1] = gelu (z[l]). dz[l], da[l] are the gradients. */
  float *parameters, *gradients, *first, *second;
  float *a[GH_MLP_LAYERS], *z[GH_MLP_LAYERS], *dz[GH_MLP_LAYERS], *da[GH_MLP_LAYERS];
  float *ones;                  /* [batch] */
  float *y, *dy;                /* host: [networks,batch,outputs] */
};

static gboolean
check (GhMlp *mlp, GhStatus status, GError **error)
{
  if (status == GH_OK)
    return TRUE;
  g_set_error (error, GH_ERROR, GH_ERROR_DEVICE, "training an MLP on the device \"%s\" failed: %s",
      gh_device_name (gh_ctx_device (mlp->ctx)), gh_last_error (mlp->ctx));
  return FALSE;
}

/* ---- where parameters lie ------------------------------------------------------------------------------ */

int
gh_mlp_layer_in (const GhMlpShape *shape, int layer)
{
  return layer == 0 ? shape->inputs : shape->width;
}

int
gh_mlp_layer_out (const GhMlpShape *shape, int layer)
{
  return layer == GH_MLP_LAYERS - 1 ? shape->outputs : shape->width;
}

gsize
gh_mlp_weight_offset (const GhMlpShape *shape, int layer, int network)
{
  gsize offset = 0;

  for (int l = 0; l < layer; l++)
    offset += (gsize) shape->networks * gh_mlp_layer_in (shape, l) * gh_mlp_layer_out (shape, l);
  return offset + (gsize) network * gh_mlp_layer_in (shape, layer) * gh_mlp_layer_out (shape, layer);
}

gsize
gh_mlp_bias_offset (const GhMlpShape *shape, int layer, int network)
{
  gsize offset = gh_mlp_weight_offset (shape, GH_MLP_LAYERS - 1, shape->networks);

  for (int l = 0; l < layer; l++)
    offset += (gsize) shape->networks * gh_mlp_layer_out (shape, l);
  return offset + (gsize) network * gh_mlp_layer_out (shape, layer);
}

gsize
gh_mlp_n_parameters (const GhMlpShape *shape)
{
  return gh_mlp_bias_offset (shape, GH_MLP_LAYERS - 1, shape->networks);
}

/* ---- life ---------------------------------------------------------------------------------------------- */

static gboolean
allocate (GhMlp *mlp, float **block, gsize n, GError **error)
{
  return check (mlp, gh_alloc (mlp->ctx, (void **) block, n * sizeof (float)), error);
}

static gboolean
allocate_all (GhMlp *mlp, GError **error)
{
  const GhMlpShape *shape = &mlp->shape;
  gsize rows = (gsize) shape->networks * shape->batch;
  g_autofree float *ones = g_new (float, shape->batch);

  if (!allocate (mlp, &mlp->parameters, mlp->n_parameters, error)
      || !allocate (mlp, &mlp->gradients, mlp->n_parameters, error)
      || !allocate (mlp, &mlp->first, mlp->n_parameters, error)
      || !allocate (mlp, &mlp->second, mlp->n_parameters, error) || !allocate (mlp, &mlp->ones, shape->batch, error))
    return FALSE;
  for (int l = 0; l < GH_MLP_LAYERS; l++) {
    gsize in = rows * gh_mlp_layer_in (shape, l), out = rows * gh_mlp_layer_out (shape, l);

    if (!allocate (mlp, &mlp->a[l], in, error) || !allocate (mlp, &mlp->da[l], in, error)
        || !allocate (mlp, &mlp->z[l], out, error) || !allocate (mlp, &mlp->dz[l], out, error))
      return FALSE;
  }
  for (int i = 0; i < shape->batch; i++)
    ones[i] = 1;
  return check (mlp, gh_upload (mlp->ctx, mlp->ones, ones, shape->batch * sizeof *ones), error);
}

GhMlp *
gh_mlp_new (const GhMlpShape *shape, int threads, GError **error)
{
  g_autoptr (GhMlp) mlp = g_new0 (GhMlp, 1);
  gsize n_outputs = (gsize) shape->networks * shape->batch * shape->outputs;
  char reason[256];

  mlp->shape = *shape;
  mlp->n_weights = gh_mlp_bias_offset (shape, 0, 0);
  mlp->n_parameters = gh_mlp_n_parameters (shape);
  /* Networks this small gain nothing from a device across a bus. */
  if (gh_ctx_new (&mlp->ctx, GH_DEVICE_CPU, threads, reason, sizeof reason) != GH_OK) {
    g_set_error (error, GH_ERROR, GH_ERROR_DEVICE, "no device to train an MLP on: %s", reason);
    return NULL;
  }
  mlp->y = g_new (float, n_outputs);
  mlp->dy = g_new (float, n_outputs);
  return allocate_all (mlp, error) ? g_steal_pointer (&mlp) : NULL;
}

void
gh_mlp_free (GhMlp *mlp)
{
  if (!mlp)
    return;
  if (mlp->ctx) {
    gh_free (mlp->ctx, mlp->parameters);
    gh_free (mlp->ctx, mlp->gradients);
    gh_free (mlp->ctx, mlp->first);
    gh_free (mlp->ctx, mlp->second);
    gh_free (mlp->ctx, mlp->ones);
    for (int l = 0; l < GH_MLP_LAYERS; l++) {
      gh_free (mlp->ctx, mlp->a[l]);
      gh_free (mlp->ctx, mlp->da[l]);
      gh_free (mlp->ctx, mlp->z[l]);
      gh_free (mlp->ctx, mlp->dz[l]);
    }
    gh_ctx_free (mlp->ctx);
  }
  g_free (mlp->y);
  g_free (mlp->dy);
  g_free (mlp);
}

gboolean
gh_mlp_set_parameters (GhMlp *mlp, const float *parameters, GError **error)
{
  mlp->step = 0;
  return check (mlp, gh_upload (mlp->ctx, mlp->parameters, parameters, mlp->n_parameters * sizeof *parameters), error);
}

gboolean
gh_mlp_get_parameters (GhMlp *mlp, float *parameters, GError **error)
{
  return check (mlp, gh_download (mlp->ctx, parameters, mlp->parameters, mlp->n_parameters * sizeof *parameters), error);
}

/* ---- the loss ------------------------------------------------------------------------------------------ */

/* Returns the loss of one row and its gradient dy[n]. */
static double
robust_loss (float *dy, const float *y, const float *t, int n)
{
  double square = ROBUST_DISTANCE * ROBUST_DISTANCE, distance;

  for (int i = 0; i < n; i++)
    square += ((double) y[i] - t[i]) * ((double) y[i] - t[i]);
  distance = sqrt (square);
  for (int i = 0; i < n; i++)
    dy[i] = (y[i] - t[i]) / distance;
  return distance - ROBUST_DISTANCE;
}

static double
cross_entropy (float *dy, const float *y, const float *t, int n)
{
  double peak = y[0], sum = 0, loss = 0;

  for (int i = 1; i < n; i++)
    peak = MAX (peak, y[i]);
  for (int i = 0; i < n; i++)
    sum += exp (y[i] - peak);
  for (int i = 0; i < n; i++) {
    dy[i] = exp (y[i] - peak) / sum - t[i];
    loss -= t[i] * (y[i] - peak - log (sum));
  }
  return loss;
}

static void
losses (GhMlp *mlp, const float *targets, double *loss)
{
  int batch = mlp->shape.batch, n = mlp->shape.outputs;

  for (int network = 0; network < mlp->shape.networks; network++) {
    loss[network] = 0;
    for (int i = 0; i < batch; i++) {
      gsize row = ((gsize) network * batch + i) * n;

      loss[network] += (mlp->shape.loss == GH_MLP_ROBUST ? robust_loss : cross_entropy) (mlp->dy + row, mlp->y + row,
          targets + row, n) / batch;
      for (int k = 0; k < n; k++)
        mlp->dy[row + k] /= batch;
    }
  }
}

/* ---- forward and backward ------------------------------------------------------------------------------ */

/* One matrix [rows,cols] per network, one after the other. */
static GhMat
per_network (float *p, int rows, int cols)
{
  return (GhMat) { p, cols, (ptrdiff_t) rows * cols, 0 };
}

static GhMat
weight (const GhMlp *mlp, float *block, int layer)
{
  return per_network (block + gh_mlp_weight_offset (&mlp->shape, layer, 0), gh_mlp_layer_out (&mlp->shape, layer),
      gh_mlp_layer_in (&mlp->shape, layer));
}

static GhMat
bias (const GhMlp *mlp, float *block, int layer)
{
  return per_network (block + gh_mlp_bias_offset (&mlp->shape, layer, 0), 1, gh_mlp_layer_out (&mlp->shape, layer));
}

/* The same column of ones for every network. */
static GhMat
ones (const GhMlp *mlp)
{
  return (GhMat) { mlp->ones, 1, 0, 0 };
}

/* z = 1 b + a W^T */
static GhStatus
forward_layer (GhMlp *mlp, int l)
{
  int networks = mlp->shape.networks, batch = mlp->shape.batch;
  int in = gh_mlp_layer_in (&mlp->shape, l), out = gh_mlp_layer_out (&mlp->shape, l);
  GhMat z = per_network (mlp->z[l], batch, out), a = per_network (mlp->a[l], batch, in);
  GhStatus status = gh_bmm (mlp->ctx, z, ones (mlp), false, bias (mlp, mlp->parameters, l), false, 1, 0, networks, 1,
      batch, out, 1);

  if (status == GH_OK)
    status = gh_bmm (mlp->ctx, z, a, false, weight (mlp, mlp->parameters, l), true, 1, 1, networks, 1, batch, out, in);
  if (status == GH_OK && l < GH_MLP_LAYERS - 1)
    status = gh_gelu_fwd (mlp->ctx, mlp->a[l + 1], mlp->z[l], (gsize) networks * batch * out);
  return status;
}

/* dW = dz^T a, db = 1^T dz, da = dz W, and dz of the layer below. */
static GhStatus
backward_layer (GhMlp *mlp, int l)
{
  int networks = mlp->shape.networks, batch = mlp->shape.batch;
  int in = gh_mlp_layer_in (&mlp->shape, l), out = gh_mlp_layer_out (&mlp->shape, l);
  GhMat dz = per_network (mlp->dz[l], batch, out), a = per_network (mlp->a[l], batch, in);
  GhStatus status = gh_bmm (mlp->ctx, weight (mlp, mlp->gradients, l), dz, true, a, false, 1, 0, networks, 1, out, in,
      batch);

  if (status == GH_OK)
    status = gh_bmm (mlp->ctx, bias (mlp, mlp->gradients, l), ones (mlp), true, dz, false, 1, 0, networks, 1, 1, out,
        batch);
  if (status != GH_OK || l == 0)
    return status;
  status = gh_bmm (mlp->ctx, per_network (mlp->da[l], batch, in), dz, false, weight (mlp, mlp->parameters, l), false, 1,
      0, networks, 1, batch, in, out);
  return status == GH_OK ? gh_gelu_bwd (mlp->ctx, mlp->dz[l - 1], mlp->da[l], mlp->z[l - 1],
      (gsize) networks * batch * in) : status;
}

gboolean
gh_mlp_gradient (GhMlp *mlp, const float *x, const float *targets, double *loss, float *gradients, GError **error)
{
  const GhMlpShape *shape = &mlp->shape;
  gsize rows = (gsize) shape->networks * shape->batch, bytes = rows * shape->outputs * sizeof (float);
  int last = GH_MLP_LAYERS - 1;

  if (!check (mlp, gh_upload (mlp->ctx, mlp->a[0], x, rows * shape->inputs * sizeof *x), error))
    return FALSE;
  for (int l = 0; l < GH_MLP_LAYERS; l++)
    if (!check (mlp, forward_layer (mlp, l), error))
      return FALSE;
  if (!check (mlp, gh_download (mlp->ctx, mlp->y, mlp->z[last], bytes), error))
    return FALSE;
  losses (mlp, targets, loss);
  if (!check (mlp, gh_upload (mlp->ctx, mlp->dz[last], mlp->dy, bytes), error))
    return FALSE;
  for (int l = last; l >= 0; l--)
    if (!check (mlp, backward_layer (mlp, l), error))
      return FALSE;
  return !gradients || check (mlp, gh_download (mlp->ctx, gradients, mlp->gradients,
          mlp->n_parameters * sizeof *gradients), error);
}

gboolean
gh_mlp_step (GhMlp *mlp, double learning_rate, double weight_decay, GError **error)
{
  gsize w = mlp->n_weights;

  mlp->step++;
  return check (mlp, gh_adamw (mlp->ctx, mlp->parameters, mlp->first, mlp->second, mlp->gradients, w, 1.0f,
          learning_rate, BETA1, BETA2, EPSILON, weight_decay, mlp->step), error)
      && check (mlp, gh_adamw (mlp->ctx, mlp->parameters + w, mlp->first + w, mlp->second + w, mlp->gradients + w,
          mlp->n_parameters - w, 1.0f, learning_rate, BETA1, BETA2, EPSILON, 0, mlp->step), error);
}

/* ---- one row ------------------------------------------------------------------------------------------- */

void
gh_mlp_run (const GhMlpShape *shape, const float *parameters, int network, const float *x, float *y)
{
  g_autofree float *buffer = g_new (float, 2 * (gsize) shape->width);

  for (int l = 0; l < GH_MLP_LAYERS; l++) {
    const float *w = parameters + gh_mlp_weight_offset (shape, l, network);
    const float *b = parameters + gh_mlp_bias_offset (shape, l, network);
    int in = gh_mlp_layer_in (shape, l), out = gh_mlp_layer_out (shape, l);
    float *to = l == GH_MLP_LAYERS - 1 ? y : buffer + (l % 2) * shape->width;

    for (int o = 0; o < out; o++) {
      float sum = b[o];

      for (int i = 0; i < in; i++)
        sum += w[(gsize) o * in + i] * x[i];
      to[o] = l == GH_MLP_LAYERS - 1 ? sum : 0.5f * sum * (1 + erff (sum * (float) G_SQRT2 / 2));
    }
    x = to;
  }
}
