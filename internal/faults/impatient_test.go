//go:build linux

package faults

import (
	"context"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/internal/history"
)

// An impatient client asks one member, once, and then does not know; what it must be sure of it asks
// all of them for, again and again.
type impatient struct{ once, again *clustertest.Client }

func newImpatient(endpoints []string) *impatient {
	o := clustertest.ClientOptions{Endpoints: endpoints, Attempt: 2 * time.Second}
	again := clustertest.NewClient(o)
	o.Once, o.Endpoints = true, endpoints[:1]
	return &impatient{clustertest.NewClient(o), again}
}

// impatientTurn takes a mutex over REST, in a session of its own, and asks for everything only once.
// When there is no answer it does not know how it stands, and ends the session.
func (x *caller) impatientTurn(ctx context.Context, s subject) error {
	if x.impatient == nil {
		x.impatient = newImpatient(x.endpoints)
	}
	i := x.impatient
	l, err := i.again.Open(ctx, time.Minute)
	if err != nil {
		return err
	}
	take := s.Take(history.Claim{Owner: x.owner()})
	h, err := i.once.Acquire(ctx, s.Name(), clustertest.Acquire{Session: l.Session, Owner: x.owner(), Wait: 300 * time.Millisecond})
	switch {
	case clustertest.Code(err) == "lock_held":
		take.Left()
		return i.close(ctx, l.Session)
	case err == nil:
		take.Granted(h.Token)
		if err := x.work(ctx, s); err != nil {
			return err
		}
	case !unanswered(err):
		return err
	default: // the member is away, perhaps for a while
		pass(ctx, 100*time.Millisecond)
	}
	end := s.End(x.owner())
	if err == nil {
		if _, err := i.once.Release(ctx, s.Name(), l.Session, h.Token); err != nil && !unanswered(err) {
			return err
		}
	}
	if err := i.close(ctx, l.Session); err != nil {
		return err
	}
	end.Done()
	return nil
}

// unanswered reports whether an error leaves open what was done.
func unanswered(err error) bool {
	switch clustertest.Code(err) {
	case "", "uncertain", "unavailable", "shutting_down":
		return true
	}
	return false
}

// close ends a session of an impatient caller, for sure.
func (i *impatient) close(ctx context.Context, session string) error {
	err := i.again.CloseSession(ctx, session)
	if clustertest.Code(err) == "session_lost" {
		return nil // it was sent twice
	}
	return err
}
