/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-kernels.h: the one public door to the tensor operations of gst-heads.
 *
 * One context = one back end + one stream of work + its workspace. A context belongs to one thread at a
 * time; different contexts may be used from different threads. Every function returns a GhStatus and never
 * prints, exits or aborts; the words behind a failure are in gh_last_error(). On a device the calls may be
 * asynchronous: gh_sync() waits and reports what went wrong.
 *
 * Letters: B images in the batch, N tokens of one image, C channels of a token, H heads, D channels of a
 * head, P values of a patch, M landmarks. Shapes stand in brackets, the last index runs fastest.
 *
 * Argument order: context, outputs, inputs, optional inputs (may be NULL), sizes. Every pointer except
 * GhPacked and the ones named "host" is memory of the context (gh_alloc; on ref and cpu plain memory is as
 * good). Elements are float32 unless a line says otherwise. Outputs are overwritten unless a line says
 * "accumulates". No image, row or element to work on is no error: the call does nothing. Nothing allocates after the
 * first call with the largest sizes. On ref and cpu the result does not depend on the number of threads, not in a bit.
 *
 * The formulas are those of the ViT (Dosovitskiy et al. 2020), MAE (He et al. 2021) and Nystromformer
 * (Xiong et al. 2021) papers; where they differ from common implementations the entry says so.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  GH_OK = 0,
  GH_INVAL = -1,                /* an argument is out of range: a bug of the caller */
  GH_NOMEM = -2,
  GH_UNSUPPORTED = -3,          /* this back end, build or machine lacks it */
  GH_DEVICE_LOST = -4,          /* the device failed; the context is of no further use */
} GhStatus;

typedef enum { GH_DEVICE_AUTO, GH_DEVICE_REF, GH_DEVICE_CPU, GH_DEVICE_CUDA } GhDevice;

/* How the operands of matrix products with fixed weights are held. Sums are always float32 or wider. */
typedef enum {
  GH_DTYPE_F32,
  GH_DTYPE_BF16,
  GH_DTYPE_INT16,               /* inference: block fixed point, 12 bits, see gh_pack() */
  GH_DTYPE_INT8,                /* inference: weights 8 bits, activations 8 bits, see gh_pack() */
  GH_N_DTYPES
} GhDtype;

typedef enum { GH_ACT_NONE, GH_ACT_GELU } GhAct;    /* GELU in its erf form */
typedef enum { GH_POOL_MEAN, GH_POOL_MEAN_STD, GH_POOL_CLS } GhPool;

typedef struct GhCtx GhCtx;
typedef struct GhPacked GhPacked;

/* ---- contexts ------------------------------------------------------------------------------------- */

/* Opens a back end. AUTO asks the environment (GST_HEADS_DEVICE = ref, cpu, cuda), then takes the best
 * one that works. threads: 0 = GST_HEADS_THREADS or one per processor this process may run on.
 * On failure *ctx is NULL and reason (may be NULL) says why; on success it says what was chosen and why. */
GhStatus gh_ctx_new (GhCtx **ctx, GhDevice device, int threads, char *reason, size_t reason_size);
void gh_ctx_free (GhCtx *ctx);                      /* takes NULL */

GhDevice gh_ctx_device (const GhCtx *ctx);
int gh_ctx_threads (const GhCtx *ctx);
const char *gh_device_name (GhDevice device);       /* "auto", "ref", "cpu", "cuda" */
const char *gh_dtype_name (GhDtype dtype);          /* "f32", "bf16", "int16", "int8" */
const char *gh_last_error (const GhCtx *ctx);       /* never NULL */

/* True when the back end multiplies in this type. *fast (may be NULL): with instructions of its own,
 * not by widening; *engine (may be NULL): a static word such as "avx2" for logs. */
bool gh_supports (const GhCtx *ctx, GhDtype dtype, bool *fast, const char **engine);

/* The type AUTO precision means here: the fastest whose result stays within 2 % of float32. */
GhDtype gh_best_dtype (const GhCtx *ctx);

GhStatus gh_alloc (GhCtx *ctx, void **ptr, size_t bytes);  /* 64-byte aligned, zeroed */
void gh_free (GhCtx *ctx, void *ptr);                       /* takes NULL */
GhStatus gh_upload (GhCtx *ctx, void *dst, const void *host_src, size_t bytes);
GhStatus gh_download (GhCtx *ctx, void *host_dst, const void *src, size_t bytes);
GhStatus gh_sync (GhCtx *ctx);
/* Bytes of the device's memory that nobody has taken. GH_UNSUPPORTED on ref and cpu, whose memory is the host's. */
GhStatus gh_memory_left (GhCtx *ctx, size_t *bytes);

/* ---- bytes on their way ------------------------------------------------------------------------------ */

/* Two lanes from the host to the context's memory, which take turns: while the context computes on what came in one,
 * the other is filled and copied. For each turn, in this order:
 *   gh_lanes_fill()  answers with host memory of the lane's size to write to, once the lane's last copy has left it
 *   gh_lanes_send()  starts the copy and returns
 *   gh_lanes_take()  operations called from now on find it in *brought, memory of the context
 *   gh_lanes_done()  those called so far were the last to read it: the lane is free
 * Two turns at most have been filled and are not done. GH_UNSUPPORTED on ref and cpu, which read the host's memory. */
typedef struct GhLanes GhLanes;
GhStatus gh_lanes_new (GhCtx *ctx, GhLanes **lanes, size_t bytes);
void gh_lanes_free (GhLanes *lanes);                /* takes NULL; waits for copies; before its context goes */
GhStatus gh_lanes_fill (GhLanes *lanes, void **host);
GhStatus gh_lanes_send (GhLanes *lanes);
GhStatus gh_lanes_take (GhLanes *lanes, const void **brought);
GhStatus gh_lanes_done (GhLanes *lanes);

/* ---- memory of others -------------------------------------------------------------------------------- */

/* What memory of the context lies in, for those who put theirs beside it: of cuda the device's primary CUcontext, which
 * stays as long as the process, and the device's number. GH_UNSUPPORTED on ref and cpu. */
GhStatus gh_device_handle (GhCtx *ctx, void **handle, int *device);

/* Operations called from now on find done what others in the process gave the device to do before this call, in its
 * default stream or in streams that keep step with that one (all but those made to be non-blocking). ref and cpu: nothing
 * is under way there. */
GhStatus gh_await_others (GhCtx *ctx);

/* ---- passes that repeat ------------------------------------------------------------------------------- */

typedef struct GhGraph GhGraph;

/* From gh_graph_begin() to gh_graph_end() the operations called on the context are recorded, not done; gh_graph_run()
 * does them again, on the same memory, as one piece of work. Only operations may be called in between, none of them for
 * the first time with its sizes; no upload, download, allocation or gh_sync(). GH_UNSUPPORTED on ref and cpu, which
 * would gain nothing. A graph no longer fits its context once a call with larger sizes has moved the scratch memory. */
GhStatus gh_graph_begin (GhCtx *ctx);
GhStatus gh_graph_end (GhCtx *ctx, GhGraph **graph);
bool gh_graph_fits (const GhCtx *ctx, const GhGraph *graph);
GhStatus gh_graph_run (GhCtx *ctx, GhGraph *graph);
void gh_graph_free (GhGraph *graph);                /* takes NULL; before its context goes */

/* ---- frames to pictures ------------------------------------------------------------------------------ */

/* A frame as it comes: three channels of bytes, RGB or Y'CbCr, whose samples lie `step` bytes apart in rows of `stride`
 * bytes (NV12: Y with step 1, Cb and Cr in turn with step 2). subsampled: the second and third have half the rows and
 * columns, rounded up. */
typedef struct {
  const uint8_t *channel[3];
  size_t stride[3];
  int step[3];
  int height, width;
  bool subsampled;
} GhFrame;

/* One direction of a resize: output i = (round + the sum over t of taps[i,t] * sample[first[i]+t]) >> shift, at most
 * 255. The taps of one output add up to 1 << shift or so: to 256 at most, that unsigned sums of 16 bits hold it, and to
 * 2 << shift at most. */
typedef struct {
  int n_taps;                   /* 0: as many outputs as samples, nothing to do; at most GH_FIT_MAX_TAPS */
  int shift, round;             /* shift at most 8, round below 1 << shift */
  const int32_t *first;         /* [outputs] ascending, or the same again */
  const uint16_t *taps;         /* [outputs,n_taps] */
} GhFitAxis;
#define GH_FIT_MAX_TAPS 128

/* Where Y'CbCr becomes RGB: in the frame's size or in the picture's. */
typedef enum { GH_FIT_KEEP, GH_FIT_COLOURS_FIRST, GH_FIT_COLOURS_LAST } GhFitColours;

/* The part of a frame that becomes a picture, and how: missing chroma is interpolated, first along a row (centred, or
 * between the neighbours where it is `cosited`), then between rows (centred); each direction is resized, one after the
 * other; every step rounds to bytes.
 *
 * Y'CbCr to RGB: with w(v) = 257 (v ^ 128) as a signed number of 16 bits and a*b = a b >> 16, y = w(Y)*gain[0],
 * R = y + w(Cr)*gain[1], B = y + w(Cb)*gain[2], G = y + w(Cb)*gain[3] + w(Cr)*gain[4], each clamped to -128..127, plus
 * 128. gain: 256 times the usual factors, from -4096 to 4096. */
typedef struct {
  int x, y, width, height;      /* of the frame; x and y even where it is subsampled */
  GhFitAxis across, down;
  bool down_first;
  bool cosited;
  GhFitColours colours;
  int16_t gain[5];
} GhFit;

/* rgb[height,width,3] of a frame: exactly the same bytes on every back end. The structs are the host's, the arrays they
 * point to are memory of the context. What is read of the frame: `fit`'s part, and of chroma the row beside it. */
GhStatus gh_fit_fwd (GhCtx *ctx, uint8_t *rgb, const GhFrame *frame, const GhFit *fit, int height, int width);

/* A view of a frame for training: a part of it, scaled, perhaps mirrored left to right, then lit by a table. */
typedef struct {
  int32_t frame;                /* which of the frames */
  int32_t x, y, width, height;  /* what is shown of it, in its pixels */
  bool flip;
  bool lit;
  uint8_t curve[3][256];        /* of R, G, B where it is lit */
} GhView;
#define GH_VIEW_MAX_SIZE (1 << 15)      /* rows or columns, of frames and views */

/* rgb[B,height,width,3] of frames[n,frame_height,frame_width,3] as views[B] (memory of the context) say: exactly the same
 * bytes on every back end. Bilinear, so that only a reduction up to twofold is clean: where the centre of an output's
 * pixel falls among the centres of the part's, rounded down to 1/256 and kept between the first and the last, decides the
 * weights; rows are mixed first, without rounding, the sum of columns is rounded to the nearest. A part as large as the
 * output passes as it is. */
GhStatus gh_view_fwd (GhCtx *ctx, uint8_t *rgb, const uint8_t *frames, const GhView *views, int B, int height, int width,
    int n, int frame_height, int frame_width);

/* ---- pixels to patches ----------------------------------------------------------------------------- */

/* patches[B,K,patch*patch*3] = (u8/255 - mean)/std of RGB images [B,height,width,3] with `stride` bytes a
 * row and height*stride an image. Grid: rows = ceil(height/patch), cols = ceil(width/patch), raster order;
 * inside a patch row, column, channel. Pixels beyond the image read as 0 after normalisation.
 * keep[B,K]: raster indices of the patches wanted, NULL for all (then K = rows*cols). */
GhStatus gh_patchify_fwd (GhCtx *ctx, float *patches, const uint8_t *rgb, const int32_t *keep,
    const float host_mean[3], const float host_std[3], int B, int height, int width, size_t stride,
    int patch, int K);

/* ---- what stands out in a picture ------------------------------------------------------------------ */

/* edges[B,rows,cols-1,channels], rows = height/tile, cols = width/tile: f (right) - f (left) of neighbours in a row of tiles
 * of RGB images [B,height,width,3] with `stride` bytes a row. channels 3: f = table[sum of the tile's bytes of a channel];
 * channels 1, grey: of all of them. table has 255 tile^2 3/channels + 1 numbers. What does not fill a tile at the right and
 * at the bottom is not seen. With logarithms in the table, light that scales everything leaves the edges as they are. */
#define GH_MOST_TILE 64
GhStatus gh_tile_edges_fwd (GhCtx *ctx, float *edges, const uint8_t *rgb, const float *table, int B, int height,
    int width, size_t stride, int tile, int channels);

/* energy[B,rows,cols] = the squares of x[B,rows,cols,C], summed over channels and averaged over the window of
 * window_rows by window_cols places (odd) in whose middle a place is; beyond the edges x is 0. */
GhStatus gh_local_energy_fwd (GhCtx *ctx, float *energy, const float *x, int B, int rows, int cols, int C,
    int window_rows, int window_cols);

/* share[B,bands] = the mean of clamp (x/level - 1/2, 0, 1) over the rows of x[B,rows,cols] that lie in a band, from
 * floor (band rows / bands) on: how much of the band is above level, softly. bands <= rows. */
GhStatus gh_band_share_fwd (GhCtx *ctx, float *share, const float *x, float level, int B, int rows, int cols,
    int bands);

/* ---- products with fixed weights ------------------------------------------------------------------- */

/* Packs host_w [n_out,n_in] (row = one output) once into the layout the back end multiplies fastest.
 * BF16 rounds both operands to the nearest bfloat16. INT16 and INT8 keep one scale per output; activations get one
 * scale per row at run time. INT16: integers of -2047..2047 on both sides, products summed exactly. INT8: at most 8
 * bits a value, what the machine's instructions take (ref: -127..127 on both sides); within 5 % on a random product.
 * Packed weights do not change afterwards and may be used by every context of the same device. */
GhStatus gh_pack (GhCtx *ctx, GhPacked **packed, const float *host_w, int n_out, int n_in, GhDtype dtype);
void gh_packed_free (GhPacked *packed);             /* takes NULL */
size_t gh_packed_bytes (const GhPacked *packed);

/* Packs w[n_out,n_in] (memory of the context) again into a matrix made by gh_pack(), in F32 or BF16: how weights that
 * are being trained follow their master copy. transposed: w is [n_in,n_out] and its transpose is packed, so that
 * gh_linear_fwd() with dy in the place of x gives the input's gradient dx = dy w. No other thread may use `packed`. */
GhStatus gh_pack_update (GhCtx *ctx, GhPacked *packed, const float *w, bool transposed);

/* y[rows,n_out] = act(x[rows,n_in] w^T + bias[n_out]) + residual[rows,n_out]. bias, residual may be NULL;
 * residual may be y itself. y must not overlap x. */
GhStatus gh_linear_fwd (GhCtx *ctx, float *y, const float *x, const GhPacked *w, const float *bias,
    const float *residual, GhAct act, int rows);

/* dw[n_out,n_in] accumulates dy^T x, db[n_out] (may be NULL) the column sums of dy, from dy[rows,n_out] and
 * x[rows,n_in]. dtype F32 or BF16: how the operands of the product are held; its sums and db are float32. */
GhStatus gh_linear_bwd_weight (GhCtx *ctx, float *dw, float *db, const float *dy, const float *x, GhDtype dtype,
    int rows, int n_out, int n_in);

/* dx[rows,n_in] = dy[rows,n_out] w, from the weights as they are packed for gh_linear_fwd(), where the back end
 * multiplies with them either way: cuda. gh_multiplies_back() asks; elsewhere GH_UNSUPPORTED, and a transposed pack
 * does it. */
GhStatus gh_linear_bwd_input (GhCtx *ctx, float *dx, const float *dy, const GhPacked *w, int rows);
bool gh_multiplies_back (const GhCtx *ctx);

/* ---- general products ------------------------------------------------------------------------------ */

/* One operand of gh_bmm: element (row, col) of matrix (b, h) lies at p[b*stride_b + h*stride_h + row*ld + col]. */
typedef struct {
  float *p;
  ptrdiff_t ld, stride_b, stride_h;
} GhMat;

/* c = alpha op(a) op(b) + beta c for every one of B*H matrices; op transposes when its flag is set.
 * c is [m,n], op(a) [m,k], op(b) [k,n]. c must not overlap a or b. beta 0 never reads c. */
GhStatus gh_bmm (GhCtx *ctx, GhMat c, GhMat a, bool trans_a, GhMat b, bool trans_b, float alpha, float beta,
    int B, int H, int m, int n, int k);

/* ---- the parts of a block -------------------------------------------------------------------------- */

/* y[rows,C] = (x - mean) * rstd * w[C] + b[C], per row, rstd = 1/sqrt(var + eps), var with divisor C.
 * mean, rstd [rows] are kept for the backward pass, NULL at inference. y may be x when both are NULL. */
GhStatus gh_layernorm_fwd (GhCtx *ctx, float *y, float *mean, float *rstd, const float *x, const float *w,
    const float *b, int rows, int C, float eps);
/* dx[rows,C] = the gradient through the norm + residual[rows,C]; dw[C], db[C] accumulate. residual may be NULL or dx
 * itself: the gradient that went past the norm. dx may be dy when residual is not dx. */
GhStatus gh_layernorm_bwd (GhCtx *ctx, float *dx, float *dw, float *db, const float *dy, const float *x,
    const float *w, const float *mean, const float *rstd, const float *residual, int rows, int C);

/* y[n] = x Phi(x), the erf form. y may be x. */
GhStatus gh_gelu_fwd (GhCtx *ctx, float *y, const float *x, size_t n);
/* dx[n] = dy (Phi(x) + x phi(x)). dx may be dy. */
GhStatus gh_gelu_bwd (GhCtx *ctx, float *dx, const float *dy, const float *x, size_t n);

/* y[rows,n] = softmax of each row of x. y may be x. Rows are contiguous. */
GhStatus gh_softmax_fwd (GhCtx *ctx, float *y, const float *x, int rows, int n);
/* dx[rows,n] = y (dy - sum of dy y over the row), y what the forward pass gave. dx may be dy. */
GhStatus gh_softmax_bwd (GhCtx *ctx, float *dx, const float *dy, const float *y, int rows, int n);

/* o[B,N,H*D] = softmax(q k^T / sqrt(D)) v, per image and head, from qkv[B,N,3*H*D]: the q of all heads, then
 * the k, then the v, head index outer. The N x N matrix is never stored whole. dtype: BF16 and INT8 let the back end
 * hold q, k, v and the weights in bfloat16 where it multiplies that faster; F32 and INT16 do not. */
GhStatus gh_attention_fwd (GhCtx *ctx, float *o, const float *qkv, GhDtype dtype, int B, int N, int H, int D);
/* dqkv[B,N,3*H*D] overwritten, from dout[B,N,H*D] and the qkv of the forward pass; the scores are computed again.
 * dtype as above, for dout and the gradients of the scores too. */
GhStatus gh_attention_bwd (GhCtx *ctx, float *dqkv, const float *dout, const float *qkv, GhDtype dtype, int B, int N,
    int H, int D);

/* y[B,H,M,D] = scale * mean over segment j of x's tokens, x given as columns col..col+H*D of [B,N,ld]. The
 * first M - N%M segments hold floor(N/M) tokens, the others one more (T2T-ViT's landmarks; no padding). */
GhStatus gh_segment_mean_fwd (GhCtx *ctx, float *y, const float *x, int col, int ld, float scale, int B, int N,
    int H, int D, int M);
/* dx accumulates, in columns col..col+H*D of [B,N,ld], scale / |segment| times dy[B,H,M,D] of the token's segment. */
GhStatus gh_segment_mean_bwd (GhCtx *ctx, float *dx, const float *dy, int col, int ld, float scale, int B, int N,
    int H, int D, int M);

/* z[count,M,M]: `iters` steps of Z <- Z (13 I - P (15 I - P (7 I - P)))/4, P = A Z, from Z0 = A^T/(r c), r and c
 * the largest row and column sum of |A|, per matrix (Razavi et al. 2014, in Nystromformer's form; the scale is
 * per matrix, not per batch, so that an image's result never depends on its batch mates). z must not overlap a.
 * trail: NULL, or [iters,count,M,M] to keep Z0..Z(iters-1) for the backward pass. */
GhStatus gh_pinv_fwd (GhCtx *ctx, float *z, float *trail, const float *a, int count, int M, int iters);
/* da[count,M,M] overwritten, from dz, the a and the trail of the forward pass. The scale r c counts as a constant. */
GhStatus gh_pinv_bwd (GhCtx *ctx, float *da, const float *dz, const float *a, const float *trail, int count, int M,
    int iters);

/* o[B,N,H*D] accumulates conv(v): o[t,h,d] += sum_j w[h,j] v[t+j-taps/2,h,d], zero beyond the ends; v is the third
 * part of qkv[B,N,3*H*D]; w[H,taps]. first = 1 leaves token 0 (a cls token) out on both sides. */
GhStatus gh_value_conv_fwd (GhCtx *ctx, float *o, const float *qkv, const float *w, int B, int N, int H, int D,
    int taps, int first);
/* The v part of dqkv[B,N,3*H*D] accumulates, and so does dw[H,taps], from dout[B,N,H*D], qkv and w. */
GhStatus gh_value_conv_bwd (GhCtx *ctx, float *dqkv, float *dw, const float *dout, const float *qkv, const float *w,
    int B, int N, int H, int D, int taps, int first);

/* y[B*K,n_out] = patches w^T + bias, the patches cut as gh_patchify_fwd() does, where the back end gains by doing both at
 * once: cuda in BF16, which cuts them in that type. Elsewhere GH_UNSUPPORTED. gh_fuses_patches() asks beforehand. */
GhStatus gh_project_patches_fwd (GhCtx *ctx, float *y, const uint8_t *rgb, const int32_t *keep,
    const float host_mean[3], const float host_std[3], const GhPacked *w, const float *bias, int B, int height,
    int width, size_t stride, int patch, int K);
bool gh_fuses_patches (const GhCtx *ctx, const GhPacked *w);

/* Patches of pictures, as gh_patchify_fwd() cuts them: K of each of B. rgb and keep are memory of the context. */
typedef struct {
  const uint8_t *rgb;           /* [B,height,stride] */
  const int32_t *keep;          /* [B,K], or NULL for all */
  float mean[3], std[3];
  int B, height, width;
  size_t stride;
  int patch, K;
} GhPatches;

/* The gradients of gh_project_patches_fwd(), wherever that is: dw[n_out,P] accumulates dy^T patches, db[n_out] (may be
 * NULL) the column sums of dy[B*K,n_out]; P = patch*patch*3. */
GhStatus gh_project_patches_bwd (GhCtx *ctx, float *dw, float *db, const float *dy, const GhPatches *patches, int n_out);

/* pred[B*K,P] = x[B*K,n_in] w^T + bias, gh_masked_loss() of that and the patches, and the gradients of it all, where
 * the back end gains by doing that in one: cuda in BF16, where eight values of a patch lie side by side. Elsewhere
 * GH_UNSUPPORTED. loss[1], dw[P,n_in] and db[P] (NULL when bias is) accumulate, dx[B*K,n_in] is overwritten.
 * gh_fuses_patches_loss() asks beforehand; what it is asked about may have another rgb of the same alignment, and
 * another keep. */
GhStatus gh_patches_loss (GhCtx *ctx, float *loss, float *dx, float *dw, float *db, const float *x, const GhPacked *w,
    const float *bias, const GhPatches *patches, bool normalise, float scale);
bool gh_fuses_patches_loss (const GhCtx *ctx, const GhPacked *w, const GhPatches *patches);

/* What a pre-norm block of a transformer is made of: C channels, H heads of D, products packed in one type, biases and
 * conv NULL where there are none. */
typedef struct {
  const float *norm1_w, *norm1_b, *norm2_w, *norm2_b;   /* [C] */
  const GhPacked *qkv, *out, *fc1, *fc2;                /* [3*H*D,C], [C,H*D], [mlp,C], [C,mlp] */
  const float *qkv_b, *out_b, *fc1_b, *fc2_b;
  const float *conv;                                    /* [H,taps] */
  int C, H, D, taps, first;
  float eps;
} GhBlockParts;

/* x[B,N,C] += out(attention(norm1(x)) + conv(v)), then x += fc2(gelu(fc1(norm2(x)))), in one call where the back end
 * gains by that: cuda in BF16, which then rounds whatever lies between two products. Elsewhere GH_UNSUPPORTED; the
 * operations above do the same one by one. gh_fuses_block() asks beforehand. */
GhStatus gh_block_fwd (GhCtx *ctx, float *x, const GhBlockParts *block, int B, int N);
bool gh_fuses_block (const GhCtx *ctx, const GhBlockParts *block);

/* `depth` blocks of one shape laid out to be run in one call on an image that comes alone, where the back end gains by that:
 * cuda in BF16 of compute capability 9.0, with heads of 64 channels, while GST_HEADS_CUDA_BLOCKS=together asks for it. It
 * holds the weights a second time; none of the parts are needed afterwards. Elsewhere GH_UNSUPPORTED. Complete when it
 * returns: other contexts of the device may use it. */
typedef struct GhPackedBlocks GhPackedBlocks;
GhStatus gh_blocks_pack (GhCtx *ctx, GhPackedBlocks **packed, const GhBlockParts *blocks, int depth);
void gh_packed_blocks_free (GhPackedBlocks *packed);

/* x[B,N,C] goes through all of them, in place. gh_suits_blocks() asks beforehand whether there is room for so many images
 * and tokens; where it says no, this is GH_UNSUPPORTED, and gh_block_fwd() does the same one by one. */
GhStatus gh_blocks_fwd (GhCtx *ctx, float *x, const GhPackedBlocks *packed, int B, int N);
bool gh_suits_blocks (const GhCtx *ctx, const GhPackedBlocks *packed, int B, int N);

/* A block that learns: its parts, and where their gradients accumulate in float32, NULL where the part is NULL. */
typedef struct {
  GhBlockParts parts;
  float *d_norm1_w, *d_norm1_b, *d_norm2_w, *d_norm2_b;
  float *d_qkv, *d_out, *d_fc1, *d_fc2;
  float *d_qkv_b, *d_out_b, *d_fc1_b, *d_fc2_b;
  float *d_conv;
} GhBlockTraining;

/* `depth` blocks of one shape, one after the other, forward and back, where the back end gains by doing them in one:
 * cuda in BF16 with heads of 64 channels, which keeps and moves in bfloat16 what lies between two products. Elsewhere
 * GH_UNSUPPORTED; the operations above do the same one by one. gh_fuses_training() asks beforehand.
 *
 * kept: `depth` times the bytes that gh_blocks_training_bytes() says, untouched between the two passes; it begins with
 * what goes into the first block, float x[B,N,C], which the caller writes there. scratch: as many bytes as that says,
 * free again after each call. Both on the context's device, aligned to 64 bytes. y[B,N,C] is what the last block gives;
 * dx[B,N,C], the gradient of that, becomes the gradient of x. */
bool gh_fuses_training (const GhCtx *ctx, const GhBlockTraining *block);
GhStatus gh_blocks_training_bytes (GhCtx *ctx, size_t *kept, size_t *scratch, const GhBlockTraining *block, int B, int N);
GhStatus gh_blocks_training_fwd (GhCtx *ctx, float *y, const GhBlockTraining *blocks, int depth, void *kept,
    void *scratch, int B, int N);
GhStatus gh_blocks_training_bwd (GhCtx *ctx, float *dx, const GhBlockTraining *blocks, int depth, const void *kept,
    void *scratch, int B, int N);

/* ---- tokens ------------------------------------------------------------------------------------------ */

/* y[B,first+K,C]: y[b,0] = cls[C] when first is 1; y[b,first+i] = x[b,i] + pos[keep[b,i]] for x[B,K,C], pos[N,C].
 * keep NULL: i itself. cls already holds its own position. y may be x when first is 0. */
GhStatus gh_embed_tokens_fwd (GhCtx *ctx, float *y, const float *x, const float *pos, const int32_t *keep,
    const float *cls, int B, int K, int C, int first);
/* dx[B,K,C] = dy[b,first+i]; dcls[C] (NULL when first is 0) accumulates the rows of the cls token. dx may be dy when
 * first is 0. */
GhStatus gh_embed_tokens_bwd (GhCtx *ctx, float *dx, float *dcls, const float *dy, int B, int K, int C, int first);

/* The decoder's input: y[B,first+N,C] = mask_token[C] + pos[i] everywhere, and x[b,first+j] + pos[i] where
 * i = keep[b,j], from x[B,first+K,C]. keep NULL: K = N, all kept. first = 1 carries row 0 over as x + cls_pos[C]. */
GhStatus gh_unmask_tokens_fwd (GhCtx *ctx, float *y, const float *x, const float *mask_token, const float *pos,
    const int32_t *keep, const float *cls_pos, int B, int N, int K, int C, int first);
/* dx[B,first+K,C]: the rows of dy[B,first+N,C] that were kept (and cls); dmask_token[C] accumulates the others. */
GhStatus gh_unmask_tokens_bwd (GhCtx *ctx, float *dx, float *dmask_token, const float *dy, const int32_t *keep, int B,
    int N, int K, int C, int first);

/* y[B,K,C] = x[b, first + index[b,i]] from x[B,first+N,C]. index NULL: 0..K-1. */
GhStatus gh_gather_rows_fwd (GhCtx *ctx, float *y, const float *x, const int32_t *index, int B, int N, int K, int C,
    int first);
/* dx[B,first+N,C] = dy[B,K,C] at the gathered rows (which differ), zero elsewhere. */
GhStatus gh_gather_rows_bwd (GhCtx *ctx, float *dx, const float *dy, const int32_t *index, int B, int N, int K, int C,
    int first);

/* y[B,C] (MEAN, CLS) or y[B,2C] (MEAN_STD: means, then standard deviations with divisor N) of x[B,first+N,C].
 * MEAN and MEAN_STD leave the first tokens out. */
GhStatus gh_pool_fwd (GhCtx *ctx, float *y, const float *x, GhPool pool, int B, int N, int C, int first);

/* ---- training -------------------------------------------------------------------------------------------- */

/* What a masked autoencoder's decoder should have said, and how far off it is. The target of a row is its patch p[P],
 * normalised by its own statistics when `normalise` is set: t = (p - mean) / sqrt(var + 1e-6), var with divisor P-1
 * (divisor 1 when P is 1). loss[1] accumulates scale * sum of (pred - t)^2 over rows and values, dpred[rows,P] =
 * 2 scale (pred - t). dpred may be pred, or NULL. scale 1/(rows P) makes it a mean. */
GhStatus gh_masked_loss (GhCtx *ctx, float *loss, float *dpred, const float *pred, const float *patches,
    bool normalise, float scale, int rows, int P);

/* sum[1] accumulates the squares of x[n]: not finite when one of them is not. */
GhStatus gh_sum_squares (GhCtx *ctx, float *sum, const float *x, size_t n);

GhStatus gh_zero (GhCtx *ctx, void *ptr, size_t bytes);

/* sum[C] accumulates the column sums of x[rows,C]: the gradient of a bias. */
GhStatus gh_sum_rows (GhCtx *ctx, float *sum, const float *x, int rows, int C);

/* One AdamW step over n parameters (Loshchilov & Hutter 2017), with grad_scale g in the place of the gradient g:
 * m = beta1 m + (1-beta1) g, v = beta2 v + (1-beta2) g^2,
 * p -= lr * (m/(1-beta1^t) / (sqrt(v/(1-beta2^t)) + eps) + weight_decay * p). step t counts from 1. */
GhStatus gh_adamw (GhCtx *ctx, float *p, float *m, float *v, const float *g, size_t n, float grad_scale, float lr,
    float beta1, float beta2, float eps, float weight_decay, int step);

/* ---- devices of several processes ------------------------------------------------------------------- */

/* One context in each of several processes, each with a device of its own, can add up arrays without a way through the
 * host, where gh_group_available() is GH_OK (cuda, with NCCL 2.14 or later). Rank 0 makes an id, which the caller
 * brings to the others; then all join, and call sums in the same order with the same sizes. What is not done in so many
 * seconds, or fails, is GH_DEVICE_LOST, and the group is gone; the context is as good as before. The group ends with
 * the context. */
#define GH_GROUP_ID 128
GhStatus gh_group_available (GhCtx *ctx);
GhStatus gh_group_id (GhCtx *ctx, uint8_t host_id[GH_GROUP_ID]);
GhStatus gh_group_join (GhCtx *ctx, const uint8_t host_id[GH_GROUP_ID], int rank, int size, int seconds);
/* x[n] becomes the sum of everybody's, with the same bits for all; done when it returns. */
GhStatus gh_group_sum (GhCtx *ctx, float *x, size_t n, int seconds);

#ifdef __cplusplus
}
#endif
