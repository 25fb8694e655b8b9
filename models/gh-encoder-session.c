/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-encoder-session.c: GhEncoderSession, see gh-encoder.h: the forward pass. One arena, planned for the largest batch
 * with every token, holds all activations; the encoder's and the decoder's share it, as they never run at the same
 * time.
 */
#include "gh-encoder-private.h"
#include "gh-frame-fit.h"
#include "gh-regions.h"

#include <math.h>
#include <string.h>

/* Letters: B images, N grid tokens, K of them kept, T = first + K tokens with cls, P values of a patch, D = dim. */
struct _GhEncoderSession {
  GhEncoder *encoder;
  GhCtx *ctx;
  gboolean is_host;             /* the context computes in plain memory */
  int max_batch;
  GhArena arena;

  /* Copies of what comes in; unused when is_host. */
  guint8 *rgb;                  /* [B,height,width,3] */
  gint32 *keep, *drop;          /* [B,N] */
  float *latent_in;             /* [B,T,D] */

  float *patches;               /* [B,K,P] */
  float *x;                     /* [B,T,D] */
  gint32 *regions;              /* [B,R,t] tokens of the R regions to pool over; NULL for the whole image */
  float *parts;                 /* [B,R,t,D] */
  float *pooled;                /* [B,pooled] */
  float *embedding;             /* [B,E] */
  GhBlockActs block;            /* its norm[B,T,D] ends up as the latent */
  GhDecoderActs decoder;
  GhEdgeActs edges;

  /* The pass from pixels to embeddings of graph_batch images, recorded the second time it is wanted. */
  GhGraph *graph;
  int graph_batch;
  gsize graph_stride;

  /* What makes pictures of frames; NULL before the first is expected. */
  GhFrameFit *fit;
  guint8 *picture;              /* [height,width,3] */
  gboolean is_begun;            /* one is under way: the activations are its */
};

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static void
plan (GhEncoderSession *s, GhArena *arena)
{
  const GhMaeConfig *c = &s->encoder->config;
  const GhEncoderWeights *w = &s->encoder->weights;
  const int N = gh_mae_config_tokens (c), T = w->shape.first + N;
  const guint64 B = s->max_batch;
  guint64 inputs_end, x_end;

  if (!s->is_host) {
    s->rgb = (guint8 *) gh_arena_floats (arena, (B * c->height * c->width * 3 + 3) / 4);
    s->keep = (gint32 *) gh_arena_floats (arena, B * N);
    s->drop = (gint32 *) gh_arena_floats (arena, B * N);
    s->latent_in = gh_arena_floats (arena, B * T * c->dim);
  }
  if (c->pool_rows > 0)
    s->regions = (gint32 *) gh_arena_floats (arena, B * gh_regions_count (c) * gh_regions_tokens (c));
  inputs_end = arena->used;

  if (c->pool_rows > 0)
    s->parts = gh_arena_floats (arena, B * gh_regions_count (c) * gh_regions_tokens (c) * c->dim);
  s->pooled = gh_arena_floats (arena, B * gh_mae_config_pooled (c));
  s->embedding = gh_arena_floats (arena, B * c->embedding);
  gh_encoder_plan_edges (&s->edges, arena, c, s->max_batch);
  s->x = gh_arena_floats (arena, B * T * c->dim);
  x_end = arena->used;
  gh_block_plan (&s->block, arena, &w->shape, s->max_batch, T);
  /* The patches are used up before the first block runs; only block.norm is in use beside them. */
  arena->used = x_end;
  gh_arena_floats (arena, B * T * c->dim);
  s->patches = gh_arena_floats (arena, B * N * gh_mae_config_patch_values (c));

  if (w->decoder.depth > 0) {
    arena->used = inputs_end;
    gh_decoder_plan (&s->decoder, arena, &w->decoder, s->max_batch, N);
  }
}

/* Kernels count rows in an int. */
static gboolean
rows_fit (const GhEncoder *encoder, int max_batch)
{
  const GhMaeConfig *c = &encoder->config;
  gint64 N = gh_mae_config_tokens (c) + 1;
  gint64 heads = MAX (c->heads, c->dec_heads);

  return max_batch * heads * MAX (N, c->landmarks) <= G_MAXINT;
}

/* The tokens of every region of every image of a batch, which never change. */
static GhStatus
bring_regions (GhEncoderSession *s)
{
  const GhMaeConfig *c = &s->encoder->config;
  const gsize n = (gsize) gh_regions_count (c) * gh_regions_tokens (c);
  g_autofree gint32 *index = g_new (gint32, n * s->max_batch);

  if (!s->regions)
    return GH_OK;
  gh_regions_fill (c, index);
  for (int b = 1; b < s->max_batch; b++)
    memcpy (index + b * n, index, n * sizeof *index);
  GH_TRY (gh_upload (s->ctx, s->regions, index, n * s->max_batch * sizeof *index));
  return gh_sync (s->ctx);
}

GhEncoderSession *
gh_encoder_session_new (GhEncoder *encoder, int max_batch, GError **error)
{
  g_autoptr (GhEncoderSession) s = NULL;
  char reason[256] = "";
  void *memory;
  GhArena count = { 0 };

  g_return_val_if_fail (encoder != NULL && max_batch > 0, NULL);
  if (!rows_fit (encoder, max_batch)) {
    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s: %d images at a time are too many for its number of tokens",
        encoder->shown, max_batch);
    return NULL;
  }
  s = g_new0 (GhEncoderSession, 1);
  s->encoder = gh_encoder_ref (encoder);
  s->max_batch = max_batch;
  if (gh_ctx_new (&s->ctx, gh_ctx_device (encoder->ctx), gh_ctx_threads (encoder->ctx), reason, sizeof (reason))
      != GH_OK) {
    g_set_error (error, GH_ERROR, GH_ERROR_DEVICE, "%s: device %s cannot be used: %s", encoder->shown,
        gh_encoder_device (encoder), reason);
    return NULL;
  }
  s->is_host = gh_ctx_device (s->ctx) != GH_DEVICE_CUDA;
  plan (s, &count);
  if (!gh_encoder_fits_memory (s->ctx, count.peak, "its activations", encoder->shown, error)
      || !gh_encoder_check (gh_alloc (s->ctx, &memory, count.peak), s->ctx, encoder->shown, error))
    return NULL;
  s->arena.base = memory;
  plan (s, &s->arena);
  return gh_encoder_check (bring_regions (s), s->ctx, encoder->shown, error) ? g_steal_pointer (&s) : NULL;
}

void
gh_encoder_session_free (GhEncoderSession *s)
{
  if (!s)
    return;
  gh_graph_free (s->graph);
  gh_frame_fit_free (s->fit);
  if (s->is_host)
    gh_free (s->ctx, s->picture);
  if (s->arena.base)
    gh_free (s->ctx, s->arena.base);
  gh_ctx_free (s->ctx);
  gh_encoder_unref (s->encoder);
  g_free (s);
}

/* ---- between host and device ------------------------------------------------------------------------------------- */

/* *in: where kernels can read the host's n bytes: the very place, or their copy in `slot`. */
static GhStatus
bring (GhEncoderSession *s, const void **in, void *slot, const void *host, gsize n)
{
  if (s->is_host || !host) {
    *in = host;
    return GH_OK;
  }
  *in = slot;
  return gh_upload (s->ctx, slot, host, n);
}

/* Rows without their padding. */
static GhStatus
bring_rgb (GhEncoderSession *s, const guint8 **in, gsize *stride, const guint8 *rgb, int B)
{
  const GhMaeConfig *c = &s->encoder->config;
  const gsize tight = (gsize) c->width * 3, rows = (gsize) B * c->height;

  *in = rgb;
  if (s->is_host)
    return GH_OK;
  *in = s->rgb;
  if (*stride == tight)
    return gh_upload (s->ctx, s->rgb, rgb, rows * tight);
  for (gsize row = 0; row < rows; row++)
    GH_TRY (gh_upload (s->ctx, s->rgb + row * tight, rgb + row * *stride, tight));
  *stride = tight;
  return GH_OK;
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

/* x[B,T,D] through all blocks. */
static GhStatus
run_blocks (GhEncoderSession *s, int B, int T)
{
  const GhEncoderWeights *w = &s->encoder->weights;

  if (gh_block_is_exact (&w->shape, T) && gh_suits_blocks (s->ctx, w->together, B, T))
    return gh_blocks_fwd (s->ctx, s->x, w->together, B, T);
  for (int i = 0; i < w->depth; i++)
    GH_TRY (gh_block_forward (s->ctx, s->x, &w->blocks[i], &w->shape, &s->block, B, T));
  return GH_OK;
}

/* projected[B*K,D] -> x[B,T,D] -> block.norm[B,T,D], the latent. */
static GhStatus
encode_projected (GhEncoderSession *s, const float *projected, const gint32 *keep, int B, int K)
{
  const GhEncoderWeights *w = &s->encoder->weights;
  const int D = w->shape.dim, first = w->shape.first, T = first + K;

  GH_TRY (gh_embed_tokens_fwd (s->ctx, s->x, projected, w->pos, keep, w->cls, B, K, D, first));
  GH_TRY (run_blocks (s, B, T));
  return gh_layernorm_fwd (s->ctx, s->block.norm, NULL, NULL, s->x, w->norm.weight, w->norm.bias, B * T, D,
      w->shape.eps);
}

/* Where patches are projected to: the tokens' own place, unless a cls token shifts them. */
static float *
projection (GhEncoderSession *s)
{
  return s->encoder->weights.shape.first ? s->block.norm : s->x;
}

/* patches[B,K,P] -> block.norm[B,T,D], the latent. */
static GhStatus
encode_tokens (GhEncoderSession *s, const float *patches, const gint32 *keep, int B, int K)
{
  const GhLinear *patch = &s->encoder->weights.patch;

  GH_TRY (gh_linear_fwd (s->ctx, projection (s), patches, patch->weight, patch->bias, NULL, GH_ACT_NONE, B * K));
  return encode_projected (s, projection (s), keep, B, K);
}

/* latent[B,T,D] -> pooled[B,pooled], with regions by way of parts[B,R,t,D]. */
static GhStatus
pool (GhEncoderSession *s, int B, int K)
{
  const GhMaeConfig *c = &s->encoder->config;
  const int R = gh_regions_count (c), t = gh_regions_tokens (c), first = s->encoder->weights.shape.first;

  if (!s->regions)
    return gh_pool_fwd (s->ctx, s->pooled, s->block.norm, c->pool, B, K, c->dim, first);
  GH_TRY (gh_gather_rows_fwd (s->ctx, s->parts, s->block.norm, s->regions, B, K, R * t, c->dim, first));
  return gh_pool_fwd (s->ctx, s->pooled, s->parts, c->pool, B * R, t, c->dim, 0);
}

/* latent[B,T,D] -> pooled[B,pooled] -> embedding[B,E]. */
static GhStatus
embed (GhEncoderSession *s, int B, int K)
{
  const GhEncoderWeights *w = &s->encoder->weights;

  GH_TRY (pool (s, B, K));
  if (!w->embed.weight)
    return GH_OK;
  GH_TRY (gh_linear_fwd (s->ctx, s->embedding, s->pooled, w->embed.weight, w->embed.bias, NULL, GH_ACT_NONE, B));
  return gh_encoder_tell_edges (s->ctx, &s->edges, w, s->embedding, B);
}

static GhStatus
copy_embedding (GhEncoderSession *s, float *embedding, int B)
{
  const float *from = s->encoder->weights.embed.weight ? s->embedding : s->pooled;

  return gh_download (s->ctx, embedding, from, (gsize) B * s->encoder->config.embedding * sizeof (float));
}

/* The latent's rows without cls, to the host's tokens[B,N,D]. */
static GhStatus
copy_tokens (GhEncoderSession *s, float *tokens, int B, int N)
{
  const GhBlockShape *shape = &s->encoder->weights.shape;
  const gsize per_image = (gsize) N * shape->dim;

  for (int b = 0; b < B; b++)
    GH_TRY (gh_download (s->ctx, tokens + b * per_image,
            s->block.norm + b * (per_image + shape->first * shape->dim) + shape->first * shape->dim,
            per_image * sizeof (float)));
  return GH_OK;
}

/* rgb[B,height,width,3] -> what follows from edges, patches[B,N,P] -> latent[B,T,D] -> embedding[B,E] */
static GhStatus
encode_pixels (GhEncoderSession *s, const guint8 *rgb, gsize stride, int B)
{
  const GhMaeConfig *c = &s->encoder->config;
  const GhEncoderWeights *w = &s->encoder->weights;
  const int N = gh_mae_config_tokens (c);
  const gboolean fused = gh_fuses_patches (s->ctx, w->patch.weight);

  GH_TRY (gh_encoder_see_edges (s->ctx, &s->edges, w, c, rgb, stride, B));
  if (fused) {
    GH_TRY (gh_project_patches_fwd (s->ctx, projection (s), rgb, NULL, c->mean, c->std, w->patch.weight, w->patch.bias, B,
            c->height, c->width, stride, c->patch, N));
  } else {
    GH_TRY (gh_patchify_fwd (s->ctx, s->patches, rgb, NULL, c->mean, c->std, B, c->height, c->width, stride, c->patch,
            N));
    GH_TRY (gh_linear_fwd (s->ctx, projection (s), s->patches, w->patch.weight, w->patch.bias, NULL, GH_ACT_NONE, B * N));
  }
  GH_TRY (encode_projected (s, projection (s), NULL, B, N));
  return embed (s, B, N);
}

/* A device is given the pass as one piece of work: recorded when it comes back with the batch of the time before, which
 * has brought all memory it needs. */
static GhStatus
encode_on_device (GhEncoderSession *s, const guint8 *rgb, gsize stride, int B)
{
  gboolean again = s->graph_batch == B && s->graph_stride == stride;
  GhStatus status;

  if (again && s->graph && gh_graph_fits (s->ctx, s->graph))
    return gh_graph_run (s->ctx, s->graph);
  gh_graph_free (s->graph);
  s->graph = NULL;
  s->graph_batch = B;
  s->graph_stride = stride;
  if (!again || gh_graph_begin (s->ctx) != GH_OK)
    return encode_pixels (s, rgb, stride, B);
  status = encode_pixels (s, rgb, stride, B);
  GH_TRY (gh_graph_end (s->ctx, &s->graph));
  GH_TRY (status);
  return gh_graph_run (s->ctx, s->graph);
}

GhStatus
gh_encoder_session_repeat (GhEncoderSession *s, int times)
{
  if (s->is_host || s->graph_batch == 0)
    return GH_UNSUPPORTED;
  for (int i = 0; i < times; i++)
    GH_TRY (encode_on_device (s, s->rgb, s->graph_stride, s->graph_batch));
  return gh_sync (s->ctx);
}

/* rgb: memory of the context, on a device s->rgb. A device is not waited for. */
static GhStatus
begin_pictures (GhEncoderSession *s, const guint8 *rgb, gsize stride, int B)
{
  return s->is_host ? encode_pixels (s, rgb, stride, B) : encode_on_device (s, rgb, stride, B);
}

static GhStatus
finish_pictures (GhEncoderSession *s, int B, float *embedding, float *tokens)
{
  GH_TRY (copy_embedding (s, embedding, B));
  if (tokens)
    GH_TRY (copy_tokens (s, tokens, B, gh_mae_config_tokens (&s->encoder->config)));
  return gh_sync (s->ctx);
}

static GhStatus
encode (GhEncoderSession *s, const guint8 *rgb, gsize stride, int B, float *embedding, float *tokens)
{
  GH_TRY (bring_rgb (s, &rgb, &stride, rgb, B));
  GH_TRY (begin_pictures (s, rgb, stride, B));
  return finish_pictures (s, B, embedding, tokens);
}

static GhStatus
begin_frame (GhEncoderSession *s)
{
  GH_TRY (gh_frame_fit_run (s->fit, s->picture));
  return begin_pictures (s, s->picture, (gsize) s->encoder->config.width * 3, 1);
}

static GhStatus
expect (GhEncoderSession *s, const GhFrameLayout *layout, const GhFrameRectangle *part)
{
  const GhMaeConfig *c = &s->encoder->config;

  if (!s->fit)
    s->fit = gh_frame_fit_new (s->ctx, c->width, c->height);
  if (!s->is_host)
    s->picture = s->rgb;
  else if (!s->picture)
    GH_TRY (gh_alloc (s->ctx, (void **) &s->picture, (gsize) c->width * 3 * c->height));
  return gh_frame_fit_expect (s->fit, layout, part);
}

static GhStatus
forward (GhEncoderSession *s, const float *patches, const gint32 *keep, int B, int K, float *latent, float *embedding)
{
  const GhMaeConfig *c = &s->encoder->config;
  const int T = s->encoder->weights.shape.first + K;
  const gsize values = (gsize) B * K * gh_mae_config_patch_values (c);
  const void *patches_in, *keep_in;

  GH_TRY (bring (s, &patches_in, s->patches, patches, values * sizeof (float)));
  GH_TRY (bring (s, &keep_in, s->keep, keep, (gsize) B * K * sizeof (gint32)));
  GH_TRY (encode_tokens (s, patches_in, keep_in, B, K));
  if (embedding) {
    GH_TRY (embed (s, B, K));
    GH_TRY (copy_embedding (s, embedding, B));
  }
  if (latent)
    GH_TRY (gh_download (s->ctx, latent, s->block.norm, (gsize) B * T * c->dim * sizeof (float)));
  return gh_sync (s->ctx);
}

static GhStatus
decode (GhEncoderSession *s, const float *latent, const gint32 *keep, const gint32 *drop, int B, int K, float *pred)
{
  const GhMaeConfig *c = &s->encoder->config;
  const GhDecoder *w = &s->encoder->weights.decoder;
  const int N = gh_mae_config_tokens (c), T = w->shape.first + K;
  const gsize values = (gsize) B * (N - K) * w->patch_values;
  const void *latent_in, *keep_in, *drop_in;

  GH_TRY (bring (s, &latent_in, s->latent_in, latent, (gsize) B * T * c->dim * sizeof (float)));
  GH_TRY (bring (s, &keep_in, s->keep, keep, (gsize) B * K * sizeof (gint32)));
  GH_TRY (bring (s, &drop_in, s->drop, drop, (gsize) B * (N - K) * sizeof (gint32)));
  GH_TRY (gh_decoder_forward (s->ctx, &s->decoder, w, latent_in, keep_in, drop_in, B, N, K));
  GH_TRY (gh_download (s->ctx, pred, s->decoder.pred, values * sizeof (float)));
  return gh_sync (s->ctx);
}

/* ---- checks at the door ------------------------------------------------------------------------------------------ */

static gboolean
refuse (const GhEncoderSession *s, GError **error, const char *what)
{
  g_set_error (error, GH_ERROR, GH_ERROR_DATA, "%s: %s", s->encoder->shown, what);
  return FALSE;
}

/* Nothing else may use the activations of a frame that is under way. */
static gboolean
is_free (const GhEncoderSession *s, GError **error)
{
  return !s->is_begun || refuse (s, error, "a frame was begun and is not finished");
}

/* Every row of index[B,n] ascends within 0..N-1. */
static gboolean
ascends (const gint32 *index, int B, int n, int N)
{
  for (int b = 0; b < B; b++)
    for (int i = 0; i < n; i++, index++)
      if (*index < 0 || *index >= N || (i > 0 && *index <= index[-1]))
        return FALSE;
  return TRUE;
}

static gboolean
is_finite (const GhEncoderSession *s, const float *values, gsize n, GError **error)
{
  for (gsize i = 0; i < n; i++) {
    if (!isfinite (values[i])) {
      g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s: the result is not finite: its weights are too large for "
          "precision %s", s->encoder->shown, gh_encoder_precision (s->encoder));
      return FALSE;
    }
  }
  return TRUE;
}

gboolean
gh_encoder_encode (GhEncoderSession *s, const guint8 *rgb, gsize stride, int B, float *embedding, float *tokens,
    GError **error)
{
  const GhMaeConfig *c = &s->encoder->config;

  g_return_val_if_fail (rgb != NULL && embedding != NULL, FALSE);
  if (B < 1 || B > s->max_batch)
    return refuse (s, error, "more images than the session was made for");
  if (stride < (gsize) c->width * 3)
    return refuse (s, error, "the rows of the image are shorter than the model's width");
  if (!is_free (s, error))
    return FALSE;
  return gh_encoder_check (encode (s, rgb, stride, B, embedding, tokens), s->ctx, s->encoder->shown, error)
      && is_finite (s, embedding, (gsize) B * c->embedding, error);
}

void
gh_encoder_session_forget_frames (GhEncoderSession *s)
{
  if (s->is_begun)
    gh_sync (s->ctx);
  s->is_begun = FALSE;
  if (s->fit)
    gh_frame_fit_drop (s->fit);
}

gboolean
gh_encoder_session_expect (GhEncoderSession *s, const GhFrameLayout *layout, const GhFrameRectangle *part)
{
  gh_encoder_session_forget_frames (s);
  return expect (s, layout, part) == GH_OK;
}

static gboolean
has_room (const GhEncoderSession *s, GError **error)
{
  if (!s->fit || !gh_frame_fit_is_planned (s->fit))
    return refuse (s, error, "no frame was expected");
  return gh_frame_fit_ahead (s->fit) < GH_FRAMES_AHEAD
      || refuse (s, error, "too many frames were sent and not encoded");
}

gboolean
gh_encoder_send_frame (GhEncoderSession *s, const guint8 *const *planes, const gsize *strides, GError **error)
{
  g_return_val_if_fail (planes != NULL && strides != NULL, FALSE);
  return has_room (s, error)
      && gh_encoder_check (gh_frame_fit_send (s->fit, planes, strides), s->ctx, s->encoder->shown, error);
}

gboolean
gh_encoder_lend_frame (GhEncoderSession *s, const guint8 *const *planes, const gsize *strides, GError **error)
{
  g_return_val_if_fail (planes != NULL && strides != NULL, FALSE);
  return has_room (s, error)
      && gh_encoder_check (gh_frame_fit_lend (s->fit, planes, strides), s->ctx, s->encoder->shown, error);
}

gboolean
gh_encoder_begin_frame (GhEncoderSession *s, GError **error)
{
  if (!s->fit || gh_frame_fit_ahead (s->fit) == 0)
    return refuse (s, error, "no frame was sent");
  if (!is_free (s, error))
    return FALSE;
  s->is_begun = gh_encoder_check (begin_frame (s), s->ctx, s->encoder->shown, error);
  return s->is_begun;
}

gboolean
gh_encoder_finish_frame (GhEncoderSession *s, float *embedding, float *tokens, GError **error)
{
  g_return_val_if_fail (embedding != NULL, FALSE);
  if (!s->is_begun)
    return refuse (s, error, "no frame was begun");
  s->is_begun = FALSE;
  return gh_encoder_check (finish_pictures (s, 1, embedding, tokens), s->ctx, s->encoder->shown, error)
      && is_finite (s, embedding, s->encoder->config.embedding, error);
}

gboolean
gh_encoder_encode_frame (GhEncoderSession *s, float *embedding, float *tokens, GError **error)
{
  return gh_encoder_begin_frame (s, error) && gh_encoder_finish_frame (s, embedding, tokens, error);
}

gboolean
gh_encoder_forward (GhEncoderSession *s, const float *patches, const gint32 *keep, int B, int K, float *latent,
    float *embedding, GError **error)
{
  const GhMaeConfig *c = &s->encoder->config;
  const int N = gh_mae_config_tokens (c);

  g_return_val_if_fail (patches != NULL, FALSE);
  if (B < 1 || B > s->max_batch)
    return refuse (s, error, "more images than the session was made for");
  if (K < 1 || K > N || (!keep && K != N))
    return refuse (s, error, "the number of patches does not fit the model's grid");
  if (keep && !ascends (keep, B, K, N))
    return refuse (s, error, "the indices of the kept patches do not ascend within the grid");
  if (embedding && K < N && s->regions)
    return refuse (s, error, "its embedding is pooled over regions, which takes all patches");
  if (embedding && (c->surprise || c->shadows))
    return refuse (s, error, "its embedding tells what surprises in the picture or how the light falls, which takes the "
        "picture");
  if (!is_free (s, error))
    return FALSE;
  return gh_encoder_check (forward (s, patches, keep, B, K, latent, embedding), s->ctx, s->encoder->shown, error)
      && (!embedding || is_finite (s, embedding, (gsize) B * c->embedding, error));
}

gboolean
gh_encoder_decode (GhEncoderSession *s, const float *latent, const gint32 *keep, const gint32 *drop, int B, int K,
    float *pred, GError **error)
{
  const int N = gh_mae_config_tokens (&s->encoder->config);

  g_return_val_if_fail (latent != NULL && keep != NULL && drop != NULL && pred != NULL, FALSE);
  if (!gh_encoder_has_decoder (s->encoder))
    return refuse (s, error, "the file holds no decoder; use one that was saved for training");
  if (B < 1 || B > s->max_batch)
    return refuse (s, error, "more images than the session was made for");
  if (K < 1 || K >= N)
    return refuse (s, error, "the decoder needs at least one kept and one dropped patch");
  if (!ascends (keep, B, K, N) || !ascends (drop, B, N - K, N))
    return refuse (s, error, "the indices of the kept and dropped patches do not ascend within the grid");
  if (!is_free (s, error))
    return FALSE;
  return gh_encoder_check (decode (s, latent, keep, drop, B, K, pred), s->ctx, s->encoder->shown, error);
}
