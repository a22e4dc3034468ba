"""Runs kazoo's recipes side by side, each with a client and so a session of its own. Its input says
"start ID SERVERS RECIPE ARGUMENT…", "tell ID WORDS" and "end ID", its output "say ID WORDS" and
"ended ID", with what went wrong behind it."""

import queue
import sys
import threading
import traceback

from kazoo.client import KazooClient

import recipes
import suite

output = threading.Lock()


def put(*words):
    with output:
        print(*(str(w).replace("\n", " ") for w in words), flush=True)


class AtItsTestsEnd(Exception):
    pass


class Talk:
    """What a recipe and its test say to each other."""

    def __init__(self, id, hosts):
        self.id, self.hosts, self.told = id, hosts, queue.Queue()
        self.client = KazooClient(hosts=hosts, timeout=10)

    def hear(self):
        """Waits for what the test says next."""
        word = self.told.get()
        if word is None:
            raise AtItsTestsEnd()
        return word

    def say(self, words):
        put("say", self.id, words)

    def run(self, recipe, *args):
        wrong = ""
        try:
            self.client.start(20)
            RECIPES[recipe](self, self.client, *args)
        except Exception:
            wrong = traceback.format_exc()
        self.client.stop()
        put("ended", self.id, wrong)

    def end(self):
        """Ends whatever the recipe waits for, by the end of its session."""
        self.told.put(None)
        self.client.stop()


RECIPES = {
    "Lock": recipes.lock("Lock"),
    "ReadLock": recipes.lock("ReadLock"),
    "WriteLock": recipes.lock("WriteLock"),
    "PatternLock": recipes.lock("Lock", extra_lock_patterns=["-lock-"]),
    "election": recipes.election,
    "barrier": recipes.barrier,
    "double": recipes.double_barrier,
    "suite": suite.run,
}
all = {}
for line in sys.stdin:
    verb, id, rest = (line.rstrip("\n") + "  ").split(" ", 2)
    if verb == "start":
        hosts, *how = rest.split()
        all[id] = Talk(id, hosts)
        threading.Thread(target=all[id].run, args=how, daemon=True).start()
    elif verb == "tell":
        all[id].told.put(rest.strip())
    else:
        threading.Thread(target=all.pop(id).end, daemon=True).start()
