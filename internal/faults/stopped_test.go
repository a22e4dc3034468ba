//go:build linux

package faults

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/childtest"
	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/sdk"
)

// stoppedTTL is that of the holders that are stopped.
const stoppedTTL = 3 * time.Second

// lookVariable tells a child of TestStoppedHolder by which look it finds out that it has been
// stopped.
const lookVariable = "FAULTS_STOPPED_LOOK"

// looks are the ways to ask a hold whether it is held still.
var looks = map[string]func(*sdk.Hold) bool{
	"Context().Err":  func(h *sdk.Hold) bool { return h.Context().Err() == nil },
	"Context().Done": func(h *sdk.Hold) bool { return open(h.Context().Done()) },
	"Cause":          func(h *sdk.Hold) bool { return context.Cause(h.Context()) == nil },
	"Err":            func(h *sdk.Hold) bool { return h.Err() == nil },
	"Lost":           func(h *sdk.Hold) bool { return open(h.Lost()) },
	"State":          func(h *sdk.Hold) bool { return h.State() == sdk.Held || h.State() == sdk.Jeopardy },
	"Deadline":       func(h *sdk.Hold) bool { return h.Deadline().After(time.Now()) },
}

func open(c <-chan struct{}) bool {
	select {
	case <-c:
		return false
	default:
		return true
	}
}

// TestStoppedHolder stops the processes of holders with SIGSTOP until others hold their locks, and
// lets them go on. It shows that the locks pass on in time, and that each holder knows at its very
// first look, whichever that is, that it is too late, and is refused by the fence.
func TestStoppedHolder(t *testing.T) {
	beside(t, waits)
	c := clustertest.Start(t, 1, clustertest.Options{})
	holders := map[string]*childtest.Child{}
	tokens := map[string]sdk.Token{}
	for _, look := range slices.Sorted(maps.Keys(looks)) {
		k := startChild(t, c.Endpoints(), "TestStoppedHolderChild", lookVariable+"="+look)
		holders[look] = k
	}
	for look, k := range holders {
		var token sdk.Token
		k.Hear(t, "holds %d", &token)
		tokens[look] = token
	}
	client := dial(t, c.Endpoints())
	for _, k := range holders {
		k.Signal(t, syscall.SIGSTOP)
	}
	stopped := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), clustertest.Patience)
	defer cancel()
	for look, token := range tokens {
		next, err := client.Mutex("stopped/" + look).Lock(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if next.Token() <= token {
			t.Errorf("token %d was given after %d", next.Token(), token)
		}
		if err := client.Fence("stopped/"+look).Check(ctx, next.Token()); err != nil {
			t.Fatal(err)
		}
	}
	took := time.Since(stopped)
	t.Logf("all locks had passed on %v after their holders were stopped (TTL %v)", took, stoppedTTL)
	if took > stoppedTTL+overtime {
		t.Errorf("that is later than %v", stoppedTTL+overtime)
	}
	for _, k := range holders {
		k.GoOn(t) // it does not see that before it is woken
		k.Signal(t, syscall.SIGCONT)
	}
	for _, k := range holders {
		k.Ends(t)
	}
}

// TestStoppedHolderChild is not a test but a holder. It is stopped while it waits to be told to go
// on, and wakes with a look at its hold.
func TestStoppedHolderChild(t *testing.T) {
	client := asChild(t, sdk.WithTTL(stoppedTTL))
	look := os.Getenv(lookVariable)
	ctx, cancel := context.WithTimeout(t.Context(), clustertest.Patience)
	defer cancel()
	hold, err := client.Mutex("stopped/" + look).Lock(ctx)
	if err != nil {
		t.Fatal(err)
	}
	derived, cancel := context.WithCancel(hold.Context())
	defer cancel()
	childtest.Say("holds %d", hold.Token())
	childtest.Told()
	if looks[look](hold) {
		t.Errorf("the first look by %s after waking says that the lock is held", look)
	}
	for other, held := range looks {
		if held(hold) {
			t.Errorf("a later look by %s says that the lock is held", other)
		}
	}
	if err := context.Cause(hold.Context()); !errors.Is(err, sdk.ErrLost) || !errors.Is(err, sdk.ErrSessionLost) {
		t.Errorf("the cause is %v; want that the session is lost", err)
	}
	select {
	case <-derived.Done():
	case <-ctx.Done():
		t.Error("a derived context goes on")
	}
	err = client.Fence("stopped/"+look).Check(ctx, hold.Token())
	if stale, ok := errors.AsType[*sdk.StaleTokenError](err); !ok || stale.Highest <= hold.Token() {
		t.Errorf("the fence says %v to token %d; want that it is stale", err, hold.Token())
	}
	if err := hold.Unlock(ctx); !errors.Is(err, sdk.ErrLost) {
		t.Errorf("Unlock = %v; want that the lock is lost", err)
	}
	// It begins anew, behind the holder.
	if _, err := client.Mutex("stopped/" + look).TryLock(ctx); !errors.Is(err, sdk.ErrHeld) {
		t.Errorf("TryLock = %v; want that the lock is held", err)
	}
}
