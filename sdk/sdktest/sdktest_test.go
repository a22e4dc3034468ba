package sdktest_test

import (
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/sdk"
	"github.com/lockkeeper/lockkeeper/sdk/sdktest"
)

// clean has the test fail where it leaves goroutines behind. It must come first.
func clean(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t, quorumtest.IgnoreEtcd()...) })
}

func TestUpInLessThanASecond(t *testing.T) {
	clean(t)
	begun := time.Now()
	s := sdktest.Start(t)
	c := s.Client(t)
	t.Logf("up after %v", time.Since(begun))
	h, err := c.Mutex("orders/42", sdk.WithReason("backup")).Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Client(t).Mutex("orders/42").TryLock(t.Context())
	held, ok := errors.AsType[*sdk.HeldError](err)
	if !ok || held.Holder.Owner != c.Owner() || held.Holder.Reason != "backup" || held.Holder.Since.IsZero() {
		t.Errorf("TryLock of a held lock: %v", err)
	}
	if err := h.Unlock(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAHoldOutlivesARestart(t *testing.T) {
	clean(t)
	s := sdktest.Start(t)
	c := s.Client(t)
	h, err := c.Mutex("x").Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Stop(t)
	s.Restart(t)
	if _, err := c.Queue(t.Context(), "x"); err != nil {
		t.Error(err)
	}
	if h.State() != sdk.Held && h.State() != sdk.Jeopardy {
		t.Errorf("State() = %v (%v)", h.State(), h.Err())
	}
	if err := h.Unlock(t.Context()); err != nil {
		t.Error(err)
	}
}
