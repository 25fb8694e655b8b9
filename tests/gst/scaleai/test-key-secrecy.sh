#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# test-key-secrecy.sh SCALE-SERVER: uploads with everything that GStreamer, GLib and libsoup can be made to say switched on,
# from a key in the environment and from one in a file, accepted and not, and looks for the key in all of it: logs of every
# level, dot files, messages on the bus, properties, what gst-launch-1.0 prints, the dataset. TAP.
server=$1
key=test_fiddlesticks_7261
# As it is, and as it is sent: "KEY:" in base64.
secrets="fiddlesticks_7261 $(printf '%s:' "$key" | base64 | cut -c 6-28)"
work=$(mktemp -d) || exit 1
mkfifo "$work/stop"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
command -v gst-launch-1.0 >/dev/null || { echo "1..0 # SKIP gst-launch-1.0 is not installed"; exit 0; }

"$server" --key=$key < "$work/stop" > "$work/url" &
exec 3> "$work/stop"
n=0
while [ ! -s "$work/url" ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
url=$(cat "$work/url")
unset SCALE_API_KEY

# upload NAME SETTINGS: with the key's project missing at first, which a warning tells.
upload () {
  mkdir -p "$work/$1/dots"
  GST_DEBUG='*:9' GST_DEBUG_NO_COLOR=1 G_MESSAGES_DEBUG=all SOUP_DEBUG=all GST_DEBUG_DUMP_DOT_DIR="$work/$1/dots" \
    timeout -k 5 100 gst-launch-1.0 -v -m videotestsrc num-buffers=2 ! video/x-raw,width=64,height=48 ! \
    scale-uploader location="$work/$1/set" project=square base-url="$url/v1" drain-time=500000000 $2 \
    > "$work/$1/output" 2> "$work/$1/log"
}

# check NAME WORDS: the run happened, and said these words somewhere.
number=0
check () {
  number=$((number + 1))
  found=
  for secret in $secrets; do
    found="$found$(grep -rlaF -e "$secret" "$work/$1" | tr '\n' ' ')"
  done
  if [ -n "$found" ]; then
    echo "not ok $number - $1: the key is in $found"
  elif [ ! -s "$work/$1/log" ] || ! grep -qa "$2" "$work/$1/output" || [ -z "$(ls "$work/$1/dots")" ]; then
    echo "not ok $number - $1: it did not run as meant"
    tail -n 20 "$work/$1/output" | sed 's/^/# /'
  else
    echo "ok $number - $1: $(wc -l < "$work/$1/log") lines of logs, $(find "$work/$1/dots" -type f | wc -l) dot files"
  fi
}

echo 1..4
(umask 077; echo $key > "$work/key")
SCALE_API_KEY=$key upload environment
check environment scale-upload-trouble
upload file "key-file=$work/key"
check file scale-upload-trouble
SCALE_API_KEY=${key}_wrong upload refused
check refused 'key is not accepted'

# What is no key is not said either.
number=$((number + 1))
SCALE_API_KEY="$key with words" gst-launch-1.0 videotestsrc num-buffers=1 ! scale-uploader location="$work/x" project=square \
  > "$work/malformed" 2>&1
if grep -qaF fiddlesticks "$work/malformed" || ! grep -q 'holds no API key' "$work/malformed"; then
  echo "not ok $number - malformed"
else
  echo "ok $number - malformed"
fi
exec 3>&-
wait
