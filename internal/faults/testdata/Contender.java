import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.*;
import org.apache.curator.framework.*;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryNTimes;

/**
 * Takes a lock with Curator and gives it up, over and over, and notes what it does in a journal. Its
 * arguments are the servers, the session's timeout in milliseconds, the lock's path, its own name
 * and the journal. Told "stay" it keeps the lock from its next turn on; at the end of its input it
 * ends, and says how often it has held the lock.
 */
public class Contender {
    static class Mutex extends InterProcessMutex {
        Mutex(CuratorFramework client, String path) { super(client, path); }
        String znode() { return getLockPath(); }
    }

    static volatile boolean stay, stop;

    static void listen() {
        try (BufferedReader in = new BufferedReader(new InputStreamReader(System.in))) {
            while (in.readLine() != null) stay = true;
        } catch (IOException e) {
            // The parent has ended, and so does this.
        }
        stop = true;
    }

    public static void main(String[] args) throws Exception {
        String path = args[2], name = args[3];
        FileOutputStream journal = new FileOutputStream(args[4], true);
        CuratorFramework client = CuratorFrameworkFactory.newClient(args[0], Integer.parseInt(args[1]), 5_000, new RetryNTimes(300, 100));
        client.getConnectionStateListenable().addListener((c, state) -> {
            if (state == ConnectionState.LOST) note(journal, "lost", name, "");
        });
        client.start();
        Thread listener = new Thread(Contender::listen);
        listener.setDaemon(true);
        listener.start();
        Mutex mutex = new Mutex(client, path);
        int held = 0;
        while (!stop) {
            mutex.acquire();
            note(journal, "enter", name, "");
            String znode = mutex.znode();
            long token = client.checkExists().forPath(znode).getCzxid();
            note(journal, "holds", name, " " + znode.substring(znode.length() - 10) + " " + token);
            if (++held == 1) System.out.println("says contends");
            if (stay) {
                System.out.println("says stays");
                new CountDownLatch(1).await();
            }
            Thread.sleep(2);
            note(journal, "leave", name, "");
            mutex.release();
        }
        client.close();
        System.out.println("says held " + held);
        System.exit(0);
    }

    /** Appends a line, in one piece, so that the order of lines is that of all processes. */
    static void note(FileOutputStream journal, String verb, String name, String rest) {
        try {
            journal.write((verb + " " + name + rest + "\n").getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            e.printStackTrace();
            System.exit(1);
        }
    }
}
