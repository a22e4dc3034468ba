"""kazoo's recipes, as the tests have them take part."""

import threading


def lock(kind, **options):
    """Returns a recipe that holds a lock of a kind until it is told to release. It says "held", and
    "there" or "gone" when it is to look for its znode; it tells that one's czxid, and takes other locks
    besides."""

    def run(talk, z, path):
        held = []
        words = ["lock", path]
        while True:
            if words[0] == "lock":
                held.append(getattr(z, kind)(words[1], "kazoo", **options))
                held[-1].acquire(timeout=60)
                talk.say("held")
            elif words[0] in ("czxid", "look"):
                stat = z.exists(held[-1].path + "/" + held[-1].node)
                talk.say(stat.czxid if words[0] == "czxid" else "there" if stat else "gone")
            elif words[0] == "data":
                z.sync(words[1])  # another member may have taken the write
                talk.say(z.get(words[1])[0].decode())
            else:
                for one in reversed(held):
                    one.release()
                talk.say("released")
                return
            words = talk.hear().split()

    return run


def election(talk, z, path):
    """Says "leads", who leads when it is asked for the "leader", and resigns."""
    candidates, resigned = z.Election(path, "kazoo"), threading.Event()

    def lead():
        talk.say("leads")
        resigned.wait()

    candidate = threading.Thread(target=candidates.run, args=(lead,), daemon=True)
    candidate.start()
    while talk.hear() == "leader":
        talk.say(candidates.contenders()[0])
    resigned.set()
    candidate.join()
    talk.say("gone")


def barrier(talk, z, path):
    """Waits at a barrier, sets it, removes it: the next step whenever it is told anything."""
    it = z.Barrier(path)
    talk.say("waits")
    talk.say("passed" if it.wait(60) else "failed")
    talk.hear()
    it.create()
    talk.say("set")
    talk.hear()
    it.remove()
    talk.say("removed")


def double_barrier(talk, z, path):
    """Enters a double barrier of three, and leaves it when it is told to."""
    it = z.DoubleBarrier(path, 3)
    it.enter()
    talk.say("entered" if it.participating else "failed")
    talk.hear()
    it.leave()
    talk.say("left")
