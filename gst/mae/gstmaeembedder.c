/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstmaeembedder.c: scaler, session and pools around a shared encoder.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstmaeembedder.h"

#include "gst/common/gstframelayout.h"
#include "gst/common/gstframescaler.h"

/* Frames whose embeddings are there or under way: one of each, while a third has come. */
#define MAX_DONE 2

struct _GstMaeEmbedder
{
  GhEncoder *encoder;
  gchar *file;                  /* of the encoder, without its folder */
  GstBufferPool *embedding_pool;
  GstBufferPool *token_pool;    /* NULL when tokens are not wanted */

  GMutex lock;                  /* for what follows */
  GhEncoderSession *session;
  GstVideoInfo info;            /* of the stream */
  GhFrameLayout layout;
  gboolean has_layout;          /* such frames may go to the session as they are, */
  GhFrameRectangle part;        /* of which this part was expected last, */
  gboolean is_expected;         /* and had a plan */
  GstFrameScaler *scaler;       /* of all others */

  GstMaeCuda *cuda;             /* NULL: no frames in a GPU's memory */
  const gchar *detour;          /* why one of those is fetched to the processor; NULL once it was told */
  gboolean is_detour_told;

  gboolean is_begun;            /* a frame is under way, */
  GstClockTime spent;           /* on which so much time was spent, */
  GstMaeCudaFrame lent;         /* and which is read here meanwhile */
  GstMaeEmbedding done[MAX_DONE];
  guint n_done;
};

/* Where a frame's pixels are, in one of three ways. */
typedef struct
{
  const guint8 *rgb;            /* a picture of the model's size, */
  gsize stride;
  gboolean is_mapped;           /* the frame in the processor's memory, */
  GstVideoFrame map;
  GstMaeCudaFrame lent;         /* or in the device's */
} Pixels;

/* Buffers of exactly `bytes`, as many as are under way. NULL when memory is out. */
static GstBufferPool *
new_pool (gsize bytes)
{
  GstBufferPool *pool = gst_buffer_pool_new ();
  GstStructure *config = gst_buffer_pool_get_config (pool);
  GstAllocationParams params;

  gst_allocation_params_init (&params);
  params.align = 63;
  gst_buffer_pool_config_set_params (config, NULL, bytes, 2, 0);
  gst_buffer_pool_config_set_allocator (config, NULL, &params);
  if (!gst_buffer_pool_set_config (pool, config) || !gst_buffer_pool_set_active (pool, TRUE))
    gst_clear_object (&pool);
  return pool;
}

static void
free_pool (GstBufferPool *pool)
{
  if (!pool)
    return;
  gst_buffer_pool_set_active (pool, FALSE);
  gst_object_unref (pool);
}

/* The lock is held, or nobody else has the embedder. */
static void
forget (GstMaeEmbedder *embedder)
{
  if (embedder->session)
    gh_encoder_session_forget_frames (embedder->session);
  embedder->is_begun = FALSE;
  gst_mae_cuda_unmap (&embedder->lent);
  while (embedder->n_done > 0) {
    embedder->n_done--;
    gst_clear_buffer (&embedder->done[embedder->n_done].embedding);
    gst_clear_buffer (&embedder->done[embedder->n_done].tokens);
  }
}

static void
embedder_clear (GstMaeEmbedder *embedder)
{
  forget (embedder);
  g_clear_pointer (&embedder->cuda, gst_mae_cuda_unref);
  g_clear_pointer (&embedder->scaler, gst_frame_scaler_free);
  g_clear_pointer (&embedder->session, gh_encoder_session_free);
  g_clear_pointer (&embedder->token_pool, free_pool);
  g_clear_pointer (&embedder->embedding_pool, free_pool);
  g_clear_pointer (&embedder->encoder, gh_encoder_unref);
  g_clear_pointer (&embedder->file, g_free);
  g_mutex_clear (&embedder->lock);
}

GstMaeEmbedder *
gst_mae_embedder_ref (GstMaeEmbedder *embedder)
{
  return g_atomic_rc_box_acquire (embedder);
}

void
gst_mae_embedder_unref (GstMaeEmbedder *embedder)
{
  g_atomic_rc_box_release_full (embedder, (GDestroyNotify) embedder_clear);
}

static gsize
embedding_bytes (GstMaeEmbedder *embedder)
{
  return gh_encoder_config (embedder->encoder)->embedding * sizeof (gfloat);
}

static gsize
token_bytes (GstMaeEmbedder *embedder)
{
  const GhMaeConfig *config = gh_encoder_config (embedder->encoder);

  return (gsize) gh_mae_config_tokens (config) * config->dim * sizeof (gfloat);
}

GstMaeEmbedder *
gst_mae_embedder_new (const gchar *model, GhDevice device, GhPrecision precision, guint threads, gboolean tokens,
    GError **error)
{
  g_autoptr (GstMaeEmbedder) embedder = g_atomic_rc_box_new0 (GstMaeEmbedder);
  const GhMaeConfig *config;

  g_mutex_init (&embedder->lock);
  if (!(embedder->encoder = gh_encoder_load (model, device, precision, threads, error)))
    return NULL;
  gst_video_info_init (&embedder->info);
  if (!(embedder->session = gh_encoder_session_new (embedder->encoder, 1, error)))
    return NULL;
  config = gh_encoder_config (embedder->encoder);
  embedder->file = g_path_get_basename (gh_encoder_path (embedder->encoder));
  embedder->scaler = gst_frame_scaler_new (config->width, config->height, threads);
  embedder->embedding_pool = new_pool (embedding_bytes (embedder));
  if (tokens)
    embedder->token_pool = new_pool (token_bytes (embedder));
  if (!embedder->embedding_pool || (tokens && !embedder->token_pool)) {
    g_set_error (error, GH_ERROR, GH_ERROR_DEVICE, "There is no memory for the embeddings of %s",
        gh_encoder_path (embedder->encoder));
    return NULL;
  }
  return g_steal_pointer (&embedder);
}

GhEncoder *
gst_mae_embedder_encoder (GstMaeEmbedder *embedder)
{
  return embedder->encoder;
}

void
gst_mae_embedder_use_cuda (GstMaeEmbedder *embedder, GstMaeCuda *cuda)
{
  embedder->cuda = gst_mae_cuda_ref (cuda);
}

gboolean
gst_mae_embedder_uses_cuda (GstMaeEmbedder *embedder)
{
  return embedder->cuda != NULL;
}

gboolean
gst_mae_embedder_set_info (GstMaeEmbedder *embedder, const GstVideoInfo *info)
{
  const GhMaeConfig *config = gh_encoder_config (embedder->encoder);
  gboolean done;

  g_mutex_lock (&embedder->lock);
  forget (embedder);
  embedder->is_detour_told = FALSE;
  embedder->info = *info;
  embedder->has_layout = gst_frame_layout_from_info (&embedder->layout, info, config->width, config->height);
  embedder->part = (GhFrameRectangle) { 0, 0, GST_VIDEO_INFO_WIDTH (info), GST_VIDEO_INFO_HEIGHT (info) };
  embedder->is_expected = embedder->has_layout
      && gh_encoder_session_expect (embedder->session, &embedder->layout, &embedder->part);
  done = embedder->is_expected || gst_frame_scaler_set_info (embedder->scaler, info);
  g_mutex_unlock (&embedder->lock);
  return done;
}

/* What travels is little endian. */
static void
to_little_endian (GstMapInfo *map)
{
#if G_BYTE_ORDER == G_BIG_ENDIAN
  guint32 *word = (guint32 *) map->data;

  for (gsize i = 0; i < map->size / sizeof (guint32); i++)
    word[i] = GUINT32_TO_LE (word[i]);
#endif
}

/* A mapped buffer of the pool; NULL with an error when memory is out. */
static GstBuffer *
acquire_mapped (GstBufferPool *pool, GstMapInfo *map, GError **error)
{
  GstBuffer *buffer = NULL;

  if (gst_buffer_pool_acquire_buffer (pool, &buffer, NULL) == GST_FLOW_OK
      && gst_buffer_map (buffer, map, GST_MAP_WRITE))
    return buffer;
  gst_clear_buffer (&buffer);
  g_set_error (error, GH_ERROR, GH_ERROR_DEVICE, "There is no memory for an embedding");
  return NULL;
}

/* ---- from frames to embeddings --------------------------------------------------------------------- */

/* Buffers of the pools, filled from a picture or, when rgb is NULL, with what is under way. *tokens stays NULL when they
 * are not wanted. */
static gboolean
encode (GstMaeEmbedder *embedder, const guint8 *rgb, gsize stride, GstBuffer **embedding, GstBuffer **tokens,
    GError **error)
{
  GstMapInfo embedding_map, token_map = GST_MAP_INFO_INIT;
  gboolean done = FALSE;

  if (!(*embedding = acquire_mapped (embedder->embedding_pool, &embedding_map, error)))
    return FALSE;
  if (!embedder->token_pool || (*tokens = acquire_mapped (embedder->token_pool, &token_map, error)))
    done = rgb ? gh_encoder_encode (embedder->session, rgb, stride, 1, (gfloat *) embedding_map.data,
            (gfloat *) token_map.data, error)
        : gh_encoder_finish_frame (embedder->session, (gfloat *) embedding_map.data, (gfloat *) token_map.data, error);

  if (*tokens) {
    to_little_endian (&token_map);
    gst_buffer_unmap (*tokens, &token_map);
  }
  to_little_endian (&embedding_map);
  gst_buffer_unmap (*embedding, &embedding_map);
  if (!done) {
    gst_clear_buffer (tokens);
    gst_clear_buffer (embedding);
  }
  return done;
}

/* One more in done[]. start: of the time that goes on top of spent. */
static gboolean
complete (GstMaeEmbedder *embedder, const guint8 *rgb, gsize stride, GstClockTime spent, GstClockTime start,
    GError **error)
{
  const GhMaeConfig *config = gh_encoder_config (embedder->encoder);
  GstMaeEmbedding *done = &embedder->done[embedder->n_done];

  *done = (GstMaeEmbedding) {
    .model_id = gh_encoder_id (embedder->encoder),
    .encoder_file = embedder->file,
    .device = gh_encoder_device (embedder->encoder),
    .dim = config->embedding,
    .grid_rows = gh_mae_config_grid_rows (config),
    .grid_cols = gh_mae_config_grid_cols (config),
    .token_dim = embedder->token_pool ? config->dim : 0,
  };
  if (!encode (embedder, rgb, stride, &done->embedding, &done->tokens, error))
    return FALSE;
  done->encode_time = spent + gst_util_get_timestamp () - start;
  embedder->n_done++;
  return TRUE;
}

/* Waits for the frame under way, if any. */
static gboolean
finish (GstMaeEmbedder *embedder, GError **error)
{
  gboolean done;

  if (!embedder->is_begun)
    return TRUE;
  done = complete (embedder, NULL, 0, embedder->spent, gst_util_get_timestamp (), error);
  embedder->is_begun = FALSE;
  gst_mae_cuda_unmap (&embedder->lent);
  return done;
}

/* Whether the session takes the frame as it is. Another part than before is a new plan: none may be under way then. */
static gboolean
expects (GstMaeEmbedder *embedder, const GhFrameRectangle *part)
{
  if (embedder->has_layout && !gst_frame_layout_same_part (part, &embedder->part)) {
    embedder->part = *part;
    embedder->is_expected = gh_encoder_session_expect (embedder->session, &embedder->layout, part);
  }
  return embedder->has_layout && embedder->is_expected;
}

/* Frames on the device that cannot be read there go the way of the processor's. */
static gboolean
lend (GstMaeEmbedder *embedder, GstBuffer *frame, const GstVideoInfo *info, gboolean is_expected, Pixels *pixels,
    GError **error)
{
  const gchar *why = "such frames are not made pictures there";

  if (is_expected && gst_mae_cuda_map (embedder->cuda, &embedder->layout, info, frame, &pixels->lent, &why))
    return gh_encoder_lend_frame (embedder->session, pixels->lent.planes, pixels->lent.strides, error);
  if (!embedder->is_detour_told)
    embedder->detour = why;
  return FALSE;
}

static gboolean
refuse (GstBuffer *frame, GError **error)
{
  g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT, "A frame of %" G_GSIZE_FORMAT " bytes does not "
      "hold the picture its caps promise", gst_buffer_get_size (frame));
  return FALSE;
}

/* Brings the frame to the session, or makes a picture of it. FALSE with an error when it cannot be read, or be sent. */
static gboolean
bring (GstMaeEmbedder *embedder, GstBuffer *frame, Pixels *pixels, GError **error)
{
  const guint8 *planes[GST_VIDEO_MAX_PLANES];
  const GhFrameRectangle part = gst_frame_layout_part (frame, &embedder->info);
  const gboolean is_expected = expects (embedder, &part);
  gsize strides[GST_VIDEO_MAX_PLANES];
  GstVideoInfo info = embedder->info;

  if (gst_mae_cuda_is_on_device (embedder->cuda, frame)) {
    if (!gst_mae_cuda_take_strides (frame, &info))
      return refuse (frame, error);
    if (lend (embedder, frame, &info, is_expected, pixels, error))
      return TRUE;
    if (*error)
      return FALSE;
  }
  if (is_expected && gst_frame_layout_map (&embedder->layout, &info, frame, &pixels->map, planes, strides)) {
    pixels->is_mapped = TRUE;
    return gh_encoder_send_frame (embedder->session, planes, strides, error);
  }
  if (gst_frame_scaler_set_info (embedder->scaler, &info)
      && (pixels->rgb = gst_frame_scaler_scale (embedder->scaler, frame, &pixels->stride)))
    return TRUE;
  return refuse (frame, error);
}

/* The frame that was brought is the one under way, or done. */
static gboolean
begin (GstMaeEmbedder *embedder, Pixels *pixels, GstClockTime spent, GError **error)
{
  GstClockTime start = gst_util_get_timestamp ();

  if (pixels->rgb)
    return complete (embedder, pixels->rgb, pixels->stride, spent, start, error);
  if (!gh_encoder_begin_frame (embedder->session, error))
    return FALSE;
  embedder->is_begun = TRUE;
  embedder->lent = pixels->lent;
  pixels->lent.memory = NULL;
  embedder->spent = spent + gst_util_get_timestamp () - start;
  return TRUE;
}

/* What is under way is waited for when the next has been brought: its copy goes on meanwhile. */
static gboolean
push (GstMaeEmbedder *embedder, GstBuffer *frame, Pixels *pixels, GError **error)
{
  const GhFrameRectangle part = gst_frame_layout_part (frame, &embedder->info);
  GstClockTime start, spent;

  if (!gst_frame_layout_same_part (&part, &embedder->part) && !finish (embedder, error))
    return FALSE;
  start = gst_util_get_timestamp ();
  if (!bring (embedder, frame, pixels, error))
    return FALSE;
  spent = gst_util_get_timestamp () - start;
  return finish (embedder, error) && begin (embedder, pixels, spent, error);
}

gboolean
gst_mae_embedder_push (GstMaeEmbedder *embedder, GstBuffer *frame, GError **error)
{
  g_autoptr (GError) reason = NULL;
  Pixels pixels = { NULL };
  gboolean done;

  g_mutex_lock (&embedder->lock);
  done = push (embedder, frame, &pixels, &reason);
  if (pixels.is_mapped)
    gst_video_frame_unmap (&pixels.map);
  gst_mae_cuda_unmap (&pixels.lent);
  g_mutex_unlock (&embedder->lock);
  if (!done)
    g_propagate_error (error, g_steal_pointer (&reason));
  return done;
}

gboolean
gst_mae_embedder_pull (GstMaeEmbedder *embedder, GstMaeEmbedding *embedding, GError **error)
{
  gboolean done;

  g_mutex_lock (&embedder->lock);
  g_assert (embedder->n_done > 0 || embedder->is_begun);
  done = embedder->n_done > 0 || finish (embedder, error);
  if (done) {
    *embedding = embedder->done[0];
    embedder->n_done--;
    for (guint i = 0; i < embedder->n_done; i++)
      embedder->done[i] = embedder->done[i + 1];
  }
  g_mutex_unlock (&embedder->lock);
  return done;
}

void
gst_mae_embedder_forget (GstMaeEmbedder *embedder)
{
  g_mutex_lock (&embedder->lock);
  forget (embedder);
  g_mutex_unlock (&embedder->lock);
}

const gchar *
gst_mae_embedder_take_detour (GstMaeEmbedder *embedder)
{
  const gchar *why;

  g_mutex_lock (&embedder->lock);
  why = g_steal_pointer (&embedder->detour);
  embedder->is_detour_told |= why != NULL;
  g_mutex_unlock (&embedder->lock);
  return why;
}

GstBuffer *
gst_mae_embedder_copy_embedding (GstMaeEmbedder *embedder, GstBuffer *embedding)
{
  GstBuffer *copy = NULL;
  GstMapInfo map;

  if (!gst_buffer_map (embedding, &map, GST_MAP_READ))
    return NULL;
  if (gst_buffer_pool_acquire_buffer (embedder->embedding_pool, &copy, NULL) == GST_FLOW_OK)
    gst_buffer_fill (copy, 0, map.data, map.size);
  gst_buffer_unmap (embedding, &map);
  return copy;
}

GstClockTime
gst_mae_embedder_rehearse (GstMaeEmbedder *embedder)
{
  const GhMaeConfig *config = gh_encoder_config (embedder->encoder);
  gsize stride = (gsize) config->width * 3;
  g_autofree guint8 *black = g_malloc0 (stride * config->height);
  GstClockTime start, took = 0;

  g_mutex_lock (&embedder->lock);
  for (gint round = 0; round < 2; round++) {    /* the first one warms up */
    GstBuffer *embedding = NULL, *tokens = NULL;

    start = gst_util_get_timestamp ();
    encode (embedder, black, stride, &embedding, &tokens, NULL);
    took = gst_util_get_timestamp () - start;
    gst_clear_buffer (&embedding);
    gst_clear_buffer (&tokens);
  }
  g_mutex_unlock (&embedder->lock);
  return took;
}
