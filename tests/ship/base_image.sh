#!/bin/sh
# Says which base image to build on: base_image.sh ENGINE. It is the one that the Dockerfile names where that can be had, and
# otherwise one made of Debian's packages, once, which stays in the engine's storage.
set -eu
PATH="$PATH:/usr/sbin"
engine=$1
named=$(sed -n 's/^ARG BASE=//p' Dockerfile)
ours=localhost/tidegate-base:trixie

if "$engine" image inspect "$named" >/dev/null 2>&1 || timeout 120 "$engine" pull --quiet "$named" >/dev/null 2>&1; then
    echo "$named"
    exit
fi
if ! "$engine" image inspect "$ours" >/dev/null 2>&1; then
    echo "No registry has $named for us: making $ours of Debian's packages ..." >&2
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv,python3-pip trixie "$folder" >"$folder.log" 2>&1 ||
        { tail -n 20 "$folder.log" >&2; exit 1; }
    rm -rf "$folder"/var/cache/apt/archives/*.deb "$folder"/var/lib/apt/lists/* "$folder.log"
    tar -C "$folder" -c . | "$engine" import - "$ours" >/dev/null
fi
echo "$ours"
