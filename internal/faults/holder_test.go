//go:build linux

package faults

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// overtime is how long after its TTL a silent session is ended at the latest, as promised.
const overtime = 1500 * time.Millisecond

// holderVariable tells this test binary, run by itself, that it is a holder, and where.
const holderVariable = "FAULTS_HOLDER_ENDPOINTS"

// TestHolderChild is not a test but the process of a holder: it takes a lock, keeps it alive and
// says on its standard output, line by line, when what was answered last had been sent.
func TestHolderChild(t *testing.T) {
	endpoints := os.Getenv(holderVariable)
	if endpoints == "" {
		t.Skip("only runs as a child of TestKilledHolder")
	}
	ctx := t.Context()
	c := clustertest.NewClient(clustertest.ClientOptions{Endpoints: strings.Split(endpoints, ",")})
	h, err := c.Acquire(ctx, "holder/killed", clustertest.Acquire{TTL: 3 * time.Second, Owner: "child"})
	if err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		fmt.Fprintf(os.Stdout, "kept %d\n", h.Sent.UnixNano())
		<-tick.C
		if h, err = c.KeepAlive(ctx, "holder/killed", h.Session); err != nil {
			t.Fatal(err)
		}
	}
}

// TestKilledHolder kills the process of a holder with SIGKILL. It shows that its lock passes on
// after its TTL, not before, and at most 1.5 s later.
func TestKilledHolder(t *testing.T) {
	beside(t, waits)
	const ttl = 3 * time.Second
	c := clustertest.Start(t, 3, clustertest.Options{})
	child := exec.Command(os.Args[0], "-test.run=^TestHolderChild$", "-test.count=1")
	child.Env = append(os.Environ(), holderVariable+"="+strings.Join(c.Endpoints(), ","))
	child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	kill := sync.OnceFunc(func() { _ = child.Process.Kill() })
	defer func() { kill(); _ = child.Wait() }()

	var kept time.Time // when the last answered touch had been sent
	lines := 0
	said := bufio.NewScanner(out)
	read := func(until int) {
		for lines < until && said.Scan() {
			var ns int64
			if _, err := fmt.Sscanf(said.Text(), "kept %d", &ns); err == nil {
				kept = time.Unix(0, ns)
				lines++
			}
		}
	}
	read(10)
	if lines < 10 {
		t.Fatal("the holder did not come up")
	}

	waiter := c.Client(clustertest.ClientOptions{})
	defer waiter.Close()
	s, err := clustertest.Live(t.Context(), waiter, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	type grant struct {
		hold clustertest.Hold
		at   time.Time
		err  error
	}
	got := make(chan grant, 1)
	go func() { // ends with the wait
		h, err := waiter.Acquire(t.Context(), "holder/killed", clustertest.Acquire{Session: s.ID, Wait: time.Minute})
		got <- grant{h, time.Now(), err}
	}()
	clustertest.Eventually(t, clustertest.Patience, "the waiter stands in the queue", func() bool {
		q, err := waiter.Queue(t.Context(), "holder/killed")
		return err == nil && q.Contenders == 2
	})
	kill()
	killed := time.Now()
	read(1 << 30) // what it said until then
	g := <-got
	if g.err != nil {
		t.Fatal(g.err)
	}
	// A touch that was answered is between the last one that the child told of and its death.
	early, last := g.at.Sub(kept), g.at.Sub(killed)
	t.Logf("TTL %v: the lock passed on %v after the last touch that the dead holder told of, %v after its death", ttl, early, last)
	if early < ttl {
		t.Errorf("the lock passed on %v after a touch; its TTL is %v", early, ttl)
	}
	if last > ttl+overtime {
		t.Errorf("the lock passed on %v after its holder died; want at most %v", last, ttl+overtime)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
