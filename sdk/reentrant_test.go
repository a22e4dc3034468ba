package sdk

import (
	"testing"
	"testing/synctest"
)

func TestAMutexCountsItsUnlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(fakeTTL)
		m := f.client(t).Mutex("x", WithReentrant())
		h := lock(t, m)
		if again := lock(t, m); again != h {
			t.Fatal("the second Lock got another hold")
		}
		for _, want := range []State{Held, Released} {
			if err := m.Unlock(t.Context()); err != nil {
				t.Errorf("Unlock = %v", err)
			}
			wantState(t, h, want)
		}
		wantError(t, "a third Unlock", m.Unlock(t.Context()), ErrNotHeld)
	})
}

// An Unlock that is repeated has no part in a Lock of the same owner that waits meanwhile.
func TestAnUnlockTooManyOfAReentrantHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(fakeTTL)
		m := f.client(t).Mutex("x", WithReentrant())
		first := lock(t, m)
		theirs := make(chan *Hold, 1)
		go func() { theirs <- lock(t, f.client(t).Mutex("x")) }()
		synctest.Wait()
		f.force("x", true)
		<-first.Lost()
		got := make(chan *Hold, 1)
		go func() { got <- lock(t, m) }()
		synctest.Wait()
		for range 3 {
			wantError(t, "Unlock of a lost hold", first.Unlock(t.Context()), ErrLost)
		}
		if err := (<-theirs).Unlock(t.Context()); err != nil {
			t.Fatal(err)
		}
		next := <-got
		if again, err := m.TryLock(t.Context()); again != next {
			t.Errorf("TryLock = %p, %v; want the owner's hold %p", again, err, next)
		}
	})
}

// Locks of one owner that wait together do so in the session that takes the place of a lost one, too.
func TestReentrantWaitsOutliveTheClientsOwnSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(fakeTTL)
		lock(t, f.client(t).Mutex("x"))
		m := f.client(t).Mutex("x", WithReentrant())
		got := make(chan *Hold)
		for range 3 {
			go func() { got <- lock(t, m) }()
		}
		synctest.Wait()
		f.end(true)
		first := <-got
		for range 2 {
			if h := <-got; h != first {
				t.Error("one owner got two holds")
			}
		}
		if _, places := f.holder("x"); places != 1 {
			t.Errorf("the owner has %d places in the queue; want 1", places)
		}
	})
}
