#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-dataset.sh GST_HEADS: gst-heads dataset over what dataset-sink has kept.
gst_heads=$(realpath "$1")
. "$(dirname -- "$0")/check.sh"

cat >keep.pipeline <<'END'
plaza-test-src shuffle=true seed=3 num-buffers=${N:-30} ! video/x-raw,width=240,height=144
  ! dataset-sink location="${DIR}" source="a gate" labels=GstPlazaTruth.people
END
expect 0 "$gst_heads" run keep DIR="a folder"
expect 0 "$gst_heads" dataset stats "a folder"
out_has '^30 frames, .*, 30 labels, 0 outages'
out_has '^  a gate: 30 frames from 20[0-9T:.-]*Z to 20[0-9T:.-]*Z$'
cp out stats.txt
expect 0 "$gst_heads" dataset list "a folder"
span="from $(sed -n '1s/^[^ ]*  \([^ ]*\) .*/\1/p' out) to $(sed -n '$s/^[^ ]*  \([^ ]*\) .*/\1/p' out)"
grep -q "$span\$" stats.txt || bad "not $span"
[ "$(wc -l <out)" -eq 30 ] || bad "not 30 lines"
out_has '^[0-9T.]*-[0-9a-f]*  20[0-9T:.-]*Z  a gate.*  240x144  people=[0-9]*$'
expect 0 "$gst_heads" dataset verify "a folder"
expect 0 "$gst_heads" dataset export "a folder" --output=labels.csv
head -n 1 labels.csv | grep -q '^file,captured_at,source,people$' || bad "another heading"
[ "$(wc -l <labels.csv)" -eq 31 ] || bad "not 31 lines of CSV"

# Frames by source, time and label. The list shows milliseconds: frames are 50 of them apart.
cat >early.pipeline <<'END'
videotestsrc is-live=true pattern=ball num-buffers=${N:-4} ! video/x-raw,width=32,height=24,framerate=20/1
  ! dataset-sink location="${DIR}" source="${SOURCE}"
END
cp -r "a folder" two
expect 0 "$gst_heads" run early DIR=two SOURCE=early
lines () {  # N: of the last output
  [ "$(wc -l <out)" -eq "$1" ] || bad "not $1 lines"
}
expect 0 "$gst_heads" dataset list two --source=early
lines 4
time=$(sed -n 3p out | cut -d' ' -f3)
expect 0 "$gst_heads" dataset list two --source=early --before="$time"
lines 2
expect 0 "$gst_heads" dataset list two --source=early --after="$time"
lines 2
expect 0 "$gst_heads" dataset list two --after=2020-01-31 --before=2020-02-01T00:00:00+01:00
lines 0
err_has 'no frame fits'
expect 0 "$gst_heads" dataset list two --labeled
lines 30
expect 0 "$gst_heads" dataset list two --unlabeled
lines 4
expect 0 "$gst_heads" dataset list two --task=people --limit=7
lines 7
expect 0 "$gst_heads" dataset list two --unlabeled --task=people
lines 4
expect 0 "$gst_heads" dataset list two --unlabeled --task=dogs
lines 34
expect 0 "$gst_heads" dataset export two --source="a gate" --limit=5
lines 6
expect 0 "$gst_heads" dataset export two --unlabeled
grep -qx file,captured_at,source out || bad "columns of tasks that no frame has"
lines 5
expect 0 "$gst_heads" dataset export two --format=coco --source=early
[ "$(grep -c file_name out)" -eq 4 ] || bad "not 4 images in COCO"
expect 3 "$gst_heads" dataset list two --source=gate
err_has 'two has no "gate"; it has "a gate", "early"'
expect 1 "$gst_heads" dataset list two --after=yesterday
err_has '^gst-heads dataset: --after=yesterday is no time: write 2026-01-31T07:00:00Z'
expect 1 "$gst_heads" dataset export two --before=2026-02-30T00:00:00Z
err_has '^gst-heads dataset: --before=2026-02-30T00:00:00Z is no time'
expect 1 "$gst_heads" dataset list two --after=2026-02-01 --before=2026-01-01
err_has 'is not before'
expect 1 "$gst_heads" dataset list two --labeled --unlabeled
expect 1 "$gst_heads" dataset list two --limit=-2
expect 1 "$gst_heads" dataset list two --limit=few
expect 0 "$gst_heads" dataset list two --json
lines 34
if command -v python3 >/dev/null; then
  python3 - <<'END' || bad "the lines are not the JSON they should be"
import json
frames = [json.loads (line) for line in open ('out')]
assert [f['captured_at'] for f in frames] == sorted (f['captured_at'] for f in frames)
gate = [f for f in frames if f['source'] == 'a gate']
assert len (gate) == 30 and all (f['labels'][0]['task'] == 'people' and f['labels'][0]['value'].isdigit () for f in gate)
assert all (f['labels'] == [] and f['predictions'] == [] and (f['width'], f['height']) == (32, 24) for f in frames if f not in gate)
assert all (open ('two/' + f['file'], 'rb').seek (0, 2) == f['bytes'] and f['id'] in f['file'] for f in frames)
END
fi

# A second dataset of the same frames, while a capture writes the first.
"$gst_heads" run early DIR=two SOURCE=late N=1200 >capture.log 2>&1 &
capture=$!
while [ ! -e two/catalogue.lock ] || [ "$("$gst_heads" dataset list two --source=late 2>/dev/null | wc -l)" -lt 3 ]; do
  kill -0 $capture || break
  sleep 0.1
done
expect 0 "$gst_heads" dataset backup two three/
out_has '^[0-9]* frames, .*, [0-9]* images linked, 0 copied: three/$'
"$gst_heads" dataset list two --source=late --limit=1 | sed 's/ .*/,1/; 1i file,cats' >cats.csv
expect 0 "$gst_heads" dataset label two --csv=cats.csv --task=cats
expect 3 "$gst_heads" dataset prune two --max-frames=5
err_has 'two is being written by another process'
err_has 'stop what captures into it first, or let that delete by itself: max-age'
kill -0 $capture || bad "the capture has ended: $(cat capture.log)"
kill -INT $capture
wait $capture || true
expect 0 "$gst_heads" dataset list two --task=cats
lines 1
expect 0 "$gst_heads" dataset verify three
expect 0 "$gst_heads" dataset list three --source=late
[ "$(wc -l <out)" -ge 3 ] || bad "what was there before is not in the backup"
expect 3 "$gst_heads" dataset backup two three
err_has 'three is there already'
expect 1 "$gst_heads" dataset backup two
err_has 'backup needs a folder to make'
expect 1 "$gst_heads" dataset backup two four five
expect 1 "$gst_heads" dataset verify two three
expect 3 "$gst_heads" dataset backup nowhere four
[ ! -e four ] || bad "a backup of nothing"

# For whatever reads COCO: a box of a label with boxes, the others beside the image.
id=$("$gst_heads" dataset list "a folder" | head -n 1 | cut -d' ' -f1)
printf 'file,boxes\n%s,"[{""label"":""a \\""dog\\"""",""left"":1.5,""top"":2,""width"":3,""height"":4},{""label"":""cat"",""left"":0}]"\n' "$id" \
  >boxes.csv
cp -r "a folder" boxed
expect 0 "$gst_heads" dataset label boxed --csv=boxes.csv --task=boxes
expect 0 "$gst_heads" dataset export boxed --format=coco --output=coco.json
if command -v python3 >/dev/null; then
  python3 - "$id" <<'END' || bad "coco.json is not what it should be"
import json, sys
coco = json.load (open ('coco.json'))
assert len (coco['images']) == 30 and len ({i['id'] for i in coco['images']}) == 30
assert all (i['width'] == 240 and i['height'] == 144 and i['labels']['people'].isdigit () for i in coco['images'])
[box] = coco['annotations']
[image] = [i for i in coco['images'] if i['id'] == box['image_id']]
assert sys.argv[1] in image['file_name'] and 'boxes' not in image['labels']
assert box['bbox'] == [1.5, 2, 3, 4] and box['area'] == 12 and box['iscrowd'] == 0
assert coco['categories'] == [{'id': box['category_id'], 'supercategory': '', 'name': 'a "dog"'}]
END
fi
expect 1 "$gst_heads" dataset export boxed --format=yaml
err_has 'there are csv and coco'

# What is kept trains a head.
expect 0 "$gst_heads" train-head --images="a folder" --labels=labels.csv --label-column=people --kind=count --no-plot \
  --output=people.safetensors

# So does what is replayed, and it is the same head: the same pixels, labels and seed.
cat >replay.pipeline <<'END'
dataset-src location="${DIR}" labeled=labeled ! mae-encoder
  ! head-trainer label=GstFrameLabels.people kind=count task=people location=replayed.safetensors
END
expect 0 "$gst_heads" run replay DIR="a folder"
for head in people replayed; do
  expect 0 "$gst_heads" inspect $head.safetensors
  grep -E 'held-out|error' out >$head.txt || bad "$head.safetensors does not say its error"
done
cmp people.txt replayed.txt || bad "the replayed frames make another head"

# Labels from elsewhere, twice, and for frames that are not there.
sed 's/,people$/,dogs/' labels.csv | cut -d, -f1,3- | head -n 11 >dogs.csv
expect 0 "$gst_heads" dataset label "a folder" --csv=dogs.csv --task=dogs
out_has '^10 labels for dogs$'
expect 0 "$gst_heads" dataset label "a folder" --csv=dogs.csv --task=dogs
expect 0 "$gst_heads" dataset stats "a folder"
out_has ', 40 labels,'
printf 'file,cats\nnowhere.jpg,1\n' >cats.csv
expect 3 "$gst_heads" dataset label "a folder" --csv=cats.csv --task=cats
err_has 'cats.csv:2: there is no frame nowhere.jpg'
printf 'captured_at,cats\n2026-01-31,1\n' >times.csv
expect 3 "$gst_heads" dataset label "a folder" --csv=times.csv --task=cats
err_has 'times.csv:1: there is no column "file"; there are: captured_at, cats'
err_has '^gst-heads dataset: name the column of the images .* --time-column=NAME'
# By time: each label to the nearest frame, the nearest label to each frame. The frames of "late" are 50 ms apart.
expect 0 "$gst_heads" dataset export three --source=late --limit=3 --output=late.csv
if command -v python3 >/dev/null; then
  python3 - <<'END' || bad "the times cannot be moved"
import csv, datetime
with open ('late.csv') as late, open ('moved.csv', 'w') as moved:
    print ('captured_at,dogs', file=moved)
    for n, row in enumerate (csv.DictReader (late)):
        time = datetime.datetime.fromisoformat (row['captured_at'].replace ('Z', '+00:00'))
        for dogs, seconds in ((n, 0.002), (n + 10, 0.009), (n + 20, -0.012)):
            print ((time + datetime.timedelta (seconds=seconds)).isoformat (), dogs, sep=',', file=moved)
    print ('2020-01-31T07:00:00Z,40', file=moved)
END
  expect 1 "$gst_heads" dataset label three --csv=moved.csv --task=dogs --tolerance=0.02
  err_has 'say with --source whose frames the times are of: "a gate", "early", "late"'
  expect 0 "$gst_heads" dataset label three --csv=moved.csv --task=dogs --tolerance=0.02 --source=late
  out_has '^3 labels for dogs; 7 of 10 rows are no frame.s nearest within 0.02 s$'
  expect 0 "$gst_heads" dataset list three --task=dogs
  [ "$(sed 's/.*  //' out | tr '\n' ' ')" = 'dogs=0 dogs=1 dogs=2 ' ] || bad "other labels by time"
  expect 3 "$gst_heads" dataset label three --csv=moved.csv --task=dogs --tolerance=0 --source=late
  err_has 'no frame was captured within 0 s'
  expect 3 "$gst_heads" dataset label three --csv=late.csv --task=dogs --column=source --time-column=file --source=late
  err_has 'late.csv:2: .* is no time'
  expect 3 "$gst_heads" dataset label three --csv=moved.csv --task=dogs --tolerance=1 --source=nobody
  err_has 'three has no "nobody"'
  expect 1 "$gst_heads" dataset label three --csv=moved.csv --task=dogs --tolerance=-3
  expect 1 "$gst_heads" dataset label three --csv=moved.csv --task=dogs --tolerance=1 --file-column=file
fi
expect 1 "$gst_heads" dataset label "a folder"
err_has 'label needs --csv=FILE and --task=NAME'

# Nothing with a label is deleted.
expect 0 "$gst_heads" dataset prune "a folder" --max-frames=5
out_has '^0 images deleted, 30 are left$'
err_has 'the limit is not reached: images with a label'
# An option of another command is no filter of this one.
expect 1 "$gst_heads" dataset prune two --max-frames=1 --source=early
err_has 'prune knows no --source, which is of list, export, label'
expect 1 "$gst_heads" dataset verify two --limit=3
expect 1 "$gst_heads" dataset label two --csv=cats.csv --task=cats --source=early
expect 1 "$gst_heads" dataset prune "a folder"
for days in 1e300 nan -1; do
  expect 1 "$gst_heads" dataset prune "a folder" --max-age=$days
done

# On a terminal there is a bar, elsewhere none.
expect 0 "$gst_heads" dataset verify "a folder"
[ ! -s err ] || bad "words where there is no terminal"
if ! python3 -c 'import pty; pty.openpty ()' 2>/dev/null; then
  echo "no python3, or no terminals to be had (/dev/pts): the bar is not looked at"
else
  for command in 'verify two' 'export two -o two.csv' 'prune two --max-frames=31'; do
    # shellcheck disable=SC2086
    python3 -c 'import os, pty, sys; sys.exit (os.waitstatus_to_exitcode (pty.spawn (sys.argv[1:])))' "$gst_heads" dataset $command \
      >terminal </dev/null || bad "$command fails on a terminal"
    grep -q '\[##*\] 100%' terminal || bad "no bar on a terminal: $command: $(cat terminal)"
  done
fi

# Damage is told; labels that cannot be read are not left out.
if command -v python3 >/dev/null; then
  cp -r "a folder" lame
  python3 -c 'import sqlite3; c = sqlite3.connect ("lame/catalogue.sqlite")
c.execute ("ALTER TABLE label RENAME COLUMN origin TO other"); c.commit ()'
  for command in list 'list --json' 'export -o lame.csv' 'export --format=coco -o lame.csv'; do
    # shellcheck disable=SC2086
    expect 3 "$gst_heads" dataset $command lame
    err_has 'lame/catalogue.sqlite: no such column: origin'
    [ ! -e lame.csv ] || bad "$command: half an export"
  done
fi
image=$(find "a folder/frames" -name '*.jpg' | head -n 1)
echo more >>"$image"
expect 3 "$gst_heads" dataset verify "a folder"
out_has 'the image has another size than it was stored with'
rm "$image"
expect 3 "$gst_heads" dataset verify "a folder"
out_has 'the image is missing'

expect 3 "$gst_heads" dataset list nowhere
err_has 'nowhere is no dataset'
[ ! -e nowhere ] || bad "a folder was made"
expect 1 "$gst_heads" dataset frobnicate "a folder"
expect 1 "$gst_heads" dataset
finish
