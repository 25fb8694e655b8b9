/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * blocks-pack.cu: weights as blocks.cu wants them: matrices in tiles that one copy each brings to shared memory, norms
 * folded into what follows the products.
 */
#include "blocks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* to[n_out/cols][n_in/64] tiles of w[n_out,n_in], eight values a thread. */
static __global__ void
tile_weights (GhBf16 *to, const GhBf16 *w, int n_out, int n_in, int cols)
{
  GH_FOR_EACH (i, (size_t) n_out * n_in / 8) {
    int n = (int) (i / (n_in / 8)), k = (int) (i % (n_in / 8)) * 8;
    size_t tile = (size_t) (n / cols) * (n_in / GH_TILE_COLS) + k / GH_TILE_COLS;
    *(uint4 *) (to + tile * cols * GH_TILE_COLS + gh_tile_at (n % cols, k % GH_TILE_COLS))
        = *(const uint4 *) (w + (size_t) n * n_in + k);
  }
}

/* sum[n] = norm_w w[n], add[n] = norm_b w[n] + bias[n], a warp each. */
static __global__ void
fold_norm (float *sum, float *add, const GhBf16 *w, const float *norm_w, const float *norm_b, const float *bias,
    int n_out, int n_in)
{
  int n = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32, lane = threadIdx.x % 32;
  float scaled = 0, shifted = 0;

  if (n >= n_out)
    return;
  for (int k = lane; k < n_in; k += 32) {
    float v = gh_from_bf16 (w[(size_t) n * n_in + k]);
    scaled += norm_w[k] * v;
    shifted += norm_b[k] * v;
  }
  scaled = gh_warp_sum (scaled);
  shifted = gh_warp_sum (shifted);
  if (lane == 0) {
    sum[n] = scaled;
    add[n] = shifted + (bias ? bias[n] : 0);
  }
}

/* A walk through one allocation: first to count, then to hand out. */
namespace {
struct Room {
  char *base;
  size_t used;
  template <class T> T *take (size_t n)
  {
    T *p = (T *) (base + used);
    used += (n * sizeof (T) + 1023) / 1024 * 1024;
    return base ? p : NULL;
  }
};

struct Part {
  const GhPacked *w;
  int cols;
  GhBf16 *tiles;
};

/* Where the parts of one block go. */
struct Places {
  Part parts[4];
  float *norm1_w, *norm2_w, *sums[2], *adds[2], *out_b, *fc2_b, *conv;
};
}

static Places
take_places (Room *room, const GhBlockParts *b)
{
  Places p = { };

  p.parts[0] = { b->qkv, GH_WIDE, NULL };
  p.parts[1] = { b->out, GH_NARROW, NULL };
  p.parts[2] = { b->fc1, GH_WIDE, NULL };
  p.parts[3] = { b->fc2, GH_NARROW, NULL };
  for (Part &part : p.parts)
    part.tiles = room->take<GhBf16> ((size_t) part.w->n_out * part.w->n_in);
  p.norm1_w = room->take<float> (b->C);
  p.norm2_w = room->take<float> (b->C);
  for (int i = 0; i < 2; i++) {
    p.sums[i] = room->take<float> (p.parts[2 * i].w->n_out);
    p.adds[i] = room->take<float> (p.parts[2 * i].w->n_out);
  }
  p.out_b = b->out_b ? room->take<float> (b->C) : NULL;
  p.fc2_b = b->fc2_b ? room->take<float> (b->C) : NULL;
  p.conv = b->conv ? room->take<float> ((size_t) b->H * b->taps) : NULL;
  return p;
}

static GhStatus
copy_vector (GhCtx *ctx, float *to, const float *from, size_t n)
{
  if (!to)
    return GH_OK;
  return gh_cuda_check (ctx, cudaMemcpyAsync (to, from, n * sizeof *to, cudaMemcpyDeviceToDevice, gh_cuda (ctx)->stream),
      "weights");
}

static GhStatus
fold (GhCtx *ctx, float *sum, float *add, const GhPacked *w, const float *norm_w, const float *norm_b, const float *bias)
{
  return GH_LAUNCH (ctx, fold_norm, dim3 (gh_blocks (w->n_out, 8)), dim3 (256), 0, sum, add, (const GhBf16 *) w->data,
      norm_w, norm_b, bias, w->n_out, w->n_in);
}

static GhStatus
fill (GhCtx *ctx, const Places *p, const GhBlockParts *b)
{
  for (const Part &part : p->parts)
    GH_CUDA_TRY (GH_LAUNCH (ctx, tile_weights, dim3 (gh_grid (ctx, (size_t) part.w->n_out * part.w->n_in / 8)), dim3 (256),
            0, part.tiles, (const GhBf16 *) part.w->data, part.w->n_out, part.w->n_in, part.cols));
  GH_CUDA_TRY (copy_vector (ctx, p->norm1_w, b->norm1_w, b->C));
  GH_CUDA_TRY (copy_vector (ctx, p->norm2_w, b->norm2_w, b->C));
  GH_CUDA_TRY (copy_vector (ctx, p->out_b, b->out_b, b->C));
  GH_CUDA_TRY (copy_vector (ctx, p->fc2_b, b->fc2_b, b->C));
  GH_CUDA_TRY (copy_vector (ctx, p->conv, b->conv, (size_t) b->H * b->taps));
  GH_CUDA_TRY (fold (ctx, p->sums[0], p->adds[0], b->qkv, b->norm1_w, b->norm1_b, b->qkv_b));
  return fold (ctx, p->sums[1], p->adds[1], b->fc1, b->norm2_w, b->norm2_b, b->fc1_b);
}

static GhLayer
layer_of (const Places *p)
{
  return { p->parts[0].tiles, p->parts[1].tiles, p->parts[2].tiles, p->parts[3].tiles, p->norm1_w, p->norm2_w, p->sums[0],
    p->adds[0], p->sums[1], p->adds[1], p->out_b, p->fc2_b, p->conv };
}

/* Whether somebody has asked, and this module has code for it. */
static bool
is_wanted (void)
{
#if defined (GH_CUDA_EMULATION) || defined (GH_BUILT_FOR_90A)
  const char *wanted = getenv (GH_CUDA_BLOCKS);
  int rows, cols;

  return wanted && (strcmp (wanted, "together") == 0 || sscanf (wanted, "%dx%d", &rows, &cols) == 2);
#else
  return false;
#endif
}

bool
gh_cuda_packs_blocks (const GhCtx *ctx, const GhBlockParts *b)
{
  return is_wanted () && gh_cuda (ctx)->capability == 90 && b->qkv->dtype == GH_DTYPE_BF16 && b->D == 64 && b->C % 64 == 0
      && b->C >= 128 && b->C <= GH_MOST_CHANNELS && b->fc1->n_out % 64 == 0 && (!b->conv || b->taps <= GH_MOST_CONV);
}

static GhStatus
pack_all (GhCtx *ctx, GhLayers *to, const GhBlockParts *blocks, int depth)
{
  Room room = { };
  GhLayer *layers = (GhLayer *) calloc (depth, sizeof *layers);
  GhStatus status = layers ? GH_OK : GH_NOMEM;

  for (int i = 0; i < depth; i++)
    take_places (&room, &blocks[i]);
  room.take<GhLayer> (depth);
  if (status == GH_OK)
    status = gh_cuda_check (ctx, cudaMalloc (&to->memory, room.used), "memory for weights");
  if (status != GH_OK)
    cudaGetLastError ();        /* forgotten: it goes without, too */
  room = { (char *) to->memory, 0 };
  for (int i = 0; status == GH_OK && i < depth; i++) {
    Places places = take_places (&room, &blocks[i]);
    layers[i] = layer_of (&places);
    status = fill (ctx, &places, &blocks[i]);
  }
  if (status == GH_OK) {
    GhLayer *there = room.take<GhLayer> (depth);
    to->layers = there;
    status = gh_cuda_check (ctx, cudaMemcpyAsync (there, layers, depth * sizeof *layers, cudaMemcpyHostToDevice,
            gh_cuda (ctx)->stream), "weights");
  }
  if (status == GH_OK)
    status = gh_cuda_check (ctx, cudaStreamSynchronize (gh_cuda (ctx)->stream), "weights");
  free (layers);
  return status;
}

/* Waits, as gh_cuda_pack() does. */
GhStatus
gh_cuda_blocks_pack (GhCtx *ctx, void **packed, const GhBlockParts *blocks, int depth)
{
  GhLayers *layers = (GhLayers *) calloc (1, sizeof *layers);

  *packed = layers;
  if (!layers)
    return GH_NOMEM;
  layers->depth = depth;
  layers->C = blocks->C;
  layers->H = blocks->H;
  layers->mlp = blocks->fc1->n_out;
  layers->taps = blocks->conv ? blocks->taps : 0;
  layers->first = blocks->first;
  layers->eps = blocks->eps;
  return pack_all (ctx, layers, blocks, depth);
}

void
gh_cuda_blocks_free (void *packed)
{
  GhLayers *layers = (GhLayers *) packed;

  if (layers)
    cudaFree (layers->memory);
  free (layers);
}
