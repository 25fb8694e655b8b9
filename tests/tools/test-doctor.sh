#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-doctor.sh GST_HEADS: doctor where all is well, and where a plugin or the default model is missing.
gst_heads=$(realpath "$1")
. "$(dirname -- "$0")/check.sh"

expect 0 "$gst_heads" doctor
out_has '^gst-heads [0-9].*GStreamer'
out_has '^  ok      ref '
out_has '^  ok      cpu  .* f32'
out_has '^  \(ok\|-\)  *cuda '
out_has '^  \(ok\|-\)  *cuda frames .*libgstcuda-1.0'
out_has '^  ok      mae-encoder '
out_has '^  \(ok\|-\)  *a window '
out_has '^  \(ok\|-\)  *yt-dlp  *pages of live videos'
expect 0 env PATH="$folder" "$gst_heads" doctor
out_has '^  -       yt-dlp .*install a recent one'
for program in streamlink yt-dlp; do
  printf '#!/bin/sh\n' >$program && chmod +x $program
  expect 0 env PATH="$folder" "$gst_heads" doctor
  [ $program = yt-dlp ] || out_has '^  -       yt-dlp .*streamlink --json'
done
out_has "^  ok      yt-dlp .*$folder/yt-dlp"
expect 0 env -u DISPLAY -u WAYLAND_DISPLAY "$gst_heads" doctor
out_has '^  -       a window '
out_has '^Models (looked for in /.*)$'
out_has '^  ok      default .*model-id [0-9a-f]\{16\}'
out_has '^Everything needed is here'

# What GStreamer has given up on is named, and the file to remove once it would load; it remembers where it looks in a process
# of its own, as it does everywhere but under the sanitizers.
mkdir refused
printf 'no plugin' >refused/libgstrefused.so
expect 1 env GST_REGISTRY_FORK=yes GST_PLUGIN_PATH_1_0="$folder/refused" GST_REGISTRY_1_0="$folder/refused/registry" \
  "$gst_heads" doctor
out_has "^  -       plugin  .*refused/libgstrefused.so does not load: .* remove $folder/refused/registry, so that"

expect 1 env GST_PLUGIN_PATH_1_0="$folder" GST_REGISTRY_1_0="$folder/registry" "$gst_heads" doctor
out_has '^  MISSING mae-encoder .*meson devenv'
expect 1 env GST_PLUGIN_SYSTEM_PATH_1_0="$folder" GST_REGISTRY_1_0="$folder/registry" "$gst_heads" doctor
out_has '^  MISSING videoconvert .*apt install gstreamer1.0-plugins-base'
out_has '^  -       gdppay .*apt install gstreamer1.0-plugins-bad'
out_has '^  -       a window .*apt install gstreamer1.0-x$'
expect 1 env GST_HEADS_MODEL_PATH="$folder" "$gst_heads" doctor
out_has '^  MISSING default '
out_has "^Models (looked for in $folder"
printf 'no model' >default.safetensors
expect 1 env GST_HEADS_MODEL_PATH="$folder" "$gst_heads" doctor
out_has '^  MISSING default .*default.safetensors'
expect 1 "$gst_heads" doctor extra

finish
