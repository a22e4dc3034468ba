import java.util.*;
import java.util.concurrent.*;
import org.apache.curator.framework.*;
import org.apache.curator.framework.recipes.locks.*;
import org.apache.zookeeper.data.*;

/** Curator's locks, each held until the test says "release". */
class Locks {
    /**
     * An InterProcessMutex. It says "held", and "there" or "gone" when it is to look for its znode; it
     * tells that one's czxid, and takes other locks besides.
     */
    static void mutex(Peers.Talk t, CuratorFramework c, String... args) throws Exception {
        Deque<InterProcessMutex> held = new ArrayDeque<>();
        for (String[] words = {"lock", args[0]};; words = t.hear().split(" ")) {
            switch (words[0]) {
                case "lock":
                    InterProcessMutex m = new InterProcessMutex(c, words[1]);
                    if (!m.acquire(60, TimeUnit.SECONDS)) throw new IllegalStateException("not acquired");
                    held.push(m);
                    t.say("held");
                    break;
                case "czxid":
                    t.say(own(c, held.peek()).getCzxid());
                    break;
                case "look":
                    t.say(own(c, held.peek()) != null ? "there" : "gone");
                    break;
                case "data":
                    c.sync().forPath(words[1]); // another member may have taken the write; the read comes behind it
                    t.say(new String(c.getData().forPath(words[1])));
                    break;
                default:
                    while (!held.isEmpty()) held.pop().release();
                    t.say("released");
                    return;
            }
        }
    }

    /** Returns the Stat of the znode with which the client's session stands at a lock, or null. */
    static Stat own(CuratorFramework c, InterProcessMutex m) throws Exception {
        long session = c.getZookeeperClient().getZooKeeper().getSessionId();
        for (String node : m.getParticipantNodes()) {
            Stat s = c.checkExists().forPath(node);
            if (s != null && s.getEphemeralOwner() == session) return s;
        }
        return null;
    }

    /** The reader's or the writer's lock of an InterProcessReadWriteLock. */
    static void readWrite(Peers.Talk t, CuratorFramework c, boolean write, String path) throws Exception {
        InterProcessReadWriteLock lock = new InterProcessReadWriteLock(c, path);
        hold(t, write ? lock.writeLock() : lock.readLock());
    }

    /** An InterProcessMultiLock of the paths. */
    static void multi(Peers.Talk t, CuratorFramework c, String... paths) throws Exception {
        hold(t, new InterProcessMultiLock(c, Arrays.asList(paths)));
    }

    static void hold(Peers.Talk t, InterProcessLock lock) throws Exception {
        if (!lock.acquire(60, TimeUnit.SECONDS)) throw new IllegalStateException("not acquired");
        t.say("held");
        t.hear();
        lock.release();
        t.say("released");
    }
}
