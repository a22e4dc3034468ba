import java.util.concurrent.*;
import org.apache.curator.framework.*;
import org.apache.curator.framework.recipes.barriers.*;

/** Curator's barriers. They take their steps when they are told anything. */
class Barriers {
    /** Waits at a DistributedBarrier, sets it, removes it. */
    static void single(Peers.Talk t, CuratorFramework c, String... args) throws Exception {
        DistributedBarrier b = new DistributedBarrier(c, args[0]);
        t.say("waits");
        t.say(b.waitOnBarrier(60, TimeUnit.SECONDS) ? "passed" : "failed");
        t.hear();
        b.setBarrier();
        t.say("set");
        t.hear();
        b.removeBarrier();
        t.say("removed");
    }

    /** Enters a DistributedDoubleBarrier of three, and leaves it. */
    static void both(Peers.Talk t, CuratorFramework c, String... args) throws Exception {
        DistributedDoubleBarrier d = new DistributedDoubleBarrier(c, args[0], 3);
        t.say(d.enter(60, TimeUnit.SECONDS) ? "entered" : "failed");
        t.hear();
        t.say(d.leave(60, TimeUnit.SECONDS) ? "left" : "failed");
    }
}
