import java.util.concurrent.*;
import org.apache.curator.framework.*;
import org.apache.curator.framework.recipes.leader.*;

/** Curator's elections: they say "leads", who leads when they are asked for the "leader", and resign. */
class Leaders {
    static void selector(Peers.Talk t, CuratorFramework c, String... args) throws Exception {
        CountDownLatch resigned = new CountDownLatch(1);
        try (LeaderSelector s = new LeaderSelector(c, args[0], new LeaderSelectorListenerAdapter() {
            public void takeLeadership(CuratorFramework c) throws Exception {
                t.say("leads");
                resigned.await();
            }
        })) {
            s.setId("selector");
            s.start();
            listen(t, () -> s.getLeader().getId());
            resigned.countDown();
        }
        t.say("gone");
    }

    static void latch(Peers.Talk t, CuratorFramework c, String... args) throws Exception {
        try (LeaderLatch l = new LeaderLatch(c, args[0], "latch")) {
            l.addListener(new LeaderLatchListener() {
                public void isLeader() { t.say("leads"); }
                public void notLeader() { }
            });
            l.start();
            listen(t, () -> l.getLeader().getId());
        }
        t.say("gone");
    }

    static void listen(Peers.Talk t, Callable<String> leader) throws Exception {
        while (t.hear().equals("leader")) t.say(leader.call());
    }
}
