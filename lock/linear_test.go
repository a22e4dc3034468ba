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

// What callers do to a lock, for the checker.
type (
	call struct {
		release bool
		name    string
		token   lock.Token // of a release
	}
	result struct {
		token lock.Token // of an acquire; 0: it was held
	}
	// A mutex is the checked state of one lock.
	mutex struct {
		holder, last lock.Token
	}
)

// mutexModel is a lock that one caller holds at a time, with tokens that only grow.
var mutexModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		by := map[string][]porcupine.Operation{}
		for _, op := range history {
			name := op.Input.(call).name
			by[name] = append(by[name], op)
		}
		var parts [][]porcupine.Operation
		for _, part := range by {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return mutex{} },
	Step: func(state, input, output any) (bool, any) {
		s, in := state.(mutex), input.(call)
		if in.release {
			return s.holder == in.token, mutex{last: s.last}
		}
		token := output.(result).token
		if token == 0 {
			return s.holder != 0, s
		}
		return s.holder == 0 && token > s.last, mutex{holder: token, last: token}
	},
	DescribeOperation: func(input, output any) string {
		in := input.(call)
		if in.release {
			return fmt.Sprintf("release %s %x", in.name, int64(in.token))
		}
		return fmt.Sprintf("acquire %s: %x", in.name, int64(output.(result).token))
	},
}

// TestLinearizable has callers at three members contend for two locks, by tries and by waits,
// while leadership moves around.
func TestLinearizable(t *testing.T) {
	members := membertest.Start(t, 3)
	ctx, stop := context.WithTimeout(t.Context(), 4*time.Second)
	defer stop()
	var mu sync.Mutex
	var history []porcupine.Operation
	record := func(client int, begun time.Duration, in call, out result) {
		end := clock.Boot()
		mu.Lock()
		defer mu.Unlock()
		history = append(history, porcupine.Operation{
			ClientId: client, Input: in, Output: out, Call: int64(begun), Return: int64(end),
		})
	}
	var wg sync.WaitGroup
	moves := 0
	wg.Go(func() { moves = membertest.Flap(ctx, members, 250*time.Millisecond) })
	for c := range 9 {
		m := members[c%3]
		s := session(t, m)
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				name := fmt.Sprint("lin", rand.IntN(2))
				wait := time.Duration(0)
				if rand.IntN(2) == 0 {
					wait = forever
				}
				begun := clock.Boot()
				h, err := m.Locks.Acquire(patient(t), lock.Request{Name: name, Session: s, RequestID: fmt.Sprint(c, "-", i)}, wait)
				switch {
				case errors.Is(err, lock.ErrHeld) && wait == 0:
					record(c, begun, call{name: name}, result{})
					continue
				case err != nil:
					t.Errorf("acquire: %v", err)
					return
				}
				record(c, begun, call{name: name}, result{h.Token})
				begun = clock.Boot()
				if _, err := m.Locks.Release(patient(t), lock.Release{Name: name, Session: s, Token: h.Token}); err != nil {
					t.Errorf("release: %v", err)
					return
				}
				record(c, begun, call{release: true, name: name, token: h.Token}, result{})
			}
		})
	}
	wg.Wait()
	switch porcupine.CheckOperationsTimeout(mutexModel, history, 20*time.Second) {
	case porcupine.Illegal:
		t.Error("the history is not that of a lock")
	case porcupine.Unknown:
		t.Error("the checker did not finish")
	}
	t.Logf("%d operations over %d changes of leader", len(history), moves)
}
