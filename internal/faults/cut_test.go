//go:build linux

package faults

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// cutTTL is that of the sessions that a cut is about.
const cutTTL = 3 * time.Second

// TestCutMember cuts one of three members off by the network, first a follower and then the
// leader. It shows both sides of the cut: the majority goes on; the cut member answers no write
// and no keepalive, and says that it has no quorum; its sessions live on where their clients
// reach the majority in time, and end where they do not; and when the cut is healed all is well
// and a late writer has changed nothing.
func TestCutMember(t *testing.T) {
	beside(t, waits)
	network := clustertest.NewNetwork(t, 3)
	c := clustertest.Start(t, 3, clustertest.Options{Network: network, Flags: []string{"--request-timeout", "4s"}})
	for _, who := range []string{"follower", "leader"} {
		t.Run(who, func(t *testing.T) {
			m := c.WaitLeader(t)
			if who == "follower" {
				m = c.Others(m)[0]
			}
			newCut(t, c, network, m).run(t)
		})
	}
}

// A cut is one member cut off, and clients on both sides.
type cut struct {
	cluster *clustertest.Cluster
	network *clustertest.Network
	member  *clustertest.Member
	space   *clustertest.Namespace
	name    string

	inside  *clustertest.Client // beside the member: takes its answers as they come
	outside *clustertest.Client // reaches the others only

	stays clustertest.Hold // its client stays with the member
	moves clustertest.Hold // its client goes on at the majority
	next  clustertest.Hold // who gets the lock of stays, when that is over
}

func newCut(t *testing.T, c *clustertest.Cluster, network *clustertest.Network, m *clustertest.Member) *cut {
	x := &cut{cluster: c, network: network, member: m, name: t.Name() + "/"}
	var others []string
	for i, o := range c.Members {
		if o == m {
			x.space = network.Members[i]
		} else {
			others = append(others, o.URL())
		}
	}
	x.outside = c.Client(clustertest.ClientOptions{Endpoints: others, Attempt: 5 * time.Second})
	t.Cleanup(x.outside.Close)
	x.inside = clustertest.NewClient(clustertest.ClientOptions{Endpoints: []string{m.URL()}, Dial: x.space.Dial, Once: true})
	t.Cleanup(x.inside.Close)
	return x
}

func (x *cut) run(t *testing.T) {
	ctx := t.Context()
	x.hold(t, "stays", &x.stays)
	x.hold(t, "moves", &x.moves)
	if _, err := x.inside.CheckFence(ctx, x.name+"fence", x.stays.Token); err != nil {
		t.Fatal(err)
	}

	x.network.Cut(t, x.space)
	started := time.Now()
	first, err := x.outside.Acquire(ctx, x.name+"new", clustertest.Acquire{TTL: time.Minute})
	if err != nil {
		t.Fatalf("the majority: %v", err)
	}
	t.Logf("the majority grants a lock %v after the cut", time.Since(started))
	if first.Token <= x.stays.Token {
		t.Errorf("token %d was given after %d", first.Token, x.stays.Token)
	}
	moved := clustertest.Adopt(ctx, x.outside, x.moves.Session, cutTTL, x.moves.Sent)
	defer moved.Silence()
	if _, err := x.outside.Touch(ctx, x.moves.Session); err != nil {
		t.Fatalf("a session goes on at the majority: %v", err)
	}

	passed := make(chan error, 1)
	go func() { passed <- x.passOn(ctx, t) }() // ends with the wait that it asks for
	x.refusals(t)
	if err := <-passed; err != nil {
		t.Fatalf("the lock of a holder that nobody hears of: %v", err)
	}
	x.lateWriter(t)

	healed := time.Now()
	clustertest.Eventually(t, clustertest.Patience, x.member.Name+" is ready again", func() bool {
		r, err := x.cluster.Readiness(ctx, x.member)
		return err == nil && r.HTTP == http.StatusOK
	})
	t.Logf("%s is ready %v after a late writer was answered", x.member.Name, time.Since(healed))
	x.agree(t, first)

	// Whatever the member that was cut off could have ended would be gone by now.
	clustertest.Pass(t, cutTTL+overtime)
	if err := moved.Lost(); err != nil {
		t.Errorf("the session that went on at the majority: %v", err)
	}
	h, err := x.inside.Release(ctx, x.name+"moves", x.moves.Session, x.moves.Token)
	if err != nil || h.Repeated {
		t.Errorf("its release at the member that was cut off: repeated %v, %v", h.Repeated, err)
	}
}

func (x *cut) hold(t *testing.T, what string, into *clustertest.Hold) {
	t.Helper()
	h, err := x.inside.Acquire(t.Context(), x.name+what, clustertest.Acquire{TTL: cutTTL})
	if err != nil {
		t.Fatal(err)
	}
	*into = h
}

// passOn waits at the majority for the lock of the session that nobody hears of.
func (x *cut) passOn(ctx context.Context, t *testing.T) (err error) {
	x.next, err = x.outside.Acquire(ctx, x.name+"stays", clustertest.Acquire{TTL: time.Minute, Wait: 20 * time.Second})
	if err != nil {
		return err
	}
	since := time.Since(x.stays.Sent)
	t.Logf("the lock of a holder that nobody hears of passed on %v after its last touch (TTL %v)", since, cutTTL)
	if since < cutTTL {
		t.Errorf("the lock passed on %v after a touch; its TTL is %v", since, cutTTL)
	}
	if x.next.Token <= x.stays.Token {
		t.Errorf("token %d was given after %d", x.next.Token, x.stays.Token)
	}
	_, err = x.outside.CheckFence(ctx, x.name+"fence", x.next.Token)
	return err
}

// refusals looks at what the member that is cut off answers: that there is no quorum.
func (x *cut) refusals(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	asks := map[string]func() error{
		"a keepalive": func() error { _, err := x.inside.Touch(ctx, x.stays.Session); return err },
		"an acquire": func() error {
			_, err := x.inside.Acquire(ctx, x.name+"vain", clustertest.Acquire{TTL: cutTTL})
			return err
		},
		"a fresh read": func() error { _, err := x.inside.Queue(ctx, x.name+"stays"); return err },
	}
	var wg sync.WaitGroup
	for what, ask := range asks { // at once: each takes as long as a request may
		wg.Go(func() {
			start := time.Now()
			err := ask()
			p, ok := errors.AsType[*clustertest.Problem](err)
			if !ok || p.Status != http.StatusServiceUnavailable || p.RetryAfter == "" {
				t.Errorf("%s at the member that is cut off is answered with %v; want 503 with Retry-After", what, err)
				return
			}
			t.Logf("%s at the member that is cut off: %s after %v", what, p.Code, time.Since(start))
		})
	}
	wg.Wait()
	r, err := x.inside.Ready(ctx)
	if err != nil || r.HTTP != http.StatusServiceUnavailable || r.Reason != "no_quorum" {
		t.Errorf("the member that is cut off says of itself %+v, %v; want 503, no_quorum", r, err)
	}
}

// lateWriter lets the holder whose lock has passed on write through the member that is cut off,
// and heals the cut while it waits for its answers.
func (x *cut) lateWriter(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	told := make(chan error, 2)
	go func() { // both end with the attempt's own time-out at the latest
		_, err := x.inside.CheckFence(ctx, x.name+"fence", x.stays.Token)
		told <- err
	}()
	go func() {
		_, err := x.inside.Release(ctx, x.name+"stays", x.stays.Session, x.stays.Token)
		told <- err
	}()
	clustertest.Pass(t, time.Second)
	x.network.Heal(t, x.space)
	for range 2 {
		err := <-told
		switch code := clustertest.Code(err); code {
		case "stale_token", "session_lost", "hold_lost", "uncertain", "unavailable":
			t.Logf("the late writer is told %s", code)
		default:
			t.Errorf("the late writer is told %v; want that it is too late, or that nothing is known", err)
		}
	}
}

// agree looks at everything through the member that was cut off.
func (x *cut) agree(t *testing.T, first clustertest.Hold) {
	t.Helper()
	ctx := t.Context()
	if f, err := x.inside.Fence(ctx, x.name+"fence"); err != nil || f.Highest != x.next.Token {
		t.Errorf("the fence has seen %d, %v; want %d", f.Highest, err, x.next.Token)
	}
	for what, token := range map[string]int64{"stays": x.next.Token, "moves": x.moves.Token, "new": first.Token} {
		q, err := x.inside.Queue(ctx, x.name+what)
		if err != nil || q.Contenders != 1 || q.Holder == nil || q.Holder.Token != token {
			t.Errorf("%s: %+v, %v; want it held by token %d alone", what, q, err, token)
		}
	}
	if q, err := x.inside.Queue(ctx, x.name+"vain"); err != nil || q.Contenders > 1 {
		t.Errorf("what was asked in vain: %+v, %v; want it applied once at most", q, err)
	}
	if h, err := x.inside.Acquire(ctx, x.name+"after", clustertest.Acquire{TTL: cutTTL}); err != nil || h.Token <= x.next.Token {
		t.Errorf("a lock taken after the cut: token %d, %v; want one above %d", h.Token, err, x.next.Token)
	}
}
