#!/bin/sh
# Starts a Lockkeeper where go-zookeeper's tests would start ZooKeeper: zkServer.sh start-foreground
# zoo.cfg. LOCKKEEPER is the binary.
set -eu
config=$2
value() { sed -n "s/^$1=//p" "$config"; }
dir=$(value dataDir)
port=$(value clientPort)
set -- serve --data-dir "$dir/data" --log-level error --http-listen off --zookeeper-listen "127.0.0.1:$port" \
    --client-listen "127.0.0.1:$((port + 2))" --zookeeper-4lw-whitelist '*' \
    --zookeeper-container-check-interval 1s --zookeeper-super-digest-file "$dir/super"
echo 'super:D/InIHSb7yEEbrWz8b9l71RjZJU=' >"$dir/super"
chmod 600 "$dir/super"
servers=$(sed -n 's/^server\.\([0-9]*\)=\([^:]*\):\([0-9]*\):.*/s\1=http:\/\/\2:\3/p' "$config" | paste -sd, -)
if [ -n "$servers" ]; then
    name=s$(cat "$dir/myid")
    peer=$(echo "$servers" | tr , '\n' | sed -n "s/^$name=http:\/\///p")
    set -- "$@" --name "$name" --peer-listen "$peer" --initial-cluster "$servers"
else
    set -- "$@" --peer-listen "127.0.0.1:$((port + 1))"
fi
exec "$LOCKKEEPER" "$@"
