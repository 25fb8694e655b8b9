/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-encoder.h: a masked autoencoder's encoder (and, when the file has one, its decoder) ready to run.
 *
 * GhEncoder holds the packed weights: immutable, thread-safe, reference counted, and shared by everybody who
 * asks for the same file, device, precision and thread count while it lives. GhEncoderSession holds one
 * stream's activations and kernel context: one thread at a time, nothing allocated per call.
 */
#pragma once

#include "gh-error.h"
#include "gh-frame-layout.h"
#include "gh-mae-config.h"

G_BEGIN_DECLS

typedef enum { GH_PRECISION_AUTO, GH_PRECISION_F32, GH_PRECISION_BF16, GH_PRECISION_INT16, GH_PRECISION_INT8
} GhPrecision;

typedef struct _GhEncoder GhEncoder;
typedef struct _GhEncoderSession GhEncoderSession;

/* path: a safetensors file of ours (metadata "config") or Meta's MAE in the Hugging Face layout (no config in the
 * metadata: shapes tell, and a config.json beside it), or a shipped name ("tiny"); docs/checkpoint-format.md has both.
 * threads 0: the default of gh_ctx_new(). From any thread; several that ask for the same at once wait for one load.
 * Errors: NOT_FOUND, OPEN, CORRUPT and UNSUITABLE name the file; DEVICE when device or precision cannot be had. */
GhEncoder *gh_encoder_load (const char *path, GhDevice device, GhPrecision precision, int threads, GError **error);
GhEncoder *gh_encoder_ref (GhEncoder *encoder);
void gh_encoder_unref (GhEncoder *encoder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GhEncoder, gh_encoder_unref)

const GhMaeConfig *gh_encoder_config (const GhEncoder *encoder);
const char *gh_encoder_path (const GhEncoder *encoder);
const char *gh_encoder_id (const GhEncoder *encoder);           /* model-id, 16 hex digits */
const char *gh_encoder_device (const GhEncoder *encoder);       /* "cpu", "ref", "cuda" */
const char *gh_encoder_precision (const GhEncoder *encoder);    /* "f32", "bf16", ... what really runs */
/* One line for people: device, precision, engine, threads and why each was chosen. */
const char *gh_encoder_reason (const GhEncoder *encoder);
gboolean gh_encoder_has_decoder (const GhEncoder *encoder);
/* FALSE for a file made by gh_encoder_init_file() and never trained. */
gboolean gh_encoder_is_trained (const GhEncoder *encoder);

/* Plans for up to max_batch images of a call; keeps a reference to the encoder. DEVICE when memory is short. */
GhEncoderSession *gh_encoder_session_new (GhEncoder *encoder, int max_batch, GError **error);
void gh_encoder_session_free (GhEncoderSession *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GhEncoderSession, gh_encoder_session_free)

/* Whole frames: rgb[B,height,width,3] of the configured size, `stride` bytes a row, height*stride an image.
 * embedding[B,E]; tokens[B,grid tokens,dim] after the final norm, without cls, may be NULL. Both host memory.
 * Here and below: DATA for arguments that do not fit, DEVICE when the back end fails, UNSUITABLE when the embedding is
 * not finite. */
gboolean gh_encoder_encode (GhEncoderSession *session, const guint8 *rgb, gsize stride, int B, float *embedding,
    float *tokens, GError **error);

/* Frames as they come, in the place of gh_encoder_encode()'s pictures: the session's device resizes and converts them.
 * Says what the following ones look like and which part of them, cut to the frame, is the picture (all of it,
 * stretched to the model's size). FALSE when there is no plan for such frames that gives the same picture as
 * GStreamer's converter, or no memory for it: then they have to be made pictures by other means. */
gboolean gh_encoder_session_expect (GhEncoderSession *session, const GhFrameLayout *layout,
    const GhFrameRectangle *part);
/* One such frame: the layout's planes in host memory, rows strides[] bytes apart, which stay as they are until it is
 * encoded. At most GH_FRAMES_AHEAD are sent and not encoded: on a GPU the next one is copied, from pinned memory, while
 * the present one is encoded. expect() forgets what was sent. DATA when there is no room or nothing was expected. */
gboolean gh_encoder_send_frame (GhEncoderSession *session, const guint8 *const *planes, const gsize *strides,
    GError **error);
/* The same for a frame whose planes lie in the device's memory, in the context of gh_device_handle(): it is read there,
 * once whatever was given to the device's default stream, and to streams in step with it, is done. */
gboolean gh_encoder_lend_frame (GhEncoderSession *session, const guint8 *const *planes, const gsize *strides,
    GError **error);
/* The oldest frame that was sent. The rest as gh_encoder_encode(). */
gboolean gh_encoder_encode_frame (GhEncoderSession *session, float *embedding, float *tokens, GError **error);
/* The two halves of encode_frame(): begin() gives the oldest frame to the device and, on a GPU, returns before it is
 * encoded; finish() waits for its embedding. Between them frames may be sent, all else is DATA. */
gboolean gh_encoder_begin_frame (GhEncoderSession *session, GError **error);
gboolean gh_encoder_finish_frame (GhEncoderSession *session, float *embedding, float *tokens, GError **error);
/* As if no frame was sent or begun: what was is waited for and forgotten. */
void gh_encoder_session_forget_frames (GhEncoderSession *session);

/* From normalised patches[B,K,P] (host), keep[B,K] ascending or NULL for all: latent[B,first+K,dim] after the final
 * norm (may be NULL) and embedding[B,E] pooled over what was kept (may be NULL). */
gboolean gh_encoder_forward (GhEncoderSession *session, const float *patches, const gint32 *keep, int B, int K,
    float *latent, float *embedding, GError **error);
/* Reconstructs: latent[B,first+K,dim], keep[B,K], drop[B,N-K] ascending -> pred[B,N-K,P]: of the target
 * PATCH, normalised per patch; of PIXELS and CAMERA, normalised by the configuration's mean and std. Fails when the file has no decoder. */
gboolean gh_encoder_decode (GhEncoderSession *session, const float *latent, const gint32 *keep, const gint32 *drop,
    int B, int K, float *pred, GError **error);

/* Writes a file of the given shape with the random weights training starts from (spec: xavier-uniform linears, zero
 * biases, N(0,0.02) tokens, U(-1,1)/sqrt(taps) convolutions), seeded, marked untrained in its metadata. */
gboolean gh_encoder_init_file (const char *path, const GhMaeConfig *config, guint64 seed, gboolean with_decoder,
    GError **error);

G_END_DECLS
