package lock_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
)

func TestFences(t *testing.T) {
	t.Parallel()
	members := membertest.Start(t, 3)

	t.Run("only up", func(t *testing.T) {
		for i, c := range []struct {
			token, highest lock.Token // highest: what refuses it, or 0
		}{{5, 0}, {5, 0}, {9, 0}, {5, 9}, {8, 9}, {9, 0}, {10, 0}, {1, 10}, {1<<53 - 1, 0}, {10, 1<<53 - 1}} {
			m := members[i%3]
			f, err := m.Locks.CheckFence(patient(t), "up", c.token)
			if c.highest == 0 {
				if err != nil || f.Token != c.token || f.Name != "up" || f.Revision == 0 {
					t.Errorf("check %d = %+v, %v", c.token, f, err)
				}
				continue
			}
			e, ok := errors.AsType[*lock.StaleTokenError](err)
			if !ok || !errors.Is(err, lock.ErrStaleToken) || e.Highest != c.highest || e.Token != c.token {
				t.Errorf("check %d: %v; want it stale below %d", c.token, err, c.highest)
			}
		}
	})
	t.Run("bad input", func(t *testing.T) {
		for _, token := range []lock.Token{0, -1, 1 << 53} {
			_, err := members[0].Locks.CheckFence(patient(t), "bad", token)
			if e, ok := errors.AsType[*lease.InputError](err); !ok || e.Field != "token" {
				t.Errorf("token %d: %v", token, err)
			}
		}
		if _, err := members[0].Locks.CheckFence(patient(t), "", 1); err == nil {
			t.Error("a fence without a name was taken")
		}
	})
	t.Run("concurrent", func(t *testing.T) {
		// What passes never stands below what had passed before its check began.
		var mu sync.Mutex
		passed := lock.Token(0)
		var wg sync.WaitGroup
		for i := range 12 {
			m := members[i%3]
			wg.Go(func() {
				for n := range 40 {
					token := lock.Token(n*12 + (i*7)%12 + 1)
					mu.Lock()
					floor := passed
					mu.Unlock()
					_, err := m.Locks.CheckFence(patient(t), "con", token)
					switch {
					case err == nil && token < floor:
						t.Errorf("token %d passed after %d had", token, floor)
					case err == nil:
						mu.Lock()
						passed = max(passed, token)
						mu.Unlock()
					case !errors.Is(err, lock.ErrStaleToken):
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		for _, m := range members {
			f, err := m.Locks.Fence(patient(t), "con", lock.Read{Linearizable: true})
			if err != nil || f.Token != passed {
				t.Errorf("%s: fence %+v, %v; want %d", m.Name(), f, err, passed)
			}
		}
	})
	t.Run("restart", func(t *testing.T) {
		membertest.RestartAll(t, members)
		f, err := members[1].Locks.Fence(patient(t), "up", lock.Read{Linearizable: true})
		if err != nil || f.Token != 1<<53-1 {
			t.Errorf("fence %+v, %v", f, err)
		}
		_, err = members[2].Locks.CheckFence(patient(t), "con", 1)
		is(t, "after the restart", err, lock.ErrStaleToken)
		h := acquire(t, members[0], lock.Request{Name: "tokens"})
		release(t, members[0], lock.Release{Name: "tokens", Session: h.Session})
		membertest.RestartAll(t, members)
		if next := acquire(t, members[1], lock.Request{Name: "tokens"}); next.Token <= h.Token {
			t.Errorf("token %d after %d, over a restart", next.Token, h.Token)
		}
	})
	t.Run("never checked", func(t *testing.T) {
		f, err := members[0].Locks.Fence(patient(t), "new", lock.Read{})
		if err != nil || f.Token != 0 {
			t.Errorf("fence %+v, %v", f, err)
		}
	})
}

func TestList(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	names := []string{"a", "a/b", "a/c", "ab", "b/1", "b/2", "b/3", "c"}
	for _, name := range names {
		acquire(t, m, lock.Request{Name: name, Owner: name})
	}
	enqueue(t, m, lock.Request{Name: "b/2"})
	if n := m.Locks.Len(); n != len(names) {
		t.Errorf("Len = %d", n)
	}
	for _, c := range []struct {
		prefix string
		limit  int
		want   []string
	}{
		{"", 100, names},
		{"", 3, names},
		{"", 1, names},
		{"a", 2, names[:4]},
		{"a/", 1, names[1:3]},
		{"b/", 2, names[4:7]},
		{"b/2", 1, names[5:6]},
		{"z", 5, nil},
	} {
		var got []string
		after := ""
		for {
			p, err := m.Locks.List(patient(t), c.prefix, after, c.limit, lock.Read{Linearizable: true})
			if err != nil || len(p.Locks) > c.limit || p.Revision == 0 {
				t.Fatalf("List(%q, %q, %d) = %+v, %v", c.prefix, after, c.limit, p, err)
			}
			for _, q := range p.Locks {
				got = append(got, q.Name)
				want := 1
				if q.Name == "b/2" {
					want = 2
				}
				if q.Total != want || len(q.Contenders) != 1 || q.Contenders[0].Owner != q.Name {
					t.Errorf("lock %+v", q)
				}
			}
			if after = p.Next; after == "" {
				break
			}
		}
		if len(got) != len(c.want) {
			t.Errorf("List(%q) by %d = %q; want %q", c.prefix, c.limit, got, c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("List(%q) by %d = %q; want %q", c.prefix, c.limit, got, c.want)
				break
			}
		}
	}
	// A queue is cut at its limit, and its total tells the rest.
	q, err := m.Locks.Queue(patient(t), "b/2", 1, lock.Read{})
	if err != nil || len(q.Contenders) != 1 || q.Total != 2 {
		t.Errorf("queue %+v, %v", q, err)
	}
	// Over a restart the list is built from the tree.
	m.Restart()
	if n := m.Locks.Len(); n != len(names) {
		t.Errorf("%d locks after a restart", n)
	}
}

// TestAFenceCheckIsOneCommit: each check is one transaction of the quorum, whether it raises the fence,
// finds it as it is, or is refused; so a refusal cannot be told before a later check is judged.
func TestAFenceCheckIsOneCommit(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	if _, err := m.Locks.CheckFence(patient(t), "one", 1); err != nil { // once the writer serves
		t.Fatal(err)
	}
	at := m.Store.Revision()
	for _, c := range []struct {
		token lock.Token
		want  error
	}{{5, nil}, {5, nil}, {7, nil}, {6, lock.ErrStaleToken}} {
		f, err := m.Locks.CheckFence(patient(t), "one", c.token)
		is(t, "the check", err, c.want)
		now := m.Store.Revision()
		if now != at+1 || err == nil && f.Revision != now {
			t.Errorf("check %d went from revision %d to %d, and tells %d", c.token, at, now, f.Revision)
		}
		at = now
	}
}
