#!/bin/sh
# Builds the image to try: image.sh [ENGINE]. Says its name on the last line.
set -eu
cd "$(dirname "$0")/../.."
engine=${1:-podman}
command -v "$engine" >/dev/null 2>&1 || engine=docker

base=$(sh tests/ship/base_image.sh "$engine")
name=localhost/tidegate:$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' app/tidegate/__init__.py)
ENGINE=$engine BASE=$base sh deploy/build_image.sh "$name" >&2
echo "$name"
