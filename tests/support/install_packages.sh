#!/bin/sh
# install_packages.sh PURPOSE PACKAGE...: installs them where that may be done, or says what is missing, and fails then. Without a
# package it says nothing. Services are not started: only the programs are wanted.
set -eu

purpose=$1
shift
[ $# -gt 0 ] || exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing $* for $purpose ..."
    export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
    { apt-get update -qq && apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "$@"; } >/dev/null && exit 0
fi
echo "Missing for $purpose: apt-get install $*" >&2
exit 1
