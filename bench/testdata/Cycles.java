import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.retry.RetryNTimes;

/** Takes and gives back locks of its threads' own, and prints how many cycles a second that made. */
public class Cycles {
    public static void main(String[] args) throws Exception {
        int threads = Integer.parseInt(args[1]);
        long warm = Long.parseLong(args[2]), span = Long.parseLong(args[3]); // milliseconds
        CuratorFramework client = CuratorFrameworkFactory.newClient(args[0], new RetryNTimes(3, 1000));
        client.start();
        AtomicBoolean over = new AtomicBoolean();
        AtomicLong cycles = new AtomicLong();
        CountDownLatch ended = new CountDownLatch(threads);
        for (int i = 0; i < threads; i++) {
            InterProcessMutex lock = new InterProcessMutex(client, "/curator/" + i);
            new Thread(() -> {
                try {
                    while (!over.get()) {
                        lock.acquire();
                        lock.release();
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
        client.close();
        System.out.println(done + " " + took);
    }
}
