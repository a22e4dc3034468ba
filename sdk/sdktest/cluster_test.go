//go:build linux

package sdktest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/sdk"
)

func TestMain(m *testing.M) { clustertest.Main(m) }

func dial(t *testing.T, endpoints []string, opts ...sdk.Option) *sdk.Client {
	t.Helper()
	c, err := sdk.Dial(t.Context(), endpoints, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := c.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return c
}

// TestAMemberDies kills the member that a holder and a waiter are connected to, and each time
// another one: neither notices, and nothing is granted twice.
func TestAMemberDies(t *testing.T) {
	clean(t)
	cluster := clustertest.Start(t, 3, clustertest.Options{})
	a, b := dial(t, cluster.Endpoints()), dial(t, cluster.Endpoints())
	hold, err := a.Mutex("x").Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	next := make(chan *sdk.Hold)
	go func() {
		h, err := b.Mutex("x").Lock(t.Context())
		if err != nil {
			t.Error(err)
		}
		next <- h
	}()
	queued := func() {
		t.Helper()
		clustertest.Eventually(t, clustertest.Patience, "both are in the queue", func() bool {
			q, err := a.Queue(t.Context(), "x")
			return err == nil && q.Total == 2
		})
	}
	queued()
	for _, c := range []*sdk.Client{a, b, a} {
		victim := cluster.Member(c.Endpoint())
		begun := time.Now()
		victim.Kill(t)
		clustertest.Eventually(t, clustertest.Patience, "another member is found", func() bool {
			at := c.Endpoint()
			return at != "" && at != victim.URL()
		})
		found := time.Since(begun)
		queued()
		t.Logf("%s was killed: connected again after %v, answered after %v", victim.Name, found, time.Since(begun))
		if s := hold.State(); s != sdk.Held && s != sdk.Jeopardy {
			t.Fatalf("State() = %v (%v)", s, hold.Err())
		}
		victim.Restart(t)
		cluster.WaitReady(t, victim)
	}
	if err := hold.Unlock(t.Context()); err != nil {
		t.Error(err)
	}
	if h := <-next; h == nil || h.Token() <= hold.Token() {
		t.Errorf("the next hold is %v", h)
	}
}

// TestLossIsTold takes a lock by force and closes a session from outside.
func TestLossIsTold(t *testing.T) {
	clean(t)
	cluster := clustertest.Start(t, 1, clustertest.Options{})
	c := dial(t, cluster.Endpoints())
	ask := func(method, path, body string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, cluster.Endpoints()[0]+path, bytes.NewBufferString(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %s", method, path, answer.Status)
		}
	}
	x, err := c.Mutex("x").Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	y, err := c.Mutex("y").Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ask(http.MethodPost, "/v1/locks/x/release", `{"force": true, "reason": "maintenance"}`)
	<-x.Lost()
	if lost, ok := errors.AsType[*sdk.LostError](x.Err()); !ok || lost.Cause != sdk.CauseForced || lost.Reason != "maintenance" {
		t.Errorf("the forced release: %v", x.Err())
	}
	if y.State() != sdk.Held {
		t.Errorf("the other hold is %v", y.State())
	}
	ask(http.MethodDelete, "/v1/sessions/"+y.Session().ID().String(), "")
	<-y.Context().Done()
	if !errors.Is(context.Cause(y.Context()), sdk.ErrSessionLost) {
		t.Errorf("the closed session: %v", context.Cause(y.Context()))
	}
}

// TestHotLock hands one lock round among workers of two clients: first come, first served, and
// those who give up leave nothing behind.
func TestHotLock(t *testing.T) {
	clean(t)
	cluster := clustertest.Start(t, 1, clustertest.Options{})
	clients := []*sdk.Client{dial(t, cluster.Endpoints()), dial(t, cluster.Endpoints())}
	const workers, each = 16, 40
	var (
		wg      sync.WaitGroup
		inside  int // guarded by the lock alone
		grants  int
		highest sdk.Token
		gaveUp  = errors.New("gave up")
	)
	for w := range workers {
		m := clients[w%2].Mutex("hot")
		wg.Go(func() {
			for i := range each {
				ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, nil)
				if i%4 == 3 {
					cancel()
					ctx, cancel = context.WithTimeoutCause(t.Context(), 5*time.Millisecond, gaveUp)
				}
				h, err := m.Lock(ctx)
				cancel()
				if errors.Is(err, gaveUp) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if inside++; inside != 1 || h.Token() <= highest {
					t.Errorf("%d inside, token %d after %d", inside, h.Token(), highest)
				}
				highest = h.Token()
				grants++
				inside--
				if err := h.Unlock(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if least := workers * each * 3 / 4; grants < least {
		t.Errorf("%d grants; want at least %d", grants, least)
	}
	clustertest.Eventually(t, clustertest.Patience, "the queue is empty", func() bool {
		q, err := clients[0].Queue(t.Context(), "hot")
		return err == nil && q.Total == 0
	})
}

// TestTicketsAndEvents follows a queue by its events, over a restart of the member.
func TestTicketsAndEvents(t *testing.T) {
	clean(t)
	cluster := clustertest.Start(t, 1, clustertest.Options{})
	a, b := dial(t, cluster.Endpoints()), dial(t, cluster.Endpoints())
	events, err := a.Events(t.Context(), "q/", "")
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	cluster.KillAll(t) // before the first event
	cluster.Members[0].Restart(t)
	hold, err := a.Mutex("q/1").Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ticket, err := b.Mutex("q/1").Enqueue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if ticket.Position() != 1 {
		t.Errorf("Position() = %d; want 1", ticket.Position())
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := ticket.Wait(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Wait = %v; want a timeout", err)
	}
	if err := hold.Unlock(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := ticket.Wait(t.Context())
	if err != nil || got.Token() != ticket.Token() {
		t.Fatalf("Wait = %v, %v", got, err)
	}
	if again, err := ticket.Wait(t.Context()); err != nil || again != got {
		t.Errorf("Wait again = %v, %v; want the same hold", again, err)
	}
	if err := ticket.Leave(t.Context()); err != nil {
		t.Error(err)
	}
	var kinds []string
	for e, err := range events.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, fmt.Sprint(e.Kind, " ", e.Token == got.Token()))
		if len(kinds) == 5 {
			break
		}
	}
	want := fmt.Sprint([]string{"acquired false", "waiting true", "released false", "acquired true", "released true"})
	if fmt.Sprint(kinds) != want {
		t.Errorf("events %v; want %v", kinds, want)
	}
}
