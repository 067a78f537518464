#!/bin/sh
# Makes sure that the data plane can be compiled for an interpreter: compiler.sh PYTHON. That needs a C compiler, the headers of C
# and those of Python. Says nothing when they are there.
set -eu
python=$1
compiler=$("$python" -c 'import os, sysconfig; print(os.environ.get("CC") or sysconfig.get_config_var("CC"))')
headers=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')

compiles() {
    # shellcheck disable=SC2086  # a command with its options
    printf '#include <stdio.h>\n#include <Python.h>\n' | $compiler "-I$headers" -x c -E - >/dev/null 2>&1
}

if compiles; then
    exit
fi

packages="gcc libc6-dev"
if [ ! -e "$headers/Python.h" ]; then
    case $headers in
        /usr/include/*) # Debian's own Python; its debug build has the same headers
            name=${headers##*/}
            packages="$packages lib${name%d}-dev"
            ;;
        *) echo "To compile the data plane, install the headers of $python: there is no $headers/Python.h" >&2 && exit 1 ;;
    esac
fi

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing $packages to compile the data plane ..."
    export DEBIAN_FRONTEND=noninteractive
    # A failure is told below, with what to do about it.
    # shellcheck disable=SC2086  # a list
    { apt-get update -qq && apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends $packages; } >/dev/null || true
fi

if ! compiles; then
    echo "To compile the data plane: apt-get install $packages" >&2
    exit 1
fi
