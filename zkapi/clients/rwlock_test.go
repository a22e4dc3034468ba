//go:build linux

package clients

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/sdk"
)

// A lockTest has a client of the SDK, of which each test has one.
type lockTest struct {
	cluster *clustertest.Cluster
	rest    *clustertest.Client
	sdk     *sdk.Client
}

func newLockTest(ctx context.Context, t *testing.T) *lockTest {
	cluster := clustertest.Start(t, 1, clustertest.Options{})
	return &lockTest{cluster, cluster.Client(clustertest.ClientOptions{}), dialSDK(ctx, t, cluster.Endpoints()...)}
}

func unlock(ctx context.Context, t *testing.T, h *sdk.Hold) {
	t.Helper()
	if err := h.Unlock(ctx); err != nil {
		t.Fatal(err)
	}
}

// contenders waits until so many stand at a lock, holding or waiting.
func (l *lockTest) contenders(ctx context.Context, t *testing.T, name string, n int) (q clustertest.Queue) {
	t.Helper()
	clustertest.Eventually(t, patience, "the contenders", func() bool {
		var err error
		q, err = l.rest.Queue(ctx, name)
		return err == nil && q.Contenders == n
	})
	return q
}

// tried fails the test unless a try of ours comes to what it should.
func tried(ctx context.Context, t *testing.T, what string, try func(context.Context) (*sdk.Hold, error), free bool) {
	t.Helper()
	h, err := try(ctx)
	switch {
	case free && err != nil:
		t.Errorf("%s: %v", what, err)
	case !free && !errors.Is(err, sdk.ErrHeld):
		t.Errorf("%s: %v; want it refused", what, err)
	}
	if err == nil {
		unlock(ctx, t, h)
	}
}

// TestReadWriteLocks has read and write locks of ours and of Curator's InterProcessReadWriteLock
// share, exclude and follow each other, in both orders.
func TestReadWriteLocks(t *testing.T) {
	java := curatorProgram(t, "ReadWrite")
	reader, writer := with(java, "read"), with(java, "write")
	ctx, cancel := context.WithTimeout(t.Context(), 6*patience)
	defer cancel()
	l := newLockTest(ctx, t)

	t.Run("ours first", func(t *testing.T) {
		const name = "rw/ours"
		m := l.sdk.RWMutex(name)
		ours, err := m.RLock(ctx)
		if err != nil {
			t.Fatal(err)
		}
		r := contend(t, l.cluster, "/"+name, reader)
		r.says(t, "asks")
		r.says(t, "held") // together with ours
		w := contend(t, l.cluster, "/"+name, writer)
		w.says(t, "asks")
		q := l.contenders(ctx, t, name, 3)
		if len(q.Waiters) != 1 || q.Waiters[0].Position != 2 {
			t.Errorf("the queue is %+v", q)
		}
		tried(ctx, t, "to read behind a writer that waits", m.TryRLock, false)
		unlock(ctx, t, ours)
		w.silent(t)
		r.release(t)
		r.says(t, "released")
		w.says(t, "held")
		tried(ctx, t, "to read beside a writer", m.TryRLock, false)
		w.release(t)
		w.says(t, "released")
		l.contenders(ctx, t, name, 0)
	})

	t.Run("theirs first", func(t *testing.T) {
		const name = "rw/theirs"
		m, mutex := l.sdk.RWMutex(name), l.sdk.Mutex(name)
		r := contend(t, l.cluster, "/"+name, reader)
		r.says(t, "asks")
		r.says(t, "held")
		tried(ctx, t, "to read beside a reader", m.TryRLock, true)
		tried(ctx, t, "to write beside a reader", m.TryLock, false)
		tried(ctx, t, "a mutex beside a reader", mutex.TryLock, false)
		got := make(chan *sdk.Hold, 1)
		go func() {
			h, err := m.Lock(ctx)
			if err != nil {
				t.Error(err)
			}
			got <- h
		}()
		l.contenders(ctx, t, name, 2)
		behind := contend(t, l.cluster, "/"+name, reader)
		behind.says(t, "asks")
		l.contenders(ctx, t, name, 3)
		behind.silent(t)
		r.release(t)
		r.says(t, "released")
		ours := <-got
		behind.silent(t)

		// A writer of ours that goes on as a reader lets theirs in.
		if err := m.Downgrade(ctx, ours); err != nil {
			t.Fatal(err)
		}
		behind.says(t, "held")
		tried(ctx, t, "to write beside both", m.TryLock, false)
		unlock(ctx, t, ours)
		behind.release(t)
		behind.says(t, "released")
		l.contenders(ctx, t, name, 0)

		w := contend(t, l.cluster, "/"+name, writer)
		w.says(t, "asks")
		w.says(t, "held")
		tried(ctx, t, "to read beside a writer", m.TryRLock, false)
		w.release(t)
		w.says(t, "released")
	})
}

// TestReadWriteCompatAll has locks of ours that keep every client away stand beside clients that do
// not know read-write locks of our kind.
func TestReadWriteCompatAll(t *testing.T) {
	py, java := kazoo(t), curator(t)
	ctx, cancel := context.WithTimeout(t.Context(), 6*patience)
	defer cancel()
	l := newLockTest(ctx, t)
	zkc := dial(t, l.cluster.Members[0])
	for _, test := range []struct {
		name   string
		lock   func(m *sdk.RWMutex) (*sdk.Hold, error)
		client []string
		shared bool
	}{
		{"our reader, kazoo's", func(m *sdk.RWMutex) (*sdk.Hold, error) { return m.RLock(ctx) }, with(py, "ReadLock"), true},
		{"our reader, kazoo's writer", func(m *sdk.RWMutex) (*sdk.Hold, error) { return m.RLock(ctx) }, with(py, "WriteLock"), false},
		{"our reader, Curator's mutex", func(m *sdk.RWMutex) (*sdk.Hold, error) { return m.RLock(ctx) }, java, false},
		{"our writer, kazoo's reader", func(m *sdk.RWMutex) (*sdk.Hold, error) { return m.Lock(ctx) }, with(py, "ReadLock"), false},
		{"our writer, kazoo's", func(m *sdk.RWMutex) (*sdk.Hold, error) { return m.Lock(ctx) }, with(py, "WriteLock"), false},
		{"our writer, Curator's mutex", func(m *sdk.RWMutex) (*sdk.Hold, error) { return m.Lock(ctx) }, java, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			const name = "rw/compat"
			m := l.sdk.RWMutex(name, sdk.WithCompatAll())
			ours, err := test.lock(m)
			if err != nil {
				t.Fatal(err)
			}
			names, _, err := zkc.Children("/" + name)
			if err != nil || len(names) != 3 {
				t.Errorf("the lock stands under %q, %v; want three names", names, err)
			}
			other := contend(t, l.cluster, "/"+name, test.client)
			l.contenders(ctx, t, name, 2)
			if !test.shared {
				other.silent(t)
				unlock(ctx, t, ours)
			}
			other.says(t, "held")
			tried(ctx, t, "to write", m.TryLock, false)
			other.release(t)
			other.says(t, "there")
			if test.shared {
				unlock(ctx, t, ours)
			}
			l.contenders(ctx, t, name, 0)
			if names, _, err := zkc.Children("/" + name); err != nil && !errors.Is(err, zk.ErrNoNode) || len(names) != 0 {
				t.Errorf("left: %q, %v", names, err)
			}
		})
	}

	t.Run("go-zookeeper", func(t *testing.T) {
		const name = "rw/go"
		ours, err := l.sdk.RWMutex(name, sdk.WithCompatAll()).RLock(ctx)
		if err != nil {
			t.Fatal(err)
		}
		foreign := zk.NewLock(zkc, "/"+name, zk.WorldACL(zk.PermAll))
		got := make(chan error, 1)
		go func() { got <- foreign.Lock() }()
		l.contenders(ctx, t, name, 2)
		select {
		case err := <-got:
			t.Fatalf("two holders: %v", err)
		default:
		}
		unlock(ctx, t, ours)
		if err := <-got; err != nil {
			t.Fatal(err)
		}
		tried(ctx, t, "to read", l.sdk.RWMutex(name).TryRLock, false)
		if err := foreign.Unlock(); err != nil {
			t.Error(err)
		}
	})
}

// TestMultiLocks has several locks of ours and Curator's InterProcessMultiLock take turns.
func TestMultiLocks(t *testing.T) {
	theirs := curatorProgram(t, "ReadWrite", "multi")
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
	defer cancel()
	l := newLockTest(ctx, t)
	m := l.sdk.MultiLock([]string{"multi/b", "multi/a"})
	ours, err := m.Lock(ctx)
	if err != nil {
		t.Fatal(err)
	}
	other := contend(t, l.cluster, "/multi", theirs)
	other.says(t, "asks")
	l.contenders(ctx, t, "multi/a", 2)
	other.silent(t)
	if err := ours.Unlock(ctx); err != nil {
		t.Fatal(err)
	}
	other.says(t, "held")
	if _, err := m.TryLock(ctx); !errors.Is(err, sdk.ErrHeld) {
		t.Errorf("beside theirs: %v", err)
	}
	got := make(chan error, 1)
	go func() {
		h, err := m.Lock(ctx)
		if err == nil {
			err = h.Unlock(ctx)
		}
		got <- err
	}()
	l.contenders(ctx, t, "multi/b", 2)
	other.release(t)
	other.says(t, "released")
	if err := <-got; err != nil {
		t.Error(err)
	}
}

// TestLockDelayAndCurator: a lock whose holder has expired rests for Curator's clients, too.
func TestLockDelayAndCurator(t *testing.T) {
	java := curator(t)
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
	defer cancel()
	l := newLockTest(ctx, t)
	const name, delay = "delayed", 3 * time.Second
	h, err := l.rest.Acquire(ctx, name, clustertest.Acquire{TTL: 2 * time.Second, LockDelay: delay})
	if err != nil {
		t.Fatal(err)
	}
	other := contend(t, l.cluster, "/"+name, java)
	var rests time.Time
	clustertest.Eventually(t, patience, "the lock rests", func() bool {
		q, err := l.rest.Queue(ctx, name)
		rests = time.Now()
		return err == nil && q.State == "resting" && q.Holder.Token == h.Token && q.Contenders == 2
	})
	other.silent(t)
	other.says(t, "held")
	if rested := time.Since(rests); rested < delay/2 {
		t.Errorf("it rested for %v after it was seen; want about %v", rested, delay)
	}
	other.release(t)
}
