package sdk

import (
	"context"
	"sync"
)

// A reentry is a reentrant lock of one owner.
type reentry struct {
	client *Client
	key    reentryKey
	gate   chan struct{} // 1 slot, taken by who asks the service for the lock; the others wait for the outcome
	users  int           // calls of Lock under way or without their Unlock; guarded by Client.mu

	mu    sync.Mutex // guards the fields below
	hold  *Hold      // nil: the owner does not hold
	count int        // of calls of Lock without their Unlock
}

// A reentryKey names an owner of a lock, in the mode in which it has it.
type reentryKey struct {
	session     *Session
	name, owner string
	mode        string
}

// acquireAgain takes a reentrant lock: once more, where its owner holds it.
func (m *Mutex) acquireAgain(ctx context.Context, wait int64) (*Hold, error) {
	if err := m.cfg.validate(); err != nil {
		return nil, err
	}
	r := m.client.reentry(m)
	select {
	case r.gate <- struct{}{}:
	case <-ctx.Done():
		r.drop()
		return nil, context.Cause(ctx)
	}
	defer func() { <-r.gate }()
	if h := r.enter(nil); h != nil {
		return m.gave(h), nil
	}
	h, err := m.acquireOnce(ctx, wait)
	if err != nil {
		r.drop()
		return nil, err
	}
	return r.enter(h), nil
}

// reentry returns what a mutex shares with others of its owner.
func (c *Client) reentry(m *Mutex) *reentry {
	s := m.session
	if s == nil {
		s = c.Session()
	}
	key := reentryKey{session: s, name: m.name, owner: m.cfg.owner, mode: m.cfg.mode}
	if key.owner == "" {
		key.owner = c.cfg.owner
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r := s.reentries[key]
	if r == nil {
		r = &reentry{client: c, key: key, gate: make(chan struct{}, 1)}
		if s.reentries == nil {
			s.reentries = map[reentryKey]*reentry{}
		}
		s.reentries[key] = r
	}
	r.users++
	return r
}

// drop notes that a Lock has failed, or that its Unlock has come.
func (r *reentry) drop() {
	r.client.mu.Lock()
	defer r.client.mu.Unlock()
	if r.users--; r.users <= 0 && r.key.session.reentries[r.key] == r {
		delete(r.key.session.reentries, r.key)
	}
}

// enter counts a Lock that got fresh or, with nil, the hold that there is; nil where there is none.
func (r *reentry) enter(fresh *Hold) *Hold {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case fresh != nil:
		r.hold, r.count, fresh.again = fresh, 0, r
	case r.hold == nil || r.hold.Err() != nil:
		return nil
	}
	r.count++
	return r.hold
}

// leave counts an Unlock, and reports whether the lock stays held: by others of its owner.
func (r *reentry) leave(h *Hold) bool {
	defer r.drop()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hold != h {
		return false // of an earlier time: it has ended
	}
	if r.count--; r.count > 0 && h.Err() == nil {
		return true
	}
	r.hold = nil
	return false
}
