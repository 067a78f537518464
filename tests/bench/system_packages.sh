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
# shellcheck disable=SC2086  # a list
sh tests/support/install_packages.sh "the benchmark" $packages
