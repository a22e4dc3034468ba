package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/znode"
)

// A bell counts the events that a watcher was told.
type bell struct {
	mu     sync.Mutex
	events []znode.Event
}

func (b *bell) Notify(e znode.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, e)
}

func (b *bell) MayRead([]znode.ACL) bool { return true }

func (b *bell) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.events)
}

func TestReads(t *testing.T) {
	t.Parallel()
	members := membertest.Start(t, 3)
	leader := membertest.Leader(t, members...)
	follower := membertest.Follower(t, members...)

	t.Run("own writes", func(t *testing.T) {
		do(t, follower, create("/own"))
		for i := range 300 {
			want := fmt.Sprint(i)
			out := do(t, follower, set("/own", want))
			if got, _ := data(follower, "/own"); got != want {
				t.Fatalf("read %q after writing %q", got, want)
			}
			if follower.Store.Revision() < out.Revision {
				t.Fatalf("the tree is at %d, the answer came from %d", follower.Store.Revision(), out.Revision)
			}
		}
	})
	t.Run("sync", func(t *testing.T) {
		ctx := membertest.Context(t, quorumtest.Patience)
		do(t, leader, create("/sync"))
		for i := range 100 {
			want := fmt.Sprint(i)
			out := do(t, members[i%3], set("/sync", want))
			reader := members[(i+1)%3]
			fresh := store.Read{Linearizable: true}
			if i%2 == 1 {
				fresh = store.Read{MinRevision: out.Revision}
			}
			if err := reader.Store.Fresh(ctx, fresh); err != nil {
				t.Fatal(err)
			}
			if got, _ := data(reader, "/sync"); got != want {
				t.Fatalf("%s read %q after %q was written at %s", reader.Name(), got, want, members[i%3].Name())
			}
		}
	})
	t.Run("a revision that never comes", func(t *testing.T) {
		err := follower.Store.WaitRevision(short(t, 20*time.Millisecond), follower.Store.Revision()+1_000_000)
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("WaitRevision = %v; want ErrUnavailable", err)
		}
	})
	t.Run("watch before answer", func(t *testing.T) {
		do(t, follower, create("/w"))
		b := &bell{}
		for i := range 200 {
			follower.Store.Watches(func(_ *znode.Tree, w *znode.Watches, _ int64) { w.Add("/w", b, znode.WatchData) })
			do(t, follower, set("/w", fmt.Sprint(i)))
			if b.count() != i+1 {
				t.Fatalf("%d events after answer %d", b.count(), i+1)
			}
		}
	})
	t.Run("event before the new value", func(t *testing.T) {
		out := do(t, leader, create("/before"))
		if err := follower.Store.WaitRevision(t.Context(), out.Revision); err != nil {
			t.Fatal(err)
		}
		b := &bell{}
		follower.Store.Watches(func(_ *znode.Tree, w *znode.Watches, _ int64) {
			w.Add("/before", b, znode.WatchPersistent)
		})
		do(t, leader, set("/before", "new"))
		quorumtest.Eventually(t, "the new value", func() bool {
			text, _ := data(follower, "/before")
			return text == "new" // and from here on the event must have been told
		})
		if b.count() == 0 {
			t.Error("the value was read before the watch was told")
		}
	})
}
