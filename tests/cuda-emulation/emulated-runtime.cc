/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * emulated-runtime.cc: the runtime of cuda-emulation.h: errors, the device, its memory, streams, events and graphs.
 */
#include "emulation-private.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

/* ---- errors ---------------------------------------------------------------------------------------------- */

namespace {

enum { MOST_SHARED = 227 << 10, PROCESSORS = 2 };
const size_t MEMORY = (size_t) 2 << 30;

thread_local cudaError_t last_error;

cudaError_t
answer (cudaError_t error)
{
  if (error != cudaSuccess)
    last_error = error;
  return error;
}

}

cudaError_t
cudaGetLastError (void)
{
  cudaError_t error = last_error;

  last_error = cudaSuccess;
  return error;
}

cudaError_t
cudaPeekAtLastError (void)
{
  return last_error;
}

/* ---- what is counted ------------------------------------------------------------------------------------- */

namespace {
std::atomic<uint64_t> uploads, bytes_up, downloads, bytes_down, waits, allocated;

void
count_copy (size_t bytes, cudaMemcpyKind kind)
{
  if (kind == cudaMemcpyHostToDevice) {
    uploads++;
    bytes_up += bytes;
  } else if (kind == cudaMemcpyDeviceToHost) {
    downloads++;
    bytes_down += bytes;
  }
}
}

GhEmulatedTraffic
gh_emulated_traffic (void)
{
  return { uploads, bytes_up, downloads, bytes_down, waits, allocated };
}

/* ---- capture --------------------------------------------------------------------------------------------- */

struct GhEmulatedGraph {
  std::vector<std::function<void ()>> work;
};

struct GhEmulatedGraphExec {
  std::vector<std::function<void ()>> work;
};

/* Copies from pinned memory, which are done as late as a device might: when somebody waits for them. */
struct GhEmulatedLateCopies {
  std::deque<std::function<void ()>> waiting;
  size_t done;

  void
  catch_up (size_t count)
  {
    for (; done < count && !waiting.empty (); done++) {
      waiting.front () ();
      waiting.pop_front ();
    }
  }
};

struct GhEmulatedStream {
  unsigned flags;
  std::shared_ptr<GhEmulatedLateCopies> late;
};

struct GhEmulatedEvent {
  bool recorded;
  struct timespec when;
  std::shared_ptr<GhEmulatedLateCopies> late;   /* of the stream it was recorded in, of which so many come before it */
  size_t after;
  bool of_default;              /* it comes after what the driver has under way, too */
};

namespace {

/* What this thread captures: launches come without their stream. */
thread_local struct {
  GhEmulatedGraph *graph;
  cudaStream_t stream;
  bool broken;
} capture;

bool
is_captured (cudaStream_t stream)
{
  return capture.graph && capture.stream == stream;
}

cudaError_t
enqueue (cudaStream_t stream, std::function<void ()> work)
{
  if (is_captured (stream)) {
    capture.graph->work.push_back (std::move (work));
    return cudaSuccess;
  }
  if (stream)
    stream->late->catch_up (SIZE_MAX);
  work ();
  return cudaSuccess;
}

/* What is not allowed during a capture: whether one is under way, which is then spoilt. */
bool
spoils_capture ()
{
  capture.broken = capture.graph != nullptr;
  return capture.broken;
}

}

static void
launch (dim3 grid, dim3 size, size_t shared_bytes, unsigned cluster, const std::function<void ()> &body, const char *file,
    int line)
{
  size_t threads = (size_t) size.x * size.y * size.z;

  if (grid.x < 1 || grid.y < 1 || grid.z < 1 || grid.x > INT_MAX || grid.y > 65535 || grid.z > 65535 || threads < 1
      || threads > 1024 || size.z > 64 || shared_bytes > MOST_SHARED)
    gh_emulation_die ("no device launches (%u,%u,%u) blocks of (%u,%u,%u) threads and %zu shared bytes (%s:%d)", grid.x,
        grid.y, grid.z, size.x, size.y, size.z, shared_bytes, file, line);
  enqueue (capture.stream, [=] { gh_emulation_run (grid, size, shared_bytes, cluster, body, file, line); });
}

void
gh_emulate_launch (dim3 grid, dim3 size, size_t shared_bytes, const std::function<void ()> &body, const char *file,
    int line)
{
  launch (grid, size, shared_bytes, 0, body, file, line);
}

void
gh_emulate_resident_launch (unsigned blocks, unsigned threads, size_t shared_bytes, unsigned cluster,
    const std::function<void ()> &body, const char *file, int line)
{
  if (cluster < 1 || cluster > 8 || blocks % cluster)
    gh_emulation_die ("no device launches %u blocks in clusters of %u (%s:%d)", blocks, cluster, file, line);
  launch (dim3 (blocks), dim3 (threads), shared_bytes, cluster, body, file, line);
}

cudaError_t
cudaStreamBeginCapture (cudaStream_t stream, cudaStreamCaptureMode)
{
  if (!stream)
    return answer (cudaErrorStreamCaptureUnsupported);
  if (capture.graph)
    return answer (cudaErrorInvalidValue);
  capture = { new GhEmulatedGraph (), stream, false };
  return cudaSuccess;
}

cudaError_t
cudaStreamIsCapturing (cudaStream_t stream, cudaStreamCaptureStatus *status)
{
  *status = !is_captured (stream) ? cudaStreamCaptureStatusNone
      : capture.broken ? cudaStreamCaptureStatusInvalidated : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}

cudaError_t
cudaStreamEndCapture (cudaStream_t stream, cudaGraph_t *graph)
{
  bool broken = capture.broken;

  *graph = nullptr;
  if (!is_captured (stream))
    return answer (cudaErrorInvalidValue);
  if (broken)
    delete capture.graph;
  else
    *graph = capture.graph;
  capture = { };
  return answer (broken ? cudaErrorStreamCaptureInvalidated : cudaSuccess);
}

cudaError_t
cudaGraphInstantiate (cudaGraphExec_t *ready, cudaGraph_t graph, unsigned long long)
{
  *ready = nullptr;
  if (!graph)
    return answer (cudaErrorInvalidValue);
  *ready = new GhEmulatedGraphExec { graph->work };
  return cudaSuccess;
}

cudaError_t
cudaGraphLaunch (cudaGraphExec_t ready, cudaStream_t stream)
{
  if (!ready)
    return answer (cudaErrorInvalidValue);
  for (const auto &work : ready->work)
    enqueue (stream, work);
  return cudaSuccess;
}

cudaError_t
cudaGraphDestroy (cudaGraph_t graph)
{
  delete graph;
  return answer (graph ? cudaSuccess : cudaErrorInvalidValue);
}

cudaError_t
cudaGraphExecDestroy (cudaGraphExec_t ready)
{
  delete ready;
  return answer (ready ? cudaSuccess : cudaErrorInvalidValue);
}

/* ---- streams and events ---------------------------------------------------------------------------------- */

namespace {

/* The driver's streams that keep step with the default one do what they were given. */
void
catch_up_driver ()
{
  void *driver = dlopen ("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
  auto catch_up = driver ? (void (*) ()) dlsym (driver, "gh_fake_driver_catch_up") : nullptr;

  if (catch_up)
    catch_up ();
  if (driver)
    dlclose (driver);
}

}

/* All that comes before it is done. */
static cudaError_t
reach (cudaEvent_t event)
{
  if (event && event->late)
    event->late->catch_up (event->after);
  if (event && event->of_default)
    catch_up_driver ();
  return answer (event ? cudaSuccess : cudaErrorInvalidResourceHandle);
}

cudaError_t
cudaStreamCreate (cudaStream_t *stream)
{
  return cudaStreamCreateWithFlags (stream, cudaStreamDefault);
}

cudaError_t
cudaStreamCreateWithFlags (cudaStream_t *stream, unsigned flags)
{
  *stream = new GhEmulatedStream { flags, std::make_shared<GhEmulatedLateCopies> () };
  return cudaSuccess;
}

/* A capture under way ends with its stream. */
cudaError_t
cudaStreamDestroy (cudaStream_t stream)
{
  if (!stream)
    return answer (cudaErrorInvalidResourceHandle);
  if (is_captured (stream)) {
    delete capture.graph;
    capture = { };
  }
  stream->late->catch_up (SIZE_MAX);
  delete stream;
  return cudaSuccess;
}

cudaError_t
cudaStreamQuery (cudaStream_t stream)
{
  return cudaStreamSynchronize (stream);
}

cudaError_t
cudaStreamSynchronize (cudaStream_t stream)
{
  waits++;
  if (!is_captured (stream)) {
    if (stream)
      stream->late->catch_up (SIZE_MAX);
    return cudaSuccess;
  }
  capture.broken = true;
  return answer (cudaErrorStreamCaptureUnsupported);
}

cudaError_t
cudaStreamWaitEvent (cudaStream_t, cudaEvent_t event, unsigned)
{
  return reach (event);
}

cudaError_t
cudaEventCreate (cudaEvent_t *event)
{
  return cudaEventCreateWithFlags (event, cudaEventDefault);
}

cudaError_t
cudaEventCreateWithFlags (cudaEvent_t *event, unsigned)
{
  *event = new GhEmulatedEvent ();
  return cudaSuccess;
}

cudaError_t
cudaEventDestroy (cudaEvent_t event)
{
  delete event;
  return answer (event ? cudaSuccess : cudaErrorInvalidResourceHandle);
}

cudaError_t
cudaEventRecord (cudaEvent_t event, cudaStream_t stream)
{
  auto record = [=] {
    event->recorded = true;
    clock_gettime (CLOCK_MONOTONIC, &event->when);
  };

  if (!event)
    return answer (cudaErrorInvalidResourceHandle);
  event->of_default = stream == cudaStreamLegacy;
  if (event->of_default)
    stream = nullptr;
  if (!stream || is_captured (stream))
    return enqueue (stream, record);
  event->late = stream->late;
  event->after = stream->late->done + stream->late->waiting.size ();
  record ();
  return cudaSuccess;
}

cudaError_t
cudaEventQuery (cudaEvent_t event)
{
  return reach (event);
}

cudaError_t
cudaEventSynchronize (cudaEvent_t event)
{
  waits += event && event->late && event->late->done < event->after;
  return reach (event);
}

cudaError_t
cudaEventElapsedTime (float *milliseconds, cudaEvent_t from, cudaEvent_t to)
{
  if (!from || !to || !from->recorded || !to->recorded)
    return answer (cudaErrorInvalidResourceHandle);
  *milliseconds = (float) (to->when.tv_sec - from->when.tv_sec) * 1e3f
      + (float) (to->when.tv_nsec - from->when.tv_nsec) * 1e-6f;
  return cudaSuccess;
}

/* ---- the device ------------------------------------------------------------------------------------------ */

cudaError_t
cudaGetDeviceCount (int *count)
{
  *count = 1;
  return cudaSuccess;
}

cudaError_t
cudaGetDevice (int *device)
{
  *device = 0;
  return cudaSuccess;
}

cudaError_t
cudaSetDevice (int device)
{
  return answer (device == 0 ? cudaSuccess : cudaErrorInvalidDevice);
}

static int
setting (const char *name, int otherwise)
{
  const char *wanted = getenv (name);
  return wanted ? atoi (wanted) : otherwise;
}

cudaError_t
cudaGetDeviceProperties (cudaDeviceProp *properties, int device)
{
  if (device != 0)
    return answer (cudaErrorInvalidDevice);
  *properties = { };
  snprintf (properties->name, sizeof properties->name, "emulated");
  properties->totalGlobalMem = MEMORY;
  properties->sharedMemPerBlock = 48 << 10;
  properties->sharedMemPerBlockOptin = MOST_SHARED;
  properties->multiProcessorCount = setting ("GST_HEADS_EMULATED_PROCESSORS", PROCESSORS);
  properties->maxThreadsPerBlock = 1024;
  properties->warpSize = warpSize;
  return cudaSuccess;
}


cudaError_t
cudaDeviceGetAttribute (int *value, cudaDeviceAttr attribute, int device)
{
  /* 10 * major + minor; 0: kernels take their plain variants. */
  int capability = setting ("GST_HEADS_EMULATED_CAPABILITY", 0);
  cudaDeviceProp properties;

  if (cudaGetDeviceProperties (&properties, device) != cudaSuccess)
    return cudaErrorInvalidDevice;
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
      *value = properties.maxThreadsPerBlock;
      return cudaSuccess;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      *value = (int) properties.sharedMemPerBlock;
      return cudaSuccess;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = (int) properties.sharedMemPerBlockOptin;
      return cudaSuccess;
    case cudaDevAttrWarpSize:
      *value = properties.warpSize;
      return cudaSuccess;
    case cudaDevAttrMultiProcessorCount:
      *value = properties.multiProcessorCount;
      return cudaSuccess;
    case cudaDevAttrComputeCapabilityMajor:
      *value = capability / 10;
      return cudaSuccess;
    case cudaDevAttrComputeCapabilityMinor:
      *value = capability % 10;
      return cudaSuccess;
  }
  return answer (cudaErrorInvalidValue);
}

cudaError_t
cudaDeviceSynchronize (void)
{
  return answer (spoils_capture () ? cudaErrorStreamCaptureUnsupported : cudaSuccess);
}

cudaError_t
cudaFuncSetAttribute (const void *kernel, cudaFuncAttribute attribute, int value)
{
  bool valid = kernel && (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize
      || (value >= 0 && value <= MOST_SHARED));

  return answer (valid ? cudaSuccess : cudaErrorInvalidValue);
}

/* ---- memory ---------------------------------------------------------------------------------------------- */

namespace {

struct Allocation {
  size_t bytes;
  bool of_device;
};

/* Of all threads, by address. */
std::mutex lock;
std::map<const char *, Allocation> allocations;
size_t used;

cudaError_t
allocate (void **p, size_t bytes, bool of_device)
{
  *p = nullptr;
  if (spoils_capture ())
    return answer (cudaErrorStreamCaptureUnsupported);
  std::lock_guard<std::mutex> hold (lock);
  if (bytes == 0)
    return cudaSuccess;
  char *memory = bytes <= MEMORY - used ? gh_emulation_allocate (bytes, 256) : nullptr;
  if (!memory)
    return answer (cudaErrorMemoryAllocation);
  allocations[memory] = { bytes, of_device };
  allocated++;
  used += bytes;
  *p = memory;
  return cudaSuccess;
}

cudaError_t
release (void *p, bool of_device)
{
  if (!p)
    return cudaSuccess;
  if (spoils_capture ())
    return answer (cudaErrorStreamCaptureUnsupported);
  std::lock_guard<std::mutex> hold (lock);
  auto found = allocations.find ((char *) p);
  if (found == allocations.end () || found->second.of_device != of_device)
    return answer (cudaErrorInvalidValue);
  used -= found->second.bytes;
  allocations.erase (found);
  gh_emulation_release ((char *) p);
  return cudaSuccess;
}

bool
is_ours (const void *p, size_t bytes, bool of_device)
{
  std::lock_guard<std::mutex> hold (lock);
  auto after = allocations.upper_bound ((const char *) p);

  if (after == allocations.begin ())
    return false;
  --after;
  size_t offset = (size_t) ((const char *) p - after->first);
  return after->second.of_device == of_device && offset <= after->second.bytes
      && bytes <= after->second.bytes - offset;
}

bool
is_of_device (const void *p, size_t bytes)
{
  return is_ours (p, bytes, true);
}

bool
is_copy (const void *to, size_t to_bytes, const void *from, size_t from_bytes, cudaMemcpyKind kind)
{
  if ((kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice) && !is_of_device (to, to_bytes))
    return false;
  return (kind != cudaMemcpyDeviceToHost && kind != cudaMemcpyDeviceToDevice) || is_of_device (from, from_bytes);
}

}

void
gh_emulation_check_memory (const char *file, int line)
{
  std::lock_guard<std::mutex> hold (lock);

  for (const auto &a : allocations) {
    if (!gh_emulation_guards_hold (a.first, a.second.bytes))
      gh_emulation_die ("the launch at %s:%d wrote next to %zu bytes of device memory at %p", file, line,
          a.second.bytes, (const void *) a.first);
  }
}

cudaError_t
cudaMalloc (void **p, size_t bytes)
{
  return allocate (p, bytes, true);
}

cudaError_t
cudaFree (void *p)
{
  return release (p, true);
}

cudaError_t
cudaMallocHost (void **p, size_t bytes)
{
  return allocate (p, bytes, false);
}

cudaError_t
cudaFreeHost (void *p)
{
  return release (p, false);
}

cudaError_t
cudaMemGetInfo (size_t *left, size_t *total)
{
  std::lock_guard<std::mutex> hold (lock);

  *left = MEMORY - used;
  *total = MEMORY;
  return cudaSuccess;
}

cudaError_t
cudaMemcpy (void *to, const void *from, size_t bytes, cudaMemcpyKind kind)
{
  if (spoils_capture ())
    return answer (cudaErrorStreamCaptureUnsupported);
  return cudaMemcpyAsync (to, from, bytes, kind, nullptr);
}

cudaError_t
cudaMemcpyAsync (void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream)
{
  if (bytes == 0)
    return cudaSuccess;
  if (!is_copy (to, bytes, from, bytes, kind))
    return answer (cudaErrorInvalidValue);
  count_copy (bytes, kind);
  if (kind != cudaMemcpyHostToDevice || !stream || is_captured (stream) || !is_ours (from, bytes, false))
    return enqueue (stream, [=] { memcpy (to, from, bytes); });
  stream->late->waiting.push_back ([=] { memcpy (to, from, bytes); });
  return cudaSuccess;
}

cudaError_t
cudaMemcpy2DAsync (void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height,
    cudaMemcpyKind kind, cudaStream_t stream)
{
  if (width == 0 || height == 0)
    return cudaSuccess;
  if (width > to_pitch || width > from_pitch
      || !is_copy (to, (height - 1) * to_pitch + width, from, (height - 1) * from_pitch + width, kind))
    return answer (cudaErrorInvalidValue);
  return enqueue (stream, [=] {
    for (size_t row = 0; row < height; row++)
      memcpy ((char *) to + row * to_pitch, (const char *) from + row * from_pitch, width);
  });
}

cudaError_t
cudaMemsetAsync (void *p, int value, size_t bytes, cudaStream_t stream)
{
  if (bytes == 0)
    return cudaSuccess;
  if (!is_of_device (p, bytes))
    return answer (cudaErrorInvalidValue);
  return enqueue (stream, [=] { memset (p, value, bytes); });
}
