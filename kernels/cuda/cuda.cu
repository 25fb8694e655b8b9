/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cuda.cu: the back end's table, its streams and memory, and graphs: a pass that was recorded once starts as one piece
 * of work instead of a hundred.
 */
#include "cuda.h"

#include <stdio.h>
#include <stdlib.h>

GhStatus
gh_cuda_check (GhCtx *ctx, cudaError_t error, const char *what)
{
  if (error == cudaSuccess)
    return GH_OK;
  return gh_fail (ctx, error == cudaErrorMemoryAllocation ? GH_NOMEM : GH_DEVICE_LOST, "%s: %s", what,
      cudaGetErrorString (error));
}

/* ---- contexts -------------------------------------------------------------------------------------------- */

static GhStatus
refuse (char *reason, size_t reason_size, cudaError_t error, const char *what)
{
  snprintf (reason, reason_size, "%s: %s", what, cudaGetErrorString (error));
  return error == cudaErrorMemoryAllocation ? GH_NOMEM : GH_UNSUPPORTED;
}

static GhStatus
look_at_device (GhCuda *cuda, char *reason, size_t reason_size)
{
  int devices = 0, major = 0, minor = 0;
  cudaError_t error = cudaGetDeviceCount (&devices);

  if (error != cudaSuccess || devices == 0) {
    snprintf (reason, reason_size, "no NVIDIA GPU, or no driver for it (%s)",
        error == cudaSuccess ? "none found" : cudaGetErrorString (error));
    return GH_UNSUPPORTED;
  }
  cudaDeviceGetAttribute (&major, cudaDevAttrComputeCapabilityMajor, 0);
  cudaDeviceGetAttribute (&minor, cudaDevAttrComputeCapabilityMinor, 0);
  cudaDeviceGetAttribute (&cuda->processors, cudaDevAttrMultiProcessorCount, 0);
  cuda->capability = 10 * major + minor;
  return GH_OK;
}

static void
cuda_close (GhCtx *ctx)
{
  GhCuda *cuda = gh_cuda (ctx);

  gh_cuda_group_leave (ctx);
  gh_blas_close (ctx);
  if (cuda->others)
    cudaEventDestroy (cuda->others);
  if (cuda->copies)
    cudaStreamDestroy (cuda->copies);
  if (cuda->stream)
    cudaStreamDestroy (cuda->stream);
  free (cuda);
  ctx->device_data = NULL;
}

static GhStatus
cuda_open (GhCtx *ctx, char *reason, size_t reason_size)
{
  GhCuda *cuda = (GhCuda *) calloc (1, sizeof *cuda);
  cudaError_t error;
  GhStatus status;

  if (!cuda)
    return GH_NOMEM;
  ctx->device_data = cuda;
  ctx->threads = 1;
  status = look_at_device (cuda, reason, reason_size);
  if (status == GH_OK) {
    cudaSetDevice (0);          /* others of this thread may have left a context of theirs current */
    error = cudaStreamCreateWithFlags (&cuda->stream, cudaStreamNonBlocking);
    if (error != cudaSuccess)
      status = refuse (reason, reason_size, error, "no stream of work");
  }
  if (status == GH_OK)
    status = gh_blas_open (ctx, reason, reason_size);
  if (status != GH_OK)
    cuda_close (ctx);
  return status;
}

static bool
cuda_supports (const GhCtx *ctx, GhDtype dtype, bool *fast, const char **engine)
{
  *fast = dtype == GH_DTYPE_F32 || gh_cuda (ctx)->capability >= 80;
  *engine = "cublas";
  return dtype == GH_DTYPE_F32 || dtype == GH_DTYPE_BF16;
}

static GhDtype
cuda_best_dtype (const GhCtx *ctx)
{
  return gh_cuda (ctx)->capability >= 80 ? GH_DTYPE_BF16 : GH_DTYPE_F32;
}

/* ---- memory ---------------------------------------------------------------------------------------------- */

static GhStatus
cuda_sync (GhCtx *ctx)
{
  return gh_cuda_check (ctx, cudaStreamSynchronize (gh_cuda (ctx)->stream), "the device");
}

static GhStatus
cuda_zero (GhCtx *ctx, void *p, size_t bytes)
{
  return gh_cuda_check (ctx, cudaMemsetAsync (p, 0, bytes, gh_cuda (ctx)->stream), "zero");
}

static void
cuda_free (GhCtx *ctx, void *p)
{
  cudaFree (p);
}

static GhStatus
cuda_alloc (GhCtx *ctx, void **p, size_t bytes)
{
  GhStatus status = gh_cuda_check (ctx, cudaMalloc (p, bytes ? bytes : 1), "memory of the device");

  if (status != GH_OK) {
    cudaGetLastError ();        /* forgotten: the context is as good as before */
    *p = NULL;
    return status;
  }
  status = cuda_zero (ctx, *p, bytes);
  return status == GH_OK ? cuda_sync (ctx) : status;
}

/* Complete when it returns: other contexts may read it. */
static GhStatus
cuda_upload (GhCtx *ctx, void *to, const void *from, size_t bytes)
{
  GH_CUDA_TRY (gh_cuda_check (ctx, cudaMemcpyAsync (to, from, bytes, cudaMemcpyHostToDevice, gh_cuda (ctx)->stream),
          "upload"));
  return cuda_sync (ctx);
}

static GhStatus
cuda_download (GhCtx *ctx, void *to, const void *from, size_t bytes)
{
  GH_CUDA_TRY (gh_cuda_check (ctx, cudaMemcpyAsync (to, from, bytes, cudaMemcpyDeviceToHost, gh_cuda (ctx)->stream),
          "download"));
  return cuda_sync (ctx);
}

static GhStatus
cuda_memory_left (GhCtx *ctx, size_t *bytes)
{
  size_t total;

  return gh_cuda_check (ctx, cudaMemGetInfo (bytes, &total), "memory of the device");
}

/* ---- graphs ---------------------------------------------------------------------------------------------- */

static GhStatus
graph_begin (GhCtx *ctx)
{
  return gh_cuda_check (ctx, cudaStreamBeginCapture (gh_cuda (ctx)->stream, cudaStreamCaptureModeThreadLocal), "graph");
}

static GhStatus
graph_end (GhCtx *ctx, void **recorded)
{
  cudaGraph_t graph = NULL;
  cudaGraphExec_t ready = NULL;
  GhStatus status = gh_cuda_check (ctx, cudaStreamEndCapture (gh_cuda (ctx)->stream, &graph), "graph");

  if (status == GH_OK)
    status = gh_cuda_check (ctx, cudaGraphInstantiate (&ready, graph, 0), "graph");
  if (graph)
    cudaGraphDestroy (graph);
  *recorded = ready;
  return status;
}

static GhStatus
graph_run (GhCtx *ctx, void *recorded)
{
  return gh_cuda_check (ctx, cudaGraphLaunch ((cudaGraphExec_t) recorded, gh_cuda (ctx)->stream), "graph");
}

static void
graph_free (void *recorded)
{
  cudaGraphExecDestroy ((cudaGraphExec_t) recorded);
}

/* ---- the table ------------------------------------------------------------------------------------------- */

static GhBackend
make_table (void)
{
  GhBackend t = { };

  t.abi = GH_BACKEND_ABI;
  t.name = "cuda";
  t.open = cuda_open;
  t.close = cuda_close;
  t.supports = cuda_supports;
  t.best_dtype = cuda_best_dtype;
  t.alloc = cuda_alloc;
  t.free = cuda_free;
  t.upload = cuda_upload;
  t.download = cuda_download;
  t.sync = cuda_sync;
  t.memory_left = cuda_memory_left;
  t.lane_new = gh_cuda_lane_new;
  t.lane_free = gh_cuda_lane_free;
  t.lane_wait = gh_cuda_lane_wait;
  t.lane_send = gh_cuda_lane_send;
  t.lane_take = gh_cuda_lane_take;
  t.lane_done = gh_cuda_lane_done;
  t.device_handle = gh_cuda_device_handle;
  t.await_others = gh_cuda_await_others;
  t.graph_begin = graph_begin;
  t.graph_end = graph_end;
  t.graph_run = graph_run;
  t.graph_free = graph_free;
  t.pack = gh_cuda_pack;
  t.packed_free = gh_cuda_packed_free;
  t.pack_update = gh_cuda_pack_update;
  t.linear_bwd_weight = gh_cuda_linear_bwd_weight;
  t.linear_bwd_input = gh_cuda_linear_bwd_input;
  t.linear_fwd = gh_cuda_linear_fwd;
  t.bmm = gh_cuda_bmm;
  t.fuses_patches = gh_cuda_fuses_patches;
  t.project_patches_fwd = gh_cuda_project_patches_fwd;
  t.project_patches_bwd = gh_cuda_project_patches_bwd;
  t.fuses_patches_loss = gh_cuda_fuses_patches_loss;
  t.patches_loss = gh_cuda_patches_loss;
  t.fuses_block = gh_cuda_fuses_block;
  t.block_fwd = gh_cuda_block_fwd;
  t.packs_blocks = gh_cuda_packs_blocks;
  t.blocks_pack = gh_cuda_blocks_pack;
  t.blocks_free = gh_cuda_blocks_free;
  t.suits_blocks = gh_cuda_suits_blocks;
  t.blocks_fwd = gh_cuda_blocks_fwd;
  t.fuses_training = gh_cuda_fuses_training;
  t.blocks_training_bytes = gh_cuda_blocks_training_bytes;
  t.blocks_training_fwd = gh_cuda_blocks_training_fwd;
  t.blocks_training_bwd = gh_cuda_blocks_training_bwd;
  t.fit_fwd = gh_cuda_fit_fwd;
  t.view_fwd = gh_cuda_view_fwd;
  t.patchify_fwd = gh_cuda_patchify_fwd;
  t.tile_edges_fwd = gh_cuda_tile_edges_fwd;
  t.local_energy_fwd = gh_cuda_local_energy_fwd;
  t.band_share_fwd = gh_cuda_band_share_fwd;
  t.layernorm_fwd = gh_cuda_layernorm_fwd;
  t.layernorm_bwd = gh_cuda_layernorm_bwd;
  t.gelu_fwd = gh_cuda_gelu_fwd;
  t.gelu_bwd = gh_cuda_gelu_bwd;
  t.softmax_fwd = gh_cuda_softmax_fwd;
  t.softmax_bwd = gh_cuda_softmax_bwd;
  t.attention_fwd = gh_cuda_attention_fwd;
  t.attention_bwd = gh_cuda_attention_bwd;
  t.segment_mean_fwd = gh_cuda_segment_mean_fwd;
  t.segment_mean_bwd = gh_cuda_segment_mean_bwd;
  t.pinv_fwd = gh_cuda_pinv_fwd;
  t.pinv_bwd = gh_cuda_pinv_bwd;
  t.value_conv_fwd = gh_cuda_value_conv_fwd;
  t.value_conv_bwd = gh_cuda_value_conv_bwd;
  t.embed_tokens_fwd = gh_cuda_embed_tokens_fwd;
  t.embed_tokens_bwd = gh_cuda_embed_tokens_bwd;
  t.unmask_tokens_fwd = gh_cuda_unmask_tokens_fwd;
  t.unmask_tokens_bwd = gh_cuda_unmask_tokens_bwd;
  t.gather_rows_fwd = gh_cuda_gather_rows_fwd;
  t.gather_rows_bwd = gh_cuda_gather_rows_bwd;
  t.pool_fwd = gh_cuda_pool_fwd;
  t.sum_rows = gh_cuda_sum_rows;
  t.masked_loss = gh_cuda_masked_loss;
  t.sum_squares = gh_cuda_sum_squares;
  t.zero = cuda_zero;
  t.adamw = gh_cuda_adamw;
  t.group_available = gh_cuda_group_available;
  t.group_id = gh_cuda_group_id;
  t.group_join = gh_cuda_group_join;
  t.group_sum = gh_cuda_group_sum;
  return t;
}

extern "C" __attribute__ ((visibility ("default"))) const GhBackend *
gh_cuda_module_backend (void)
{
  static const GhBackend table = make_table ();
  return &table;
}
