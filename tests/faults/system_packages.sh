#!/bin/sh
# Makes sure that there is a library between a process and its clock, and the program that shows sockets. Says nothing when they
# are there.
set -eu

packages=""
ls /usr/lib/*/faketime/libfaketime.so.1 >/dev/null 2>&1 || packages="$packages faketime"
command -v ss >/dev/null 2>&1 || packages="$packages iproute2"
# shellcheck disable=SC2086  # a list
sh tests/support/install_packages.sh "the faults" $packages
