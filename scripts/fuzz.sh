#!/usr/bin/env bash
# Runs every fuzz target of the module: scripts/fuzz.sh [INPUTSx | TIME]
#
# A package's tests are built once, for all its targets. What the fuzzer finds worth keeping stays
# where "go test -fuzz" keeps it.
set -euo pipefail
cd "$(dirname "$0")/.."

time=${1:-3000x}
built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
corpus=$(go env GOCACHE)/fuzz
go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.Dir}} {{.ImportPath}}{{end}}' ./... | while read -r dir path; do
	[ -n "$dir" ] || continue
	targets=$({ grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$dir"/*_test.go || true; } | sed 's/^func //' | sort -u)
	[ -n "$targets" ] || continue
	go test -c -fuzz . -o "$built/test" "$dir"
	for target in $targets; do
		echo "fuzz ${dir#"$PWD"/} $target"
		(cd "$dir" && "$built/test" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "$time" \
			-test.fuzzcachedir "$corpus/$path" -test.parallel 2 -test.paniconexit0 </dev/null)
	done
done
