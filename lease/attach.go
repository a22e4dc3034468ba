package lease

import (
	"context"
	"errors"
	"time"

	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/znode"
)

// A Follower is told how sessions end and move, when this member's tree shows it. Its methods are
// called inside the store's apply loop, with the tree and this package's mutex locked: they must
// be quick, and must call neither the store nor a Sessions.
type Follower interface {
	SessionEnded(id ID, cause Cause)
	// SessionMoved tells to which connection a session is attached from now on.
	SessionMoved(id ID, owner znode.Owner)
}

// Follow makes f be told from now on, for the life of s.
func (s *Sessions) Follow(f Follower) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.followers = append(s.followers, f)
}

func (s *Sessions) moved(c *znode.Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.followers {
		f.SessionMoved(c.Session, c.Record.Owner)
	}
}

// Attached checks a caller's generation against the session's, as this member's tree has it, and
// returns the owner that the writer is to check again. With generation 0 nothing is checked. Errors
// are a [*LostError] and [znode.ErrSessionMoved].
func (s *Sessions) Attached(id ID, generation int64) (znode.Owner, error) {
	if generation == 0 {
		return znode.Owner{}, nil
	}
	session, _, ok := s.Look(id)
	switch {
	case !ok:
		return znode.Owner{}, s.Lost(id)
	case session.Owner.Generation != generation:
		return znode.Owner{}, znode.ErrSessionMoved
	}
	return session.Owner, nil
}

// Attach attaches a session to a new connection of a member, and touches it: it is Move to the
// next generation, which is the answer's, and waits until the touch is confirmed. ttl, if not 0,
// is granted anew. Errors are a [*LostError]; [znode.ErrSessionMoved] where it was attached
// somewhere else in the same moment, which stands; [store.ErrUnavailable] and
// [store.ErrUncertain].
func (s *Sessions) Attach(ctx context.Context, id ID, member uint64, ttl time.Duration) (Touched, error) {
	// The generation before may have been given at another member a moment ago.
	if err := s.store.Sync(ctx); err != nil {
		return Touched{}, err
	}
	before, _, ok := s.Look(id)
	if !ok {
		return Touched{}, s.Lost(id)
	}
	touch := s.Expect(id)
	session, err := s.Move(ctx, id, znode.Owner{Member: member, Generation: before.Owner.Generation + 1}, ttl)
	if err != nil {
		touch.Drop()
		return Touched{}, err
	}
	sent, err := touch.Wait(ctx)
	switch {
	case errors.Is(err, store.ErrUnavailable): // the touch was not confirmed, but the move is done
		return Touched{}, errors.Join(store.ErrUncertain, context.Cause(ctx))
	case err != nil:
		return Touched{}, err
	}
	return s.touched(session, sent, s.store.Revision()), nil
}
