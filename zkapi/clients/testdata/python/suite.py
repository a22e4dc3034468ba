"""kazoo's recipes among themselves."""

import threading
import time
import traceback

from kazoo.client import KazooClient
from kazoo.exceptions import BadVersionError, NoAuthError, NoNodeError, RolledBackError
from kazoo.protocol.states import KazooState
from kazoo.recipe.cache import TreeCache
from kazoo.retry import KazooRetry
from kazoo.security import make_digest_acl


def client(**more):
    z = KazooClient(hosts=talk.hosts, timeout=10, **more)
    z.start(20)
    return z


def eventually(what, done):
    end = time.monotonic() + 15
    while not done():
        assert time.monotonic() < end, what + ": not in time"
        time.sleep(0.01)


def lock():
    x, y = a.Lock("/py/lock", "x"), b.Lock("/py/lock", "y")
    assert x.acquire(timeout=10)
    assert not y.acquire(blocking=False)
    assert x.contenders() == ["x"]
    got = []
    t = threading.Thread(target=lambda: got.append(y.acquire(timeout=10)))
    t.start()
    eventually("y waits", lambda: x.contenders() == ["x", "y"])
    x.release()
    t.join()
    assert got == [True]
    y.release()


def lock_behind_curators_names():
    path = "/py/foreign"
    a.ensure_path(path)
    first = a.create(path + "/_c_" + "0" * 8 + "-1111-4222-8333-444444444444-lock-", ephemeral=True, sequence=True)
    y = b.Lock(path, "y", extra_lock_patterns=["-lock-"])
    assert not y.acquire(blocking=False)
    a.delete(first)
    assert y.acquire(timeout=10)
    y.release()


def read_write_lock():
    path = "/py/rw"
    x, y = a.ReadLock(path, "x"), b.ReadLock(path, "y")
    assert x.acquire(timeout=10) and y.acquire(timeout=10)
    w = b.WriteLock(path, "w")
    assert not w.acquire(blocking=False)
    x.release()
    y.release()
    assert w.acquire(timeout=10)
    assert not a.ReadLock(path, "x").acquire(blocking=False)
    w.release()


def semaphore():
    x, y = a.Semaphore("/py/semaphore", max_leases=1), b.Semaphore("/py/semaphore", max_leases=1)
    assert x.acquire()
    assert not y.acquire(blocking=False)
    x.release()
    assert y.acquire(timeout=10)
    y.release()


def election():
    led = []
    threads = [threading.Thread(target=c.Election("/py/election", n).run, args=(led.append, n)) for c, n in ((a, "x"), (b, "y"))]
    for t in threads:
        t.start()
    for t in threads:
        t.join(20)
    assert sorted(led) == ["x", "y"], led


def barriers():
    bar = a.Barrier("/py/barrier")
    bar.create()
    got = []
    t = threading.Thread(target=lambda: got.append(b.Barrier("/py/barrier").wait(10)))
    t.start()
    bar.remove()
    t.join()
    assert got == [True]
    done = []

    def both(c):
        d = c.DoubleBarrier("/py/double", 2)
        d.enter()
        d.leave()
        done.append(1)

    threads = [threading.Thread(target=both, args=(c,)) for c in (a, b)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(20)
    assert len(done) == 2


def party_counter_queue():
    p, q = a.Party("/py/party", "x"), b.Party("/py/party", "y")
    p.join()
    q.join()
    eventually("two in the party", lambda: sorted(p) == ["x", "y"])
    p.leave()
    q.leave()
    n, m = a.Counter("/py/counter"), b.Counter("/py/counter")
    for _ in range(5):
        n += 1
        m += 2
    a.sync("/py/counter")
    assert n.value == 15, n.value
    plain = a.Queue("/py/plain")
    plain.put(b"second", priority=200)
    plain.put(b"first", priority=100)
    b.sync("/py/plain")
    assert b.Queue("/py/plain").get() == b"first"
    line = a.LockingQueue("/py/queue")
    line.put_all([b"1", b"2"])
    assert b.LockingQueue("/py/queue").get(10) == b"1"


def watchers():
    seen, names = [], []
    a.ensure_path("/py/watched")
    a.DataWatch("/py/watched", lambda data, stat: seen.append(data))
    a.ChildrenWatch("/py/watched", lambda children: names.append(sorted(children)))
    b.set("/py/watched", b"1")
    b.create("/py/watched/c")
    eventually("both watchers", lambda: b"1" in seen and ["c"] in names)
    cache = TreeCache(a, "/py/watched")
    cache.start()
    b.set("/py/watched/c", b"2")
    eventually("the cache", lambda: cache.get_data("/py/watched/c") is not None and cache.get_data("/py/watched/c").data == b"2")
    cache.close()


def transactions():
    a.ensure_path("/py/tx")
    t = a.transaction()
    t.create("/py/tx/a", b"1")
    t.set_data("/py/tx/a", b"2", version=0)
    t.check("/py/tx/a", version=1)
    results = t.commit()
    assert results[0] == "/py/tx/a" and results[1].version == 1 and results[2] is True, results
    t = a.transaction()
    t.create("/py/tx/b")
    t.check("/py/tx/a", version=7)
    results = t.commit()
    assert isinstance(results[0], RolledBackError) and isinstance(results[1], BadVersionError), results
    assert a.exists("/py/tx/b") is None


def acls():
    c = client(auth_data=[("digest", "user:password")])
    c.create("/py/secret", b"x", acl=[make_digest_acl("user", "password", all=True)])
    b.sync("/py/secret")  # another member may have taken the write
    try:
        b.get("/py/secret")
        raise AssertionError("read without permission")
    except NoAuthError:
        pass
    assert c.get("/py/secret")[0] == b"x"
    c.stop()
    c.start(20)  # sends its credentials again
    assert c.get("/py/secret")[0] == b"x"
    c.stop()
    c.close()


def session_loss():
    c = client()
    states = []
    c.add_listener(states.append)
    c.create("/py/ephemeral", ephemeral=True)
    # A twin closes the session that both share, unless the client has come back first and has cut
    # the twin's connection: then again.
    session = c.client_id

    def closed():
        twin = KazooClient(hosts=talk.hosts, timeout=10, client_id=session)
        twin.start(20)
        twin.stop()
        b.sync("/py/ephemeral")
        return b.exists("/py/ephemeral") is None

    eventually("the ephemeral goes", closed)
    eventually("the client is told", lambda: KazooState.LOST in states and states[-1] == KazooState.CONNECTED)
    c.stop()
    c.close()


def odds():
    assert a.server_version()[:2] == (3, 9), a.server_version()
    assert a.command(b"ruok") == "imok"
    assert a.sync("/py/nowhere") == "/py/nowhere"
    try:
        a.delete("/py/nowhere")
        raise AssertionError("deleted")
    except NoNodeError:
        pass


def another_member():
    c = client(auth_data=[("digest", "user:password")], connection_retry=KazooRetry(max_tries=-1, delay=0.1, max_delay=0.5))
    session = c.client_id[0]
    events = []
    c.create("/py/moving", ephemeral=True)
    c.create("/py/mine", b"x", acl=[make_digest_acl("user", "password", all=True)])
    c.DataWatch("/py/mine", lambda data, stat: events.append(data))
    was = c._connection._socket.getpeername()
    talk.say("kill %s:%d" % was[:2])
    eventually("another member", lambda: c.connected and c._connection._socket and c._connection._socket.getpeername() != was)
    retry = KazooRetry(max_tries=20)
    assert retry(c.exists, "/py/moving").owner_session_id == session == c.client_id[0]
    assert retry(c.get, "/py/mine")[0] == b"x"
    retry(c.set, "/py/mine", b"y")
    eventually("the watch", lambda: events[-1] == b"y")
    c.stop()
    c.close()


def run(t, z):
    """Says of each recipe whether it does what it should. Once in a process."""
    global talk, a, b
    talk, a, b = t, z, KazooClient(hosts=t.hosts, timeout=10)
    b.start(20)
    for check in (lock, read_write_lock, lock_behind_curators_names, semaphore, election, barriers, party_counter_queue, watchers, transactions, acls, session_loss, odds, another_member):
        name = check.__name__.replace("_", " ")
        try:
            check()
            talk.say("ok " + name)
        except Exception:
            talk.say("FAIL " + name + ": " + traceback.format_exc())
    b.stop()
    b.close()
