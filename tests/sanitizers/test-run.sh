#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-run.sh RUN FAULTY: what run.sh makes of a program with each fault.
set -u

run=$1 faulty=$2 failures=0
output=$(mktemp)
trap 'rm -f "$output"' EXIT

# expect STATUS WORDS FAULT
expect () {
  status=0
  "$run" "$faulty" "$3" >"$output" 2>&1 || status=$?
  if [ "$status" -ne "$1" ] || ! grep -q -e "$2" "$output"; then
    echo "FAILED: $3: status $status instead of $1, or no \"$2\" in:"
    cat "$output"
    failures=$((failures + 1))
  fi
}

expect 0 '^said' none
expect 7 '^said' status
expect 0 '^said' quarks
expect 1 'heap-buffer-overflow' overflow
expect 1 'signed integer overflow' undefined
expect 1 '16 byte(s) leaked' leak
expect 1 'in g_strdup' glib
expect 1 '16384 byte(s) leaked' table-like
[ "$failures" -eq 0 ]
