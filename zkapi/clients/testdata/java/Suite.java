import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import org.apache.curator.framework.*;
import org.apache.curator.framework.api.transaction.*;
import org.apache.curator.framework.recipes.barriers.*;
import org.apache.curator.framework.recipes.cache.*;
import org.apache.curator.framework.recipes.leader.*;
import org.apache.curator.framework.recipes.locks.*;
import org.apache.curator.framework.recipes.nodes.*;
import org.apache.curator.framework.recipes.shared.*;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.*;
import org.apache.zookeeper.*;
import org.apache.zookeeper.data.*;

/** Runs Curator's recipes among themselves, and says of each whether it does what it should. */
class Suite {
    interface Check { void run() throws Exception; }

    final Peers.Talk talk;
    final String connect;

    Suite(Peers.Talk talk, String connect) {
        this.talk = talk;
        this.connect = connect;
    }

    CuratorFramework client() {
        CuratorFramework c = CuratorFrameworkFactory.newClient(connect, new RetryNTimes(3, 1000));
        c.start();
        return c;
    }

    void check(String name, Check c) {
        try {
            c.run();
            talk.say("ok " + name);
        } catch (Throwable t) {
            talk.say("FAIL " + name + ": " + t + " at " + Arrays.toString(t.getStackTrace()));
        }
    }

    static void must(boolean condition, String what) {
        if (!condition) throw new IllegalStateException(what);
    }

    static void eventually(String what, Callable<Boolean> done) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(15);
        while (!done.call()) {
            must(System.nanoTime() < end, what + ": not in time");
            Thread.sleep(10);
        }
    }

    void run() {
        CuratorFramework a = client(), b = client();
        check("classic mutex", () -> {
            InterProcessMutex m = new InterProcessMutex(a, "/java/classic");
            must(m.acquire(10, TimeUnit.SECONDS), "not acquired");
            must(!new InterProcessMutex(b, "/java/classic").acquire(100, TimeUnit.MILLISECONDS), "acquired twice");
            must(m.acquire(10, TimeUnit.SECONDS), "not reentrant");
            m.release();
            m.release();
        });
        check("mutex under contention", () -> {
            AtomicInteger inside = new AtomicInteger(), most = new AtomicInteger();
            ExecutorService pool = Executors.newFixedThreadPool(8);
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                InterProcessMutex m = new InterProcessMutex(i % 2 == 0 ? a : b, "/java/contended");
                all.add(pool.submit(() -> {
                    for (int j = 0; j < 20; j++) {
                        m.acquire();
                        most.accumulateAndGet(inside.incrementAndGet(), Math::max);
                        inside.decrementAndGet();
                        m.release();
                    }
                    return null;
                }));
            }
            for (Future<?> f : all) f.get(60, TimeUnit.SECONDS);
            pool.shutdown();
            must(most.get() == 1, most.get() + " holders at once");
        });
        check("read-write lock", () -> {
            InterProcessReadWriteLock x = new InterProcessReadWriteLock(a, "/java/rw"), y = new InterProcessReadWriteLock(b, "/java/rw");
            must(x.readLock().acquire(5, TimeUnit.SECONDS) && y.readLock().acquire(5, TimeUnit.SECONDS), "readers exclude one another");
            must(!y.writeLock().acquire(100, TimeUnit.MILLISECONDS), "a writer beside readers");
            x.readLock().release();
            y.readLock().release();
            must(y.writeLock().acquire(5, TimeUnit.SECONDS), "no writer");
            must(!x.readLock().acquire(100, TimeUnit.MILLISECONDS), "a reader beside a writer");
            y.writeLock().release();
        });
        check("semaphore with a shared limit", () -> {
            SharedCount of = new SharedCount(a, "/java/shared/limit", 1), seen = new SharedCount(b, "/java/shared/limit", 1);
            of.start();
            seen.start();
            InterProcessSemaphoreV2 x = new InterProcessSemaphoreV2(a, "/java/shared", of), y = new InterProcessSemaphoreV2(b, "/java/shared", seen);
            Lease one = x.acquire(10, TimeUnit.SECONDS);
            must(one != null && y.acquire(200, TimeUnit.MILLISECONDS) == null, "two of one");
            of.setCount(2);
            Lease two = y.acquire(10, TimeUnit.SECONDS);
            must(two != null, "a raised limit is not seen");
            x.returnLease(one);
            y.returnLease(two);
            of.close();
            seen.close();
        });
        check("semaphore", () -> {
            InterProcessSemaphoreV2 x = new InterProcessSemaphoreV2(a, "/java/semaphore", 2), y = new InterProcessSemaphoreV2(b, "/java/semaphore", 2);
            Lease one = x.acquire(5, TimeUnit.SECONDS), two = y.acquire(5, TimeUnit.SECONDS);
            must(one != null && two != null, "two leases");
            must(y.acquire(200, TimeUnit.MILLISECONDS) == null, "a third lease");
            x.returnLease(one);
            Lease three = y.acquire(5, TimeUnit.SECONDS);
            must(three != null, "no lease after one was returned");
            y.returnLease(two);
            y.returnLease(three);
        });
        check("semaphore mutex", () -> {
            InterProcessSemaphoreMutex m = new InterProcessSemaphoreMutex(a, "/java/semaphore-mutex");
            must(m.acquire(5, TimeUnit.SECONDS), "not acquired");
            must(!new InterProcessSemaphoreMutex(b, "/java/semaphore-mutex").acquire(200, TimeUnit.MILLISECONDS), "acquired twice");
            m.release();
        });
        check("leader latch", () -> {
            LeaderLatch x = new LeaderLatch(a, "/java/latch", "x"), y = new LeaderLatch(b, "/java/latch", "y");
            x.start();
            must(x.await(10, TimeUnit.SECONDS), "x does not lead");
            y.start();
            eventually("two participants", () -> x.getParticipants().size() == 2);
            must(!y.hasLeadership() && y.getLeader().getId().equals("x"), "two leaders");
            x.close();
            must(y.await(10, TimeUnit.SECONDS), "y does not lead");
            y.close();
        });
        check("leader selector", () -> {
            CountDownLatch led = new CountDownLatch(2);
            LeaderSelectorListenerAdapter once = new LeaderSelectorListenerAdapter() {
                public void takeLeadership(CuratorFramework c) { led.countDown(); }
            };
            LeaderSelector x = new LeaderSelector(a, "/java/selector", once), y = new LeaderSelector(b, "/java/selector", once);
            x.start();
            y.start();
            must(led.await(10, TimeUnit.SECONDS), "not both have led");
            x.close();
            y.close();
        });
        check("barriers", () -> {
            DistributedBarrier barrier = new DistributedBarrier(a, "/java/barrier");
            barrier.setBarrier();
            Future<Boolean> waits = Executors.newSingleThreadExecutor().submit(() -> new DistributedBarrier(b, "/java/barrier").waitOnBarrier(10, TimeUnit.SECONDS));
            barrier.removeBarrier();
            must(waits.get(), "the barrier stands");
            ExecutorService pool = Executors.newFixedThreadPool(2);
            List<Future<Boolean>> both = new ArrayList<>();
            for (CuratorFramework c : List.of(a, b)) {
                both.add(pool.submit(() -> {
                    DistributedDoubleBarrier d = new DistributedDoubleBarrier(c, "/java/double", 2);
                    return d.enter(10, TimeUnit.SECONDS) && d.leave(10, TimeUnit.SECONDS);
                }));
            }
            for (Future<Boolean> f : both) must(f.get(), "the double barrier");
            pool.shutdown();
        });
        check("caches", () -> {
            CuratorCache cache = CuratorCache.build(a, "/java/cache");
            cache.start();
            b.create().creatingParentsIfNeeded().forPath("/java/cache/one", "1".getBytes());
            b.setData().forPath("/java/cache/one", "2".getBytes());
            eventually("the cache sees the child", () -> cache.get("/java/cache/one").map(d -> new String(d.getData()).equals("2")).orElse(false));
            b.delete().forPath("/java/cache/one");
            eventually("the cache sees the delete", () -> !cache.get("/java/cache/one").isPresent());
            cache.close();
            TreeCache tree = new TreeCache(a, "/java/cache");
            tree.start();
            b.create().forPath("/java/cache/two", "2".getBytes());
            eventually("the tree cache sees the child", () -> tree.getCurrentData("/java/cache/two") != null);
            tree.close();
            NodeCache node = new NodeCache(a, "/java/cache/two");
            node.start(true);
            PathChildrenCache children = new PathChildrenCache(a, "/java/cache", true);
            children.start(PathChildrenCache.StartMode.BUILD_INITIAL_CACHE);
            must(new String(node.getCurrentData().getData()).equals("2") && children.getCurrentData().size() == 1, "not built");
            b.setData().forPath("/java/cache/two", "3".getBytes());
            b.create().forPath("/java/cache/three");
            eventually("the node cache sees the change", () -> new String(node.getCurrentData().getData()).equals("3"));
            eventually("the children's cache sees the child", () -> children.getCurrentData().size() == 2);
            node.close();
            children.close();
        });
        check("the plain client", () -> {
            ZooKeeper zk = a.getZookeeperClient().getZooKeeper();
            Stat s = new Stat();
            zk.create("/java/plain", "x".getBytes(), ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT, s);
            must(s.getCzxid() == s.getPzxid() && s.getVersion() == 0, "stat " + s);
            zk.create("/java/plain/own", null, ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
            must(zk.getData("/java/plain/own", false, s) == null, "null data");
            must(zk.getEphemerals("/java/plain").equals(List.of("/java/plain/own")), "ephemerals " + zk.getEphemerals("/java/plain"));
            must(zk.getAllChildrenNumber("/java/plain") == 1, "children");
            CompletableFuture<Integer> synced = new CompletableFuture<>();
            zk.sync("/java/plain", (code, path, context) -> synced.complete(code), null);
            must(synced.get(10, TimeUnit.SECONDS) == 0, "sync");
            zk.getConfig(false, s);
            must(zk.whoAmI().stream().anyMatch(c -> c.getAuthScheme().equals("ip")), "who " + zk.whoAmI());
            Watcher w = e -> { };
            zk.getData("/java/plain", w, s);
            zk.removeWatches("/java/plain", w, Watcher.WatcherType.Data, false);
            try {
                zk.removeWatches("/java/plain", w, Watcher.WatcherType.Data, false);
                throw new IllegalStateException("removed twice");
            } catch (KeeperException.NoWatcherException e) {
                zk.delete("/java/plain/own", 0);
            }
        });
        check("transactions", () -> {
            a.create().creatingParentsIfNeeded().forPath("/java/tx");
            List<CuratorTransactionResult> results = a.transaction().forOperations(
                a.transactionOp().create().forPath("/java/tx/one", "1".getBytes()),
                a.transactionOp().setData().withVersion(0).forPath("/java/tx/one", "2".getBytes()),
                a.transactionOp().check().withVersion(1).forPath("/java/tx/one"));
            must(results.size() == 3 && results.get(1).getResultStat().getVersion() == 1, "results");
            try {
                a.transaction().forOperations(a.transactionOp().delete().forPath("/java/tx/one"), a.transactionOp().check().forPath("/java/missing"));
                throw new IllegalStateException("done");
            } catch (KeeperException.NoNodeException e) {
                must(a.checkExists().forPath("/java/tx/one") != null, "half done");
            }
        });
        check("persistent watches", () -> {
            BlockingQueue<WatchedEvent> events = new LinkedBlockingQueue<>();
            a.watchers().add().withMode(AddWatchMode.PERSISTENT_RECURSIVE).usingWatcher((Watcher) events::add).forPath("/java/watched");
            b.create().creatingParentsIfNeeded().forPath("/java/watched/deep");
            b.setData().forPath("/java/watched/deep", "x".getBytes());
            for (String want : List.of("NodeCreated /java/watched", "NodeCreated /java/watched/deep", "NodeDataChanged /java/watched/deep")) {
                WatchedEvent e = events.poll(10, TimeUnit.SECONDS);
                must(e != null && (e.getType() + " " + e.getPath()).equals(want), want + ", got " + e);
            }
            a.watchers().removeAll().forPath("/java/watched");
        });
        check("container and TTL nodes", () -> {
            a.create().withMode(CreateMode.CONTAINER).forPath("/java/container");
            a.create().withTtl(60_000).withMode(CreateMode.PERSISTENT_WITH_TTL).forPath("/java/ttl");
            PersistentNode node = new PersistentNode(a, CreateMode.EPHEMERAL, false, "/java/node", "x".getBytes());
            node.start();
            must(node.waitForInitialCreate(10, TimeUnit.SECONDS), "no persistent node");
            b.delete().forPath("/java/node");
            eventually("it comes back", () -> b.checkExists().forPath("/java/node") != null);
            node.close();
        });
        check("session loss", () -> {
            CuratorFramework c = client();
            BlockingQueue<ConnectionState> states = new LinkedBlockingQueue<>();
            c.getConnectionStateListenable().addListener((x, s) -> states.add(s));
            c.create().withMode(CreateMode.EPHEMERAL).forPath("/java/ephemeral");
            ZooKeeper zk = c.getZookeeperClient().getZooKeeper();
            long session = zk.getSessionId();
            byte[] password = zk.getSessionPasswd();
            // A twin closes the session that both share, unless the client has come back first and
            // has cut the twin's connection: then again.
            eventually("the ephemeral goes", () -> {
                CountDownLatch connected = new CountDownLatch(1);
                ZooKeeper twin = new ZooKeeper(connect, 10_000, e -> connected.countDown(), session, password);
                must(connected.await(10, TimeUnit.SECONDS), "the twin does not connect");
                twin.close();
                return b.checkExists().forPath("/java/ephemeral") == null;
            });
            eventually("the client is told", () -> states.contains(ConnectionState.LOST) && states.contains(ConnectionState.RECONNECTED));
            c.close();
        });
        check("another member", () -> {
            CuratorFramework c = CuratorFrameworkFactory.builder().connectString(connect).retryPolicy(new RetryNTimes(20, 500))
                .authorization("digest", "user:password".getBytes()).build();
            c.start();
            BlockingQueue<ConnectionState> states = new LinkedBlockingQueue<>();
            c.getConnectionStateListenable().addListener((x, s) -> states.add(s));
            c.create().withMode(CreateMode.EPHEMERAL).forPath("/java/moving");
            c.create().withACL(ZooDefs.Ids.CREATOR_ALL_ACL).forPath("/java/mine", "x".getBytes());
            BlockingQueue<WatchedEvent> events = new LinkedBlockingQueue<>();
            c.watchers().add().withMode(AddWatchMode.PERSISTENT).usingWatcher((Watcher) events::add).forPath("/java/mine");
            ZooKeeper zk = c.getZookeeperClient().getZooKeeper();
            long session = zk.getSessionId();
            talk.say("kill " + zk.toString().replaceAll("(?s).*remoteserver:[^/]*/([0-9.:]+).*", "$1"));
            eventually("the client is told", () -> states.contains(ConnectionState.SUSPENDED) && states.contains(ConnectionState.RECONNECTED));
            must(zk.getSessionId() == session && c.checkExists().forPath("/java/moving").getEphemeralOwner() == session, "another session");
            must(new String(c.getData().forPath("/java/mine")).equals("x"), "its credentials did not go along");
            c.setData().forPath("/java/mine", "y".getBytes());
            eventually("its watch went along", () -> events.stream().anyMatch(e -> e.getType() == Watcher.Event.EventType.NodeDataChanged));
            c.close();
        });
        check("the connection string stays", () -> must(a.getZookeeperClient().getCurrentConnectionString().equals(connect), a.getZookeeperClient().getCurrentConnectionString()));
        a.close();
        b.close();
    }
}
