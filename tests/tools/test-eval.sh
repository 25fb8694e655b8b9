#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-eval.sh GST_HEADS: eval of the known image sets, on pictures of the plaza laid out like them.
gst_heads=$(realpath "$1")
. "$(dirname -- "$0")/check.sh"

mkdir -p mall/frames feed/frames
expect 0 "$gst_heads" run --quiet capture-labels DIR=mall/frames N=30 WIDTH=640 HEIGHT=480 SEED=3

# The first 18 are early frames, the others later ones.
n=0
echo file,count,count_right_bottom >mall/counts.csv
echo file,local_pdt,minute_of_day >feed/times.csv
tail -n +2 mall/frames/labels.csv | while IFS=, read -r file people minute; do
  n=$((n + 1))
  if [ "$n" -le 18 ]; then number=$(printf %06d "$n") day=$((12 + n / 9)); else number=$(printf %06d $((n + 800))) day=26; fi
  echo "seq_$number.jpg,$people,$people" >>mall/counts.csv
  echo "$file,2023-06-$day 00:00:00,$minute" >>feed/times.csv
  cp "mall/frames/$file" "mall/frames/seq_$number.jpg"
  cp "mall/frames/$file" feed/frames/
done

expect 0 "$gst_heads" init-encoder fresh.safetensors
expect 0 "$gst_heads" eval --dataset=mall-crop --data=mall --encoder=fresh.safetensors --labels=9 --draws=3
out_has '^mall-crop: .* 9 labels out of 18, 12 test images, 3 draws, seed 0, labels by random$'
out_has '^best constant  *[0-9.]* +- [0-9.]*$'
out_has '^ridge on a 40x30 grey thumbnail  *[0-9.]* +- [0-9.]*  *[0-9.]* +- [0-9.]*  ridge 3$'
out_has '^nearest 32x24 RGB thumbnail  *[0-9.]* +- '
out_has '^ridge on .* (untrained)  *[0-9.]* +- .*  ridge 3$'
out_has '^head on .* (untrained)  *[0-9.]* +- .*ridge [123]'
cp out first
# Again from the cache: the same figures, and nothing is read.
expect 0 "$gst_heads" eval --dataset=mall-crop --data=mall --encoder=fresh.safetensors --labels=9 --draws=3
cmp -s first out || bad "the same draws give other figures"
err_lacks 'reading images'
expect 0 "$gst_heads" eval --dataset=mall-crop --data=mall --encoder=fresh.safetensors --labels=9 --draws=3 --seed=1
! cmp -s first out || bad "another seed gives the same figures"

# Labels where they say the most: other rows, the same in every run.
for how in novelty farthest; do
  expect 0 "$gst_heads" eval --dataset=mall-crop --data=mall --encoder=fresh.safetensors --labels=9 --draws=3 --select=$how
  out_has "seed 0, labels by $how\$"
  cp out $how
  expect 0 "$gst_heads" eval --dataset=mall-crop --data=mall --encoder=fresh.safetensors --labels=9 --draws=3 --select=$how
  cmp -s $how out || bad "$how chooses others the second time"
  ! cmp -s first out || bad "$how chooses what random does"
done
expect 1 "$gst_heads" eval --dataset=mall-crop --data=mall --encoder=fresh.safetensors --select=best
err_has 'random, novelty or farthest'

# In the light of the frames without labels: other heads, which say so.
for how in scales whitened; do
  expect 0 "$gst_heads" eval --dataset=mall-crop --data=mall --encoder=fresh.safetensors --labels=9 --draws=3 \
    --unlabelled=$how --no-baselines
  out_has "labels by random, $how from the frames without labels\$"
  grep '^head on' out >$how
  ! grep -qxF "$(cat $how)" first || bad "--unlabelled=$how changes nothing"
done
! cmp -s scales whitened || bad "whitened is no more than scales"
expect 1 "$gst_heads" eval --dataset=mall-crop --data=mall --encoder=fresh.safetensors --unlabelled=all
err_has 'nothing, scales or whitened'

# Two tables, straight lines only.
expect 0 "$gst_heads" eval --dataset=mall-crop --data=mall --labels=5,9 --draws=2 --linear --no-baselines
out_has '^mall-crop: .* 5 labels out of 18, 12 test images, 2 draws'
out_has '^mall-crop: .* 9 labels out of 18, 12 test images, 2 draws'
out_has '^head on .*  ridge 2$'
out_lacks 'thumbnail'

expect 0 "$gst_heads" eval --dataset=feed --data=feed --labels=15 --draws=2 --cache=feed
out_has 'in 15 min, 24 h  *median, 24 h'
out_has '^nearest 32x24 RGB thumbnail  *[0-9.]* +- [0-9.]* %  *[0-9.]* +- [0-9.]* min'
[ -n "$(find feed -name 'embeddings-feed-frames-*')" ] || bad "no embeddings in the folder of --cache"

# Labels that happen to be of one day are held out one by one.
sed 's/^\(.*,2023-06-\)1[0-9] /\112 /' feed/times.csv >one-day.csv
cp feed/times.csv several.csv
cp one-day.csv feed/times.csv
expect 0 "$gst_heads" eval --dataset=feed --data=feed --labels=9 --draws=1 --no-baselines --linear
cp several.csv feed/times.csv

# Labels of a day are held out together: the copy of a picture tells its label only where it is of another day.
twins () {
  day=0
  echo file,local_pdt,minute_of_day
  tail -n +2 mall/frames/labels.csv | head -n 12 | while IFS=, read -r file people minute; do
    cp "mall/frames/$file" "feed/frames/twin-$file"
    echo "$file,2023-06-$((12 + day)) 00:00:00,$minute"
    echo "twin-$file,2023-06-$((12 + (day + $1) % 12)) 00:00:00,$minute"
    day=$((day + 1))
  done
  grep ',2023-06-26' later.csv
}
estimate () {
  expect 0 "$gst_heads" eval --dataset=feed --data=feed --labels=24 --draws=1 --no-baselines
  sed -n 's/^head on .* \([0-9]*\)\.[0-9] +- [0-9.]* min  kernel.*/\1/p' out
}
cp feed/times.csv later.csv
twins 0 >feed/times.csv
same_day=$(estimate)
twins 1 >feed/times.csv
other_day=$(estimate)
echo "own estimate: off by $same_day minutes with copies on the same day, $other_day on others"
[ "$same_day" -gt $((other_day * 2)) ] || bad "days are not held out together"

expect 3 "$gst_heads" eval --dataset=mall-crop --data=mall --labels=19
err_has '19'
expect 3 "$gst_heads" eval --dataset=mall-crop --data=feed
err_has 'counts.csv'
expect 1 "$gst_heads" eval --dataset=mall-crop --data=mall --labels=some
expect 1 "$gst_heads" eval --dataset=mall-crop --data=mall --labels=9,
expect 3 "$gst_heads" eval --dataset=mall-crop --data=mall --labels=9,19
expect 1 "$gst_heads" eval --dataset=mall-crop
expect 1 "$gst_heads" eval --dataset=beach --data=mall
err_has 'beach'
expect 1 "$gst_heads" eval
sed 's/seq_000805.*/seq_000805.jpg,x,x/' mall/counts.csv >changed && mv changed mall/counts.csv
sed 's/seq_000820.*/seq_000820.jpg,x,x/' mall/counts.csv >changed && mv changed mall/counts.csv
expect 3 "$gst_heads" eval --dataset=mall-crop --data=mall
err_has 'counts.csv:[0-9]*: "x" is not a label'

finish
