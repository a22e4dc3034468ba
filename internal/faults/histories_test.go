//go:build linux

package faults

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/internal/history"
	"github.com/lockkeeper/lockkeeper/sdk"
)

// decided is how long the check of a history may take.
const decided = 30 * time.Second

// poolLimit is how many permits the semaphore of a scene has.
const poolLimit = 4

// A scene is one cluster with mutexes, a read-write lock, a semaphore and an election, and what was
// done to each of them.
type scene struct {
	c    *clustertest.Cluster
	a, b subject // mutexes
	mode subject
	pool subject
	term subject
}

// A subject is a name with its history, and the way to look at who holds it and who waits.
type subject struct {
	*history.History
	look func(ctx context.Context, c *sdk.Client, name string) ([]sdk.Contender, error)
}

func newScene(c *clustertest.Cluster) *scene {
	queue := func(ctx context.Context, c *sdk.Client, name string) ([]sdk.Contender, error) {
		q, err := c.Queue(ctx, name)
		return q.Contenders, err
	}
	view := func(ctx context.Context, c *sdk.Client, name string) ([]sdk.Contender, error) {
		v, err := c.Semaphore(name).View(ctx)
		return append(v.Holders, v.Waiters...), err
	}
	candidates := func(ctx context.Context, c *sdk.Client, name string) ([]sdk.Contender, error) {
		q, err := c.Election(name).Candidates(ctx)
		return q.Contenders, err
	}
	return &scene{
		c: c,
		a: subject{history.New("histories/a", 0), queue}, b: subject{history.New("histories/b", 0), queue},
		mode: subject{history.New("histories/modes", 0), queue},
		pool: subject{history.New("histories/pool", poolLimit), view},
		term: subject{history.New("histories/term", 0), candidates},
	}
}

func (s *scene) subjects() []subject { return []subject{s.a, s.b, s.mode, s.pool, s.term} }

// TestHistories has programs contend for mutexes, a read-write lock, a semaphore and an election, all
// at once, over three members. It kills, twice: holders and those who wait, of each kind; the process
// that leads by "lockkeeper elect"; a member that follows, and the one that leads the quorum. It shows
// that what clients saw of each name is a history of such a lock, semaphore or election; that who
// holds through all that still holds; and that the death of members costs no process the lead.
func TestHistories(t *testing.T) {
	beside(t, works)
	c := clustertest.Start(t, 3, clustertest.Options{})
	s := newScene(c)
	e := newElectorate(t, c)
	run := s.contend(t)
	kept, err := run.client.Semaphore("histories/kept", sdk.WithPermits(3)).Acquire(t.Context(), 2) // through all of it
	if err != nil {
		t.Fatal(err)
	}

	for round := range 2 {
		victims := s.sacrifice(t, run.client, round)
		before := e.waitTerm(t, 2*round)
		first := c.WaitLeader(t)
		second := c.Others(first)[round]
		if round == 1 {
			first, second = second, first
		}
		victims.kill(t)
		dead := e.killLeader(t, before)
		killed := time.Now()
		s.killMember(t, first)
		victims.buried(t)
		after := e.waitTerm(t, 2*round+1)
		t.Logf("%s, which led by %d, and holders died; after %v all of them were over, and the next term is %d", dead, before, time.Since(killed), after)
		s.killMember(t, second)
		e.lasts(t, after)
		if round == 0 { // the next round begins with another term
			e.resignLeader(t, after)
		}
		s.goesOn(t)
	}

	run.end(t)
	if state := kept.State(); state != sdk.Held {
		t.Errorf("the hold that was kept through it is %v: %v", state, kept.Err())
	}
	if err := kept.Unlock(t.Context()); err != nil {
		t.Error(err)
	}
	e.end(t)
	s.check(t, run.client)
}

// killMember kills a member, waits until there is a leader and starts it again.
func (s *scene) killMember(t *testing.T, m *clustertest.Member) {
	t.Helper()
	m.Kill(t)
	s.c.WaitLeader(t, m)
	m.Restart(t)
	s.c.WaitReady(t, m)
}

// goesOn waits until everything has been held some more.
func (s *scene) goesOn(t *testing.T) {
	t.Helper()
	const more = 10
	for _, x := range s.subjects() {
		before := x.Tally().Granted
		clustertest.Eventually(t, clustertest.Patience, x.Name()+" passes on", func() bool { return x.Tally().Granted > before+more })
	}
}

// check fails the test where nothing explains what was seen, where too little was, and where
// something is left over.
func (s *scene) check(t *testing.T, client *sdk.Client) {
	t.Helper()
	var all []*history.History
	for _, x := range s.subjects() {
		all = append(all, x.History)
		n := x.Tally()
		t.Logf("%s: %+v", x.Name(), n)
		if n.Granted < 50 || n.Looks < 50 {
			t.Errorf("%s: that shows little", x.Name())
		}
		if left, err := x.look(t.Context(), client, x.Name()); err != nil || len(left) > 0 {
			t.Errorf("%s: all is given up, and there are %+v, %v", x.Name(), left, err)
		}
	}
	if s.term.Tally().HandOvers == 0 {
		t.Error("nobody handed over")
	}
	if s.a.Tally().Unknown == 0 {
		t.Error("nobody was left without an answer")
	}
	begun := time.Now()
	if err := history.Check(decided, all...); err != nil {
		t.Error(err)
	}
	t.Logf("the check took %v", time.Since(begun))
}

// A contention is all the callers of a scene, who take turns until they are stopped.
type contention struct {
	client *sdk.Client // of one who only looks
	stop   chan struct{}
	wg     sync.WaitGroup
	errs   chan error
}

// contend starts the callers of a scene. The test ends them by end.
func (s *scene) contend(t *testing.T) *contention {
	t.Helper()
	const ttl = 15 * time.Second // long enough to outlive any change of leader
	ctx := contextWithin(t, 4*clustertest.Patience)
	run := &contention{client: dial(t, s.c.Endpoints(), sdk.WithTTL(ttl)), stop: make(chan struct{}), errs: make(chan error, 64)}
	number := 0
	add := func(what string, n int, turn func(ctx context.Context, x *caller) error) {
		for range n {
			endpoints := s.c.Endpoints()
			i := number % len(endpoints)
			number++
			x := &caller{name: fmt.Sprintf("%s%d", what, number), endpoints: append(endpoints[i:], endpoints[:i]...)}
			x.client = dial(t, x.endpoints, sdk.WithTTL(ttl))
			run.wg.Go(func() {
				if err := x.run(ctx, run.stop, turn); err != nil {
					run.errs <- fmt.Errorf("%s: %w", x.name, err)
				}
			})
		}
	}
	add("locker", 2, func(ctx context.Context, x *caller) error { return x.lockTurn(ctx, s.a) })
	add("both", 2, func(ctx context.Context, x *caller) error { return x.bothTurn(ctx, s.a, s.b) })
	add("impatient", 2, func(ctx context.Context, x *caller) error { return x.impatientTurn(ctx, s.a) })
	add("mode", 4, func(ctx context.Context, x *caller) error { return x.modeTurn(ctx, s.mode) })
	add("permits", 4, func(ctx context.Context, x *caller) error { return x.permitsTurn(ctx, s.pool) })
	add("candidate", 4, func(ctx context.Context, x *caller) error { return x.termTurn(ctx, s.term) })
	for _, y := range s.subjects() {
		add("looker", 1, func(ctx context.Context, x *caller) error {
			pass(ctx, 20*time.Millisecond)
			_, err := x.look(ctx, y)
			return err
		})
	}
	return run
}

// end stops the callers, waits for them, and fails the test for what went wrong with them.
func (r *contention) end(t *testing.T) {
	t.Helper()
	close(r.stop)
	r.wg.Wait() // their context ends when patience does
	close(r.errs)
	for err := range r.errs {
		t.Error(err)
	}
}
