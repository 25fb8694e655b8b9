# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# What the scripts of this folder share; sourced by them, POSIX shell. Sets $root (the clone) and works from there.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"

# Text of programs is compared and parsed here and there: one language, but UTF-8 where the system has it.
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
umask 022

say () {
  printf '\n== %s\n' "$*"
}

die () {
  printf '%s: %s\n' "$(basename -- "$0")" "$*" >&2
  exit 1
}

# limited SECONDS COMMAND...: ends a command that hangs. --foreground lets Ctrl-C reach it.
limited () {
  seconds=$1
  shift
  limited_status=0
  timeout --foreground --kill-after=30 "$seconds" "$@" || limited_status=$?
  [ "$limited_status" -ne 124 ] || printf '%s: no end after %s s: %s\n' "$(basename -- "$0")" "$seconds" "$*" >&2
  return "$limited_status"
}

# configure FOLDER OPTION...: sets a build folder up, or sets the options of the one that is there.
configure () {
  folder=$1
  shift
  if [ -f "$folder/build.ninja" ]; then
    limited 300 meson configure "$folder" "$@"
  else
    rm -rf "$folder"
    limited 300 meson setup "$folder" "$@"
  fi
}

build () {
  limited 1500 ninja -C "$1"
}

# in_build FOLDER COMMAND...: runs a command that sees the plugins, models and tools of a build folder and no others.
in_build () {
  folder=$1
  shift
  meson devenv -C "$folder" -w "$root" "$@"
}
