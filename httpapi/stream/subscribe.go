package stream

import (
	"context"
	"fmt"
	"strings"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
	"github.com/lockkeeper/lockkeeper/lock"
)

// A subscription is one SUBSCRIBE or OBSERVE that goes on. Its goroutine reads events as fast as the client
// does: where that is too slow, the events overtake it and it ends.
type subscription struct {
	id  uint64
	ctx context.Context // its life
	end context.CancelCauseFunc
}

func (s *stream) subscribe(j *job) error {
	f := &j.request
	if strings.HasPrefix(f.Name, "/") {
		return badInput("name", "begins with a slash", "names have none in front; leave it out")
	}
	if err := within("name", len(f.Name), s.door.limits.MaxNameBytes); err != nil {
		return err
	}
	after, err := eventAfter(f.After)
	if err != nil {
		return err
	}
	s.mu.Lock()
	full := len(s.subs) >= s.door.limits.MaxSubscriptions
	s.mu.Unlock()
	if full {
		return errSubs
	}
	revision := s.door.cfg.Revision() // from here on nothing is missed
	from, err := s.door.cfg.Subscribe(f.Name, after)
	if err != nil {
		return err
	}
	answer := wire.Frame{Kind: wire.OK, ID: f.ID, Revision: revision}
	return s.beginSubscription(&answer, from, func(sub *subscription) { s.follow(sub, from) })
}

// beginSubscription enters a subscription, answers its request, and starts follow, after which from
// is closed. The error is errAnswered, or errSubs where the stream takes no more.
func (s *stream) beginSubscription(answer *wire.Frame, from interface{ Close() }, follow func(*subscription)) error {
	sub := &subscription{id: answer.ID}
	sub.ctx, sub.end = context.WithCancelCause(context.Background())
	s.mu.Lock()
	if s.over || s.refusing || len(s.subs) >= s.door.limits.MaxSubscriptions {
		s.mu.Unlock()
		sub.end(errSubs)
		from.Close() // without the stream's mutex: the locks' is taken before it
		return errSubs
	}
	defer s.mu.Unlock()
	s.subs[sub.id] = sub
	s.pushFrameLocked(answer) // before any event
	s.wg.Go(func() {
		defer from.Close()
		defer sub.end(nil)
		follow(sub)
	})
	return errAnswered
}

func (s *stream) unsubscribe(j *job) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sub := s.subs[j.request.Target]; sub != nil {
		delete(s.subs, sub.id)
		sub.end(errCancelled)
	}
	return nil
}

// follow sends events until the subscription ends.
func (s *stream) follow(sub *subscription, from Subscription) {
	for {
		e, err := s.next(sub, from)
		var f wire.Frame
		if err == nil {
			f = wire.Frame{
				Kind: wire.Event, ID: sub.id, Name: e.Name, After: e.ID.String(), Event: string(e.Kind),
				Token: int64(e.Token), Session: uint64(e.Session), Owner: e.Owner,
				Cause: e.Cause, Reason: e.Reason, TimeMS: unixMillis(e.Time), Revision: e.ID.Revision,
				Permits: int64(e.Permits),
			}
		}
		if !s.tellSubscriber(sub, &f, err) {
			return
		}
	}
}

// tellSubscriber sends a subscription's frame, or where err is not nil why it ends, and reports whether
// more are to come.
func (s *stream) tellSubscriber(sub *subscription, f *wire.Frame, err error) bool {
	if err != nil {
		s.door.errorFrame(f, sub.id, err)
		if context.Cause(sub.ctx) == errCancelled { //nolint:errorlint // the very one
			*f = wire.Frame{Kind: wire.Error, ID: sub.id, Code: wire.CodeCancelled, Message: errCancelled.Error()}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.subs[sub.id] == sub {
		s.pushFrameLocked(f)
		if err != nil {
			delete(s.subs, sub.id)
		}
	}
	if err != nil {
		s.leaveLocked()
	}
	return err == nil
}

// next waits until the client has read enough, and then for the next event.
func (s *stream) next(sub *subscription, from Subscription) (lock.Event, error) {
	if err := s.awaitRoom(sub.ctx); err != nil {
		return lock.Event{}, err
	}
	return from.Next(sub.ctx)
}

// eventAfter reads the event to go on after: nil, where there is none.
func eventAfter(text string) (*lock.EventID, error) {
	if text == "" {
		return nil, nil
	}
	id, ok := lock.ParseEventID(text)
	if !ok {
		return nil, badInput("after", fmt.Sprintf("%.40q is not the id of an event", text), `give an id as an EVENT told it, such as "1042-0"`)
	}
	return &id, nil
}
