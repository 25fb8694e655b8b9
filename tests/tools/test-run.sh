#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-run.sh GST_HEADS: gst-heads run with elements of GStreamer's core and base: statuses, words, signals, variables.
gst_heads=$(realpath "$1")
. "$(dirname -- "$0")/check.sh"

cat >card.pipeline <<'END'
# A test card.
# N frames of it, each W pixels wide.
videotestsrc num-buffers=${N:-3} is-live=${LIVE:-false}
  ! video/x-raw,width=${W:-64},height=48,framerate=20/1
  ! ${@SINK:-fakesink}
END

# End of stream, states in order, nothing on stdout.
expect 0 "$gst_heads" run card
err_has '^PAUSED$'
err_has '^PLAYING$'
err_has '^end of stream'
[ ! -s out ] || bad "something on stdout"
expect 0 "$gst_heads" run -q card.pipeline
[ ! -s err ] || bad "--quiet is not quiet"
expect 0 "$gst_heads" run ./card.pipeline N=2 W=32 'SINK=identity ! fakesink'
limited "$gst_heads" run -q - <card.pipeline || bad "standard input"

# What is printed, and that values stay values.
expect 0 "$gst_heads" run --print card 'W=64 ! filesink location=evil'
out_has 'width=64\\ \\!\\ filesink\\ location=evil,height'
expect 2 "$gst_heads" run card 'W=64 ! filesink location=evil'
[ ! -e evil ] || bad "a value became an element"
expect 0 "$gst_heads" run --describe card
out_has '^A test card\.$'
out_has '^  N=3$'
expect 0 "$gst_heads" run --list
out_has '^card.pipeline  *A test card\.$'
expect 0 "$gst_heads" run --validate card
out_has 'sound'

# Wrong usage.
expect 1 "$gst_heads" run
expect 1 "$gst_heads" run nowhere
err_has 'no pipeline file nowhere'
expect 1 "$gst_heads" run card --frobnicate
expect 1 "$gst_heads" run card M=1
err_has 'has no variable M; it has N, LIVE, W, SINK'
expect 1 "$gst_heads" run card N=1 N=2
err_has 'given twice'
expect 1 "$gst_heads" run card extra
err_has 'neither an option nor NAME=VALUE'
expect 1 "$gst_heads" frobnicate
expect 1 "$gst_heads"
expect 0 "$gst_heads" help
out_has 'inspect'
expect 0 "$gst_heads" help run
expect 0 "$gst_heads" --version
out_has '^gst-heads [0-9]'

# Faults of a file, with their place.
printf 'videotestsrc\n ! no-such-element\n ! fakesink\n' >missing.pipeline
expect 2 "$gst_heads" run missing
err_has 'missing.pipeline:2: there is no element no-such-element'
printf '# x264 is in another package\nvideotestsrc ! \nx264enc-x ! nvh264enc-x ! fakesink\n' >several.pipeline
expect 2 "$gst_heads" run several
err_has 'several.pipeline:3: there is no element x264enc-x'
printf 'videotestsrc\n colour=1 ! fakesink\n' >property.pipeline
expect 2 "$gst_heads" run property
err_has 'property.pipeline:2: no property "colour"'
printf 'videotestsrc\n num-buffers=3s ! fakesink\n' >value.pipeline
expect 2 "$gst_heads" run value
err_has 'value.pipeline:2: could not set property "num-buffers"'
err_has '^  num-buffers of videotestsrc takes a whole number from -1 to 2147483647 (Number of buffers'
printf 'videotestsrc\n num-buffers=-7 ! fakesink\n' >range.pipeline
expect 2 "$gst_heads" run --validate range
err_has 'range.pipeline:2: num-buffers=-7 is out of range: num-buffers of videotestsrc takes a whole number from -1 to'
err_lacks 'GLib-GObject'
printf 'videotestsrc ! ! fakesink\n' >syntax.pipeline
expect 2 "$gst_heads" run syntax
printf 'videotestsrc ! audioconvert ! fakesink\n' >link.pipeline
expect 2 "$gst_heads" run link
# shellcheck disable=SC2016 # not the shell's variable
printf '\n\nfilesrc location=${FILE} ! fakesink\n' >unset.pipeline
expect 2 "$gst_heads" run unset
err_has 'unset.pipeline:3: the variable FILE needs a value'
: >empty.pipeline
expect 2 "$gst_heads" run empty
err_has 'holds no pipeline'

# Errors while running name the element; debugging text only on request.
expect 3 "$gst_heads" run unset FILE=nowhere.bin
err_has '^error from filesrc0: '
err_has '  location: nowhere.bin$'
err_lacks 'gstfilesrc.c'
expect 3 "$gst_heads" run --verbose unset FILE=nowhere.bin
err_has 'gstfilesrc.c'
cat >secret.pipeline <<'END'
uridecodebin uri=${URI:-rtsp://me:hunter2@127.0.0.1:9/stream?hunter2} ! fakesink
END
expect 3 "$gst_heads" run --verbose --messages secret
err_lacks hunter2
expect 3 "$gst_heads" run --verbose secret URI='rtsp://me:hunter2@127.0.0.1:9/?token=hunter2'
err_lacks hunter2
expect 1 "$gst_heads" run secret "URJ=http://me:hunter2@camera"
err_lacks hunter2
printf 'videotestsrc ! identity name=me error-after=3 ! fakesink\n' >later.pipeline
expect 3 "$gst_heads" run later
err_has '^error from me (identity): '
printf 'filesrc location=card.pipeline ! videoconvert ! fakesink\n' >caps.pipeline
expect 3 "$gst_heads" run caps
err_has 'hint: '

# Time, Ctrl-C, Ctrl-C twice and three times.
expect 0 "$gst_heads" run -t 0.5 card N=100000 LIVE=true
err_has 'time given is over'
interrupted () {
  status=0
  : >err
  "$gst_heads" run "$@" >out 2>err &
  child=$!
  tries=0
  until grep -q PLAYING err || [ "$tries" -eq 240 ]; do        # sanitizers start slowly on a loaded machine
    tries=$((tries + 1))
    sleep 0.25
  done
  kill -s "$signal" "$child"
  for _ in $again; do
    sleep 0.8
    kill -s "$signal" "$child"
  done
  wait "$child" || status=$?
}
again='' signal=TERM
interrupted card N=100000 LIVE=true
[ "$status" -eq 4 ] || bad "SIGTERM gives $status instead of 4"
err_has 'ended in order'
printf 'videotestsrc is-live=true ! queue ! identity sleep-time=60000000 ! fakesink async=false\n' >stuck.pipeline
again='second'
began=$(date +%s)
interrupted --eos-wait 4 stuck
[ "$status" -eq 5 ] || bad "two signals give $status instead of 5"
[ $(($(date +%s) - began)) -ge 4 ] || bad "elements did not have their time to stop"
err_has 'stopping at once; a third time kills'
again='second third' signal=INT
began=$(date +%s)
interrupted stuck
[ "$status" -eq 5 ] || bad "three signals give $status instead of 5"
[ $(($(date +%s) - began)) -lt 20 ] || bad "the third signal did not kill"
expect 5 "$gst_heads" run -t 0.5 --eos-wait 0.5 stuck
err_has 'did not come within 0.5 s'

# A window needs a screen.
printf 'videotestsrc num-buffers=1 ! autovideosink\n' >window.pipeline
expect 0 env -u DISPLAY -u WAYLAND_DISPLAY "$gst_heads" run --validate window
err_has 'neither DISPLAY nor WAYLAND_DISPLAY names a screen.*SINK=fakesink'
expect 0 env DISPLAY=:0 "$gst_heads" run --validate window
err_lacks DISPLAY

finish
