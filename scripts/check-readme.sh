#!/usr/bin/env bash
# Runs the commands of README.md as a newcomer would, in a directory of their own and, where the
# machine allows, in a network of their own, so that the usual ports are free.
#
# Blocks fenced as "sh" run in order and must succeed. Blocks fenced as "sh background" are left
# running until the next heading of the second level; the checker then waits for the members they start. Blocks
# fenced as "go FILE" are written to that file. Blocks fenced otherwise are for reading.
set -euo pipefail
repo=$(cd "$(dirname "$0")/.." && pwd)

if [ -z "${LK_README_INSIDE:-}" ]; then
	export LK_README_INSIDE=yes
	if unshare --net true 2>/dev/null && command -v ip >/dev/null; then
		exec unshare --net "$0" # as root
	fi
	echo "check-readme: no network of its own: the ports of the README must be free" >&2
fi
if [ "$(ip -o link show up 2>/dev/null | grep -c LOOPBACK || true)" = 0 ]; then
	ip link set lo up 2>/dev/null || true
fi
unset LK_README_INSIDE

work=$(mktemp -d)
ln -s "$repo"/* "$repo"/.git "$work"/
rm -f "$work"/bin "$work"/lockkeeper-data*
cd "$work"
set -m # each background command is a process group, which ends as one: "go run" has a child

stop_all() {
	local pid
	for pid in $(jobs -p); do
		kill -TERM -- "-$pid" 2>/dev/null || true
	done
	wait 2>/dev/null || true
}
trap 'stop_all; rm -rf "$work"' EXIT

curl() { command curl --silent --show-error --fail-with-body --max-time 30 "$@"; }

await_members() { # await_members TEXT: every --http-listen address in it, or the default
	local address addresses tries
	addresses=$(grep -oE -- '--http-listen [0-9.:]+' <<<"$1" | cut -d' ' -f2 || true)
	for address in ${addresses:-127.0.0.1:7070}; do
		tries=0
		until command curl --silent --fail --output /dev/null --max-time 2 "http://$address/readyz"; do
			tries=$((tries + 1))
			if [ "$tries" -ge 600 ]; then
				echo "check-readme: the member at $address is not ready after 60 s" >&2
				cat "$work"/background.log >&2
				return 1
			fi
			sleep 0.1
		done
	done
}

blocks=0 kind='' block='' path=''
while IFS= read -r line <&3; do
	case $kind in
	'')
		case $line in
		'## '*) stop_all ;;
		'```sh background') kind=background block='' ;;
		'```sh') kind=foreground block='' ;;
		'```go '*) kind=program path=${line#*' '} block='' ;;
		'```'?*) kind=other ;;
		esac
		continue
		;;
	esac
	if [ "$line" != '```' ]; then
		block+=$line$'\n'
		continue
	fi
	case $kind in
	foreground)
		printf '%s' "$block" | sed 's/^/  $ /'
		eval "$block"
		echo
		blocks=$((blocks + 1))
		;;
	background)
		printf '%s' "$block" | sed 's/^/  & /'
		case $block in
		*'&'*) eval "$block" >>background.log 2>&1 ;;
		*) eval "$block" >>background.log 2>&1 & ;;
		esac
		await_members "$block"
		blocks=$((blocks + 1))
		;;
	program)
		mkdir -p "$(dirname "$path")"
		printf '%s' "$block" >"$path"
		echo "  + $path"
		;;
	esac
	kind=''
done 3<"$repo"/README.md
[ "$blocks" -gt 0 ] || { echo "check-readme: README.md has no commands to run" >&2; exit 1; }
echo "check-readme: $blocks blocks ran"
