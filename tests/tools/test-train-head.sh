#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-train-head.sh GST_HEADS: from a folder of images and a CSV to a head, its plot and its report; eval of that head;
# labels and files that are not as they should be.
gst_heads=$(realpath "$1")
. "$(dirname -- "$0")/check.sh"

mkdir frames
expect 0 "$gst_heads" run --quiet capture-labels DIR=frames N=24 WIDTH=240 HEIGHT=144 SEED=5

# train STATUS OPTION...
train () {
  want_train=$1
  shift
  expect "$want_train" "$gst_heads" train-head --images=frames --kind=count --no-mlp "$@"
}

train 0 --labels=frames/labels.csv --label-column=people --unit=people
out_has 'head            people (count), 24 labels'
out_has 'held-out error  [0-9.]* people (95 %: [0-9.]* to [0-9.]*)'
out_has 'best constant   [0-9.]* people'
[ "$(head -c 4 people.png | tail -c 3)" = PNG ] || bad "people.png is no PNG"
expect 0 "$gst_heads" inspect people.safetensors
out_has 'a head of gst-heads'
out_has 'model      \(kernel ridge, 24 centres\|ridge lambda=\)'
out_has 'learned    from 24 labels'
out_has 'plot_png '

# The second time the embeddings are there, and the same labels give the same weights.
cp people.safetensors first.safetensors
train 0 --labels=frames/labels.csv --label-column=people --unit=people
cat out err >all
grep -q '24 of 24 embeddings were in' all || bad "the embeddings were not kept"
[ "$(tail -c 6000 first.safetensors | cksum)" = "$(tail -c 6000 people.safetensors | cksum)" ] \
  || bad "the same labels give other weights"

train 0 --labels=frames/labels.csv --label-column=minute_of_day --kind=time --name=clock
out_has 'head            clock (time), 24 labels'

# Words are classes; networks compete; groups, a crop, an output folder and a cache of one's own.
mkdir made
awk -F, 'NR == 1 { print "picture,light,day"; next } { print $1 "," ($3 < 360 || $3 > 1260 ? "night, dark" : "day") "," NR % 4 }' \
  frames/labels.csv | sed 's/,night, dark,/,"night, dark",/' >light.csv
expect 0 "$gst_heads" train-head --images=frames --labels=light.csv --file-column=picture --label-column=light --kind=class \
  --group-column=day --crop=0,0,240,60 --output=made/light.safetensors --cache=made/kept.safetensors --folds=3
out_has 'head            light (class), 24 labels'
out_has 'held-out error  [0-9.]* % (95 %: '
for made in light.safetensors light.png kept.safetensors; do
  [ -s "made/$made" ] || bad "made/$made is not there"
done
expect 0 "$gst_heads" inspect made/light.safetensors
out_has 'night, dark'
train 3 --labels=frames/labels.csv --label-column=people --crop=100,100,200,200
err_has 'frame-[0-9]*.jpg: the crop 100,100,200,200 reaches beyond its 240 x 144 pixels'
expect 3 "$gst_heads" eval --head=made/light.safetensors --images=frames --labels=frames/labels.csv --label-column=people \
  --crop=0,0,240,60
err_has 'the head knows no class'

# A head is measured on labels it has not seen.
mkdir later
expect 0 "$gst_heads" run --quiet capture-labels DIR=later N=8 WIDTH=240 HEIGHT=144 SEED=6
expect 0 "$gst_heads" eval --head=people.safetensors --images=later --labels=later/labels.csv
out_has '8 '
err_has '^8 of these 8 images are called like ones the head learned from: '
for file in later/*.jpg; do mv "$file" "later/other-${file#later/}"; done
sed '2,$s/^/other-/' later/labels.csv >other.csv
expect 0 "$gst_heads" eval --head=people.safetensors --images=later --labels=other.csv
err_lacks 'called like'

# What is wrong is said with its file and line.
train 3 --labels=absent.csv --label-column=people
err_has 'absent.csv: there is no such CSV file'
train 3 --labels=frames/labels.csv --label-column=peple
err_has 'peple'
sed '4s/,[0-9]*,/,many,/' frames/labels.csv >words.csv
train 3 --labels=words.csv --label-column=people
err_has 'words.csv.*4'
sed '3s/^[^,]*/gone.jpg/' frames/labels.csv >gone.csv
train 3 --labels=gone.csv --label-column=people
err_has 'gone.jpg'
printf 'not a picture' >frames/text.jpg
sed '5s/^[^,]*/text.jpg/' frames/labels.csv >text.csv
train 0 --labels=text.csv --label-column=people --name=text
err_has 'Left out: frames/text.jpg: '
err_has '^1 of 24 images could not be read and are left out.$'
out_has 'head            text (count), 23 labels'
# One that breaks off, in the middle of a batch: the others' embeddings are theirs.
head -c 2000 "frames/$(awk -F, 'NR == 7 { print $1 }' frames/labels.csv)" >frames/half.jpg
sed '7s/^[^,]*/half.jpg/' frames/labels.csv >half.csv
sed '7d' frames/labels.csv >without.csv
train 0 --labels=half.csv --label-column=people --name=half --no-cache --no-plot
err_has 'Left out: frames/half.jpg: breaks off in the middle of the picture'
train 0 --labels=without.csv --label-column=people --name=without --no-cache --no-plot
[ "$(tail -c 6000 half.safetensors | cksum)" = "$(tail -c 6000 without.safetensors | cksum)" ] \
  || bad "a picture that is left out changes the head"
expect 0 "$gst_heads" eval --head=people.safetensors --images=frames --labels=half.csv --no-cache
out_has '^images         23$'
# Where the first one breaks off, too, most of the others tell; nothing of them is kept.
sed '2s/^[^,]*/half-too.jpg/' half.csv >halves.csv
cp frames/half.jpg frames/half-too.jpg
for time in first second; do
  train 0 --labels=halves.csv --label-column=people --name=halves --cache=halves.cache --no-plot
  out_has 'head            halves (count), 22 labels'
done
# A class without a picture is none.
awk -F, 'NR == 1 { print "file,light" } NR > 1 { print $1 "," ($1 == "half.jpg" ? "rare" : NR % 2 ? "odd" : "even") }' half.csv >rare.csv
expect 3 "$gst_heads" train-head --images=frames --labels=rare.csv --label-column=light --kind=class --no-mlp
err_has 'no picture of the class "rare" can be read'
sed 's/^[^,]*[.]jpg/text.jpg/; 2q' frames/labels.csv >ruined.csv
train 3 --labels=ruined.csv --label-column=people
err_has 'text.jpg: cannot be decoded'
# A picture of four gigapixels in 24 bytes is refused before a decoder believes it.
printf '\211PNG\r\n\032\n\0\0\0\015IHDR\0\1\0\0\0\1\0\0' >frames/huge.png
sed 's/^text.jpg/huge.png/' ruined.csv >huge.csv
train 3 --labels=huge.csv --label-column=people
err_has 'huge.png: claims more than 128 megapixels'
rm frames/huge.png
train 1 --label-column=people

# Where nothing can be written is said before the work.
for output in absent/head.safetensors made; do
  train 3 --labels=frames/labels.csv --label-column=people --no-cache --output=$output
  err_has "$output cannot be written: it\(s folder does not exist\| is a folder\)"
  err_lacks 'encoding images'
done
finish
