"""Takes one lock with kazoo and, told to, waits for another. Its arguments are the second lock's path,
the first one's, and the servers. It says "held" with each, and ends with its input."""

import sys

from kazoo.client import KazooClient

second, first, hosts = sys.argv[1:]
client = KazooClient(hosts=hosts, timeout=10)
client.start(20)
for path in (first, second):
    client.Lock(path, extra_lock_patterns=["-lock-"]).acquire()
    print("held", flush=True)
    sys.stdin.readline()
client.stop()
