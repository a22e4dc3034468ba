//go:build linux

package faults

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/lockkeeper/lockkeeper/internal/clock"
	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/sdk"
)

// A poolCall is what is done to a semaphore: permits that are granted under a token, or given back.
type poolCall struct {
	back    bool
	permits int
	token   sdk.Token
}

// A poolState is how many permits are out, and the highest token given.
type poolState struct {
	out  int
	last sdk.Token
}

// poolOf is a semaphore with so many permits: no more are ever out, and tokens grow.
func poolOf(limit int) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return poolState{} },
		Step: func(state, input, _ any) (bool, any) {
			s, in := state.(poolState), input.(poolCall)
			if in.back {
				s.out -= in.permits
				return s.out >= 0, s
			}
			return s.out+in.permits <= limit && in.token > s.last, poolState{s.out + in.permits, in.token}
		},
		DescribeOperation: func(input, _ any) string { return fmt.Sprintf("%+v", input) },
	}
}

// A poolHistory is what was done to a semaphore, as its callers saw it.
type poolHistory struct {
	mu  sync.Mutex
	ops []porcupine.Operation
}

func (h *poolHistory) note(client int, in poolCall, begun, ended time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, porcupine.Operation{ClientId: client, Input: in, Call: int64(begun), Return: int64(ended)})
}

// never is the end of what may happen at any time from its beginning on.
const never = time.Duration(math.MaxInt64)

// TestSemaphoreKills kills leaders, and holders of permits, while many contend for a semaphore. It
// shows that the history is that of a semaphore: never more permits out than there are, and tokens
// that grow; and that all permits come back.
func TestSemaphoreKills(t *testing.T) {
	beside(t, works)
	const (
		limit   = 4
		callers = 6
		kills   = 3
	)
	c := clustertest.Start(t, 3, clustertest.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	stop := make(chan struct{})
	history := &poolHistory{}
	var wg sync.WaitGroup
	for i := range callers {
		pool := dial(t, c.Endpoints(), sdk.WithTTL(15*time.Second)).Semaphore("kills/pool", sdk.WithPermits(limit))
		wg.Go(func() {
			for round := 0; ; round++ {
				select {
				case <-stop:
					return
				default:
				}
				if err := takeTurn(ctx, pool, history, i, 1+(i+round)%3); err != nil {
					t.Errorf("caller %d: %v", i, err)
					return
				}
			}
		})
	}

	keeper := dial(t, c.Endpoints(), sdk.WithTTL(15*time.Second))
	kept, err := keeper.Semaphore("kills/kept", sdk.WithPermits(3)).Acquire(ctx, 2) // through all of it
	if err != nil {
		t.Fatal(err)
	}

	for i := range kills {
		clustertest.Pass(t, time.Second)
		begun := clock.Boot()
		w := underLock(t, c, "kills/pool", `echo $LOCKKEEPER_TOKEN > "$1"/token; exec sleep 60`, "--permits", "2", "--limit", strconv.Itoa(limit), "--ttl", "3s")
		token, err := strconv.ParseInt(w.pid(t, "token"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		history.note(callers+i, poolCall{permits: 2, token: sdk.Token(token)}, begun, clock.Boot())
		dies := clock.Boot()
		w.signal(t, syscall.SIGKILL)
		history.note(callers+kills+i, poolCall{back: true, permits: 2, token: sdk.Token(token)}, dies, never)
		leader := c.WaitLeader(t)
		leader.Kill(t)
		c.WaitLeader(t)
		leader.Restart(t)
		c.WaitReady(t, leader)
	}
	clustertest.Pass(t, 6*time.Second) // the dead holder's TTL, and more
	close(stop)
	wg.Wait()
	if state := kept.State(); state != sdk.Held {
		t.Errorf("the hold that was kept through it is %v: %v", state, kept.Err())
	}
	if err := kept.Unlock(ctx); err != nil {
		t.Error(err)
	}

	switch porcupine.CheckOperationsTimeout(poolOf(limit), history.ops, time.Minute) {
	case porcupine.Illegal:
		t.Error("the history is not that of a semaphore")
	case porcupine.Unknown:
		t.Error("the checker did not finish")
	}
	clustertest.Eventually(t, clustertest.Patience, "all permits are back", func() bool {
		v, err := keeper.Semaphore("kills/pool").View(ctx)
		return err == nil && v.InUse == 0 && v.Waiting == 0 && v.Limit == limit
	})
	t.Logf("%d operations over %d kills of a leader and a holder", len(history.ops), kills)
}

// takeTurn takes n permits, gives them back, and notes both.
func takeTurn(ctx context.Context, pool *sdk.Semaphore, history *poolHistory, caller, n int) error {
	begun := clock.Boot()
	hold, err := pool.Acquire(ctx, n)
	if err != nil {
		return fmt.Errorf("acquire %d: %w", n, err)
	}
	history.note(caller, poolCall{permits: n, token: hold.Token()}, begun, clock.Boot())
	begun = clock.Boot()
	err = hold.Unlock(ctx)
	ended := clock.Boot()
	if errors.Is(err, sdk.ErrUncertain) || errors.Is(err, sdk.ErrLost) {
		err, ended = nil, never
	}
	history.note(caller, poolCall{back: true, permits: n, token: hold.Token()}, begun, ended)
	return err
}
