package sdk_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// TestDeadlockThatIsNone: one goroutine of a client holds x, another waits for y, and somebody else, who
// holds y, asks for x. While the two share an owner, that one is refused; with an owner each it waits.
func TestDeadlockThatIsNone(t *testing.T) {
	for _, tt := range []struct {
		name        string
		holds, asks []sdk.LockOption
		refused     bool
	}{
		{"shared", nil, nil, true},
		{"own", []sdk.LockOption{sdk.WithLockOwner("goroutine 1")}, []sdk.LockOption{sdk.WithLockOwner("goroutine 2")}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx := within(t)
			c, other := client("shared"), client("other")
			defer c.Close(ctx)
			defer other.Close(ctx)
			x, y := "none/"+tt.name+"/x", "none/"+tt.name+"/y"
			held, err := c.Mutex(x, tt.holds...).Lock(ctx)
			if err != nil {
				t.Fatal(err)
			}
			theirs, err := other.Mutex(y).Lock(ctx)
			if err != nil {
				t.Fatal(err)
			}
			waits, ended := make(chan struct{}, 8), make(chan error, 1)
			go func() {
				_, err := c.Mutex(y, append(tt.asks, sdk.OnWait(func(sdk.Wait) { waits <- struct{}{} }))...).Lock(ctx)
				ended <- err
			}()
			get(t, waits)
			release := sync.OnceFunc(func() { // nothing keeps the first goroutine from that
				if err := held.Unlock(ctx); err != nil {
					t.Error(err)
				}
			})
			_, err = other.Mutex(x, sdk.WithDeadlock(sdk.DeadlockRefuse), sdk.OnWait(func(sdk.Wait) { release() })).Lock(ctx)
			if errors.Is(err, sdk.ErrDeadlock) != tt.refused || !tt.refused && err != nil {
				t.Errorf("who waits for the first goroutine: %v; refused: %v is wanted", err, tt.refused)
			}
			if err := theirs.Unlock(ctx); err != nil {
				t.Error(err)
			}
			if err := get(t, ended); err != nil {
				t.Errorf("the second goroutine: %v", err)
			}
		})
	}
}
