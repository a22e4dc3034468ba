//go:build linux

package clients

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/sdk"
)

// TestDeadlocks closes cycles over the doors of three members: whoever comes by a door of ours is
// refused, with everybody in the cycle told; a cycle of ZooKeeper's clients alone is listed.
func TestDeadlocks(t *testing.T) {
	t.Parallel()
	cluster := clustertest.Start(t, 3, clustertest.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	rest := cluster.Client(clustertest.ClientOptions{})
	ours := dialSDK(ctx, t, cluster.Members[1].URL())
	open := func(t *testing.T) string {
		t.Helper()
		l, err := rest.Open(ctx, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return l.Session
	}
	// cycles waits until so many are listed.
	cycles := func(t *testing.T, n int) (list sdk.DeadlockList) {
		t.Helper()
		clustertest.Eventually(t, patience, "the list of deadlocks", func() bool {
			var err error
			list, err = ours.Deadlocks(ctx)
			return err == nil && list.Total == n && len(list.Cycles) == n && list.Complete
		})
		return list
	}

	t.Run("REST, SDK and go-zookeeper", func(t *testing.T) {
		foreign := dial(t, cluster.Members[2])
		session := open(t)
		if _, err := rest.Acquire(ctx, "dead/x", clustertest.Acquire{Session: session, Owner: "rest"}); err != nil {
			t.Fatal(err)
		}
		y, err := ours.Mutex("dead/y", sdk.WithLockOwner("sdk")).Lock(ctx)
		if err != nil {
			t.Fatal(err)
		}
		z, x := zk.NewLock(foreign, "/dead/z", zk.WorldACL(zk.PermAll)), zk.NewLock(foreign, "/dead/x", zk.WorldACL(zk.PermAll))
		if err := z.Lock(); err != nil {
			t.Fatal(err)
		}
		got := make(chan error, 1)
		go func() { got <- x.Lock() }()
		waiting(ctx, t, rest, "dead/x", 1)
		if _, err := rest.Enqueue(ctx, "dead/y", clustertest.Acquire{Session: session, Owner: "rest"}); err != nil {
			t.Fatal(err)
		}
		cycles(t, 0)
		chain, err := ours.Blockers(ctx, "dead/y")
		if err != nil || len(chain.Links) != 1 || chain.Links[0].Owner != "sdk" || chain.Cycle {
			t.Errorf("Blockers: %+v, %v", chain, err)
		}
		_, err = ours.Mutex("dead/z", sdk.WithLockOwner("sdk")).Lock(ctx)
		e, ok := errors.AsType[*sdk.DeadlockError](err)
		if !ok || !errors.Is(err, sdk.ErrDeadlock) || len(e.Cycle) != 3 {
			t.Fatalf("the wait that closes the cycle: %v", err)
		}
		for i, want := range []struct{ door, holds, waits string }{{"stream", "dead/y", "dead/z"}, {"zookeeper", "dead/z", "dead/x"}, {"rest", "dead/x", "dead/y"}} {
			k := e.Cycle[i]
			if k.Door != want.door || k.Holds.Name != want.holds || !k.Holds.Holds || k.Waits.Name != want.waits || k.Waits.Since.IsZero() {
				t.Errorf("link %d: %+v; want %+v", i, k, want)
			}
		}
		waiting(ctx, t, rest, "dead/y", 1)
		cycles(t, 0)

		// It waits where it is told to; then the cycle is there for all to see, until one lets go.
		stubborn, stop := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() {
			_, err := ours.Mutex("dead/z", sdk.WithLockOwner("sdk"), sdk.WithDeadlock(sdk.DeadlockReport)).Lock(stubborn)
			ended <- err
		}()
		list := cycles(t, 1)
		if list.Cycles[0].Actors != 3 || len(list.Cycles[0].Links) != 3 {
			t.Errorf("the cycle is %+v", list.Cycles[0])
		}
		stop()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the stubborn one: %v", err)
		}
		cycles(t, 0)
		if err := y.Unlock(ctx); err != nil {
			t.Error(err)
		}
		if err := rest.CloseSession(ctx, session); err != nil {
			t.Error(err)
		}
		if err := <-got; err != nil {
			t.Errorf("go-zookeeper, when REST lets go: %v", err)
		}
	})

	for client, holds := range map[string]peer{"kazoo": kazoo("PatternLock"), "Curator": curator("mutex")} {
		t.Run("REST and "+client, func(t *testing.T) {
			name, other := "dead/"+client, "dead/ours-"+client
			session := open(t)
			if _, err := rest.Acquire(ctx, other, clustertest.Acquire{Session: session, Owner: "rest"}); err != nil {
				t.Fatal(err)
			}
			theirs := contend(t, cluster, holds, "/"+name)
			theirs.says(t, "held")
			theirs.tell(t, "lock /"+other)
			waiting(ctx, t, rest, other, 1)
			_, err := rest.Acquire(ctx, name, clustertest.Acquire{Session: session, Owner: "rest", Wait: patience})
			if clustertest.Code(err) != "deadlock" {
				t.Errorf("REST, which closes the cycle: %v", err)
			}
			theirs.silent(t)
			if err := rest.CloseSession(ctx, session); err != nil {
				t.Error(err)
			}
			theirs.says(t, "held")
			theirs.release(t)
		})

		t.Run("the SDK and "+client, func(t *testing.T) {
			name, other := "dead/sdk-"+client, "dead/ours-sdk-"+client
			mutex := func(name string) *sdk.Mutex { return ours.Mutex(name, sdk.WithLockOwner("sdk")) }
			hold, err := mutex(other).Lock(ctx)
			if err != nil {
				t.Fatal(err)
			}
			theirs := contend(t, cluster, holds, "/"+name)
			theirs.says(t, "held")
			theirs.tell(t, "lock /"+other)
			waiting(ctx, t, rest, other, 1)
			if _, err := mutex(name).Lock(ctx); !errors.Is(err, sdk.ErrDeadlock) {
				t.Errorf("the SDK, which closes the cycle: %v", err)
			}
			theirs.silent(t)
			if err := hold.Unlock(ctx); err != nil {
				t.Error(err)
			}
			theirs.says(t, "held")
			theirs.release(t)
		})
	}

	// Curator takes no notice of kazoo's names, so it is not it that waits for kazoo.
	t.Run("Curator, go-zookeeper and kazoo alone", func(t *testing.T) {
		conn := dial(t, cluster.Members[2])
		j, p := contend(t, cluster, curator("mutex"), "/dead/j"), contend(t, cluster, kazoo("PatternLock"), "/dead/p")
		j.says(t, "held")
		p.says(t, "held")
		g := goLocks(conn, "/dead/g")
		g.holds(t)
		j.tell(t, "lock /dead/g")
		waiting(ctx, t, rest, "dead/g", 1)
		p.tell(t, "lock /dead/j")
		waiting(ctx, t, rest, "dead/j", 1)
		cycles(t, 0)
		next := goLocks(conn, "/dead/p")
		list := cycles(t, 1)
		names := map[string]bool{}
		for _, k := range list.Cycles[0].Links {
			if names[k.Holds.Name] = true; k.Door != "zookeeper" {
				t.Errorf("a link of door %q", k.Door)
			}
		}
		if !names["dead/j"] || !names["dead/g"] || !names["dead/p"] || len(names) != 3 {
			t.Errorf("the cycle is %+v", list.Cycles[0])
		}
		g.release(t)
		j.says(t, "held")
		cycles(t, 0)
		j.release(t)
		p.says(t, "held")
		p.release(t)
		next.holds(t)
	})

	t.Run("go-zookeeper alone", func(t *testing.T) {
		a, b := dial(t, cluster.Members[0]), dial(t, cluster.Members[1])
		lock := func(c *zk.Conn, path string) *zk.Lock { return zk.NewLock(c, path, zk.WorldACL(zk.PermAll)) }
		for _, l := range []*zk.Lock{lock(a, "/dead/a"), lock(b, "/dead/b")} {
			if err := l.Lock(); err != nil {
				t.Fatal(err)
			}
		}
		got := make(chan error, 2)
		go func() { got <- lock(a, "/dead/b").Lock() }()
		go func() { got <- lock(b, "/dead/a").Lock() }()
		list := cycles(t, 1)
		var sessions []sdk.SessionID
		for _, k := range list.Cycles[0].Links {
			if sessions = append(sessions, k.Session); k.Door != "zookeeper" {
				t.Errorf("a link of door %q", k.Door)
			}
		}
		for _, c := range []*zk.Conn{a, b} {
			if !slices.Contains(sessions, sdk.SessionID(c.SessionID())) {
				t.Errorf("%x is not among %v", c.SessionID(), sessions)
			}
		}
		a.Close()
		<-got // of the one that is closed, or of the one that gets on
		cycles(t, 0)
		<-got
	})
}
