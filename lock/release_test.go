package lock_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/znode"
)

func TestRelease(t *testing.T) {
	t.Parallel()
	members := membertest.Start(t, 3)
	a, b := members[0], members[1]

	t.Run("owner", func(t *testing.T) {
		s, other := session(t, a), session(t, a)
		h := acquire(t, a, lock.Request{Name: "o", Session: s})
		_, err := a.Locks.Release(patient(t), lock.Release{Name: "o", Session: other})
		is(t, "another session's release", err, lock.ErrNotHeld)
		_, err = a.Locks.Release(patient(t), lock.Release{Name: "o", Session: other, Token: h.Token})
		is(t, "another session's release by token", err, lock.ErrNotHeld)
		_, err = a.Locks.Release(patient(t), lock.Release{Name: "o", Session: s, Token: h.Token + 1})
		is(t, "a token that is not", err, lock.ErrNotHeld)
		if _, err := a.Locks.Release(patient(t), lock.Release{Name: "o"}); err == nil {
			t.Error("a release without a session was taken")
		}
		d := release(t, b, lock.Release{Name: "o", Session: s, Token: h.Token})
		if d.Repeated || d.Token != h.Token || d.Revision <= h.Revision {
			t.Errorf("released: %+v", d)
		}
	})
	t.Run("repeated", func(t *testing.T) {
		s := session(t, a)
		h := acquire(t, a, lock.Request{Name: "r", Session: s, RequestID: "x"})
		release(t, a, lock.Release{Name: "r", Session: s})
		for _, r := range []lock.Release{{Name: "r", Session: s}, {Name: "r", Session: s, Token: h.Token}} {
			for _, m := range members {
				if err := m.Store.Sync(patient(t)); err != nil {
					t.Fatal(err)
				}
				if d := release(t, m, r); !d.Repeated || d.Token != h.Token {
					t.Errorf("released again at %s: %+v", m.Name(), d)
				}
			}
		}
		_, err := a.Locks.KeepAlive(patient(t), "r", s, 0)
		is(t, "keepalive after the release", err, lock.ErrNotHeld)
	})
	t.Run("one-shot", func(t *testing.T) {
		h := acquire(t, a, lock.Request{Name: "one"})
		d := release(t, a, lock.Release{Name: "one", Session: h.Session, Token: h.Token})
		if d.Repeated {
			t.Errorf("released: %+v", d)
		}
		if _, _, ok := a.Sessions.Look(h.Session); ok {
			t.Error("its session lives on")
		}
		if d := release(t, a, lock.Release{Name: "one", Session: h.Session, Token: h.Token}); !d.Repeated {
			t.Errorf("released again: %+v", d)
		}
		_, err := a.Locks.Release(patient(t), lock.Release{Name: "never", Session: h.Session})
		is(t, "a release of nothing by a session that is over", err, lease.ErrLost)
	})
	t.Run("forced", func(t *testing.T) {
		s := session(t, a)
		h := acquire(t, a, lock.Request{Name: "f", Session: s})
		w := enqueue(t, b, lock.Request{Name: "f"})
		d, err := b.Locks.Release(patient(t), lock.Release{Name: "f", Force: true, Reason: "maintenance"})
		if err != nil || d.Token != h.Token {
			t.Fatalf("forced release = %+v, %v", d, err)
		}
		if err := a.Store.WaitRevision(patient(t), d.Revision); err != nil {
			t.Fatal(err)
		}
		_, err = a.Locks.Release(patient(t), lock.Release{Name: "f", Session: s, Token: h.Token})
		lost(t, err, h.Token, "forced", "maintenance")
		_, err = a.Locks.KeepAlive(patient(t), "f", s, 0)
		lost(t, err, h.Token, "forced", "maintenance")
		_, err = a.Locks.Await(patient(t), h.Ticket, 0)
		lost(t, err, h.Token, "forced", "maintenance")
		got, err := b.Locks.Await(patient(t), w.Ticket, forever)
		if err != nil || got.State != lock.Held || got.Token <= h.Token {
			t.Errorf("the next in line: %+v, %v", got, err)
		}
		_, err = b.Locks.Release(patient(t), lock.Release{Name: "nothing", Force: true})
		is(t, "forced release of a free lock", err, lock.ErrNotHeld)
	})
	t.Run("deleted by somebody", func(t *testing.T) {
		s, thief := session(t, a), session(t, a)
		h := acquire(t, a, lock.Request{Name: "d", Session: s})
		out, err := a.Store.Do(patient(t), &znode.Request{Session: thief, Ops: []znode.Op{{Kind: znode.OpDelete, Path: h.Znode, Version: -1}}})
		if err != nil || out.Code != znode.OK {
			t.Fatal(out.Code, err)
		}
		_, err = a.Locks.KeepAlive(patient(t), "d", s, 0)
		lost(t, err, h.Token, "deleted", "")
	})
	t.Run("expired", func(t *testing.T) {
		h := acquire(t, a, lock.Request{Name: "e", TTL: lease.MinTTL})
		w, err := b.Locks.Acquire(patient(t), lock.Request{Name: "e"}, forever)
		if err != nil || w.Token <= h.Token || time.Now().Before(h.Deadline) {
			t.Fatalf("after its end: %+v, %v, before the deadline: %v", w, err, time.Now().Before(h.Deadline))
		}
		_, err = b.Locks.Release(patient(t), lock.Release{Name: "e", Session: h.Session, Token: h.Token})
		lost(t, err, h.Token, "expired", "")
		_, err = b.Locks.KeepAlive(patient(t), "e", h.Session, 0)
		is(t, "keepalive", err, lease.ErrLost)
	})
	t.Run("keepalive", func(t *testing.T) {
		s := session(t, a)
		h := acquire(t, a, lock.Request{Name: "k", Session: s})
		k, err := b.Locks.KeepAlive(patient(t), "k", s, 0)
		if err != nil || k.Token != h.Token || k.State != lock.Held || !k.Deadline.After(h.Deadline) {
			t.Errorf("KeepAlive = %+v, %v", k, err)
		}
	})
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	members := membertest.Start(t, 3)

	t.Run("sequential", func(t *testing.T) {
		for _, s := range []lease.ID{0, session(t, members[0])} {
			name := fmt.Sprint("seq", s != 0)
			r := lock.Request{Name: name, Session: s, RequestID: "id", TTL: time.Minute}
			first := acquire(t, members[0], r)
			if first.Repeated {
				t.Error("the first is a repeated one")
			}
			for _, m := range members {
				for _, wait := range []time.Duration{0, time.Second, forever} {
					h, err := m.Locks.Acquire(patient(t), r, wait)
					if err != nil || h.Token != first.Token || h.Session != first.Session || !h.Repeated {
						t.Errorf("again at %s: %+v, %v; want %d", m.Name(), h, err, first.Token)
					}
				}
			}
			if n := queue(t, members[0], name).Total; n != 1 {
				t.Errorf("%d contenders of one request", n)
			}
			release(t, members[1], lock.Release{Name: name, Session: first.Session, RequestID: "id"})
			if h := acquire(t, members[2], r); h.Token <= first.Token || h.Repeated {
				t.Errorf("after the release: %+v", h)
			}
		}
	})
	t.Run("concurrent", func(t *testing.T) {
		for _, s := range []lease.ID{0, session(t, members[0])} {
			name := fmt.Sprint("con", s != 0)
			holder := acquire(t, members[0], lock.Request{Name: name, TTL: time.Minute})
			var mu sync.Mutex
			tokens := map[lock.Token]int{}
			var wg sync.WaitGroup
			for i := range 30 {
				m := members[i%3]
				wg.Go(func() {
					h, err := m.Locks.Acquire(patient(t), lock.Request{Name: name, Session: s, RequestID: "id", TTL: time.Minute}, forever)
					if err != nil || h.State != lock.Held {
						t.Errorf("caller %d: %+v, %v", i, h, err)
						return
					}
					mu.Lock()
					tokens[h.Token]++
					mu.Unlock()
				})
			}
			length(t, members[0], name, 2)
			release(t, members[0], lock.Release{Name: name, Session: holder.Session})
			wg.Wait()
			if len(tokens) != 1 {
				t.Errorf("%d tokens for one request: %v", len(tokens), tokens)
			}
		}
	})
	t.Run("the first caller hangs up", func(t *testing.T) {
		for i, s := range []lease.ID{0, session(t, members[0])} {
			name := fmt.Sprint("hang", i)
			holder := acquire(t, members[0], lock.Request{Name: name, TTL: time.Minute})
			r := lock.Request{Name: name, Session: s, RequestID: "id", TTL: time.Minute}
			first, hangUp := context.WithCancel(t.Context())
			gone := make(chan error, 1)
			go func() {
				_, err := members[0].Locks.Acquire(first, r, forever)
				gone <- err
			}()
			length(t, members[0], name, 2)
			again := make(chan lock.Hold, 1)
			go func() {
				h, err := members[1].Locks.Acquire(patient(t), r, forever)
				if err != nil {
					t.Errorf("the repetition: %v", err)
				}
				again <- h
			}()
			// The repetition has come when the znode's version has grown.
			place := queue(t, members[0], name).Contenders[1].Znode
			versionOf(t, members[0], place, 1)
			hangUp()
			is(t, "the first caller", <-gone, context.Canceled)
			release(t, members[0], lock.Release{Name: name, Session: holder.Session})
			h := <-again
			if h.State != lock.Held || !h.Repeated {
				t.Errorf("the repetition: %+v", h)
			}
			if q := queue(t, members[2], name); q.Total != 1 || q.Contenders[0].Token != h.Token {
				t.Errorf("queue %+v; want the repetition's hold", q)
			}
		}
	})
}

// versionOf waits until a znode has been set so often.
func versionOf(t *testing.T, m *membertest.Member, path string, version int32) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for ctx := patient(t); ; {
		var got int32 = -1
		m.Store.View(func(tree *znode.Tree, _ int64) {
			if n, ok := tree.Get(path); ok {
				got = n.Stat().Version
			}
		})
		if got >= version {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s has version %d; want %d", path, got, version)
		}
	}
}
