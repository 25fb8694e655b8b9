#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-feed.sh GST_HEADS: the time of day of a real camera's later days, from 300 labels of the days before, by an encoder
# that nobody has trained and the shadows of its embedding: what docs/experiments.md says of it. Fewer draws than there.
# Without the frames in $GST_HEADS_SHARED it is skipped.
gst_heads=$(realpath "$1")
config=$(realpath "$(dirname -- "$0")/../../docs/experiments/feed.json")
. "$(dirname -- "$0")/check.sh"

data=${GST_HEADS_SHARED:-}/data/webcam_feed
if [ ! -d "$data/frames" ]; then
  echo "the frames of the outdoor camera are not here"
  exit 77
fi

expect 0 "$gst_heads" init-encoder --config="$config" --seed=0 fresh.safetensors
expect 0 "$gst_heads" pool-encoder --model=fresh.safetensors --images="$data/frames" --to=2023-06-24T06_50_15.jpg \
  --regions=2x2 --shadows=80 --output=shadows.safetensors
expect 0 "$gst_heads" eval --dataset=feed --data="$data" --encoder=shadows.safetensors --draws=5 --no-baselines
grep '^head on' out
# Over 24 hours: share within 15 minutes, median; and the same for 5:00 to 20:30.
sed -n 's/^head on [^ ]* .untrained. *//p' out | awk '{ good = $1 >= 50 && $13 > 0 && $13 <= 12 } END { exit !good }' \
  || bad "fewer than 50 % within 15 minutes, or a median by day of more than 12 minutes"
finish
