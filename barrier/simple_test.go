package barrier_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/barrier"
	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/znode"
)

func TestBarrier(t *testing.T) {
	t.Parallel()
	members := membertest.Start(t, 3)
	a, b := members[0].Barriers, members[1].Barriers
	ctx := patient(t)
	if s, err := b.Wait(ctx, "gate", forever, nil); err != nil || s.Closed {
		t.Fatalf("wait at what nobody has closed: %+v, %v", s, err)
	}
	set, err := a.Set(ctx, "gate", "ann", "test")
	if err != nil || !set.Closed || set.Repeated || set.Since.IsZero() {
		t.Fatalf("set: %+v, %v", set, err)
	}
	// At another member, at once.
	_, err = b.Wait(ctx, "gate", 0, nil)
	if e, ok := errors.AsType[*barrier.ClosedError](err); !ok || e.Owner != "ann" || e.Name != "gate" || !e.Since.Equal(set.Since) {
		t.Errorf("a try: %v", err)
	}
	_, err = b.Wait(ctx, "gate", 10*time.Millisecond, nil)
	is(t, "a short wait", err, barrier.ErrClosed)
	if s, err := b.Set(ctx, "gate", "ben", "test"); err != nil || !s.Repeated || s.Owner != "ann" {
		t.Errorf("set again: %+v, %v", s, err)
	}

	begun, done := make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := b.Wait(ctx, "gate", forever, func() { close(begun) })
		done <- err
	}()
	membertest.Receive(t, "the wait", begun)
	if s, err := members[2].Barriers.Remove(ctx, "gate"); err != nil || s.Closed || s.Repeated {
		t.Errorf("remove: %+v, %v", s, err)
	}
	if err := membertest.Receive(t, "the end of the wait", done); err != nil {
		t.Error(err)
	}
	if s, err := a.Remove(ctx, "gate"); err != nil || !s.Repeated {
		t.Errorf("remove again: %+v, %v", s, err)
	}
	if s, err := b.Look(ctx, "gate", lock.Read{Linearizable: true}); err != nil || s.Closed {
		t.Errorf("look: %+v, %v", s, err)
	}
}

func TestBarrierWaitEnds(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	if _, err := m.Barriers.Set(patient(t), "gate", "", ""); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(patient(t))
	begun, done := make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := m.Barriers.Wait(ctx, "gate", forever, func() { close(begun) })
		done <- err
	}()
	membertest.Receive(t, "the wait", begun)
	cause := errors.New("enough")
	cancel(cause)
	is(t, "a wait whose context ended", membertest.Receive(t, "its end", done), cause)
}

func TestWhatIsNoBarrier(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	ctx := patient(t)
	for _, name := range []string{"", "/a", "a//b", "zookeeper", "zookeeper/x", "a/_c_1-lock-0000000001"} {
		_, err := m.Barriers.Set(ctx, name, "", "")
		membertest.BadInput(t, err, "name")
		_, err = m.Barriers.Remove(ctx, name)
		membertest.BadInput(t, err, "name")
		_, err = m.Barriers.Wait(ctx, name, 0, nil)
		membertest.BadInput(t, err, "name")
	}
	_, err := m.Barriers.Set(ctx, "gate", "\xff", "")
	membertest.BadInput(t, err, "owner")

	h, err := m.Locks.Acquire(ctx, lock.Request{Name: "a/lock"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Barriers.Set(ctx, "a/lock", "", "")
	is(t, "set of a lock", err, barrier.ErrNotABarrier)
	_, err = m.Barriers.Remove(ctx, "a/lock")
	is(t, "remove of a lock", err, barrier.ErrNotABarrier)
	id := h.Session
	foreign(t, m, id, znode.Op{Kind: znode.OpCreate, Path: "/ephemeral", ACL: znode.OpenACL, Node: znode.Ephemeral})
	_, err = m.Barriers.Remove(ctx, "ephemeral")
	is(t, "remove of an ephemeral", err, barrier.ErrNotABarrier)
	_, err = m.Barriers.Set(ctx, "ephemeral/x", "", "")
	is(t, "set below an ephemeral", err, barrier.ErrNotABarrier)
}

// TestBarrierOfOthers closes and opens as Curator's and kazoo's barriers do.
func TestBarrierOfOthers(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	ctx := patient(t)
	foreign(t, m, 0, znode.Op{Kind: znode.OpCreate, Path: "/theirs", Data: []byte("10.0.0.7"), ACL: znode.OpenACL})
	_, err := m.Barriers.Wait(ctx, "theirs", 0, nil)
	if e, ok := errors.AsType[*barrier.ClosedError](err); !ok || e.Owner != "10.0.0.7" {
		t.Errorf("closed by others: %v", err)
	}
	begun, done := make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := m.Barriers.Wait(ctx, "theirs", forever, func() { close(begun) })
		done <- err
	}()
	membertest.Receive(t, "the wait", begun)
	foreign(t, m, 0, znode.Op{Kind: znode.OpDelete, Path: "/theirs", Version: -1})
	if err := membertest.Receive(t, "the end of the wait", done); err != nil {
		t.Error(err)
	}
}
