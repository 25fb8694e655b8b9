#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-shipped.sh GST_HEADS: the shipped encoder and heads on moments of the plaza that neither has seen: time within 15
# minutes on 80 % of the frames in daylight (81.6 % of 2800 frames, and 400 of them stray by 2.5), and people to less
# than half the error of always the same answer.
gst_heads=$(realpath "$1")
. "$(dirname -- "$0")/check.sh"

frames=400
expect 0 "$gst_heads" run --quiet predict-plaza SEED=4711 SHUFFLE=true N=$frames TRUTH="$folder/truth.csv" \
  PREDICTIONS="$folder/lines.jsonl" SINK=fakesink
[ "$(wc -l <lines.jsonl)" -eq $frames ] || bad "not a line for each of $frames frames"

# values HEAD: one a line.
values () {
  sed -n "s/.*\"$1\":{\"kind\":\"[a-z]*\",\"value\":\\([-+0-9.eE]*\\).*/\\1/p" lines.jsonl
}

values time >time.txt
values people >people.txt
sed 1d truth.csv | tr , ' ' | paste -d' ' - time.txt people.txt >pairs.txt     # file people minute time people
awk '$3 >= 360 && $3 <= 1200 { d = $3 - $4; if (d < 0) d = -d; if (d > 720) d = 1440 - d; good += d <= 15; n++ }
  { e = $2 - $5; error += e < 0 ? -e : e; c = $2 - 6; constant += c < 0 ? -c : c }
  END { printf "time: %.1f %% of %d frames in daylight within 15 minutes\npeople: off by %.2f, always 6: %.2f\n",
    100 * good / n, n, error / NR, constant / NR; exit !(n > 150 && good >= 0.77 * n && error < 0.45 * constant) }' pairs.txt \
  >out || bad "worse than promised"
cat out
finish
