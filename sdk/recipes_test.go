package sdk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/sdk"
)

func patience(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// TestRWMutexShares: many readers and writers of several clients; a writer is always alone.
func TestRWMutexShares(t *testing.T) {
	ctx := patience(t)
	var readers, writers, most atomic.Int32
	var wg sync.WaitGroup
	for i := range 4 {
		c := client(fmt.Sprint("rw", i))
		defer c.Close(ctx)
		m := c.RWMutex("test/rw")
		for w := range 4 {
			wg.Go(func() {
				for n := range 10 {
					if (n+w)%4 == 0 {
						h, err := m.Lock(ctx)
						if err != nil {
							t.Error(err)
							return
						}
						if writers.Add(1) != 1 || readers.Load() != 0 {
							t.Errorf("%d write while %d read", writers.Load(), readers.Load())
						}
						writers.Add(-1)
						if n%2 == 0 {
							if err := h.Unlock(ctx); err != nil {
								t.Error(err)
							}
							continue
						}
						if err := m.Downgrade(ctx, h); err != nil {
							t.Error(err)
							return
						}
						if err := h.Unlock(ctx); err != nil {
							t.Error(err)
						}
						continue
					}
					h, err := m.RLock(ctx)
					if err != nil {
						t.Error(err)
						return
					}
					if n := readers.Add(1); n > most.Load() {
						most.Store(n)
					}
					if writers.Load() != 0 {
						t.Error("reads while another writes")
					}
					readers.Add(-1)
					if err := h.Unlock(ctx); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	t.Logf("up to %d read at once", most.Load())
}

func TestDowngradeOfOthers(t *testing.T) {
	ctx := patience(t)
	c := client("downgrade")
	defer c.Close(ctx)
	m := c.RWMutex("test/downgrade")
	plain, err := c.Mutex("test/downgrade").Lock(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Downgrade(ctx, plain); !errors.Is(err, sdk.ErrInput) {
		t.Errorf("of a mutex's hold: %v", err)
	}
	if err := plain.Unlock(ctx); err != nil {
		t.Fatal(err)
	}
	h, err := m.Lock(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Unlock(ctx); err != nil {
		t.Fatal(err)
	}
	if err := m.Downgrade(ctx, h); !errors.Is(err, sdk.ErrReleased) {
		t.Errorf("of what was released: %v", err)
	}
	ended, cancel := context.WithCancel(ctx)
	if h, err = m.Lock(ctx); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := m.Downgrade(ended, h); !errors.Is(err, context.Canceled) || h.State() != sdk.Held {
		t.Errorf("with a context that has ended: %v, %v", err, h.State())
	}
	if err := h.Unlock(ctx); err != nil {
		t.Error(err)
	}
}

// TestMultiLockIsAllOrNone: what is taken by force ends the whole, and a wait that ends leaves
// nothing behind.
func TestMultiLockIsAllOrNone(t *testing.T) {
	ctx := patience(t)
	c, other := client("multi"), client("other")
	defer c.Close(ctx)
	defer other.Close(ctx)
	names := []string{"test/m/b", "test/m/a", "test/m/c"}
	held, err := other.Mutex("test/m/c").Lock(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.MultiLock(names).TryLock(ctx); !errors.Is(err, sdk.ErrHeld) {
		t.Errorf("a try: %v", err)
	}
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if _, err := c.MultiLock(names).Lock(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a wait: %v", err)
	}
	for _, name := range names[:2] { // given back in the background
		h, err := other.Mutex(name).Lock(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Unlock(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := held.Unlock(ctx); err != nil {
		t.Fatal(err)
	}
	all, err := c.MultiLock(names).Lock(ctx)
	if err != nil {
		t.Fatal(err)
	}
	lost := all.Holds()[1]
	if err := other.ForceRelease(ctx, lost.Name(), lost.Token(), "for the test"); err != nil {
		t.Fatal(err)
	}
	<-all.Context().Done()
	if err := all.Err(); !errors.Is(err, sdk.ErrLost) || !errors.Is(context.Cause(all.Context()), sdk.ErrLost) {
		t.Errorf("after one was taken: %v, %v", err, context.Cause(all.Context()))
	}
	if all.Holds()[0].Err() != nil || all.Holds()[2].Err() != nil {
		t.Error("the others ended, too: they have the same token")
	}
	if err := all.Unlock(ctx); !errors.Is(err, sdk.ErrLost) {
		t.Errorf("unlock: %v", err)
	}
	again, err := other.MultiLock(names).TryLock(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Unlock(ctx); err != nil {
		t.Error(err)
	}
}

// TestMultiLockWaitsLong: a wait for longer than a request may take is no reason to leave the member.
func TestMultiLockWaitsLong(t *testing.T) {
	ctx := patience(t)
	var broken atomic.Int32
	logger := slog.New(slog.NewTextHandler(writer(func(line []byte) (int, error) {
		if bytes.Contains(line, []byte("the stream is broken")) {
			broken.Add(1)
		}
		return len(line), nil
	}), nil))
	const answerWithin = 500 * time.Millisecond
	c, other := client("long", sdk.WithRequestTimeout(answerWithin), sdk.WithLogger(logger)), client("other")
	defer c.Close(ctx)
	defer other.Close(ctx)
	held, err := other.Mutex("test/long/b").Lock(ctx)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(4*answerWithin, func() {
		if err := held.Unlock(ctx); err != nil {
			t.Error(err)
		}
	})
	all, err := c.MultiLock([]string{"test/long/a", "test/long/b"}).Lock(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if n := broken.Load(); n != 0 {
		t.Errorf("the stream was given up %d times", n)
	}
	if err := all.Unlock(ctx); err != nil {
		t.Error(err)
	}
}

// A writer is a function that writes.
type writer func([]byte) (int, error)

func (w writer) Write(line []byte) (int, error) { return w(line) }

// TestReentrantOwners: goroutines of one owner hold together, others wait.
func TestReentrantOwners(t *testing.T) {
	ctx := patience(t)
	c := client("owner")
	defer c.Close(ctx)
	one := c.Mutex("test/again", sdk.WithReentrant(), sdk.WithLockOwner("one"))
	two := c.Mutex("test/again", sdk.WithReentrant(), sdk.WithLockOwner("two"))
	var holds [8]*sdk.Hold
	var wg sync.WaitGroup
	for i := range holds {
		wg.Go(func() {
			h, err := one.Lock(ctx)
			if err != nil {
				t.Error(err)
			}
			holds[i] = h
		})
	}
	wg.Wait()
	if _, err := two.TryLock(ctx); !errors.Is(err, sdk.ErrHeld) {
		t.Errorf("another owner: %v", err)
	}
	for i, h := range holds {
		if h != holds[0] || h.State() != sdk.Held {
			t.Fatalf("hold %d: %p, %v", i, h, h.State())
		}
		if err := h.Unlock(ctx); err != nil {
			t.Error(err)
		}
	}
	if err := holds[0].Unlock(ctx); !errors.Is(err, sdk.ErrNotHeld) {
		t.Errorf("one Unlock too many: %v", err)
	}
	h, err := two.TryLock(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Unlock(ctx); err != nil {
		t.Error(err)
	}
}

// TestReentrantDowngrade: who locks again after a downgrade would write, and does not get in by a hold
// that is to read now.
func TestReentrantDowngrade(t *testing.T) {
	ctx := patience(t)
	c := client("downgrades")
	defer c.Close(ctx)
	m := c.RWMutex("test/again/rw", sdk.WithReentrant())
	h, err := m.Lock(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := m.Lock(ctx); again != h {
		t.Fatalf("locked again: %v", err)
	}
	if err := m.Downgrade(ctx, h); err != nil {
		t.Fatal(err)
	}
	if _, err := m.TryLock(ctx); !errors.Is(err, sdk.ErrHeld) {
		t.Errorf("locked to write while it is read: %v", err)
	}
	for _, want := range []sdk.State{sdk.Held, sdk.Released} {
		if err := h.Unlock(ctx); err != nil || h.State() != want {
			t.Errorf("unlock: %v; the hold is %v, want %v", err, h.State(), want)
		}
	}
	if h, err = m.TryLock(ctx); err != nil {
		t.Fatal(err)
	}
	if err := h.Unlock(ctx); err != nil {
		t.Error(err)
	}
}
