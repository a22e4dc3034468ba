package store

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/lockkeeper/lockkeeper/znode"
)

// A Read says how fresh a read must be. The zero Read takes this member's tree as it is.
type Read struct {
	Linearizable bool  // at least as new as every write answered before the read began
	MinRevision  int64 // at least as new as this revision of the quorum's log
}

// Sync waits until this member's tree shows every write that was answered anywhere before Sync
// was called. Callers at the same time share one read index. Without a quorum it ends with ctx,
// and ErrUnavailable.
func (s *Store) Sync(ctx context.Context) error {
	if err := s.q.ReadIndex(ctx); err != nil {
		if s.ctx.Err() != nil {
			return ErrClosed
		}
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return s.WaitRevision(ctx, s.q.Revision())
}

// WaitRevision waits until this member's tree has reached a revision. It ends with ctx, and
// ErrUnavailable, or with the store, and ErrClosed.
func (s *Store) WaitRevision(ctx context.Context, revision int64) error {
	return s.revisions.wait(ctx, revision)
}

// Fresh waits until a read of the tree is as fresh as r asks.
func (s *Store) Fresh(ctx context.Context, r Read) error {
	if r.Linearizable {
		if err := s.Sync(ctx); err != nil {
			return err
		}
	}
	if r.MinRevision > 0 {
		return s.WaitRevision(ctx, r.MinRevision)
	}
	return nil
}

// Find looks something up in the tree, as View does, and again after a Sync if look reports that it is
// not there: another member may have made it a moment ago. The error is that of the Sync.
func (s *Store) Find(ctx context.Context, look func(t *znode.Tree, revision int64) bool) error {
	found := false
	view := func(t *znode.Tree, revision int64) { found = look(t, revision) }
	if s.View(view); found {
		return nil
	}
	if err := s.Sync(ctx); err != nil {
		return err
	}
	s.View(view)
	return nil
}

// Revision returns the revision that this member's tree has reached.
func (s *Store) Revision() int64 { return s.rep.position().Revision }

// A revisionQueue lets callers wait for the tree.
type revisionQueue struct {
	mu      sync.Mutex
	reached int64
	closed  bool
	waiting map[*revisionWaiter]struct{}
}

type revisionWaiter struct {
	revision int64
	ready    chan struct{}
}

func (q *revisionQueue) wait(ctx context.Context, revision int64) error {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return ErrClosed
	}
	if q.reached >= revision {
		q.mu.Unlock()
		return nil
	}
	w := &revisionWaiter{revision: revision, ready: make(chan struct{})}
	if q.waiting == nil {
		q.waiting = map[*revisionWaiter]struct{}{}
	}
	q.waiting[w] = struct{}{}
	q.mu.Unlock()
	select {
	case <-w.ready:
		q.mu.Lock()
		defer q.mu.Unlock()
		if q.reached < revision {
			return ErrClosed
		}
		return nil
	case <-ctx.Done():
		q.mu.Lock()
		delete(q.waiting, w)
		q.mu.Unlock()
		return errors.Join(ErrUnavailable, context.Cause(ctx))
	}
}

func (q *revisionQueue) reach(revision int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.reached = revision
	for w := range q.waiting {
		if w.revision <= revision {
			close(w.ready)
			delete(q.waiting, w)
		}
	}
}

func (q *revisionQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for w := range q.waiting {
		close(w.ready)
	}
	clear(q.waiting)
}

// Quorum asks whether the quorum answers. It ends with ctx, and ErrUnavailable.
func (s *Store) Quorum(ctx context.Context) error {
	if err := s.q.ReadIndex(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

// Lag returns how many revisions the quorum has applied here that the tree has not.
func (s *Store) Lag() int64 { return max(0, s.q.Revision()-s.Revision()) }

// Full reports whether the disk watermark is reached here.
func (s *Store) Full() bool { return s.Stats.full.Load() }

// Epoch returns the number of the epoch that this member's tree is in; 0: none yet.
func (s *Store) Epoch() uint64 { return s.rep.position().Epoch.Number }
