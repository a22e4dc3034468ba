package httpapi

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/znode"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, quorumtest.IgnoreEtcd()...) }

var (
	noon     = time.Date(2026, 3, 4, 12, 0, 0, 500, time.UTC)
	session7 = lease.Session{
		ID: 7, TTL: 15 * time.Second, Labels: map[string]string{"host": "a1"}, Opened: noon,
		Owner: znode.Owner{Member: 0xabc, Generation: 3},
	}
	hold9 = lock.Hold{
		Name:      "orders/42",
		Contender: lock.Contender{Token: 9, Session: 7, State: lock.Held, Owner: "ann", Reason: "deploy \"x\"\n", Since: noon},
		Ticket:    "orders/42:9", TTL: 15 * time.Second, Deadline: noon.Add(15 * time.Second), OneShot: true, Revision: 101,
	}
)

// fakeSessions answers with its functions, or with session7.
type fakeSessions struct {
	open  func(ctx context.Context, o lease.Options) (lease.Touched, error)
	touch func(ctx context.Context, id lease.ID, generation int64) (lease.Touched, error)
	fail  error // of every other call
	fresh lock.Read
}

var _ Sessions = (*fakeSessions)(nil)

func (f *fakeSessions) Open(ctx context.Context, o lease.Options) (lease.Touched, error) {
	if f.open != nil {
		return f.open(ctx, o)
	}
	return lease.Touched{Session: session7, Deadline: noon, Revision: 100}, f.fail
}

func (f *fakeSessions) Touch(ctx context.Context, id lease.ID, generation int64) (lease.Touched, error) {
	if f.touch != nil {
		return f.touch(ctx, id, generation)
	}
	return lease.Touched{Session: session7, Deadline: noon, Revision: 100}, f.fail
}

func (f *fakeSessions) Get(_ context.Context, _ lease.ID, fresh lock.Read) (lease.Session, int64, error) {
	f.fresh = fresh
	return session7, 100, f.fail
}

func (f *fakeSessions) List(_ context.Context, _ lease.ID, _ int, fresh lock.Read) ([]lease.Session, lease.ID, int64, error) {
	f.fresh = fresh
	return []lease.Session{session7, {ID: 8, TTL: time.Minute, OneShot: true}}, 8, 100, f.fail
}

func (f *fakeSessions) Close(context.Context, lease.ID, znode.Owner) (int64, error) {
	return 100, f.fail
}

func (f *fakeSessions) Attach(_ context.Context, id lease.ID, member uint64, _ time.Duration) (lease.Touched, error) {
	s := session7
	s.ID, s.Owner = id, znode.Owner{Member: member, Generation: 4}
	return lease.Touched{Session: s, Deadline: noon, Revision: 100}, f.fail
}

func (f *fakeSessions) TouchAll(context.Context, []lease.Attachment) ([]lease.LostError, error) {
	return nil, f.fail
}

func (f *fakeSessions) Look(id lease.ID) (lease.Session, int64, bool) { return session7, 100, id == 7 }

func (f *fakeSessions) Lost(id lease.ID) error { return &lease.LostError{ID: id, Cause: lease.Expired} }

func (f *fakeSessions) Follow(lease.Follower) {}

// fakeLocks remembers what it was asked, and answers with its functions or with hold9.
type fakeLocks struct {
	acquire func(ctx context.Context, r lock.Request, wait time.Duration) (lock.Hold, error)
	release func(ctx context.Context, r lock.Release) (lock.Done, error)
	await   func(ctx context.Context, ticket string, wait time.Duration) (lock.Hold, error)
	queue   func(name string) lock.Queue
	fail    error // of every call without a function

	request lock.Request
	permits lock.PermitRequest
	wait    time.Duration
	gave    lock.Release
	name    string
	fresh   lock.Read
	session lease.ID
	ticket  string
}

var _ Locks = (*fakeLocks)(nil)

func (f *fakeLocks) Acquire(ctx context.Context, r lock.Request, wait time.Duration) (lock.Hold, error) {
	if f.acquire != nil {
		return f.acquire(ctx, r, wait)
	}
	f.request, f.wait = r, wait
	h := hold9
	h.Name = r.Name
	return h, f.fail
}

func (f *fakeLocks) Enqueue(_ context.Context, r lock.Request) (lock.Hold, error) {
	f.request = r
	h := hold9
	h.Name, h.State, h.Position, h.Since, h.Deadline = r.Name, lock.Waiting, 2, time.Time{}, time.Time{}
	return h, f.fail
}

func (f *fakeLocks) Await(ctx context.Context, ticket string, wait time.Duration) (lock.Hold, error) {
	if f.await != nil {
		return f.await(ctx, ticket, wait)
	}
	f.name, f.wait = ticket, wait
	return hold9, f.fail
}

func (f *fakeLocks) Leave(_ context.Context, ticket string) (lock.Done, error) {
	f.name = ticket
	return lock.Done{Name: "orders/42", Token: 9, Revision: 102}, f.fail
}

func (f *fakeLocks) Release(ctx context.Context, r lock.Release) (lock.Done, error) {
	if f.release != nil {
		return f.release(ctx, r)
	}
	f.gave = r
	return lock.Done{Name: r.Name, Token: 9, Revision: 102, Repeated: true}, f.fail
}

func (f *fakeLocks) KeepAlive(_ context.Context, name string, _ lease.ID, _ int64) (lock.Hold, error) {
	f.name = name
	return hold9, f.fail
}

func (f *fakeLocks) Downgrade(_ context.Context, name string, session lease.ID, generation int64, token lock.Token) (lock.Hold, error) {
	f.gave = lock.Release{Name: name, Session: session, Generation: generation, Token: token}
	h := hold9
	h.Name, h.Mode = name, lock.ModeRead
	return h, f.fail
}

func (f *fakeLocks) AcquireAll(_ context.Context, names []string, r lock.Request, wait time.Duration) (holds []lock.Hold, _ error) {
	f.request, f.wait = r, wait
	for _, name := range names {
		h := hold9
		h.Name = name
		holds = append(holds, h)
	}
	return holds, f.fail
}

func (f *fakeLocks) ReleaseAll(_ context.Context, names []string, r lock.Release) (dones []lock.Done, _ error) {
	f.gave = r
	for _, name := range names {
		dones = append(dones, lock.Done{Name: name, Token: 9, Revision: 102})
	}
	return dones, f.fail
}

func (f *fakeLocks) Queue(_ context.Context, name string, _ int, fresh lock.Read) (lock.Queue, error) {
	f.name, f.fresh = name, fresh
	if f.queue != nil {
		return f.queue(name), f.fail
	}
	waiter := lock.Contender{Token: 10, Session: 8, State: lock.Waiting, Position: 1, Door: "zookeeper", Enqueued: noon, Znode: "/orders/42/x-1"}
	return lock.Queue{Name: name, Contenders: []lock.Contender{hold9.Contender, waiter}, Total: 2, Revision: 103}, f.fail
}

func (f *fakeLocks) List(_ context.Context, prefix, _ string, _ int, fresh lock.Read) (lock.Page, error) {
	f.name, f.fresh = prefix, fresh
	q := lock.Queue{Name: "orders/42", Contenders: []lock.Contender{hold9.Contender}, Total: 3}
	return lock.Page{Locks: []lock.Queue{q, {Name: "orders/43", Total: 0}}, Next: "orders/43", Revision: 103}, f.fail
}

func (f *fakeLocks) CheckFence(_ context.Context, name string, token lock.Token) (lock.Fence, error) {
	return lock.Fence{Name: name, Token: token, Revision: 104}, f.fail
}

func (f *fakeLocks) Fence(_ context.Context, name string, fresh lock.Read) (lock.Fence, error) {
	f.fresh = fresh
	return lock.Fence{Name: name, Revision: 104}, f.fail
}

func (f *fakeLocks) AwaitTold(ctx context.Context, ticket string, wait time.Duration, _ func(string)) (lock.Hold, error) {
	return f.Await(ctx, ticket, wait)
}

func (f *fakeLocks) Ahead(string) (int, lock.Contender, bool) { return 1, hold9.Contender, true }

func (f *fakeLocks) ExpectedWait(string) time.Duration { return time.Second }

func (f *fakeLocks) Deadlocks(_ context.Context, _ int, fresh lock.Read) (lock.Deadlocks, error) {
	f.fresh = fresh
	return lock.Deadlocks{Cycles: []lock.Cycle{{Links: ring, Actors: 2, Since: noon}}, Total: 1, Limit: 4096, Revision: 105}, f.fail
}

func (f *fakeLocks) Blockers(_ context.Context, name string, session lease.ID, ticket string, fresh lock.Read) (lock.Chain, error) {
	f.name, f.fresh, f.session, f.ticket = name, fresh, session, ticket
	return lock.Chain{Name: name, Links: ring, Cycle: true, Revision: 105}, f.fail
}

// ring is two who wait for each other.
var ring = []lock.Link{
	{Session: 7, Owner: "ann", Door: "rest", Holds: lock.Stand{Name: "x", Token: 9, State: lock.Held, Since: noon}, Waits: lock.Stand{Name: "y", Token: 12, State: lock.Waiting, Since: noon}},
	{Session: 8, Holds: lock.Stand{Name: "y", Token: 10, State: lock.Held, Since: noon}, Waits: lock.Stand{Name: "x", Token: 11, State: lock.Waiting, Since: noon}},
}

func (f *fakeLocks) Of(lease.ID, int) ([]string, []lock.Contender, int) { return nil, nil, 0 }

func (f *fakeLocks) Follow(lock.Follower) {}

// fakeSub gives out what is sent to its channel.
type fakeSub struct {
	events chan lock.Event
	broken chan error
	closed chan struct{}
}

func newFakeSub() *fakeSub {
	return &fakeSub{events: make(chan lock.Event, 16), broken: make(chan error, 1), closed: make(chan struct{})}
}

func (s *fakeSub) Next(ctx context.Context) (lock.Event, error) {
	select {
	case e := <-s.events:
		return e, nil
	case err := <-s.broken:
		return lock.Event{}, err
	case <-ctx.Done():
		return lock.Event{}, context.Cause(ctx)
	}
}

func (s *fakeSub) Close() { close(s.closed) }

// A bench is an API on fakes, ready to be changed before start.
type bench struct {
	Config
	sessions    *fakeSessions
	locks       *fakeLocks
	barriers    *fakeBarriers
	values      *fakeValues
	members     *fakeMembers
	maintenance *fakeMaintenance
	sub         *fakeSub
}

func newBench() *bench {
	b := &bench{sessions: &fakeSessions{}, locks: &fakeLocks{}, barriers: &fakeBarriers{}, values: &fakeValues{}, members: &fakeMembers{}, maintenance: &fakeMaintenance{}, sub: newFakeSub()}
	b.Config = Config{
		Sessions:    b.sessions,
		Locks:       b.locks,
		Barriers:    b.barriers,
		Values:      b.values,
		Members:     b.members,
		Maintenance: b.maintenance,
		Subscribe:   func(string, *lock.EventID) (Subscription, error) { return b.sub, nil },
		Health: func() Health {
			return Health{Quorum: true, CaughtUp: true, Member: "m1", Leader: "m1", Revision: 99}
		},
		Logger:  slog.New(slog.DiscardHandler),
		Version: "v0.0.1",
	}
	return b
}

func (b *bench) start(t testing.TB) *API {
	t.Helper()
	a, err := New(b.Config)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	t.Cleanup(a.end)
	return a
}

func (f *fakeLocks) AcquirePermits(ctx context.Context, r lock.PermitRequest, wait time.Duration) (lock.Hold, error) {
	f.permits = r
	h, err := f.Acquire(ctx, r.Request, wait)
	h.Permits = max(1, r.Permits)
	return h, err
}

func (f *fakeLocks) EnqueuePermits(ctx context.Context, r lock.PermitRequest) (lock.Hold, error) {
	f.permits = r
	h, err := f.Enqueue(ctx, r.Request)
	h.Permits = max(1, r.Permits)
	return h, err
}

func (f *fakeLocks) ReleasePermits(ctx context.Context, r lock.Release) (lock.Done, error) {
	return f.Release(ctx, r)
}

func (f *fakeLocks) KeepPermits(ctx context.Context, name string, session lease.ID, generation int64, token lock.Token) (lock.Hold, error) {
	f.gave.Token = token
	return f.KeepAlive(ctx, name, session, generation)
}

func (f *fakeLocks) Semaphore(_ context.Context, name string, _ lock.Token, _ int, fresh lock.Read) (lock.Semaphore, error) {
	f.name, f.fresh = name, fresh
	holder, waiter := hold9.Contender, lock.Contender{Token: 10, Session: 8, State: lock.Waiting, Position: 1, Permits: 1, Enqueued: noon}
	holder.Permits = 3
	return lock.Semaphore{
		Name: name, Limit: 4, InUse: 3, Holders: []lock.Contender{holder}, Waiters: []lock.Contender{waiter}, Holding: 1, Waiting: 1, Revision: 103,
	}, f.fail
}

func (f *fakeLocks) SetLimit(_ context.Context, name string, limit int) (lock.LimitSet, error) {
	return lock.LimitSet{Name: name, Limit: limit, Revision: 105}, f.fail
}
