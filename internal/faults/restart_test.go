//go:build linux

package faults

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// TestRestartOfAll stops all three members and starts them again, once in order and once with
// SIGKILL. It shows that everything is still there: sessions, the holder and the order of a
// queue, every token, and what the fences have seen; that a repeated request finds its place;
// and that new tokens are higher.
func TestRestartOfAll(t *testing.T) {
	beside(t, waits)
	const (
		ttl     = 30 * time.Second
		waiters = 20
		name    = "restart/queue"
	)
	c := clustertest.Start(t, 3, clustertest.Options{})
	client := c.Client(clustertest.ClientOptions{})
	defer client.Close()
	ctx := t.Context()

	sessions := make([]string, waiters)
	places := make([]clustertest.Hold, waiters)
	requests := make([]string, waiters)
	for i := range waiters {
		l, err := client.Open(ctx, ttl)
		if err != nil {
			t.Fatal(err)
		}
		sessions[i], requests[i] = l.Session, clustertest.RequestID()
		places[i], err = client.Enqueue(ctx, name, clustertest.Acquire{Session: l.Session, RequestID: requests[i], Owner: fmt.Sprint("w", i)})
		if err != nil {
			t.Fatal(err)
		}
	}
	alone, err := client.Acquire(ctx, "restart/alone", clustertest.Acquire{TTL: ttl})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CheckFence(ctx, "restart/fence", alone.Token); err != nil {
		t.Fatal(err)
	}
	seen := alone.Token // by the fence
	before, err := client.Queue(ctx, name)
	if err != nil {
		t.Fatal(err)
	}

	for _, way := range []struct {
		name string
		end  func(tb testing.TB)
	}{
		{"SIGTERM", c.StopAll},
		{"SIGKILL", c.KillAll},
	} {
		for _, id := range append([]string{alone.Session}, sessions...) {
			if _, err := client.Touch(ctx, id); err != nil {
				t.Fatalf("%s: %v", way.name, err)
			}
		}
		down := time.Now()
		way.end(t)
		if t.Failed() {
			t.FailNow()
		}
		stopped := time.Since(down)
		for _, m := range c.Members {
			m.Restart(t)
		}
		c.WaitReady(t, c.Members...)
		c.WaitLeader(t)
		t.Logf("%s: all were gone after %v, and ready again after %v", way.name, stopped, time.Since(down))

		for _, m := range c.Members { // each of them knows it all
			one := c.Client(clustertest.ClientOptions{Endpoints: []string{m.URL()}})
			defer one.Close()
			after, err := one.Queue(ctx, name)
			if err != nil {
				t.Fatalf("%s: %v", way.name, err)
			}
			if got, want := after.All(), before.All(); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: the queue at %s is\n%+v; want\n%+v", way.name, m.Name, got, want)
			}
			f, err := one.Fence(ctx, "restart/fence")
			if err != nil || f.Highest != seen {
				t.Errorf("%s: the fence at %s has seen %d, %v; want %d", way.name, m.Name, f.Highest, err, seen)
			}
			h, err := one.KeepAlive(ctx, "restart/alone", alone.Session)
			if err != nil || h.State != "held" || h.Token != alone.Token {
				t.Errorf("%s: the lock at %s is %s by token %d, %v; want it held by %d", way.name, m.Name, h.State, h.Token, err, alone.Token)
			}
		}
		for i, id := range sessions {
			h, err := client.Enqueue(ctx, name, clustertest.Acquire{Session: id, RequestID: requests[i], Owner: fmt.Sprint("w", i)})
			if err != nil || h.Token != places[i].Token || !h.Repeated {
				t.Errorf("%s: enqueue %d, repeated, has token %d, repeated %v, %v; want %d", way.name, i, h.Token, h.Repeated, err, places[i].Token)
			}
		}
		next, err := client.Acquire(ctx, "restart/next", clustertest.Acquire{TTL: ttl})
		if err != nil || next.Token <= places[waiters-1].Token || next.Token <= alone.Token {
			t.Fatalf("%s: a new token is %d, %v; want one above %d", way.name, next.Token, err, alone.Token)
		}
		if _, err := client.Release(ctx, "restart/next", next.Session, next.Token); err != nil {
			t.Fatal(err)
		}
		if _, err := client.CheckFence(ctx, "restart/fence", seen-1); clustertest.Code(err) != "stale_token" {
			t.Errorf("%s: a token below the fence's: %v; want it refused as stale_token", way.name, err)
		}
		if _, err := client.CheckFence(ctx, "restart/fence", next.Token); err != nil {
			t.Errorf("%s: a higher token at the fence: %v", way.name, err)
		}
		seen = next.Token
	}

	// The queue moves on in its order.
	for i, id := range sessions {
		q, err := client.Queue(ctx, name)
		if err != nil || q.Holder == nil || q.Holder.Session != id || q.Contenders != waiters-i {
			t.Fatalf("after %d releases: %+v, %v; want session %s to hold, of %d", i, q, err, id, waiters-i)
		}
		if _, err := client.Release(ctx, name, id, places[i].Token); err != nil {
			t.Fatal(err)
		}
	}
}
