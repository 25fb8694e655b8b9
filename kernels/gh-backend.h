/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-backend.h (private): the table every back end fills. gh-kernels.c checks the arguments once and calls
 * through it, so the entries here may trust their sizes. An entry a back end lacks is NULL; the wrapper then
 * answers GH_UNSUPPORTED. `cpu` starts as a copy of `ref` (they share memory) and overrides what pays; `cuda`
 * never falls back.
 */
#pragma once

#include "gh-kernels.h"

#include <stdarg.h>

typedef struct GhBackend GhBackend;

struct GhCtx {
  const GhBackend *backend;
  GhDevice device;
  int threads;
  struct GhPool_ *pool;         /* worker threads of the cpu back end, NULL elsewhere */
  void *scratch;                /* grows to the largest request, then stays */
  size_t scratch_bytes;
  void *device_data;            /* the back end's own */
  char error[256];
};

struct GhPacked {
  const GhBackend *backend;
  GhDtype dtype;
  int n_out, n_in;
  bool learns;                  /* gh_pack_update() has been called */
  size_t bytes;
  const void *engine;           /* which of the back end's products packed it */
  void *data;                   /* the weights in the engine's layout */
  float *scale;                 /* [n_out] for INT16 and INT8, else NULL */
};

struct GhPackedBlocks {
  const GhBackend *backend;
  void *data;                   /* the back end's */
};

/* One of two; see gh_lanes_new(). */
typedef struct {
  size_t bytes;
  void *host, *device;
  void *own;                    /* the back end's: what is waited for */
} GhLane;

/* Bumped whenever the table or the structs above change: a module opened at run time must match. */
#define GH_BACKEND_ABI 11

struct GhBackend {
  int abi;
  const char *name;
  GhStatus (*open) (GhCtx *ctx, char *reason, size_t reason_size);
  void (*close) (GhCtx *ctx);
  bool (*supports) (const GhCtx *ctx, GhDtype dtype, bool *fast, const char **engine);
  GhDtype (*best_dtype) (const GhCtx *ctx);
  GhStatus (*alloc) (GhCtx *ctx, void **ptr, size_t bytes);
  void (*free) (GhCtx *ctx, void *ptr);
  GhStatus (*upload) (GhCtx *ctx, void *dst, const void *src, size_t bytes);
  GhStatus (*download) (GhCtx *ctx, void *dst, const void *src, size_t bytes);
  GhStatus (*sync) (GhCtx *ctx);
  GhStatus (*memory_left) (GhCtx *ctx, size_t *bytes);  /* NULL where memory is the host's */
  /* NULL where memory is the host's. lane_free is called after a failure too; the lane is zeroed before. */
  GhStatus (*lane_new) (GhCtx *ctx, GhLane *lane);
  void (*lane_free) (GhCtx *ctx, GhLane *lane);
  GhStatus (*lane_wait) (GhCtx *ctx, GhLane *lane);     /* until lane->host may be written */
  GhStatus (*lane_send) (GhCtx *ctx, GhLane *lane);
  GhStatus (*lane_take) (GhCtx *ctx, GhLane *lane);
  GhStatus (*lane_done) (GhCtx *ctx, GhLane *lane);
  /* NULL where memory is the host's. */
  GhStatus (*device_handle) (GhCtx *ctx, void **handle, int *device);
  GhStatus (*await_others) (GhCtx *ctx);
  /* NULL where recording gains nothing. */
  GhStatus (*graph_begin) (GhCtx *ctx);
  GhStatus (*graph_end) (GhCtx *ctx, void **recorded);
  GhStatus (*graph_run) (GhCtx *ctx, void *recorded);
  void (*graph_free) (void *recorded);

  /* backend, dtype, n_out and n_in are filled in; packed_free is called after a failure too, and takes NULL fields. */
  GhStatus (*pack) (GhCtx *ctx, GhPacked *packed, const float *host_w);
  void (*packed_free) (GhPacked *packed);
  GhStatus (*pack_update) (GhCtx *ctx, GhPacked *packed, const float *w, bool transposed);
  GhStatus (*linear_bwd_weight) (GhCtx *, float *, float *, const float *, const float *, GhDtype, int, int, int);
  GhStatus (*linear_bwd_input) (GhCtx *, float *, const float *, const GhPacked *, int);  /* NULL: a second pack does */
  GhStatus (*linear_fwd) (GhCtx *, float *, const float *, const GhPacked *, const float *, const float *, GhAct, int);
  GhStatus (*bmm) (GhCtx *, GhMat, GhMat, bool, GhMat, bool, float, float, int, int, int, int, int);
  bool (*fuses_patches) (const GhPacked *);     /* NULL, as its operation is, where nothing is gained */
  GhStatus (*project_patches_fwd) (GhCtx *, float *, const uint8_t *, const int32_t *, const float *, const float *,
      const GhPacked *, const float *, int, int, int, size_t, int, int);
  GhStatus (*project_patches_bwd) (GhCtx *, float *, float *, const float *, const GhPatches *, int);
  bool (*fuses_patches_loss) (const GhPacked *, const GhPatches *);     /* likewise */
  GhStatus (*patches_loss) (GhCtx *, float *, float *, float *, float *, const float *, const GhPacked *, const float *,
      const GhPatches *, bool, float);
  bool (*fuses_block) (const GhBlockParts *);   /* likewise */
  GhStatus (*block_fwd) (GhCtx *, float *, const GhBlockParts *, int, int);
  bool (*packs_blocks) (const GhCtx *, const GhBlockParts *);   /* likewise; blocks_free is called after a failure too */
  GhStatus (*blocks_pack) (GhCtx *, void **, const GhBlockParts *, int);
  void (*blocks_free) (void *);
  bool (*suits_blocks) (const GhCtx *, const void *, int, int);
  GhStatus (*blocks_fwd) (GhCtx *, float *, const void *, int);
  bool (*fuses_training) (const GhCtx *, const GhBlockTraining *);      /* likewise */
  void (*blocks_training_bytes) (GhCtx *, size_t *, size_t *, const GhBlockTraining *, int, int);
  GhStatus (*blocks_training_fwd) (GhCtx *, float *, const GhBlockTraining *, int, void *, void *, int, int);
  GhStatus (*blocks_training_bwd) (GhCtx *, float *, const GhBlockTraining *, int, const void *, void *, int, int);
  GhStatus (*fit_fwd) (GhCtx *, uint8_t *, const GhFrame *, const GhFit *, int, int);
  GhStatus (*view_fwd) (GhCtx *, uint8_t *, const uint8_t *, const GhView *, int, int, int, int, int);
  GhStatus (*patchify_fwd) (GhCtx *, float *, const uint8_t *, const int32_t *, const float *, const float *, int, int,
      int, size_t, int, int);
  GhStatus (*tile_edges_fwd) (GhCtx *, float *, const uint8_t *, const float *, int, int, int, size_t, int, int);
  GhStatus (*local_energy_fwd) (GhCtx *, float *, const float *, int, int, int, int, int, int);
  GhStatus (*band_share_fwd) (GhCtx *, float *, const float *, float, int, int, int, int);
  GhStatus (*layernorm_fwd) (GhCtx *, float *, float *, float *, const float *, const float *, const float *, int, int,
      float);
  GhStatus (*layernorm_bwd) (GhCtx *, float *, float *, float *, const float *, const float *, const float *,
      const float *, const float *, const float *, int, int);
  GhStatus (*gelu_fwd) (GhCtx *, float *, const float *, size_t);
  GhStatus (*gelu_bwd) (GhCtx *, float *, const float *, const float *, size_t);
  GhStatus (*softmax_fwd) (GhCtx *, float *, const float *, int, int);
  GhStatus (*softmax_bwd) (GhCtx *, float *, const float *, const float *, int, int);
  GhStatus (*attention_fwd) (GhCtx *, float *, const float *, GhDtype, int, int, int, int);
  GhStatus (*attention_bwd) (GhCtx *, float *, const float *, const float *, GhDtype, int, int, int, int);
  GhStatus (*segment_mean_fwd) (GhCtx *, float *, const float *, int, int, float, int, int, int, int, int);
  GhStatus (*segment_mean_bwd) (GhCtx *, float *, const float *, int, int, float, int, int, int, int, int);
  GhStatus (*pinv_fwd) (GhCtx *, float *, float *, const float *, int, int, int);
  GhStatus (*pinv_bwd) (GhCtx *, float *, const float *, const float *, const float *, int, int, int);
  GhStatus (*value_conv_fwd) (GhCtx *, float *, const float *, const float *, int, int, int, int, int, int);
  GhStatus (*value_conv_bwd) (GhCtx *, float *, float *, const float *, const float *, const float *, int, int, int,
      int, int, int);
  GhStatus (*embed_tokens_fwd) (GhCtx *, float *, const float *, const float *, const int32_t *, const float *, int,
      int, int, int);
  GhStatus (*embed_tokens_bwd) (GhCtx *, float *, float *, const float *, int, int, int, int);
  GhStatus (*unmask_tokens_fwd) (GhCtx *, float *, const float *, const float *, const float *, const int32_t *,
      const float *, int, int, int, int, int);
  GhStatus (*unmask_tokens_bwd) (GhCtx *, float *, float *, const float *, const int32_t *, int, int, int, int, int);
  GhStatus (*gather_rows_fwd) (GhCtx *, float *, const float *, const int32_t *, int, int, int, int, int);
  GhStatus (*gather_rows_bwd) (GhCtx *, float *, const float *, const int32_t *, int, int, int, int, int);
  GhStatus (*pool_fwd) (GhCtx *, float *, const float *, GhPool, int, int, int, int);
  GhStatus (*sum_rows) (GhCtx *, float *, const float *, int, int);
  GhStatus (*masked_loss) (GhCtx *, float *, float *, const float *, const float *, bool, float, int, int);
  GhStatus (*sum_squares) (GhCtx *, float *, const float *, size_t);
  GhStatus (*zero) (GhCtx *, void *, size_t);
  GhStatus (*adamw) (GhCtx *, float *, float *, float *, const float *, size_t, float, float, float, float, float,
      float, int);
  /* NULL where devices cannot add up among themselves; close() leaves the group. */
  GhStatus (*group_available) (GhCtx *);
  GhStatus (*group_id) (GhCtx *, uint8_t *);
  GhStatus (*group_join) (GhCtx *, const uint8_t *, int, int, int);
  GhStatus (*group_sum) (GhCtx *, float *, size_t, int);
};

/* Filled once, constant afterwards. */
const GhBackend *gh_ref_backend (void);
const GhBackend *gh_cpu_backend (void);
/* Opens the cuda module; NULL and a reason where it is absent or does not fit. */
const GhBackend *gh_cuda_backend (char *reason, size_t reason_size);
/* What that module exports under this name. */
#define GH_CUDA_MODULE_SYMBOL "gh_cuda_module_backend"
typedef const GhBackend *(*GhCudaModuleBackend) (void);

/* Stores a printf-style message for gh_last_error() and returns status. */
GhStatus gh_fail (GhCtx *ctx, GhStatus status, const char *format, ...) __attribute__ ((format (printf, 3, 4)));

/* At least `bytes` of 64-byte aligned memory, valid until the next call; NULL when memory is short. */
void *gh_scratch (GhCtx *ctx, size_t bytes);

/* 64-byte aligned host memory for free(). Large blocks are whole huge pages where the system has them: weights are
 * streamed, and walks through page tables for every 4 KiB of them cost half of the memory's rate. NULL when short. */
void *gh_host_memory (size_t bytes);

/* Where a band of gh_band_share_fwd() begins; on the device as well. */
#ifdef __CUDACC__
__host__ __device__
#endif
static inline int
gh_band_row (int band, int rows, int bands)
{
  return (int) ((int64_t) band * rows / bands);
}
