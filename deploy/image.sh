#!/usr/bin/env bash
# Build the Bento, then a container image of it.
#
#   deploy/image.sh [TAG]                 with Docker
#   BACKEND=buildah deploy/image.sh [TAG]  with buildah (no daemon); OPTIONS are handed to its build,
#                                         e.g. OPTIONS="isolation=chroot network=host"
set -euo pipefail
cd "$(dirname "$0")/.."

tag=${1:-retune:latest}
backend=${BACKEND:-docker}
options=()
flags=()
for option in ${OPTIONS:-}; do
    options+=(--opt "$option")
    flags+=("--$option")
done

export BENTOML_DO_NOT_TRACK=1
# A store of its own: nothing but this Bento is looked up in it.
BENTOML_HOME=$(mktemp -d)
export BENTOML_HOME
trap 'rm -rf "$BENTOML_HOME"' EXIT

bento=$(bentoml build --output tag | sed -n 's/^__tag__://p')
bentoml containerize "$bento" --backend "$backend" --image-tag "$tag-bento" ${options[@]+"${options[@]}"}

case $backend in
    buildah) build=(buildah build) ;;
    podman) build=(podman build) ;;
    *) build=(docker build) ;;
esac
"${build[@]}" ${flags[@]+"${flags[@]}"} --build-arg "BENTO_IMAGE=$tag-bento" --tag "$tag" --file deploy/Dockerfile deploy
echo "Built $tag. Run it with the state mounted: docker run -p 3000:3000 -v \"\$PWD/.retune:/data\" $tag"
