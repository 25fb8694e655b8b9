/* SPDX-License-Identifier: LGPL-2.1-or-later
 * lanes.cu: copies from pinned memory in a stream of their own, beside the context's. Events say what has arrived in a
 * lane, and when it was read for the last time. */
#include "cuda.h"

#include <stdlib.h>

namespace {
struct Events {
  cudaEvent_t arrived, read;
};
}

static Events *
events_of (const GhLane *lane)
{
  return (Events *) lane->own;
}

/* The context's stream of copies, made when it is first wanted. */
static GhStatus
open_copies (GhCtx *ctx)
{
  GhCuda *cuda = gh_cuda (ctx);

  if (cuda->copies)
    return GH_OK;
  return gh_cuda_check (ctx, cudaStreamCreateWithFlags (&cuda->copies, cudaStreamNonBlocking), "a stream of copies");
}

GhStatus
gh_cuda_lane_new (GhCtx *ctx, GhLane *lane)
{
  Events *events = (Events *) calloc (1, sizeof *events);

  lane->own = events;
  if (!events)
    return gh_fail (ctx, GH_NOMEM, "not enough memory for a lane");
  GH_CUDA_TRY (open_copies (ctx));
  GH_CUDA_TRY (gh_cuda_check (ctx, cudaEventCreateWithFlags (&events->arrived, cudaEventDisableTiming), "an event"));
  GH_CUDA_TRY (gh_cuda_check (ctx, cudaEventCreateWithFlags (&events->read, cudaEventDisableTiming), "an event"));
  GH_CUDA_TRY (gh_cuda_check (ctx, cudaMallocHost (&lane->host, lane->bytes), "pinned memory"));
  return gh_cuda_check (ctx, cudaMalloc (&lane->device, lane->bytes), "memory of the device");
}

void
gh_cuda_lane_free (GhCtx *ctx, GhLane *lane)
{
  Events *events = events_of (lane);

  if (gh_cuda (ctx)->copies)
    cudaStreamSynchronize (gh_cuda (ctx)->copies);
  if (lane->device) {
    cudaStreamSynchronize (gh_cuda (ctx)->stream);      /* which may still read it */
    cudaFree (lane->device);
  }
  if (lane->host)
    cudaFreeHost (lane->host);
  if (events && events->read)
    cudaEventDestroy (events->read);
  if (events && events->arrived)
    cudaEventDestroy (events->arrived);
  free (events);
  cudaGetLastError ();          /* forgotten: a lane that could not be had leaves the context as good as before */
}

GhStatus
gh_cuda_lane_wait (GhCtx *ctx, GhLane *lane)
{
  return gh_cuda_check (ctx, cudaEventSynchronize (events_of (lane)->arrived), "the copy of a lane");
}

GhStatus
gh_cuda_lane_send (GhCtx *ctx, GhLane *lane)
{
  cudaStream_t copies = gh_cuda (ctx)->copies;

  GH_CUDA_TRY (gh_cuda_check (ctx, cudaStreamWaitEvent (copies, events_of (lane)->read, 0), "a lane"));
  GH_CUDA_TRY (gh_cuda_check (ctx, cudaMemcpyAsync (lane->device, lane->host, lane->bytes, cudaMemcpyHostToDevice,
              copies), "the copy of a lane"));
  return gh_cuda_check (ctx, cudaEventRecord (events_of (lane)->arrived, copies), "a lane");
}

GhStatus
gh_cuda_lane_take (GhCtx *ctx, GhLane *lane)
{
  return gh_cuda_check (ctx, cudaStreamWaitEvent (gh_cuda (ctx)->stream, events_of (lane)->arrived, 0), "a lane");
}

GhStatus
gh_cuda_lane_done (GhCtx *ctx, GhLane *lane)
{
  return gh_cuda_check (ctx, cudaEventRecord (events_of (lane)->read, gh_cuda (ctx)->stream), "a lane");
}
