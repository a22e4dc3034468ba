"""Takes a lock with kazoo and gives it up, over and over, and notes what it does in a journal.

Its arguments are the servers, the session's timeout in milliseconds, the lock's path, its own name,
the journal, and which names its znodes have: "kazoo" or "curator". Told "stay" it keeps the lock
from its next turn on; at the end of its input it ends, and says how often it has held the lock."""

import os
import sys
import threading
import time

from kazoo.client import KazooClient
from kazoo.protocol.states import KazooState
from kazoo.recipe.lock import Lock
from kazoo.retry import KazooRetry

hosts, timeout, path, name, journal, names = sys.argv[1:]


class CuratorNamedLock(Lock):
    """kazoo's lock with znodes that Curator's mutex sees: by kazoo's own names it does not."""

    _NODE_NAME = "-lock-"


told = set()


def listen():
    for line in sys.stdin:
        told.add(line.strip())
    told.add("stop")


def note(verb, *rest):
    """Appends a line, in one piece, so that the order of lines is that of all processes."""
    os.write(out, (" ".join([verb, name, *map(str, rest)]) + "\n").encode())


out = os.open(journal, os.O_WRONLY | os.O_APPEND)
for_ever = {"max_tries": -1, "delay": 0.1, "max_delay": 0.5}
client = KazooClient(
    hosts=hosts,
    timeout=int(timeout) / 1000,
    connection_retry=KazooRetry(**for_ever),
    command_retry=KazooRetry(**for_ever),
)
client.add_listener(lambda state: note("lost") if state == KazooState.LOST and "stop" not in told else None)
client.start(20)
threading.Thread(target=listen, daemon=True).start()
kind = CuratorNamedLock if names == "curator" else Lock
lock = kind(client, path, name, extra_lock_patterns=["-lock-"])
held = 0
while "stop" not in told:
    lock.acquire()
    note("enter")
    token = client.retry(client.exists, path + "/" + lock.node).czxid
    note("holds", lock.node[-10:], token)
    held += 1
    if held == 1:
        print("says contends", flush=True)
    if "stay" in told:
        print("says stays", flush=True)
        threading.Event().wait()
    time.sleep(0.002)
    note("leave")
    lock.release()
client.stop()
client.close()
print("says held", held, flush=True)
