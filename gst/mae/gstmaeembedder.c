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
};

/* What is encoded: a picture of the model's size, or, where that is NULL, the planes of a frame. */
typedef struct
{
  const guint8 *rgb;
  gsize stride;
  const guint8 *planes[GST_VIDEO_MAX_PLANES];
  gsize strides[GST_VIDEO_MAX_PLANES];
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

static void
embedder_clear (GstMaeEmbedder *embedder)
{
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

gboolean
gst_mae_embedder_set_info (GstMaeEmbedder *embedder, const GstVideoInfo *info)
{
  const GhMaeConfig *config = gh_encoder_config (embedder->encoder);
  gboolean done;

  g_mutex_lock (&embedder->lock);
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

/* Encodes into buffers of the pools; *tokens stays NULL when they are not wanted. */
static gboolean
encode (GstMaeEmbedder *embedder, const Pixels *pixels, GstBuffer **embedding, GstBuffer **tokens, GError **error)
{
  GstMapInfo embedding_map, token_map = GST_MAP_INFO_INIT;
  gboolean done = FALSE;

  if (!(*embedding = acquire_mapped (embedder->embedding_pool, &embedding_map, error)))
    return FALSE;
  if (!embedder->token_pool || (*tokens = acquire_mapped (embedder->token_pool, &token_map, error)))
    done = pixels->rgb ? gh_encoder_encode (embedder->session, pixels->rgb, pixels->stride, 1,
            (gfloat *) embedding_map.data, (gfloat *) token_map.data, error)
        : gh_encoder_send_frame (embedder->session, pixels->planes, pixels->strides, error)
        && gh_encoder_encode_frame (embedder->session, (gfloat *) embedding_map.data, (gfloat *) token_map.data, error);

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

/* Whether the session takes the frame as it is. */
static gboolean
expects (GstMaeEmbedder *embedder, GstBuffer *frame)
{
  GhFrameRectangle part;

  if (!embedder->has_layout)
    return FALSE;
  part = gst_frame_layout_part (frame, &embedder->info);
  if (!gst_frame_layout_same_part (&part, &embedder->part)) {
    embedder->part = part;
    embedder->is_expected = gh_encoder_session_expect (embedder->session, &embedder->layout, &part);
  }
  return embedder->is_expected;
}

/* FALSE with an error when the frame cannot be read, or not be encoded. */
static gboolean
encode_frame (GstMaeEmbedder *embedder, GstBuffer *frame, GstMaeEmbedding *embedding, GError **error)
{
  Pixels pixels = { NULL };
  GstVideoFrame map;
  gboolean done;

  if (expects (embedder, frame)
      && gst_frame_layout_map (&embedder->layout, &embedder->info, frame, &map, pixels.planes, pixels.strides)) {
    done = encode (embedder, &pixels, &embedding->embedding, &embedding->tokens, error);
    gst_video_frame_unmap (&map);
    return done;
  }
  if (gst_frame_scaler_set_info (embedder->scaler, &embedder->info)
      && (pixels.rgb = gst_frame_scaler_scale (embedder->scaler, frame, &pixels.stride)))
    return encode (embedder, &pixels, &embedding->embedding, &embedding->tokens, error);
  g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT, "A frame of %" G_GSIZE_FORMAT " bytes does not "
      "hold the picture its caps promise", gst_buffer_get_size (frame));
  return FALSE;
}

gboolean
gst_mae_embedder_embed (GstMaeEmbedder *embedder, GstBuffer *frame, GstMaeEmbedding *embedding, GError **error)
{
  const GhMaeConfig *config = gh_encoder_config (embedder->encoder);
  GstClockTime start = gst_util_get_timestamp ();
  gboolean done;

  *embedding = (GstMaeEmbedding) {
    .model_id = gh_encoder_id (embedder->encoder),
    .encoder_file = embedder->file,
    .device = gh_encoder_device (embedder->encoder),
    .dim = config->embedding,
    .grid_rows = gh_mae_config_grid_rows (config),
    .grid_cols = gh_mae_config_grid_cols (config),
    .token_dim = embedder->token_pool ? config->dim : 0,
  };

  g_mutex_lock (&embedder->lock);
  done = encode_frame (embedder, frame, embedding, error);
  g_mutex_unlock (&embedder->lock);

  embedding->encode_time = gst_util_get_timestamp () - start;
  return done;
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
  const Pixels pixels = { black, stride };
  GstClockTime start, took = 0;

  g_mutex_lock (&embedder->lock);
  for (gint round = 0; round < 2; round++) {    /* the first one warms up */
    GstBuffer *embedding = NULL, *tokens = NULL;

    start = gst_util_get_timestamp ();
    encode (embedder, &pixels, &embedding, &tokens, NULL);
    took = gst_util_get_timestamp () - start;
    gst_clear_buffer (&embedding);
    gst_clear_buffer (&tokens);
  }
  g_mutex_unlock (&embedder->lock);
  return took;
}
