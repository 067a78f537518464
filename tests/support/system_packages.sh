#!/bin/sh
# Makes sure that the programs that tests start are there: a Chromium, Node.js and npm, Prometheus with promtool, and the servers
# that health checks and the edge are tried on. Says nothing when they are.
set -eu
PATH="$PATH:/usr/sbin"

has() {
    command -v "$1" >/dev/null 2>&1
}

has_browser() {
    has chromium || has chromium-browser || has google-chrome
}

has_node() {
    has node || return 1
    version=$(node --version) # v20.11.1
    major=${version#v}
    [ "${major%%.*}" -ge 18 ]
}

has_postgres() {
    has initdb || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1
}

has_prometheus() {
    has prometheus && has promtool
}

may_install() {
    [ "$(id -u)" -eq 0 ] && has apt-get
}

# Tests that need one of these are skipped without it.
servers=""
has redis-server || servers="$servers redis-server"
has nginx || servers="$servers nginx"
[ -e /usr/lib/nginx/modules/ngx_stream_module.so ] || servers="$servers libnginx-mod-stream"
has haproxy || servers="$servers haproxy"
has varnishd || servers="$servers varnish"
has curl || servers="$servers curl"
has openssl || servers="$servers openssl"
has gunicorn || servers="$servers gunicorn"
has_postgres || servers="$servers postgresql"
{ has mariadbd && has my_print_defaults; } || servers="$servers mariadb-server-core mariadb-client-core"
if [ -n "$servers" ] && may_install; then
    echo "Installing$servers for the tests of health checks and of the edge ..."
    # RUNLEVEL=1: only the programs are wanted, no service is to be started.
    # shellcheck disable=SC2086  # a list
    {
        apt-get update -qq &&
            DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends $servers
    } >/dev/null && servers="" || true
fi
[ -z "$servers" ] || echo "Some tests will be skipped; for them: apt-get install$servers" >&2

if ! has_browser && may_install; then
    echo "Installing Chromium for the browser tests ..."
    export DEBIAN_FRONTEND=noninteractive
    # A failure is told below, with what to do about it.
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; } >/dev/null || true
fi

if ! has_prometheus && may_install; then
    echo "Installing Prometheus for the tests of rules and dashboard ..."
    # As above: no service, and a failure is told below.
    {
        apt-get update -qq &&
            DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends prometheus
    } >/dev/null || true
fi

missing=0
if ! has_browser; then
    echo "Tests need Chromium (or google-chrome): apt-get install chromium fonts-dejavu-core" >&2
    missing=1
fi
if ! has_node; then
    echo "Tests need Node.js 18 or newer: apt-get install nodejs" >&2
    missing=1
fi
if ! has npm; then
    echo "Tests need npm: apt-get install npm" >&2
    missing=1
fi
if ! has_prometheus; then
    echo "Tests need Prometheus and promtool: apt-get install prometheus" >&2
    missing=1
fi
exit "$missing"
