/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fake-cuda.c: a module for test-cuda-loader.c that looks like the cuda back end. FAKE_ABI is what it claims to fit.
 */
#include "kernels/gh-backend.h"

const GhBackend *gh_cuda_module_backend (void);

const GhBackend *
gh_cuda_module_backend (void)
{
  static const GhBackend backend = { .abi = FAKE_ABI, .name = "fake" };
  return &backend;
}
