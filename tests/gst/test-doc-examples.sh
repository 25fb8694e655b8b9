#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# test-doc-examples.sh SOURCE-FOLDER: runs every gst-launch-1.0 line that the documentation of an element shows.
#
# The lines stand in |[ ]| blocks of the comments of gst/**/*.c and are taken as they are; one that ends in a backslash
# goes on in the next. Each must end by itself within a minute, in an empty folder and without a network. An example
# that needs an element nobody here makes and this machine lacks is skipped. Every file that documents an element must
# have an example. Output is TAP.

source=$1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

# Prints "FILE<tab>COMMAND" for each example.
list_examples () {
  find "$source" -name '*.c' | LC_ALL=C sort | while read -r file; do
    awk -v file="$file" '
      /\|\[/ { inside = 1 }
      inside {
        line = $0
        sub (/^[ \t]*\*? ?/, "", line)
        sub (/^[ \t]*\|\[[ \t]*/, "", line)
        if (line ~ /\]\|/) {
          sub (/[ \t]*\]\|.*/, "", line)
          inside = 0
        }
        if (command != "" || line ~ /^(SCALE_API_KEY=[^ ]+ )?gst-launch-1\.0 /) {
          command = command line
          if (inside && sub (/\\$/, "", command))
            next
          printf "%s\t%s\n", file, command
          command = ""
        }
      }' "$file"
  done
}

# Files that document an element and show nothing.
list_silent () {
  grep -rl --include='*.c' 'SECTION:element-' "$source" | LC_ALL=C sort | while read -r file; do
    cut -f1 "$work/examples" | grep -qxF "$file" || echo "$file"
  done
}

list_examples > "$work/examples"
list_silent > "$work/silent"
echo "1..$(cat "$work/examples" "$work/silent" | wc -l)"
n=0
tab=$(printf '\t')

while IFS="$tab" read -r file command; do
  n=$((n + 1))
  mkdir "$work/$n"
  (cd "$work/$n" && exec timeout -k 5 60 sh -c "$command" < /dev/null > ../output 2>&1)
  status=$?
  what="$n - ${file#"$source"/}: $command"
  missing=$(sed -n 's/.*no element "\([^"]*\)".*/\1/p' "$work/output" | head -n 1)
  if [ $status -eq 0 ]; then
    echo "ok $what"
  elif [ -n "$missing" ] && ! grep -rqsF "\"$missing\"" --include='*.c' "$source"; then
    echo "ok $what # SKIP this machine lacks $missing"
  else
    echo "not ok $what"
    echo "# exit status $status"
    sed 's/^/# /' "$work/output" | tail -n 20
  fi
done < "$work/examples"

while read -r file; do
  n=$((n + 1))
  echo "not ok $n - ${file#"$source"/}: no example"
done < "$work/silent"
