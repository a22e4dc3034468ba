#!/usr/bin/env bash
# Builds the image with buildah, as one manifest list in the local storage:
# scripts/build-image.sh NAME:TAG. ARCHES (amd64 arm64) says for what, BUILDAH how buildah is
# called. Prints the id of each architecture's image: the digest of its configuration, which has
# those of its layers. Two builds of one commit give the same ids, whenever and wherever.
set -euo pipefail
cd "$(dirname "$0")/.."

image=${1:?usage: scripts/build-image.sh NAME:TAG}
buildah=${BUILDAH:-buildah}
version=${VERSION:-$(git describe --tags --always --dirty 2>/dev/null || echo dev)}
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
# What everything in the image is dated: the last commit, or what the caller says.
date=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
mkdir "$context/data"
for arch in ${ARCHES:-amd64 arm64}; do
	mkdir "$context/$arch"
	CGO_ENABLED=0 GOOS=linux GOARCH=$arch GOFLAGS= go build -trimpath -buildvcs=false \
		-ldflags "-s -w -buildid= -X main.version=$version" -o "$context/$arch/lockkeeper" ./cmd/lockkeeper
done

$buildah rmi "$image" >/dev/null 2>&1 || true
$buildah manifest create "$image" >/dev/null
for arch in ${ARCHES:-amd64 arm64}; do
	# Docker's format would put names into the image that are drawn anew each time.
	$buildah build --quiet --isolation chroot --format oci --no-cache --identity-label=false --platform "linux/$arch" \
		--timestamp "$date" --build-arg "VERSION=$version" --build-arg "REVISION=$revision" \
		--manifest "$image" --file deploy/image/Containerfile "$context" | sed "s/^/linux\/$arch /"
done
