/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-emulation.cc: that the emulation runs kernels as a device would, and ends the program where one may not go on,
 * which it does in a child.
 */
#include "test-emulation.h"

#include <set>
#include <thread>

static bool
aborts (const char *words, const std::function<void ()> &act)
{
  End end = run_in_child ([&] { act (); return 0; });
  return WIFSIGNALED (end.status) && WTERMSIG (end.status) == SIGABRT && says (end, words);
}

/* ---- threads and their places ---------------------------------------------------------------------------- */

static __global__ void
write_place (unsigned *to)
{
  unsigned x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
  unsigned z = blockIdx.z * blockDim.z + threadIdx.z;
  size_t at = ((size_t) z * gridDim.y * blockDim.y + y) * gridDim.x * blockDim.x + x;

  to[at] = x + 1000 * y + 1000000 * z;
}

static void
test_places ()
{
  dim3 grid (3, 2, 2), block (5, 3, 2);
  Device<unsigned> to (3 * 5 * 2 * 3 * 2 * 2);
  size_t at = 0;

  gh_emulate_launch (grid, block, 0, [&] { write_place (to.p); });
  std::vector<unsigned> got = to.read ();
  for (unsigned z = 0; z < 4; z++) {
    for (unsigned y = 0; y < 6; y++) {
      for (unsigned x = 0; x < 15; x++)
        CHECK (got[at++] == x + 1000 * y + 1000000 * z);
    }
  }
}

/* Threads that never wait share a stack; those of one block that wait do not, but the next block has them again. */
static void
test_stacks ()
{
  std::set<void *> simple, waiting;

  gh_emulate_launch (dim3 (20), dim3 (1024), 0, [&] { simple.insert (__builtin_frame_address (0)); });
  CHECK (simple.size () == 1);
  for (int i = 0; i < 20; i++) {
    gh_emulate_launch (dim3 (3), dim3 (100), 0, [&] {
      waiting.insert (__builtin_frame_address (0));
      __syncthreads ();
    });
  }
  CHECK (waiting.size () == 100);
}

static void
test_orders ()
{
  std::set<std::vector<unsigned>> seen;

  for (const char *order : { "forward", "reverse", "7", "8", "8" }) {
    std::vector<unsigned> turns;
    setenv ("GST_HEADS_EMULATION_ORDER", order, 1);
    gh_emulate_launch (dim3 (1), dim3 (64), 0, [&] { turns.push_back (threadIdx.x); });
    CHECK (turns.size () == 64 && std::set<unsigned> (turns.begin (), turns.end ()).size () == 64);
    CHECK (strcmp (order, "forward") != 0 || (turns[0] == 0 && turns[63] == 63));
    CHECK (strcmp (order, "reverse") != 0 || (turns[0] == 63 && turns[63] == 0));
    seen.insert (turns);
  }
  CHECK (seen.size () == 4);
  seen.clear ();
  unsetenv ("GST_HEADS_EMULATION_ORDER");
  for (int i = 0; i < 6; i++) {
    std::vector<unsigned> turns;
    gh_emulate_launch (dim3 (1), dim3 (64), 0, [&] { turns.push_back (threadIdx.x); });
    seen.insert (turns);
  }
  CHECK (seen.size () == 4);
}

/* ---- meetings -------------------------------------------------------------------------------------------- */

/* What a lane should get from each kind of shuffle, in parts of `width`. */
static void
shuffle (int width)
{
  int lane = threadIdx.x % 32, first = lane / width * width;
  float x = 100 * (threadIdx.x / 32) + lane, base = x - lane;
  uint64_t wide = (uint64_t) lane << 40;

  CHECK (__shfl_sync (ALL, x, 3, width) == base + first + 3 % width);
  CHECK (__shfl_xor_sync (ALL, x, 1, width) == base + (width == 1 && lane % 2 == 0 ? lane : lane ^ 1));
  CHECK (__shfl_down_sync (ALL, x, 2, width) == base + (lane + 2 < first + width ? lane + 2 : lane));
  CHECK (__shfl_up_sync (ALL, x, 2, width) == base + (lane - 2 >= first ? lane - 2 : lane));
  CHECK (__shfl_sync (ALL, wide, lane + 1, width) == (uint64_t) (first + (lane + 1) % width) << 40);
}

/* Halves of a warp meet apart, then together; the upper half of the second warp has left by then. */
static void
vote ()
{
  unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32, half = lane < 16 ? 0xffffu : 0xffff0000u;

  CHECK (__ballot_sync (ALL, lane % 3 == 0) == 0x49249249);
  CHECK (__ballot_sync (half, lane % 2) == (half & 0xaaaaaaaa));
  CHECK (__any_sync (half, lane == 20) == (lane >= 16));
  CHECK (__all_sync (half, lane < 16) == (lane < 16));
  if (warp == 1 && lane >= 16)
    return;
  __syncwarp ();
  CHECK (__ballot_sync (ALL, 1) == (warp == 1 ? 0xffffu : ALL));
  CHECK (isnan (__shfl_sync (ALL, 1.0f, 20)) == (warp == 1));
}

static void
test_meetings ()
{
  for (const char *order : orders) {
    setenv ("GST_HEADS_EMULATION_ORDER", order, 1);
    for (int width = 1; width <= 32; width *= 2)
      gh_emulate_launch (dim3 (2), dim3 (96), 0, [=] { shuffle (width); });
    gh_emulate_launch (dim3 (2), dim3 (64), 0, vote);
  }
}

/* Values go round a ring, one place for every barrier. */
static __global__ void
pass_on (unsigned *to, unsigned rounds)
{
  unsigned *shared = (unsigned *) gh_emulated_shared (), mine = threadIdx.x;

  for (unsigned i = 0; i < rounds; i++) {
    shared[threadIdx.x] = mine;
    __syncthreads ();
    mine = shared[(threadIdx.x + 1) % blockDim.x];
    __syncthreads ();
  }
  to[blockIdx.x * blockDim.x + threadIdx.x] = mine;
}

static void
test_barriers ()
{
  for (unsigned threads : { 1u, 31u, 33u, 256u, 1024u }) {
    for (const char *order : orders) {
      setenv ("GST_HEADS_EMULATION_ORDER", order, 1);
      Device<unsigned> to (2 * threads);
      gh_emulate_launch (dim3 (2), dim3 (threads), threads * sizeof (unsigned), [&] { pass_on (to.p, 5); });
      std::vector<unsigned> got = to.read ();
      for (unsigned i = 0; i < 2 * threads; i++)
        CHECK (got[i] == (i % threads + 5) % threads);
    }
  }
}

/* Threads of the program launch and capture independently. */
static void
test_threads ()
{
  std::vector<std::thread> all;
  int wrong[4] = { };

  for (int &w : wrong) {
    all.emplace_back ([&w] {
      std::vector<unsigned> to (2 * 96);
      for (int i = 0; i < 50; i++) {
        gh_emulate_launch (dim3 (2), dim3 (96), 96 * sizeof (unsigned), [&] { pass_on (to.data (), 3); });
        for (unsigned j = 0; j < 2 * 96; j++)
          w += to[j] != (j % 96 + 3) % 96;
      }
    });
  }
  for (std::thread &thread : all)
    thread.join ();
  for (int w : wrong)
    CHECK (w == 0);
}

static void
test_atomics ()
{
  Device<float> sum (std::vector<float> (1, 0));
  Device<int> ints (std::vector<int> { 0, -1000, 1000 });

  gh_emulate_launch (dim3 (4), dim3 (64), 0, [&] {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    atomicAdd (sum.p, 0.5f);
    atomicAdd (ints.p, i);
    atomicMax (ints.p + 1, i);
    atomicMin (ints.p + 2, i);
  });
  CHECK (sum.read ()[0] == 128);
  CHECK (ints.read () == std::vector<int> ({ 255 * 128, 255, 0 }));
}

/* ---- the runtime ----------------------------------------------------------------------------------------- */

static void
test_memory ()
{
  std::vector<float> host (10, 1);
  Device<float> a (10), b (host);
  float *none = nullptr;
  size_t left, total;

  for (float x : a.read ())
    CHECK (isnan (x));
  CHECK (cudaMemsetAsync (a.p, 0, 10 * sizeof (float)) == cudaSuccess && a.read ()[9] == 0);
  CHECK (cudaMemcpy2DAsync (a.p + 1, 5 * sizeof (float), b.p, 2 * sizeof (float), sizeof (float), 2,
          cudaMemcpyDeviceToDevice) == cudaSuccess);
  CHECK (a.read () == std::vector<float> ({ 0, 1, 0, 0, 0, 0, 1, 0, 0, 0 }));
  CHECK (cudaPeekAtLastError () == cudaSuccess);
  CHECK (cudaMemcpy (a.p, b.p, 11 * sizeof (float), cudaMemcpyDeviceToDevice) == cudaErrorInvalidValue);
  CHECK (cudaMemcpy (host.data (), a.p, 4, cudaMemcpyHostToDevice) == cudaErrorInvalidValue);
  CHECK (cudaMemsetAsync (a.p + 9, 0, 8) == cudaErrorInvalidValue);
  CHECK (cudaFree (a.p + 1) == cudaErrorInvalidValue && cudaFreeHost (a.p) == cudaErrorInvalidValue);
  CHECK (cudaMemGetInfo (&left, &total) == cudaSuccess && left == total - 80);
  CHECK (cudaGetLastError () == cudaErrorInvalidValue && cudaGetLastError () == cudaSuccess);
  CHECK (cudaMalloc (&none, (size_t) 1 << 60) == cudaErrorMemoryAllocation && !none);
  CHECK (strcmp (cudaGetErrorString (cudaGetLastError ()), "out of memory") == 0);
}

static __global__ void
add_one (int *p, int n)
{
  int i = blockIdx.x * blockDim.x + threadIdx.x;

  if (i < n)
    p[i]++;
}

static void
test_graphs ()
{
  Device<int> a (std::vector<int> (100, 5)), b (std::vector<int> (100, 0));
  int *p = a.p, *q = b.p, *none = nullptr;
  cudaStream_t stream, other;
  cudaGraph_t graph;
  cudaGraphExec_t ready;
  cudaStreamCaptureStatus status;

  CHECK (cudaStreamCreateWithFlags (&stream, cudaStreamNonBlocking) == cudaSuccess);
  CHECK (cudaStreamCreate (&other) == cudaSuccess);
  CHECK (cudaStreamBeginCapture (stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
  gh_emulate_launch (dim3 (2), dim3 (64), 0, [=] { add_one (p, 100); });
  CHECK (cudaMemcpyAsync (q, p, 400, cudaMemcpyDeviceToDevice, stream) == cudaSuccess);
  CHECK (cudaMemsetAsync (p + 50, 0, 200, stream) == cudaSuccess);
  CHECK (cudaMemsetAsync (q + 99, 1, 4, other) == cudaSuccess);
  CHECK (cudaStreamIsCapturing (stream, &status) == cudaSuccess && status == cudaStreamCaptureStatusActive);
  CHECK (cudaStreamEndCapture (stream, &graph) == cudaSuccess && graph);
  CHECK (a.read () == std::vector<int> (100, 5) && b.read ()[0] == 0 && b.read ()[99] == 0x01010101);
  CHECK (cudaGraphInstantiate (&ready, graph, 0) == cudaSuccess);
  CHECK (cudaGraphDestroy (graph) == cudaSuccess);
  for (int i = 1; i <= 3; i++) {
    CHECK (cudaGraphLaunch (ready, stream) == cudaSuccess && cudaStreamSynchronize (stream) == cudaSuccess);
    CHECK (a.read ()[49] == 5 + i && a.read ()[50] == 0);
    CHECK (b.read ()[49] == 5 + i && b.read ()[50] == (i == 1 ? 6 : 1));
  }
  CHECK (cudaGraphExecDestroy (ready) == cudaSuccess);

  /* What has to wait for the device spoils a capture. */
  for (int kind = 0; kind < 2; kind++) {
    CHECK (cudaStreamBeginCapture (stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
    CHECK ((kind ? cudaStreamSynchronize (stream) : cudaMalloc (&none, 4)) == cudaErrorStreamCaptureUnsupported);
    CHECK (cudaStreamEndCapture (stream, &graph) == cudaErrorStreamCaptureInvalidated && !graph);
  }
  CHECK (cudaStreamEndCapture (stream, &graph) == cudaErrorInvalidValue);
  CHECK (cudaMalloc (&none, 4) == cudaSuccess && cudaFree (none) == cudaSuccess);
  CHECK (cudaStreamDestroy (stream) == cudaSuccess && cudaStreamDestroy (other) == cudaSuccess);
  cudaGetLastError ();
}

static void
test_events ()
{
  cudaEvent_t from = nullptr, to = nullptr;
  float ms = -1;

  CHECK (cudaEventCreate (&from) == cudaSuccess && cudaEventCreate (&to) == cudaSuccess);
  CHECK (cudaEventRecord (from) == cudaSuccess);
  CHECK (cudaEventElapsedTime (&ms, from, to) == cudaErrorInvalidResourceHandle);
  CHECK (cudaEventRecord (to) == cudaSuccess && cudaEventSynchronize (to) == cudaSuccess);
  CHECK (cudaEventElapsedTime (&ms, from, to) == cudaSuccess && ms >= 0);
  CHECK (cudaEventDestroy (from) == cudaSuccess && cudaEventDestroy (to) == cudaSuccess);
  cudaGetLastError ();
}

/* A copy from pinned memory brings what lies there when it is waited for, in order, and only what was waited for. */
static void
test_late_copies ()
{
  Device<int> a (std::vector<int> (2, 0));
  cudaStream_t copies, work;
  cudaEvent_t first;
  int *pinned;

  CHECK (cudaMallocHost ((void **) &pinned, 2 * sizeof *pinned) == cudaSuccess);
  CHECK (cudaStreamCreate (&copies) == cudaSuccess && cudaStreamCreate (&work) == cudaSuccess);
  CHECK (cudaEventCreate (&first) == cudaSuccess);
  pinned[0] = pinned[1] = 1;
  CHECK (cudaMemcpyAsync (a.p, pinned, sizeof (int), cudaMemcpyHostToDevice, copies) == cudaSuccess);
  CHECK (cudaEventRecord (first, copies) == cudaSuccess);
  CHECK (cudaMemcpyAsync (a.p + 1, pinned + 1, sizeof (int), cudaMemcpyHostToDevice, copies) == cudaSuccess);
  CHECK (a.p[0] == 0 && a.p[1] == 0);
  pinned[0] = 2;
  CHECK (cudaStreamWaitEvent (work, first) == cudaSuccess && a.p[0] == 2 && a.p[1] == 0);
  CHECK (cudaStreamSynchronize (copies) == cudaSuccess && a.p[1] == 1);
  CHECK (cudaMemcpyAsync (a.p, pinned + 1, sizeof (int), cudaMemcpyHostToDevice, copies) == cudaSuccess);
  CHECK (cudaMemsetAsync (a.p + 1, 0, sizeof (int), copies) == cudaSuccess && a.p[0] == 1);
  CHECK (cudaEventDestroy (first) == cudaSuccess);
  CHECK (cudaStreamDestroy (copies) == cudaSuccess && cudaStreamDestroy (work) == cudaSuccess);
  CHECK (cudaFreeHost (pinned) == cudaSuccess);
}

/* ---- what ends the program ------------------------------------------------------------------------------- */

/* As one thread of many would: nobody could say which barrier is meant. */
static void
meet_apart ()
{
  if (threadIdx.x < 32)
    __syncthreads ();
  else
    __syncthreads ();
}

static void
shuffle_apart ()
{
  if (threadIdx.x % 2)
    __shfl_xor_sync (ALL, 1, 1);
  else
    __shfl_xor_sync (ALL, 2, 1);
}

/* The lower lanes of a warp meet, and go on to wait for the upper ones, which wait for them. */
static void
meet_crosswise ()
{
  __syncwarp (threadIdx.x < 16 ? 0xffff : ALL);
  __syncthreads ();
}

static void
test_divergence ()
{
  auto launch = [] (unsigned threads, const std::function<void ()> &body) {
    return [=] { gh_emulate_launch (dim3 (2, 1), dim3 (threads), 64, body); };
  };

  for (const char *order : orders) {
    setenv ("GST_HEADS_EMULATION_ORDER", order, 1);
    CHECK (aborts ("never reaches", launch (64, [] { if (threadIdx.x != 40) __syncthreads (); })));
    CHECK (aborts ("thread (40,0,0)", launch (64, [] { if (threadIdx.x != 40) __syncthreads (); })));
    CHECK (aborts ("test-emulation.cc:", launch (64, [] { if (threadIdx.x == 40) __syncthreads (); })));
    CHECK (aborts ("__syncthreads () (", launch (64, meet_apart)));
    CHECK (aborts ("for ever", launch (32, [] { threadIdx.x < 3 ? __syncwarp () : __syncthreads (); })));
    CHECK (aborts ("for ever", launch (32, meet_crosswise)));
    CHECK (aborts ("but thread", launch (32, shuffle_apart)));
    CHECK (aborts ("not of the mask 00000001", launch (32, [] { __syncwarp (1); })));
  }
  setenv ("GST_HEADS_EMULATION_ORDER", "sideways", 1);
  CHECK (aborts ("sideways", launch (32, [] { })));
  unsetenv ("GST_HEADS_EMULATION_ORDER");
  CHECK (aborts ("1025", launch (1025, [] { })));
  CHECK (aborts ("no device launches (0,1,1)", [] { gh_emulate_launch (dim3 (0), dim3 (32), 0, [] { }); }));
  CHECK (aborts ("232449 shared", [] { gh_emulate_launch (dim3 (1), dim3 (32), 227 * 1024 + 1, [] { }); }));
}

int
main ()
{
  test_places ();
  test_stacks ();
  test_orders ();
  test_meetings ();
  test_barriers ();
  unsetenv ("GST_HEADS_EMULATION_ORDER");
  test_threads ();
  test_atomics ();
  test_memory ();
  test_graphs ();
  test_events ();
  test_late_copies ();
  test_divergence ();
  return check_result ();
}
