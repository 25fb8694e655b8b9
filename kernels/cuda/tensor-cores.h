/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * tensor-cores.h (private): what tensor cores take, and what feeds them (compute capability 8.0 on). Products and
 * matrices are a whole warp's matter: all 32 lanes call together. In the emulation they are plain loops
 * (tests/cuda-emulation/emulated-tensor-cores.cc), so that tests run the kernels as they stand.
 *
 * Fragments of mma.m16n8k16, for lane = 4*g + i: C and D hold rows g and g+8, columns 2i and 2i+1 of [16,8]; A rows g and
 * g+8, columns 2i, 2i+1 and 8 more of [16,16]; B rows 2i, 2i+1 and 8 more, column g of [16,8]. Two bfloat16 to a word.
 */
#pragma once

#include "cuda.h"

#ifdef GH_CUDA_EMULATION

static inline unsigned
gh_pair (float low, float high)
{
  return (unsigned) gh_to_bf16 (high) << 16 | gh_to_bf16 (low);
}

static inline void
gh_mma (float *c, const unsigned *a, unsigned b0, unsigned b1, GH_HERE)
{
  gh_emulate_mma (c, a, b0, b1, file, line);
}

static inline void
gh_load_matrices (unsigned *r, const GhBf16 *row, GH_HERE)
{
  gh_emulate_load_matrices (r, row, false, file, line);
}

static inline void
gh_load_matrices_turned (unsigned *r, const GhBf16 *row, GH_HERE)
{
  gh_emulate_load_matrices (r, row, true, file, line);
}

static inline void
gh_copy_async (void *shared, const void *global, int bytes)
{
  gh_emulate_copy_async (shared, global, bytes);
}

static inline void
gh_copy_commit (void)
{
  gh_emulate_copy_commit ();
}

template <int newer> static inline void
gh_copy_wait (void)
{
  gh_emulate_copy_wait (newer);
}

#else

/* Two values in a word. */
static __device__ __forceinline__ unsigned
gh_pair (float low, float high)
{
  __nv_bfloat162 both = __floats2bfloat162_rn (low, high);
  return *(unsigned *) &both;
}

/* c[16,8] += a[16,16] b[16,8] */
static __device__ __forceinline__ void
gh_mma (float *c, const unsigned *a, unsigned b0, unsigned b1)
{
  asm volatile ("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};" : "+f" (c[0]), "+f" (c[1]), "+f" (c[2]), "+f" (c[3])
      : "r" (a[0]), "r" (a[1]), "r" (a[2]), "r" (a[3]), "r" (b0), "r" (b1));
}

/* Four matrices of 8 rows of 8 from shared memory: lane 8*m + j names row j of matrix m, 16 bytes; r[m] gets row g,
 * columns 2i and 2i+1 of it. */
static __device__ __forceinline__ void
gh_load_matrices (unsigned *r, const GhBf16 *row)
{
  unsigned at = (unsigned) __cvta_generic_to_shared (row);
  asm volatile ("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
      : "=r" (r[0]), "=r" (r[1]), "=r" (r[2]), "=r" (r[3]) : "r" (at) : "memory");
}

/* The same, turned: r[m] gets rows 2i and 2i+1, column g. */
static __device__ __forceinline__ void
gh_load_matrices_turned (unsigned *r, const GhBf16 *row)
{
  unsigned at = (unsigned) __cvta_generic_to_shared (row);
  asm volatile ("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
      : "=r" (r[0]), "=r" (r[1]), "=r" (r[2]), "=r" (r[3]) : "r" (at) : "memory");
}

/* 16 bytes into shared memory while the thread goes on: `bytes` of them, 0 or 16, are read, the others become zero.
 * What a thread has asked for is one group at gh_copy_commit(). */
static __device__ __forceinline__ void
gh_copy_async (void *shared, const void *global, int bytes)
{
  unsigned to = (unsigned) __cvta_generic_to_shared (shared);
  asm volatile ("cp.async.cg.shared.global [%0], [%1], 16, %2;" :: "r" (to), "l" (global), "r" (bytes) : "memory");
}

static __device__ __forceinline__ void
gh_copy_commit (void)
{
  asm volatile ("cp.async.commit_group;" ::: "memory");
}

/* Until all of the thread's groups have come but the `newer` last ones; others see them after a barrier. */
template <int newer> static __device__ __forceinline__ void
gh_copy_wait (void)
{
  asm volatile ("cp.async.wait_group %0;" :: "n" (newer) : "memory");
}

#endif
