/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * attention-bf16.cu: attention over heads of 64 channels on tensor cores (mma.sync, compute capability 8.0 on), after
 * FlashAttention-2 (Dao 2023): a block takes 64 or 128 queries of one head, a warp 16 of them, and walks the keys 64 at a time.
 * Scores never leave the registers: the fragment a product ends in is the one that the next product begins with.
 *
 * Fragments of mma.m16n8k16, for lane = 4*g + i: C and D hold rows g and g+8, columns 2i and 2i+1; A rows g and g+8,
 * columns 2i, 2i+1 and 8 more; B the same columns' rows, column g.
 */
#include "cuda.h"

#ifdef GH_TENSOR_CORES

enum { D = 64, TILE = 64 /* keys */, LD = D + 8 /* rows a bank apart */, FEW = 4, MANY = 8 /* warps */ };

static __device__ __forceinline__ void
multiply (float *c, const unsigned *a, unsigned b0, unsigned b1)
{
  asm volatile ("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};" : "+f" (c[0]), "+f" (c[1]), "+f" (c[2]), "+f" (c[3])
      : "r" (a[0]), "r" (a[1]), "r" (a[2]), "r" (a[3]), "r" (b0), "r" (b1));
}

static __device__ __forceinline__ unsigned
pair (float low, float high)
{
  __nv_bfloat162 both = __floats2bfloat162_rn (low, high);
  return *(unsigned *) &both;
}

/* tile[rows][LD] = rows t0.. of a [N,ld] matrix, zero beyond its end. Values in bfloat16 come while others are computed
 * with: wait_for_tiles() waits. */
static __device__ __forceinline__ void
load (GhBf16 *tile, const float *from, size_t ld, int t0, int N, int rows)
{
  for (int i = threadIdx.x; i < rows * D / 4; i += blockDim.x) {
    int t = i / (D / 4), d = i % (D / 4) * 4;
    float4 v = t0 + t < N ? *(const float4 *) (from + (t0 + t) * ld + d) : make_float4 (0, 0, 0, 0);
    *(uint2 *) (tile + t * LD + d) = make_uint2 (pair (v.x, v.y), pair (v.z, v.w));
  }
}

static __device__ __forceinline__ void
load (GhBf16 *tile, const GhBf16 *from, size_t ld, int t0, int N, int rows)
{
  for (int i = threadIdx.x; i < rows * D / 8; i += blockDim.x) {
    int t = i / (D / 8), d = i % (D / 8) * 8, bytes = t0 + t < N ? 16 : 0;
    unsigned to = (unsigned) __cvta_generic_to_shared (tile + t * LD + d);
    asm volatile ("cp.async.cg.shared.global [%0], [%1], 16, %2;" :: "r" (to),
        "l" (from + (bytes ? t0 + t : 0) * ld + d), "r" (bytes));
  }
}

static __device__ __forceinline__ void
end_of_tiles (void)
{
  asm volatile ("cp.async.commit_group;");
}

/* All tiles but the `newer` sets that were asked for last. */
template <int newer> static __device__ __forceinline__ void
wait_for_tiles (void)
{
  asm volatile ("cp.async.wait_group %0;" :: "n" (newer) : "memory");
}

static __device__ __forceinline__ void
store_two (float *o, float low, float high)
{
  *(float2 *) o = make_float2 (low, high);
}

static __device__ __forceinline__ void
store_two (GhBf16 *o, float low, float high)
{
  *(unsigned *) o = pair (low, high);
}

/* Four 8 x 8 matrices: the keys' channels step*16.. and 16 more, of 8 keys; fragments b of two steps. */
static __device__ __forceinline__ void
load_keys (unsigned *b, const GhBf16 *k, int key, int step)
{
  int lane = threadIdx.x % 32;
  unsigned at = (unsigned) __cvta_generic_to_shared (k + (key + lane % 8) * LD + step * 16 + lane / 8 * 8);
  asm volatile ("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
      : "=r" (b[0]), "=r" (b[1]), "=r" (b[2]), "=r" (b[3]) : "r" (at));
}

/* The values of 16 keys, turned: fragments b of channels d..d+7, then of 8 more. */
static __device__ __forceinline__ void
load_values (unsigned *b, const GhBf16 *v, int key, int d)
{
  int lane = threadIdx.x % 32;
  unsigned at = (unsigned) __cvta_generic_to_shared (v + (key + lane % 16) * LD + d + lane / 16 * 8);
  asm volatile ("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
      : "=r" (b[0]), "=r" (b[1]), "=r" (b[2]), "=r" (b[3]) : "r" (at));
}

static __device__ __forceinline__ float
over_four (float x, bool largest)
{
  for (int lane = 1; lane < 4; lane *= 2) {
    float other = __shfl_xor_sync (0xffffffffu, x, lane);
    x = largest ? fmaxf (x, other) : x + other;
  }
  return x;
}

/* s[8][4] = the scores of 16 queries and 64 keys, -inf beyond the last key. */
static __device__ __forceinline__ void
scores (float (*s)[4], const unsigned (*q)[4], const GhBf16 *k, int key0, int N)
{
  int i = threadIdx.x % 4;

#pragma unroll
  for (int n = 0; n < 8; n++) {
    s[n][0] = s[n][1] = s[n][2] = s[n][3] = 0;
#pragma unroll
    for (int step = 0; step < 4; step += 2) {
      unsigned b[4];
      load_keys (b, k, n * 8, step);
      multiply (s[n], q[step], b[0], b[1]);
      multiply (s[n], q[step + 1], b[2], b[3]);
    }
  }
  if (key0 + TILE <= N)
    return;
#pragma unroll
  for (int n = 0; n < 8; n++) {
#pragma unroll
    for (int c = 0; c < 4; c++)
      s[n][c] = key0 + n * 8 + 2 * i + c % 2 < N ? s[n][c] : -INFINITY;
  }
}

template <class T, int WARPS> static __global__ void
__launch_bounds__ (32 * WARPS)
attention_bf16 (T *o, const T *qkv, float scale, int N, int H)
{
  const int QUERIES = 16 * WARPS;
  GH_SHARED (GhBf16, q);        /* [QUERIES][LD], then two sets of keys and values, [TILE][LD] each */
  GhBf16 *tiles = q + QUERIES * LD;
  int warp = threadIdx.x / 32, g = threadIdx.x % 32 / 4, i = threadIdx.x % 4, t0 = blockIdx.x * QUERIES;
  size_t I = (size_t) H * D;
  const T *image = qkv + blockIdx.z * N * 3 * I + blockIdx.y * D;
  unsigned a[4][4];
  float sums[8][4] = { }, top[2] = { -INFINITY, -INFINITY }, total[2] = { };

  load (q, image, 3 * I, t0, N, QUERIES);
  load (tiles, image + I, 3 * I, 0, N, TILE);
  load (tiles + TILE * LD, image + 2 * I, 3 * I, 0, N, TILE);
  end_of_tiles ();
  wait_for_tiles<0> ();
  __syncthreads ();
#pragma unroll
  for (int step = 0; step < 4; step++) {
    const GhBf16 *row = q + (warp * 16 + g) * LD + step * 16 + 2 * i;
    a[step][0] = *(const unsigned *) row;
    a[step][1] = *(const unsigned *) (row + 8 * LD);
    a[step][2] = *(const unsigned *) (row + 8);
    a[step][3] = *(const unsigned *) (row + 8 * LD + 8);
  }
  for (int key0 = 0; key0 < N; key0 += TILE) {
    const GhBf16 *k = tiles + 2 * (key0 / TILE % 2) * TILE * LD, *v = k + TILE * LD;
    GhBf16 *next = tiles + 2 * (1 - key0 / TILE % 2) * TILE * LD;
    float s[8][4];
    if (key0 + TILE < N) {
      load (next, image + I, 3 * I, key0 + TILE, N, TILE);
      load (next + TILE * LD, image + 2 * I, 3 * I, key0 + TILE, N, TILE);
    }
    end_of_tiles ();
    scores (s, a, k, key0, N);
#pragma unroll
    for (int half = 0; half < 2; half++) {      /* rows g, then rows g + 8 */
      float highest = top[half], sum = 0;
#pragma unroll
      for (int n = 0; n < 8; n++)
        highest = fmaxf (highest, fmaxf (s[n][2 * half], s[n][2 * half + 1]));
      highest = over_four (highest, true);
      float shrink = exp2f ((top[half] - highest) * scale), shift = highest * scale;
      top[half] = highest;
#pragma unroll
      for (int n = 0; n < 8; n++) {
#pragma unroll
        for (int c = 2 * half; c < 2 * half + 2; c++) {
          s[n][c] = exp2f (fmaf (s[n][c], scale, -shift));
          sum += s[n][c];
          sums[n][c] *= shrink;
        }
      }
      total[half] = total[half] * shrink + over_four (sum, false);
    }
#pragma unroll
    for (int step = 0; step < 4; step++) {      /* 16 keys */
      unsigned weights[4] = { pair (s[2 * step][0], s[2 * step][1]), pair (s[2 * step][2], s[2 * step][3]),
        pair (s[2 * step + 1][0], s[2 * step + 1][1]), pair (s[2 * step + 1][2], s[2 * step + 1][3]) };
#pragma unroll
      for (int n = 0; n < 8; n += 2) {
        unsigned b[4];
        load_values (b, v, step * 16, n * 8);
        multiply (sums[n], weights, b[0], b[1]);
        multiply (sums[n + 1], weights, b[2], b[3]);
      }
    }
    wait_for_tiles<0> ();
    __syncthreads ();
  }
#pragma unroll
  for (int half = 0; half < 2; half++) {
    int t = t0 + warp * 16 + g + 8 * half;
    T *row = o + (blockIdx.z * (size_t) N + t) * I + blockIdx.y * D + 2 * i;
    float inverse = 1 / total[half];
#pragma unroll
    for (int n = 0; n < 8 && t < N; n++)
      store_two (row + n * 8, sums[n][2 * half] * inverse, sums[n][2 * half + 1] * inverse);
  }
}

template <class T, int WARPS> static GhStatus
launch (GhCtx *ctx, T *o, const T *qkv, int B, int N, int H)
{
  const float scale = 0.125f * 1.4426950408889634f;     /* 1/sqrt(64), log2(e) */
  size_t shared = (16 * WARPS + 4 * TILE) * LD * sizeof (GhBf16);

  GH_CUDA_TRY (gh_cuda_check (ctx, cudaFuncSetAttribute ((const void *) attention_bf16<T, WARPS>,
              cudaFuncAttributeMaxDynamicSharedMemorySize, (int) shared), "attention_bf16"));
  return GH_LAUNCH (ctx, (attention_bf16<T, WARPS>), dim3 (gh_blocks (N, 16 * WARPS), H, B), dim3 (32 * WARPS), shared,
      o, qkv, scale, N, H);
}

/* Larger blocks read the keys less often; smaller ones fill the device when there are few heads. */
template <class T> GhStatus
gh_cuda_attention_bf16 (GhCtx *ctx, T *o, const T *qkv, int B, int N, int H)
{
  bool plenty = (size_t) gh_blocks (N, 16 * MANY) * H * B >= 4 * (size_t) gh_cuda (ctx)->processors;
  return plenty ? launch<T, MANY> (ctx, o, qkv, B, N, H) : launch<T, FEW> (ctx, o, qkv, B, N, H);
}

#else

template <class T> GhStatus
gh_cuda_attention_bf16 (GhCtx *ctx, T *o, const T *qkv, int B, int N, int H)
{
  return gh_fail (ctx, GH_UNSUPPORTED, "attention_bf16: no tensor cores here");
}

#endif

template GhStatus gh_cuda_attention_bf16 (GhCtx *, float *, const float *, int, int, int);
template GhStatus gh_cuda_attention_bf16 (GhCtx *, GhBf16 *, const GhBf16 *, int, int, int);
