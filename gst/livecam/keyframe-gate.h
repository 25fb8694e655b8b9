/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * keyframe-gate.h: one picture each interval out of a stream that is decoded as it comes. As long as key frames come at
 * least that often, the decoder gets those that are asked for and nothing else, at a tenth of what decoding all costs.
 * Where they are rarer, it gets everything.
 *
 * Beside the interval that takes a stream which has shown two distances of key frames that are short enough. Should they
 * become rarer afterwards, a live-doubt says so (LIVE_DOUBT_KEYFRAMES), the camera is asked for one, and from that on all
 * is decoded again; what lies between has lost what it refers to.
 */
#pragma once

#include "live-feed.h"

G_BEGIN_DECLS

typedef struct _KeyframeGate KeyframeGate;

KeyframeGate *keyframe_gate_new (LiveFeed *feed);
/* After the pipeline has ended. */
void keyframe_gate_free (KeyframeGate *gate);
/* Stands before the decoders of a pipeline around decodebin, whose source is not linked yet. Without this call the decoder
 * gets all. */
void keyframe_gate_watch (KeyframeGate *gate, GstElement *pipeline);
/* Whether the picture of that running time is one of those asked for, which are counted along the stream. */
gboolean keyframe_gate_takes (KeyframeGate *gate, GstClockTime time);

G_END_DECLS
