//go:build linux

package clients

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/sdk"
)

// patience bounds what these tests wait for.
const patience = 20 * time.Second

// A quietLog keeps go-zookeeper from writing to standard error.
type quietLog struct{}

func (quietLog) Printf(string, ...any) {}

// dial opens a go-zookeeper connection to one member.
func dial(t *testing.T, m *clustertest.Member) *zk.Conn {
	t.Helper()
	c, events, err := zk.Connect([]string{m.ZooKeeper}, 10*time.Second, zk.WithLogger(quietLog{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	end := time.After(patience)
	for {
		select {
		case e := <-events:
			if e.State == zk.StateHasSession {
				return c
			}
		case <-end:
			t.Fatal("no session")
		}
	}
}

// own returns the child of a lock's znode that the connection's session owns, and its czxid.
func own(t *testing.T, c *zk.Conn, dir string) (path string, czxid int64) {
	t.Helper()
	names, _, err := c.Children(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		_, s, err := c.Get(dir + "/" + name)
		if err == nil && s.EphemeralOwner == c.SessionID() {
			return dir + "/" + name, s.Czxid
		}
	}
	t.Fatalf("the session has no znode among %v", names)
	return "", 0
}

func TestGoZooKeeper(t *testing.T) {
	t.Parallel()
	cluster := clustertest.Start(t, 3, clustertest.Options{})
	a, b := dial(t, cluster.Members[0]), dial(t, cluster.Members[1])
	t.Run("one lock at two members", func(t *testing.T) {
		x, y := zk.NewLock(a, "/go/lock", zk.WorldACL(zk.PermAll)), zk.NewLock(b, "/go/lock", zk.WorldACL(zk.PermAll))
		if err := x.Lock(); err != nil {
			t.Fatal(err)
		}
		got := make(chan error, 1)
		go func() { got <- y.Lock() }()
		clustertest.Eventually(t, patience, "y in the queue", func() bool {
			names, _, err := a.Children("/go/lock")
			return err == nil && len(names) == 2
		})
		select {
		case err := <-got:
			t.Fatalf("two holders: %v", err)
		default:
		}
		if err := x.Unlock(); err != nil {
			t.Fatal(err)
		}
		if err := <-got; err != nil {
			t.Fatal(err)
		}
		if err := y.Unlock(); err != nil {
			t.Error(err)
		}
	})
	t.Run("multi, watches, auth", func(t *testing.T) {
		results, err := a.Multi(
			&zk.CreateRequest{Path: "/go/multi", Acl: zk.WorldACL(zk.PermAll)},
			&zk.SetDataRequest{Path: "/go/multi", Data: []byte("x"), Version: 0},
		)
		if err != nil || len(results) != 2 || results[1].Stat.Version != 1 {
			t.Fatalf("%+v, %v", results, err)
		}
		_, _, changed, err := a.GetW("/go/multi")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Sync("/go/multi"); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Set("/go/multi", []byte("y"), 1); err != nil {
			t.Fatal(err)
		}
		select {
		case e := <-changed:
			if e.Type != zk.EventNodeDataChanged || e.Path != "/go/multi" {
				t.Errorf("%+v", e)
			}
		case <-time.After(patience):
			t.Error("no event")
		}
		if err := a.AddAuth("digest", []byte("user:password")); err != nil {
			t.Error(err)
		}
		if _, err := a.Create("/go/secret", nil, 0, zk.DigestACL(zk.PermAll, "user", "password")); err != nil {
			t.Error(err)
		}
		if _, err := b.Sync("/go/secret"); err != nil {
			t.Error(err)
		}
		if _, _, err := b.Get("/go/secret"); !errors.Is(err, zk.ErrNoAuth) {
			t.Errorf("%v", err)
		}
	})
	t.Run("four-letter words", func(t *testing.T) {
		stats, ok := zk.FLWSrvr([]string{cluster.Members[0].ZooKeeper}, patience)
		if !ok || stats[0].Error != nil || stats[0].Mode == zk.ModeUnknown {
			t.Errorf("%+v", stats[0])
		}
		// It cannot read the line of its own connection, which has no session, and says so.
		if clients, _ := zk.FLWCons([]string{cluster.Members[0].ZooKeeper}, patience); clients[0].Error != nil || clients[0].Clients[0].SessionID != a.SessionID() {
			t.Errorf("%+v", clients[0])
		}
		if ruok := zk.FLWRuok([]string{cluster.Members[0].ZooKeeper}, patience); !ruok[0] {
			t.Error("not ok")
		}
	})
	t.Run("sessions go on at another member", func(t *testing.T) {
		c, _, err := zk.Connect(strings.Split(connectString(cluster), ","), 10*time.Second, zk.WithLogger(quietLog{}))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Create("/go/ephemeral", nil, zk.FlagEphemeral, zk.WorldACL(zk.PermAll)); err != nil {
			t.Fatal(err)
		}
		session, at := c.SessionID(), c.Server()
		at = strings.Replace(at, "localhost", "127.0.0.1", 1)
		i := slices.IndexFunc(cluster.Members, func(m *clustertest.Member) bool { return m.ZooKeeper == at })
		if i < 0 {
			t.Fatalf("connected to %q", at)
		}
		cluster.Members[i].Kill(t)
		clustertest.Eventually(t, patience, "the session at another member", func() bool {
			_, s, err := c.Exists("/go/ephemeral")
			return err == nil && s.EphemeralOwner == session && c.SessionID() == session && c.Server() != at
		})
	})
}

// dialSDK opens a client of the SDK that ends with the test.
func dialSDK(ctx context.Context, t *testing.T, endpoints ...string) *sdk.Client {
	t.Helper()
	client, err := sdk.Dial(ctx, endpoints)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		if err := client.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return client
}

// TestOneLockTwoDoors takes one lock through the stream, REST and ZooKeeper's protocol.
func TestOneLockTwoDoors(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	cluster := clustertest.Start(t, 1, clustertest.Options{})
	zkc := dial(t, cluster.Members[0])
	rest := cluster.Client(clustertest.ClientOptions{})
	c := dialSDK(ctx, t, cluster.Endpoints()...)
	const name, dir = "orders/42", "/orders/42"

	hold, err := c.Mutex(name).Lock(ctx)
	if err != nil {
		t.Fatal(err)
	}
	foreign := zk.NewLock(zkc, dir, zk.WorldACL(zk.PermAll))
	got := make(chan error, 1)
	go func() { got <- foreign.LockWithData([]byte("worker-7")) }()
	queue := func(waiters int) clustertest.Queue {
		t.Helper()
		return waiting(ctx, t, rest, name, waiters)
	}
	queue(1)
	place, err := c.Mutex(name).Enqueue(ctx)
	if err != nil {
		t.Fatal(err)
	}
	q := queue(2)
	if _, czxid := own(t, zkc, dir); q.Waiters[0].Owner != "worker-7" || q.Waiters[0].Token != czxid {
		t.Errorf("the waiter from the other door is %+v, of token %d", q.Waiters[0], czxid)
	}
	if q.Holder.Token != int64(hold.Token()) {
		t.Errorf("the holder is %+v", q.Holder)
	}

	// First come, first served, whichever the door.
	if err := hold.Unlock(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	q = queue(1)
	path, czxid := own(t, zkc, dir)
	if q.Holder.Token != czxid || czxid <= int64(hold.Token()) || q.Holder.Znode != path {
		t.Errorf("holder %+v, czxid %d", q.Holder, czxid)
	}

	// A forced release takes the lock from a ZooKeeper client.
	force(ctx, t, cluster.Endpoints()[0]+"/v1/locks/"+name+"/release")
	second, err := place.Wait(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if exists, _, err := zkc.Exists(path); err != nil || exists {
		t.Errorf("the forced holder's znode exists: %v, %v", exists, err)
	}

	// And a ZooKeeper client takes it from the SDK by deleting its znode.
	q = queue(0)
	if err := zkc.Delete(q.Holder.Znode, -1); err != nil {
		t.Fatal(err)
	}
	select {
	case <-second.Lost():
	case <-ctx.Done():
		t.Error("the hold goes on without its znode")
	}
}

func force(ctx context.Context, t *testing.T, url string) {
	t.Helper()
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewBufferString(`{"force": true, "reason": "test"}`))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/json")
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		t.Fatalf("forced release: %s", r.Status)
	}
}
