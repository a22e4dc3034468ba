//go:build linux

package clients

import (
	"context"
	"errors"
	"testing"

	"github.com/go-zookeeper/zk"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// TestReadWriteLocks has read and write locks of ours and of Curator's InterProcessReadWriteLock
// share, exclude and follow each other, in both orders.
func TestReadWriteLocks(t *testing.T) {
	t.Parallel()
	reader, writer := curator("read"), curator("write")
	read, write := ask{mode: "read"}, ask{mode: "write"}
	ctx, cancel := context.WithTimeout(t.Context(), 6*patience)
	defer cancel()
	cluster := clustertest.Start(t, 1, clustertest.Options{})
	o := allDoors(t, cluster)

	t.Run("ours first", func(t *testing.T) {
		const name = "rw/ours"
		ours := o.holds(ctx, t, name, read)
		second := o.holds(ctx, t, name, read)
		r := contend(t, cluster, reader, "/"+name)
		r.says(t, "held") // together with ours
		w := contend(t, cluster, writer, "/"+name)
		q := o.queue(ctx, t, name, 4)
		if len(q.Waiters) != 1 || q.Waiters[0].Position != 3 {
			t.Errorf("the queue is %+v", q)
		}
		o.tried(ctx, t, "to read behind a writer that waits", name, read, false)
		released(ctx, t, ours, second)
		w.silent(t)
		r.release(t)
		w.says(t, "held")
		o.tried(ctx, t, "to read beside a writer", name, read, false)
		w.release(t)
		o.queue(ctx, t, name, 0)
	})

	t.Run("theirs first", func(t *testing.T) {
		const name = "rw/theirs"
		r := contend(t, cluster, reader, "/"+name)
		r.says(t, "held")
		o.tried(ctx, t, "to read beside a reader", name, read, true)
		o.tried(ctx, t, "to write beside a reader", name, write, false)
		o.tried(ctx, t, "a mutex beside a reader", name, ask{}, false)
		k := begin(ctx, t, o.program(), name, write)
		o.queue(ctx, t, name, 2)
		behind := contend(t, cluster, reader, "/"+name)
		o.queue(ctx, t, name, 3)
		behind.silent(t)
		r.release(t)
		ours := k.holds(t)
		behind.silent(t)

		// A writer of ours that goes on as a reader lets theirs in.
		if err := ours.downgrade(ctx); err != nil {
			t.Fatal(err)
		}
		behind.says(t, "held")
		o.tried(ctx, t, "to write beside both", name, write, false)
		released(ctx, t, ours)
		behind.release(t)
		o.queue(ctx, t, name, 0)

		w := contend(t, cluster, writer, "/"+name)
		w.says(t, "held")
		o.tried(ctx, t, "to read beside a writer", name, read, false)
		k = o.asks(ctx, t, name, write)
		o.queue(ctx, t, name, 2)
		w.release(t)
		released(ctx, t, k.holds(t))
	})
}

// TestReadWriteCompatAll has locks of ours that keep every client away stand beside clients that do
// not know read-write locks of our kind, or know nothing of one another.
func TestReadWriteCompatAll(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 6*patience)
	defer cancel()
	cluster := clustertest.Start(t, 1, clustertest.Options{})
	o := allDoors(t, cluster)
	zkc := dial(t, cluster.Members[0])
	read, write := ask{mode: "read", compat: "all"}, ask{mode: "write", compat: "all"}
	for _, test := range []struct {
		name   string
		ours   ask
		client peer
		reads  bool // so does the client
	}{
		{"our reader, kazoo's", read, kazoo("ReadLock"), true},
		{"our reader, kazoo's writer", read, kazoo("WriteLock"), false},
		{"our reader, Curator's", read, curator("read"), true},
		{"our reader, Curator's writer", read, curator("write"), false},
		{"our reader, Curator's mutex", read, curator("mutex"), false},
		{"our writer, kazoo's reader", write, kazoo("ReadLock"), true},
		{"our writer, kazoo's", write, kazoo("WriteLock"), false},
		{"our writer, kazoo's lock", write, kazoo("Lock"), false},
		{"our writer, Curator's reader", write, curator("read"), true},
		{"our writer, Curator's", write, curator("write"), false},
		{"our writer, Curator's mutex", write, curator("mutex"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			const name = "rw/compat"
			ours := o.holds(ctx, t, name, test.ours)
			names, _, err := zkc.Children("/" + name)
			if err != nil || len(names) != 3 {
				t.Errorf("the lock stands under %q, %v; want three names", names, err)
			}
			theirs := contend(t, cluster, test.client, "/"+name)
			o.queue(ctx, t, name, 2)
			shared := test.reads && test.ours.mode == "read"
			if !shared {
				theirs.silent(t)
				released(ctx, t, ours)
			}
			theirs.says(t, "held")
			o.tried(ctx, t, "to write", name, write, false)
			o.tried(ctx, t, "to read", name, read, test.reads)
			if shared {
				released(ctx, t, ours)
			}

			// Ours behind theirs.
			k := o.asks(ctx, t, name, write)
			o.queue(ctx, t, name, 2)
			k.waits(t)
			theirs.release(t)
			released(ctx, t, k.holds(t))
			empty(t, zkc, "/"+name)
		})
	}

	t.Run("go-zookeeper", func(t *testing.T) {
		const name = "rw/go"
		ours := o.holds(ctx, t, name, read)
		foreign := goLocks(zkc, "/"+name)
		o.queue(ctx, t, name, 2)
		foreign.waits(t)
		released(ctx, t, ours)
		foreign.holds(t)
		o.tried(ctx, t, "to read", name, ask{mode: "read"}, false)
		o.tried(ctx, t, "to read, with compat=all", name, read, false)
		k := o.asks(ctx, t, name, write)
		o.queue(ctx, t, name, 2)
		k.waits(t)
		foreign.release(t)
		released(ctx, t, k.holds(t))
	})
}

// empty fails the test if a lock's directory has any children.
func empty(t *testing.T, c *zk.Conn, dir string) {
	t.Helper()
	if names, _, err := c.Children(dir); err != nil && !errors.Is(err, zk.ErrNoNode) || len(names) != 0 {
		t.Errorf("left: %q, %v", names, err)
	}
}

// TestMultiLocks has several locks of ours and Curator's InterProcessMultiLock take turns; and several
// that keep every client away hold Curator's, kazoo's and go-zookeeper's locks off at once.
func TestMultiLocks(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
	defer cancel()
	cluster := clustertest.Start(t, 1, clustertest.Options{})
	o := allDoors(t, cluster)

	t.Run("Curator's", func(t *testing.T) {
		const a, b = "multi/a", "multi/b"
		both := ask{also: []string{a}}
		ours := o.holds(ctx, t, b, both)
		theirs := contend(t, cluster, curator("multi"), "/"+a, "/"+b)
		o.queue(ctx, t, a, 2)
		theirs.silent(t)
		released(ctx, t, ours)
		theirs.says(t, "held")
		o.tried(ctx, t, "beside theirs", b, both, false)
		k := o.asks(ctx, t, b, both)
		o.queue(ctx, t, a, 2)
		o.queue(ctx, t, b, 2)
		k.waits(t)
		theirs.release(t)
		released(ctx, t, k.holds(t))
	})

	t.Run("compat=all", func(t *testing.T) {
		zkc := dial(t, cluster.Members[0])
		const a, b, c = "several/a", "several/b", "several/c"
		all := ask{also: []string{b, c}, compat: "all"}
		for range o.doors {
			ours := o.holds(ctx, t, a, all)
			py, j, foreign := contend(t, cluster, kazoo("Lock"), "/"+a), contend(t, cluster, curator("mutex"), "/"+b), goLocks(zkc, "/"+c)
			for _, name := range []string{a, b, c} {
				o.queue(ctx, t, name, 2)
			}
			py.silent(t)
			j.silent(t)
			foreign.waits(t)
			released(ctx, t, ours)
			py.says(t, "held")
			j.says(t, "held")
			foreign.holds(t)
			o.tried(ctx, t, "beside theirs", a, all, false)
			o.tried(ctx, t, "beside one of theirs", b, ask{compat: "all"}, false)
			k := o.asks(ctx, t, a, all)
			for _, name := range []string{a, b, c} {
				o.queue(ctx, t, name, 2)
			}
			for _, release := range []func(*testing.T){py.release, foreign.release, j.release} {
				k.waits(t)
				release(t)
			}
			released(ctx, t, k.holds(t))
			for _, name := range []string{a, b, c} {
				empty(t, zkc, "/"+name)
			}
		}
	})
}
