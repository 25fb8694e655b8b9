/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-lanes.c: bytes come through the lanes of the cuda module, which the processor runs, in order and whole, although
 * its copies are as late as they may be; turns out of order are refused; back ends in the host's memory have none, and do
 * not say how much is left of it.
 */
#include "check.h"
#include "kernels/gh-kernels.h"

#include <stdlib.h>
#include <string.h>

enum { N = 1000 };

/* The next turn brings N times `value`; the memory it was filled from is as good as gone. */
static void
send (GhLanes *lanes, float value)
{
  void *host;

  CHECK (gh_lanes_fill (lanes, &host) == GH_OK);
  for (int i = 0; i < N; i++)
    ((float *) host)[i] = value;
  CHECK (gh_lanes_send (lanes) == GH_OK);
}

/* sum[1] accumulates the squares of what the oldest turn brought. */
static void
use (GhCtx *ctx, GhLanes *lanes, float *sum)
{
  const void *brought;

  CHECK (gh_lanes_take (lanes, &brought) == GH_OK);
  CHECK (gh_sum_squares (ctx, sum, brought, N) == GH_OK);
  CHECK (gh_lanes_done (lanes) == GH_OK);
}

static float
value_of (GhCtx *ctx, float *sum)
{
  float value;

  CHECK (gh_download (ctx, &value, sum, sizeof value) == GH_OK && gh_sync (ctx) == GH_OK);
  CHECK (gh_zero (ctx, sum, sizeof value) == GH_OK);
  return value;
}

static void
test_turns (GhCtx *ctx)
{
  GhLanes *lanes;
  void *sum;

  CHECK (gh_alloc (ctx, &sum, sizeof (float)) == GH_OK);
  CHECK (gh_lanes_new (ctx, &lanes, N * sizeof (float)) == GH_OK);
  send (lanes, 1);
  for (int i = 2; i < 8; i++) {         /* always one ahead */
    send (lanes, (float) i);
    use (ctx, lanes, sum);
    CHECK (value_of (ctx, sum) == N * (i - 1) * (i - 1));
  }
  use (ctx, lanes, sum);
  CHECK (value_of (ctx, sum) == N * 7 * 7);
  for (int i = 1; i < 4; i++) {         /* one by one */
    send (lanes, (float) i);
    use (ctx, lanes, sum);
  }
  CHECK (value_of (ctx, sum) == N * (1 + 4 + 9));
  send (lanes, 1);                      /* left under way */
  gh_lanes_free (lanes);
  gh_free (ctx, sum);
}

static void
test_order (GhCtx *ctx)
{
  const void *brought;
  GhLanes *lanes;
  void *host;

  CHECK (gh_lanes_new (ctx, &lanes, 0) == GH_INVAL && !lanes);
  CHECK (gh_lanes_new (ctx, &lanes, (size_t) 1 << 60) == GH_NOMEM && !lanes);
  CHECK (gh_lanes_new (ctx, &lanes, N * sizeof (float)) == GH_OK);
  CHECK (gh_lanes_send (lanes) == GH_INVAL);
  CHECK (gh_lanes_take (lanes, &brought) == GH_INVAL && !brought);
  CHECK (gh_lanes_done (lanes) == GH_INVAL);
  CHECK (strstr (gh_last_error (ctx), "gh_lanes_done"));
  CHECK (gh_lanes_fill (lanes, &host) == GH_OK && gh_lanes_fill (lanes, &host) == GH_INVAL && !host);
  CHECK (gh_lanes_take (lanes, &brought) == GH_INVAL);
  CHECK (gh_lanes_send (lanes) == GH_OK);
  send (lanes, 2);
  CHECK (gh_lanes_fill (lanes, &host) == GH_INVAL);
  CHECK (gh_lanes_take (lanes, &brought) == GH_OK && gh_lanes_take (lanes, &brought) == GH_INVAL);
  CHECK (gh_lanes_fill (lanes, &host) == GH_INVAL);
  CHECK (gh_lanes_done (lanes) == GH_OK && gh_lanes_done (lanes) == GH_INVAL);
  CHECK (gh_lanes_fill (lanes, &host) == GH_OK && host);
  gh_lanes_free (lanes);
}

static void
test_memory_left (GhCtx *ctx)
{
  const size_t bytes = (size_t) 32 << 20;
  size_t before, after;
  void *memory;

  CHECK (gh_memory_left (ctx, &before) == GH_OK && before > bytes);
  CHECK (gh_alloc (ctx, &memory, bytes) == GH_OK);
  CHECK (gh_memory_left (ctx, &after) == GH_OK && after + bytes <= before);
  gh_free (ctx, memory);
}

static void
test_host_memory (GhDevice device)
{
  GhLanes *lanes;
  GhCtx *ctx;
  size_t left;

  CHECK (gh_ctx_new (&ctx, device, 1, NULL, 0) == GH_OK);
  CHECK (gh_lanes_new (ctx, &lanes, N) == GH_UNSUPPORTED && !lanes);
  CHECK (strstr (gh_last_error (ctx), gh_device_name (device)));
  CHECK (gh_memory_left (ctx, &left) == GH_UNSUPPORTED && gh_memory_left (ctx, NULL) == GH_INVAL);
  gh_ctx_free (ctx);
}

int
main (void)
{
  GhLanes *lanes;
  GhCtx *ctx;

  test_host_memory (GH_DEVICE_REF);
  test_host_memory (GH_DEVICE_CPU);
  CHECK (gh_lanes_new (NULL, &lanes, N) == GH_INVAL && gh_lanes_send (NULL) == GH_INVAL);
  gh_lanes_free (NULL);
  if (gh_ctx_new (&ctx, GH_DEVICE_CUDA, 1, NULL, 0) == GH_OK) {
    test_turns (ctx);
    test_order (ctx);
    test_memory_left (ctx);
    gh_ctx_free (ctx);
  }
  return check_result ();
}
