//go:build linux

package clients

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// An ask says what one of ours asks for under a name. The zero ask is for the mutex.
type ask struct {
	mode    string        // of a read-write lock: read or write
	also    []string      // other locks, to be taken together with it
	permits int           // of a semaphore
	limit   int           // of that
	value   string        // of a candidate in an election
	compat  string        // as every door calls it
	delay   time.Duration // that the lock rests when its holder's session has expired
	ttl     time.Duration // of the session; 0: longer than a test takes
	owner   string
	try     bool // do not wait
}

// held is what one of ours holds, with a session of its own.
type held struct {
	name    string
	token   int64
	release func(ctx context.Context) error

	// What not every door has, and not for everything: nil elsewhere.
	downgrade func(ctx context.Context) error                  // of a writer
	handOver  func(ctx context.Context, candidate int64) error // of a leader
	kill      func()                                           // the holder, with an ask's ttl
}

// A door is a way in for ours. Its methods wait, and end with ctx at the latest.
type door interface {
	fmt.Stringer // for messages

	// take takes what is asked for. The error is errTaken where it is not to wait and would have to.
	take(ctx context.Context, name string, a ask) (*held, error)
	// force takes a lock from its holder.
	force(ctx context.Context, name string) error
	// leader returns what the leader of an election says.
	leader(ctx context.Context, name string) (string, error)

	// A barrier is closed, opened, and waited for until it is open.
	closeBarrier(ctx context.Context, name string) error
	openBarrier(ctx context.Context, name string) error
	waitBarrier(ctx context.Context, name string) error
}

// A programDoor is a door that programs use, and that can do more than the command line.
type programDoor interface {
	door

	// enter enters a double barrier. Whoever is inside leaves by what it returns.
	enter(ctx context.Context, name string, count int) (leave func(ctx context.Context) error, err error)
	// put writes data while token holds lock; without a lock, in any case. The error is errNotHolder
	// where it does not hold it.
	put(ctx context.Context, path, data, lock string, token int64) error
}

var (
	errTaken     = errors.New("somebody else has it")
	errNotHolder = errors.New("the token does not hold the lock")
)

// ours are our doors to a cluster, which the steps of a test take in turn.
type ours struct {
	rest *clustertest.Client // to look at queues with

	mu    sync.Mutex
	doors []door
	next  int
	used  map[string]bool
}

// newOurs returns our doors to a cluster, for a test that has Curator and kazoo meet them. It fails
// unless its steps use them all.
func newOurs(t *testing.T, cluster *clustertest.Cluster, doors ...func(*testing.T, *clustertest.Cluster) door) *ours {
	t.Helper()
	needCurator(t)
	needKazoo(t)
	o := &ours{rest: cluster.Client(clustertest.ClientOptions{}), used: map[string]bool{}}
	for _, by := range doors {
		o.doors = append(o.doors, by(t, cluster))
	}
	t.Cleanup(func() {
		if len(o.used) < len(o.doors) && !t.Failed() {
			t.Errorf("steps have come by %v; want all of %v", o.used, o.doors)
		}
	})
	return o
}

// allDoors returns the doors of what every door has.
func allDoors(t *testing.T, cluster *clustertest.Cluster) *ours {
	t.Helper()
	return newOurs(t, cluster, byREST, bySDK, byCLI)
}

// door returns the door whose turn it is.
func (o *ours) door() door { return o.turn(func(door) bool { return true }) }

// program returns the door for programs whose turn it is.
func (o *ours) program() programDoor {
	d, _ := o.turn(func(d door) bool { _, ok := d.(programDoor); return ok }).(programDoor)
	return d
}

func (o *ours) turn(fits func(door) bool) door {
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		d := o.doors[o.next%len(o.doors)]
		o.next++
		if fits(d) {
			o.used[d.String()] = true
			return d
		}
	}
}

// holds has one of ours take something, and fails the test unless it gets it.
func (o *ours) holds(ctx context.Context, t *testing.T, name string, a ask) *held {
	t.Helper()
	return o.asks(ctx, t, name, a).holds(t)
}

// An asking is one of ours that asks for something.
type asking struct {
	door door
	got  chan struct{} // closed with the answer
	held *held
	err  error
}

// asks has one of ours ask for something, and does not wait for the answer.
func (o *ours) asks(ctx context.Context, t *testing.T, name string, a ask) *asking {
	t.Helper()
	return begin(ctx, t, o.door(), name, a)
}

func begin(ctx context.Context, t *testing.T, d door, name string, a ask) *asking {
	t.Helper()
	k := &asking{door: d, got: make(chan struct{})}
	ctx, cancel := context.WithCancel(ctx)
	go func() { // waited for by the clean-up
		k.held, k.err = d.take(ctx, name, a)
		close(k.got)
	}()
	t.Cleanup(func() {
		cancel()
		<-k.got
	})
	return k
}

// holds waits until it holds what it has asked for.
func (k *asking) holds(t *testing.T) *held {
	t.Helper()
	select {
	case <-k.got:
	case <-time.After(2 * patience):
		t.Fatalf("by %v: no answer", k.door)
	}
	if k.err != nil {
		t.Fatalf("by %v: %v", k.door, k.err)
	}
	return k.held
}

// waits fails the test if it has its answer.
func (k *asking) waits(t *testing.T) {
	t.Helper()
	select {
	case <-k.got:
		t.Fatalf("by %v, where it has to wait: %+v, %v", k.door, k.held, k.err)
	default:
	}
}

// tried fails the test unless a try of ours comes to what it should.
func (o *ours) tried(ctx context.Context, t *testing.T, what, name string, a ask, free bool) {
	t.Helper()
	a.try = true
	d := o.door()
	h, err := d.take(ctx, name, a)
	switch {
	case free && err != nil:
		t.Errorf("%s, by %v: %v", what, d, err)
	case !free && !errors.Is(err, errTaken):
		t.Errorf("%s, by %v: %v; want it refused", what, d, err)
	}
	if err == nil {
		released(ctx, t, h)
	}
}

// released gives back what ours hold.
func released(ctx context.Context, t *testing.T, list ...*held) {
	t.Helper()
	for _, h := range list {
		if err := h.release(ctx); err != nil {
			t.Fatalf("release %q: %v", h.name, err)
		}
	}
}

// queue waits until so many stand at a lock, holding or waiting.
func (o *ours) queue(ctx context.Context, t *testing.T, name string, contenders int) (q clustertest.Queue) {
	t.Helper()
	clustertest.Eventually(t, patience, fmt.Sprintf("%d contenders at %s", contenders, name), func() bool {
		var err error
		q, err = o.rest.Queue(ctx, name)
		return err == nil && q.Contenders == contenders
	})
	return q
}

// names are those of all that is asked for under a name.
func (a *ask) names(name string) []string {
	return slices.Sorted(slices.Values(append([]string{name}, a.also...)))
}
