package lease_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/znode"
)

// told keeps what a follower is told.
type told struct {
	mu    sync.Mutex
	ended map[lease.ID]lease.Cause
	moved map[lease.ID]znode.Owner
}

func (f *told) SessionEnded(id lease.ID, cause lease.Cause) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended[id] = cause
}

func (f *told) SessionMoved(id lease.ID, owner znode.Owner) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.moved[id] = owner
}

func TestAttach(t *testing.T) {
	m := membertest.One(t)
	f := &told{ended: map[lease.ID]lease.Cause{}, moved: map[lease.ID]znode.Owner{}}
	m.Sessions.Follow(f)
	first := znode.Owner{Member: 5, Generation: 1}
	s := open(t, m, lease.Options{RequestID: "attach", Owner: first}).Session
	if s.Owner != first {
		t.Errorf("opened with owner %v; want %v", s.Owner, first)
	}
	at, err := m.Sessions.Attach(patient(t), s.ID, 6, 0)
	want := znode.Owner{Member: 6, Generation: 2}
	if err != nil || at.Session.Owner != want || at.Deadline.IsZero() {
		t.Fatalf("attached %+v, %v", at, err)
	}
	if f.moved[s.ID] != want {
		t.Errorf("told owner %v", f.moved[s.ID])
	}
	if _, err := m.Sessions.Close(patient(t), s.ID, first); !errors.Is(err, znode.ErrSessionMoved) {
		t.Errorf("a late close: %v", err)
	}
	again := open(t, m, lease.Options{RequestID: "attach", Owner: first}).Session
	if again.ID != s.ID || again.Owner != (znode.Owner{Member: 5, Generation: 3}) {
		t.Errorf("opened again %+v", again)
	}
	if _, err := m.Sessions.Close(patient(t), s.ID, again.Owner); err != nil {
		t.Error(err)
	}
	if f.ended[s.ID] != lease.Closed {
		t.Errorf("told %v", f.ended)
	}
	_, err = m.Sessions.Attach(patient(t), s.ID, 6, 0)
	lost(t, err, s.ID, lease.Closed)
}

func TestTouchAll(t *testing.T) {
	m := membertest.One(t)
	a := open(t, m, lease.Options{}).Session.ID
	b := open(t, m, lease.Options{Owner: znode.Owner{Member: 1, Generation: 1}}).Session.ID
	c := open(t, m, lease.Options{}).Session.ID
	if _, err := m.Sessions.Close(patient(t), c, znode.Owner{}); err != nil {
		t.Fatal(err)
	}
	over, err := m.Sessions.TouchAll(patient(t), []lease.Attachment{{ID: a}, {ID: a}, {ID: b, Generation: 2}, {ID: c}, {ID: 99}})
	if err != nil || len(over) != 2 {
		t.Fatalf("lost %v, %v", over, err)
	}
	for _, l := range over {
		if l.ID == c && l.Cause != lease.Closed || l.ID == 99 && l.Cause != lease.Unknown || l.ID != c && l.ID != 99 {
			t.Errorf("lost %+v", l)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Sessions.TouchAll(ended, []lease.Attachment{{ID: a}}); err != nil && !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("touched for nobody: %v", err)
	}
}
