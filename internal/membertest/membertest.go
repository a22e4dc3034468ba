// Package membertest starts whole members in one process for tests: quorum, store, sessions and
// locks, wired as the server wires them, without a door.
package membertest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/barrier"
	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/quorum"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/store/record"
	"github.com/lockkeeper/lockkeeper/value"
	"github.com/lockkeeper/lockkeeper/znode"
)

// A Config is what a test may change of a member before it starts.
type Config struct {
	Quorum quorum.Config
	Store  store.Config // Quorum, Link, Keeper, Observer, Confirmed and Gap are set by the member
	Lease  lease.Config
	Lock   lock.Config

	Barrier barrier.Config
	Value   value.Config

	// Before, if not nil, is called with the ready quorum before the first store is made on it.
	Before func(q *quorum.Member)
}

// A Member is one member. Its parts are replaced by Restart; nobody may use them meanwhile.
type Member struct {
	Quorum   *quorum.Member
	Store    *store.Store
	Sessions *lease.Sessions
	Locks    *lock.Locker
	Barriers *barrier.Barriers
	Values   *value.Values

	tb     testing.TB
	cfg    Config
	others []*Member
	gaps   atomic.Int64
	open   bool
}

// Start starts a cluster of n members, with heartbeats of 50 ms and elections of 500 ms, and
// waits until all are ready. Each tweak may change each member's Config. The members are closed
// when tb ends.
func Start(tb testing.TB, n int, tweaks ...func(*Config)) []*Member {
	tb.Helper()
	members := make([]*Member, n)
	for i, q := range quorumtest.Configs(tb, n) {
		members[i] = &Member{tb: tb, cfg: Config{Quorum: q}}
		for _, tweak := range tweaks {
			tweak(&members[i].cfg)
		}
	}
	tb.Cleanup(func() { closeAll(members) })
	var wg sync.WaitGroup
	for i, m := range members {
		for j, o := range members {
			if i != j {
				m.others = append(m.others, o)
			}
		}
		wg.Go(func() {
			if err := m.start(); err != nil {
				tb.Error(err)
			}
		})
	}
	wg.Wait()
	if tb.Failed() {
		tb.FailNow()
	}
	return members
}

// One starts a member alone.
func One(tb testing.TB, tweaks ...func(*Config)) *Member {
	tb.Helper()
	return Start(tb, 1, tweaks...)[0]
}

// start opens the member and waits until its quorum is ready.
func (m *Member) start() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), quorumtest.Patience)
	defer cancel()
	name := m.cfg.Quorum.Name
	link := &store.Link{}
	sessions := lease.New(m.cfg.Lease)
	locks := lock.New(m.cfg.Lock)
	barriers, values := barrier.New(m.cfg.Barrier), value.New(m.cfg.Value)
	qc := m.cfg.Quorum
	qc.Register, qc.ServicePrefix = link.Register, []string{store.Service}
	if m.Quorum, err = quorum.Start(ctx, qc); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	m.open, m.Sessions, m.Locks = true, sessions, locks
	m.Barriers, m.Values = barriers, values
	if m.cfg.Before != nil {
		if err := m.ready(ctx); err != nil {
			return err
		}
		m.cfg.Before(m.Quorum)
		m.cfg.Before = nil
	}
	sc := m.cfg.Store
	sc.Quorum, sc.Link, sc.Keeper = m.Quorum, link, sessions.Deadlines
	sc.Observer, sc.Confirmed = observers{sessions, locks, barriers}, sessions.Confirmed
	sc.Gap = func() { m.gaps.Add(1) }
	sc.Card = record.Card{Name: name}
	if sc.MinFreeDisk == 0 {
		sc.MinFreeDisk = 1
	}
	if m.Store, err = store.New(ctx, sc); err != nil {
		return fmt.Errorf("start the store of %s: %w", name, err)
	}
	sessions.Bind(m.Store)
	locks.Bind(sessions, m.Store)
	barriers.Bind(sessions, m.Store)
	values.Bind(locks, m.Store)
	return m.ready(ctx)
}

func (m *Member) ready(ctx context.Context) error {
	select {
	case <-m.Quorum.Ready():
		return nil
	case <-m.Quorum.Stopped():
		return fmt.Errorf("%s stopped: %w", m.Name(), m.Quorum.Err())
	case <-ctx.Done():
		return fmt.Errorf("%s is not ready: %w", m.Name(), ctx.Err())
	}
}

// Name returns the member's name: m1, m2 and so on.
func (m *Member) Name() string { return m.cfg.Quorum.Name }

// Gaps returns how often the member's tree had to be rebuilt because the log had a gap.
func (m *Member) Gaps() int { return int(m.gaps.Load()) }

// Close closes the member in order. It may be called again.
func (m *Member) Close() {
	m.closeStore()
	m.closeQuorum()
}

func (m *Member) closeStore() {
	if !m.open {
		return
	}
	m.Locks.Close()
	m.Barriers.Close()
	if m.Store != nil {
		m.Store.Close()
	}
}

func (m *Member) closeQuorum() {
	if !m.open {
		return
	}
	m.open = false
	ctx, cancel := context.WithTimeout(context.Background(), quorumtest.Patience)
	defer cancel()
	if err := m.Quorum.Close(ctx); err != nil {
		m.tb.Errorf("close %s: %v", m.Name(), err)
	}
}

// closeAll closes members at the same time: the last ones need not look for a leader first.
func closeAll(members []*Member) {
	var wg sync.WaitGroup
	for _, m := range members {
		m.closeStore()
	}
	for _, m := range members {
		wg.Go(m.closeQuorum)
	}
	wg.Wait()
}

// Restart closes the member, if it is open, and starts it again on the same data, at the same
// addresses. tweaks may change its Config.
func (m *Member) Restart(tweaks ...func(*Config)) {
	m.tb.Helper()
	m.Close()
	for _, tweak := range tweaks {
		tweak(&m.cfg)
	}
	if err := m.start(); err != nil {
		m.tb.Fatal(err)
	}
}

// RestartAll closes all members and starts them again on the same data.
func RestartAll(tb testing.TB, members []*Member) {
	tb.Helper()
	closeAll(members)
	var wg sync.WaitGroup
	for _, m := range members {
		wg.Go(func() {
			if err := m.start(); err != nil {
				tb.Error(err)
			}
		})
	}
	wg.Wait()
	if tb.Failed() {
		tb.FailNow()
	}
}

// observers hands what the store applies to those who look on.
type observers struct {
	sessions *lease.Sessions
	locks    *lock.Locker
	barriers *barrier.Barriers
}

// Changed is part of store.Observer.
func (o observers) Changed(t *znode.Tree, revision int64, c *znode.Change, e *znode.Effect) {
	o.sessions.Changed(c)
	o.locks.Changed(t, revision, c, e)
	o.barriers.Changed(t, revision, c, e)
}

// Applied is part of store.Observer.
func (o observers) Applied(t *znode.Tree, revision int64) { o.locks.Applied(t, revision) }

// Rebuilt is part of store.Observer.
func (o observers) Rebuilt(t *znode.Tree, revision int64) {
	o.locks.Rebuilt(t, revision)
	o.barriers.Rebuilt(t, revision)
}

// Context returns a context that ends with the test, or after d.
func Context(tb testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(tb.Context(), d)
	tb.Cleanup(cancel)
	return ctx
}
