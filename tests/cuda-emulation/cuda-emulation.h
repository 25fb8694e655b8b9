/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cuda-emulation.h: CUDA's execution model on the processor, so that tests run the very sources of kernels/cuda with
 * nothing but a C++ compiler. What stands in the place of <cuda_runtime.h> when GH_CUDA_EMULATION is defined.
 *
 * A launch runs block after block on the calling thread. The threads of a block are fibers: one runs until it waits
 * for others or ends, then the next one does. The order changes from launch to launch: forward and reverse, each warp
 * as far as it gets before the next one begins, and shuffled, one step of all threads after the other. So a missing
 * barrier shows up as a wrong result. GST_HEADS_EMULATION_ORDER fixes one: "forward", "reverse", or the seed of a
 * shuffle.
 *
 * Shared memory is dynamic only, and holds NaN before every block, as device memory does when it is new. Both are
 * checked for writes next to them after every launch, and are blocks of exactly the size asked for under the address
 * sanitizer, which sees reads as well. What CUDA leaves undefined ends the program with a line on stderr: barriers that
 * some threads of the block never reach, lanes that meet at different places.
 *
 * Streams do their work at once. While this thread captures one, launches, copies and sets are kept and done by
 * cudaGraphLaunch(); allocating and waiting meanwhile fail, as on a device. Error codes have CUDA's numbers.
 */
#pragma once

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <functional>

#define __global__
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(bytes) __attribute__ ((aligned (bytes)))

/* ---- vectors --------------------------------------------------------------------------------------------- */

struct uint3 { unsigned x, y, z; };
struct alignas (8) int2 { int x, y; };
struct alignas (8) uint2 { unsigned x, y; };
struct alignas (8) float2 { float x, y; };
struct alignas (16) int4 { int x, y, z, w; };
struct alignas (16) uint4 { unsigned x, y, z, w; };
struct alignas (16) float4 { float x, y, z, w; };
struct alignas (16) double2 { double x, y; };

static inline int2 make_int2 (int x, int y) { return { x, y }; }
static inline uint2 make_uint2 (unsigned x, unsigned y) { return { x, y }; }
static inline float2 make_float2 (float x, float y) { return { x, y }; }
static inline int4 make_int4 (int x, int y, int z, int w) { return { x, y, z, w }; }
static inline uint4 make_uint4 (unsigned x, unsigned y, unsigned z, unsigned w) { return { x, y, z, w }; }
static inline float4 make_float4 (float x, float y, float z, float w) { return { x, y, z, w }; }
static inline double2 make_double2 (double x, double y) { return { x, y }; }

struct dim3 {
  unsigned x, y, z;
  constexpr dim3 (unsigned x = 1, unsigned y = 1, unsigned z = 1) : x (x), y (y), z (z) { }
};

/* ---- where a thread is ----------------------------------------------------------------------------------- */

extern __thread uint3 threadIdx, blockIdx;
extern __thread dim3 blockDim, gridDim;
static constexpr int warpSize = 32;

/* Where in the sources: the last arguments of what messages are about, never given. */
#define GH_HERE const char *file = __builtin_FILE (), int line = __builtin_LINE ()

/* body() once per thread of the grid. shared_bytes: dynamic shared memory of a block. */
void gh_emulate_launch (dim3 grid, dim3 block, size_t shared_bytes, const std::function<void ()> &body, GH_HERE);

template <class T> struct GhEmulatedAs { typedef T type; };
/* A call of a kernel for later, with its arguments as they are now. */
template <class... P> static inline std::function<void ()>
gh_emulated_call (void (*kernel) (P...), typename GhEmulatedAs<P>::type... args)
{
  return [=] { kernel (args...); };
}

/* The block's dynamic shared memory, aligned to 1024 bytes. */
void *gh_emulated_shared (void);

/* ---- meeting others -------------------------------------------------------------------------------------- */

void __syncthreads (GH_HERE);

/* What a lane takes from a meeting: the word of the lane it asked for (all ones when that lane did not come), who came,
 * and whose word was not 0. */
struct GhEmulatedMeeting {
  uint64_t word;
  unsigned present, votes;
};

/* Waits for every live lane of `mask`; `what` names the operation. */
GhEmulatedMeeting gh_emulate_meeting (const char *what, unsigned mask, uint64_t word, unsigned source, const char *file,
    int line);
unsigned gh_emulated_lane (void);

template <class T> static inline T
gh_emulate_shuffle (const char *what, unsigned mask, T x, unsigned source, const char *file, int line)
{
  static_assert (sizeof (T) == 4 || sizeof (T) == 8, "lanes exchange words of 4 or 8 bytes");
  uint64_t word = 0;

  memcpy (&word, &x, sizeof x);
  word = gh_emulate_meeting (what, mask, word, source, file, line).word;
  memcpy (&x, &word, sizeof x);
  return x;
}

template <class T> static inline T
__shfl_sync (unsigned mask, T x, int lane, int width = warpSize, GH_HERE)
{
  unsigned first = gh_emulated_lane () & -(unsigned) width;
  return gh_emulate_shuffle ("__shfl_sync", mask, x, first | ((unsigned) lane & (width - 1)), file, line);
}

/* Beyond the lanes of its own part of the warp, a lane gets what it brought. */
template <class T> static inline T
__shfl_xor_sync (unsigned mask, T x, int lanes, int width = warpSize, GH_HERE)
{
  unsigned mine = gh_emulated_lane (), from = mine ^ (unsigned) lanes, last = mine | (width - 1);
  return gh_emulate_shuffle ("__shfl_xor_sync", mask, x, from > last ? mine : from, file, line);
}

template <class T> static inline T
__shfl_down_sync (unsigned mask, T x, unsigned lanes, int width = warpSize, GH_HERE)
{
  unsigned mine = gh_emulated_lane (), last = mine | (width - 1);
  return gh_emulate_shuffle ("__shfl_down_sync", mask, x, lanes > last - mine ? mine : mine + lanes, file, line);
}

template <class T> static inline T
__shfl_up_sync (unsigned mask, T x, unsigned lanes, int width = warpSize, GH_HERE)
{
  unsigned mine = gh_emulated_lane (), first = mine & -(unsigned) width;
  return gh_emulate_shuffle ("__shfl_up_sync", mask, x, lanes > mine - first ? mine : mine - lanes, file, line);
}

static inline void
__syncwarp (unsigned mask = 0xffffffffu, GH_HERE)
{
  gh_emulate_meeting ("__syncwarp", mask, 0, gh_emulated_lane (), file, line);
}

static inline unsigned
__ballot_sync (unsigned mask, int vote, GH_HERE)
{
  return gh_emulate_meeting ("__ballot_sync", mask, vote != 0, gh_emulated_lane (), file, line).votes;
}

static inline int
__any_sync (unsigned mask, int vote, GH_HERE)
{
  return gh_emulate_meeting ("__any_sync", mask, vote != 0, gh_emulated_lane (), file, line).votes != 0;
}

static inline int
__all_sync (unsigned mask, int vote, GH_HERE)
{
  GhEmulatedMeeting met = gh_emulate_meeting ("__all_sync", mask, vote != 0, gh_emulated_lane (), file, line);
  return met.votes == met.present;
}

/* What kernels/cuda/tensor-cores.h is made of here (emulated-tensor-cores.cc). */
void gh_emulate_mma (float *c, const unsigned *a, unsigned b0, unsigned b1, const char *file, int line);
void gh_emulate_load_matrices (unsigned *r, const uint16_t *row, bool turned, const char *file, int line);
void gh_emulate_copy_async (void *to, const void *from, int bytes);
void gh_emulate_copy_commit (void);
void gh_emulate_copy_wait (int newer);

/* What kernels/cuda/hopper.h is made of here (emulated-hopper.cc). Blocks of such a launch take turns, and those that wait
 * for what another one does give theirs away. Copies come when their barrier is waited for, products are done when they
 * are waited for: until then what they make is not there. */
void gh_emulate_resident_launch (unsigned blocks, unsigned threads, size_t shared_bytes, unsigned cluster,
    const std::function<void ()> &body, GH_HERE);
void gh_emulate_barrier_init (uint64_t *barrier, int arrivals);
void gh_emulate_barrier_expect (uint64_t *barrier, int bytes);
void gh_emulate_barrier_arrive_at (uint64_t *barrier, int rank);
void gh_emulate_barrier_wait (uint64_t *barrier, unsigned parity, const char *file, int line);
void gh_emulate_bulk_copy (void *to, const void *from, int bytes, uint64_t *barrier, unsigned ranks);
void gh_emulate_cluster_sync (const char *file, int line);
int gh_emulate_cluster_rank (void);
void gh_emulate_some_sync (int id, int threads, const char *file, int line);
void gh_emulate_flag_wait (const unsigned *flag, unsigned value, const char *file, int line);
void gh_emulate_tile_product (float *c, const uint16_t *a, const uint16_t *b, int cols);
void gh_emulate_products_commit (void);
void gh_emulate_products_wait (int newer, const char *file, int line);

static inline void __threadfence (void) { }
static inline void __threadfence_block (void) { }

/* ---- atomics: one thread at a time runs anyway, and each returns what was there before ------------------- */

template <class T> static inline T
atomicExch (T *p, T x)
{
  T old = *p;
  *p = x;
  return old;
}

template <class T> static inline T
atomicCAS (T *p, T expected, T x)
{
  return atomicExch (p, *p == expected ? x : *p);
}

static inline int atomicAdd (int *p, int x) { return atomicExch (p, (int) ((unsigned) *p + (unsigned) x)); }
static inline unsigned atomicAdd (unsigned *p, unsigned x) { return atomicExch (p, *p + x); }
static inline unsigned long long
atomicAdd (unsigned long long *p, unsigned long long x)
{
  return atomicExch (p, *p + x);
}
static inline float atomicAdd (float *p, float x) { return atomicExch (p, *p + x); }
static inline double atomicAdd (double *p, double x) { return atomicExch (p, *p + x); }
static inline int atomicMax (int *p, int x) { return atomicExch (p, *p > x ? *p : x); }
static inline unsigned atomicMax (unsigned *p, unsigned x) { return atomicExch (p, *p > x ? *p : x); }
static inline int atomicMin (int *p, int x) { return atomicExch (p, *p < x ? *p : x); }
static inline unsigned atomicMin (unsigned *p, unsigned x) { return atomicExch (p, *p < x ? *p : x); }

/* ---- arithmetic ------------------------------------------------------------------------------------------ */

#define GH_MIN_MAX(type) \
  static inline type min (type a, type b) { return a < b ? a : b; } \
  static inline type max (type a, type b) { return a > b ? a : b; }
GH_MIN_MAX (int)
GH_MIN_MAX (unsigned)
GH_MIN_MAX (long)
GH_MIN_MAX (unsigned long)
GH_MIN_MAX (long long)
GH_MIN_MAX (unsigned long long)
#undef GH_MIN_MAX
static inline float min (float a, float b) { return fminf (a, b); }
static inline float max (float a, float b) { return fmaxf (a, b); }
static inline double min (double a, double b) { return fmin (a, b); }
static inline double max (double a, double b) { return fmax (a, b); }

template <class To, class From> static inline To
gh_emulate_cast (From x)
{
  To to;
  static_assert (sizeof to == sizeof x, "the same bits");
  memcpy (&to, &x, sizeof to);
  return to;
}

static inline unsigned __float_as_uint (float x) { return gh_emulate_cast<unsigned> (x); }
static inline int __float_as_int (float x) { return gh_emulate_cast<int> (x); }
static inline float __uint_as_float (unsigned x) { return gh_emulate_cast<float> (x); }
static inline float __int_as_float (int x) { return gh_emulate_cast<float> (x); }
static inline int __popc (unsigned x) { return __builtin_popcount (x); }
static inline int __ffs (int x) { return __builtin_ffs (x); }
static inline int __clz (int x) { return x ? __builtin_clz ((unsigned) x) : 32; }
template <class T> static inline T __ldg (const T *p) { return *p; }
template <class T> static inline T __ldcs (const T *p) { return *p; }
template <class T> static inline void __stcs (T *p, T x) { *p = x; }

static inline float gh_emulate_rsqrtf (float x) { return 1 / sqrtf (x); }
static inline float __fdividef (float x, float y) { return x / y; }
static inline float __frcp_rn (float x) { return 1 / x; }
static inline float __fsqrt_rn (float x) { return sqrtf (x); }
static inline float __fadd_rn (float x, float y) { return x + y; }
static inline float __fmul_rn (float x, float y) { return x * y; }
static inline float __fmaf_rn (float x, float y, float z) { return fmaf (x, y, z); }
/* Names that C libraries declare themselves, some of them already. */
#define rsqrtf(x) gh_emulate_rsqrtf (x)
#define __expf(x) expf (x)
#define __logf(x) logf (x)
#define __powf(x, y) powf (x, y)
#define __sinf(x) sinf (x)
#define __cosf(x) cosf (x)

/* ---- the runtime ----------------------------------------------------------------------------------------- */

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInitializationError = 3,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorInvalidResourceHandle = 400,
  cudaErrorNotReady = 600,
  cudaErrorLaunchFailure = 719,
  cudaErrorNotSupported = 801,
  cudaErrorStreamCaptureUnsupported = 900,
  cudaErrorStreamCaptureInvalidated = 901,
  cudaErrorUnknown = 999,
};

enum cudaMemcpyKind {
  cudaMemcpyHostToHost,
  cudaMemcpyHostToDevice,
  cudaMemcpyDeviceToHost,
  cudaMemcpyDeviceToDevice,
  cudaMemcpyDefault,
};

enum cudaStreamCaptureMode {
  cudaStreamCaptureModeGlobal,
  cudaStreamCaptureModeThreadLocal,
  cudaStreamCaptureModeRelaxed,
};

enum cudaStreamCaptureStatus {
  cudaStreamCaptureStatusNone,
  cudaStreamCaptureStatusActive,
  cudaStreamCaptureStatusInvalidated,
};

enum cudaDeviceAttr {
  cudaDevAttrMaxThreadsPerBlock = 1,
  cudaDevAttrMaxSharedMemoryPerBlock = 8,
  cudaDevAttrWarpSize = 10,
  cudaDevAttrMultiProcessorCount = 16,
  cudaDevAttrComputeCapabilityMajor = 75,
  cudaDevAttrComputeCapabilityMinor = 76,
  cudaDevAttrMaxSharedMemoryPerBlockOptin = 97,
};

enum cudaFuncAttribute {
  cudaFuncAttributeMaxDynamicSharedMemorySize = 8,
  cudaFuncAttributePreferredSharedMemoryCarveout = 9,
};

enum { cudaStreamDefault = 0, cudaStreamNonBlocking = 1 };
enum { cudaEventDefault = 0, cudaEventBlockingSync = 1, cudaEventDisableTiming = 2 };

struct cudaDeviceProp {
  char name[256];
  size_t totalGlobalMem, sharedMemPerBlock, sharedMemPerBlockOptin;
  int major, minor, multiProcessorCount, maxThreadsPerBlock, warpSize;
};

/* What a program asked of the device since it began, for tests that dlsym() it: copies between it and the host, times
 * that the host waited for a stream, or for an event that was not there yet, and allocations of device or pinned
 * memory. */
struct GhEmulatedTraffic {
  uint64_t uploads, bytes_up, downloads, bytes_down, waits, allocations;
};
extern "C" __attribute__ ((visibility ("default"))) GhEmulatedTraffic gh_emulated_traffic (void);

typedef struct GhEmulatedStream *cudaStream_t;
typedef struct GhEmulatedEvent *cudaEvent_t;
typedef struct GhEmulatedGraph *cudaGraph_t;
typedef struct GhEmulatedGraphExec *cudaGraphExec_t;

/* For events only. What others of the process have under way is known to the driver, fake-driver.c, where it is loaded.
 */
#define cudaStreamLegacy ((cudaStream_t) 0x1)

const char *cudaGetErrorName (cudaError_t error);
const char *cudaGetErrorString (cudaError_t error);
cudaError_t cudaGetLastError (void);
cudaError_t cudaPeekAtLastError (void);

/* One device, "emulated", of two processors and capability 0.0: no tensor cores. GST_HEADS_EMULATED_CAPABILITY=80 gives
 * it those of 8.0, GST_HEADS_EMULATED_PROCESSORS another number of processors. */
cudaError_t cudaGetDeviceCount (int *count);
cudaError_t cudaGetDevice (int *device);
cudaError_t cudaSetDevice (int device);
cudaError_t cudaGetDeviceProperties (cudaDeviceProp *properties, int device);
cudaError_t cudaDeviceGetAttribute (int *value, cudaDeviceAttr attribute, int device);
cudaError_t cudaDeviceSynchronize (void);
cudaError_t cudaMemGetInfo (size_t *left, size_t *total);
cudaError_t cudaFuncSetAttribute (const void *kernel, cudaFuncAttribute attribute, int value);
template <class F> static inline cudaError_t
cudaFuncSetAttribute (F *kernel, cudaFuncAttribute attribute, int value)
{
  return cudaFuncSetAttribute ((const void *) kernel, attribute, value);
}

/* Copies and sets check that what is of the device lies within one allocation. */
cudaError_t cudaMalloc (void **p, size_t bytes);
template <class T> static inline cudaError_t
cudaMalloc (T **p, size_t bytes)
{
  return cudaMalloc ((void **) p, bytes);
}
cudaError_t cudaFree (void *p);
cudaError_t cudaMallocHost (void **p, size_t bytes);
cudaError_t cudaFreeHost (void *p);
cudaError_t cudaMemcpy (void *to, const void *from, size_t bytes, cudaMemcpyKind kind);
cudaError_t cudaMemcpyAsync (void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream = 0);
cudaError_t cudaMemcpy2DAsync (void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width,
    size_t height, cudaMemcpyKind kind, cudaStream_t stream = 0);
cudaError_t cudaMemsetAsync (void *p, int value, size_t bytes, cudaStream_t stream = 0);

cudaError_t cudaStreamCreate (cudaStream_t *stream);
cudaError_t cudaStreamCreateWithFlags (cudaStream_t *stream, unsigned flags);
cudaError_t cudaStreamDestroy (cudaStream_t stream);
cudaError_t cudaStreamQuery (cudaStream_t stream);
cudaError_t cudaStreamSynchronize (cudaStream_t stream);
cudaError_t cudaStreamWaitEvent (cudaStream_t stream, cudaEvent_t event, unsigned flags = 0);

cudaError_t cudaEventCreate (cudaEvent_t *event);
cudaError_t cudaEventCreateWithFlags (cudaEvent_t *event, unsigned flags);
cudaError_t cudaEventDestroy (cudaEvent_t event);
cudaError_t cudaEventRecord (cudaEvent_t event, cudaStream_t stream = 0);
cudaError_t cudaEventQuery (cudaEvent_t event);
cudaError_t cudaEventSynchronize (cudaEvent_t event);
cudaError_t cudaEventElapsedTime (float *milliseconds, cudaEvent_t from, cudaEvent_t to);

cudaError_t cudaStreamBeginCapture (cudaStream_t stream, cudaStreamCaptureMode mode);
cudaError_t cudaStreamIsCapturing (cudaStream_t stream, cudaStreamCaptureStatus *status);
cudaError_t cudaStreamEndCapture (cudaStream_t stream, cudaGraph_t *graph);
cudaError_t cudaGraphInstantiate (cudaGraphExec_t *ready, cudaGraph_t graph, unsigned long long flags = 0);
cudaError_t cudaGraphLaunch (cudaGraphExec_t ready, cudaStream_t stream);
cudaError_t cudaGraphDestroy (cudaGraph_t graph);
cudaError_t cudaGraphExecDestroy (cudaGraphExec_t ready);
