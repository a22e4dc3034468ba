package lock_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/lockkeeper/lockkeeper/internal/clock"
	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/lease"
)

// A contending is one caller of many, in a session of its own.
type contending struct {
	client  int
	m       *membertest.Member
	session lease.ID
	record  func(begun time.Duration, in, out any) // of what has ended just now
}

// linearize has callers at three members contend for d while leadership moves around, and checks that
// what they record is a history of the model. Each of them calls do, with a growing number, until the
// time is over or do reports false.
func linearize(t *testing.T, model porcupine.Model, callers int, d time.Duration, do func(c contending, i int) bool) []*membertest.Member {
	t.Helper()
	members := membertest.Start(t, 3)
	ctx, stop := context.WithTimeout(t.Context(), d)
	defer stop()
	var mu sync.Mutex
	var history []porcupine.Operation
	var wg sync.WaitGroup
	moves := 0
	wg.Go(func() { moves = membertest.Flap(ctx, members, 250*time.Millisecond) })
	for client := range callers {
		m := members[client%3]
		c := contending{client, m, session(t, m), func(begun time.Duration, in, out any) {
			end := clock.Boot()
			mu.Lock()
			defer mu.Unlock()
			history = append(history, porcupine.Operation{ClientId: client, Input: in, Output: out, Call: int64(begun), Return: int64(end)})
		}}
		wg.Go(func() {
			for i := 0; ctx.Err() == nil && do(c, i); i++ {
			}
		})
	}
	wg.Wait()
	switch porcupine.CheckOperationsTimeout(model, history, 30*time.Second) {
	case porcupine.Illegal:
		t.Error("the history is not that of such a lock")
	case porcupine.Unknown:
		t.Error("the checker did not finish")
	}
	t.Logf("%d operations over %d changes of leader", len(history), moves)
	return members
}
