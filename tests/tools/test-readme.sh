#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# test-readme.sh README GST_HEADS: runs every indented gst-launch-1.0 and gst-heads line of README.md, in their order,
# in a folder that has the files they name. Those that need a camera are skipped. So that they end, and soon, and without a
# screen, a few words are exchanged; see shorten(). Output is TAP.
set -eu

readme=$(realpath "$1")
gst_heads=$(realpath "$2")
PATH=$(dirname -- "$gst_heads"):$PATH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
cd "$work"

# Prints one command a line.
list_commands () {
  awk '
    !/^    / { command = ""; next }
    { sub (/^    (\$ )?/, ""); sub (/^ +/, "") }
    command != "" || /^(gst-launch-1\.0|gst-heads) / {
      command = command $0
      if (sub (/\\$/, "", command))
        next
      print command
      command = ""
    }' "$readme"
}

shorten () {
  sed -e 's/plaza-test-src !/plaza-test-src num-buffers=3 !/' -e 's/autovideosink/fakevideosink/' \
    -e 's/num-buffers=300/num-buffers=60/' \
    -e 's/--steps=[0-9]*/--steps=4 --threads=1/' -e "s|file:///films/square.mp4|file://$work/film.mkv|"
}

# train NAME: a head for the encoder.
train () {
  gst-heads train-head --images=frames --labels=frames/labels.csv --label-column=people --kind=count --name="$1" \
    --encoder=encoder.safetensors
}

# frames and their labels, an encoder, heads for it and a film. In a chain, since set -e is off in a condition.
prepare () {
  mkdir frames &&
    gst-heads run --quiet capture-labels DIR=frames N=24 WIDTH=320 HEIGHT=192 &&
    gst-heads init-encoder encoder.safetensors &&
    train people && train weather &&
    gst-launch-1.0 -q plaza-test-src num-buffers=3 ! video/x-raw,width=320,height=192 ! videoconvert ! jpegenc ! \
      matroskamux ! filesink location=film.mkv
}

for element in jpegenc jpegdec multifilesink matroskamux matroskademux; do
  if ! gst-inspect-1.0 --exists $element; then
    echo "1..0 # SKIP this machine lacks $element"
    exit 0
  fi
done
if ! prepare >output 2>&1; then
  sed 's/^/# /' output
  echo "Bail out! the files for the commands cannot be made"
  exit 1
fi
list_commands >commands
echo "1..$(wc -l <commands)"
n=0
while IFS= read -r command; do
  n=$((n + 1))
  what="$n - $(printf %s "$command" | tr -d '#')"
  case $command in
    *rtsp://*|*youtube.com*)
      echo "ok $what # SKIP needs a camera"
      continue
      ;;
  esac
  status=0
  timeout -k 5 100 sh -c "$(printf '%s\n' "$command" | shorten)" </dev/null >output 2>&1 || status=$?
  [ $status -eq 0 ] && [ -s output ] && echo "ok $what" && continue
  echo "not ok $what"
  echo "# exit status $status"
  sed 's/^/# /' output | tail -n 20
done <commands
[ $n -ge 5 ] || echo "Bail out! only $n commands were found in the README"
