package membertest

import (
	"context"
	"sync"
	"testing"
	"time"
)

// Contend has callers, by turns at each of members, contend for d while leadership moves around every
// 250 ms. Each of them calls do over and over, with growing numbers, until the time is over or do
// reports false. Contend waits for all of them, and returns how often leadership moved.
func Contend(tb testing.TB, members []*Member, callers int, d time.Duration, do func(caller, i int, m *Member) bool) (moves int) {
	tb.Helper()
	ctx, stop := context.WithTimeout(tb.Context(), d)
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { moves = Flap(ctx, members, 250*time.Millisecond) })
	for caller := range callers {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil && do(caller, i, members[caller%len(members)]); i++ {
			}
		})
	}
	wg.Wait()
	return moves
}
