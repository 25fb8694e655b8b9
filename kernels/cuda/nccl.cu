/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * nccl.cu: sums over the devices of several processes, by NCCL, which is opened at run time: GST_HEADS_NCCL names the
 * library, libnccl.so.2 without. Its few types are declared here as its ABI has them. Communicators do not block (NCCL
 * 2.14), so that whatever does not come to its end in time is given up instead of waited for.
 */
#include "cuda.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef int ncclResult_t;
typedef struct ncclComm *ncclComm_t;
struct ncclUniqueId {
  char internal[GH_GROUP_ID];
};
/* As version 2.14 knows it; later ones read as much of it as its size says. */
struct ncclConfig {
  size_t size;
  unsigned magic, version;
  int blocking;
};
enum { ncclSuccess = 0, ncclInProgress = 7, ncclFloat32 = 7, ncclSum = 0, CONFIG_MAGIC = (int) 0xcafebeef,
  CONFIG_VERSION = 21400 };

#define FUNCTIONS(F) \
  F (GetUniqueId, ncclResult_t (*) (ncclUniqueId *)) \
  F (CommInitRankConfig, ncclResult_t (*) (ncclComm_t *, int, ncclUniqueId, int, ncclConfig *)) \
  F (AllReduce, ncclResult_t (*) (const void *, void *, size_t, int, int, ncclComm_t, cudaStream_t)) \
  F (CommGetAsyncError, ncclResult_t (*) (ncclComm_t, ncclResult_t *)) \
  F (CommAbort, ncclResult_t (*) (ncclComm_t)) \
  F (GetErrorString, const char *(*) (ncclResult_t))

template <typename T> struct Pointer {
  T to;
};

static struct {
#define MEMBER(name, ...) Pointer<__VA_ARGS__> name;
  FUNCTIONS (MEMBER)
#undef MEMBER
} nccl;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static char refusal[256];

static void
open_library (void)
{
  const char *env = getenv ("GST_HEADS_NCCL"), *name = env && *env ? env : "libnccl.so.2";
  void *file = dlopen (name, RTLD_NOW | RTLD_LOCAL);

  if (!file) {
    snprintf (refusal, sizeof refusal, "NCCL did not open: %s", dlerror ());
    return;
  }
#define FIND(name, ...) \
  nccl.name.to = (__VA_ARGS__) dlsym (file, "nccl" #name); \
  if (!nccl.name.to) \
    snprintf (refusal, sizeof refusal, "NCCL lacks nccl%s: version 2.14 or later is needed", #name);
  FUNCTIONS (FIND)
#undef FIND
}

/* ---- waiting, with an end -------------------------------------------------------------------------------- */

static double
seconds_now (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return now.tv_sec + now.tv_nsec * 1e-9;
}

static GhStatus
give_up (GhCtx *ctx, const char *what, const char *why)
{
  GhCuda *cuda = gh_cuda (ctx);

  if (cuda->group)
    nccl.CommAbort.to ((ncclComm_t) cuda->group);
  cuda->group = NULL;
  return gh_fail (ctx, GH_DEVICE_LOST, "NCCL: %s: %s", what, why);
}

/* Until the communicator, and with it the stream if wanted, has nothing more to do. */
static GhStatus
wait_for (GhCtx *ctx, const char *what, ncclResult_t result, bool with_stream, int seconds)
{
  const double until = seconds_now () + seconds;
  const struct timespec nap = { 0, 20000 };
  bool busy = true;

  while (busy) {
    if (result == ncclSuccess || result == ncclInProgress) {
      const ncclResult_t asked = nccl.CommGetAsyncError.to ((ncclComm_t) gh_cuda (ctx)->group, &result);

      result = asked == ncclSuccess ? result : asked;
    }
    if (result != ncclSuccess && result != ncclInProgress)
      return give_up (ctx, what, nccl.GetErrorString.to (result));
    busy = result == ncclInProgress;
    if (!busy && with_stream) {
      const cudaError_t error = cudaStreamQuery (gh_cuda (ctx)->stream);

      if (error != cudaSuccess && error != cudaErrorNotReady)
        return give_up (ctx, what, cudaGetErrorString (error));
      busy = error == cudaErrorNotReady;
    }
    if (busy && seconds_now () > until)
      return give_up (ctx, what, "another process did not take part in time");
    if (busy)
      nanosleep (&nap, NULL);
  }
  return GH_OK;
}

/* ---- the operations -------------------------------------------------------------------------------------- */

GhStatus
gh_cuda_group_available (GhCtx *ctx)
{
  pthread_once (&once, open_library);
  return refusal[0] ? gh_fail (ctx, GH_UNSUPPORTED, "%s", refusal) : GH_OK;
}

GhStatus
gh_cuda_group_id (GhCtx *ctx, uint8_t *id)
{
  ncclUniqueId made;
  ncclResult_t result;

  GH_CUDA_TRY (gh_cuda_group_available (ctx));
  result = nccl.GetUniqueId.to (&made);
  if (result != ncclSuccess)
    return gh_fail (ctx, GH_DEVICE_LOST, "NCCL: an id: %s", nccl.GetErrorString.to (result));
  memcpy (id, made.internal, sizeof made.internal);
  return GH_OK;
}

GhStatus
gh_cuda_group_join (GhCtx *ctx, const uint8_t *id, int rank, int size, int seconds)
{
  ncclConfig config = { sizeof config, (unsigned) CONFIG_MAGIC, CONFIG_VERSION, 0 };
  ncclComm_t group = NULL;
  ncclUniqueId given;
  ncclResult_t result;

  GH_CUDA_TRY (gh_cuda_group_available (ctx));
  memcpy (given.internal, id, sizeof given.internal);
  result = nccl.CommInitRankConfig.to (&group, size, given, rank, &config);
  gh_cuda (ctx)->group = group;
  if (!group)
    return give_up (ctx, "joining", nccl.GetErrorString.to (result));
  return wait_for (ctx, "joining", result, false, seconds);
}

GhStatus
gh_cuda_group_sum (GhCtx *ctx, float *x, size_t n, int seconds)
{
  GhCuda *cuda = gh_cuda (ctx);

  if (!cuda->group)
    return gh_fail (ctx, GH_UNSUPPORTED, "NCCL: this context is of no group, or of one that was given up");
  return wait_for (ctx, "a sum", nccl.AllReduce.to (x, x, n, ncclFloat32, ncclSum, (ncclComm_t) cuda->group,
          cuda->stream), true, seconds);
}

void
gh_cuda_group_leave (GhCtx *ctx)
{
  /* Destroying would wait for the others, who may be gone. */
  if (gh_cuda (ctx)->group)
    nccl.CommAbort.to ((ncclComm_t) gh_cuda (ctx)->group);
  gh_cuda (ctx)->group = NULL;
}
