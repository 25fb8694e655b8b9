/* SPDX-License-Identifier: LGPL-2.1-or-later
 * others.cu: memory that others of the process have on the same device: the context it has to lie in, and the wait for
 * what they do there. Contexts are the driver's matter, so it is asked, by the library the runtime has opened already. */
#include "cuda.h"

#include <dlfcn.h>

/* What is used of cuda.h, which declares it only for those who link the driver: 0 is success everywhere. */
typedef int (*Init) (unsigned flags);
typedef int (*DeviceGet) (int *device, int ordinal);
typedef int (*PrimaryRetain) (void **context, int device);

static GhStatus
lacks (GhCtx *ctx, const char *what)
{
  return gh_fail (ctx, GH_UNSUPPORTED, "the driver's library (libcuda.so.1) %s", what);
}

/* The primary context is retained for good, once per call: whoever is given it may outlive this context. */
GhStatus
gh_cuda_device_handle (GhCtx *ctx, void **handle, int *device)
{
  void *driver = dlopen ("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  Init init = driver ? (Init) dlsym (driver, "cuInit") : nullptr;
  DeviceGet get = driver ? (DeviceGet) dlsym (driver, "cuDeviceGet") : nullptr;
  PrimaryRetain retain = driver ? (PrimaryRetain) dlsym (driver, "cuDevicePrimaryCtxRetain") : nullptr;
  int ordinal = 0, found = 0;

  if (!driver)
    return lacks (ctx, "does not open");
  if (!init || !get || !retain)
    return lacks (ctx, "is no driver");
  GH_CUDA_TRY (gh_cuda_check (ctx, cudaGetDevice (&ordinal), "the device"));
  if (init (0) != 0 || get (&found, ordinal) != 0 || retain (handle, found) != 0)
    return lacks (ctx, "does not give the device's context");
  *device = ordinal;
  return GH_OK;
}

/* The default stream begins nothing before the others that keep step with it have done what they were given. */
GhStatus
gh_cuda_await_others (GhCtx *ctx)
{
  GhCuda *cuda = gh_cuda (ctx);

  GH_CUDA_TRY (gh_cuda_check (ctx, cudaSetDevice (0), "the device"));    /* theirs may be current in this thread */
  if (!cuda->others)
    GH_CUDA_TRY (gh_cuda_check (ctx, cudaEventCreateWithFlags (&cuda->others, cudaEventDisableTiming), "an event"));
  GH_CUDA_TRY (gh_cuda_check (ctx, cudaEventRecord (cuda->others, cudaStreamLegacy), "the default stream"));
  return gh_cuda_check (ctx, cudaStreamWaitEvent (cuda->stream, cuda->others, 0), "the default stream");
}
