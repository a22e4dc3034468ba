package lock_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/lockkeeper/lockkeeper/internal/clock"
	"github.com/lockkeeper/lockkeeper/lock"
)

// What callers do to a lock in its modes, for the checker.
type (
	rwCall struct {
		what  string     // "read", "write", "downgrade", "release"
		token lock.Token // of a downgrade or a release
	}
	// An rwState is who holds: a writer, or readers.
	rwState struct {
		writer      lock.Token
		readers     []lock.Token // in order
		last, reads lock.Token   // the highest of a writer and of a reader
	}
)

// rwModel is a lock that one writer holds, or any number of readers. A writer's token is greater
// than all that were granted before, a reader's than those of all writers before; a writer that
// goes on as a reader keeps its token.
var rwModel = porcupine.Model{
	Init: func() any { return rwState{} },
	Step: func(state, input, output any) (bool, any) {
		s, in := state.(rwState), input.(rwCall)
		got, _ := output.(lock.Token)
		next := s
		next.readers = slices.Clone(s.readers)
		read := func() {
			i, _ := slices.BinarySearch(next.readers, got)
			next.readers = slices.Insert(next.readers, i, got)
		}
		switch in.what {
		case "read":
			read()
			next.reads = max(s.reads, got)
			return s.writer == 0 && got > s.last, next
		case "write":
			next.writer, next.last = got, got
			return s.writer == 0 && len(s.readers) == 0 && got > max(s.last, s.reads), next
		case "downgrade":
			next.writer = 0
			read()
			return s.writer == in.token && got == in.token, next
		}
		if s.writer == in.token {
			next.writer = 0
			return true, next
		}
		i, there := slices.BinarySearch(next.readers, in.token)
		if there {
			next.readers = slices.Delete(next.readers, i, i+1)
		}
		return there, next
	},
	Equal: func(a, b any) bool {
		x, y := a.(rwState), b.(rwState)
		return x.writer == y.writer && x.last == y.last && x.reads == y.reads && slices.Equal(x.readers, y.readers)
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v: %v", input, output) },
}

// TestModesAreLinearizable has readers and writers at three members contend for one lock while
// leadership moves around.
func TestModesAreLinearizable(t *testing.T) {
	linearize(t, rwModel, 9, 4*time.Second, func(c contending, i int) bool {
		r := lock.Request{Name: "linrw", Session: c.session, RequestID: fmt.Sprint(c.client, "-", i), Mode: lock.ModeRead}
		if rand.IntN(3) == 0 {
			r.Mode = lock.ModeWrite
		}
		begun := clock.Boot()
		h, err := c.m.Locks.Acquire(patient(t), r, forever)
		if err != nil {
			t.Errorf("acquire: %v", err)
			return false
		}
		c.record(begun, rwCall{what: string(r.Mode)}, h.Token)
		if r.Mode == lock.ModeWrite && rand.IntN(2) == 0 {
			begun = clock.Boot()
			down, err := c.m.Locks.Downgrade(patient(t), "linrw", c.session, 0, h.Token)
			if err != nil {
				t.Errorf("downgrade: %v", err)
				return false
			}
			c.record(begun, rwCall{what: "downgrade", token: h.Token}, down.Token)
			h = down
		}
		begun = clock.Boot()
		if _, err := c.m.Locks.Release(patient(t), lock.Release{Name: "linrw", Session: c.session, Token: h.Token}); err != nil {
			t.Errorf("release: %v", err)
			return false
		}
		c.record(begun, rwCall{what: "release", token: h.Token}, nil)
		return true
	})
}
