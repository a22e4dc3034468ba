package sdk

import (
	"context"
	"sync"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// A reentry is a reentrant lock of one owner. It is remembered while somebody asks for the lock or it
// is held. Its mutex comes before Client.mu.
type reentry struct {
	client *Client
	key    reentryKey
	gate   chan struct{} // 1 slot, taken by who asks the service for the lock; the others wait for the outcome
	asking int           // calls of Lock under way; guarded by Client.mu

	mu   sync.Mutex // guards hold, and the entries of its holds
	hold *Hold      // that may be entered; nil: there is none
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
	defer r.asked()
	select {
	case r.gate <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-r.gate }()
	h := r.enter()
	if h == nil {
		// By the session of this entry, even where the client has got another by now.
		k := m.requestBy(r.key.session, wire.Acquire, wait)
		k.again = r
		var err error
		if h, err = m.client.wait(ctx, k); err != nil {
			return nil, err
		}
		r.begin(h)
	}
	return m.gave(h), nil
}

// reentry returns what a mutex shares with others of its owner. The caller must tell it when it has
// asked.
func (c *Client) reentry(m *Mutex) *reentry {
	s := m.by()
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
	r.asking++
	return r
}

// asked notes that a Lock has come to its end.
func (r *reentry) asked() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropLocked(1)
}

// dropLocked forgets the entry where nobody needs it any more, now that so many have asked.
func (r *reentry) dropLocked(asked int) {
	r.client.mu.Lock()
	defer r.client.mu.Unlock()
	if r.asking -= asked; r.asking == 0 && r.hold == nil {
		delete(r.key.session.reentries, r.key)
	}
}

// begin counts the first Lock of a hold.
func (r *reentry) begin(h *Hold) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hold, h.entries = h, 1
}

// enter counts one more Lock of the hold that there is, and returns it; nil where there is none.
func (r *reentry) enter() *Hold {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hold == nil || r.hold.Err() != nil {
		return nil
	}
	r.hold.entries++
	return r.hold
}

// leave counts an Unlock, and reports whether the hold goes on: for others of its owner.
func (r *reentry) leave(h *Hold) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if h.entries--; h.entries > 0 && h.Err() == nil {
		return true
	}
	r.shutLocked(h)
	return false
}

// shut has nobody enter the hold any more. Those who have are counted still.
func (r *reentry) shut(h *Hold) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shutLocked(h)
}

func (r *reentry) shutLocked(h *Hold) {
	if r.hold == h {
		r.hold = nil
		r.dropLocked(0)
	}
}
