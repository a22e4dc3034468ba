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
)

// TestLeaderKills kills the leader of three members ten times, while eight clients take and give
// up four locks. It shows that no lock ever has two holders, that tokens grow, that no acquire
// is applied twice, that all this is a history of such locks, and that the members that stay up hold requests over the change of leader
// instead of refusing them.
func TestLeaderKills(t *testing.T) {
	beside(t, works)
	const (
		kills   = 10
		clients = 8
		apart   = 2 * time.Second // from all being well to the next kill: with the rest, some 4 s
		ttl     = 10 * time.Second
	)
	c := clustertest.Start(t, 3, clustertest.Options{})
	ledgers := make([]*ledger, 4)
	for i := range ledgers {
		ledgers[i] = newLedger(fmt.Sprintf("kills/%d", i))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stop := make(chan struct{})
	workers := make([]*worker, clients)
	var wg sync.WaitGroup
	for i := range workers {
		endpoints := c.Endpoints()
		w := &worker{
			client:  c.Client(clustertest.ClientOptions{Endpoints: append(endpoints[i%3:], endpoints[:i%3]...)}),
			ledgers: ledgers, first: i, ttl: ttl, done: make(chan struct{}),
		}
		workers[i] = w
		wg.Go(func() { w.run(ctx, stop) })
	}

	var slowest time.Duration
	for i := range kills {
		clustertest.Pass(t, apart)
		leader := c.WaitLeader(t)
		t.Logf("kill %d: %s leads", i+1, leader.Name)
		leader.Kill(t)
		killed := time.Now()
		c.WaitLeader(t)
		slowest = max(slowest, time.Since(killed))
		leader.Restart(t)
		c.WaitReady(t, leader)
	}
	clustertest.Pass(t, apart)
	close(stop)
	if !clustertest.Poll(contextWithin(t, clustertest.Patience), func() bool { return allDone(workers) }) {
		t.Error("the clients do not come to an end")
		cancel()
	}
	wg.Wait()

	reader := c.Client(clustertest.ClientOptions{})
	defer reader.Close()
	var longest, between time.Duration
	var broken, answers int
	for _, w := range workers {
		for _, fault := range w.faults {
			t.Error(fault)
		}
		seen := w.client.Seen()
		longest, broken = max(longest, seen.Longest), broken+seen.Broken
		for _, n := range seen.Answers {
			answers += n
		}
		for _, f := range seen.Failed {
			if m := c.Member(f.Endpoint); m.StayedUp(f.Sent, f.Got) {
				t.Errorf("%s stayed up and answered %d %s to %s after %v", m.Name, f.Status, f.Code, f.Request, f.Got.Sub(f.Sent))
			}
		}
		w.client.Close()
	}
	var holds int64
	var histories []*history.History
	for _, l := range ledgers {
		histories = append(histories, l.history)
		l.check(t)
		holds += l.holds
		between = max(between, l.longest)
		q, err := reader.Queue(t.Context(), l.name)
		if err != nil {
			t.Fatal(err)
		}
		if q.Contenders != 0 {
			t.Errorf("all is released, and %s still has %d contenders: %+v", l.name, q.Contenders, q.All())
		}
	}
	if err := history.Check(decided, histories...); err != nil {
		t.Error(err)
	}
	t.Logf("%d holds, %d answers, %d broken attempts; longest pause of a request %v, between two grants of a lock %v; a new leader was known after %v at most",
		holds, answers, broken, longest, between, slowest)
}

// A worker takes one lock after the other, works under it and gives it up.
type worker struct {
	client  *clustertest.Client
	ledgers []*ledger
	first   int
	ttl     time.Duration
	claims  int

	faults []string
	done   chan struct{} // closed when run returns
}

func allDone(workers []*worker) bool {
	for _, w := range workers {
		select {
		case <-w.done:
		default:
			return false
		}
	}
	return true
}

// run goes on until stop is closed or ctx ends, and leaves nothing held.
func (w *worker) run(ctx context.Context, stop <-chan struct{}) {
	defer close(w.done)
	s, err := clustertest.Live(ctx, w.client, w.ttl)
	if err != nil {
		w.fault("open: %v", err)
		return
	}
	defer func() {
		if err := s.Close(ctx); err != nil {
			w.fault("close: %v", err)
		}
	}()
	for i := w.first; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		if err := w.cycle(ctx, s, w.ledgers[i%len(w.ledgers)]); err != nil {
			w.fault("%v", err)
			return
		}
	}
}

// cycle takes one lock and gives it up.
func (w *worker) cycle(ctx context.Context, s *clustertest.Session, l *ledger) error {
	w.claims++
	owner := fmt.Sprint(w.first, "-", w.claims)
	take := l.history.Take(history.Claim{Owner: owner})
	h, err := w.client.Acquire(ctx, l.name, clustertest.Acquire{Session: s.ID, Owner: owner, Wait: 20 * time.Second})
	if clustertest.Code(err) == "lock_held" {
		take.Left()
		return nil
	}
	if err != nil {
		return fmt.Errorf("acquire %s: %w", l.name, err)
	}
	take.Granted(h.Token)
	if !l.granted(s, h.Token) {
		return fmt.Errorf("session %s outlived its own deadline: %v", s.ID, s.Lost())
	}
	l.work()
	if err := once(ctx, w.client, l, s.ID); err != nil {
		w.fault("%v", err)
	}
	l.releasing(s)
	end := l.history.End(owner)
	if _, err := w.client.Release(ctx, l.name, s.ID, h.Token); err != nil {
		return fmt.Errorf("release %s: %w", l.name, err)
	}
	end.Done()
	return nil
}

// once looks at a queue, and says whether a session, which asked once, stands there more than once.
func once(ctx context.Context, client *clustertest.Client, l *ledger, session string) error {
	look := l.history.Look()
	q, err := client.Queue(ctx, l.name)
	if err != nil {
		return fmt.Errorf("queue of %s: %w", l.name, err)
	}
	var holders []history.Holder
	seen := map[string]int{}
	for _, x := range q.All() {
		if x.State == "held" {
			holders = append(holders, history.Holder{Owner: x.Owner, Token: x.Token})
		}
		if seen[x.Session]++; seen[x.Session] > 1 {
			return fmt.Errorf("%s: session %s stands in the queue %d times: an acquire was applied twice", l.name, x.Session, seen[x.Session])
		}
	}
	look.Saw(holders...)
	if seen[session] == 0 {
		return fmt.Errorf("%s: session %s holds it and is not in the queue: %+v", l.name, session, q)
	}
	return nil
}

func (w *worker) fault(format string, args ...any) {
	if len(w.faults) < 10 {
		w.faults = append(w.faults, fmt.Sprintf(format, args...))
	}
}
