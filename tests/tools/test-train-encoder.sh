#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-train-encoder.sh GST_HEADS: encoders from folders, recordings and pipelines; the same frames give the same file,
# also through an interruption; what is written beside it; what is refused.
gst_heads=$(realpath "$1")
. "$(dirname -- "$0")/check.sh"

cat >small.json <<END
{"height": 48, "width": 80, "patch": 16, "dim": 32, "depth": 1, "heads": 1, "head_dim": 32, "mlp": 64, "embedding": 16,
 "dec_dim": 16, "dec_depth": 1, "dec_heads": 1, "dec_head_dim": 16, "dec_mlp": 32}
END
mkdir frames
expect 0 "$gst_heads" run --quiet capture-labels DIR=frames N=12 WIDTH=160 HEIGHT=96 SEED=5

# train STATUS OPTION...
train () {
  want_train=$1
  shift
  expect "$want_train" "$gst_heads" train-encoder --config=small.json --threads=1 --lr=0.003 "$@"
}

same () {
  cmp -s "$1" "$2" || bad "$1 and $2 differ"
}

train 0 --images=frames --steps=60 --batch=4 --output=a.safetensors
out_has 'learned     from 12 frames of frames$'
out_has 'steps       60 of 4 images'
out_has 'written     a.safetensors, a-loss.csv, a-loss.png'
err_has 'training: 50%  step 30  loss [0-9.]*  [0-9.]* images/s'
[ "$(wc -l <a-loss.csv)" -eq 61 ] || bad "another number of lines in the loss curve"
awk -F, 'NR == 2 { first = $2 } END { exit !($2 < 0.97 * first) }' a-loss.csv || bad "nothing was learned"
[ "$(head -c 4 a-loss.png | tail -c 3)" = PNG ] || bad "a-loss.png is no PNG"
[ ! -e a-checkpoint.safetensors ] || bad "the checkpoint is still there"
# A folder of folders, as datasets are: the same frames in the same order. Images beside folders are all there is.
mkdir -p days/frames/one days/frames/two mixed/masks
cp frames/frame-0000[0-5].jpg days/frames/one
cp frames/frame-0000[6-9].jpg frames/frame-0001?.jpg days/frames/two
cp frames/*.jpg mixed
cp frames/frame-00000.jpg mixed/masks
for folder_of in days mixed; do
  train 0 --images=$folder_of --steps=60 --batch=4 --output=$folder_of.safetensors
  out_has "learned     from 12 frames of $folder_of\$"
  same a-loss.csv $folder_of-loss.csv
done
train 0 --images=days --from=frames/two --to=frames/two/frame-00008 --steps=1 --batch=1 --output=some.safetensors
out_has 'learned     from 3 frames of days from frames'
# Pictures that cannot be read: the others still do, and it is said which ones are left out.
mkdir damaged
cp frames/*.jpg damaged
head -c 100 frames/frame-00002.jpg >damaged/frame-00002a.jpg
head -c $(($(wc -c <frames/frame-00004.jpg) / 2)) frames/frame-00004.jpg >damaged/frame-00004a.jpg
for i in 1 2 3 4 5 6; do echo "no picture" >damaged/note-$i.png; done
train 0 --images=damaged --steps=60 --batch=4 --output=damaged.safetensors
out_has 'learned     from 12 frames of damaged$'
err_has 'Left out: damaged/frame-00002a.jpg: '
err_has 'Left out: damaged/frame-00004a.jpg: breaks off in the middle of the picture'
err_has 'Left out: damaged/note-3.png: '
err_lacks 'Left out: damaged/note-4.png'
err_has '^8 of 20 images could not be read and are left out'
same a-loss.csv damaged-loss.csv
mkdir ruined
cp damaged/note-*.png ruined
train 3 --images=ruined --steps=1 --output=never.safetensors
err_has 'train-encoder: 4 of 6 images cannot be read, the last one: ruined/note-4.png: '
for i in 1 2 3; do cp damaged/note-1.png "damaged/late-$i.png"; done
train 3 --images=damaged --steps=1 --output=never.safetensors
err_has 'train-encoder: 9 of 23 images cannot be read, the last one: '
mkdir empty
train 3 --images=empty --steps=1 --output=never.safetensors
err_has 'empty: there is no image in it'

expect 0 "$gst_heads" inspect a.safetensors
out_has 'an encoder of gst-heads'
out_has 'trained    yes'

# A picture that is pruned after the folder was read, as a link that leads nowhere.
mkdir pruned
cp frames/frame-0000[123].jpg pruned
ln -s nowhere.jpg pruned/gone.jpg
train 0 --images=pruned --steps=1 --batch=2 --output=pruned.safetensors
err_has 'Left out: pruned/gone.jpg: cannot be opened: No such file'
out_has 'learned     from 3 frames of pruned$'

# Another embedding of the same tokens, fitted to the frames.
expect 0 "$gst_heads" pool-encoder --model=a.safetensors --images=frames --regions=2x3 --embedding=24 --output=p.safetensors
out_has 'embedding   24 numbers of 384, from 12 frames'
expect 0 "$gst_heads" pool-encoder --model=a.safetensors --images=frames --regions=2x3 --embedding=24 --output=q.safetensors
same p.safetensors q.safetensors
expect 0 "$gst_heads" inspect p.safetensors
out_has 'trained    yes'
out_has 'embedding  24 numbers, pooled by mean+std over each of 3 x 2 regions'
# Too few frames for so many numbers are told, and what the file holds.
expect 0 "$gst_heads" pool-encoder --model=a.safetensors --images=frames --shadows=12 --embedding=24 --output=s.safetensors
out_has "of 12 numbers tell something"
expect 0 "$gst_heads" inspect s.safetensors
out_has "how the light falls, in 12 numbers"
expect 3 "$gst_heads" pool-encoder --model=a.safetensors --images=frames --shadows=19 --embedding=24 --output=r.safetensors
err_has "room for 18 that tell how the light falls, not for 19"
expect 3 "$gst_heads" pool-encoder --model=a.safetensors --images=frames --regions=2x9 --output=r.safetensors
err_has 'pool_cols'
expect 1 "$gst_heads" pool-encoder --model=a.safetensors --images=frames --regions=2 --output=r.safetensors
expect 1 "$gst_heads" pool-encoder --model=a.safetensors --images=frames --pool=cls --output=r.safetensors
for wrong in surprise=-1 shadows=-1 embedding=0 seed=-1 regions=99999999999x1 regions=2x65; do
  expect 1 "$gst_heads" pool-encoder --model=a.safetensors --images=frames --$wrong --output=r.safetensors
  err_has "pool-encoder: --$wrong: "
  err_lacks 'reading images'
done
expect 1 "$gst_heads" pool-encoder --model=a.safetensors --output=r.safetensors
err_has 'where do the frames come from'
expect 1 "$gst_heads" pool-encoder --model=a.safetensors --video=v.mp4 --to=frame-1.jpg --output=r.safetensors
err_has 'choose images of a folder'
mkdir -p sub
expect 1 "$gst_heads" pool-encoder --model=a.safetensors --images=frames --output=sub/../a.safetensors
err_has 'are the same file'
expect 3 "$gst_heads" pool-encoder --model=a.safetensors --images=frames --output=absent/r.safetensors
err_has 'absent/r.safetensors cannot be written: its folder does not exist'
err_lacks 'reading images'
[ ! -e r.safetensors ] || bad "a wrong call wrote an encoder"

# The same frames, the same encoder; other ones, another. Bounds and a crop.
train 0 --images=frames --steps=60 --batch=4 --no-plot --output=b.safetensors
same a.safetensors b.safetensors
[ ! -e b-loss.png ] || bad "a plot that nobody wanted"
train 0 --images=frames --steps=2 --from=frame-00003 --to=frame-00007 --crop=0,0,80,96 --output=c.safetensors
out_has 'from 5 frames of frames from frame-00003 to frame-00007 crop 0,0,80,96$'
train 3 --images=frames --steps=2 --crop=100,0,80,96 --output=c.safetensors
err_has 'frame-00000.jpg: the crop 100,0,80,96 reaches beyond its 160 x 96 pixels'
train 3 --images=frames --steps=2 --crop=2147483647,0,2147483647,10 --output=c.safetensors
err_has 'reaches beyond its 160 x 96 pixels'
train 1 --images=frames --steps=2 --checkpoint=./c.safetensors --output=c.safetensors
err_has 'cannot be the same file'
# The steps that measure the speed are not those that warm up.
train 0 --images=frames --minutes=0.02 --warmup=5 --batch=1 --output=c.safetensors
err_has '0.02 minutes are about [0-9]* steps'
# Another one with the same checkpoint is at it.
expect 3 flock .l-checkpoint.safetensors.lock "$gst_heads" train-encoder --images=frames --steps=2 --output=l.safetensors
err_has 'l-checkpoint.safetensors: another process or element is writing it; give each a file of its own'
train 3 --images=frames --steps=2 --from=z --output=c.safetensors
err_has 'no image between'

# From a model, with everything that can be set; the encoder alone, in half the space.
train 0 --images=frames --steps=3 --batch=2 --accumulate=2 --warmup=1 --weight-decay=0.1 --clip=1 --mask-ratio=0.5 \
  --target=pixels --random-crop=0.3 --flip --light=0.2 --seed=9 --precision=f32 --no-decoder --bfloat16 \
  --record='what it saw' --output=d.safetensors
expect 0 "$gst_heads" inspect d.safetensors
out_has 'what it saw'
out_has '"seed":9,"batch":2,"accumulate":2,"steps":3,"warmup":1,.*"weight_decay":0.1,.*"clip":1,"mask_ratio":0.5'
out_has 'BF16'
expect 0 "$gst_heads" train-encoder --images=frames --model=a.safetensors --steps=2 --output=e.safetensors
expect 3 "$gst_heads" train-encoder --images=frames --model=d.safetensors --steps=2 --output=e.safetensors
err_has 'no decoder'
train 0 --images=frames --minutes=0.01 --output=f.safetensors
err_has 'minutes are about [0-9]* steps'

# A pipeline, also from a file with variables; a recording.
train 0 --source='plaza-test-src num-buffers=6 ! video/x-raw,width=160,height=96' --steps=2 --record=plaza \
  --output=g.safetensors
out_has 'from 6 frames of plaza-test-src'
# shellcheck disable=SC2016 # not the shell's variable
echo '# A source.
plaza-test-src num-buffers=${N:-3} ! video/x-raw,width=160,height=96' >source.pipeline
train 0 --source=source.pipeline --steps=2 --record=plaza --output=h.safetensors N=6
same g.safetensors h.safetensors
out_has 'from 6 frames of source.pipeline'
live='plaza-test-src is-live=true ! video/x-raw,width=160,height=96,framerate=100/1'
train 0 --source="$live" --frames=7 --steps=2 --output=l.safetensors
out_has 'from 7 frames of plaza-test-src is-live=true'
err_has 'source is live and may not end: learning from its first 7 frames'
train 0 --source="plaza-test-src num-buffers=5 is-live=true ! video/x-raw,width=160,height=96,framerate=100/1" \
  --steps=2 --output=l.safetensors
out_has 'from 5 frames of plaza-test-src'
train 3 --source='videotestsrc num-buffers=2 ! nosuchelement' --steps=2 --output=g.safetensors
err_has nosuchelement
train 3 --source='videotestsrc num-buffers=0' --steps=2 --output=g.safetensors
err_has 'yields no frame'
expect 0 "$gst_heads" doctor || true
if ! grep -q -e '^  - *matroskamux ' -e '^  - *jpegenc ' out; then
  # shellcheck disable=SC2016
  echo 'plaza-test-src num-buffers=5 ! video/x-raw,width=160,height=96 ! videoconvert ! jpegenc ! matroskamux
    ! filesink location=film.mkv' >film.pipeline
  expect 0 "$gst_heads" run film
  train 0 --video=film.mkv --steps=2 --output=i.safetensors
  out_has 'from 5 frames of film.mkv'
fi
train 3 --video=nowhere.mkv --steps=2 --output=i.safetensors
err_has 'nowhere.mkv'

# No password in the words, the file or the plot's text, wherever it came from. A curve's picture has no text to search.
no_secret () {
  ! grep -a -q -e hunter2 out err "$@" || bad "a password in one of: words $*"
}
train 3 --video='rtsp://me:hunter2@127.0.0.1:9/stream?hunter2' --steps=2 --output=s.safetensors
no_secret
train 3 --source='rtspsrc location=rtsp://me:hunter2@127.0.0.1:9/ user-pw=hunter2 ! decodebin' --steps=2 \
  --output=s.safetensors
no_secret
train 0 --steps=2 --output=s.safetensors \
  --source='plaza-test-src num-buffers=3 name="rtsp://me:hunter2@camera/stream" ! video/x-raw,width=160,height=96'
out_has 'of plaza-test-src num-buffers=3 name="rtsp://\*\*\*@camera/stream"'
no_secret s.safetensors s-loss.csv s-loss.png

# interrupt STEPS: a training of so many, interrupted after a tenth of them. Sets got to its status. LeakSanitizer trips
# over threads that are just ending, which an interrupted program has.
interrupt () {
  : >err                        # not what the command before said
  ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 "$gst_heads" train-encoder --config=small.json --threads=1 --lr=0.003 \
    --images=frames --batch=1 --steps="$1" --output=part.safetensors >out 2>err &
  child=$!
  for _ in $(seq 1500); do
    grep -q '10%' err && break
    sleep 0.02
  done
  kill -INT $child || true
  got=0
  wait $child || got=$?
}

# Interrupted in the middle and resumed: the same file as without. A fast machine may be done before it is interrupted.
for steps in 2000 10000 50000; do
  interrupt $steps
  [ "$got" -eq 0 ] || break
  rm part*
done
[ "$got" -eq 4 ] || bad "status $got after an interruption"
err_has "stopped after step [0-9]* of $steps; the state is in part-checkpoint.safetensors"
[ ! -e part.safetensors ] || bad "an encoder of half a training"
whole="--images=frames --steps=$steps --batch=1"
# shellcheck disable=SC2086 # three words
train 1 $whole --output=part.safetensors
err_has 'part-checkpoint.safetensors is the checkpoint of another training'
# Other options than the checkpoint's are told, not passed over.
train 3 --images=frames --resume --batch=3 --output=part.safetensors
err_has 'another batch than was asked for'
train 1 --images=frames --resume --output=absent.safetensors
err_has 'there is no absent-checkpoint.safetensors to go on from: leave --resume out'
train 3 --images=frames --resume --batch=8 --output=part.safetensors
err_has 'another batch than was asked for'
train 3 --images=frames --resume --seed=1 --weight-decay=0.05 --light=nan --output=part.safetensors
err_has 'another light than was asked for'
train 3 --images=frames --resume --warmup=3 --output=part.safetensors
err_has 'another warmup than was asked for'
train 3 --images=frames --resume --seed=2 --output=part.safetensors
err_has 'another seed than was asked for'
train 3 --images=frames --resume --config=tiny --output=part.safetensors
err_has 'part-checkpoint.safetensors is of another model than --config=tiny'
train 1 --images=frames --resume --minutes=1 --output=part.safetensors
err_has 'not for --minutes'
expect 1 "$gst_heads" train-encoder --images=frames --resume --model=a.safetensors --output=part.safetensors
err_has 'not with those of --model'
train 3 --images=frames --resume --steps=1 --warmup=0 --output=part.safetensors
err_has 'another warmup than was asked for'
train 3 --images=frames --resume --steps=$((steps / 20 + 1)) --output=part.safetensors
err_has "part-checkpoint.safetensors has taken [0-9]* steps already, more than --steps="
# shellcheck disable=SC2086
train 0 $whole --resume --output=part.safetensors
err_lacks 'goes on with'
# Other frames are no mistake, but said.
train 0 --images=frames --steps=4 --batch=1 --checkpoint=others.safetensors --output=some.safetensors
train 0 --images=frames --to=frame-00003.jpg --steps=6 --resume --checkpoint=others.safetensors --output=some.safetensors
err_has 'it was begun with 12 frames of frames, and goes on with 4 frames of frames'
# shellcheck disable=SC2086
train 0 $whole --output=whole.safetensors
same whole.safetensors part.safetensors
same whole-loss.csv part-loss.csv
[ ! -e part-checkpoint.safetensors ] || bad "the checkpoint is still there"

# Interrupted while the embedding is fitted, after the last step: the state is kept, and the encoder that was missing is the
# same. This fit takes seconds: many tokens, and an embedding of its own.
sed 's/"patch": 16/"patch": 4/; s/"embedding": 16/"embedding": 24/' small.json >slow.json
fit () {
  ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 "$gst_heads" train-encoder --config=slow.json --threads=1 --batch=1 --steps=1 \
    --source='plaza-test-src num-buffers=400 shuffle=true ! video/x-raw,width=80,height=48' --output="$@" >out 2>err
}
fit fitted.safetensors || bad "status $? of a fit"
: >err
fit part.safetensors &
child=$!
for _ in $(seq 1500); do
  grep -q 'fitting the embedding' err && break
  sleep 0.02
done
pkill -INT -P $child || kill -INT $child || true
got=0
wait $child || got=$?
[ "$got" -eq 4 ] || bad "status $got of an interrupted fit"
err_has 'stopped after step 1 of 1; the state is in part-checkpoint.safetensors'
[ -z "$(find . -name '.part*' ! -name '*.lock')" ] || bad "left behind: $(find . -name '.part*')"
fit part.safetensors --resume || bad "status $? of the fit that was made up for"
same fitted.safetensors part.safetensors

# In a pipeline it is waited for as long as it goes on: when the end was asked for, and also when stopped at once.
sed 's/"patch": 4/"patch": 2/' slow.json >slower.json
cat >slow.pipeline <<'END'
plaza-test-src num-buffers=400 shuffle=true ! video/x-raw,width=80,height=48
  ! mae-trainer config=slower.json threads=1 batch-size=1 steps=1 location=${OUT}
END
for signals in once twice; do
  : >err
  "$gst_heads" run --messages --eos-wait=0.5 slow OUT=$signals.safetensors >out 2>err &
  child=$!
  for _ in $(seq 3000); do
    grep -q 'fitting' out err && break
    sleep 0.02
  done
  kill -INT $child || true
  [ $signals = once ] || { sleep 0.6; kill -INT $child || true; }
  got=0
  wait $child || got=$?
  [ $signals = once ] && want=4 || want=5
  [ "$got" -eq $want ] || bad "status $got of a fit in a pipeline interrupted $signals"
  [ -s $signals.safetensors ] || bad "no encoder of a fit in a pipeline interrupted $signals"
done

# Room for the encoder, not for the state, three times as large: that costs the state alone.
blocks=$(($(wc -c <a.safetensors) / 512 + 8))
(trap '' XFSZ && ulimit -f $blocks && "$gst_heads" train-encoder --config=small.json --threads=1 --lr=0.003 --images=frames --batch=4 \
  --steps=60 --no-plot --output=roomy.safetensors) >out 2>err || bad "status $? with little room"
same a.safetensors roomy.safetensors
if (trap '' XFSZ && ulimit -f $blocks && "$gst_heads" train-encoder --config=small.json --threads=1 --lr=0.003 --images=frames --batch=4 \
  --steps=60 --no-plot --checkpoint=roomy-state.safetensors --output=roomy.safetensors) >out 2>err; then
  bad "a state that was asked for is missing"
fi
err_has 'roomy.safetensors is written, but not its checkpoint: roomy-state.safetensors: cannot be written'
same a.safetensors roomy.safetensors

# A checkpoint that cannot be written for a while, as on a full disk, costs nothing but itself.
mkdir room
: >err
ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 "$gst_heads" train-encoder --config=small.json --threads=1 --images=frames \
  --batch=1 --steps=100000000 --checkpoint=room/state.safetensors --checkpoint-minutes=0 --output=away.safetensors \
  >out 2>err &
child=$!
for words in 'training: 0%' 'room/state.*The training goes on; the checkpoint before is kept'; do
  for _ in $(seq 500); do
    grep -q "$words" err && break
    sleep 0.02
  done
  [ ! -d room ] || mv room gone
done
mv gone room
kill -INT $child || true
got=0
wait $child || got=$?
[ "$got" -eq 4 ] || bad "status $got after a checkpoint that could not be written"
err_has 'The training goes on; the checkpoint before is kept'
err_has 'the state is in room/state.safetensors'

# Two processes learn together; only rank 0 writes, and one that is killed ends the other.
port=$(free_port)
rank () {
  rank=$1
  shift
  RANK=$rank WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=$port exec "$gst_heads" train-encoder --config=small.json \
    --threads=1 --lr=0.003 --images=frames --batch=2 "$@"
}
(rank 1 --steps=20 --output=pair1.safetensors) >out1 2>err1 &
child=$!
(rank 0 --steps=20 --output=pair.safetensors) >out 2>err || bad "rank 0: $(cat err)"
wait $child || bad "rank 1: $(cat err1)"
out_has 'steps       20 of 4 images'
out_has 'rank 0 of 2 processes'
[ -e pair.safetensors ] || bad "rank 0 wrote nothing"
[ -z "$(echo pair1*)" ] || [ "$(echo pair1*)" = 'pair1*' ] || bad "rank 1 wrote files"
: >err
(rank 1 --steps=100000000 --output=lost.safetensors) >out1 2>err1 &
child=$!
(rank 0 --steps=100000000 --output=lost.safetensors) >out 2>err &
first=$!
for _ in $(seq 1500); do
  grep -q 'step [0-9]' err && break
  sleep 0.02
done
kill -KILL $child
got=0
wait $first || got=$?
[ "$got" -eq 3 ] || bad "status $got after the other process was killed"
err_has 'rank 1 is gone'
err_has 'the state is in lost-checkpoint.safetensors; start all processes again with --resume'
[ -e lost-checkpoint.safetensors ] || bad "no state was kept"
RANK=2 WORLD_SIZE=2 train 1 --images=frames --steps=2 --output=j.safetensors
err_has 'RANK=2 contradicts WORLD_SIZE=2'
RANK=2 WORLD_SIZE=2 train 0 --images=frames --steps=2 --alone --output=j.safetensors

# What cannot be.
train 3 --images=frames --steps=500 --lr=10 --weight-decay=10 --warmup=0 --output=j.safetensors
err_has 'a lower learning rate'
[ ! -e j-checkpoint.safetensors ] || bad "a state from before the first minute"
train 3 --images=frames --steps=500 --lr=10 --weight-decay=10 --warmup=0 --checkpoint-minutes=0 --output=j.safetensors
err_has 'the last good state is kept in j-checkpoint.safetensors'
rm j-checkpoint.safetensors
train 3 --images=frames --steps=2 --output=nowhere/j.safetensors
err_has 'nowhere/j.safetensors cannot be written'
train 3 --images=frames --steps=2 --warmup=2 --output=j.safetensors
err_has 'warmup takes 2 steps of 2'
train 3 --images=frames --minutes=inf --output=j.safetensors
err_has 'steps is 1e+18; it can be'
train 3 --images=frames --steps=2 --mask-ratio=-0.5 --output=j.safetensors
err_has 'mask_ratio is -0.5; it can be'
for wrong in seed=-7 seed=-1 warmup=-5 steps=-2 minutes=-1 minutes=nan checkpoint-minutes=-1 checkpoint-minutes=nan; do
  train 1 --images=frames --steps=2 "--$wrong" --output=j.safetensors
  err_has "[-]-$wrong"
done
train 3 --images=nowhere --steps=2 --output=j.safetensors
err_has 'nowhere: there is no such folder'
train 1 --images=frames --resume --output=k.safetensors
err_has 'k-checkpoint.safetensors'
train 1 --steps=2 --output=j.safetensors
err_has 'where do the frames come from'
train 1 --images=frames --source=videotestsrc --steps=2 --output=j.safetensors
train 1 --images=frames --output=j.safetensors
err_has 'how long'
train 1 --images=frames --steps=2
err_has '.-output is needed'
train 1 --images=frames --steps=2 --target=words --output=j.safetensors
train 1 --images=frames --steps=2 --output=j.safetensors N=3
finish
