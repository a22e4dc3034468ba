import java.util.concurrent.*;
import org.apache.curator.framework.*;
import org.apache.curator.framework.recipes.locks.*;
import org.apache.curator.framework.recipes.shared.*;

/** Curator's semaphore. */
class Semaphores {
    /**
     * A permit of an InterProcessSemaphoreV2 of as many as a SharedCount says. It says "held", sets the
     * count to a number that it is told, and returns its lease for anything else; told "again", it then
     * acquires anew.
     */
    static void permit(Peers.Talk t, CuratorFramework c, String... args) throws Exception {
        try (SharedCount limit = new SharedCount(c, args[0] + "/limit", 2)) {
            limit.start();
            InterProcessSemaphoreV2 s = new InterProcessSemaphoreV2(c, args[0], limit);
            for (String word = "again"; word.equals("again");) {
                Lease lease = s.acquire(60, TimeUnit.SECONDS);
                if (lease == null) throw new IllegalStateException("not acquired");
                t.say("held");
                for (word = t.hear(); Character.isDigit(word.charAt(0)); word = t.hear()) {
                    limit.setCount(Integer.parseInt(word));
                    t.say("set");
                }
                s.returnLease(lease);
                t.say("returned");
            }
        }
    }
}
