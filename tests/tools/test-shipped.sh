#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-shipped.sh GST_HEADS [FRAMES]: the shipped encoder and heads on moments of the plaza that neither has seen: people to
# within 0.7 by the heads from 300 labels and by those from 30, time within 15 minutes on 80 % of the frames in daylight by
# the former. A seed by itself strays by 2.5 %. With FRAMES of each seed (400), too few to say that, only that there are
# answers.
gst_heads=$(realpath "$1")
. "$(dirname -- "$0")/check.sh"

seeds='12 13 14' frames=${2:-400}

# Encoded once, for the heads of 300 labels and for those of 30.
cat >both.pipeline <<'END'
plaza-test-src seed=${SEED} num-buffers=${N} shuffle=true truth-location=truth.csv
  ! video/x-raw,width=960,height=576,framerate=10/1 ! mae-encoder
  ! head-predict heads=plaza-people,plaza-time location=300.jsonl
  ! head-predict heads=plaza-people-30,plaza-time-30 location=30.jsonl ! fakesink
END

# values HEAD FILE: one a line.
values () {
  sed -n "s/.*\"$1\":{\"kind\":\"[a-z]*\",\"value\":\([-+0-9.eE]*\).*/\1/p" "$2"
}

# pairs-LABELS.txt: file people minute time people
for seed in $seeds; do
  expect 0 "$gst_heads" run --quiet both SEED="$seed" N=$frames
  for labels in 300 30; do
    [ "$(wc -l <$labels.jsonl)" -eq $frames ] || bad "not a line for each of $frames frames"
    values time $labels.jsonl >time.txt
    values people $labels.jsonl >people.txt
    sed 1d truth.csv | tr , ' ' | paste -d' ' - time.txt people.txt >>pairs-$labels.txt
    rm $labels.jsonl
  done
  rm truth.csv
done

# promised LABELS TIMELY: TIMELY is the share of frames in daylight.
promised () {
  awk -v n=$((3 * frames)) 'NF != 5 { bad = 1 } END { exit bad || NR != n }' "pairs-$1.txt" || bad "an answer is missing"
  awk -v timely="$2" '$3 > 390 && $3 < 1170 { d = $3 - $4; if (d < 0) d = -d; if (d > 720) d = 1440 - d; good += d <= 15; n++ }
    { e = $2 - $5; error += e < 0 ? -e : e; c = $2 - 6; constant += c < 0 ? -c : c }
    END { printf "time: %.1f %% of %d frames in daylight within 15 minutes\npeople: off by %.2f, always 6: %.2f\n",
      100 * good / n, n, error / NR, constant / NR; exit !(n > NR / 4 && good >= timely * n && error < 0.7 * NR) }' "pairs-$1.txt" >out \
    || [ "$frames" -lt 400 ] || bad "worse than promised"
  echo "from $1 labels"
  cat out
}
promised 300 0.8
promised 30 0.35
finish
