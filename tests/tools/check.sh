# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# What the tests of the command share; sourced with "gst_heads" set. Makes a folder of its own and works there.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
failures=0

bad () {
  printf 'FAILED: %s\n' "$*"
  sed 's/^/  out: /' out
  sed 's/^/  err: /' err
  failures=$((failures + 1))
}

# expect STATUS COMMAND...: runs it with its output in the files out and err.
expect () {
  want=$1
  shift
  got=0
  limited "$@" >out 2>err </dev/null || got=$?
  [ "$got" -eq "$want" ] || bad "status $got instead of $want: $*"
}

limited () {
  timeout --foreground 250 "$@"
}

# out_has PATTERN, err_has PATTERN: about the last command; basic regular expressions.
out_has () {
  grep -q -e "$1" out || bad "no \"$1\" in the output"
}

err_has () {
  grep -q -e "$1" err || bad "no \"$1\" in the words"
}

out_lacks () {
  ! grep -q -e "$1" out || bad "\"$1\" in the output"
}

err_lacks () {
  ! grep -q -e "$1" err || bad "\"$1\" in the words"
}

# free_port: prints a TCP port nobody has, from below the range out of which the kernel chooses ports itself.
free_port () {
  free=$((10000 + $$ % 20000))
  while grep -q "$(printf ':%04X ' $free)" /proc/net/tcp /proc/net/tcp6 2>/dev/null; do
    free=$((free + 1))
  done
  echo $free
}

finish () {
  [ "$failures" -eq 0 ] || exit 1
  echo "all as expected"
}
