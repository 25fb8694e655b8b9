/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * hopper.h (private): what compute capability 9.0 adds, for kernels whose blocks all run at once: blocks in clusters that
 * copy into each other's shared memory, barriers that count the bytes of such copies, products that a warpgroup (four
 * warps) asks the tensor cores for, and flags in the device's memory by which blocks wait for each other. The names are
 * ours; each comment has PTX's. In the emulation they are plain C++ (tests/cuda-emulation/emulated-hopper.cc), late where
 * the device may be late.
 *
 * A tile is [rows][64] in bfloat16, rows of 128 bytes whose eight pieces of 16 bytes change places with the row, so that
 * neither a column of pieces nor a row lies in one bank: what PTX calls a swizzle of 128 bytes. Tiles begin at multiples
 * of 1024 bytes, and hold 8 rows or a multiple of that.
 */
#pragma once

#include "tensor-cores.h"

/* Where kernels are compiled that use it: elsewhere they are empty. */
#if defined (GH_CUDA_EMULATION) || defined (__CUDA_ARCH_FEAT_SM90_ALL)
#define GH_HOPPER
#endif

enum { GH_TILE_COLS = 64 };

/* Where eight values of a tile begin that are side by side: `col` is a multiple of 8. */
static __host__ __device__ __forceinline__ int
gh_tile_at (int row, int col)
{
  return row * GH_TILE_COLS + ((col / 8) ^ (row % 8)) * 8;
}

typedef uint64_t GhBarrier;     /* in shared memory */

#ifdef GH_CUDA_EMULATION

#define gh_barrier_init(barrier, arrivals) gh_emulate_barrier_init (barrier, arrivals)
#define gh_barrier_expect(barrier, bytes) gh_emulate_barrier_expect (barrier, bytes)
#define gh_barrier_arrive_at(barrier, rank) gh_emulate_barrier_arrive_at (barrier, rank)
#define gh_barrier_wait(barrier, parity) gh_emulate_barrier_wait (barrier, parity, __FILE__, __LINE__)
#define gh_barriers_ready() ((void) 0)
#define gh_bulk_copy(to, from, bytes, barrier, ranks) gh_emulate_bulk_copy (to, from, bytes, barrier, ranks)
#define gh_cluster_sync() gh_emulate_cluster_sync (__FILE__, __LINE__)
#define gh_cluster_rank() gh_emulate_cluster_rank ()
#define gh_some_sync(id, threads) gh_emulate_some_sync (id, threads, __FILE__, __LINE__)
#define gh_proxy_fence() ((void) 0)
#define gh_shared_proxy_fence() ((void) 0)
#define gh_products_settle(c) ((void) 0)
#define gh_flag_raise(flag) ((void) ++*(flag))
#define gh_flag_wait(flag, value) gh_emulate_flag_wait (flag, value, __FILE__, __LINE__)
#define gh_products_begin() ((void) 0)
#define gh_products_commit() gh_emulate_products_commit ()
template <int newer> static inline void
gh_products_wait (GH_HERE)
{
  gh_emulate_products_wait (newer, file, line);
}

template <int COLS> static inline void
gh_tile_product (float *c, const GhBf16 *a, const GhBf16 *b)
{
  gh_emulate_tile_product (c, a, b, COLS);
}

/* Launches of blocks that all run at once, in clusters; gh_resident_blocks() says how many of them there is room for, 0
 * where there can be none. */
#define gh_launch_resident(ctx, kernel, blocks, threads, shared, cluster, ...) \
  (gh_emulate_resident_launch (blocks, threads, shared, cluster, gh_emulated_call (kernel, __VA_ARGS__)), GH_OK)
#define gh_resident_blocks(ctx, kernel, threads, shared, cluster) (gh_cuda (ctx)->processors / (cluster) * (cluster))

#else

static __device__ __forceinline__ unsigned
gh_shared_address (const void *p)
{
  return (unsigned) __cvta_generic_to_shared (p);
}

/* ---- barriers: a phase ends when so many have arrived and all bytes that were expected have come (mbarrier) ----- */

static __device__ __forceinline__ void
gh_barrier_init (GhBarrier *barrier, int arrivals)
{
  asm volatile ("mbarrier.init.shared::cta.b64 [%0], %1;" :: "r" (gh_shared_address (barrier)), "r" (arrivals)
      : "memory");
}

/* What was initialised is known to the cluster and to copies; a gh_cluster_sync() follows. */
static __device__ __forceinline__ void
gh_barriers_ready (void)
{
  asm volatile ("fence.mbarrier_init.release.cluster;" ::: "memory");
}

/* Arrives, and expects so many bytes more in this phase. */
static __device__ __forceinline__ void
gh_barrier_expect (GhBarrier *barrier, int bytes)
{
  asm volatile ("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" :: "r" (gh_shared_address (barrier)), "r" (bytes)
      : "memory");
}

/* Arrives at the same barrier of a block of the cluster. */
static __device__ __forceinline__ void
gh_barrier_arrive_at (GhBarrier *barrier, int rank)
{
  asm volatile ("{\n\t.reg .b32 there;\n\t"
      "mapa.shared::cluster.u32 there, %0, %1;\n\t"
      "mbarrier.arrive.shared::cluster.b64 _, [there];\n\t}" :: "r" (gh_shared_address (barrier)), "r" (rank) : "memory");
}

/* Something is wrong where a thread has waited so many clocks, some seconds: the launch fails, rather than hang. */
#define GH_MOST_CLOCKS (1ll << 33)

/* Until the phase of that parity has ended; the first has parity 0, and the one before it ended long ago. */
static __device__ __forceinline__ void
gh_barrier_wait (GhBarrier *barrier, unsigned parity)
{
  long long begin = clock64 ();
  unsigned done;

  do {
    if (clock64 () - begin > GH_MOST_CLOCKS)
      __trap ();
    asm volatile ("{\n\t.reg .pred ended;\n\t"
        "mbarrier.try_wait.parity.shared::cta.b64 ended, [%1], %2;\n\t"
        "selp.u32 %0, 1, 0, ended;\n\t}" : "=r" (done) : "r" (gh_shared_address (barrier)), "r" (parity) : "memory");
  } while (!done);
}

/* ---- copies ---------------------------------------------------------------------------------------------------- */

/* `bytes`, a multiple of 16, into the same place of each block of the cluster whose bit is in `ranks`, counted by the same
 * barrier there (cp.async.bulk). */
static __device__ __forceinline__ void
gh_bulk_copy (void *to, const void *from, int bytes, GhBarrier *barrier, unsigned ranks)
{
  unsigned at = gh_shared_address (to), counted = gh_shared_address (barrier);

  if (ranks & (ranks - 1))
    asm volatile ("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster "
        "[%0], [%1], %2, [%3], %4;" :: "r" (at), "l" (from), "r" (bytes), "r" (counted), "h" ((unsigned short) ranks)
        : "memory");
  else
    asm volatile ("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];"
        :: "r" (at), "l" (from), "r" (bytes), "r" (counted) : "memory");
}

/* Between stores to the device's memory and copies from there, by whoever writes and by whoever copies
 * (fence.proxy.async). */
static __device__ __forceinline__ void
gh_proxy_fence (void)
{
  asm volatile ("fence.proxy.async.global;" ::: "memory");
}

/* Between reading shared memory and giving it back to copies. */
static __device__ __forceinline__ void
gh_shared_proxy_fence (void)
{
  asm volatile ("fence.proxy.async.shared::cta;" ::: "memory");
}

/* ---- meeting others -------------------------------------------------------------------------------------------- */

static __device__ __forceinline__ void
gh_cluster_sync (void)
{
  asm volatile ("barrier.cluster.arrive.release.aligned;\n\tbarrier.cluster.wait.acquire.aligned;" ::: "memory");
}

static __device__ __forceinline__ int
gh_cluster_rank (void)
{
  int rank;

  asm ("mov.u32 %0, %%cluster_ctarank;" : "=r" (rank));
  return rank;
}

/* Among so many threads of the block, whole warps; id 1 to 15 (bar.sync). */
static __device__ __forceinline__ void
gh_some_sync (int id, int threads)
{
  asm volatile ("bar.sync %0, %1;" :: "r" (id), "r" (threads) : "memory");
}

/* One more, after all that this thread has seen and done. */
static __device__ __forceinline__ void
gh_flag_raise (unsigned *flag)
{
  asm volatile ("red.release.gpu.global.add.u32 [%0], 1;" :: "l" (flag) : "memory");
}

/* Until the flag has come to `value`; then what went before is seen. */
static __device__ __forceinline__ void
gh_flag_wait (const unsigned *flag, unsigned value)
{
  long long begin = clock64 ();
  unsigned now;

  do {
    if (clock64 () - begin > GH_MOST_CLOCKS)
      __trap ();
    asm volatile ("ld.relaxed.gpu.global.u32 %0, [%1];" : "=r" (now) : "l" (flag) : "memory");
  } while ((int) (now - value) < 0);
  asm volatile ("fence.acq_rel.gpu;" ::: "memory");
}

/* ---- launches -------------------------------------------------------------------------------------------------- */

/* Blocks of one dimension that all run at once, `cluster` of them in a cluster. */
struct GhResident {
  cudaLaunchConfig_t config;
  cudaLaunchAttribute attributes[2];
};

static inline void
gh_resident_fill (GhResident *r, int blocks, int threads, size_t shared, int cluster, cudaStream_t stream)
{
  *r = GhResident ();
  r->config.gridDim = dim3 (blocks);
  r->config.blockDim = dim3 (threads);
  r->config.dynamicSmemBytes = shared;
  r->config.stream = stream;
  r->config.attrs = r->attributes;
  r->attributes[0].id = cudaLaunchAttributeClusterDimension;
  r->attributes[0].val.clusterDim.x = cluster;
  r->attributes[0].val.clusterDim.y = r->attributes[0].val.clusterDim.z = 1;
  r->attributes[1].id = cudaLaunchAttributeCooperative;
  r->attributes[1].val.cooperative = 1;
  r->config.numAttrs = 2;
}

/* How many of them there is room for, 0 where there can be none. */
template <class... Args> static inline int
gh_resident_blocks (const GhCtx *ctx, void (*kernel) (Args...), int threads, size_t shared, int cluster)
{
  GhResident r;
  int clusters = 0;

  gh_resident_fill (&r, cluster, threads, shared, cluster, gh_cuda (ctx)->stream);
  r.config.numAttrs = 1;
  if (cudaFuncSetAttribute ((const void *) kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int) shared) != cudaSuccess
      || cudaOccupancyMaxActiveClusters (&clusters, kernel, &r.config) != cudaSuccess) {
    cudaGetLastError ();
    return 0;
  }
  return clusters * cluster;
}

template <class... Args> static inline GhStatus
gh_launch_resident (GhCtx *ctx, void (*kernel) (Args...), int blocks, int threads, size_t shared, int cluster, Args... args)
{
  GhResident r;

  gh_resident_fill (&r, blocks, threads, shared, cluster, gh_cuda (ctx)->stream);
  GhStatus status = gh_cuda_check (ctx, cudaLaunchKernelEx (&r.config, kernel, args...), "a resident launch");
  if (status != GH_OK)
    cudaGetLastError ();        /* forgotten: others may go on */
  return status;
}

/* ---- products (wgmma) ------------------------------------------------------------------------------------------ */

/* How the tensor cores find a tile: its address, 1024 bytes from eight rows to the next, the swizzle. */
static __device__ __forceinline__ uint64_t
gh_tile_descriptor (const GhBf16 *tile)
{
  uint64_t at = (gh_shared_address (tile) & 0x3ffff) >> 4;
  return at | (uint64_t) 1 << 16 | (uint64_t) (1024 >> 4) << 32 | (uint64_t) 1 << 62;
}

/* Before the first product, and after registers that one adds to were written. */
static __device__ __forceinline__ void
gh_products_begin (void)
{
  asm volatile ("wgmma.fence.sync.aligned;" ::: "memory");
}

static __device__ __forceinline__ void
gh_products_commit (void)
{
  asm volatile ("wgmma.commit_group.sync.aligned;" ::: "memory");
}

/* Until all groups that were committed have ended but the `newer` last ones. */
template <int newer> static __device__ __forceinline__ void
gh_products_wait (void)
{
  asm volatile ("wgmma.wait_group.sync.aligned %0;" :: "n" (newer) : "memory");
}

/* What products have added up is only read after the wait before this. */
template <int n> static __device__ __forceinline__ void
gh_products_settle (float (&c)[n])
{
#pragma unroll
  for (int i = 0; i < n; i++)
    asm volatile ("" : "+f" (c[i]) :: "memory");
}

#define GH_FOUR(c, i) "+f" (c[i]), "+f" (c[i + 1]), "+f" (c[i + 2]), "+f" (c[i + 3])

static __device__ __forceinline__ void
gh_tile_product_step (float (&c)[32], uint64_t a, uint64_t b)
{
  asm volatile ("wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 "
      "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, %32, %33, 1, 1, 1, 0, 0;"
      : GH_FOUR (c, 0), GH_FOUR (c, 4), GH_FOUR (c, 8), GH_FOUR (c, 12), GH_FOUR (c, 16), GH_FOUR (c, 20),
      GH_FOUR (c, 24), GH_FOUR (c, 28) : "l" (a), "l" (b));
}

static __device__ __forceinline__ void
gh_tile_product_step (float (&c)[16], uint64_t a, uint64_t b)
{
  asm volatile ("wgmma.mma_async.sync.aligned.m64n32k16.f32.bf16.bf16 "
      "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15}, %16, %17, 1, 1, 1, 0, 0;"
      : GH_FOUR (c, 0), GH_FOUR (c, 4), GH_FOUR (c, 8), GH_FOUR (c, 12) : "l" (a), "l" (b));
}

/* c[64,COLS] += a[64,64] b[COLS,64]^T, both tiles; c is spread over the warpgroup as fragments C of mma.m16n8k16 are over
 * a warp, 16 rows to each of the four. Done when gh_products_wait() says so. */
template <int COLS> static __device__ __forceinline__ void
gh_tile_product (float (&c)[COLS / 2], const GhBf16 *a, const GhBf16 *b)
{
  uint64_t rows = gh_tile_descriptor (a), cols = gh_tile_descriptor (b);

#pragma unroll
  for (int step = 0; step < GH_TILE_COLS / 16; step++)
    gh_tile_product_step (c, rows + 2 * step, cols + 2 * step);
}

#undef GH_FOUR
#endif
