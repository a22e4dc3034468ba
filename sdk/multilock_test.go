package sdk_test

import (
	"errors"
	"testing"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// TestMultiLockOfASession: the locks are that session's, and end with it.
func TestMultiLockOfASession(t *testing.T) {
	ctx := patience(t)
	c := client("multi")
	defer c.Close(ctx)
	s, err := c.OpenSession(ctx)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"test/ms/b", "test/ms/a"}
	hold, err := s.MultiLock(names).Lock(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if hold.Session() != s || s == c.Session() {
		t.Errorf("held by session %s; want %s", hold.Session().ID(), s.ID())
	}
	if _, err := c.MultiLock(names).TryLock(ctx); !errors.Is(err, sdk.ErrHeld) {
		t.Errorf("a try of the client's own session: %v", err)
	}
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := hold.Err(); !errors.Is(err, sdk.ErrReleased) {
		t.Errorf("after the session's end: %v", err)
	}
	if _, err := s.MultiLock(names).Lock(ctx); !errors.Is(err, sdk.ErrReleased) {
		t.Errorf("by a session that is closed: %v", err)
	}
	again, err := c.MultiLock(names).TryLock(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Unlock(ctx); err != nil {
		t.Error(err)
	}
}

// TestMultiLockTellsWhomItWaitsFor: a wait for several locks is told as one for each that is missing.
func TestMultiLockTellsWhomItWaitsFor(t *testing.T) {
	ctx := patience(t)
	c, other := client("multi"), client("other")
	defer c.Close(ctx)
	defer other.Close(ctx)
	names := []string{"test/mw/a", "test/mw/b", "test/mw/c"}
	held := map[string]*sdk.Hold{}
	for _, name := range []string{names[0], names[2]} {
		h, err := other.Mutex(name, sdk.WithReason("for "+name)).Lock(ctx)
		if err != nil {
			t.Fatal(err)
		}
		held[name] = h
	}
	told := make(chan sdk.Wait, 16)
	got := make(chan error, 1)
	go func() {
		h, err := c.MultiLock(names, sdk.OnWait(func(w sdk.Wait) { told <- w })).Lock(ctx)
		if err == nil {
			err = h.Unlock(ctx)
		}
		got <- err
	}()
	for _, name := range []string{names[0], names[2]} {
		select {
		case w := <-told:
			if w.Name != name || w.Position != 1 || w.Holder.Owner != "other" || w.Holder.Reason != "for "+name {
				t.Errorf("told %+v; want the wait for %q", w, name)
			}
		case err := <-got:
			t.Fatalf("it did not wait for %q: %v", name, err)
		}
		if err := held[name].Unlock(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-got; err != nil {
		t.Error(err)
	}
}
