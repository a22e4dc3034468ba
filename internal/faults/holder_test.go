//go:build linux

package faults

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/childtest"
	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// overtime is how long after its TTL a silent session is ended at the latest, as promised.
const overtime = 1500 * time.Millisecond

// TestHolderChild is not a test but the process of a holder: it takes a lock, keeps it alive and
// says, again and again, when what was answered last had been sent.
func TestHolderChild(t *testing.T) {
	endpoints := os.Getenv(childVariable)
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
		childtest.Say("kept %d", h.Sent.UnixNano())
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
	child := startChild(t, c.Endpoints(), "TestHolderChild")
	var sent int64 // when the last answered touch that it has told of had been sent
	for range 10 {
		child.Hear(t, "kept %d", &sent)
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
	child.Signal(t, syscall.SIGKILL)
	killed := time.Now()
	for said := range child.Says {
		if _, err := fmt.Sscanf(said, "kept %d", &sent); err != nil {
			t.Errorf("the holder says %q", said)
		}
	}
	g := <-got
	if g.err != nil {
		t.Fatal(g.err)
	}
	// A touch that was answered is between the last one that the child told of and its death.
	early, last := g.at.Sub(time.Unix(0, sent)), g.at.Sub(killed)
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
