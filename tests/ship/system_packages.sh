#!/bin/sh
# Makes sure that the programs with which an image is built and run are there, and musl to compile for: system_packages.sh [image].
# Says nothing when they are. Docker is enough to build the image and to try it (`image`); only podman plays manifests.
set -eu
PATH="$PATH:/usr/sbin"

if [ "${1:-}" = image ] && command -v docker >/dev/null 2>&1 && docker info >/dev/null 2>&1; then
    exit
fi

packages=""
for program in buildah podman runc catatonit debootstrap; do
    command -v "$program" >/dev/null 2>&1 || packages="$packages $program"
done
command -v musl-gcc >/dev/null 2>&1 || [ "${1:-}" = image ] || packages="$packages musl-tools"
# shellcheck disable=SC2086  # a list
sh tests/support/install_packages.sh "building and running the image" $packages
