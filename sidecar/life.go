package sidecar

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// What ends a life.
var (
	errAppGone  = errors.New("the application is gone")
	errStopping = errors.New("the sidecar stops")
)

// A life is that of the application between two absences. It has one session at a time: a lost one
// is replaced by a new one when something is to be taken again.
type life struct {
	of     *sidecar
	ctx    context.Context // ends with the life, with its cause
	cancel context.CancelCauseFunc
	holds  *holds
	wg     sync.WaitGroup // counts its claims and requests

	mu      sync.Mutex
	opening chan struct{} // one slot: who opens a session
	session *sdk.Session  // nil: none yet
	over    bool
}

func newLife(s *sidecar) *life {
	l := &life{of: s, opening: make(chan struct{}, 1), holds: newHolds(s)}
	l.ctx, l.cancel = context.WithCancelCause(context.Background())
	return l
}

// current returns the session that lives, and else nil.
func (l *life) current() *sdk.Session {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.session == nil || l.session.Err() != nil {
		return nil
	}
	return l.session
}

// sessionFor returns the life's session, and opens one if there is none. It waits for a member
// until ctx or the life ends.
func (l *life) sessionFor(ctx context.Context) (*sdk.Session, error) {
	select {
	case l.opening <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-l.opening }()
	if s := l.current(); s != nil {
		return s, nil
	}
	client, err := l.of.clientFor(ctx)
	if err != nil {
		return nil, err
	}
	s, err := client.OpenSession(ctx, sdk.WithSessionTTL(l.of.cfg.TTL), sdk.WithSessionLabels(l.of.cfg.Labels))
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	over := l.over
	if !over {
		l.session = s
	}
	l.mu.Unlock()
	if over {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.of.cfg.Limits.Stop)
		defer cancel()
		_ = s.Close(closing) // nothing is held by it
		return nil, context.Cause(l.ctx)
	}
	return s, nil
}

// release closes the session, and so gives back all that it holds at once.
func (l *life) release(ctx context.Context) {
	l.mu.Lock()
	l.over = true
	s := l.session
	l.mu.Unlock()
	if s == nil {
		return
	}
	if err := s.Close(ctx); err != nil && !errors.Is(err, sdk.ErrSessionLost) {
		l.of.log.Warn("the session's end is not confirmed; what it holds passes on by itself", "session", s.ID(), "within", s.TTL(), "err", err)
	}
}

// end ends the life. Of an application that is gone everything is released at once, before any
// hook; when the sidecar stops, claims let go in order first.
func (l *life) end(why error) {
	ctx, cancel := context.WithTimeout(context.Background(), l.of.cfg.Limits.Stop)
	defer cancel()
	l.cancel(why)
	if errors.Is(why, errAppGone) {
		l.release(ctx)
	}
	done := make(chan struct{})
	go func() { // waited for below, or until it ends by the limits of its hooks
		defer close(done)
		l.wg.Wait()
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	l.release(ctx)
	<-done
}

// lives has one life follow the other until ctx ends.
func (s *sidecar) lives(ctx context.Context) {
	for {
		absences := s.presence.absences()
		present, _, changed := s.presence.now()
		if !present {
			select {
			case <-changed:
				continue
			case <-ctx.Done():
				return
			}
		}
		l := newLife(s)
		s.notify.tell(Event{Event: AppPresent})
		for _, c := range s.claims {
			l.wg.Go(func() { c.run(l) })
		}
		s.setLife(l)
		why, stopping := s.absence(ctx, absences)
		s.setLife(nil)
		cause := errStopping
		if !stopping {
			cause = fmt.Errorf("%w: %s", errAppGone, why)
			s.notify.tell(Event{Event: AppGone, Why: why})
		}
		l.end(cause)
		if stopping {
			return
		}
	}
}

// absence waits until the application has gone once more than before, or ctx ends.
func (s *sidecar) absence(ctx context.Context, before int) (why string, stopping bool) {
	for {
		present, why, changed := s.presence.now()
		if !present || s.presence.absences() != before {
			return why, false
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "", true
		}
	}
}
