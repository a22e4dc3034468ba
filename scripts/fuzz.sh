#!/usr/bin/env bash
# Runs every fuzz target of the module: scripts/fuzz.sh [INPUTSx | TIME]
#
# A package's tests are built once, for all its targets. What the fuzzer finds worth keeping stays
# where "go test -fuzz" keeps it.
#
# Inputs, not seconds: a time that runs out while an input is tried makes Go's fuzzer fail without a
# cause. A TIME is for looking longer, by eye. Nor is much time spent on making a new input small: by
# default Go tries for a minute each, in which a slow target looks at hardly anything new.
set -euo pipefail
cd "$(dirname "$0")/.."

given=${1:-}

# inputs TARGET: by default, how many inputs it gets. Anybody's bytes come in by the ZooKeeper door: its
# connection loop, and the targets of its codec together, take more than a minute each on two cores.
inputs() {
	case $1 in
	zkapi/FuzzConnection) echo 13000x ;;
	zkapi/jute/*) echo 750000x ;;
	*) echo 3000x ;;
	esac
}

built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
corpus=$(go env GOCACHE)/fuzz
go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.Dir}} {{.ImportPath}}{{end}}' ./... | while read -r dir path; do
	[ -n "$dir" ] || continue
	targets=$({ grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$dir"/*_test.go || true; } | sed 's/^func //' | sort -u)
	[ -n "$targets" ] || continue
	go test -c -fuzz . -o "$built/test" "$dir"
	for target in $targets; do
		name=${dir#"$PWD"/}/$target
		echo "fuzz $name"
		(cd "$dir" && "$built/test" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "${given:-$(inputs "$name")}" \
			-test.fuzzminimizetime 100x -test.fuzzcachedir "$corpus/$path" -test.parallel 2 -test.paniconexit0 </dev/null)
	done
done
