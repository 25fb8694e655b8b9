#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# run.sh COMMAND...: runs a test that is built with the address sanitizer; meson does so for all of them.
#
# To tell where each block was allocated, the stack is to be unwound through libraries without frame pointers, which takes
# nine tenths of the time of many tests. So a test runs without that first, and what leaks is only written down. When something
# is there that is not known, the test runs once more, with whole stacks, which lsan.supp needs; that is what counts. Any other
# report of a sanitizer fails the test at once.
set -u

folder=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# Thread-local storage of libraries that were loaded late is not looked into: LeakSanitizer crashes over that of threads
# which are ending, such as GnuTLS's. GStreamer's own plugin scanner cannot load a sanitized plugin.
options=allocator_may_return_null=1:detect_odr_violation=0:intercept_tls_get_addr=0
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 G_SLICE=always-malloc GST_REGISTRY_FORK=no
export LSAN_OPTIONS="suppressions=$folder/lsan.supp:print_suppressions=0"

if [ "${1##*/}" = test-planted-faults ]; then   # it reads reports itself
  export ASAN_OPTIONS=$options
  exec "$@"
fi

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
trap 'show; exit 143' TERM INT

show () {
  cat "$logs/out"
  cat "$logs/err" >&2
}

status=0
ASAN_OPTIONS=$options:fast_unwind_on_malloc=1:exitcode=0:log_path=$logs/report "$@" >"$logs/out" 2>"$logs/err" || status=$?
cat "$logs"/report.* >"$logs/all" 2>/dev/null

if grep -q -E 'ERROR: AddressSanitizer|runtime error:|CHECK failed' "$logs/all"; then
  show
  cat "$logs/all" >&2
  exit 1
fi
# Known are the tables of quarks that GLib left behind each time one grew, multiples of 16 KiB, whose stack ends in g_malloc.
if ! awk '
    function end_leak() { unknown += leak && !(table && frames == 2 && last ~ / g_malloc /); leak = 0 }
    /LeakSanitizer has encountered a fatal error/ { unknown++ }
    / leak of [0-9]+ byte/ { end_leak(); leak = 1; frames = 0; table = /^Direct/ && $4 % 16384 == 0 && $7 <= 4 }
    /^ *#[0-9]+ / { frames++; last = $0 }
    END { end_leak(); exit unknown != 0 }' "$logs/all"; then
  status=0
  ASAN_OPTIONS=$options:fast_unwind_on_malloc=0 "$@" >"$logs/out" 2>"$logs/err" || status=$?
fi
show
exit "$status"
