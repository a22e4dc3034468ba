package lock_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/lockkeeper/lockkeeper/internal/clock"
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
	linearize(t, mutexModel, 9, 4*time.Second, func(c contending, i int) bool {
		name := fmt.Sprint("lin", rand.IntN(2))
		wait := time.Duration(0)
		if rand.IntN(2) == 0 {
			wait = forever
		}
		begun := clock.Boot()
		h, err := c.m.Locks.Acquire(patient(t), lock.Request{Name: name, Session: c.session, RequestID: fmt.Sprint(c.client, "-", i)}, wait)
		switch {
		case errors.Is(err, lock.ErrHeld) && wait == 0:
			c.record(begun, call{name: name}, result{})
			return true
		case err != nil:
			t.Errorf("acquire: %v", err)
			return false
		}
		c.record(begun, call{name: name}, result{h.Token})
		begun = clock.Boot()
		if _, err := c.m.Locks.Release(patient(t), lock.Release{Name: name, Session: c.session, Token: h.Token}); err != nil {
			t.Errorf("release: %v", err)
			return false
		}
		c.record(begun, call{release: true, name: name, token: h.Token}, result{})
		return true
	})
}
