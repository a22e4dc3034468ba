package stream_test

import (
	"errors"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/znode"
)

// rest is what the other rows of the REST door's table say.
func rest(err error) (string, bool) {
	if _, ok := errors.AsType[*lease.InputError](err); ok {
		return wire.CodeBadRequest, false
	}
	switch {
	case errors.Is(err, store.ErrBusy):
		return wire.CodeTooManyRequests, true
	case errors.Is(err, store.ErrUncertain):
		return wire.CodeUncertain, true
	case errors.Is(err, store.ErrUnavailable):
		return wire.CodeUnavailable, true
	case errors.Is(err, store.ErrClosed):
		return wire.CodeShuttingDown, true
	case errors.Is(err, znode.ErrSessionMoved):
		return wire.CodeSessionMoved, false
	}
	return wire.CodeInternal, false
}

// noOwner checks no connection.
var noOwner znode.Owner

// eventually waits until ok reports true.
func eventually(tb testing.TB, ok func() bool) {
	tb.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	end := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			tb.Fatal("it did not come to pass")
		}
	}
}
