import java.io.*;
import java.util.concurrent.*;
import org.apache.curator.framework.*;
import org.apache.curator.framework.recipes.leader.*;
import org.apache.curator.retry.*;

/**
 * Takes part in an election by one of Curator's recipes, says when it leads, who leads when it is asked
 * to by the word leader, and gives up when it is told to resign.
 */
public class Leaders {
    public static void main(String[] args) throws Exception {
        String kind = args[0], path = args[1];
        CuratorFramework c = CuratorFrameworkFactory.newClient(args[2], new RetryNTimes(3, 1000));
        c.start();
        CountDownLatch resigned = new CountDownLatch(1);
        Callable<String> leader;
        Closeable recipe;
        if (kind.equals("selector")) {
            LeaderSelector s = new LeaderSelector(c, path, new LeaderSelectorListenerAdapter() {
                public void takeLeadership(CuratorFramework c) throws Exception {
                    System.out.println("leads");
                    resigned.await();
                }
            });
            s.setId(kind);
            s.start();
            leader = () -> s.getLeader().getId();
            recipe = s;
        } else {
            LeaderLatch l = new LeaderLatch(c, path, kind);
            l.addListener(new LeaderLatchListener() {
                public void isLeader() { System.out.println("leads"); }
                public void notLeader() { }
            });
            l.start();
            leader = () -> l.getLeader().getId();
            recipe = l;
        }
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String word; (word = in.readLine()) != null;) {
            if (word.equals("leader")) {
                System.out.println(leader.call());
                continue;
            }
            resigned.countDown();
            recipe.close();
            c.close();
            System.out.println("gone");
            System.exit(0);
        }
    }
}
