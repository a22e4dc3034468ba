import java.io.*;
import java.util.*;
import java.util.concurrent.*;
import org.apache.curator.framework.*;
import org.apache.curator.retry.*;

/**
 * Runs Curator's recipes side by side, each with a client and so a session of its own. Its input says
 * "start ID SERVERS RECIPE ARGUMENT…", "tell ID WORDS" and "end ID", its output "say ID WORDS" and
 * "ended ID", with what went wrong behind it.
 */
public class Peers {
    interface Recipe { void run(Talk t, CuratorFramework c, String... args) throws Exception; }

    static final Map<String, Recipe> RECIPES = Map.of(
        "mutex", Locks::mutex,
        "multi", Locks::multi,
        "read", (t, c, args) -> Locks.readWrite(t, c, false, args[0]),
        "write", (t, c, args) -> Locks.readWrite(t, c, true, args[0]),
        "semaphore", Semaphores::permit,
        "barrier", Barriers::single,
        "double", Barriers::both,
        "selector", Leaders::selector,
        "latch", Leaders::latch,
        "suite", (t, c, args) -> new Suite(t, c.getZookeeperClient().getCurrentConnectionString()).run());

    /** What a recipe and its test say to each other. */
    static class Talk {
        final String id;
        final BlockingQueue<String> told = new LinkedBlockingQueue<>();
        Thread thread;

        Talk(String id) { this.id = id; }

        /** Waits for what the test says next. */
        String hear() throws InterruptedException { return told.take(); }

        void say(Object words) { print("say", id, words); }

        void run(String servers, String recipe, String... args) {
            String wrong = "";
            CuratorFramework c = CuratorFrameworkFactory.newClient(servers, new RetryNTimes(3, 1000));
            try {
                c.start();
                RECIPES.get(recipe).run(this, c, args);
            } catch (InterruptedException e) {
                wrong = "at its test's end";
            } catch (Throwable e) {
                wrong = e + " at " + Arrays.toString(e.getStackTrace());
            }
            Thread.interrupted(); // or the client could not close its session
            c.close();
            print("ended", id, wrong);
        }
    }

    static synchronized void print(String verb, String id, Object words) {
        System.out.println(verb + " " + id + " " + words.toString().replace('\n', ' '));
    }

    public static void main(String... args) throws Exception {
        Map<String, Talk> all = new HashMap<>();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null;) {
            String[] words = line.split(" ", 3);
            String id = words[1];
            switch (words[0]) {
                case "start":
                    Talk t = new Talk(id);
                    String[] how = words[2].split(" ");
                    t.thread = new Thread(() -> t.run(how[0], how[1], Arrays.copyOfRange(how, 2, how.length)));
                    all.put(id, t);
                    t.thread.start();
                    break;
                case "tell":
                    all.get(id).told.add(words[2]);
                    break;
                default:
                    all.remove(id).thread.interrupt(); // does nothing to one that has ended
            }
        }
        System.exit(0);
    }
}
