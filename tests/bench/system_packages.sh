#!/bin/sh
# Makes sure that the peers and the load tools of the benchmark are there. Says nothing when they are.
set -eu

packages=""
need() {
    command -v "$1" >/dev/null 2>&1 || packages="$packages $2"
}

need nginx nginx
[ -e /usr/lib/nginx/modules/ngx_stream_module.so ] || packages="$packages libnginx-mod-stream"
need haproxy haproxy
need wrk wrk
need iperf3 iperf3
need valgrind valgrind
need strace strace
need ip iproute2

if [ -n "$packages" ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing$packages for the benchmark ..."
    export DEBIAN_FRONTEND=noninteractive
    # Nothing is started: only the programs are wanted. A failure is told below, with what to do about it.
    # shellcheck disable=SC2086  # a list
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends $packages; } >/dev/null && packages="" || true
fi

if [ -n "$packages" ]; then
    echo "The benchmark needs: apt-get install$packages" >&2
    exit 1
fi
