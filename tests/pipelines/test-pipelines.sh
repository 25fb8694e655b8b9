#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-pipelines.sh NAME GST_HEADS MAKE_HEADS: runs pipelines/NAME.pipeline as it is and looks at what comes out.
name=$1
gst_heads=$(realpath "$2")
make_heads=$(realpath "$3")
. "$(dirname -- "$0")/../tools/check.sh"

heads () {
  "$make_heads" default "$folder"
  HEADS=people.safetensors,time.safetensors
}

# Skips where an element of other packages is missing.
needs () {
  for element in "$@"; do
    "$gst_heads" doctor >doctor.out || true
    if grep -q "^  - *$element " doctor.out; then
      echo "SKIP: no $element here"
      exit 77
    fi
  done
}

# pts and predictions of every line, for comparisons.
numbers () {
  sed 's/.*"pts_ns":\([0-9]*\).*"predictions":/\1 /' "$1" | sort -n
}

lines_of () {
  lines=$(wc -l <"$1")
  [ "$lines" -eq "$2" ] || bad "$lines lines in $1 instead of $2"
}

test_capture_labels () {
  needs jpegenc multifilesink
  mkdir "a folder"
  expect 0 "$gst_heads" run capture-labels DIR="a folder" N=5 SEED=3 WIDTH=480 HEIGHT=288
  lines_of "a folder/labels.csv" 6
  head -n 1 "a folder/labels.csv" | grep -q '^file,people,minute_of_day$' || bad "another heading"
  for n in 0 1 2 3 4; do
    grep -q "^frame-0000$n.jpg,[0-9]*,[0-9.]*$" "a folder/labels.csv" || bad "no line for frame $n"
    [ -s "a folder/frame-0000$n.jpg" ] || bad "no frame $n"
  done
  expect 3 "$gst_heads" run capture-labels DIR=nowhere N=1
  err_has nowhere
}

test_predict_live () {
  heads
  expect 0 "$gst_heads" run predict-live HEADS=$HEADS SINK=fakevideosink \
    SOURCE='plaza-test-src seed=5 num-buffers=8 ! video/x-raw,width=480,height=288 ! identity'
  # The queue may drop frames that come faster than they are encoded.
  [ -s out ] || bad "no predictions"
  out_has '^{"time":"[0-9T:.-]*Z","pts_ns":.*"people":{"kind":"count",.*"time":{"kind":"time".*}}$'
  expect 0 "$gst_heads" run predict-live HEADS=$HEADS SINK=fakesink QUEUE=queue \
    SOURCE='plaza-test-src seed=5 num-buffers=8 ! video/x-raw,width=480,height=288 ! identity'
  lines_of out 8
  expect 0 "$gst_heads" run -t 2 predict-live HEADS=$HEADS SINK=fakevideosink PREDICTIONS=live.jsonl
  [ -s live.jsonl ] || bad "no predictions from the live plaza"
  expect 3 "$gst_heads" run predict-live HEADS=nowhere.safetensors SINK=fakevideosink
  err_has 'nowhere.safetensors'
}

test_predict_file () {
  needs jpegenc matroskamux
  heads
  # shellcheck disable=SC2016 # not the shell's variable
  printf 'plaza-test-src seed=5 num-buffers=12 ! video/x-raw,width=480,height=288,framerate=10/1 ! videoconvert ! jpegenc
    ! matroskamux ! filesink location=%s' 'a film.mkv' | sed 's/a film/"a film/; s/mkv$/mkv"/' >film.pipeline
  expect 0 "$gst_heads" run film
  expect 0 "$gst_heads" run predict-file FILE="a film.mkv" HEADS=$HEADS PREDICTIONS=all.jsonl
  lines_of all.jsonl 12
  expect 0 "$gst_heads" run predict-file FILE="a film.mkv" HEADS=$HEADS INTERVAL=500000000
  lines_of out 3
  expect 3 "$gst_heads" run predict-file FILE=nowhere.mkv HEADS=$HEADS
  err_has nowhere.mkv
  expect 2 "$gst_heads" run predict-file FILE="a film.mkv"
  err_has 'HEADS needs a value'
}

# The shipped heads on moments they have not seen: far better than guessing, which is off by 3.1 people and 6 hours.
test_predict_plaza () {
  expect 0 "$gst_heads" run predict-plaza SEED=5 SHUFFLE=true N=40 TRUTH=truth.csv PREDICTIONS=all.jsonl SINK=fakesink
  lines_of all.jsonl 40
  lines_of truth.csv 41
  sed 's/.*"people":{[^}]*"value":\([-0-9.e+]*\).*"time":{[^}]*"value":\([-0-9.e+]*\).*/\1 \2/' all.jsonl >said.txt
  sed 1d truth.csv | tr , ' ' | paste -d' ' said.txt - | awk '
    { people = $1 - $4; minutes = $2 - $5
      people = people < 0 ? -people : people; minutes = minutes < 0 ? -minutes : minutes
      p += people; m += minutes > 720 ? 1440 - minutes : minutes }
    END { printf "off by %.2f people and %.0f minutes\n", p / NR, m / NR; exit !(NR == 40 && p / NR < 1.6 && m / NR < 120) }
    ' || bad "the heads do not answer what they were trained for"
}

# Both halves over loopback give what one process gives.
test_split () {
  needs gdppay tcpserversink
  heads
  source='plaza-test-src seed=5 is-live=true num-buffers=40 ! video/x-raw,width=480,height=288,framerate=10/1'
  port=$(free_port)
  "$gst_heads" run datacentre SOURCE="$source" PORT=$port >center.out 2>&1 &
  center=$!
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    got=0
    limited "$gst_heads" run edge PORT=$port HEADS=$HEADS PREDICTIONS=edge.jsonl >out 2>err || got=$?
    [ "$got" -eq 3 ] || break
    sleep 0.2
  done
  [ "$got" -eq 0 ] || bad "status $got of edge"
  wait $center || { cp center.out err; bad "status $? of datacentre"; }
  printf '%s ! videoconvert ! mae-encoder ! head-predict heads=%s location=near.jsonl ! fakesink' \
    "$(printf %s "$source" | sed 's/is-live=true //')" $HEADS >near.pipeline
  expect 0 "$gst_heads" run near
  numbers edge.jsonl >edge.txt
  numbers near.jsonl >near.txt
  common=$(sort edge.txt near.txt | uniq -d | wc -l)
  stamps=$( (cut -d' ' -f1 edge.txt; cut -d' ' -f1 near.txt) | sort | uniq -d | wc -l)
  echo "$(wc -l <edge.txt) far, $(wc -l <near.txt) near, $stamps the same frame, $common of them the same numbers"
  [ "$stamps" -ge 5 ] || bad "too few frames in common"
  [ "$common" -eq "$stamps" ] || bad "the halves give other numbers"
}

# From pictures and from a live source; the encoder is one that head training and prediction take.
test_train_encoder () {
  printf '{"height": 48, "width": 80, "patch": 16, "dim": 32, "depth": 1, "heads": 1, "head_dim": 32, "mlp": 64, "dec_mlp": 32,
    "embedding": 16, "dec_dim": 16, "dec_depth": 1, "dec_heads": 1, "dec_head_dim": 16}' >small.json
  expect 0 "$gst_heads" run train-encoder CONFIG=small.json N=20 STEPS=100 BATCH=4 LR=0.003 OUTPUT=a.safetensors
  err_has 'note from .*mae-trainer.*frames are collected until the stream ends.*mode=live'
  err_has 'note from .*mae-trainer.*100 steps, loss 0\.[0-9]*; written: a.safetensors'
  [ "$(echo *checkpoint*)" = '*checkpoint*' ] || bad "a checkpoint that nobody asked for"
  # A checkpoint goes on when there are steps left; one that is done is nobody's result.
  expect 0 "$gst_heads" run train-encoder CONFIG=small.json N=20 STEPS=50 BATCH=4 LR=0.003 CHECKPOINT=run.checkpoint \
    OUTPUT=b.safetensors
  expect 3 "$gst_heads" run train-encoder CONFIG=small.json N=3 STEPS=50 CHECKPOINT=run.checkpoint OUTPUT=c.safetensors
  err_has 'The checkpoint run.checkpoint has had all its 50 steps. Set .steps. to more, or .checkpoint. to another file'
  [ ! -e c.safetensors ] || bad "an encoder of another training"
  expect 0 "$gst_heads" run train-encoder CONFIG=small.json N=20 STEPS=60 BATCH=4 CHECKPOINT=run.checkpoint \
    OUTPUT=b.safetensors
  err_has 'goes on after step 50'
  # Cut short it keeps what it has learned, or says that it cannot.
  expect 5 "$gst_heads" run -t 2 --eos-wait 0.2 train-encoder CONFIG=small.json N=4 STEPS=1000000 \
    CHECKPOINT=cut.checkpoint OUTPUT=c.safetensors
  [ -s cut.checkpoint ] || bad "no checkpoint of a training that was cut short"
  mkdir gone
  : >err
  "$gst_heads" run -t 3 --eos-wait 0.2 train-encoder CONFIG=small.json N=4 STEPS=1000000 \
    CHECKPOINT=gone/cut.checkpoint OUTPUT=c.safetensors >out 2>err &
  child=$!
  for _ in $(seq 100); do
    grep -q PLAYING err && break
    sleep 0.1
  done
  rm -r gone
  got=0
  wait $child || got=$?
  [ "$got" -eq 5 ] || bad "status $got instead of 5"
  err_has 'gone/cut.checkpoint.*What was learned since the checkpoint before is lost'
  expect 0 "$gst_heads" run train-encoder CONFIG=small.json N=120 STEPS=20 MODE=live OUTPUT=d.safetensors
  err_lacks 'collected'
  expect 0 "$gst_heads" run -t 3 train-encoder CONFIG=small.json STEPS=1000000 LR=0.003 CHECKPOINT=live.checkpoint \
    SOURCE='plaza-test-src is-live=true ! video/x-raw,width=160,height=96,framerate=100/1' OUTPUT=live.safetensors
  err_has 'written: live.safetensors'
  expect 0 "$gst_heads" run train-head N=12 MODEL=a.safetensors
  err_has 'people: held-out mean absolute error in people'
  expect 0 "$gst_heads" run predict-plaza N=3 MODEL=a.safetensors HEADS=people.safetensors SINK=fakesink
  lines_of out 3
  expect 3 "$gst_heads" run train-encoder OUTPUT=nowhere/a.safetensors
  err_has 'nowhere/a.safetensors'
}

test_train_head () {
  expect 0 "$gst_heads" run train-head N=20
  err_has 'note from .*head-trainer.*people: held-out mean absolute error in people.*20 labels; people.safetensors'
  expect 0 "$gst_heads" run train-head N=12 LABEL=GstPlazaTruth.minute-of-day KIND=time UNIT= OUTPUT=time.safetensors
  err_has 'minute-of-day: held-out mean absolute error in minutes'
  expect 0 "$gst_heads" inspect time.safetensors
  out_has 'learned    from 12 labels'
  expect 3 "$gst_heads" run train-head N=12 LABEL=GstPlazaTruth.dogs
  err_has 'None of 12 frames has a label'
}

# A live origin on the loopback: sets port.
start_origin () {
  mkdir segments
  mkfifo fed
  "$HLS_ORIGIN" segments 0.5 <fed >port 2>err &
  origin=$!
  exec 3>fed
  for _ in $(seq 200); do
    [ ! -s port ] || break
    kill -0 $origin 2>/dev/null || break
    sleep 0.1
  done
  if [ ! -s port ]; then
    cat err
    echo "SKIP: no origin of live video here"
    exit 77
  fi
  port=$(cat port)
}

stop_origin () {
  exec 3>&-
  wait $origin
}

# Training data of a live camera: what is counted is stored, and so is the outage; a reader may look on meanwhile.
test_capture () {
  start_origin
  "$gst_heads" run capture URI="http://127.0.0.1:$port/live.m3u8" INTERVAL=500000000 NAME=square DIR=square MIN_FREE=0 \
    >out 2>err &
  child=$!
  await_stored 3
  control "$port" segment=403
  for _ in $(seq 100); do
    ! grep -q 'no frames from square: http_403' err || break
    sleep 0.1
  done
  control "$port" segment=0
  await_stored 6
  kill -INT $child
  got=0
  wait $child || got=$?
  [ "$got" -eq 4 ] || bad "status $got instead of 4"
  stop_origin
  expect 0 "$gst_heads" dataset verify square
  expect 0 "$gst_heads" dataset stats square
  out_has ' 1 outage;'
  expect 0 "$gst_heads" dataset list square
  out_has '  square  160x120$\|  square  320x240$'
}

# With the key only in a file, and predictions going along.
test_label () {
  start_origin
  heads
  (umask 077; echo test_scale_server >key)
  mkfifo served
  mkdir images
  "$SCALE_SERVER" --images=images <served >url 2>/dev/null 3>&- &
  service=$!
  exec 4>served
  for _ in $(seq 100); do
    [ ! -s url ] || break
    sleep 0.1
  done
  python3 -c 'import sys, urllib.request; urllib.request.urlopen (urllib.request.Request (sys.argv[1] + "/v1/projects",
    b"{\"name\":\"square\",\"type\":\"imageannotation\",\"rapid\":true,"
    b"\"params\":{\"instruction\":\"Box every person.\",\"geometries\":{\"box\":{\"objects_to_annotate\":[\"person\"]}}}}",
    {"Authorization": "Basic dGVzdF9zY2FsZV9zZXJ2ZXI6", "Content-Type": "application/json"}))' "$(cat url)"
  "$gst_heads" run label URI="http://127.0.0.1:$port/live.m3u8" INTERVAL=500000000 NAME=square DIR=square PROJECT=square \
    PREDICT="head-predict heads=$HEADS" KEY_FILE=key BASE_URL="$(cat url)/v1" SELECT=novelty BUDGET=5 \
    MAX_TASKS=1 FINALIZE=true CONFIRM=true >out 2>err &
  child=$!
  for _ in $(seq 300); do
    [ "$(find images -type f | wc -l)" -eq 0 ] || break       # one: the origin's picture stands still
    sleep 0.1
  done
  kill -INT $child
  got=0
  wait $child || got=$?
  [ "$got" -eq 4 ] || bad "status $got instead of 4"
  stop_origin
  python3 -c 'import sys, urllib.request; sys.stdout.buffer.write (urllib.request.urlopen (sys.argv[1] +
    "/control/state").read ())' "$(cat url)" >out
  exec 4>&-
  wait $service
  out_has '"image_path":"frames/'
  out_has '"predicted_people":'
  out_has '"source_name":"square"'
  out_has '"status":"in_progress"'
  expect 0 "$gst_heads" dataset verify square
}

# What the heads say of each picture that the origin has, from a segment itself; all are alike, but the ball in them
# moves. In reference.txt.
refer_to_segment () {
  expect 0 "$gst_heads" run predict-file FILE=segments/0.ts HEADS="$HEADS" PREDICTIONS=segment.jsonl
  predictions segment.jsonl | sort -u >reference.txt
  [ "$(wc -l <reference.txt)" -ge 8 ] || bad "there are $(wc -l <reference.txt) pictures, not ten"
}

predictions () {
  sed 's/.*"predictions"://' "$1"
}

# are_true FILE: every line of it answers a picture of the origin.
are_true () {
  predictions "$1" | sort -u >said.txt
  comm -23 said.txt reference.txt >false.txt
  [ ! -s false.txt ] || bad "$(wc -l <false.txt) of $(wc -l <said.txt) answers in $1 are of no picture of the origin"
}

# A line for a frame, with the time at which the camera took it.
test_predict_live_hls () {
  start_origin
  heads
  refer_to_segment
  before=$(date -u +%Y-%m-%dT%H:%M)
  expect 0 "$gst_heads" run predict-live HEADS=$HEADS SINK=fakevideosink QUEUE=queue PREDICTIONS=live.jsonl \
    SOURCE="live-src uri=http://127.0.0.1:$port/live.m3u8 interval=0 num-buffers=30"
  after=$(date -u +%Y-%m-%dT%H:%M)
  # A machine that is too busy lets frames pass unanswered.
  lines=$(wc -l <live.jsonl)
  [ "$lines" -ge 1 ] || bad "no predictions"
  [ "$lines" -le 30 ] || bad "$lines lines for 30 frames"
  are_true live.jsonl
  first=$(sed -n '1s/^{"time":"\([0-9-]*T[0-9]*:[0-9]*\):.*"pts_ns":[0-9]*,"running_time_ns":[0-9]*,.*/\1/p' live.jsonl)
  # It is seconds old.
  case " $(date -u -d "$before:00Z -1 minute" +%Y-%m-%dT%H:%M) $before $after " in
    *" $first "*) ;;
    *) bad "the first frame is of \"$first\", not of $before" ;;
  esac
  # With a queue that drops what is too fast, and through the master playlist.
  expect 0 "$gst_heads" run -t 3 predict-live HEADS=$HEADS SINK=fakevideosink PREDICTIONS=some.jsonl \
    SOURCE="live-src uri=http://127.0.0.1:$port/master.m3u8 interval=0"
  [ -s some.jsonl ] || bad "no predictions"
  are_true some.jsonl
  stop_origin
}

# Beside the live camera, until Ctrl-C, through an outage; the encoder is one that everything takes.
test_train_encoder_hls () {
  start_origin
  printf '{"height": 48, "width": 64, "patch": 16, "dim": 32, "depth": 1, "heads": 1, "head_dim": 32, "mlp": 64,
    "dec_mlp": 32, "embedding": 16, "dec_dim": 16, "dec_depth": 1, "dec_heads": 1, "dec_head_dim": 16}' >small.json
  source="live-src name=camera uri=http://127.0.0.1:$port/live.m3u8 interval=0"
  "$gst_heads" run --status-port=0 train-encoder SOURCE="$source" CONFIG=small.json STEPS=1000000 LR=0.003 \
    CHECKPOINT=live.checkpoint OUTPUT=live.safetensors >out 2>err &
  child=$!
  await_frames 150
  control "$port" playlist=403
  await_words err 'no frames from 127.0.0.1: http_403'
  control "$port" playlist=0
  await_words err 'frames from 127.0.0.1 again'
  await_frames 200
  kill -INT $child
  ended $child 4
  err_has 'note from .*mae-trainer.* steps, loss [01]\.[0-9]*; written: live.safetensors'
  err_lacks 'collected'
  [ -s live.checkpoint ] || bad "no checkpoint"
  expect 0 "$gst_heads" run train-head N=12 MODEL=live.safetensors
  expect 0 "$gst_heads" run predict-live MODEL=live.safetensors HEADS=people.safetensors SINK=fakevideosink \
    QUEUE=queue SOURCE="live-src uri=http://127.0.0.1:$port/live.m3u8 interval=500000000 num-buffers=3"
  out_has '^{"time":"[0-9T:.-]*Z","pts_ns":.*"people":{"kind":"count",.*}}$'
  stop_origin
}

# From frames as they come, which know their number in the stream; and from kept ones, with labels given later.
test_train_head_hls () {
  start_origin
  expect 0 "$gst_heads" run train-head LABEL=GstCaptureInfo.media-sequence KIND=scalar UNIT=segments \
    SOURCE="live-src uri=http://127.0.0.1:$port/live.m3u8 interval=0 num-buffers=40" OUTPUT=live.safetensors
  err_has 'note from .*head-trainer.*held-out mean absolute error in segments.* [1-4][0-9] labels; live.safetensors'
  expect 0 "$gst_heads" inspect live.safetensors
  out_has 'learned    from [1-4][0-9] labels'
  out_has 'held out .*mean absolute error in segments.*constant predictor'
  "$gst_heads" run capture URI="http://127.0.0.1:$port/live.m3u8" INTERVAL=500000000 NAME=square DIR=square MIN_FREE=0 \
    >out 2>err &
  child=$!
  await_stored 12
  kill -INT $child
  ended $child 4
  stop_origin
  expect 0 "$gst_heads" dataset export square --output=frames.csv
  awk -F, 'NR == 1 { print "file,people" } NR > 1 && NR <= 13 { print $1 "," NR % 4 }' frames.csv >people.csv
  expect 0 "$gst_heads" dataset label square --csv=people.csv --task=people
  expect 0 "$gst_heads" run train-head SOURCE='dataset-src location=square' LABEL=GstFrameLabels.people
  err_has 'note from .*head-trainer.*people: held-out mean absolute error in people.*12 labels; people.safetensors'
}

# The half that sees pixels has a live camera. The others start when they like, answer what it sees and end with it.
test_split_hls () {
  needs gdppay tcpserversink
  start_origin
  heads
  refer_to_segment
  service=$(free_port)
  "$gst_heads" run datacentre PORT=$service \
    SOURCE="live-src uri=http://127.0.0.1:$port/live.m3u8 interval=0" >center.out 2>center.err &
  center=$!
  start_edge one
  echo $! >one.pid
  await_lines one.jsonl 10
  start_edge two
  echo $! >two.pid
  await_lines two.jsonl 10
  control "$port" playlist=403
  await_words center.err 'no frames from 127.0.0.1: http_403'
  control "$port" playlist=0
  await_words center.err 'frames from 127.0.0.1 again'
  await_lines two.jsonl $(($(wc -l <two.jsonl) + 5))
  kill -INT $center
  cp center.err err
  ended $center 4
  for half in one two; do
    cp $half.err err
    ended "$(cat $half.pid)" 0
    err_has 'end of stream'
  done
  are_true one.jsonl
  are_true two.jsonl
  stop_origin
  expect 3 "$gst_heads" run edge PORT=$service HEADS=$HEADS
}

# start_edge NAME: sets $!. The other half may not listen yet.
start_edge () {
  for _ in $(seq 50); do
    "$gst_heads" run edge PORT="$service" HEADS="$HEADS" PREDICTIONS="$1.jsonl" >"$1.out" 2>"$1.err" &
    while kill -0 $! 2>/dev/null; do
      [ ! -s "$1.jsonl" ] || return 0
      sleep 0.1
    done
  done
  cat center.err "$1.err" >err
  bad "edge $1 gets nothing"
}

# ended PID STATUS
ended () {
  got=0
  wait "$1" || got=$?
  [ "$got" -eq "$2" ] || bad "status $got instead of $2"
}

# await_words FILE PATTERN
await_words () {
  for _ in $(seq 300); do
    ! grep -q -e "$2" "$1" || return 0
    sleep 0.1
  done
  bad "no \"$2\" in $1"
}

# await_frames N: of the live-src "camera" of a run that serves a status page and writes to err.
await_frames () {
  await_words err 'http://127.0.0.1:[0-9]*/'
  page=$(sed -n 's|.*http://127.0.0.1:\([0-9]*\)/.*|\1|p' err | head -n 1)
  for _ in $(seq 300); do
    came=$(python3 -c 'import sys, urllib.request
print (urllib.request.urlopen ("http://127.0.0.1:%s/metrics" % sys.argv[1]).read ().decode ())' "$page" |
      sed -n 's/^gst_live_src_frames_total{element="camera"} \([0-9]*\).*/\1/p')
    [ "${came:-0}" -lt "$1" ] || return 0
    sleep 0.1
  done
  bad "only ${came:-0} of $1 frames came"
}

# await_stored N
await_stored () {
  for _ in $(seq 300); do
    stored=$("$gst_heads" dataset stats square 2>/dev/null | sed 's/ .*//')
    [ "${stored:-0}" -lt "$1" ] || return 0
    sleep 0.1
  done
  bad "only ${stored:-0} of $1 frames are stored"
}

# A live camera by HLS: frames through an outage, which is told, and how the status page knows.
test_watch () {
  start_origin
  heads
  "$gst_heads" run watch URI="http://127.0.0.1:$port/master.m3u8" INTERVAL=500000000 NAME=square HEADS=$HEADS \
    PREDICTIONS=watched.jsonl >out 2>err &
  child=$!
  await_lines watched.jsonl 2
  control "$port" playlist=403
  for _ in $(seq 100); do
    ! grep -q 'no frames from square: http_403' err || break
    sleep 0.1
  done
  err_has 'camera (live-src): no frames from square: http_403'
  control "$port" playlist=0
  lines=$(wc -l <watched.jsonl)
  await_lines watched.jsonl $((lines + 2))
  # A head that takes the place of another.
  cp "$("$gst_heads" inspect plaza-people | sed -n 1p)" other.safetensors
  mv other.safetensors people.safetensors
  for _ in $(seq 300); do
    [ "$(heads_in watched.jsonl)" -lt 2 ] || break
    sleep 0.1
  done
  [ "$(heads_in watched.jsonl)" -eq 2 ] || bad "the head that was replaced is not taken over"
  kill -INT $child
  got=0
  wait $child || got=$?
  [ "$got" -eq 4 ] || bad "status $got instead of 4"
  err_has 'frames from square again'
  [ "$(grep -ci 'frames from square' err)" -eq 2 ] || bad "an outage is told twice"
  # What was written stays when the camera is watched once more.
  lines=$(wc -l <watched.jsonl)
  expect 0 "$gst_heads" run -t 1 watch URI="http://127.0.0.1:$port/master.m3u8" NAME=square HEADS=$HEADS PREDICTIONS=watched.jsonl
  [ "$(wc -l <watched.jsonl)" -ge "$lines" ] || bad "a second run took the first one's predictions away"
  # A page, through the resolver: an outage of another kind, and no end.
  expect 0 "$gst_heads" run -t 2 watch URI="http://127.0.0.1:$port/page" \
    RESOLVER='sh -c "echo ERROR: has ended >&2; exit 1"' HEADS=$HEADS
  err_has 'no frames from 127.0.0.1: ended'
  stop_origin
}

# How many heads counted people in FILE.
heads_in () {
  sed 's/.*"unit":"people"[^}]*"head_id":"\([0-9a-f]*\)".*/\1/' "$1" | sort -u | wc -l
}

# await_lines FILE N
await_lines () {
  for _ in $(seq 300); do
    [ ! -s "$1" ] || [ "$(wc -l <"$1")" -lt "$2" ] || return 0
    sleep 0.1
  done
  bad "no $2 lines in $1"
}

# control PORT FAULT=NUMBER: as tests/harness/hls-origin.h has them.
control () {
  python3 -c 'import sys, urllib.request; urllib.request.urlopen ("http://127.0.0.1:%s/control?%s" % tuple (sys.argv[1:]))' "$1" "$2"
}

"test_$(printf %s "$name" | tr - _)"
finish
