import java.util.concurrent.*;
import org.apache.curator.framework.*;
import org.apache.curator.framework.recipes.locks.*;
import org.apache.curator.retry.*;

/**
 * Holds a lock of Curator's until it reads a line: the read or the write lock of an
 * InterProcessReadWriteLock, or an InterProcessMultiLock of the path's a and b. The arguments are
 * which of them, the path and the servers.
 */
public class ReadWrite {
    public static void main(String[] args) throws Exception {
        CuratorFramework c = CuratorFrameworkFactory.newClient(args[2], new RetryNTimes(3, 1000));
        c.start();
        InterProcessLock lock;
        switch (args[0]) {
            case "read":
                lock = new InterProcessReadWriteLock(c, args[1]).readLock();
                break;
            case "write":
                lock = new InterProcessReadWriteLock(c, args[1]).writeLock();
                break;
            default:
                lock = new InterProcessMultiLock(c, java.util.Arrays.asList(args[1] + "/a", args[1] + "/b"));
        }
        System.out.println("asks");
        if (!lock.acquire(60, TimeUnit.SECONDS)) throw new IllegalStateException("not acquired");
        System.out.println("held");
        System.in.read();
        lock.release();
        System.out.println("released");
        c.close();
        System.exit(0);
    }
}
