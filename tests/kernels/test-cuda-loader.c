/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-cuda-loader.c MODULE EXPECTED: opens the cuda device with GST_HEADS_CUDA_MODULE=MODULE. EXPECTED is "opens" or
 * words of the reason. The module is opened once per process: one run per module.
 */
#include "check.h"
#include "kernels/gh-backend.h"

#include <stdlib.h>
#include <string.h>

int
main (int argc, char **argv)
{
  GhCtx *ctx;
  char reason[256];

  if (argc != 3)
    return 2;
  setenv ("GST_HEADS_CUDA_MODULE", argv[1], 1);
  unsetenv ("GST_HEADS_DEVICE");
  bool opens = strcmp (argv[2], "opens") == 0;

  CHECK (gh_ctx_new (&ctx, GH_DEVICE_CUDA, 0, reason, sizeof reason) == (opens ? GH_OK : GH_UNSUPPORTED));
  printf ("%s\n", reason);
  if (!opens)
    CHECK (strstr (reason, argv[2]) != NULL);
  gh_ctx_free (ctx);

  /* AUTO takes it when it opens and says why not otherwise. */
  CHECK (gh_ctx_new (&ctx, GH_DEVICE_AUTO, 1, reason, sizeof reason) == GH_OK);
  printf ("%s\n", reason);
  CHECK (gh_ctx_device (ctx) == (opens ? GH_DEVICE_CUDA : GH_DEVICE_CPU));
  if (!opens)
    CHECK (strstr (reason, argv[2]) != NULL);
  gh_ctx_free (ctx);
  return check_result ();
}
