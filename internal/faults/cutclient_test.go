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
	"github.com/lockkeeper/lockkeeper/sdk"
)

// TestCutClient cuts a client off from all three members by the network. For less than its TTL,
// it shows that nobody notices: the hold goes on, and what is asked meanwhile is answered later.
// For longer, it shows that the client's hold ends before anybody else's begins, that this is in
// time, and that the client, back again, is refused by the fence and begins anew.
func TestCutClient(t *testing.T) {
	beside(t, waits)
	network := clustertest.NewNetwork(t, 4)
	c := clustertest.Start(t, 3, clustertest.Options{Network: network})
	space := network.Members[3]
	for _, cut := range []struct {
		name string
		time time.Duration
	}{
		{"for a moment", 2 * time.Second},
		{"until its stream is given up", 6500 * time.Millisecond},
	} {
		t.Run(cut.name, func(t *testing.T) {
			newCutClient(t, c, network, space, 12*time.Second).cutBriefly(t, cut.time)
		})
	}
	t.Run("for longer than its TTL", func(t *testing.T) {
		newCutClient(t, c, network, space, 3*time.Second).cutForLong(t)
	})
}

// cutBriefly cuts the client off for less than its TTL.
func (x *cutClient) cutBriefly(t *testing.T, cut time.Duration) {
	renewed := x.hold.Deadline()
	meanwhile := make(chan error, 1)
	x.network.Cut(t, x.space)
	go func() { // ends with the context of the test
		meanwhile <- x.client.Do(t.Context(), t.Name()+"/other", func(context.Context, sdk.Token) error { return nil })
	}()
	clustertest.Pass(t, cut)
	select {
	case err := <-meanwhile:
		t.Errorf("what nobody could hear is answered: %v", err)
		meanwhile <- nil
	default:
	}
	x.network.Heal(t, x.space)
	clustertest.Eventually(t, clustertest.Patience, "the hold is renewed", func() bool {
		if err := x.hold.Err(); err != nil {
			t.Fatal(err)
		}
		return x.hold.Deadline().After(renewed.Add(cut)) && x.hold.State() == sdk.Held
	})
	if err := <-meanwhile; err != nil {
		t.Errorf("what was asked meanwhile: %v", err)
	}
	select {
	case g := <-x.granted:
		t.Fatalf("the lock has passed on: %+v", g)
	default:
	}
	if err := x.hold.Unlock(t.Context()); err != nil {
		t.Error(err)
	}
	x.passedOn(t)
	t.Logf("the hold was %v", x.told())
}

// cutForLong cuts the client off until its lock has passed on.
func (x *cutClient) cutForLong(t *testing.T) {
	epoch := epochOf(t, x.cluster)
	x.network.Cut(t, x.space)
	begun := time.Now()
	g := x.passedOn(t)
	took := g.at.Sub(begun)
	t.Logf("the hold ended %v after the cut, and that of the next began after %v (TTL %v); the first was %v",
		x.ended(t).Sub(begun), took, x.ttl, x.told())
	if g.overlaps {
		t.Error("the next holder had the lock while the first believed to hold it")
	}
	if took > x.ttl+overtime && epochOf(t, x.cluster) == epoch { // a takeover begins to count anew
		t.Errorf("the lock passed on %v after the cut; want at most %v", took, x.ttl+overtime)
	}
	fence := t.Name() + "/fence"
	if err := x.outside.Fence(fence).Check(t.Context(), g.hold.Token()); err != nil {
		t.Fatal(err)
	}
	x.network.Heal(t, x.space)
	if err := x.client.Fence(fence).Check(t.Context(), x.hold.Token()); !errors.Is(err, sdk.ErrStaleToken) {
		t.Errorf("the fence says %v to the token of a hold that is lost; want that it is stale", err)
	}
	if err := x.hold.Unlock(t.Context()); !errors.Is(err, sdk.ErrLost) {
		t.Errorf("Unlock = %v; want that the lock is lost", err)
	}
	if err := g.hold.Unlock(t.Context()); err != nil {
		t.Error(err)
	}
	again, err := x.client.Mutex(x.hold.Name()).Lock(t.Context())
	if err != nil || again.Token() <= g.hold.Token() {
		t.Errorf("the client that was cut off locks again: %+v, %v; want a token above %d", again, err, g.hold.Token())
	}
}

// epochOf returns how often leadership has been taken over.
func epochOf(t *testing.T, c *clustertest.Cluster) int64 {
	t.Helper()
	s, err := c.Status(t.Context(), c.WaitLeader(t))
	if err != nil {
		t.Fatal(err)
	}
	return s.Epoch
}

// A cutClient is a client that can be cut off, with a lock, and one that waits for that outside.
type cutClient struct {
	cluster *clustertest.Cluster
	network *clustertest.Network
	space   *clustertest.Namespace // where the client is
	ttl     time.Duration

	client, outside *sdk.Client
	hold            *sdk.Hold
	granted         chan turn // to the one outside
	over            chan time.Time

	mu     sync.Mutex
	states []sdk.State // of the hold
}

// A turn is the next hold of the lock.
type turn struct {
	hold     *sdk.Hold
	at       time.Time
	overlaps bool // the one before was still held, as far as its client knew
	err      error
}

// newCutClient makes a client in space that holds a lock for ttl, for which another one waits.
func newCutClient(t *testing.T, c *clustertest.Cluster, network *clustertest.Network, space *clustertest.Namespace, ttl time.Duration) *cutClient {
	t.Helper()
	x := &cutClient{
		cluster: c, network: network, space: space, ttl: ttl,
		granted: make(chan turn, 1), over: make(chan time.Time, 1),
	}
	from := func(ns *clustertest.Namespace) sdk.Option {
		transport := &http.Transport{DialContext: ns.Dial, MaxIdleConns: 1}
		t.Cleanup(transport.CloseIdleConnections)
		return sdk.WithHTTPClient(&http.Client{Transport: transport})
	}
	x.client = dial(t, c.Endpoints(), from(space), sdk.WithTTL(ttl))
	x.outside = dial(t, c.Endpoints(), from(network.Hub))
	ctx, cancel := context.WithTimeout(t.Context(), clustertest.Patience)
	defer cancel()
	var err error
	if x.hold, err = x.client.Mutex(t.Name(), sdk.OnState(x.state)).Lock(ctx); err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the hold, which the client's close ends
		<-x.hold.Context().Done()
		x.over <- time.Now()
	}()
	go func() { // ends with the wait, which the end of the test ends
		h, err := x.outside.Mutex(t.Name()).Lock(t.Context())
		x.granted <- turn{hold: h, at: time.Now(), overlaps: x.hold.Err() == nil, err: err}
	}()
	clustertest.Eventually(t, clustertest.Patience, "the other one stands in the queue", func() bool {
		q, err := x.outside.Queue(ctx, t.Name())
		return err == nil && q.Total == 2
	})
	return x
}

func (x *cutClient) state(_ *sdk.Hold, s sdk.State) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.states = append(x.states, s)
}

// told returns the states that the client has told of its hold.
func (x *cutClient) told() []sdk.State {
	x.mu.Lock()
	defer x.mu.Unlock()
	return append([]sdk.State(nil), x.states...)
}

// passedOn waits until the other one holds the lock.
func (x *cutClient) passedOn(t *testing.T) turn {
	t.Helper()
	select {
	case g := <-x.granted:
		if g.err != nil {
			t.Fatal(g.err)
		}
		if g.hold.Token() <= x.hold.Token() {
			t.Errorf("token %d was given after %d", g.hold.Token(), x.hold.Token())
		}
		return g
	case <-time.After(clustertest.Patience):
		t.Fatal("the lock does not pass on")
		return turn{}
	}
}

// ended waits until the context of the client's hold has ended, and returns when.
func (x *cutClient) ended(t *testing.T) time.Time {
	t.Helper()
	select {
	case at := <-x.over:
		return at
	case <-time.After(clustertest.Patience):
		t.Fatal("the hold does not end")
		return time.Time{}
	}
}
