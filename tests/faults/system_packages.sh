#!/bin/sh
# Makes sure that there is a library between a process and its clock, and the program that shows sockets. Says nothing when they
# are there.
set -eu

packages=""
ls /usr/lib/*/faketime/libfaketime.so.1 >/dev/null 2>&1 || packages="$packages faketime"
command -v ss >/dev/null 2>&1 || packages="$packages iproute2"

if [ -n "$packages" ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing$packages for the faults ..."
    export DEBIAN_FRONTEND=noninteractive
    # A failure is told below, with what to do about it.
    # shellcheck disable=SC2086  # a list
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends $packages; } >/dev/null && packages="" || true
fi

if [ -n "$packages" ]; then
    echo "The faults need: apt-get install$packages" >&2
    exit 1
fi
