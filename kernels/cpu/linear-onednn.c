/* SPDX-License-Identifier: LGPL-2.1-or-later
 * linear-onednn.c: see linear-onednn.h. One matmul primitive for each way a weight is used (rows, bias, activation,
 * residual), built at first use and kept with the weight; weights lie in the layout oneDNN chose for the first. */
#include "linear-onednn.h"

const char gh_onednn_engine[] = "onednn";

#ifdef HAVE_ONEDNN
#include <dlfcn.h>
#include <dnnl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define FUNCTIONS(f) \
  f (engine_create) f (stream_create) f (stream_wait) f (stream_destroy) f (memory_desc_init_by_tag) \
  f (memory_desc_get_size) f (memory_create) f (memory_destroy) f (memory_set_data_handle) f (matmul_desc_init) \
  f (primitive_desc_create) f (primitive_desc_destroy) f (primitive_desc_query_md) f (primitive_create) \
  f (primitive_execute) f (primitive_destroy) f (reorder_primitive_desc_create) f (primitive_attr_create) \
  f (primitive_attr_destroy) f (primitive_attr_set_post_ops) f (post_ops_create) f (post_ops_destroy) \
  f (post_ops_append_eltwise) f (post_ops_append_sum)

static struct {
#define DECLARE(name) __typeof__ (&dnnl_##name) name;
  FUNCTIONS (DECLARE)
  dnnl_engine_t engine;
  bool ready;
} dnnl;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
open_library (void)
{
  void *lib = dlopen ("libdnnl.so.2", RTLD_NOW | RTLD_LOCAL);

  if (lib == NULL)
    return;
#define LOOK_UP(name) \
  if ((dnnl.name = (__typeof__ (dnnl.name)) dlsym (lib, "dnnl_" #name)) == NULL) \
    return;
  FUNCTIONS (LOOK_UP)
  dnnl.ready = dnnl.engine_create (&dnnl.engine, dnnl_cpu, 0) == dnnl_success;
}

/* ---- one way a weight is used ----------------------------------------------------------------------------------- */

typedef struct {
  int rows;
  GhAct act;
  bool bias, residual;
} Use;

typedef struct {
  Use use;
  dnnl_primitive_t product, to_bf16;    /* to_bf16: of the activations, for BF16 only */
  dnnl_memory_t x_f32, x, w, bias, y;
  size_t x_bytes;
} Product;

typedef struct {
  pthread_mutex_t lock;         /* of products, and of the stream they run on */
  dnnl_stream_t stream;
  dnnl_memory_desc_t desc;      /* of data */
  void *data;
  Product *products;
  int n_products;
} Weights;

static dnnl_data_type_t
type_of (GhDtype dtype)
{
  return dtype == GH_DTYPE_BF16 ? dnnl_bf16 : dnnl_f32;
}

static dnnl_memory_desc_t
matrix (int64_t rows, int64_t cols, dnnl_data_type_t type, dnnl_format_tag_t tag)
{
  dnnl_memory_desc_t md;

  dnnl.memory_desc_init_by_tag (&md, 2, (dnnl_dims_t) { rows, cols }, type, tag);
  return md;
}

static dnnl_status_t
describe (dnnl_primitive_desc_t *pd, const Use *use, int n_out, int n_in, dnnl_data_type_t type,
    const dnnl_memory_desc_t *w)
{
  dnnl_memory_desc_t x = matrix (use->rows, n_in, type, dnnl_ab), y = matrix (use->rows, n_out, dnnl_f32, dnnl_ab);
  dnnl_memory_desc_t bias = matrix (1, n_out, dnnl_f32, dnnl_ab);
  dnnl_primitive_attr_t attr;
  dnnl_matmul_desc_t op;
  dnnl_post_ops_t ops;
  dnnl_status_t status;

  dnnl.primitive_attr_create (&attr);
  dnnl.post_ops_create (&ops);
  if (use->act == GH_ACT_GELU)
    dnnl.post_ops_append_eltwise (ops, 1, dnnl_eltwise_gelu_erf, 0, 0);
  if (use->residual)
    dnnl.post_ops_append_sum (ops, 1);
  dnnl.primitive_attr_set_post_ops (attr, ops);
  status = dnnl.matmul_desc_init (&op, &x, w, use->bias ? &bias : NULL, &y);
  if (status == dnnl_success)
    status = dnnl.primitive_desc_create (pd, &op, attr, dnnl.engine, NULL);
  dnnl.post_ops_destroy (ops);
  dnnl.primitive_attr_destroy (attr);
  return status;
}

static bool
able (dnnl_data_type_t type)
{
  dnnl_memory_desc_t any = matrix (64, 64, type, dnnl_format_tag_any);
  dnnl_primitive_desc_t pd;

  if (describe (&pd, &(Use) { .rows = 64 }, 64, 64, type, &any) != dnnl_success)
    return false;
  dnnl.primitive_desc_destroy (pd);
  return true;
}

bool
gh_onednn_takes (GhDtype dtype)
{
  const char *asked = getenv ("GST_HEADS_LINEAR");
#ifdef __x86_64__
  bool wanted = false;
#else
  bool wanted = true;
#endif

  if (dtype != GH_DTYPE_F32 && dtype != GH_DTYPE_BF16)
    return false;
  if (asked != NULL)
    wanted = strcmp (asked, "onednn") == 0;
  if (!wanted)
    return false;
  pthread_once (&once, open_library);
  return dnnl.ready && able (type_of (dtype));
}

static dnnl_status_t
run_reorder (dnnl_stream_t stream, const dnnl_memory_desc_t *from, const void *src, const dnnl_memory_desc_t *to,
    void *dst)
{
  dnnl_primitive_desc_t pd = NULL;
  dnnl_primitive_t reorder = NULL;
  dnnl_memory_t in = NULL, out = NULL;
  dnnl_status_t status = dnnl.reorder_primitive_desc_create (&pd, from, dnnl.engine, to, dnnl.engine, NULL);

  if (status == dnnl_success)
    status = dnnl.primitive_create (&reorder, pd);
  dnnl.memory_create (&in, from, dnnl.engine, (void *) src);
  dnnl.memory_create (&out, to, dnnl.engine, dst);
  if (status == dnnl_success)
    status = dnnl.primitive_execute (reorder, stream, 2,
        (dnnl_exec_arg_t[]) { { DNNL_ARG_FROM, in }, { DNNL_ARG_TO, out } });
  if (status == dnnl_success)
    status = dnnl.stream_wait (stream);
  dnnl.memory_destroy (in);
  dnnl.memory_destroy (out);
  dnnl.primitive_destroy (reorder);
  dnnl.primitive_desc_destroy (pd);
  return status;
}

/* The layout is the one oneDNN prefers for a frame's worth of rows. */
GhStatus
gh_onednn_pack (GhCtx *ctx, GhPacked *packed, const float *host_w)
{
  int n = packed->n_out, k = packed->n_in;
  Weights *w = calloc (1, sizeof *w);
  dnnl_memory_desc_t any = matrix (k, n, type_of (packed->dtype), dnnl_format_tag_any);
  dnnl_memory_desc_t plain = matrix (k, n, dnnl_f32, dnnl_ba);
  dnnl_primitive_desc_t pd;

  if (w == NULL)
    return gh_fail (ctx, GH_NOMEM, "no memory for weights of %d x %d", n, k);
  packed->data = w;
  packed->engine = gh_onednn_engine;
  pthread_mutex_init (&w->lock, NULL);
  dnnl.stream_create (&w->stream, dnnl.engine, dnnl_stream_default_flags);
  if (w->stream == NULL
      || describe (&pd, &(Use) { .rows = 240 }, n, k, type_of (packed->dtype), &any) != dnnl_success) {
    gh_onednn_packed_free (packed);
    return gh_fail (ctx, GH_UNSUPPORTED, "oneDNN has no product of %d x %d in %s", n, k,
        gh_dtype_name (packed->dtype));
  }
  w->desc = *dnnl.primitive_desc_query_md (pd, dnnl_query_weights_md, 0);
  dnnl.primitive_desc_destroy (pd);
  packed->bytes = (dnnl.memory_desc_get_size (&w->desc) + 63) & ~(size_t) 63;
  w->data = gh_host_memory (packed->bytes);
  if (w->data == NULL || run_reorder (w->stream, &plain, host_w, &w->desc, w->data) != dnnl_success) {
    gh_onednn_packed_free (packed);
    return gh_fail (ctx, GH_NOMEM, "oneDNN could not pack weights of %d x %d", n, k);
  }
  return GH_OK;
}

GhStatus
gh_onednn_pack_update (GhCtx *ctx, GhPacked *packed, const float *w, bool transposed)
{
  Weights *weights = packed->data;
  dnnl_memory_desc_t plain = matrix (packed->n_in, packed->n_out, dnnl_f32, transposed ? dnnl_ab : dnnl_ba);

  if (run_reorder (weights->stream, &plain, w, &weights->desc, weights->data) != dnnl_success)
    return gh_fail (ctx, GH_DEVICE_LOST, "oneDNN could not pack weights of %d x %d again", packed->n_out,
        packed->n_in);
  return GH_OK;
}

static void
product_clear (Product *p)
{
  dnnl.primitive_destroy (p->product);
  dnnl.primitive_destroy (p->to_bf16);
  dnnl.memory_destroy (p->x_f32);
  dnnl.memory_destroy (p->x);
  dnnl.memory_destroy (p->w);
  dnnl.memory_destroy (p->bias);
  dnnl.memory_destroy (p->y);
}

void
gh_onednn_packed_free (GhPacked *packed)
{
  Weights *w = packed->data;

  if (w == NULL)
    return;
  for (int i = 0; i < w->n_products; i++)
    product_clear (&w->products[i]);
  dnnl.stream_destroy (w->stream);
  pthread_mutex_destroy (&w->lock);
  free (w->products);
  free (w->data);
  free (w);
  packed->data = NULL;
}

static dnnl_status_t
product_init (Product *p, const Use *use, const GhPacked *packed)
{
  Weights *w = packed->data;
  dnnl_data_type_t type = type_of (packed->dtype);
  dnnl_memory_desc_t x_f32 = matrix (use->rows, packed->n_in, dnnl_f32, dnnl_ab);
  dnnl_memory_desc_t x = matrix (use->rows, packed->n_in, type, dnnl_ab);
  dnnl_memory_desc_t y = matrix (use->rows, packed->n_out, dnnl_f32, dnnl_ab);
  dnnl_memory_desc_t bias = matrix (1, packed->n_out, dnnl_f32, dnnl_ab);
  dnnl_primitive_desc_t pd = NULL, reorder = NULL;
  dnnl_status_t status = describe (&pd, use, packed->n_out, packed->n_in, type, &w->desc);

  memset (p, 0, sizeof *p);
  p->use = *use;
  p->x_bytes = dnnl.memory_desc_get_size (&x);
  if (status == dnnl_success)
    status = dnnl.primitive_create (&p->product, pd);
  if (status == dnnl_success && type == dnnl_bf16) {
    status = dnnl.reorder_primitive_desc_create (&reorder, &x_f32, dnnl.engine, &x, dnnl.engine, NULL);
    if (status == dnnl_success)
      status = dnnl.primitive_create (&p->to_bf16, reorder);
  }
  dnnl.memory_create (&p->x_f32, &x_f32, dnnl.engine, DNNL_MEMORY_NONE);
  dnnl.memory_create (&p->x, &x, dnnl.engine, DNNL_MEMORY_NONE);
  dnnl.memory_create (&p->w, &w->desc, dnnl.engine, w->data);
  dnnl.memory_create (&p->bias, &bias, dnnl.engine, DNNL_MEMORY_NONE);
  dnnl.memory_create (&p->y, &y, dnnl.engine, DNNL_MEMORY_NONE);
  dnnl.primitive_desc_destroy (pd);
  dnnl.primitive_desc_destroy (reorder);
  return status;
}

/* Called with the lock held. */
static Product *
product_find (const GhPacked *packed, const Use *use)
{
  Weights *w = packed->data;
  Product *grown, p;

  for (int i = 0; i < w->n_products; i++) {
    const Use *u = &w->products[i].use;

    if (u->rows == use->rows && u->act == use->act && u->bias == use->bias && u->residual == use->residual)
      return &w->products[i];
  }
  if (product_init (&p, use, packed) != dnnl_success) {
    product_clear (&p);
    return NULL;
  }
  grown = realloc (w->products, (w->n_products + 1) * sizeof *grown);
  if (grown == NULL) {
    product_clear (&p);
    return NULL;
  }
  w->products = grown;
  grown[w->n_products] = p;
  return &grown[w->n_products++];
}

static dnnl_status_t
product_run (GhCtx *ctx, Product *p, dnnl_stream_t stream, float *y, const float *x, const float *bias)
{
  void *x_bf16 = p->to_bf16 ? gh_scratch (ctx, p->x_bytes) : NULL;
  dnnl_status_t status = dnnl_success;
  dnnl_exec_arg_t args[] = { { DNNL_ARG_SRC, p->x }, { DNNL_ARG_WEIGHTS, p->w }, { DNNL_ARG_DST, p->y },
    { DNNL_ARG_BIAS, p->bias } };

  if (p->to_bf16 && x_bf16 == NULL)
    return dnnl_out_of_memory;
  dnnl.memory_set_data_handle (p->x, x_bf16 ? x_bf16 : (void *) x);
  dnnl.memory_set_data_handle (p->y, y);
  dnnl.memory_set_data_handle (p->bias, (void *) bias);
  if (p->to_bf16) {
    dnnl.memory_set_data_handle (p->x_f32, (void *) x);
    status = dnnl.primitive_execute (p->to_bf16, stream, 2,
        (dnnl_exec_arg_t[]) { { DNNL_ARG_FROM, p->x_f32 }, { DNNL_ARG_TO, p->x } });
  }
  if (status == dnnl_success)
    status = dnnl.primitive_execute (p->product, stream, p->use.bias ? 4 : 3, args);
  return status == dnnl_success ? dnnl.stream_wait (stream) : status;
}

GhStatus
gh_onednn_linear_fwd (GhCtx *ctx, float *y, const float *x, const GhPacked *packed, const float *bias,
    const float *residual, GhAct act, int rows)
{
  Weights *w = packed->data;
  /* oneDNN adds into y only when nothing comes between: after an activation it would fall to its plain reference. */
  bool add_after = residual && act != GH_ACT_NONE;
  Use use = { rows, act, bias != NULL, residual && !add_after };
  size_t n = (size_t) rows * packed->n_out;
  float *kept = NULL;
  dnnl_status_t status = dnnl_runtime_error;
  Product *p;

  if (add_after && residual == y) {
    if ((kept = malloc (n * sizeof *kept)) == NULL)
      return gh_fail (ctx, GH_NOMEM, "no memory for a residual of %d x %d", rows, packed->n_out);
    residual = memcpy (kept, y, n * sizeof *y);
  } else if (use.residual && residual != y) {
    memcpy (y, residual, n * sizeof *y);
  }
  pthread_mutex_lock (&w->lock);
  p = product_find (packed, &use);
  if (p)
    status = product_run (ctx, p, w->stream, y, x, bias);
  pthread_mutex_unlock (&w->lock);
  for (size_t i = 0; add_after && i < n; i++)
    y[i] += residual[i];
  free (kept);
  return status == dnnl_success ? GH_OK
      : gh_fail (ctx, GH_DEVICE_LOST, "oneDNN failed on %d x %d x %d (status %d)", rows, packed->n_out, packed->n_in,
      (int) status);
}

#else /* built without oneDNN */

bool gh_onednn_takes (GhDtype dtype) { return false; }
GhStatus gh_onednn_pack (GhCtx *ctx, GhPacked *packed, const float *host_w) { return GH_UNSUPPORTED; }
GhStatus gh_onednn_pack_update (GhCtx *c, GhPacked *p, const float *w, bool transposed) { return GH_UNSUPPORTED; }
void gh_onednn_packed_free (GhPacked *packed) { }

GhStatus
gh_onednn_linear_fwd (GhCtx *ctx, float *y, const float *x, const GhPacked *w, const float *bias,
    const float *residual, GhAct act, int rows)
{
  return GH_UNSUPPORTED;
}
#endif
