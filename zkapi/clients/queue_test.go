//go:build linux

package clients

import (
	"bufio"
	"context"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// A contender is a process that takes a lock, says so, and gives it up when it is told to.
type contender struct {
	in   io.WriteCloser
	said chan string
}

func contend(t *testing.T, c *clustertest.Cluster, path string, suite []string) *contender {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), suiteTime)
	cmd := exec.CommandContext(ctx, suite[0], with(suite[1:], path, connectString(c))...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 16)
	done := make(chan struct{})
	go func() { // ends with the process
		defer close(done)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			select {
			case said <- lines.Text():
			default: // it has two things to say; what else it prints is dropped
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		_ = cmd.Wait() // killed, where it had not ended
	})
	return &contender{in: in, said: said}
}

// says fails the test unless the contender says want next.
func (c *contender) says(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-c.said:
		if got != want {
			t.Fatalf("it says %q, not %q", got, want)
		}
	case <-time.After(patience):
		t.Fatalf("it does not say %q", want)
	}
}

// silent fails the test if the contender has said anything.
func (c *contender) silent(t *testing.T) {
	t.Helper()
	select {
	case got := <-c.said:
		t.Fatalf("it says %q", got)
	default:
	}
}

// release has the contender look for its znode, and give the lock up.
func (c *contender) release(t *testing.T) {
	t.Helper()
	c.tell(t, "")
}

// tell sends the contender a line.
func (c *contender) tell(t *testing.T, line string) {
	t.Helper()
	if _, err := io.WriteString(c.in, line+"\n"); err != nil {
		t.Fatal(err)
	}
}

// TestEveryDoorQueues has REST, Curator, kazoo and go-zookeeper wait in one line.
func TestEveryDoorQueues(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	java, py := curator(t), kazoo(t)
	cluster := clustertest.Start(t, 1, clustertest.Options{})
	rest := cluster.Client(clustertest.ClientOptions{})
	zkc := dial(t, cluster.Members[0])
	const name, dir = "orders/43", "/orders/43"
	queue := func(waiters int) clustertest.Queue {
		t.Helper()
		return waiting(ctx, t, rest, name, waiters)
	}
	var sessions [2]string
	for i := range sessions {
		l, err := rest.Open(ctx, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		sessions[i] = l.Session
	}

	first, err := rest.Acquire(ctx, name, clustertest.Acquire{Session: sessions[0]})
	if err != nil {
		t.Fatal(err)
	}
	j := contend(t, cluster, dir, java)
	queue(1)
	p := contend(t, cluster, dir, py)
	queue(2)
	foreign := zk.NewLock(zkc, dir, zk.WorldACL(zk.PermAll))
	got := make(chan error, 1)
	go func() { got <- foreign.LockWithData([]byte("go")) }()
	queue(3)
	if _, err := rest.Enqueue(ctx, name, clustertest.Acquire{Session: sessions[1]}); err != nil {
		t.Fatal(err)
	}
	q := queue(4)
	last := int64(0)
	for i, c := range q.All() {
		_, s, err := zkc.Get(c.Znode)
		if err != nil || s.Czxid != c.Token || c.Token <= last || c.Position != i {
			t.Errorf("%d: %+v, %+v, %v", i, c, s, err)
		}
		last = c.Token
	}
	if owner := q.Waiters[1].Owner; owner != "kazoo" || !strings.Contains(q.Waiters[1].Znode, "__lock__") {
		t.Errorf("kazoo is %+v", q.Waiters[1])
	}

	j.silent(t)
	if _, err := rest.Release(ctx, name, sessions[0], first.Token); err != nil {
		t.Fatal(err)
	}
	j.says(t, "held")
	p.silent(t)
	j.release(t)
	j.says(t, "there")
	p.says(t, "held")
	select {
	case err := <-got:
		t.Fatalf("two holders: %v", err)
	default:
	}
	p.release(t)
	p.says(t, "there")
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	if h, err := rest.KeepAlive(ctx, name, sessions[1]); err != nil || h.State != "waiting" {
		t.Errorf("behind go-zookeeper: %+v, %v", h, err)
	}
	if err := foreign.Unlock(); err != nil {
		t.Fatal(err)
	}
	clustertest.Eventually(t, patience, "the last to hold", func() bool {
		h, err := rest.KeepAlive(ctx, name, sessions[1])
		return err == nil && h.State == "held"
	})
}

// TestForceCurator takes a lock from Curator by REST.
func TestForceCurator(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	java := curator(t)
	cluster := clustertest.Start(t, 1, clustertest.Options{})
	j := contend(t, cluster, "/orders/44", java)
	j.says(t, "held")
	force(ctx, t, cluster.Endpoints()[0]+"/v1/locks/orders/44/release")
	if h, err := cluster.Client(clustertest.ClientOptions{}).Acquire(ctx, "orders/44", clustertest.Acquire{}); err != nil || h.State != "held" {
		t.Fatalf("%+v, %v", h, err)
	}
	j.release(t)
	j.says(t, "gone")
}
