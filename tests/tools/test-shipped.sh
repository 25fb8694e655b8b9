#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-shipped.sh GST_HEADS [FRAMES]: the shipped encoder and heads on moments of the plaza that neither has seen: time within 15
# minutes on 80 % of the frames in daylight, and people to within 0.7. A seed by itself strays by 2.5 %. With FRAMES of each seed (400), too few to say that, only that
# there are answers.
gst_heads=$(realpath "$1")
. "$(dirname -- "$0")/check.sh"

seeds='12 13 14' frames=${2:-400}

# values HEAD: one a line.
values () {
  sed -n "s/.*\"$1\":{\"kind\":\"[a-z]*\",\"value\":\\([-+0-9.eE]*\\).*/\\1/p" lines.jsonl
}

# pairs.txt: file people minute time people
for seed in $seeds; do
  expect 0 "$gst_heads" run --quiet predict-plaza SEED="$seed" SHUFFLE=true N=$frames TRUTH="$folder/truth.csv" \
    PREDICTIONS="$folder/lines.jsonl" SINK=fakesink
  [ "$(wc -l <lines.jsonl)" -eq $frames ] || bad "not a line for each of $frames frames"
  values time >time.txt
  values people >people.txt
  sed 1d truth.csv | tr , ' ' | paste -d' ' - time.txt people.txt >>pairs.txt
  rm lines.jsonl truth.csv
done
awk '$3 > 390 && $3 < 1170 { d = $3 - $4; if (d < 0) d = -d; if (d > 720) d = 1440 - d; good += d <= 15; n++ }
  { e = $2 - $5; error += e < 0 ? -e : e; c = $2 - 6; constant += c < 0 ? -c : c }
  END { printf "time: %.1f %% of %d frames in daylight within 15 minutes\npeople: off by %.2f, always 6: %.2f\n",
    100 * good / n, n, error / NR, constant / NR; exit !(good >= 0.8 * n && error < 0.7 * NR) }' pairs.txt >out \
  || [ "$frames" -lt 400 ] || bad "worse than promised"
[ "$(wc -l <pairs.txt)" -eq $((3 * frames)) ] || bad "an answer is missing"
cat out
finish
