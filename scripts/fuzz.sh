#!/usr/bin/env bash
# Runs every fuzz target of the module: scripts/fuzz.sh [INPUTSx | TIME]
set -euo pipefail
cd "$(dirname "$0")/.."

time=${1:-3000x}
go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.Dir}}{{end}}' ./... | while read -r dir; do
	[ -n "$dir" ] || continue
	{ grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$dir"/*_test.go || true; } | sed 's/^func //' | sort -u | while read -r target; do
		echo "fuzz ${dir#"$PWD"/} $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -parallel 2 "$dir" </dev/null
	done
done
