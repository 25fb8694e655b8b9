#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The library as Python sees it: caps, an embedding made by mae-encoder, predictions written and read."""
import math
import sys

try:
    import gi
    gi.require_version('Gst', '1.0')
    gi.require_version('GstHeads', '1.0')
    from gi.repository import Gst, GstHeads
except (ImportError, ValueError) as missing:
    print(f'skipped: {missing}')
    sys.exit(77)

Gst.init(None)

caps = GstHeads.mae_embedding_caps_new(512, '0123456789abcdef', 'tiny.safetensors', 25, 1)
assert GstHeads.mae_embedding_caps_parse(caps) == (True, 512, '0123456789abcdef', 'tiny.safetensors'), caps.to_string()

pipeline = Gst.parse_launch('videotestsrc num-buffers=1 ! mae-encoder ! appsink name=sink')
pipeline.set_state(Gst.State.PLAYING)
sample = pipeline.get_by_name('sink').emit('pull-sample')
assert sample, 'no frame came'
buffer = sample.get_buffer()
found, embedding = GstHeads.buffer_get_mae_embedding(buffer)
assert found
values = embedding.get_values()
assert len(values) == embedding.dim == embedding.embedding.get_size() // 4
assert all(math.isfinite(value) for value in values) and any(values)
assert len(embedding.model_id) == 16 and embedding.tokens is None
assert GstHeads.buffer_n_head_predictions(buffer) == 0
pipeline.set_state(Gst.State.NULL)

buffer = Gst.Buffer.new()
assert GstHeads.buffer_get_mae_embedding(buffer)[0] is False
prediction = GstHeads.HeadPrediction()
prediction.name, prediction.kind, prediction.text = 'people', 'count', '3 people'
prediction.value, prediction.confidence = 3.0, math.nan
assert GstHeads.buffer_add_head_prediction(buffer, prediction)
found, seen = GstHeads.buffer_get_head_prediction(buffer, 'people')
assert found and seen.value == 3.0 and seen.text == '3 people' and math.isnan(seen.confidence)
assert [seen.name] == [GstHeads.buffer_nth_head_prediction(buffer, i)[1].name
                       for i in range(GstHeads.buffer_n_head_predictions(buffer))]
