package lease

import (
	"context"
	"errors"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clock"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/znode"
)

// An Attachment is a session, and the generation of the connection that it is attached to; 0: not
// checked.
type Attachment struct {
	ID         ID
	Generation int64
}

// TouchAll is Touch for many sessions in one go. It returns once the touch of each is confirmed,
// but of those that are over, which it returns, and of those that are attached elsewhere by now,
// which it leaves alone. With an error, [store.ErrUnavailable] or the store's, nothing is known of
// any.
func (s *Sessions) TouchAll(ctx context.Context, list []Attachment) (lost []LostError, err error) {
	r := &touchRun{sessions: s, left: make(map[ID]struct{}, len(list))}
	r.waiter = &touchWaiter{from: clock.Boot(), got: make(chan touchAnswer, len(list))}
	r.expect(list)
	defer r.drop()
	missing := r.look(list)
	if len(missing) > 0 { // opened at another member a moment ago?
		if err := s.store.Sync(ctx); err != nil {
			return nil, err
		}
		r.bury(r.look(missing))
	}
	r.send()
	again := time.NewTicker(touchAgain)
	defer again.Stop()
	for len(r.left) > 0 {
		select {
		case a := <-r.waiter.got:
			r.take(a)
		case <-again.C:
			r.bury(r.gone())
			r.send()
		case <-ctx.Done():
			return nil, errors.Join(store.ErrUnavailable, context.Cause(ctx))
		}
	}
	return r.lost, nil
}

// A touchRun is one TouchAll under way.
type touchRun struct {
	sessions *Sessions
	waiter   *touchWaiter    // for all of them
	left     map[ID]struct{} // neither confirmed nor over
	lost     []LostError
}

// expect begins to wait for a confirmed touch of each.
func (r *touchRun) expect(list []Attachment) {
	s := r.sessions
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range list {
		if _, twice := r.left[a.ID]; twice {
			continue
		}
		r.left[a.ID] = struct{}{}
		s.waiting[a.ID] = append(s.waiting[a.ID], r.waiter)
	}
}

// look leaves out those that are attached elsewhere, and returns those that the tree does not
// show.
func (r *touchRun) look(list []Attachment) (missing []Attachment) {
	var moved []ID
	r.sessions.store.View(func(t *znode.Tree, _ int64) {
		for _, a := range list {
			record, ok := t.Session(a.ID)
			switch {
			case !ok:
				missing = append(missing, a)
			case a.Generation != 0 && a.Generation != record.Owner.Generation:
				moved = append(moved, a.ID)
			}
		}
	})
	for _, id := range moved {
		r.forget(id)
	}
	return missing
}

// gone returns those left that are not in the tree any more: their end may be hidden in a gap of
// the log.
func (r *touchRun) gone() (gone []Attachment) {
	r.sessions.store.View(func(t *znode.Tree, _ int64) {
		for id := range r.left {
			if _, ok := t.Session(id); !ok {
				gone = append(gone, Attachment{ID: id})
			}
		}
	})
	return gone
}

// bury notes sessions that are over.
func (r *touchRun) bury(list []Attachment) {
	for _, a := range list {
		if _, left := r.left[a.ID]; !left {
			continue
		}
		r.forget(a.ID)
		r.lost = append(r.lost, LostError{ID: a.ID, Cause: r.sessions.causeOf(a.ID)})
	}
}

// take notes an answer. One of a session that is not left came before it was forgotten.
func (r *touchRun) take(a touchAnswer) {
	if _, left := r.left[a.id]; !left {
		return
	}
	delete(r.left, a.id)
	if a.cause != "" {
		r.lost = append(r.lost, LostError{ID: a.id, Cause: a.cause})
	}
}

// send touches what is left, all in one round.
func (r *touchRun) send() {
	n := len(r.left)
	for id := range r.left {
		n--
		r.sessions.store.Touch(id, n == 0)
	}
}

func (r *touchRun) forget(id ID) {
	r.sessions.forget(id, r.waiter)
	delete(r.left, id)
}

func (r *touchRun) drop() {
	for id := range r.left {
		r.forget(id)
	}
}
