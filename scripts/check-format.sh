#!/usr/bin/env bash
# Fails when a Go file is not formatted, and says which. The arguments are the formatter.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t files < <(git ls-files --cached --others --exclude-standard -- '*.go')
existing=()
for file in "${files[@]}"; do
	[ -e "$file" ] && existing+=("$file")
done
unformatted=$("$@" -l "${existing[@]}")
if [ -n "$unformatted" ]; then
	printf 'not formatted:\n%s\nrun: %s -w FILE\n' "$unformatted" "$*" >&2
	exit 1
fi
