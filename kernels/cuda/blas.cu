/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * blas.cu: products by cuBLASLt, opened at run time so that the module loads wherever a driver is. cuBLASLt counts
 * columns first: our c[m,n] = op(a) op(b) is its c^T[n,m] = op(b)^T op(a)^T, with a and b in each other's place.
 *
 * Which of its kernels suits a product is asked once for every kind of product, and remembered; where a product may be
 * tuned, the best few are tried first.
 */
#include "cuda.h"

#include <cublasLt.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUNCTIONS(X) \
  X (Create) \
  X (Destroy) \
  X (Matmul) \
  X (MatmulAlgoGetHeuristic) \
  X (MatmulDescCreate) \
  X (MatmulDescDestroy) \
  X (MatmulDescSetAttribute) \
  X (MatmulPreferenceCreate) \
  X (MatmulPreferenceDestroy) \
  X (MatmulPreferenceSetAttribute) \
  X (MatrixLayoutCreate) \
  X (MatrixLayoutDestroy) \
  X (MatrixLayoutSetAttribute)

/* ---- the library ----------------------------------------------------------------------------------------- */

namespace {
struct Library {
#define MEMBER(name) decltype (&cublasLt##name) name;
  FUNCTIONS (MEMBER)
#undef MEMBER
};
}

static Library lt;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static char refusal[200];

static void
open_library (void)
{
  static const char *const names[] = { "libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so",
    "/usr/local/cuda/lib64/libcublasLt.so" };
  void *file = NULL;

  for (size_t i = 0; !file && i < sizeof names / sizeof names[0]; i++)
    file = dlopen (names[i], RTLD_NOW | RTLD_LOCAL);
  if (!file) {
    snprintf (refusal, sizeof refusal, "cuBLAS is missing (libcublasLt.so.13 or .12 of the CUDA toolkit)");
    return;
  }
#define FIND(name) \
  lt.name = (decltype (lt.name)) dlsym (file, "cublasLt" #name); \
  if (!lt.name) \
    snprintf (refusal, sizeof refusal, "libcublasLt lacks cublasLt%s", #name);
  FUNCTIONS (FIND)
#undef FIND
}

/* ---- what is known of a product -------------------------------------------------------------------------- */

namespace {
enum { MOST_PLANS = 256, WORKSPACE = 32 << 20, MOST_CANDIDATES = 8, TRIES = 5 };

struct Key {
  int m, n, k, count;
  ptrdiff_t lda, ldb, ldc, stride_a, stride_b, stride_c;
  int trans_a, trans_b, half, half_out, tune, bias, beta, align_a, align_b, align_c, align_c0;
};

struct Plan {
  Key key;
  cublasLtMatmulDesc_t product;
  cublasLtMatrixLayout_t a, b, c;
  cublasLtMatmulAlgo_t algorithm;
};
}

struct GhBlas {
  cublasLtHandle_t handle;
  void *workspace;
  Plan plans[MOST_PLANS];
  int n_plans, oldest;
};

/* The largest power of two up to 256 that divides an address. */
static int
alignment (const void *p)
{
  uintptr_t bits = (uintptr_t) p | 256;
  return (int) (bits & -bits);
}

static GhStatus
fail (GhCtx *ctx, cublasStatus_t status, const char *what)
{
  return gh_fail (ctx, status == CUBLAS_STATUS_ALLOC_FAILED ? GH_NOMEM : GH_UNSUPPORTED, "%s: cuBLAS answered %d", what,
      (int) status);
}

static void
clear (Plan *plan)
{
  if (plan->product)
    lt.MatmulDescDestroy (plan->product);
  if (plan->a)
    lt.MatrixLayoutDestroy (plan->a);
  if (plan->b)
    lt.MatrixLayoutDestroy (plan->b);
  if (plan->c)
    lt.MatrixLayoutDestroy (plan->c);
  memset (plan, 0, sizeof *plan);
}

/* A matrix of `rows` of our rows; cuBLASLt takes them for columns. */
static cublasStatus_t
describe (cublasLtMatrixLayout_t *layout, bool half, int rows, int cols, ptrdiff_t ld, int count, ptrdiff_t stride)
{
  int64_t distance = stride;
  cublasStatus_t status = lt.MatrixLayoutCreate (layout, half ? CUDA_R_16BF : CUDA_R_32F, cols, rows, ld);

  if (status == CUBLAS_STATUS_SUCCESS && count > 1) {
    status = lt.MatrixLayoutSetAttribute (*layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof count);
    if (status == CUBLAS_STATUS_SUCCESS)
      status = lt.MatrixLayoutSetAttribute (*layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &distance,
          sizeof distance);
  }
  return status;
}

static cublasStatus_t
describe_product (cublasLtMatmulDesc_t *product, const Key *key)
{
  cublasOperation_t of_a = key->trans_a ? CUBLAS_OP_T : CUBLAS_OP_N, of_b = key->trans_b ? CUBLAS_OP_T : CUBLAS_OP_N;
  cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_BIAS;
  cublasStatus_t status = lt.MatmulDescCreate (product, CUBLAS_COMPUTE_32F, CUDA_R_32F);

  if (status == CUBLAS_STATUS_SUCCESS)
    status = lt.MatmulDescSetAttribute (*product, CUBLASLT_MATMUL_DESC_TRANSA, &of_b, sizeof of_b);
  if (status == CUBLAS_STATUS_SUCCESS)
    status = lt.MatmulDescSetAttribute (*product, CUBLASLT_MATMUL_DESC_TRANSB, &of_a, sizeof of_a);
  if (status == CUBLAS_STATUS_SUCCESS && key->bias)
    status = lt.MatmulDescSetAttribute (*product, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue);
  return status;
}

/* Up to `most` of cuBLAS's kernels for a plan, the one it thinks best first. */
static cublasStatus_t
ask (GhBlas *blas, const Plan *plan, cublasLtMatmulHeuristicResult_t *found, int most, int *n_found)
{
  static const cublasLtMatmulPreferenceAttributes_t aligned[] = { CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES,
    CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES,
    CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES };
  const uint32_t alignments[] = { (uint32_t) plan->key.align_b, (uint32_t) plan->key.align_a,
    (uint32_t) plan->key.align_c0, (uint32_t) plan->key.align_c };
  cublasLtMatmulPreference_t preference;
  size_t workspace = WORKSPACE;
  cublasStatus_t status = lt.MatmulPreferenceCreate (&preference);

  *n_found = 0;
  if (status != CUBLAS_STATUS_SUCCESS)
    return status;
  status = lt.MatmulPreferenceSetAttribute (preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace,
      sizeof workspace);
  for (int i = 0; status == CUBLAS_STATUS_SUCCESS && i < 4; i++)
    status = lt.MatmulPreferenceSetAttribute (preference, aligned[i], &alignments[i], sizeof alignments[i]);
  if (status == CUBLAS_STATUS_SUCCESS)
    status = lt.MatmulAlgoGetHeuristic (blas->handle, plan->product, plan->b, plan->a, plan->c, plan->c, preference,
        most, found, n_found);
  lt.MatmulPreferenceDestroy (preference);
  return status == CUBLAS_STATUS_SUCCESS && *n_found == 0 ? CUBLAS_STATUS_NOT_SUPPORTED : status;
}

static cublasStatus_t
run (GhCtx *ctx, Plan *plan, const GhGemm *g, void *c, const cublasLtMatmulAlgo_t *algorithm)
{
  GhBlas *blas = gh_cuda (ctx)->blas;
  cublasStatus_t status = CUBLAS_STATUS_SUCCESS;

  if (g->bias)
    status = lt.MatmulDescSetAttribute (plan->product, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &g->bias, sizeof g->bias);
  if (status == CUBLAS_STATUS_SUCCESS)
    status = lt.Matmul (blas->handle, plan->product, &g->alpha, g->b, plan->b, g->a, plan->a, &g->beta,
        g->c0 ? g->c0 : g->c, plan->c, c, plan->c, algorithm, blas->workspace, WORKSPACE, gh_cuda (ctx)->stream);
  return status;
}

/* Milliseconds of TRIES runs; endless when it does not run. */
static float
time_of (GhCtx *ctx, Plan *plan, const GhGemm *g, void *c, const cublasLtMatmulAlgo_t *algorithm)
{
  cudaStream_t stream = gh_cuda (ctx)->stream;
  cudaEvent_t begin = NULL, end = NULL;
  float ms = INFINITY;
  bool works = cudaEventCreate (&begin) == cudaSuccess && cudaEventCreate (&end) == cudaSuccess
      && run (ctx, plan, g, c, algorithm) == CUBLAS_STATUS_SUCCESS;

  if (works) {
    cudaEventRecord (begin, stream);
    for (int i = 0; works && i < TRIES; i++)
      works = run (ctx, plan, g, c, algorithm) == CUBLAS_STATUS_SUCCESS;
    cudaEventRecord (end, stream);
    if (cudaEventSynchronize (end) != cudaSuccess || !works || cudaEventElapsedTime (&ms, begin, end) != cudaSuccess)
      ms = INFINITY;
  }
  cudaEventDestroy (begin);
  cudaEventDestroy (end);
  cudaGetLastError ();
  return ms;
}

/* Another kernel than the first only where it is clearly faster. Results go to memory of their own: c may be an operand. */
static void
tune (GhCtx *ctx, Plan *plan, const GhGemm *g, const cublasLtMatmulHeuristicResult_t *found, int n)
{
  size_t bytes = (size_t) g->m * g->ldc * (g->half_out ? sizeof (GhBf16) : sizeof (float));
  cudaStreamCaptureStatus capturing;
  void *c = NULL;
  float best;

  if (g->count > 1 || cudaStreamIsCapturing (gh_cuda (ctx)->stream, &capturing) != cudaSuccess
      || capturing != cudaStreamCaptureStatusNone)
    return;
  if (cudaMalloc (&c, bytes) != cudaSuccess) {
    cudaGetLastError ();
    return;
  }
  best = 0.97f * time_of (ctx, plan, g, c, &found[0].algo);
  for (int i = 1; i < n; i++) {
    float ms = time_of (ctx, plan, g, c, &found[i].algo);
    if (ms < best) {
      best = ms;
      plan->algorithm = found[i].algo;
    }
  }
  cudaFree (c);
}

static cublasStatus_t
choose_algorithm (GhCtx *ctx, Plan *plan, const GhGemm *g)
{
  cublasLtMatmulHeuristicResult_t found[MOST_CANDIDATES];
  int n;
  cublasStatus_t status = ask (gh_cuda (ctx)->blas, plan, found, g->tune ? MOST_CANDIDATES : 1, &n);

  if (status != CUBLAS_STATUS_SUCCESS)
    return status;
  plan->algorithm = found[0].algo;
  if (n > 1)
    tune (ctx, plan, g, found, n);
  return status;
}

static cublasStatus_t
make_plan (GhCtx *ctx, Plan *plan, const Key *key, const GhGemm *g)
{
  cublasStatus_t status;

  clear (plan);
  plan->key = *key;
  status = describe_product (&plan->product, key);
  if (status == CUBLAS_STATUS_SUCCESS)
    status = describe (&plan->a, key->half, key->trans_a ? key->k : key->m, key->trans_a ? key->m : key->k, key->lda,
        key->count, key->stride_a);
  if (status == CUBLAS_STATUS_SUCCESS)
    status = describe (&plan->b, key->half, key->trans_b ? key->n : key->k, key->trans_b ? key->k : key->n, key->ldb,
        key->count, key->stride_b);
  if (status == CUBLAS_STATUS_SUCCESS)
    status = describe (&plan->c, key->half_out, key->m, key->n, key->ldc, key->count, key->stride_c);
  return status == CUBLAS_STATUS_SUCCESS ? choose_algorithm (ctx, plan, g) : status;
}

/* The plan for a product, made when it is new; the oldest goes when there are too many. */
static Plan *
find_plan (GhCtx *ctx, const Key *key, const GhGemm *g, cublasStatus_t *status)
{
  GhBlas *blas = gh_cuda (ctx)->blas;

  *status = CUBLAS_STATUS_SUCCESS;
  for (int i = 0; i < blas->n_plans; i++) {
    if (memcmp (&blas->plans[i].key, key, sizeof *key) == 0)
      return &blas->plans[i];
  }
  bool full = blas->n_plans == MOST_PLANS;
  Plan *plan = &blas->plans[full ? blas->oldest : blas->n_plans];
  *status = make_plan (ctx, plan, key, g);
  if (*status != CUBLAS_STATUS_SUCCESS) {
    clear (plan);
    return NULL;
  }
  if (full)
    blas->oldest = (blas->oldest + 1) % MOST_PLANS;
  else
    blas->n_plans++;
  return plan;
}

/* ---- the door -------------------------------------------------------------------------------------------- */

GhStatus
gh_blas_open (GhCtx *ctx, char *reason, size_t reason_size)
{
  pthread_once (&once, open_library);
  if (*refusal) {
    snprintf (reason, reason_size, "%s", refusal);
    return GH_UNSUPPORTED;
  }
  GhBlas *blas = (GhBlas *) calloc (1, sizeof *blas);
  if (!blas)
    return GH_NOMEM;
  if (lt.Create (&blas->handle) != CUBLAS_STATUS_SUCCESS) {
    snprintf (reason, reason_size, "cuBLAS did not start");
    free (blas);
    return GH_UNSUPPORTED;
  }
  gh_cuda (ctx)->blas = blas;
  if (cudaMalloc (&blas->workspace, WORKSPACE) != cudaSuccess) {
    snprintf (reason, reason_size, "too little memory on the device");
    gh_blas_close (ctx);
    return GH_NOMEM;
  }
  return GH_OK;
}

void
gh_blas_close (GhCtx *ctx)
{
  GhBlas *blas = gh_cuda (ctx)->blas;

  if (!blas)
    return;
  for (int i = 0; i < blas->n_plans; i++)
    clear (&blas->plans[i]);
  cudaFree (blas->workspace);
  lt.Destroy (blas->handle);
  free (blas);
  gh_cuda (ctx)->blas = NULL;
}

GhStatus
gh_blas_gemm (GhCtx *ctx, const GhGemm *g)
{
  const void *c0 = g->c0 ? g->c0 : g->c;
  cublasStatus_t status;
  Key key;

  memset (&key, 0, sizeof key);         /* compared as bytes */
  key.m = g->m;
  key.n = g->n;
  key.k = g->k;
  key.count = g->count;
  key.lda = g->lda;
  key.ldb = g->ldb;
  key.ldc = g->ldc;
  if (g->count > 1) {
    key.stride_a = g->stride_a;
    key.stride_b = g->stride_b;
    key.stride_c = g->stride_c;
  }
  key.trans_a = g->trans_a;
  key.trans_b = g->trans_b;
  key.half = g->half;
  key.half_out = g->half_out;
  key.tune = g->tune;
  key.bias = g->bias != NULL;
  key.beta = g->beta != 0;
  key.align_a = alignment (g->a);
  key.align_b = alignment (g->b);
  key.align_c = alignment (g->c);
  key.align_c0 = alignment (c0);
  Plan *plan = find_plan (ctx, &key, g, &status);
  if (plan)
    status = run (ctx, plan, g, g->c, &plan->algorithm);
  return status == CUBLAS_STATUS_SUCCESS ? GH_OK : fail (ctx, status, "a matrix product");
}
