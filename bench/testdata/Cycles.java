import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.retry.RetryNTimes;

/** Has threads go through one of Curator's recipes over and over, and prints how many cycles that made in how long. */
public class Cycles {
    static final int ELECTIONS = 16; // of "selectors" and "latches"

    /** Takes something and gives it back. */
    interface Cycle {
        void run() throws Exception;
    }

    public static void main(String[] args) throws Exception {
        String recipe = args[1];
        int threads = Integer.parseInt(args[2]);
        long warm = Long.parseLong(args[3]), span = Long.parseLong(args[4]); // milliseconds
        CuratorFramework client = CuratorFrameworkFactory.newClient(args[0], new RetryNTimes(3, 1000));
        client.start();
        AtomicBoolean over = new AtomicBoolean();
        AtomicLong cycles = new AtomicLong();
        boolean selects = recipe.startsWith("selector");
        CountDownLatch ended = new CountDownLatch(selects ? 0 : threads);
        List<LeaderSelector> selectors = new ArrayList<>(); // they have threads of their own
        for (int i = 0; i < threads; i++) {
            if (selects) {
                selectors.add(selector(client, recipe.equals("selectors") ? "/curator-selectors/" + i % ELECTIONS : "/curator-selector", cycles));
                continue;
            }
            Cycle cycle = cycle(recipe, client, i);
            new Thread(() -> {
                try {
                    while (!over.get()) {
                        cycle.run();
                        cycles.incrementAndGet();
                    }
                } catch (Exception e) {
                    e.printStackTrace();
                    System.exit(1);
                }
                ended.countDown();
            }).start();
        }
        Thread.sleep(warm);
        long before = cycles.get(), start = System.nanoTime();
        Thread.sleep(span);
        long done = cycles.get() - before, took = System.nanoTime() - start;
        over.set(true);
        ended.await();
        for (LeaderSelector selector : selectors) {
            selector.close();
        }
        client.close();
        System.out.println(done + " " + took);
    }

    /** What a thread does: mutexes are its own, all else is shared. */
    static Cycle cycle(String recipe, CuratorFramework client, int thread) {
        switch (recipe) {
            case "mutex":
                InterProcessMutex lock = new InterProcessMutex(client, "/curator/" + thread);
                return () -> {
                    lock.acquire();
                    lock.release();
                };
            case "read":
                InterProcessMutex read = new InterProcessReadWriteLock(client, "/curator-read").readLock();
                return () -> {
                    read.acquire();
                    read.release();
                };
            case "semaphore":
                InterProcessSemaphoreV2 semaphore = new InterProcessSemaphoreV2(client, "/curator-semaphore", 16);
                return () -> {
                    Lease lease = semaphore.acquire();
                    semaphore.returnLease(lease);
                };
            case "latch":
                return () -> latch(client, "/curator-latch");
            case "latches":
                return () -> latch(client, "/curator-latches/" + thread % ELECTIONS);
            default:
                throw new IllegalArgumentException(recipe);
        }
    }

    /** Leads once, for no time at all. */
    static void latch(CuratorFramework client, String path) throws Exception {
        LeaderLatch latch = new LeaderLatch(client, path);
        latch.start();
        latch.await();
        latch.close();
    }

    /** Leads for no time at all, and queues again. */
    static LeaderSelector selector(CuratorFramework client, String path, AtomicLong terms) {
        LeaderSelector selector = new LeaderSelector(client, path, new LeaderSelectorListenerAdapter() {
            @Override
            public void takeLeadership(CuratorFramework client) {
                terms.incrementAndGet();
            }
        });
        selector.autoRequeue();
        selector.start();
        return selector;
    }
}
