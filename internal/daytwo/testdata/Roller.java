import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;
import org.apache.curator.framework.*;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryNTimes;
import org.apache.zookeeper.data.Stat;

/**
 * Takes locks with Curator and gives them up, until its input ends: one of its own, whose longest turn it
 * tells in the end, and one that others want too, of which it keeps a journal. Another one it holds all
 * the while. Its arguments are the servers, the session's timeout in milliseconds, the paths of the three
 * locks and the journal. Any exception ends it, and so does the loss of its session.
 */
public class Roller {
    static class Mutex extends InterProcessMutex {
        Mutex(CuratorFramework client, String path) { super(client, path); }
        String znode() { return getLockPath(); }
    }

    static volatile boolean stop;
    static int suspended, turns; // each of one thread, until that has ended
    static long longest;

    public static void main(String[] args) {
        try {
            run(args);
        } catch (Throwable e) {
            e.printStackTrace();
            System.exit(1);
        }
        System.exit(0);
    }

    static void run(String[] args) throws Exception {
        CuratorFramework client = CuratorFrameworkFactory.newClient(args[0], Integer.parseInt(args[1]), 5_000, new RetryNTimes(100, 50));
        client.getConnectionStateListenable().addListener((c, state) -> {
            if (state == ConnectionState.SUSPENDED) suspended++;
            if (state == ConnectionState.LOST) {
                System.err.println("Curator says LOST");
                System.exit(1);
            }
        });
        client.start();
        Mutex own = new Mutex(client, args[2]), shared = new Mutex(client, args[3]), kept = new Mutex(client, args[4]);
        FileOutputStream journal = new FileOutputStream(args[5], true);
        kept.acquire();
        Stat before = client.checkExists().forPath(kept.znode());
        System.out.println("says ready " + before.getCzxid());
        Thread listener = new Thread(() -> {
            try {
                while (System.in.read() >= 0) { }
            } catch (IOException e) {
                // The parent has ended, and so does this.
            }
            stop = true;
        });
        listener.setDaemon(true);
        listener.start();
        Thread alone = new Thread(() -> {
            try {
                for (; !stop; turns++) {
                    long begun = System.nanoTime();
                    own.acquire();
                    own.release();
                    longest = Math.max(longest, System.nanoTime() - begun);
                }
            } catch (Throwable e) {
                e.printStackTrace();
                System.exit(1);
            }
        });
        alone.start();
        while (!stop) {
            shared.acquire();
            note(journal, "enter curator");
            note(journal, "holds curator " + client.checkExists().forPath(shared.znode()).getCzxid());
            note(journal, "leave curator");
            shared.release();
        }
        alone.join();
        Stat after = client.checkExists().forPath(kept.znode());
        if (after == null || after.getCzxid() != before.getCzxid()
                || after.getEphemeralOwner() != client.getZookeeperClient().getZooKeeper().getSessionId())
            throw new IllegalStateException("the lock that was kept: " + before + ", then " + after);
        kept.release();
        client.close();
        System.out.println("says held " + turns + " " + longest / 1_000_000 + " " + suspended);
    }

    /** Appends a line, in one piece, so that the order of lines is that of all processes. */
    static void note(FileOutputStream journal, String line) throws IOException {
        journal.write((line + "\n").getBytes(StandardCharsets.UTF_8));
    }
}
