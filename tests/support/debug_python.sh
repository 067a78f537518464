#!/bin/sh
# Prints the path of a debug build of Python, of the same version as PYTHON, so that it can import what is installed for that:
# debug_python.sh PYTHON
set -eu
python=$1
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')

find_one() {
    for candidate in "$python" "python$version-dbg" "python${version}d"; do
        if "$candidate" -c 'import sys; sys.gettotalrefcount()' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

if find_one; then
    exit
fi

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing python$version-dbg ..." >&2
    export DEBIAN_FRONTEND=noninteractive
    # A failure is told below, with what to do about it.
    { apt-get update -qq && apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "python$version-dbg"; } >/dev/null || true
fi

if ! find_one; then
    echo "A debug build of Python $version is missing: apt-get install python$version-dbg, or build one (./configure --with-pydebug)" >&2
    echo "and name it: make DEBUG_PYTHON=... The system's Python often has one: make PYTHON=/usr/bin/python3 VENV=.venv-system ..." >&2
    exit 1
fi
