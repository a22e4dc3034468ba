package lease_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/znode"
)

func TestGrantedTTL(t *testing.T) {
	m := membertest.One(t)
	for _, c := range []struct{ ask, want time.Duration }{
		{0, lease.DefaultTTL},
		{time.Millisecond, lease.MinTTL},
		{2 * time.Second, 2 * time.Second},
		{time.Minute, time.Minute},
		{time.Hour, time.Hour},
		{48 * time.Hour, lease.MaxTTL},
	} {
		before := time.Now()
		s := open(t, m, lease.Options{TTL: c.ask})
		if s.Session.TTL != c.want {
			t.Errorf("asked for %v, granted %v; want %v", c.ask, s.Session.TTL, c.want)
		}
		if d := s.Deadline.Sub(before); d < c.want-50*time.Millisecond || d > c.want+2*time.Second {
			t.Errorf("deadline %v after the open; want about %v", d, c.want)
		}
	}
	_, err := m.Sessions.Open(patient(t), lease.Options{TTL: -1})
	if e, ok := errors.AsType[*lease.InputError](err); !ok || e.Field != "ttl" {
		t.Errorf("a negative TTL: %v", err)
	}
}

func TestSessions(t *testing.T) {
	members := membertest.Start(t, 3)
	a, b := members[0], members[1]

	t.Run("labels", func(t *testing.T) {
		labels := map[string]string{"host": "h", "pid": "12", "name": "worker"}
		s := open(t, a, lease.Options{Labels: labels, OneShot: true})
		got, revision, err := b.Sessions.Get(patient(t), s.Session.ID, store.Read{MinRevision: s.Revision})
		if err != nil || revision < s.Revision {
			t.Fatalf("Get = %v, %v", revision, err)
		}
		if diff := cmp.Diff(s.Session, got); diff != "" {
			t.Errorf("seen from another member (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(labels, got.Labels); diff != "" || !got.OneShot {
			t.Errorf("labels (-want +got):\n%s", diff)
		}
	})
	t.Run("request id", func(t *testing.T) {
		o := lease.Options{RequestID: "the same"}
		first, again, other := open(t, a, o), open(t, a, o), open(t, b, o)
		if first.Session.ID != again.Session.ID || first.Session.ID != other.Session.ID {
			t.Errorf("three sessions for one request id: %v, %v, %v", first, again, other)
		}
		if open(t, a, lease.Options{RequestID: "another"}).Session.ID == first.Session.ID {
			t.Error("one session for two request ids")
		}
		if _, err := a.Sessions.Close(patient(t), first.Session.ID, znode.Owner{}); err != nil {
			t.Fatal(err)
		}
		if anew := open(t, b, o); anew.Session.ID != first.Session.ID {
			t.Error("a request id names another session after the first one's end")
		}
	})
	t.Run("touch at every member", func(t *testing.T) {
		s := open(t, a, lease.Options{})
		for _, m := range members {
			touched, err := m.Sessions.Touch(patient(t), s.Session.ID, 0)
			if err != nil {
				t.Fatal(err)
			}
			if d := time.Until(touched.Deadline); d < lease.DefaultTTL-5*time.Second || d > lease.DefaultTTL {
				t.Errorf("deadline in %v after a touch at %s", d, m.Name())
			}
		}
	})
	t.Run("close", func(t *testing.T) {
		s := open(t, a, lease.Options{})
		id := s.Session.ID
		ephemeral(t, b, id, "/gone")
		revision, err := b.Sessions.Close(patient(t), id, znode.Owner{})
		if err != nil || revision <= s.Revision {
			t.Fatalf("Close = %d, %v", revision, err)
		}
		if exists(b, "/gone") {
			t.Error("its ephemeral is still there")
		}
		if err := a.Store.WaitRevision(patient(t), revision); err != nil {
			t.Fatal(err)
		}
		for _, m := range []*membertest.Member{a, b} {
			_, err = m.Sessions.Close(patient(t), id, znode.Owner{})
			lost(t, err, id, lease.Closed)
			_, err = m.Sessions.Touch(patient(t), id, 0)
			lost(t, err, id, lease.Closed)
			_, _, err = m.Sessions.Get(patient(t), id, store.Read{Linearizable: true})
			lost(t, err, id, lease.Closed)
			_, err = m.Sessions.Move(patient(t), id, znode.Owner{Member: 1, Generation: 1}, 0)
			lost(t, err, id, lease.Closed)
		}
		_, err = a.Sessions.Touch(patient(t), 12345, 0)
		lost(t, err, 12345, lease.Unknown)
	})
	t.Run("touch while it closes", func(t *testing.T) {
		for range 30 {
			id := open(t, a, lease.Options{}).Session.ID
			done := make(chan error, 1)
			go func() {
				_, err := b.Sessions.Touch(patient(t), id, 0)
				done <- err
			}()
			if _, err := a.Sessions.Close(patient(t), id, znode.Owner{}); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil && !errors.Is(err, lease.ErrLost) {
				t.Fatalf("Touch = %v", err)
			}
			// Whoever expects a touch of a session that is gone already is told, too.
			begun := time.Now()
			_, err := a.Sessions.Expect(id).Wait(patient(t))
			lost(t, err, id, lease.Closed)
			if took := time.Since(begun); took > time.Second {
				t.Fatalf("the loss was told after %v", took)
			}
		}
	})
	t.Run("moves", func(t *testing.T) {
		id := open(t, a, lease.Options{}).Session.ID
		owner := znode.Owner{Member: a.Quorum.ID(), Generation: 1}
		moved, err := a.Sessions.Move(patient(t), id, owner, 0)
		if err != nil || moved.Owner != owner || moved.TTL != lease.DefaultTTL {
			t.Fatalf("Move = %+v, %v", moved, err)
		}
		next := znode.Owner{Member: b.Quorum.ID(), Generation: 2}
		if moved, err = b.Sessions.Move(patient(t), id, next, time.Minute); err != nil || moved.Owner != next || moved.TTL != time.Minute {
			t.Fatalf("Move = %+v, %v", moved, err)
		}
		if _, err := b.Sessions.Touch(patient(t), id, 2); err != nil {
			t.Errorf("touch of the newest generation: %v", err)
		}
		if _, err := b.Sessions.Touch(patient(t), id, 1); !errors.Is(err, znode.ErrSessionMoved) {
			t.Errorf("touch of an older generation: %v; want ErrSessionMoved", err)
		}
		// A late write over the old connection is refused by the writer, wherever it comes from.
		for _, m := range members {
			out, err := m.Store.Do(patient(t), &znode.Request{Session: id, Owner: owner, Ops: []znode.Op{{
				Kind: znode.OpCreate, Path: "/late", ACL: znode.OpenACL,
			}}})
			if err != nil || out.Code != znode.ErrSessionMoved {
				t.Errorf("a write over the old connection: %v, %v; want ErrSessionMoved", out.Code, err)
			}
		}
	})
	t.Run("list", func(t *testing.T) {
		want := map[lease.ID]bool{}
		for range 7 {
			want[open(t, a, lease.Options{}).Session.ID] = true
		}
		got, after := map[lease.ID]bool{}, lease.ID(0)
		last := lease.ID(0)
		for {
			list, next, _, err := b.Sessions.List(patient(t), after, 3, store.Read{Linearizable: true})
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range list {
				if s.ID <= last {
					t.Errorf("%v after %v", s.ID, last)
				}
				last, got[s.ID] = s.ID, true
			}
			if after = next; after == 0 {
				break
			}
		}
		for id := range want {
			if !got[id] {
				t.Errorf("%v is not in the list", id)
			}
		}
	})
}

func TestLimit(t *testing.T) {
	m := membertest.One(t, func(c *membertest.Config) {
		c.Lease = lease.Config{MaxSessions: 3, MinTTL: time.Minute, MaxTTL: time.Minute}
	})
	var ids []lease.ID
	for range 3 {
		s := open(t, m, lease.Options{TTL: 5 * time.Second})
		if s.Session.TTL != time.Minute {
			t.Errorf("granted %v; want a minute", s.Session.TTL)
		}
		ids = append(ids, s.Session.ID)
	}
	if _, err := m.Sessions.Open(patient(t), lease.Options{}); !errors.Is(err, lease.ErrTooManySessions) {
		t.Errorf("over the limit: %v", err)
	}
	if _, err := m.Sessions.Close(patient(t), ids[0], znode.Owner{}); err != nil {
		t.Fatal(err)
	}
	open(t, m, lease.Options{})
}

// TestRestartKeepsSessions stops all members for a while: sessions outlive it.
func TestRestartKeepsSessions(t *testing.T) {
	members := membertest.Start(t, 3)
	var ids []lease.ID
	for i := range 20 {
		s := open(t, members[i%3], lease.Options{TTL: 5 * time.Second, RequestID: fmt.Sprint(i)})
		ids = append(ids, s.Session.ID)
	}
	membertest.RestartAll(t, members)
	for i, id := range ids {
		if _, err := members[(i+1)%3].Sessions.Touch(patient(t), id, 0); err != nil {
			t.Errorf("after the restart: %v", err)
		}
	}
	quorumtest.Eventually(t, "their end", func() bool { return count(members[0]) == 0 })
	_, err := members[0].Sessions.Touch(patient(t), ids[0], 0)
	lost(t, err, ids[0], lease.Expired)
}
