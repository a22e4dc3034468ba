//go:build linux

package faults

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// TestPausedLeader stops the leader with SIGSTOP for six seconds, with requests on their way
// through it, and lets it go on. It shows that what it had begun ends exactly once, that what it
// says afterwards is true, and that none of 300 sessions that live on at the other members is
// lost.
func TestPausedLeader(t *testing.T) {
	const (
		ttl      = 3 * time.Second
		pause    = 6 * time.Second
		sessions = 300
		begun    = 400 // requests to the leader around its pause
		before   = 300 // of them before it, of which at least 100 are answered
	)
	c := clustertest.Start(t, 3, clustertest.Options{})
	leader := c.WaitLeader(t)
	var others []string
	for _, m := range c.Others(leader) {
		others = append(others, m.URL())
	}
	healthy := c.Client(clustertest.ClientOptions{Endpoints: others})
	defer healthy.Close()
	// These take the answers of the leader as they come, and send nothing twice.
	straight := c.Client(clustertest.ClientOptions{Endpoints: []string{leader.URL()}, Once: true, Attempt: 30 * time.Second})
	defer straight.Close()
	ctx := t.Context()

	lives := make([]*clustertest.Session, sessions)
	each(t, sessions, 32, func(_ context.Context, i int) (err error) {
		lives[i], err = clustertest.Live(ctx, healthy, ttl)
		return err
	})
	owners := make([]clustertest.Lease, begun)
	each(t, begun, 16, func(ctx context.Context, i int) (err error) {
		owners[i], err = healthy.Open(ctx, time.Minute)
		return err
	})

	// The leader stops in the midst of them; the last ones come while it stands still.
	type outcome struct {
		hold clustertest.Hold
		err  error
		took time.Duration
	}
	outcomes := make([]outcome, begun)
	requests := make([]string, begun)
	var answered atomic.Int64
	var wg sync.WaitGroup
	send := func(i int) {
		requests[i] = clustertest.RequestID()
		wg.Go(func() {
			start := time.Now()
			h, err := straight.Acquire(ctx, fmt.Sprintf("pause/%d", i), clustertest.Acquire{Session: owners[i].Session, RequestID: requests[i]})
			outcomes[i] = outcome{h, err, time.Since(start)}
			answered.Add(1)
		})
	}
	for i := range before {
		send(i)
	}
	clustertest.Eventually(t, clustertest.Patience, "the leader is in the midst of it", func() bool { return answered.Load() >= before/3 })
	leader.Pause(t)
	midst := answered.Load()
	for i := before; i < begun; i++ {
		send(i)
	}
	paused := time.Now()
	successor := c.WaitLeader(t, leader)
	t.Logf("%s leads instead of %s after %v", successor.Name, leader.Name, time.Since(paused))

	// Life goes on: somebody else takes a lock that the leader was asked for, and a fence moves.
	rival, err := healthy.Acquire(ctx, "pause/rival", clustertest.Acquire{TTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	clustertest.Pass(t, pause-time.Since(paused))
	leader.Resume(t)
	resumed := time.Now()

	// What it says from now on must be true: the rival has the lock, whatever it knew before.
	// A connection that it did not serve in time says nothing: then it is asked again.
	clustertest.Eventually(t, clustertest.Patience, "the member that was paused answers", func() bool {
		_, err = straight.Acquire(ctx, "pause/rival", clustertest.Acquire{Session: owners[0].Session})
		return err == nil || clustertest.Code(err) != ""
	})
	if code := clustertest.Code(err); code != "lock_held" {
		t.Errorf("the member that was paused answers an acquire of a lock that is held with %v; want lock_held", err)
	}
	q, err := straight.Queue(ctx, "pause/rival")
	if err != nil || q.Holder == nil || q.Holder.Token != rival.Token {
		t.Errorf("the member that was paused shows %+v, %v; want it held by token %d", q, err, rival.Token)
	}
	wg.Wait()

	granted, refused, broken := 0, 0, 0
	for i, o := range outcomes {
		name := fmt.Sprintf("pause/%d", i)
		// Sent again elsewhere, the request tells what became of it: it is applied once.
		again, err := healthy.Acquire(ctx, name, clustertest.Acquire{Session: owners[i].Session, RequestID: requests[i]})
		if err != nil {
			t.Fatalf("%s, sent again: %v", name, err)
		}
		switch {
		case o.err == nil:
			granted++
			if !again.Repeated || again.Token != o.hold.Token {
				t.Errorf("%s: the paused member granted token %d; sent again, the request has token %d, repeated %v", name, o.hold.Token, again.Token, again.Repeated)
			}
		case clustertest.Code(o.err) == "":
			broken++ // its connection was not served in time: the client knows nothing
		default:
			refused++
			if code := clustertest.Code(o.err); code != "uncertain" && code != "unavailable" {
				t.Errorf("%s: the paused member answers %v after %v; want the grant, or that it does not know", name, o.err, o.took)
			}
			if clustertest.Code(o.err) == "unavailable" && again.Repeated {
				t.Errorf("%s: the paused member said that nothing was done; it was", name)
			}
		}
		q, err := healthy.Queue(ctx, name)
		if err != nil || q.Contenders != 1 || q.Holder == nil || q.Holder.Token != again.Token {
			t.Errorf("%s: %+v, %v; want one contender with token %d", name, q, err, again.Token)
		}
	}
	clustertest.Eventually(t, clustertest.Patience, leader.Name+" is ready again", func() bool {
		r, err := c.Readiness(ctx, leader)
		return err == nil && r.HTTP == 200
	})
	ready := time.Since(resumed)

	// A TTL and its grace later, anything that the woken member could have ended would be gone.
	clustertest.Pass(t, ttl+overtime)
	lost := 0
	for _, s := range lives {
		if err := s.Lost(); err != nil {
			lost++
			t.Logf("session %s is lost: %v", s.ID, err)
			continue
		}
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	}
	if lost > 0 {
		t.Errorf("%d of %d living sessions are lost", lost, sessions)
	}
	t.Logf("of %d requests to the paused leader, %d answered before, %d were granted, %d not known there, %d connections broke; it was ready %v after its pause; %d of %d sessions lost",
		begun, midst, granted, refused, broken, ready, lost, sessions)
}
