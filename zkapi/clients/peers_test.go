//go:build linux

package clients

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/absent"
	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// A host is a process of another language, in which the clients of that language run side by side.
// All tests share it: it takes longer to start than most of them take.
type host struct {
	begin func(t *testing.T, dir string) []string // the command; dir is for what it compiles

	mu      sync.Mutex
	cmd     *exec.Cmd
	in      io.WriteCloser
	dir     string
	done    chan struct{} // closed when its output has ended
	next    int
	clients map[string]*contender // those that have not ended
}

var (
	javaHost   = &host{begin: curatorHost}
	pythonHost = &host{begin: kazooHost}
)

// jars are where Debian's packages put the classes of ZooKeeper and Curator, and of what they need.
const jars = "/usr/share/java/zookeeper.jar:/usr/share/java/zookeeper-jute.jar:" +
	"/usr/share/java/curator-client.jar:/usr/share/java/curator-framework.jar:/usr/share/java/curator-recipes.jar:" +
	"/usr/share/java/guava.jar:/usr/share/java/failureaccess.jar:/usr/share/java/netty-all.jar:" +
	"/usr/share/java/slf4j-api.jar:/usr/share/java/slf4j-nop.jar:/usr/share/java/commons-cli.jar"

// java begins the command lines of Java. SASL is off: to find its principal, the client would look
// its server's name up.
var java = []string{"java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dzookeeper.sasl.client=false", "-cp"}

func needCurator(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/usr/share/java/curator-recipes.jar"); err != nil {
		absent.Peer(t, "Apache Curator (libcurator-recipes-java)")
	}
	absent.Programs(t, "java", "javac")
}

func curatorHost(t *testing.T, dir string) []string {
	t.Helper()
	needCurator(t)
	sources, err := filepath.Glob("testdata/java/*.java")
	if err != nil {
		t.Fatal(err)
	}
	compile := append([]string{"-nowarn", "-cp", jars, "-d", dir}, sources...)
	if out, err := exec.CommandContext(t.Context(), "javac", compile...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return with(java, jars+":"+dir, "Peers")
}

// python is Debian's, which has Debian's kazoo.
const python = "/usr/bin/python3"

// noKazoo is what Python says where kazoo is missing.
var noKazoo = sync.OnceValue(func() error {
	return exec.CommandContext(context.Background(), python, "-c", "import kazoo").Run()
})

func needKazoo(t *testing.T) {
	t.Helper()
	if noKazoo() != nil {
		absent.Peer(t, "kazoo (python3-kazoo)")
	}
}

func kazooHost(t *testing.T, _ string) []string {
	t.Helper()
	needKazoo(t)
	return []string{python, "-B", "testdata/python/peers.py"}
}

// with adds arguments to a command.
func with(command []string, args ...string) []string {
	return append(append([]string(nil), command...), args...)
}

// started starts the process, unless it runs. A host's lock must be held.
func (h *host) started(t *testing.T) {
	t.Helper()
	if h.cmd != nil {
		return
	}
	var err error
	if h.dir == "" {
		if h.dir, err = os.MkdirTemp("", "lockkeeper-peers-"); err != nil {
			t.Fatal(err)
		}
	}
	command := h.begin(t, h.dir)
	// Not the test's context: the process is there for all tests.
	cmd := exec.CommandContext(context.Background(), command[0], command[1:]...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if h.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h.cmd, h.done, h.clients = cmd, make(chan struct{}), map[string]*contender{}
	go h.listen(out) // ends with the process; close waits for it
}

// listen passes on what the clients say.
func (h *host) listen(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		verb, rest, _ := strings.Cut(lines.Text(), " ")
		id, words, _ := strings.Cut(rest, " ")
		h.mu.Lock()
		c := h.clients[id]
		if verb == "ended" {
			delete(h.clients, id)
		}
		h.mu.Unlock()
		switch {
		case c == nil: // something that is none of a client's words
		case verb == "ended":
			c.end(words)
		case verb == "say":
			select {
			case c.said <- words:
			default: // nobody listens to so many
			}
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.clients {
		c.end("its host has ended")
	}
	close(h.done)
}

// send sends the process a line.
func (h *host) send(verb, id, words string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := fmt.Fprintf(h.in, "%s %s %s\n", verb, id, words)
	return err
}

// close ends the process, and takes away what was compiled for it.
func (h *host) close() {
	h.mu.Lock()
	cmd, done := h.cmd, h.done
	h.mu.Unlock()
	if cmd != nil {
		_ = cmd.Process.Kill() // it has nothing to keep
		<-done
		_ = cmd.Wait() // says that it was killed
	}
	_ = os.RemoveAll(h.dir)
}

// A peer is a recipe of a client in another language.
type peer struct {
	host   *host
	recipe string
}

func curator(recipe string) peer { return peer{javaHost, recipe} }
func kazoo(recipe string) peer   { return peer{pythonHost, recipe} }

// heard is how many words of a client are kept until its test listens.
const heard = 128

// A contender is a client of ZooKeeper in another language, with a session of its own. It says what
// it has done, and goes on when it is told to.
type contender struct {
	host *host
	id   string
	said chan string

	gone  chan struct{} // closed when it has ended
	wrong string        // what went wrong; written before that
}

func (c *contender) end(wrong string) {
	c.wrong = wrong
	close(c.gone)
}

// contend has a client take part. It ends with the test.
func contend(t *testing.T, cluster *clustertest.Cluster, p peer, args ...string) *contender {
	t.Helper()
	h := p.host
	h.mu.Lock()
	defer h.mu.Unlock()
	h.started(t)
	h.next++
	c := &contender{host: h, id: fmt.Sprint(h.next), said: make(chan string, heard), gone: make(chan struct{})}
	h.clients[c.id] = c
	if _, err := fmt.Fprintln(h.in, "start", c.id, connectString(cluster), p.recipe, strings.Join(args, " ")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		select {
		case <-c.gone:
			return
		default:
		}
		_ = h.send("end", c.id, "")
		select { // so that its session is closed before the members end
		case <-c.gone:
		case <-time.After(patience):
		}
	})
	return c
}

// says fails the test unless the contender says want next.
func (c *contender) says(t *testing.T, want string) {
	t.Helper()
	if got := c.word(t, want); got != want {
		t.Fatalf("it says %q, not %q", got, want)
	}
}

// word returns what the contender says next; what is for the test's message.
func (c *contender) word(t *testing.T, what string) string {
	t.Helper()
	got, err := c.hear(patience)
	if err != nil {
		t.Fatalf("it does not say %q: %v", what, err)
	}
	return got
}

// hear returns what the contender says next; the error is io.EOF where it has come to its end.
func (c *contender) hear(within time.Duration) (string, error) {
	late := time.After(within)
	for ended := false; ; {
		select {
		case got := <-c.said:
			return got, nil
		default:
		}
		switch {
		case ended && c.wrong == "":
			return "", io.EOF
		case ended:
			return "", fmt.Errorf("it has ended: %s", c.wrong)
		}
		select {
		case got := <-c.said:
			return got, nil
		case <-c.gone:
			ended = true // what it has said before goes first
		case <-late:
			return "", context.DeadlineExceeded
		}
	}
}

// silent fails the test if the contender has said anything, or ended.
func (c *contender) silent(t *testing.T) {
	t.Helper()
	select {
	case got := <-c.said:
		t.Fatalf("it says %q", got)
	case <-c.gone:
		t.Fatalf("it has ended: %s", c.wrong)
	default:
	}
}

// tell sends the contender a line.
func (c *contender) tell(t *testing.T, words string) {
	t.Helper()
	if err := c.host.send("tell", c.id, words); err != nil {
		t.Fatal(err)
	}
}

// asked tells the contender something, and returns what it says to that.
func (c *contender) asked(t *testing.T, words string) string {
	t.Helper()
	c.tell(t, words)
	return c.word(t, words)
}

// release has a contender give up all that it holds.
func (c *contender) release(t *testing.T) {
	t.Helper()
	c.tell(t, "release")
	c.says(t, "released")
}
