#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-refit.sh GST_HEADS: gst-heads refit: a head that is made, kept, replaced, and replaced under a running pipeline.
gst_heads=$(realpath "$1")
models=$(realpath "$(dirname -- "$0")/../../models")
. "$(dirname -- "$0")/check.sh"

# Frames of a seed with their labels, after those that are there.
cat >keep.pipeline <<'END'
plaza-test-src shuffle=true seed=${SEED} num-buffers=${N} ! video/x-raw,width=480,height=288
  ! mae-encoder ! dataset-sink location=set source=gate labels=GstPlazaTruth.people
END
keep () {
  expect 0 "$gst_heads" run keep SEED="$1" N="$2"
}

expect 3 "$gst_heads" refit set --head=people.safetensors --task=people --kind=count
err_has 'set'
keep 1 12
expect 3 "$gst_heads" refit set --head=people.safetensors
err_has 'no head people.safetensors yet: --kind and --task say'
expect 1 "$gst_heads" refit set
err_has '--head is needed'
expect 1 "$gst_heads" refit set --head=people.safetensors --task=people --kind=number
err_has 'there is no kind "number"; there are count, scalar, time and class'
expect 1 "$gst_heads" refit set --head=people.safetensors --watch=-1
err_has '--watch=-1: a number of seconds'
expect 7 "$gst_heads" refit set --head=left.safetensors --task=poeple --kind=count
err_has 'set has no labels of "poeple"; it has those of "people"'
expect 3 "$gst_heads" dataset export set --task=poeple
err_has 'set has no "poeple"; it has "people"'
expect 0 "$gst_heads" dataset list set --unlabeled --task=poeple --after=2099-01-01
expect 1 "$gst_heads" refit set --head=left.safetensors --task=people --kind=count --crop=0,0,240
err_has '"0,0,240" is no crop'
expect 3 "$gst_heads" refit set --head=left.safetensors --task=people --kind=count --min-new=10 --crop=0,0,481,288
err_has 'reaches beyond its 480 x 288 pixels'
expect 0 "$gst_heads" refit set --head=left.safetensors --task=people --kind=count --min-new=10 --crop=0,0,240,288
cp -r set damaged
damaged=$(find damaged -name '*.jpg' | sort | sed -n 5p)
head -c 3000 "$damaged" >part
mv part "$damaged"
expect 0 "$gst_heads" refit damaged --head=damaged.safetensors --task=people --kind=count --min-new=10
out_has '^damaged.safetensors made: 11 labels, '
err_has "^Left out: $damaged: breaks off in the middle of the picture"
expect 7 "$gst_heads" refit set --head=people.safetensors --task=people --kind=count --unit=people
out_has '^set: 12 labels of "people", 12 new$'
out_has '^too few: --min-new=20$'
expect 0 "$gst_heads" refit set --head=people.safetensors --task=people --kind=count --unit=people --min-new=10 --dry-run
out_has '^people.safetensors would be made$'
[ ! -e people.safetensors ] || bad "a dry run wrote a head"
expect 0 "$gst_heads" refit set --head=people.safetensors --task=people --kind=count --unit=people --min-new=10
out_has '^people.safetensors made: 12 labels, held-out error .*, of the best constant '
expect 7 "$gst_heads" refit set --head=people.safetensors
out_has ' 12 labels of "people", 0 new$'

# Left alone it looks again and again, and ends in order also while nothing was trained yet.
: >out
"$gst_heads" refit set --head=people.safetensors --watch=0.2 >out 2>err &
child=$!
for _ in $(seq 200); do
  [ "$(grep -c '^too few: --min-new=20$' out)" -lt 2 ] || break
  sleep 0.1
done
kill -TERM $child
status=0
wait $child || status=$?
[ "$status" -eq 4 ] || bad "stopping --watch gave $status instead of 4"
[ "$(grep -c '^too few: --min-new=20$' out)" -ge 2 ] || bad "it did not look again"

# A pipeline that runs on, and takes the better head that five times the labels make.
cat >watch.pipeline <<'END'
plaza-test-src is-live=true ! video/x-raw,width=480,height=288,framerate=5/1 ! mae-encoder
  ! head-predict heads=people.safetensors auto-reload=true location=seen.jsonl ! fakesink
END
"$gst_heads" run watch >watch.out 2>&1 &
child=$!
keep 2 60
old=$("$gst_heads" inspect people.safetensors | sed -n 's/^ *\(head-id\|model-id\|id\) *\([0-9a-f]\{16\}\).*/\2/p' | head -n 1)
expect 0 "$gst_heads" refit set --head=people.safetensors
out_has '^on [0-9]* new labels that neither has seen: old head [0-9.]* people, new head [0-9.]* people$'
out_has '^people.safetensors replaced: 72 labels, '
[ -s people.previous.safetensors ] || bad "the old head is gone"
new=$("$gst_heads" inspect people.safetensors | sed -n 's/^ *\(head-id\|model-id\|id\) *\([0-9a-f]\{16\}\).*/\2/p' | head -n 1)
[ -n "$new" ] && [ "$new" != "$old" ] || bad "the head has no id, or the old one: $old, $new"
for _ in $(seq 200); do
  ! grep -q "\"head_id\":\"$new\"" seen.jsonl || break
  sleep 0.1
done
kill -INT $child
wait $child || true
grep -q "\"head_id\":\"$old\"" seen.jsonl || bad "the pipeline did not predict with the old head"
grep -q "\"head_id\":\"$new\"" seen.jsonl || bad "the pipeline did not take the new head"

# What it has learned from already, said once more or corrected, is not asked who is better: neither of a head of refit nor
# of one of train-head. Of a head that does not say what it learned from, the time of its training has to do.
expect 0 "$gst_heads" dataset export set --output=labels.csv
expect 0 "$gst_heads" dataset label set --csv=labels.csv --task=people
expect 7 "$gst_heads" refit set --head=people.safetensors
out_has ' 72 labels of "people", 0 new$'
awk -F, -v OFS=, 'NR > 1 { $4 = 5 } { print }' labels.csv >corrected.csv
expect 0 "$gst_heads" dataset label set --csv=corrected.csv --task=people
expect 7 "$gst_heads" refit set --head=people.safetensors
out_has ' 72 labels of "people", 0 new$'
expect 0 "$gst_heads" dataset label set --csv=labels.csv --task=people
expect 0 "$gst_heads" train-head --images=set --labels=labels.csv --label-column=people --kind=count --name=people \
  --output=other.safetensors --no-plot --linear
expect 7 "$gst_heads" refit set --head=other.safetensors
out_has ' 72 labels of "people", 0 new$'
cp "$models/plaza-people.safetensors" shipped.safetensors
expect 7 "$gst_heads" refit set --head=shipped.safetensors --min-new=1000
out_has ' 72 labels of "people", 72 new$'

# Nothing is better than the head itself where the labels are what it says: here that there are three times as many people.
# (Moments far from each other: of frames that are alike, a head that saw their neighbours as the folder has them, in JPEG,
# says more.)
awk -F, -v OFS=, 'NR > 1 { $4 *= 3 } { print }' labels.csv >tripled.csv
expect 0 "$gst_heads" train-head --images=set --labels=tripled.csv --label-column=people --kind=count --name=people \
  --output=tripled.safetensors --no-plot
cat >said.pipeline <<'END'
plaza-test-src shuffle=true seed=3 num-buffers=24 ! video/x-raw,width=480,height=288 ! mae-encoder
  ! head-predict heads=tripled.safetensors location=said.jsonl ! dataset-sink location=set source=other
END
expect 0 "$gst_heads" run said
expect 0 "$gst_heads" dataset list set
{
  echo file,people
  grep ' other ' out | cut -d ' ' -f 1 | paste -d , - said.jsonl | sed 's/,.*"value":\([0-9.e-]*\).*/,\1/'
} >said.csv
expect 0 "$gst_heads" dataset label set --csv=said.csv --task=people
before=$(cksum <tripled.safetensors)
expect 6 "$gst_heads" refit set --head=tripled.safetensors
out_has ' 96 labels of "people", 24 new$'
out_has '^on [0-9]* new labels that neither has seen: old head [01][.]'
out_has '^tripled.safetensors stays$'
[ "$(cksum <tripled.safetensors)" = "$before" ] || bad "the head that stays is another"

# A head that somebody puts there meanwhile was compared with nothing, and is not written over.
: >out                          # the words of the command before are not to be taken for this one's
"$gst_heads" refit set --head=meanwhile.safetensors --task=people --kind=count --cache=meanwhile.cache >out 2>err &
child=$!
for _ in $(seq 200); do
  ! grep -q ' labels of "people"' out || break
  sleep 0.02
done
cp shipped.safetensors meanwhile.safetensors
status=0
wait $child || status=$?
[ "$status" -eq 3 ] || bad "writing over a head that came meanwhile gave $status instead of 3"
err_has 'meanwhile.safetensors was changed by somebody else while this head was learned'
cmp -s shipped.safetensors meanwhile.safetensors || bad "a head that came meanwhile was written over"

expect 3 "$gst_heads" refit set --head=absent/people.safetensors --task=people --kind=count
err_has 'absent/people.safetensors cannot be written: its folder does not exist'

finish
