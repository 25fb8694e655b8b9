/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstmaeencoderprivate.h: the element mae-encoder, for its files: the object in
 * gstmaeencoder.c, frames in gstmaeencoderframes.c, time in gstmaeencoderlatency.c. */
#pragma once

#include "gst/common/gstinterval.h"
#include "gstlateness.h"
#include "gstmaeembedder.h"
#include "gstmaeencoder.h"
#include "gstmaeencodersettings.h"
#include "gstmaestats.h"

G_BEGIN_DECLS

/* What happens to a frame. */
typedef enum {
  GST_MAE_ENCODE,
  GST_MAE_SKIP_INTERVAL,
  GST_MAE_SKIP_LATE,
} GstMaeVerdict;

struct _GstMaeEncoder {
  GstBaseTransform parent;

  GstMaeEncoderSettings settings;       /* under the object lock */

  /* From start() to stop(), under the object lock. */
  GstMaeEmbedder *embedder;
  GstClockTime latency;         /* of one encoding, as announced */
  GstClockTime hold;            /* for so long a frame is held back, from set_caps() on */
  GstClockTime pipeline_latency;        /* of everything, as last told by the pipeline */

  GstMaeStats stats;            /* also after stop(); under the object lock */

  /* What other elements are asked to put their frames into; NULL before somebody asked. */
  GMutex cuda_lock;
  GstMaeCuda *cuda;

  /* The stream; only the streaming thread. */
  gboolean negotiated;
  gboolean as_tensors;
  GstBuffer *held;              /* a frame the embedder has; NULL: it has none */
  GQueue outgoing;              /* of GstBuffer: in the order they came */
  GstInterval pace;
  GstLateness lateness;
  gboolean live;
  GstClockTime upstream_latency;
  gint ask_latency;             /* atomic: upstream's latency may have changed */
};

/* A new stream, or the present one after a flush. */
void gst_mae_encoder_reset_pace (GstMaeEncoder *self);

/* Adds what the element takes to a LATENCY query that upstream has answered. */
void gst_mae_encoder_add_latency (GstMaeEncoder *self, GstQuery *query);
/* What the pipeline has agreed on. */
void gst_mae_encoder_take_latency (GstMaeEncoder *self, GstEvent *event);
/* Encoding takes longer than was announced: has the pipeline ask again. The object lock is held. */
gboolean gst_mae_encoder_latency_grew (GstMaeEncoder *self, GstClockTime last);

GstMaeVerdict gst_mae_encoder_judge (GstMaeEncoder *self, GstBuffer *frame);

/* A reference, or NULL when the element has not started. */
GstMaeEmbedder *gst_mae_encoder_get_embedder (GstMaeEncoder *self);
/* Takes a frame of the stream; what may leave is in `outgoing` then. */
GstFlowReturn gst_mae_encoder_take (GstMaeEncoder *self, GstBuffer *frame);
/* Pushes what is held back downstream: for whatever must not overtake it. */
void gst_mae_encoder_drain (GstMaeEncoder *self);
/* What is held back comes to nothing. */
void gst_mae_encoder_forget_frames (GstMaeEncoder *self);

G_END_DECLS
