//go:build linux

package daytwo

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/sdk"
)

// streamers are programs that use package sdk.
type streamers struct {
	hold    *sdk.Hold // all the while
	turns   atomic.Int64
	longest atomic.Int64 // a lock and an unlock of a lock that nobody else wants
}

// startStreamers starts three clients, each at another member first. Any error of theirs fails the test.
func startStreamers(ctx context.Context, t *testing.T, work *sync.WaitGroup, c *clustertest.Cluster, j *turns) *streamers {
	t.Helper()
	s := &streamers{}
	for i := range 3 {
		client, err := sdk.Dial(t.Context(), c.Endpoints(), sdk.WithTTL(rollTTL), sdk.WithOnState(func(h *sdk.Hold, now sdk.State) {
			if now == sdk.Jeopardy || now == sdk.Lost {
				t.Errorf("a hold of %s is in state %v", h.Name(), now)
			}
		}))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := client.Close(context.Background()); err != nil {
				t.Errorf("close: %v", err)
			}
		})
		if i == 0 {
			if s.hold, err = client.Mutex("kept/stream").Lock(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		work.Go(func() {
			for ctx.Err() == nil {
				begun := time.Now()
				streamTurn(t, client, fmt.Sprint("roll/stream", i), func(sdk.Token) {})
				atMost(&s.longest, time.Since(begun))
				s.turns.Add(1)
			}
		})
		work.Go(func() {
			for ctx.Err() == nil {
				streamTurn(t, client, "roll/shared", func(token sdk.Token) { j.take("stream", int64(token)) })
			}
		})
	}
	return s
}

func streamTurn(t *testing.T, client *sdk.Client, name string, do func(sdk.Token)) {
	hold, err := client.Mutex(name).Lock(t.Context())
	if err != nil {
		t.Errorf("lock %s: %v", name, err)
		return
	}
	do(hold.Token())
	if err := hold.Unlock(t.Context()); err != nil {
		t.Errorf("unlock %s: %v", name, err)
	}
}

// atMost raises a maximum.
func atMost(longest *atomic.Int64, took time.Duration) {
	for old := longest.Load(); int64(took) > old && !longest.CompareAndSwap(old, int64(took)); old = longest.Load() {
	}
}

func (s *streamers) check(t *testing.T) {
	t.Helper()
	if err := s.hold.Err(); err != nil {
		t.Errorf("the hold of the stream's client is lost: %v", err)
	}
	t.Logf("Go SDK: %d turns, longest pause %v", s.turns.Load(), time.Duration(s.longest.Load()).Round(time.Millisecond))
}

// resters are programs that use the REST API as it is documented.
type resters struct {
	clients []*clustertest.Client
	session *clustertest.Session // all the while
	hold    clustertest.Hold     // by it
	turns   atomic.Int64
	longest atomic.Int64
}

// startResters starts three clients, each at another member first. A refusal that is no reason to go to
// another member fails the test.
func startResters(ctx context.Context, t *testing.T, work *sync.WaitGroup, c *clustertest.Cluster, j *turns) *resters {
	t.Helper()
	r := &resters{}
	for i := range 3 {
		endpoints := c.Endpoints()
		client := c.Client(clustertest.ClientOptions{Endpoints: slices.Concat(endpoints[i:], endpoints[:i])})
		t.Cleanup(client.Close)
		r.clients = append(r.clients, client)
		if i == 0 {
			var err error
			if r.session, err = clustertest.Live(t.Context(), client, rollTTL); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(r.session.Silence)
			if r.hold, err = client.Acquire(t.Context(), "kept/rest", clustertest.Acquire{Session: r.session.ID}); err != nil {
				t.Fatal(err)
			}
		}
		work.Go(func() {
			for ctx.Err() == nil {
				begun := time.Now()
				restTurn(t, client, fmt.Sprint("roll/rest", i), 0, func(int64) {})
				atMost(&r.longest, time.Since(begun))
				r.turns.Add(1)
			}
		})
		work.Go(func() {
			for ctx.Err() == nil {
				restTurn(t, client, "roll/shared", 20*time.Second, func(token int64) { j.take("rest", token) })
			}
		})
	}
	return r
}

func restTurn(t *testing.T, client *clustertest.Client, name string, wait time.Duration, do func(int64)) {
	hold, err := client.Acquire(t.Context(), name, clustertest.Acquire{TTL: rollTTL, Wait: wait})
	if err != nil {
		t.Errorf("acquire %s: %v", name, err)
		return
	}
	do(hold.Token)
	if _, err := client.Release(t.Context(), name, hold.Session, hold.Token); err != nil {
		t.Errorf("release %s: %v", name, err)
	}
}

func (r *resters) check(t *testing.T) {
	t.Helper()
	if err := r.session.Lost(); err != nil {
		t.Errorf("the session of the REST client is lost: %v", err)
	}
	q, err := r.clients[0].Queue(t.Context(), "kept/rest")
	if err != nil || q.Holder == nil || q.Holder.Token != r.hold.Token {
		t.Errorf("the hold of the REST client is %+v, %v; want token %d", q.Holder, err, r.hold.Token)
	}
	moved, broken, refused := 0, 0, 0
	for _, client := range r.clients {
		seen := client.Seen()
		broken, refused = broken+seen.Broken-seen.Refused, refused+seen.Refused
		for _, f := range seen.Failed {
			if moved++; f.Code != "shutting_down" {
				t.Errorf("%s to %s, after %v: %d %s", f.Request, f.Endpoint, f.Got.Sub(f.Sent), f.Status, f.Code)
			}
		}
	}
	t.Logf("REST: %d turns, longest pause %v; %d answers of shutting_down, %d connections refused, %d broken",
		r.turns.Load(), time.Duration(r.longest.Load()).Round(time.Millisecond), moved, refused, broken)
}

// waiters wait for a lock all the while, one by REST and one by the stream behind it.
type waiters struct {
	client *clustertest.Client
	holder clustertest.Hold
	served chan string // in turn
	done   sync.WaitGroup
	before []int64 // tokens in the queue
}

func startWaiters(t *testing.T, c *clustertest.Cluster) *waiters {
	t.Helper()
	w := &waiters{client: c.Client(clustertest.ClientOptions{}), served: make(chan string, 2)}
	t.Cleanup(w.client.Close)
	session, err := clustertest.Live(t.Context(), w.client, rollTTL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(session.Silence)
	if w.holder, err = w.client.Acquire(t.Context(), "queue", clustertest.Acquire{Session: session.ID}); err != nil {
		t.Fatal(err)
	}
	w.done.Go(func() {
		h, err := w.client.Acquire(t.Context(), "queue", clustertest.Acquire{TTL: rollTTL, Wait: time.Minute})
		if err != nil {
			t.Errorf("wait by REST: %v", err)
			return
		}
		w.served <- "rest"
		if _, err := w.client.Release(t.Context(), "queue", h.Session, h.Token); err != nil {
			t.Errorf("release: %v", err)
		}
	})
	w.queued(t, 2)
	program, err := sdk.Dial(t.Context(), c.Endpoints(), sdk.WithTTL(rollTTL))
	if err != nil {
		t.Fatal(err)
	}
	w.done.Go(func() {
		streamTurn(t, program, "queue", func(sdk.Token) { w.served <- "stream" })
		if err := program.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	w.before = w.queued(t, 3)
	return w
}

// queued waits until n stand in the queue, and returns their tokens.
func (w *waiters) queued(t *testing.T, n int) (tokens []int64) {
	t.Helper()
	clustertest.Eventually(t, clustertest.Patience, fmt.Sprint(n, " in the queue"), func() bool {
		q, err := w.client.Queue(t.Context(), "queue")
		tokens = nil
		for _, x := range q.All() {
			tokens = append(tokens, x.Token)
		}
		return err == nil && len(tokens) == n
	})
	return tokens
}

func (w *waiters) check(t *testing.T) {
	t.Helper()
	if after := w.queued(t, 3); !slices.Equal(after, w.before) {
		t.Errorf("the queue was %v, and is %v: somebody has lost a place", w.before, after)
	}
	if _, err := w.client.Release(t.Context(), "queue", w.holder.Session, w.holder.Token); err != nil {
		t.Errorf("release: %v", err)
	}
	w.done.Wait()
	if first, second := <-w.served, <-w.served; first != "rest" || second != "stream" {
		t.Errorf("served were %s, then %s", first, second)
	}
}
