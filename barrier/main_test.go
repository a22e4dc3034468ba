package barrier_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lockkeeper/lockkeeper/barrier"
	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/lock"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, quorumtest.IgnoreEtcd()...)
}

// Short names of what every test here does.
var (
	patient = membertest.Patient
	session = membertest.Session
	foreign = membertest.Foreign
	is      = membertest.Is
)

// forever is a wait without limit.
const forever = membertest.Forever

// gathering is a double barrier as of now.
func gathering(t testing.TB, m *membertest.Member, name string) barrier.Gathering {
	t.Helper()
	g, err := m.Barriers.Gathering(patient(t), name, 100, lock.Read{Linearizable: true})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// came waits until so many are at a double barrier.
func came(t testing.TB, m *membertest.Member, name string, n int) {
	t.Helper()
	quorumtest.Eventually(t, "the participants", func() bool {
		g, err := m.Barriers.Gathering(t.Context(), name, 100, lock.Read{})
		return err == nil && g.Total == n
	})
}

// An entered is what an Enter came to.
type entered struct {
	place barrier.Place
	err   error
}

// enter enters in the background; begun tells that it waits.
func enter(t testing.TB, m *membertest.Member, e barrier.Entry, wait time.Duration) (begun chan struct{}, done chan entered) {
	t.Helper()
	begun, done = make(chan struct{}), make(chan entered, 1)
	e.Begins = func() { close(begun) }
	ctx := patient(t)
	go func() {
		p, err := m.Barriers.Enter(ctx, e, wait)
		done <- entered{p, err}
	}()
	return begun, done
}
