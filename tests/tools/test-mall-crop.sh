#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-mall-crop.sh GST_HEADS: people of a real camera, from 30 and 300 labels, by an encoder that nobody has trained, pooled
# over regions: what docs/experiments.md says of it. Fewer draws than there, so the bounds are two standard errors away.
# Without the frames in $GST_HEADS_SHARED it is skipped.
gst_heads=$(realpath "$1")
config=$(realpath "$(dirname -- "$0")/../../docs/experiments/mall-crop.json")
. "$(dirname -- "$0")/check.sh"

data=${GST_HEADS_SHARED:-}/data/mall
if [ ! -d "$data/frames" ]; then
  echo "the frames of the mall camera are not here"
  exit 77
fi

# at_most VALUE LABELS: the head's error in people.
at_most () {
  expect 0 "$gst_heads" eval --dataset=mall-crop --data="$data" --encoder=regions.safetensors --labels="$2" --draws=8 \
    --no-baselines
  grep '^head on' out
  sed -n 's/^head on [^ ]* .untrained. *\([0-9.]*\) .*/\1/p' out | awk -v most="$1" '{ good = $1 <= most } END { exit !good }' \
    || bad "more than $1 people with $2 labels"
}

expect 0 "$gst_heads" init-encoder --config="$config" --seed=0 fresh.safetensors
expect 0 "$gst_heads" pool-encoder --model=fresh.safetensors --images="$data/frames" --to=seq_000800.jpg \
  --crop=320,240,320,240 --regions=5x5 --output=regions.safetensors
at_most 0.97 30
at_most 0.72 300
finish
