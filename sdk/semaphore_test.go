package sdk_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// A hold of permits that is taken by force is lost, with the reason, and others are not.
func TestPermitsLost(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c := client("host-7")
	defer c.Close(ctx)
	pool := c.Semaphore("lost", sdk.WithPermits(4))
	taken, err := pool.Acquire(ctx, 2)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := pool.Acquire(ctx, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := pool.ReleaseByForce(ctx, taken.Token(), "maintenance"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-taken.Lost():
	case <-ctx.Done():
		t.Fatal("the loss was not told")
	}
	lost, ok := errors.AsType[*sdk.LostError](taken.Err())
	if !ok || lost.Cause != sdk.CauseForced || lost.Reason != "maintenance" || lost.Name != "lost" || lost.Token != taken.Token() {
		t.Errorf("lost by %v", taken.Err())
	}
	if kept.State() != sdk.Held {
		t.Errorf("the other hold is %v", kept.State())
	}
	if err := kept.Unlock(ctx); err != nil {
		t.Error(err)
	}
}

// An Acquire whose context ends leaves the queue.
func TestAcquireGivesUp(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c := client("host-7")
	defer c.Close(ctx)
	var seen sdk.Wait
	began := make(chan struct{})
	pool := c.Semaphore("gives up", sdk.WithPermits(1), sdk.OnWait(func(w sdk.Wait) {
		if seen.Name == "" {
			seen = w
			close(began)
		}
	}))
	hold, err := pool.Acquire(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	waits, giveUp := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		_, err := pool.Acquire(waits, 1)
		done <- err
	}()
	<-began
	giveUp()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the wait ended with %v", err)
	}
	if seen.Position != 1 || seen.Holder.Token != hold.Token() || seen.Holder.Owner != "host-7" {
		t.Errorf("waited: %+v", seen)
	}
	if err := hold.Unlock(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Acquire(ctx, 1); err != nil { // only once the one that was given up is gone
		t.Error(err)
	}
}

func TestAcquireRefusesInput(t *testing.T) {
	ctx := t.Context()
	c := client("host-7")
	defer c.Close(context.Background())
	for what, f := range map[string]func() error{
		"0 permits": func() error { _, err := c.Semaphore("x").Acquire(ctx, 0); return err },
		"limit 0":   func() error { _, err := c.Semaphore("x", sdk.WithPermits(0)).Acquire(ctx, 1); return err },
		"set 0":     func() error { return c.Semaphore("x").SetLimit(ctx, 0) },
		"a name":    func() error { _, err := c.Semaphore("/x", sdk.WithPermits(1)).Acquire(ctx, 1); return err },
	} {
		if err := f(); !errors.Is(err, sdk.ErrInput) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
