#!/bin/sh
# Makes sure that there is a library between a process and its clock. Says nothing when it is there.
set -eu

there() {
    ls /usr/lib/*/faketime/libfaketime.so.1 >/dev/null 2>&1
}

if ! there && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing faketime for clocks that jump ..."
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends faketime; } >/dev/null || true
fi
there || echo "Clocks will not jump; for that: apt-get install faketime" >&2
