import java.net.*;
import java.util.*;
import java.util.concurrent.*;
import org.apache.zookeeper.*;
import org.apache.zookeeper.client.HostProvider;
import org.apache.zookeeper.data.Stat;

/**
 * Holds sessions of the plain Java client, and says what they are told.
 *
 * Its arguments are a timeout in milliseconds, a path, and a list of servers for each session, which
 * goes to them in that order. Session i has the ephemeral PATH-i and a watch on PATH-told. At the
 * end of its input it says of each session whether its ephemeral is still the one it made.
 */
public class Witness {
    /** Hands servers out in their order, over and over. */
    static class InOrder implements HostProvider {
        private final List<InetSocketAddress> servers = new ArrayList<>();
        private int handed;

        InOrder(String list) throws UnknownHostException {
            for (String server : list.split(",")) {
                String host = server.substring(0, server.indexOf(':'));
                int port = Integer.parseInt(server.substring(server.indexOf(':') + 1));
                // With its name, so that nobody looks the address up where there is no network.
                InetAddress address = InetAddress.getByAddress(host, InetAddress.getByName(host).getAddress());
                servers.add(new InetSocketAddress(address, port));
            }
        }

        public synchronized int size() { return servers.size(); }
        public synchronized InetSocketAddress next(long spinDelay) { return servers.get(handed++ % servers.size()); }
        public void onConnected() { }
        public boolean updateServerList(Collection<InetSocketAddress> list, InetSocketAddress current) { return false; }
    }

    static synchronized void say(int i, String what) {
        System.out.println("says " + i + " " + what);
    }

    public static void main(String[] args) throws Exception {
        int timeout = Integer.parseInt(args[0]);
        String path = args[1];
        List<ZooKeeper> sessions = new ArrayList<>();
        List<Long> ids = new ArrayList<>();
        List<Long> made = new ArrayList<>();
        for (int n = 0; n < args.length - 2; n++) {
            final int i = n;
            CountDownLatch connected = new CountDownLatch(1);
            Watcher watcher = e -> {
                if (e.getType() == Watcher.Event.EventType.None) {
                    say(i, e.getState().toString());
                    connected.countDown();
                } else {
                    say(i, e.getType() + " " + e.getPath());
                }
            };
            ZooKeeper zk = new ZooKeeper(args[i + 2], timeout, watcher, false, new InOrder(args[i + 2]));
            if (!connected.await(20, TimeUnit.SECONDS)) throw new IllegalStateException("not connected");
            Stat s = new Stat();
            zk.create(path + "-" + i, null, ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL, s);
            zk.exists(path + "-told", watcher);
            sessions.add(zk);
            ids.add(zk.getSessionId());
            made.add(s.getCzxid());
            say(i, "ready");
        }
        while (System.in.read() >= 0) { }
        for (int i = 0; i < sessions.size(); i++) {
            ZooKeeper zk = sessions.get(i);
            Stat s = zk.exists(path + "-" + i, false);
            boolean same = s != null && s.getCzxid() == made.get(i) && s.getEphemeralOwner() == ids.get(i) && zk.getSessionId() == ids.get(i);
            zk.close();
            say(i, same ? "same" : "other");
        }
        System.exit(0);
    }
}
