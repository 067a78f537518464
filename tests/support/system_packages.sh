#!/bin/sh
# Makes sure that the programs that tests start are there: a Chromium, Node.js and npm. Says nothing when they are.
set -eu

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

if ! has_browser && [ "$(id -u)" -eq 0 ] && has apt-get; then
    echo "Installing Chromium for the browser tests ..."
    export DEBIAN_FRONTEND=noninteractive
    # A failure is told below, with what to do about it.
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; } >/dev/null || true
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
exit "$missing"
