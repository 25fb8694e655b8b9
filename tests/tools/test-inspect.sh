#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-inspect.sh GST_HEADS: init-encoder and inspect: encoders, foreign files, damaged files.
gst_heads=$(realpath "$1")
. "$(dirname -- "$0")/check.sh"

# little_endian N: a file's first eight bytes.
# shellcheck disable=SC2059 # octal bytes
little_endian () {
  printf "\\$(printf %o $(($1 % 256)))\\$(printf %o $(($1 / 256)))\\0\\0\\0\\0\\0\\0"
}

# safetensors HEADER BYTES: a file on stdout with that many zero bytes of data.
safetensors () {
  little_endian "${#1}"
  printf '%s' "$1"
  head -c "$2" /dev/zero
}

cat >small.json <<'END'
{ "height": 64, "width": 96, "patch": 16, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5],
  "dim": 32, "depth": 2, "heads": 2, "head_dim": 16, "mlp": 64, "landmarks": 0, "pinv_iters": 6, "conv": 0,
  "qkv_bias": false, "cls_token": false, "eps": 1e-6, "pool": "mean", "embedding": 24, "has_embed": true,
  "dec_dim": 16, "dec_depth": 1, "dec_heads": 1, "dec_head_dim": 16, "dec_mlp": 32, "mask_ratio": 0.75 }
END

expect 0 "$gst_heads" init-encoder -q -c small.json a.safetensors
[ ! -s err ] || bad "--quiet is not quiet"
expect 0 "$gst_heads" init-encoder --config=small.json b.safetensors
cmp a.safetensors b.safetensors || bad "the same seed gives other bytes"
expect 0 "$gst_heads" init-encoder --config=small.json --seed=1 --decoder c.safetensors
! cmp -s a.safetensors c.safetensors || bad "another seed gives the same bytes"

expect 0 "$gst_heads" inspect a.safetensors
out_has 'an encoder of gst-heads'
out_has 'model-id   [0-9a-f]\{16\}$'
out_has 'trained    no'
out_has '96 x 64 pixels in patches of 16: 6 x 4 = 24 tokens'
out_has 'decoder    none'
out_has '^blocks.1.mlp.fc2.weight  *F32 '
expect 0 "$gst_heads" inspect --stats c.safetensors
out_has 'decoder    1 layers'
out_has 'not finite'
expect 0 "$gst_heads" inspect --json --stats a.safetensors
out_has '"kind" : "encoder"'
out_has '"usable" : true'
out_has '"not_finite" : 0'
if command -v python3 >/dev/null; then
  python3 -c 'import json, sys; json.load (open ("out"))' || bad "not JSON"
fi

# A sound file that is neither; its metadata cannot drive the terminal.
safetensors '{"__metadata__":{"note":"a\u001b[31mb"},"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}' 8 >other.safetensors
expect 0 "$gst_heads" inspect --stats other.safetensors
out_has 'neither an encoder nor a head'
! grep -q "$(printf '\033')" out || bad "an escape sequence came through"

# A file that says it is an encoder and is not; damaged files; no file.
safetensors '{"__metadata__":{"config":"{}"},"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}' 8 >bad.safetensors
expect 3 "$gst_heads" inspect bad.safetensors
out_has 'usable     no: '
expect 3 "$gst_heads" inspect --json bad.safetensors
out_has '"usable" : false'
head -c 1000 a.safetensors >cut.safetensors
expect 3 "$gst_heads" inspect cut.safetensors
err_has 'cut.safetensors'
printf 'hello' >text.safetensors
expect 3 "$gst_heads" inspect text.safetensors
expect 3 "$gst_heads" inspect nowhere.safetensors
err_has 'nowhere.safetensors'
expect 3 "$gst_heads" inspect .

expect 1 "$gst_heads" inspect
expect 1 "$gst_heads" inspect a b
expect 1 "$gst_heads" init-encoder
expect 1 "$gst_heads" init-encoder --config=nowhere x.safetensors
err_has 'nowhere'
expect 3 "$gst_heads" init-encoder --config=small.json /nowhere/x.safetensors
expect 0 "$gst_heads" inspect default
out_has 'trained    yes'
expect 0 "$gst_heads" init-encoder --config=small.json fresh.safetensors
expect 0 "$gst_heads" inspect fresh.safetensors
out_has 'trained    no'

finish
