/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cuda-loader.c: finds the cuda back end, a module of its own that is opened at run time, so that nothing here links
 * a CUDA library and everything loads on machines without one. The module exports `gh_cuda_module_backend`.
 *
 * GST_HEADS_CUDA_MODULE names the file; without it the system looks for libgstheads-cuda.so as for any library.
 * The module is opened once per process and stays.
 */
#include "kernels/gh-backend.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const GhBackend *backend;
static char refusal[256];

/* Most machines have none, which is no error. */
static void
say_unopened (const char *file, const char *why)
{
  const size_t n = strlen (file);

  if (strncmp (why, file, n) == 0 && strncmp (why + n, ": cannot open", strlen (": cannot open")) == 0)
    snprintf (refusal, sizeof refusal, "%s, which -Dcuda=enabled builds, is not installed", file);
  else
    snprintf (refusal, sizeof refusal, "the module did not open: %s", why);
}

static void
open_module (void)
{
  const char *env = getenv ("GST_HEADS_CUDA_MODULE");
  const char *file = env && *env ? env : "libgstheads-cuda.so";
  void *module = dlopen (file, RTLD_NOW | RTLD_LOCAL);

  if (!module) {
    say_unopened (file, dlerror ());
    return;
  }
  GhCudaModuleBackend get = (GhCudaModuleBackend) dlsym (module, GH_CUDA_MODULE_SYMBOL);
  const GhBackend *found = get ? get () : NULL;
  if (!found) {
    snprintf (refusal, sizeof refusal, "%s is not a cuda module of gst-heads", file);
  } else if (found->abi != GH_BACKEND_ABI) {
    snprintf (refusal, sizeof refusal, "%s is of another version (interface %d, needed %d)", file, found->abi,
        GH_BACKEND_ABI);
  } else {
    backend = found;
    return;
  }
  dlclose (module);
}

const GhBackend *
gh_cuda_backend (char *reason, size_t reason_size)
{
  pthread_once (&once, open_module);
  if (!backend && reason && reason_size)
    snprintf (reason, reason_size, "%s", refusal);
  return backend;
}
