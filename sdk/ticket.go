package sdk

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// A Ticket is a place in a lock's queue that stays while nobody waits on it, until Leave or the end
// of its session. Its methods are safe for concurrent use.
type Ticket struct {
	mutex    *Mutex
	session  *Session
	text     string
	token    Token
	position atomic.Int64
	expected atomic.Int64 // a duration
}

// Name returns the lock's name.
func (t *Ticket) Name() string { return t.mutex.name }

// Token returns the fencing token that the hold will have; 0 where only the grant will tell it, as
// for permits that are waited for.
func (t *Ticket) Token() Token { return t.token }

// Position returns how many stand ahead, as last heard: by Enqueue, and while Wait waits. At 0 the
// lock is held already, and Wait returns the Hold.
func (t *Ticket) Position() int { return int(t.position.Load()) }

// ExpectedWait returns how long the place may have to wait, as last heard, by how long the lock was
// held of late; 0: not known, or there is nothing to wait for.
func (t *Ticket) ExpectedWait() time.Duration { return time.Duration(t.expected.Load()) }

// Wait waits until the lock is held. If ctx ends first it returns ctx's cause, and the place stays:
// Wait may be called again. The error matches [ErrNoTicket] or [ErrLost] where the place is gone.
func (t *Ticket) Wait(ctx context.Context) (*Hold, error) {
	k := t.mutex.client.newCall(t.session)
	k.cfg, k.ticket = t.mutex.cfg, t
	k.frame.Kind, k.frame.Ticket, k.frame.WaitMS = wire.Await, t.text, -1
	k.frame.Name = t.mutex.name // for the hold; the ticket says it too
	h, err := t.mutex.client.wait(ctx, k)
	if err != nil {
		return nil, fmt.Errorf("wait for %q: %w", t.mutex.name, err)
	}
	return t.mutex.gave(h), nil
}

// Leave gives up the place or, where the lock is held by now, the lock. It waits for the answer
// until ctx ends: then the error matches [ErrUncertain]. Safe to repeat.
func (t *Ticket) Leave(ctx context.Context) error {
	if err := t.mutex.client.leave(ctx, t); err != nil {
		return fmt.Errorf("leave the queue of %q: %w", t.mutex.name, err)
	}
	return nil
}
