#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# test-labeling-loop.sh GST_HEADS SCALE_SERVER: the whole loop on real frames of a mall camera: captured, uploaded, made
# tasks of, labeled from the truth, pulled, and a head refitted, which has to be the one that the folder of images makes.
# Once as it is, once from tasks whose metadata was taken away. Skips without the frames (GST_HEADS_SHARED).
gst_heads=$(realpath "$1")
server=$(realpath "$2")
mall=$GST_HEADS_SHARED/data/mall
if [ ! -f "$mall/counts.csv" ] || ! command -v python3 >/dev/null; then
  echo "SKIP: no frames of the mall camera here, or no python3"
  exit 77
fi
mall=$(realpath "$mall")
. "$(dirname -- "$0")/check.sh"
N=60

# The part of the picture that counts, every tenth frame, as a folder of images; their labels; the truth by sum.
mkdir chosen crops
i=0
while [ $i -lt $N ]; do
  ln -s "$mall/frames/$(printf 'seq_%06d.jpg' $((i * 10 + 1)))" "$(printf 'chosen/%05d.jpg' $i)"
  i=$((i + 1))
done
cat >crop.pipeline <<'END'
multifilesrc location="chosen/%05d.jpg" caps="image/jpeg,framerate=1/1" ! jpegdec ! videocrop left=320 top=240
  ! videoconvert ! jpegenc quality=95 ! multifilesink location="crops/%05d.jpg"
END
expect 0 "$gst_heads" run crop
python3 - "$mall/counts.csv" $N <<'END'
import csv, hashlib, json, sys
counts = {row['file']: int (row['count_right_bottom']) for row in csv.DictReader (open (sys.argv[1]))}
truth = {}
with open ('labels.csv', 'w') as labels:
  print ('file,people', file = labels)
  for i in range (int (sys.argv[2])):
    people = counts['seq_%06d.jpg' % (i * 10 + 1)]
    print ('%05d.jpg,%d' % (i, people), file = labels)
    truth[hashlib.sha256 (open ('crops/%05d.jpg' % i, 'rb').read ()).hexdigest ()] = [
      { 'type': 'box', 'label': 'person', 'left': 4 * k, 'top': 5, 'width': 3, 'height': 9 } for k in range (people)]
json.dump (truth, open ('truth.json', 'w'))
END
expect 0 "$gst_heads" train-head --images=crops --labels=labels.csv --label-column=people --kind=count --unit=people \
  --no-plot --output=folder.safetensors
expect 0 "$gst_heads" inspect folder.safetensors
grep -E 'held.out|error' out >folder.txt

# serve OPTION...: the service, its address in $url.
serve () {
  rm -f url stop
  mkfifo stop
  "$server" --state=state --truth=truth.json "$@" <stop >url 2>/dev/null &
  service=$!
  exec 4>stop
  for _ in $(seq 100); do
    [ ! -s url ] || break
    sleep 0.1
  done
  url=$(cat url)
}
leave () {
  exec 4>&-
  wait $service
}
post () {
  python3 -c 'import sys, urllib.request; urllib.request.urlopen (urllib.request.Request (sys.argv[1], sys.argv[2].encode (),
    {"Authorization": "Basic dGVzdF9zY2FsZV9zZXJ2ZXI6", "Content-Type": "application/json"}))' "$1" "$2"
}

# refit_of DATASET HEAD: the head that its labels make, whose errors have to be those of the folder's.
refit_of () {
  expect 0 "$gst_heads" refit "$1" --head="$2" --task=people --kind=count --unit=people
  expect 0 "$gst_heads" inspect "$2"
  grep -E 'held.out|error' out >refit.txt
  cmp folder.txt refit.txt || bad "another head: $(diff folder.txt refit.txt)"
}

export SCALE_API_KEY=test_scale_server
serve
post "$url/v1/projects" '{"name":"mall","type":"imageannotation","rapid":true}'
printf '{"box":{"objects_to_annotate":["person"]}}' >geometries.json
cat >upload.pipeline <<'END'
multifilesrc location="crops/%05d.jpg" caps="image/jpeg,framerate=1/1,width=320,height=240"
  ! scale-uploader location=set source=mall project=mall base-url="${URL}" max-tasks=1000 geometries-file=geometries.json
      finalize=true in-flight=4
END
expect 0 "$gst_heads" run upload URL="$url/v1"
post "$url/control/complete" ''
expect 0 "$gst_heads" labels pull set --project=mall --base-url="$url/v1" --count=person:people
expect 0 "$gst_heads" labels status set
cat out
out_lacks 'unlinked: [1-9]'
expect 0 "$gst_heads" dataset export set --output=pulled.csv
[ "$(wc -l <pulled.csv)" -eq $((N + 1)) ] || bad "$(wc -l <pulled.csv) lines of labels"
cut -d, -f2 labels.csv | tail -n +2 >wanted.txt
python3 -c 'import csv; [print (row["people"]) for row in csv.DictReader (open ("pulled.csv"))]' >got.txt
cmp wanted.txt got.txt || bad "the labels that came are not the truth"
refit_of set pulled.safetensors
leave

# The same tasks as Scale's own downloader saves them: the journal knows the frames.
serve --strip-metadata
cp -r set stripped
python3 -c 'import sqlite3; db = sqlite3.connect ("stripped/catalogue.sqlite"); db.execute ("DELETE FROM label");
db.execute ("DELETE FROM task"); db.execute ("DELETE FROM pull"); db.commit ()'
expect 0 "$gst_heads" labels pull stripped --project=mall --base-url="$url/v1" --count=person:people --full
refit_of stripped stripped.safetensors
leave

cat folder.txt
finish
