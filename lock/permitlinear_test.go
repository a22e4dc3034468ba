package lock_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/lockkeeper/lockkeeper/internal/clock"
	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/lock"
)

// What callers do to a semaphore of four permits, for the checker.
type (
	permitCall struct {
		release bool
		permits int
		token   lock.Token // of a release
	}
	permitPool struct {
		inUse int
		last  lock.Token
	}
)

const poolLimit = 4

// poolModel is a semaphore whose permits never sum to more than there are, with tokens that only
// grow. A try that is refused may have found others waiting, who are none of the history's yet.
var poolModel = porcupine.Model{
	Init: func() any { return permitPool{} },
	Step: func(state, input, output any) (bool, any) {
		s, in := state.(permitPool), input.(permitCall)
		if in.release {
			s.inUse -= in.permits
			return s.inUse >= 0, s
		}
		token := output.(result).token
		if token == 0 {
			return true, s
		}
		fits := s.inUse+in.permits <= poolLimit && token > s.last
		return fits, permitPool{inUse: s.inUse + in.permits, last: token}
	},
	DescribeOperation: func(input, output any) string {
		in := input.(permitCall)
		if in.release {
			return fmt.Sprintf("release %d under %x", in.permits, int64(in.token))
		}
		return fmt.Sprintf("acquire %d: %x", in.permits, int64(output.(result).token))
	},
}

// TestPermitsLinearizable has callers at three members contend for permits, by tries, by waits and
// by tickets, while leadership moves around.
func TestPermitsLinearizable(t *testing.T) {
	members := membertest.Start(t, 3)
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Second)
	defer stop()
	var mu sync.Mutex
	var history []porcupine.Operation
	record := func(client int, begun time.Duration, in permitCall, out result) {
		end := clock.Boot()
		mu.Lock()
		defer mu.Unlock()
		history = append(history, porcupine.Operation{ClientId: client, Input: in, Output: out, Call: int64(begun), Return: int64(end)})
	}
	var wg sync.WaitGroup
	moves := 0
	wg.Go(func() { moves = membertest.Flap(ctx, members, 250*time.Millisecond) })
	for c := range 6 {
		m := members[c%3]
		s := session(t, m)
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				n := 1 + rand.IntN(3)
				r := lock.PermitRequest{Request: lock.Request{Name: "pool", Session: s, RequestID: fmt.Sprint(c, "-", i)}, Permits: n, Limit: poolLimit}
				begun := clock.Boot()
				h, err := acquireSomehow(t, m, r)
				switch {
				case errors.Is(err, lock.ErrNoPermits):
					record(c, begun, permitCall{permits: n}, result{})
					continue
				case err != nil:
					t.Errorf("acquire: %v", err)
					return
				}
				record(c, begun, permitCall{permits: n}, result{h.Token})
				begun = clock.Boot()
				if _, err := m.Locks.ReleasePermits(patient(t), lock.Release{Name: "pool", Session: s, Token: h.Token}); err != nil {
					t.Errorf("release: %v", err)
					return
				}
				record(c, begun, permitCall{release: true, permits: n, token: h.Token}, result{})
			}
		})
	}
	wg.Wait()
	switch porcupine.CheckOperationsTimeout(poolModel, history, 30*time.Second) {
	case porcupine.Illegal:
		t.Error("the history is not that of a semaphore")
	case porcupine.Unknown:
		t.Error("the checker did not finish")
	}
	if view := semaphore(t, members[0], "pool"); view.InUse != 0 || view.Waiting != 0 {
		t.Errorf("left over: %+v", view)
	}
	t.Logf("%d operations over %d changes of leader", len(history), moves)
}

// acquireSomehow tries, waits, or waits by a ticket.
func acquireSomehow(t *testing.T, m *membertest.Member, r lock.PermitRequest) (lock.Hold, error) {
	switch rand.IntN(3) {
	case 0:
		return m.Locks.AcquirePermits(patient(t), r, 0)
	case 1:
		return m.Locks.AcquirePermits(patient(t), r, forever)
	}
	h, err := m.Locks.EnqueuePermits(patient(t), r)
	if err != nil {
		return h, err
	}
	return m.Locks.Await(patient(t), h.Ticket, forever)
}
