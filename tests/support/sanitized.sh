#!/bin/sh
# Runs a command, and what it starts, with gcc's address and undefined-behaviour sanitizers, for an extension that is compiled
# with them. Fails when one of these processes has something to report, whatever the command says: sanitized.sh COMMAND...
set -eu
runtimes=""
for name in asan ubsan; do
    library=$(gcc "-print-file-name=lib$name.so" 2>/dev/null) || library=""
    if [ ! -e "$library" ]; then # gcc says the bare name of what it lacks
        echo "gcc's sanitizers are missing: install gcc, with lib$name where that is a package of its own" >&2
        exit 1
    fi
    runtimes="$runtimes $library"
done

reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
# Python frees little at its end, which is no leak. What is freed is kept for a while, to see that it is not used: 16 MB of it.
export ASAN_OPTIONS="detect_leaks=0:allocator_may_return_null=1:quarantine_size_mb=16:log_path=$reports/report"
export UBSAN_OPTIONS="print_stacktrace=1:log_path=$reports/report"
export PYTHONMALLOC=malloc_debug # each object is a block of its own, which the sanitizer sees
status=0
LD_PRELOAD=$runtimes "$@" || status=$?

if grep -qrE "ERROR: |runtime error: " "$reports"; then # a warning is of an allocation that has been refused
    cat "$reports"/* >&2
    echo "The sanitizers have found the above." >&2
    exit 1
fi
exit "$status"
