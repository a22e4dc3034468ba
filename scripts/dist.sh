#!/usr/bin/env bash
# Builds a tarball and a Debian package for each of ARCHES (amd64 arm64) into DIST (bin/dist), the
# same bytes for the same commit: VERSION=… scripts/dist.sh COMMAND… where the command is nfpm.
set -euo pipefail
cd "$(dirname "$0")/.."

version=${VERSION:?VERSION must be set}
dist=${DIST:-bin/dist}
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$dist"

build() { # build ARCH FILE
	CGO_ENABLED=0 GOOS=linux GOARCH=$1 GOFLAGS= go build -trimpath -buildvcs=false \
		-ldflags "-s -w -buildid= -X main.version=$version" -o "$2" ./cmd/lockkeeper
}

# Completions and man pages come from the program, as this machine runs it.
host=$(go env GOHOSTARCH)
build "$host" "$work/lockkeeper"
mkdir "$work/completion"
"$work/lockkeeper" completion bash >"$work/completion/lockkeeper.bash"
"$work/lockkeeper" completion zsh >"$work/completion/_lockkeeper"
"$work/lockkeeper" completion fish >"$work/completion/lockkeeper.fish"
"$work/lockkeeper" man "$work/man"

# Debian's versions begin with a digit. What is not a release sorts before all that are.
debian=${version#v}
[[ $debian == [0-9]* ]] || debian=0~$debian

for arch in ${ARCHES:-amd64 arm64}; do
	stage=$work/lockkeeper_${version}_linux_$arch
	mkdir "$stage"
	if [ "$arch" = "$host" ]; then cp "$work/lockkeeper" "$stage"; else build "$arch" "$stage/lockkeeper"; fi
	cp -r "$work/completion" "$work/man" "$stage"
	cp -r deploy/systemd "$stage/systemd"
	cp deploy/package/lockkeeper.yaml README.md "$stage"
	STAGE=$stage ARCH=$arch VERSION=$debian DATE=$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ) SOURCE_DATE_EPOCH=$epoch \
		"$@" package --config deploy/package/nfpm.yaml --packager deb --target "$dist/lockkeeper_${version}_$arch.deb" >/dev/null
	tar --sort=name --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw --mtime="@$epoch" -C "$work" -cf - "$(basename "$stage")" |
		gzip -9n >"$dist/$(basename "$stage").tar.gz"
done
(cd "$dist" && sha256sum -- *"$version"*.deb *"$version"*.tar.gz >"lockkeeper_${version}_sha256sums.txt")
