#!/bin/sh
# Makes sure that the programs with which an image is built and run are there. Says nothing when they are.
set -eu
PATH="$PATH:/usr/sbin"

packages=""
for program in buildah podman runc debootstrap; do
    command -v "$program" >/dev/null 2>&1 || packages="$packages $program"
done

if [ -n "$packages" ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing$packages to build and run the image ..."
    export DEBIAN_FRONTEND=noninteractive
    # A failure is told below, with what to do about it.
    # shellcheck disable=SC2086  # a list
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends $packages; } >/dev/null && packages="" || true
fi

if [ -n "$packages" ]; then
    echo "To build and run the image: apt-get install$packages" >&2
    exit 1
fi
