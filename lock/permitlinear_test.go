package lock_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
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
	members := linearize(t, poolModel, 6, 3*time.Second, func(c contending, i int) bool {
		n := 1 + rand.IntN(3)
		r := lock.PermitRequest{Request: lock.Request{Name: "pool", Session: c.session, RequestID: fmt.Sprint(c.client, "-", i)}, Permits: n, Limit: poolLimit}
		begun := clock.Boot()
		h, err := acquireSomehow(t, c.m, r)
		switch {
		case errors.Is(err, lock.ErrNoPermits):
			c.record(begun, permitCall{permits: n}, result{})
			return true
		case err != nil:
			t.Errorf("acquire: %v", err)
			return false
		}
		c.record(begun, permitCall{permits: n}, result{h.Token})
		begun = clock.Boot()
		if _, err := c.m.Locks.ReleasePermits(patient(t), lock.Release{Name: "pool", Session: c.session, Token: h.Token}); err != nil {
			t.Errorf("release: %v", err)
			return false
		}
		c.record(begun, permitCall{release: true, permits: n, token: h.Token}, result{})
		return true
	})
	if view := semaphore(t, members[0], "pool"); view.InUse != 0 || view.Waiting != 0 {
		t.Errorf("left over: %+v", view)
	}
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
