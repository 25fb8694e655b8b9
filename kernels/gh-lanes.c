/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-lanes.c: whose turn it is on the way from the host to a device; the back end copies and waits.
 */
#include "gh-backend.h"

#include <stdlib.h>

enum { LANES = 2 };

struct GhLanes {
  GhCtx *ctx;
  GhLane lane[LANES];
  unsigned sent, done;          /* turns so far */
  bool is_filled, is_taken;     /* the turn after the last sent; that after the last done */
};

GhStatus
gh_lanes_new (GhCtx *ctx, GhLanes **lanes, size_t bytes)
{
  if (!ctx || !lanes)
    return GH_INVAL;
  *lanes = NULL;
  if (!ctx->backend->lane_new)
    return gh_fail (ctx, GH_UNSUPPORTED, "the %s back end reads the host's memory", ctx->backend->name);
  if (bytes == 0)
    return gh_fail (ctx, GH_INVAL, "gh_lanes_new: no bytes to bring");
  GhLanes *l = calloc (1, sizeof *l);
  if (!l)
    return gh_fail (ctx, GH_NOMEM, "not enough memory for lanes");
  l->ctx = ctx;
  for (int i = 0; i < LANES; i++) {
    l->lane[i].bytes = bytes;
    GhStatus status = ctx->backend->lane_new (ctx, &l->lane[i]);
    if (status != GH_OK) {
      gh_lanes_free (l);
      return status;
    }
  }
  *lanes = l;
  return GH_OK;
}

void
gh_lanes_free (GhLanes *lanes)
{
  if (!lanes)
    return;
  for (int i = 0; i < LANES; i++)
    lanes->ctx->backend->lane_free (lanes->ctx, &lanes->lane[i]);
  free (lanes);
}

static GhStatus
refuse (GhLanes *lanes, const char *function, const char *why)
{
  return gh_fail (lanes->ctx, GH_INVAL, "%s: %s", function, why);
}

GhStatus
gh_lanes_fill (GhLanes *lanes, void **host)
{
  if (!lanes || !host)
    return GH_INVAL;
  *host = NULL;
  if (lanes->is_filled || lanes->sent - lanes->done == LANES)
    return refuse (lanes, __func__, "both lanes are taken");
  GhLane *lane = &lanes->lane[lanes->sent % LANES];
  GhStatus status = lanes->ctx->backend->lane_wait (lanes->ctx, lane);
  if (status != GH_OK)
    return status;
  lanes->is_filled = true;
  *host = lane->host;
  return GH_OK;
}

GhStatus
gh_lanes_send (GhLanes *lanes)
{
  if (!lanes)
    return GH_INVAL;
  if (!lanes->is_filled)
    return refuse (lanes, __func__, "nothing was filled");
  lanes->is_filled = false;
  return lanes->ctx->backend->lane_send (lanes->ctx, &lanes->lane[lanes->sent++ % LANES]);
}

GhStatus
gh_lanes_take (GhLanes *lanes, const void **brought)
{
  if (!lanes || !brought)
    return GH_INVAL;
  *brought = NULL;
  if (lanes->is_taken || lanes->sent == lanes->done)
    return refuse (lanes, __func__, "nothing is on its way, or what came is not done");
  GhLane *lane = &lanes->lane[lanes->done % LANES];
  lanes->is_taken = true;
  *brought = lane->device;
  return lanes->ctx->backend->lane_take (lanes->ctx, lane);
}

GhStatus
gh_lanes_done (GhLanes *lanes)
{
  if (!lanes)
    return GH_INVAL;
  if (!lanes->is_taken)
    return refuse (lanes, __func__, "nothing was taken");
  lanes->is_taken = false;
  return lanes->ctx->backend->lane_done (lanes->ctx, &lanes->lane[lanes->done++ % LANES]);
}
