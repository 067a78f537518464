#!/bin/sh
# Packages the chart for an image: deploy/package_chart.sh IMAGE FOLDER. Chart and image get the version of the code, and the
# chart's default image is this one. HELM is the program, by default `helm`.
set -eu
cd "$(dirname "$0")/.."
image=$1
folder=$2
helm=${HELM:-helm}

version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' app/tidegate/__init__.py)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -R helm/tidegate "$copy"
sed -i "/^image:/,/^[a-z]/s|^  repository:.*|  repository: $image|" "$copy/tidegate/values.yaml"
"$helm" show values "$copy/tidegate" | grep -Fqx "  repository: $image" || {
    echo "deploy/package_chart.sh: the chart's values have no image.repository to set" >&2
    exit 1
}
"$helm" lint --strict --quiet "$copy/tidegate"
"$helm" package "$copy/tidegate" --version "$version" --app-version "$version" --destination "$folder"
