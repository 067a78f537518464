#!/bin/sh
# Builds the image: deploy/build_image.sh [TAG]. With docker, podman or buildah, whichever is there; ENGINE chooses one.
#   BASE             another base image than the Dockerfile names
#   PIP_CERT         certificates of a proxy or mirror (or SSL_CERT_FILE, CURL_CA_BUNDLE); they do not stay in the image
#   PIP_CONFIG_FILE  a pip.conf that names a mirror; it does not stay either
set -eu
cd "$(dirname "$0")/.."

choose() {
    if command -v docker >/dev/null 2>&1 && docker info >/dev/null 2>&1; then
        echo docker
    elif command -v podman >/dev/null 2>&1; then
        echo podman
    elif command -v buildah >/dev/null 2>&1; then
        echo buildah
    else
        echo "To build the image, install docker, podman or buildah." >&2
        exit 1
    fi
}

engine=${ENGINE:-$(choose)}
version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' app/tidegate/__init__.py)
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
certificates=${PIP_CERT:-${SSL_CERT_FILE:-${CURL_CA_BUNDLE:-}}}

set -- --tag "${1:-tidegate:$version}" --build-arg "VERSION=$version" --build-arg "REVISION=$revision"
[ -z "${BASE:-}" ] || set -- "$@" --build-arg "BASE=$BASE"
[ ! -f "$certificates" ] || set -- "$@" --secret "id=ca,src=$certificates"
[ ! -f "${PIP_CONFIG_FILE:-}" ] || set -- "$@" --secret "id=pip,src=$PIP_CONFIG_FILE"

case $engine in
    docker) DOCKER_BUILDKIT=1 docker build "$@" . ;;
    # A build needs no more isolation than that of a folder, and machines without control groups give no more.
    podman) podman build --isolation chroot --layers "$@" . ;;
    buildah) buildah build --isolation chroot --layers "$@" . ;;
    *) echo "ENGINE=$engine: docker, podman or buildah" >&2 && exit 64 ;;
esac
