#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-scale-curl.sh SCALE-SERVER CERTIFICATE: the Scale server as curl sees it: uploads as its own encoder writes them,
# TLS, and a server that is killed and comes back.
set -eu

server=$(realpath "$1") certificate=$(realpath "$2")
command -v curl >/dev/null || { echo "SKIP: no curl here: apt-get install curl"; exit 77; }
folder=$(mktemp -d)
pid=
failures=0

stop () {
  status=0
  exec 3>&-
  [ -z "$pid" ] || wait "$pid" || status=$?
  pid=
  return "$status"
}

trap 'stop || true; rm -rf "$folder"' EXIT
cd "$folder"
mkfifo input

# start OPTION...: serves until file 3 is closed.
start () {
  : >url
  "$server" "$@" <input >url 2>err &
  pid=$!
  exec 3>input
  for _ in $(seq 200); do
    [ ! -s url ] || break
    kill -0 "$pid" 2>/dev/null || { cat err; exit 1; }
    sleep 0.05
  done
  url=$(cat url)
}

bad () {
  printf 'FAILED: %s\n' "$*"
  sed 's/^/  answer: /' answer
  failures=$((failures + 1))
}

# call STATUS ARGUMENT...: curl with the key.
call () {
  want=$1
  shift
  got=$(curl -s -m 60 --cacert "$certificate" -u test_scale_server: -o answer -w '%{http_code}' "$@") || got=failed
  [ "$got" = "$want" ] || bad "$got instead of $want: $*"
}

has () {
  grep -q -F -e "$1" answer || bad "no $1"
}

printf '\377\330\377\340 a picture\r\n--boundary\r\n' >'a "b".jpg'
printf '\211PNG\r\n\032\n and more' >b.png
head -c 3000000 /dev/zero >zeros
cat 'a "b".jpg' zeros >large.jpg
cat large.jpg zeros >huge.jpg
sum=$(sha256sum <'a "b".jpg' | cut -d ' ' -f 1)

start --state=state --images=. --max-file=4000000
call 200 -d '{"type":"imageannotation","name":"plaza","rapid":true,"params":{"instruction":"x","geometries":{}}}' \
  "$url/v1/projects"
call 200 -F 'file=@a "b".jpg' -F project_name=plaza -F reference_id=one -F 'metadata={"image_path":"ä/1.jpg"}' \
  "$url/v1/files/upload"
has '"project_names":["plaza"]'
call 409 -F 'file=@a "b".jpg' -F project_name=plaza -F reference_id=one "$url/v1/files/upload"
call 200 -F 'metadata={};type=application/json' -F 'file=@b.png;type=image/png' "$url/v1/files/upload"
has '"mime_type":"image/png"'
# More than curl sends before it is told to go on.
call 200 -F file=@large.jpg -H 'Expect: 100-continue' "$url/v1/files/upload"
call 200 -F file=@large.jpg -H 'Transfer-Encoding: chunked' "$url/v1/files/upload"
call 413 -F file=@huge.jpg "$url/v1/files/upload"
call 400 -F file=@zeros "$url/v1/files/upload"
call 400 -F file=@b.png -F metadata=image_path -F metadata=sha256 "$url/v1/files/upload"
call 401 -u unknown: -F file=@b.png "$url/v1/files/upload"
[ -s "$sum.jpg" ] || bad "the image was not kept"
call 200 "$url/control/state"
has "\"sha256\":\"$sum\""
has '"image_path":"ä/1.jpg"'
has '"filename":"large.jpg"'

# Killed, it comes back with what it had.
kill -9 "$pid"
wait "$pid" 2>/dev/null || true
pid=
exec 3>&-
start --state=state --tls --fault='GET /v1/projects status=503 retry-after=1 count=1'
case $url in https://*) ;; *) bad "no TLS at $url" ;; esac
call 409 -F 'file=@a "b".jpg' -F project_name=plaza -F reference_id=one "$url/v1/files/upload"
call 200 --retry 2 "$url/v1/projects"
has '"name":"plaza"'
call 200 -X POST "$url/control/build-batch?project=plaza&batch=b"
has '"n":1'
call 200 -X POST "$url/control/complete"
has '"n":1'
call 200 "$url/v1/tasks?project=plaza&status=completed"
has '"image_path":"ä/1.jpg"'
call 200 -d 'GET /v1/projects drop' "$url/control/fault"
call 400 -d 'nonsense' "$url/control/fault"
call failed "$url/v1/projects"
call 200 -X POST "$url/control/clear-faults"
call 200 "$url/v1/projects"

# Nucleus, in the layouts of its documents, and those of its client that the newest one no longer sends.
nucleus=$url/v1/nucleus
call 200 -d '{"name":"plaza","is_scene":false}' "$nucleus/dataset/create"
id=$(sed 's/.*"dataset_id":"\([^"]*\)".*/\1/' answer)
items='[{"reference_id":"a/1","metadata":{"hour":7},"update":false},{"reference_id":"b","metadata":{}}]'
call 200 -F "items=$items;type=application/json" -F 'image=@a "b".jpg;type=image/jpg' -F image=@b.png \
  "$nucleus/dataset/$id/append"
has "\"dataset_id\":\"$id\""
has '"new_items":2,"updated_items":0,"ignored_items":0,"upload_errors":0'
call 200 -F "items=$items" -F 'image=@a "b".jpg' -F image=@zeros "$nucleus/dataset/$id/append"
has '"new_items":0,"updated_items":0,"ignored_items":1,"upload_errors":1,"error_payload":[{"reference_id":"b"'
call 200 -F 'item={"reference_id":"c","metadata":{"hour":8}}' -F image=@b.png "$nucleus/dataset/$id/append"
has '"new_items":1'
call 400 -F "items=$items" -F image=@b.png "$nucleus/dataset/$id/append"
call 200 -d '{"items":[{"reference_id":"c","metadata":{"day":1},"image_url":"https://x/c.jpg"},
  {"reference_id":"d","metadata":{"hour":"eight"},"image_url":"https://x/d.jpg"}],"update":true}' \
  "$nucleus/dataset/$id/append"
has '"new_items":0,"updated_items":1,"ignored_items":0,"upload_errors":1'
call 200 "$nucleus/dataset/$id/refloc/c"
has '"metadata":{"day":1}'
call 200 "$nucleus/dataset/$id/refloc/a%2F1"
call 404 "$nucleus/dataset/$id/refloc/a/1"
call 200 -d '{"pageToken":null,"pageSize":2}' "$nucleus/dataset/$id/exportForTrainingPage"
has '"multicategory":[]'
call 200 -d "{\"pageToken\":$(sed 's/.*"nextPageToken"://; s/}$//' answer),\"pageSize\":2}" \
  "$nucleus/dataset/$id/exportForTrainingPage"
has '"nextPageToken":null'
# The image of a task is known by its bytes.
call 200 "$nucleus/dataset/$id/exportScaleTaskInfo"
has '"task_status":"completed"'
got=$(curl -s -m 60 --cacert "$certificate" -H 'x-limited-access-key: test_scale_server' -o answer -w '%{http_code}' \
  "$nucleus/dataset/$id/size")
[ "$got" = 200 ] || bad "$got with the limited key"
has '{"count":3}'
call 200 -X DELETE -d '{}' "$nucleus/dataset/$id"
call 404 "$nucleus/dataset/$id/size"

stop || bad "the server ended with $?"
# What it cannot do it says.
for option in --state=/nonexistent/state --truth=/nonexistent/truth --fault=nonsense --faults=/nonexistent/faults; do
  ! "$server" "$option" </dev/null >answer 2>&1 || bad "$option was taken"
  has "${option#*=}"
done
[ "$failures" -eq 0 ] || exit 1
echo "all as expected"
