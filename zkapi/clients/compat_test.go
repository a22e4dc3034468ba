//go:build linux

package clients

import (
	"context"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/sdk"
)

// TestCompatAll has locks of ours that keep every client away take turns with clients that know
// nothing of one another; it shows 120.
func TestCompatAll(t *testing.T) {
	t.Parallel()
	cluster := clustertest.Start(t, 1, clustertest.Options{})
	o := allDoors(t, cluster)
	zkc := dial(t, cluster.Members[0])

	// Each client stands between two of our locks.
	for _, client := range []struct {
		name  string
		peer  peer
		reads bool
	}{
		{"kazoo Lock", kazoo("Lock"), false},
		{"kazoo WriteLock", kazoo("WriteLock"), false},
		{"kazoo ReadLock", kazoo("ReadLock"), true},
		{"Curator", curator("mutex"), false},
	} {
		t.Run(client.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
			defer cancel()
			const name, dir = "compat/taking-turns", "/compat/taking-turns"
			first := o.holds(ctx, t, name, ask{compat: "all", owner: "first"})
			between := contend(t, cluster, client.peer, dir)
			o.queue(ctx, t, name, 2)
			var second *asking
			if !client.reads { // a ReadLock also waits for writers behind it that were there when it looked
				second = o.asks(ctx, t, name, ask{compat: "all", owner: "second"})
				if q := o.queue(ctx, t, name, 3); q.Holder.Owner != "first" || q.Waiters[1].Owner != "second" || q.Waiters[1].Position != 2 {
					t.Errorf("the queue is %+v", q)
				}
			}
			between.silent(t)
			released(ctx, t, first)
			between.says(t, "held")
			if client.reads {
				second = o.asks(ctx, t, name, ask{compat: "all"})
				o.queue(ctx, t, name, 2)
			}
			o.tried(ctx, t, "beside theirs", name, ask{compat: "all"}, false)
			second.waits(t)
			between.release(t)
			released(ctx, t, second.holds(t))
			empty(t, zkc, dir)
		})
	}

	t.Run("go-zookeeper", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
		defer cancel()
		const name, dir = "compat/go", "/compat/go"
		ours := o.holds(ctx, t, name, ask{compat: "all"})
		foreign := goLocks(zkc, dir)
		o.queue(ctx, t, name, 2)
		second := o.asks(ctx, t, name, ask{compat: "all"})
		o.queue(ctx, t, name, 3)
		foreign.waits(t)
		released(ctx, t, ours)
		foreign.holds(t)
		o.tried(ctx, t, "beside theirs", name, ask{compat: "all"}, false)
		second.waits(t)
		foreign.release(t)
		released(ctx, t, second.holds(t))
		empty(t, zkc, dir)
	})

	t.Run("whoever deletes one name ends the hold", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
		defer cancel()
		c := dialSDK(ctx, t, cluster.Endpoints()...)
		const name, dir = "compat/deleted", "/compat/deleted"
		hold, err := c.Mutex(name, sdk.WithCompatAll()).Lock(ctx)
		if err != nil {
			t.Fatal(err)
		}
		q := waiting(ctx, t, o.rest, name, 0)
		names, _, err := zkc.Children(dir)
		if err != nil || len(names) != 2 {
			t.Fatalf("%v, %v", names, err)
		}
		for _, child := range names {
			if path := dir + "/" + child; path != q.Holder.Znode {
				if err := zkc.Delete(path, -1); err != nil {
					t.Fatal(err)
				}
			}
		}
		select {
		case <-hold.Lost():
		case <-ctx.Done():
			t.Error("the hold goes on with half a lock")
		}
		if names, _, err := zkc.Children(dir); err != nil || len(names) != 0 {
			t.Errorf("left: %v, %v", names, err)
		}

		hold, err = c.Mutex(name, sdk.WithCompatAll()).Lock(ctx)
		if err != nil {
			t.Fatal(err)
		}
		force(ctx, t, cluster.Endpoints()[0]+"/v1/locks/"+name+"/release")
		<-hold.Lost()
		if names, _, err := zkc.Children(dir); err != nil || len(names) != 0 {
			t.Errorf("left after a forced release: %v, %v", names, err)
		}
	})
}

// waiting returns a lock's queue once it is held and so many wait.
func waiting(ctx context.Context, t *testing.T, rest *clustertest.Client, name string, waiters int) (q clustertest.Queue) {
	t.Helper()
	clustertest.Eventually(t, patience, "the queue", func() bool {
		var err error
		q, err = rest.Queue(ctx, name)
		return err == nil && q.Holder != nil && len(q.Waiters) == waiters
	})
	return q
}
