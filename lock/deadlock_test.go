package lock_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/znode"
)

// TestOneOfARing closes rings of two and three at once, each party at a member of its own: exactly
// one is refused, and when it lets go everybody gets on.
func TestOneOfARing(t *testing.T) {
	members := membertest.Start(t, 3)
	for round := range 12 {
		n := 2 + round%2
		name := func(i int) string { return fmt.Sprintf("ring/%d/%d", round, i%n) }
		sessions := make([]lease.ID, n)
		holds := make([]lock.Hold, n)
		for i := range n {
			sessions[i] = session(t, members[i])
			holds[i] = acquire(t, members[i], lock.Request{Name: name(i), Session: sessions[i], Owner: "o"})
		}
		answers := make([]error, n)
		var wg sync.WaitGroup
		for i := range n {
			m := members[i]
			wg.Go(func() {
				h, err := m.Locks.Acquire(patient(t), lock.Request{Name: name(i + 1), Session: sessions[i], Owner: "o"}, forever)
				answers[i] = err
				if err == nil {
					release(t, m, lock.Release{Name: h.Name, Session: sessions[i], Token: h.Token})
				}
				release(t, m, lock.Release{Name: name(i), Session: sessions[i], Token: holds[i].Token})
			})
		}
		wg.Wait()
		refused := 0
		for i, err := range answers {
			e, ok := errors.AsType[*lock.DeadlockError](err)
			switch {
			case err == nil:
			case !ok || !errors.Is(err, lock.ErrDeadlock) || e.Name != name(i+1) || len(e.Cycle) != n:
				t.Errorf("round %d: party %d: %v", round, i, err)
			default:
				refused++
				for k, link := range e.Cycle {
					party := (i + k) % n
					if link.Session != sessions[party] || link.Owner != "o" || link.Holds.Name != name(party) || link.Holds.Token != holds[party].Token ||
						link.Holds.State != lock.Held || link.Holds.Since.IsZero() || link.Waits.Name != name(party+1) || link.Waits.State != lock.Waiting || link.Waits.Since.IsZero() {
						t.Errorf("round %d: link %d is %+v", round, k, link)
					}
				}
			}
		}
		if refused != 1 {
			t.Errorf("round %d: %d of %d are refused: %v", round, refused, n, answers)
		}
	}
}

// TestDeadlockModes: who says report waits on, and is told of; a member that is off looks at
// nothing; a cycle is listed whatever the mode.
func TestDeadlockModes(t *testing.T) {
	for _, tt := range []struct {
		member, request lock.DeadlockMode
		refused, told   bool
	}{
		{"", "", true, true},
		{lock.DeadlockReport, "", false, true},
		{lock.DeadlockReport, lock.DeadlockRefuse, true, true},
		{lock.DeadlockRefuse, lock.DeadlockReport, false, true},
		{lock.DeadlockOff, lock.DeadlockRefuse, false, false},
	} {
		t.Run(fmt.Sprintf("%s %s", tt.member, tt.request), func(t *testing.T) {
			m := membertest.One(t, func(c *membertest.Config) {
				c.Lock.Deadlocks, c.Lock.DeadlockReport = tt.member, 20*time.Millisecond
			})
			events, err := m.Locks.Subscribe("", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer events.Close()
			a, b := session(t, m), session(t, m)
			x := acquire(t, m, lock.Request{Name: "x", Session: a})
			acquire(t, m, lock.Request{Name: "y", Session: b})
			wait := make(chan error, 2)
			go func() {
				_, err := m.Locks.Acquire(patient(t), lock.Request{Name: "y", Session: a, Deadlock: tt.request}, forever)
				wait <- err
			}()
			length(t, m, "y", 2)
			go func() {
				_, err := m.Locks.Acquire(patient(t), lock.Request{Name: "x", Session: b, Deadlock: tt.request}, forever)
				wait <- err
			}()
			if !tt.refused {
				quorumtest.Eventually(t, "the cycle is listed", func() bool {
					d, err := m.Locks.Deadlocks(patient(t), 10, lock.Read{Linearizable: true})
					return err == nil && d.Total == 1 && len(d.Cycles) == 1 && d.Cycles[0].Actors == 2 && len(d.Cycles[0].Links) == 2 && !d.Cycles[0].Since.IsZero() && d.Limit == 0
				})
			}
			for tt.told {
				e, err := events.Next(patient(t))
				if err != nil {
					t.Fatal(err)
				}
				if e.Kind != lock.EventDeadlock {
					continue
				}
				if want := map[bool]string{true: "refused", false: "reported"}[tt.refused]; e.Cause != want || e.Reason == "" || tt.refused && e.Name != "x" {
					t.Errorf("event %+v", e)
				}
				break
			}
			if tt.refused {
				is(t, "the one that closes it", <-wait, lock.ErrDeadlock)
				length(t, m, "x", 1)
			}
			release(t, m, lock.Release{Name: "x", Session: a, Token: x.Token})
			if !tt.refused {
				if err := <-wait; err != nil {
					t.Errorf("the other, when one lets go: %v", err)
				}
			}
			for _, id := range []lease.ID{a, b} {
				if _, err := m.Sessions.Close(patient(t), id, lease.Session{}.Owner); err != nil {
					t.Error(err)
				}
			}
			<-wait
		})
	}
}

// TestForeignerCloses: a cycle that a client of ZooKeeper closes by its wait is reported where one of
// ours waits in it; one that it closes by a number ahead of ours, whose wait is then the newest, is
// refused to ours.
func TestForeignerCloses(t *testing.T) {
	t.Parallel()
	m := membertest.One(t, func(c *membertest.Config) { c.Lock.DeadlockReport = 20 * time.Millisecond })
	for _, how := range []string{"wait", "number"} {
		t.Run(how, func(t *testing.T) {
			x, y := how+"/x", how+"/y"
			ours, theirs, third := session(t, m), session(t, m), session(t, m)
			stand := func(id lease.ID, path string, sequential bool) {
				t.Helper()
				op := znode.Op{Kind: znode.OpCreate, Path: "/" + path, ACL: znode.OpenACL, Node: znode.Ephemeral, Sequential: sequential, Parents: true}
				if out, err := m.Store.Do(patient(t), &znode.Request{Session: id, Ops: []znode.Op{op}}); err != nil || out.Code != znode.OK {
					t.Fatalf("create %s: %v, %v", path, out.Code, err)
				}
			}
			events, err := m.Locks.Subscribe("", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer events.Close()
			acquire(t, m, lock.Request{Name: x, Session: ours})
			if how == "wait" {
				stand(theirs, y+"/x-lock-", true)
			} else {
				stand(third, y+"/x-lock-0000000000", false)
				if _, err := m.Locks.Leave(patient(t), enqueue(t, m, lock.Request{Name: y}).Ticket); err != nil {
					t.Fatal(err)
				}
				stand(theirs, x+"/x-lock-", true)
			}
			ctx, cancel := context.WithCancel(patient(t))
			defer cancel()
			waits := make(chan error, 1)
			go func() {
				_, err := m.Locks.Acquire(ctx, lock.Request{Name: y, Session: ours, Deadlock: lock.DeadlockRefuse}, forever)
				waits <- err
			}()
			length(t, m, y, 2)
			if how == "wait" {
				stand(theirs, x+"/x-lock-", true)
			} else {
				stand(theirs, y+"/x-lock-0000000001", false)
			}
			for {
				e, err := events.Next(patient(t))
				if err != nil {
					t.Fatal(err)
				}
				if e.Kind != lock.EventDeadlock {
					continue
				}
				if want := map[string]string{"wait": "reported", "number": "refused"}[how]; e.Cause != want || e.Name != y || e.Session != ours {
					t.Errorf("event %+v; want it %s", e, want)
				}
				break
			}
			if how == "number" {
				is(t, "our wait", <-waits, lock.ErrDeadlock)
				return
			}
			if d, err := m.Locks.Deadlocks(patient(t), 10, lock.Read{Linearizable: true}); err != nil || d.Total != 1 {
				t.Errorf("listed: %+v, %v", d, err)
			}
			cancel()
			is(t, "our wait", <-waits, context.Canceled)
		})
	}
}

// TestPermitsCloseNoCycle: whoever stands behind others for permits may get them though those wait
// for a lock of its own. So of all who wait here only the two at locks are told of.
func TestPermitsCloseNoCycle(t *testing.T) {
	t.Parallel()
	m := membertest.One(t, func(c *membertest.Config) {
		c.Lock.Deadlocks, c.Lock.DeadlockReport = lock.DeadlockReport, 20*time.Millisecond
	})
	events, err := m.Locks.Subscribe("", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	a, b, c := session(t, m), session(t, m), session(t, m)
	all := take(t, m, permits("pool", c, 4))
	wait := make(chan error, 4)
	acquire := func(name string, s lease.ID) {
		_, err := m.Locks.Acquire(patient(t), lock.Request{Name: name, Session: s}, forever)
		wait <- err
	}
	acquire("x", a)
	queueUp(t, m, permits("pool", b, 1))
	go acquire("x", b)
	length(t, m, "x", 2)
	go func() {
		_, err := m.Locks.AcquirePermits(patient(t), permits("pool", a, 1), forever)
		wait <- err
	}()
	waits(t, m, "pool", 2)

	d, e := session(t, m), session(t, m)
	acquire("y", d)
	acquire("z", e)
	for range 3 {
		is(t, "a free lock", <-wait, nil)
	}
	go acquire("z", d)
	length(t, m, "z", 2)
	go acquire("y", e)
	for told := false; !told; {
		e, err := events.Next(patient(t))
		if err != nil {
			t.Fatal(err)
		}
		if told = e.Kind == lock.EventDeadlock; told && e.Name != "y" && e.Name != "z" {
			t.Errorf("event %+v", e)
		}
	}
	if _, err := m.Locks.ReleasePermits(patient(t), lock.Release{Name: "pool", Session: c, Token: all.Token}); err != nil {
		t.Fatal(err)
	}
	is(t, "the permits", <-wait, nil)
	release(t, m, lock.Release{Name: "x", Session: a})
	release(t, m, lock.Release{Name: "y", Session: d})
	is(t, "one wait", <-wait, nil)
	is(t, "another wait", <-wait, nil)
	release(t, m, lock.Release{Name: "z", Session: e})
	is(t, "the last wait", <-wait, nil)
}

// TestNoDeadlock: waits in one order, owners of one session, and what was given up close no cycle.
func TestNoDeadlock(t *testing.T) {
	t.Parallel()
	m := membertest.One(t, func(c *membertest.Config) { c.Lock.DeadlockReport = 20 * time.Millisecond })
	a, b := session(t, m), session(t, m)
	acquire(t, m, lock.Request{Name: "x", Session: a, Owner: "one"})
	y := acquire(t, m, lock.Request{Name: "y", Session: b, Owner: "two"})
	enqueue(t, m, lock.Request{Name: "x", Session: b, Owner: "two"})
	// Of the same session, but another owner.
	h := enqueue(t, m, lock.Request{Name: "y", Session: a, Owner: "three"})
	if d, err := m.Locks.Deadlocks(patient(t), 10, lock.Read{}); err != nil || d.Total != 0 || d.Revision == 0 {
		t.Errorf("deadlocks %+v, %v", d, err)
	}
	if _, err := m.Locks.Enqueue(patient(t), lock.Request{Name: "y", Session: a, Owner: "one"}); !errors.Is(err, lock.ErrDeadlock) {
		t.Errorf("the ticket that closes a cycle: %v", err)
	}
	length(t, m, "y", 2)
	if _, err := m.Locks.Acquire(patient(t), lock.Request{Name: "y", Session: a, Owner: "one"}, 0); !errors.Is(err, lock.ErrHeld) {
		t.Errorf("a try does not wait: %v", err)
	}
	if _, err := m.Locks.Acquire(patient(t), lock.Request{Name: "x", Session: a, Owner: "one"}, forever); !errors.Is(err, lock.ErrDeadlock) {
		t.Errorf("a wait for oneself: %v", err)
	}
	release(t, m, lock.Release{Name: "y", Session: b, Token: y.Token})
	if again, err := m.Locks.Await(patient(t), h.Ticket, forever); err != nil || again.State != lock.Held {
		t.Errorf("the other owner's ticket: %+v, %v", again, err)
	}
	// Readers share: only what is exclusive is waited for.
	acquire(t, m, lock.Request{Name: "r", Session: a, Mode: lock.ModeRead})
	if h := enqueue(t, m, lock.Request{Name: "r", Session: b, Mode: lock.ModeRead}); h.State != lock.Held {
		t.Errorf("a second reader: %+v", h)
	}
	if _, err := m.Locks.Acquire(patient(t), lock.Request{Name: "r", Session: a, Mode: lock.ModeWrite}, forever); !errors.Is(err, lock.ErrDeadlock) {
		t.Errorf("a reader that would write waits for itself: %v", err)
	}
}

// TestSearchIsBounded: beyond its limit a search claims nothing, and says so; a list goes further, up
// to a limit of its own.
func TestSearchIsBounded(t *testing.T) {
	t.Parallel()
	m := membertest.One(t, func(c *membertest.Config) { c.Lock.DeadlockSearch = 4 })
	r := prometheus.NewPedanticRegistry()
	m.Locks.Register(r)
	a, b := session(t, m), session(t, m)
	acquire(t, m, lock.Request{Name: "x", Session: a})
	for range 6 {
		enqueue(t, m, lock.Request{Name: "y"})
	}
	enqueue(t, m, lock.Request{Name: "y", Session: b})
	enqueue(t, m, lock.Request{Name: "x", Session: b})
	h := enqueue(t, m, lock.Request{Name: "y", Session: a, Deadlock: lock.DeadlockRefuse})
	if h.State != lock.Waiting {
		t.Errorf("a search that was cut: %+v", h)
	}
	const counted = `# HELP lockkeeper_lock_deadlocks_total Cycles of waits that this member has refused or reported, and searches that ended at the limit: unknown.
# TYPE lockkeeper_lock_deadlocks_total counter
lockkeeper_lock_deadlocks_total{action="refused"} 0
lockkeeper_lock_deadlocks_total{action="reported"} 0
lockkeeper_lock_deadlocks_total{action="unknown"} 1
`
	if err := testutil.GatherAndCompare(r, strings.NewReader(counted), "lockkeeper_lock_deadlocks_total"); err != nil {
		t.Error(err)
	}
	chain, err := m.Locks.Blockers(patient(t), "y", 0, h.Ticket, lock.Read{})
	if err != nil || len(chain.Links) == 0 || chain.Limit != 0 {
		t.Errorf("the chain of a ticket that stands far back: %+v, %v; want all of it", chain, err)
	}
	if chain, err = m.Locks.Blockers(patient(t), "y", b, "", lock.Read{}); err != nil || chain.Limit != 4 {
		t.Errorf("a session that stands far back: %+v, %v; want the limit told", chain, err)
	}
	if d, err := m.Locks.Deadlocks(patient(t), 10, lock.Read{}); err != nil || d.Limit != 0 || d.Total != 1 {
		t.Errorf("the list: %+v, %v; want the cycle", d, err)
	}
	for range 70 {
		enqueue(t, m, lock.Request{Name: "y"})
	}
	if d, err := m.Locks.Deadlocks(patient(t), 10, lock.Read{}); err != nil || d.Limit != 16*4 {
		t.Errorf("the list of many waits: %+v, %v; want its limit", d, err)
	}
}

// TestChains tells who blocks whom, through other locks, to its end and round a cycle.
func TestChains(t *testing.T) {
	t.Parallel()
	m := membertest.One(t, func(c *membertest.Config) { c.Lock.Deadlocks = lock.DeadlockReport })
	a, b, c := session(t, m), session(t, m), session(t, m)
	acquire(t, m, lock.Request{Name: "y", Session: a, Owner: "ann"})
	acquire(t, m, lock.Request{Name: "x", Session: b, Owner: "bob"})
	enqueue(t, m, lock.Request{Name: "y", Session: b, Owner: "bob"})
	ticket := enqueue(t, m, lock.Request{Name: "x", Session: c, Owner: "cid"}).Ticket
	chain := func(name string, id lease.ID, ticket string) string {
		t.Helper()
		c, err := m.Locks.Blockers(patient(t), name, id, ticket, lock.Read{Linearizable: true})
		if err != nil {
			t.Fatal(err)
		}
		text := ""
		for _, k := range c.Links {
			text += fmt.Sprintf("[%s holds %s waits %s]", k.Owner, k.Holds.Name, k.Waits.Name)
		}
		if c.Cycle {
			text += " round"
		}
		return text
	}
	for _, tt := range []struct {
		name   string
		id     lease.ID
		ticket string
		want   string
	}{
		{"x", c, "", "[cid holds  waits x][bob holds x waits y][ann holds y waits ]"},
		{"x", 0, ticket, "[cid holds  waits x][bob holds x waits y][ann holds y waits ]"},
		{"x", 0, "", "[bob holds x waits y][ann holds y waits ]"},
		{"y", c, "", "[ann holds y waits ]"}, // it does not wait there
		{"free", c, "", ""},
	} {
		if got := chain(tt.name, tt.id, tt.ticket); got != tt.want {
			t.Errorf("Blockers(%q, %v, %q) = %s; want %s", tt.name, tt.id, tt.ticket, got, tt.want)
		}
	}
	enqueue(t, m, lock.Request{Name: "x", Session: a, Owner: "ann"})
	if got, want := chain("x", c, ""), "[cid holds  waits x][bob holds x waits y][ann holds y waits x][bob holds x waits ] round"; got != want {
		t.Errorf("round: %s; want %s", got, want)
	}
	if _, err := m.Locks.Blockers(patient(t), "y", 0, ticket, lock.Read{}); !errors.As(err, new(*lease.InputError)) {
		t.Errorf("a ticket of another lock: %v", err)
	}
	if _, err := m.Locks.Leave(patient(t), ticket); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Locks.Blockers(patient(t), "x", 0, ticket, lock.Read{}); !errors.Is(err, lock.ErrNoTicket) {
		t.Errorf("a ticket that is gone: %v", err)
	}
}

// TestExpectedWait: nothing is said before a lock was ever held, and then what its holds let expect.
func TestExpectedWait(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	h := acquire(t, m, lock.Request{Name: "x"})
	first := enqueue(t, m, lock.Request{Name: "x"})
	if first.ExpectedWait != 0 || first.Position != 1 {
		t.Errorf("without any history: %+v", first)
	}
	release(t, m, lock.Release{Name: "x", Session: h.Session, Token: h.Token})
	second := enqueue(t, m, lock.Request{Name: "x"})
	third := enqueue(t, m, lock.Request{Name: "x"})
	if second.ExpectedWait <= 0 || third.ExpectedWait < second.ExpectedWait || third.Position != 2 {
		t.Errorf("expected waits %v and %v", second.ExpectedWait, third.ExpectedWait)
	}
	q := queue(t, m, "x")
	for i, c := range q.Contenders {
		if (c.ExpectedWait > 0) != (i > 0) || c.Position != i {
			t.Errorf("contender %d expects %v behind %d", i, c.ExpectedWait, c.Position)
		}
	}
	if d := m.Locks.ExpectedWait(third.Ticket); d != q.Contenders[2].ExpectedWait {
		t.Errorf("ExpectedWait = %v; want %v", d, q.Contenders[2].ExpectedWait)
	}
	_, err := m.Locks.Acquire(patient(t), lock.Request{Name: "x"}, 0)
	if e, ok := errors.AsType[*lock.HeldError](err); !ok || e.ExpectedWait < q.Contenders[2].ExpectedWait {
		t.Errorf("a try: %v", err)
	}
}
