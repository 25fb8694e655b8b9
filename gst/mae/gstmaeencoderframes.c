/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstmaeencoderframes.c: what becomes of a frame in mae-encoder: encoded or skipped, held back while it is encoded where
 * that is wanted, and sent on in the order it came. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gst/common/gstmodelerror.h"
#include "gstmaeencoderprivate.h"

GST_DEBUG_CATEGORY_EXTERN (gst_mae_encoder_debug);
#define GST_CAT_DEFAULT gst_mae_encoder_debug

GstMaeEmbedder *
gst_mae_encoder_get_embedder (GstMaeEncoder *self)
{
  GstMaeEmbedder *embedder;

  GST_OBJECT_LOCK (self);
  embedder = self->embedder ? gst_mae_embedder_ref (self->embedder) : NULL;
  GST_OBJECT_UNLOCK (self);
  return embedder;
}

void
gst_mae_encoder_forget_frames (GstMaeEncoder *self)
{
  g_autoptr (GstMaeEmbedder) embedder = gst_mae_encoder_get_embedder (self);

  if (embedder)
    gst_mae_embedder_forget (embedder);
  gst_clear_buffer (&self->held);
  g_queue_clear_full (&self->outgoing, (GDestroyNotify) gst_buffer_unref);
}

/* A buffer of the numbers alone, with the times, the embedding and the metas of the frame that outlive its pixels. */
static GstBuffer *
tensors_buffer (GstMaeEncoder *self, GstMaeEmbedder *embedder, GstBuffer *frame, const GstMaeEmbedding *embedding)
{
  GstBaseTransform *trans = GST_BASE_TRANSFORM (self);
  GstBuffer *buffer = gst_mae_embedder_copy_embedding (embedder, embedding->embedding);

  if (!buffer)
    return NULL;
  GST_BASE_TRANSFORM_GET_CLASS (trans)->copy_metadata (trans, frame, buffer);
  gst_buffer_add_mae_embedding (buffer, embedding);
  return buffer;
}

/* The frame goes on, with its embedding where there is one, or the numbers alone. Takes both. */
static GstFlowReturn
let_go (GstMaeEncoder *self, GstMaeEmbedder *embedder, GstBuffer *frame, GstMaeEmbedding *embedding)
{
  GstFlowReturn flow = GST_FLOW_OK;
  GstBuffer *out = NULL;

  if (!self->as_tensors) {
    /* Copies the buffer's description at most; both copies hold the same pixels. */
    out = gst_buffer_make_writable (g_steal_pointer (&frame));
    if (embedding)
      gst_buffer_add_mae_embedding (out, embedding);
  } else if (embedding && !(out = tensors_buffer (self, embedder, frame, embedding))) {
    GST_ELEMENT_ERROR (self, RESOURCE, NO_SPACE_LEFT, ("There is no memory for an embedding."), (NULL));
    flow = GST_FLOW_ERROR;
  }
  if (out)
    g_queue_push_tail (&self->outgoing, out);
  gst_clear_buffer (&frame);
  if (embedding) {
    gst_clear_buffer (&embedding->embedding);
    gst_clear_buffer (&embedding->tokens);
  }
  return flow;
}

static void
count_encoded (GstMaeEncoder *self, const GstMaeEmbedding *embedding)
{
  gboolean grew;

  GST_OBJECT_LOCK (self);
  gst_mae_stats_encoded (&self->stats, embedding->encode_time);
  grew = gst_mae_encoder_latency_grew (self, embedding->encode_time);
  GST_OBJECT_UNLOCK (self);
  GST_LOG_OBJECT (self, "encoded in %" GST_TIME_FORMAT, GST_TIME_ARGS (embedding->encode_time));
  if (grew)
    gst_element_post_message (GST_ELEMENT (self), gst_message_new_latency (GST_OBJECT (self)));
}

/* A frame that the embedder has, when its embedding is there. Takes it. */
static GstFlowReturn
finish (GstMaeEncoder *self, GstMaeEmbedder *embedder, GstBuffer *frame)
{
  g_autoptr (GError) error = NULL;
  GstMaeEmbedding embedding = { NULL };

  if (!gst_mae_embedder_pull (embedder, &embedding, &error)) {
    gst_buffer_unref (frame);
    GST_ELEMENT_MODEL_ERROR (self, error, "model");
    return GST_FLOW_ERROR;
  }
  count_encoded (self, &embedding);
  return let_go (self, embedder, frame, &embedding);
}

static GstFlowReturn
finish_held (GstMaeEncoder *self, GstMaeEmbedder *embedder)
{
  return self->held ? finish (self, embedder, g_steal_pointer (&self->held)) : GST_FLOW_OK;
}

void
gst_mae_encoder_drain (GstMaeEncoder *self)
{
  g_autoptr (GstMaeEmbedder) embedder = gst_mae_encoder_get_embedder (self);
  GstBuffer *buffer;

  if (!embedder || finish_held (self, embedder) != GST_FLOW_OK)
    return;
  while ((buffer = g_queue_pop_head (&self->outgoing)))
    gst_pad_push (GST_BASE_TRANSFORM_SRC_PAD (self), buffer);
}

static void
tell_detour (GstMaeEncoder *self, GstMaeEmbedder *embedder)
{
  const gchar *why = gst_mae_embedder_take_detour (embedder);

  if (why)
    GST_ELEMENT_WARNING (self, RESOURCE, SETTINGS, ("Frames on the GPU are copied to the processor and back: %s.", why),
        ("They are read in place when their element takes the CUDA context that this one offers."));
}

/* A frame that cannot be read is counted, the first one warned about, and goes on without an embedding. After any other
 * error the embedder may have lost what is held back: the end that follows finds nothing. Takes the frame. */
static GstFlowReturn
refuse (GstMaeEncoder *self, GstMaeEmbedder *embedder, GstBuffer *frame, const GError *error)
{
  GstFlowReturn flow;
  gboolean warn;

  if (error->domain != GST_STREAM_ERROR) {
    gst_mae_encoder_forget_frames (self);
    gst_buffer_unref (frame);
    GST_ELEMENT_MODEL_ERROR (self, error, "model");
    return GST_FLOW_ERROR;
  }
  GST_OBJECT_LOCK (self);
  warn = gst_mae_stats_passed (&self->stats, &self->stats.unreadable);
  GST_OBJECT_UNLOCK (self);
  if (warn)
    GST_ELEMENT_WARNING (self, STREAM, FORMAT, ("%s. Such frames get no embedding.", error->message), (NULL));
  flow = finish_held (self, embedder);
  if (flow == GST_FLOW_OK)
    return let_go (self, embedder, frame, NULL);
  gst_buffer_unref (frame);
  return flow;
}

/* Takes the frame. The one that was held back is done when this one is under way. */
static GstFlowReturn
encode (GstMaeEncoder *self, GstMaeEmbedder *embedder, GstBuffer *frame)
{
  g_autoptr (GError) error = NULL;
  GstBuffer *before;

  if (!gst_mae_embedder_push (embedder, frame, &error))
    return refuse (self, embedder, frame, error);
  before = self->held;
  self->held = frame;
  tell_detour (self, embedder);
  return before ? finish (self, embedder, before) : GST_FLOW_OK;
}

/* Takes the frame. */
static GstFlowReturn
skip (GstMaeEncoder *self, GstMaeEmbedder *embedder, GstBuffer *frame, GstMaeVerdict verdict)
{
  GstFlowReturn flow = finish_held (self, embedder);

  GST_OBJECT_LOCK (self);
  gst_mae_stats_passed (&self->stats, verdict == GST_MAE_SKIP_LATE ? &self->stats.skipped_late
      : &self->stats.skipped_interval);
  GST_OBJECT_UNLOCK (self);
  if (flow == GST_FLOW_OK)
    return let_go (self, embedder, frame, NULL);
  gst_buffer_unref (frame);
  return flow;
}

GstFlowReturn
gst_mae_encoder_take (GstMaeEncoder *self, GstBuffer *frame)
{
  g_autoptr (GstMaeEmbedder) embedder = gst_mae_encoder_get_embedder (self);
  GstMaeVerdict verdict;
  GstFlowReturn flow;

  if (!self->negotiated || !embedder) {
    gst_buffer_unref (frame);
    return GST_FLOW_NOT_NEGOTIATED;
  }
  if (GST_BUFFER_IS_DISCONT (frame))
    gst_mae_encoder_drain (self);       /* or the base class would mark the one before */
  verdict = gst_mae_encoder_judge (self, frame);
  GST_LOG_OBJECT (self, "%s %" GST_PTR_FORMAT, verdict == GST_MAE_ENCODE ? "encoding"
      : verdict == GST_MAE_SKIP_LATE ? "too late:" : "not due:", frame);
  if (verdict != GST_MAE_ENCODE)
    return skip (self, embedder, frame, verdict);
  flow = encode (self, embedder, frame);
  return flow == GST_FLOW_OK && self->hold == 0 ? finish_held (self, embedder) : flow;
}
