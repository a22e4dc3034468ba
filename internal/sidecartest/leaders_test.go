//go:build linux

package sidecartest

import (
	"context"
	"fmt"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

const (
	election = "orders/leader"
	slack    = 2 * time.Second // of a slow machine, and of the service's own margin
)

// A scene is two sidecars that campaign in one election, three members, and a watch over both.
type scene struct {
	ttl      time.Duration
	cluster  *clustertest.Cluster
	network  *clustertest.Network
	client   *clustertest.Client
	sidecars []*sidecar
	watch    *watch
}

// A failure is what a scene shows.
type failure struct {
	what string
	show func(*scene, *testing.T)
}

// TestNeverTwoLeaders: whatever fails, at no time do two sidecars say that they lead, tokens only rise,
// and soon somebody leads again.
func TestNeverTwoLeaders(t *testing.T) {
	t.Parallel()
	play(t, shortest,
		failure{"the application is killed", (*scene).appKilled},
		failure{"the application is restarted", (*scene).appRestarted},
		failure{"the sidecar is killed", (*scene).sidecarKilled},
		failure{"the sidecar is stopped and goes on", (*scene).sidecarStopped},
		failure{"the sidecar is cut off and healed", (*scene).sidecarCut},
	)
}

// TestMembersKilled: whoever leads goes on under the same token when a member dies, whichever it is.
func TestMembersKilled(t *testing.T) {
	t.Parallel()
	play(t, steady,
		failure{"a follower is killed", func(x *scene, t *testing.T) { x.memberKilled(t, x.cluster.Others(x.cluster.WaitLeader(t))[0]) }},
		failure{"the leader of the members is killed", func(x *scene, t *testing.T) { x.memberKilled(t, x.cluster.WaitLeader(t)) }},
		failure{"the member of the stream is killed", (*scene).streamKilled},
	)
}

// play shows failures, one after the other.
func play(t *testing.T, ttl time.Duration, failures ...failure) {
	network := clustertest.NewNetwork(t, 5)
	x := &scene{ttl: ttl, network: network, cluster: clustertest.Start(t, 3, clustertest.Options{Network: network})}
	x.client = x.cluster.Client(clustertest.ClientOptions{Attempt: 5 * time.Second})
	t.Cleanup(x.client.Close)
	for i, name := range []string{"a", "b"} {
		x.sidecars = append(x.sidecars, newSidecar(t, x.cluster, network.Members[3+i], name, ttl))
	}
	x.watch = watching(t, x.sidecars...)
	for _, f := range failures {
		if !t.Run(f.what, func(t *testing.T) { f.show(x, t) }) {
			return // what comes next would start from nowhere
		}
	}
}

// ready waits until both campaign and one leads, and returns that sighting.
func (x *scene) ready(t *testing.T) sighting {
	t.Helper()
	clustertest.Eventually(t, clustertest.Patience, "both campaign", func() bool {
		q, err := x.client.Queue(t.Context(), election)
		return err == nil && q.Contenders == 2
	})
	return x.watch.leader(t, time.Now())
}

// passes waits for the next leader, who must not be by, and says for how long there was none.
func (x *scene) passes(t *testing.T, before sighting, within time.Duration) sighting {
	t.Helper()
	next, nobody := x.watch.next(t, before)
	if next.by == before.by {
		t.Errorf("%s leads again; want the other", next.by.name)
	}
	x.bound(t, nobody, within)
	return next
}

func (x *scene) bound(t *testing.T, nobody, within time.Duration) {
	t.Helper()
	t.Logf("nobody led for %v", nobody.Round(time.Millisecond))
	if nobody > within {
		t.Errorf("nobody led for %v; want at most %v", nobody, within)
	}
}

func (x *scene) appKilled(t *testing.T) {
	old := x.ready(t)
	kill(t, old.by.app)
	next := x.passes(t, old, slack)
	old.by.startApp(t)
	if again := x.ready(t); again.token != next.token {
		t.Errorf("token %d leads; want %d, that of the other", again.token, next.token)
	}
}

func (x *scene) appRestarted(t *testing.T) {
	old := x.ready(t)
	kill(t, old.by.app)
	old.by.startApp(t)
	_, nobody := x.watch.next(t, old)
	x.bound(t, nobody, slack)
}

func (x *scene) sidecarKilled(t *testing.T) {
	old := x.ready(t)
	kill(t, old.by.process)
	x.passes(t, old, x.ttl+slack)
	old.by.start(t)
}

func (x *scene) sidecarStopped(t *testing.T) {
	old := x.ready(t)
	old.by.signal(t, syscall.SIGSTOP)
	x.passes(t, old, x.ttl+slack)
	old.by.signal(t, syscall.SIGCONT) // questions wait for it: those that were sent while it stood still
	x.ready(t)
}

func (x *scene) sidecarCut(t *testing.T) {
	old := x.ready(t)
	x.network.Cut(t, old.by.space)
	x.passes(t, old, x.ttl+slack)
	ctx, cancel := context.WithTimeout(t.Context(), clustertest.Patience)
	defer cancel()
	var answer map[string]any
	if status, err := old.by.ask(ctx, http.MethodGet, "/leader", "", &answer); err != nil || status != http.StatusServiceUnavailable {
		t.Errorf("%s, which is cut off, answers %d, %v", old.by.name, status, err)
	}
	x.network.Heal(t, old.by.space)
	x.ready(t)
}

// memberKilled kills a member: whoever leads goes on.
func (x *scene) memberKilled(t *testing.T, m *clustertest.Member) {
	old, at := x.ready(t), time.Now()
	m.Kill(t)
	x.cluster.WaitLeader(t, m)
	clustertest.Pass(t, x.ttl) // by when a session that nobody has kept alive is lost
	now := x.watch.leader(t, time.Now())
	x.bound(t, x.watch.longest(at), slack)
	if now.token != old.token {
		t.Errorf("token %d leads after %d", now.token, old.token)
	}
	m.Restart(t)
	x.cluster.WaitReady(t, m)
}

// streamKilled kills the member that a sidecar's stream goes to: what a request has taken is held on.
func (x *scene) streamKilled(t *testing.T) {
	s := x.ready(t).by
	ctx, cancel := context.WithTimeout(t.Context(), clustertest.Patience)
	defer cancel()
	var hold struct{ Token int64 }
	if status, err := s.ask(ctx, http.MethodPost, "/v1/locks/orders/42/acquire", "", &hold); err != nil || status != http.StatusOK {
		t.Fatalf("acquire: %d, %v", status, err)
	}
	before := s.state(t)
	m := x.cluster.Member(before.Member)
	if m == nil {
		t.Fatalf("%s is at %q", s.name, before.Member)
	}
	// One waits for a lock at that member; it is to wait on at another.
	other, err := x.client.Acquire(ctx, "orders/43", clustertest.Acquire{TTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	waited := make(chan error, 1)
	go func() { // ends with its wait
		var got struct{ Token int64 }
		status, err := s.ask(ctx, http.MethodPost, "/v1/locks/orders/43/acquire", `{"wait":"30s"}`, &got)
		if err == nil && (status != http.StatusOK || got.Token <= other.Token) {
			err = fmt.Errorf("%d with token %d", status, got.Token)
		}
		waited <- err
	}()
	clustertest.Eventually(t, clustertest.Patience, "it waits", func() bool {
		q, err := x.client.Queue(ctx, "orders/43")
		return err == nil && q.Contenders == 2
	})
	x.memberKilled(t, m)
	now := s.state(t)
	if now.Session != before.Session || len(now.Holds) != 1 || now.Holds[0].Token != hold.Token || now.Holds[0].State != "held" {
		t.Errorf("%s says %+v; before it was %+v", s.name, now, before)
	}
	q, err := x.client.Queue(ctx, "orders/42")
	if err != nil || q.Holder == nil || q.Holder.Token != hold.Token {
		t.Errorf("orders/42 is held by %+v, %v; want token %d", q.Holder, err, hold.Token)
	}
	if _, err := x.client.Release(ctx, "orders/43", other.Session, other.Token); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err != nil {
		t.Errorf("who waited at the member that was killed: %v", err)
	}
}
