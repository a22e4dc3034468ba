#!/usr/bin/env bash
# Installs what the tests call besides Go, where it is missing: on Debian and its kin, as root.
# Elsewhere it says what is missing and goes on; the tests that need it then skip themselves.
set -euo pipefail

missing=()
need() { # need COMMAND PACKAGE
	command -v "$1" >/dev/null 2>&1 || missing+=("$2")
}
need ip iproute2  # network namespaces
need curl curl    # the commands of the README
need gcc gcc      # the race detector
need buildah buildah  # the image
need busybox busybox  # the application of the Compose file
need systemd-analyze systemd  # a judge of the unit
need promtool prometheus  # a judge of the alerts
need redis-server redis-server # a peer in bench/, which starts its own
need javac default-jdk-headless # Apache Curator's clients
need mvn maven # Apache Kafka, which Debian does not have
command -v initdb >/dev/null 2>&1 || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql) # fences in a database; the tests start their own
[ -e /usr/share/java/curator-recipes.jar ] || missing+=(libcurator-recipes-java)
/usr/bin/python3 -c 'import kazoo' 2>/dev/null || missing+=(python3-kazoo)
[ -e /usr/include/zookeeper/zookeeper.h ] || missing+=(libzookeeper-mt-dev)
[ -e /usr/include/stdlib.h ] || missing+=(libc6-dev)

if [ ${#missing[@]} -eq 0 ]; then
	exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
	echo "missing for the tests: ${missing[*]}; install with: sudo apt-get install ${missing[*]}" >&2
	exit 0
fi
echo "installing for the tests: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
