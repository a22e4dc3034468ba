package sidecar

import (
	"cmp"
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// A Kind is what is held.
type Kind string

// The kinds. Permits are held by requests of the application only.
const (
	Lock      Kind = "lock"
	Election  Kind = "election"
	Semaphore Kind = "semaphore"
)

// A Claim is a lock that the sidecar takes, or an election that it campaigns in, by itself for as
// long as the application lives.
type Claim struct {
	Kind     Kind
	Name     string
	Reason   string // for people, of a lock
	Value    string // what the leader says to everybody, of an election; empty: the owner
	Priority int    // of an election
	Latch    bool   // an election of Curator's LeaderLatch
	All      bool   // kazoo's clients stay away, too
	OnGain   Hook   // before others are told; if it fails the claim is given up, and taken anew later
	OnLoss   Hook   // after a loss; before the release where it is given up in order
}

func (c *Claim) validate() error {
	switch {
	case c.Name == "":
		return bad(string(c.Kind), "give the name of one", "is empty")
	case c.Kind == Lock && (c.Value != "" || c.Priority != 0 || c.Latch):
		return bad("locks", "leave them out, or name an election", "%q has what only elections have: a value, a priority or a latch", c.Name)
	case c.Priority < 0 || c.Priority > 1_000_000:
		return bad("priority", "give one from 0 to 1000000", "of %q is %d", c.Name, c.Priority)
	case c.Latch && c.All:
		return bad("compat", "choose all or latch", "of %q is two", c.Name)
	}
	if err := c.OnGain.validate("on-gain", c.Name); err != nil {
		return err
	}
	return c.OnLoss.validate("on-loss", c.Name)
}

const (
	firstBackOff = 200 * time.Millisecond // before a claim is taken anew after a failure
	lastBackOff  = 10 * time.Second
	releaseLimit = 5 * time.Second // of a release; the session's end does it otherwise
)

// A claim is a [Claim] at work.
type claim struct {
	Claim
	of   *sidecar
	held atomic.Pointer[sdk.Hold] // when its hook has run; nil: it does not hold
}

// hold returns what is held, if the claim can prove at this moment that it is.
func (c *claim) hold() *sdk.Hold {
	h := c.held.Load()
	if h == nil || h.Err() != nil {
		return nil
	}
	return h
}

// A grant is a lock that is held, or a term.
type grant struct {
	hold *sdk.Hold
	term *sdk.Term // of an election
}

// run takes what is claimed, and takes it again when it is lost, until the life is over.
func (c *claim) run(l *life) {
	backOff := firstBackOff
	for l.ctx.Err() == nil {
		g, err := c.take(l)
		if err == nil {
			if c.have(l, g) {
				backOff = firstBackOff
				continue
			}
		} else if l.ctx.Err() == nil {
			c.of.log.Warn("a claim is not taken; it is tried again", "kind", string(c.Kind), "name", c.Name, "after", backOff, "err", err)
		}
		pause(l.ctx, backOff)
		backOff = min(2*backOff, lastBackOff)
	}
}

// take waits for the lock or the lead.
func (c *claim) take(l *life) (grant, error) {
	s, err := l.sessionFor(l.ctx)
	if err != nil {
		return grant{}, err
	}
	options := []sdk.LockOption{sdk.WithReason(c.Reason), sdk.OnState(changes(c.onState))}
	if c.All {
		options = append(options, sdk.WithCompatAll())
	}
	if c.Kind == Lock {
		h, err := s.Mutex(c.Name, options...).Lock(l.ctx)
		return grant{hold: h}, err
	}
	if options = append(options, sdk.WithPriority(c.Priority)); c.Latch {
		options = append(options, sdk.WithCompatLatch())
	}
	t, err := s.Election(c.Name, options...).Campaign(l.ctx, cmp.Or(c.Value, l.of.client.Load().Owner()))
	if err != nil {
		return grant{}, err
	}
	return grant{t.Hold(), t}, nil
}

// onState tells of a renewal that is overdue.
func (c *claim) onState(h *sdk.Hold, s sdk.State) {
	if c.held.Load() != h {
		return
	}
	switch s {
	case sdk.Jeopardy:
		c.tell(Jeopardy, h, "")
	case sdk.Held:
		c.tell(Held, h, "")
	}
}

// have holds what is taken until it is lost or the life is over. It reports false where the
// application could not be told: then the claim is given up.
func (c *claim) have(l *life, g grant) bool {
	h := g.hold
	if err := c.before(l, h); err != nil {
		c.tell(HookFailed, h, "on-gain: "+err.Error())
		c.after(h, "the hook of its gain failed")
		c.giveBack(g, sdk.Contender{})
		return false
	}
	c.held.Store(h)
	c.tell(Gained, h, "")
	var asked <-chan sdk.Contender
	if g.term != nil {
		asked = g.term.Asked()
	}
	var heir sdk.Contender
	select {
	case <-h.Lost():
	case <-h.Context().Done():
	case <-l.ctx.Done():
	case heir = <-asked:
	}
	c.held.Store(nil)
	switch err := h.Err(); {
	case err != nil && !errors.Is(err, sdk.ErrReleased) && !errors.Is(err, sdk.ErrClosed):
		c.tell(Lost, h, err.Error())
		c.after(h, err.Error())
	case err != nil: // with its session, which the end of the application's life has closed
		if cause := context.Cause(l.ctx); cause != nil {
			err = cause
		}
		c.tell(Released, h, err.Error())
		c.after(h, err.Error())
	default:
		why := "a candidate of higher priority asks for the lead"
		if heir.Token == 0 {
			why = context.Cause(l.ctx).Error()
		}
		c.after(h, why)
		c.giveBack(g, heir)
		c.tell(Released, h, why)
	}
	return true
}

// before runs the hook of a gain, for as long as there is something to gain.
func (c *claim) before(l *life, h *sdk.Hold) error {
	ctx, cancel := context.WithCancelCause(h.Context())
	defer cancel(nil)
	defer context.AfterFunc(l.ctx, func() { cancel(context.Cause(l.ctx)) })()
	return c.OnGain.run(ctx, c.of, c.event(Gained, h, ""))
}

// after runs the hook of a loss.
func (c *claim) after(h *sdk.Hold, why string) {
	if err := c.OnLoss.run(context.Background(), c.of, c.event(Lost, h, why)); err != nil {
		c.tell(HookFailed, h, "on-loss: "+err.Error())
	}
}

// giveBack releases the lock, or hands the lead over.
func (c *claim) giveBack(g grant, heir sdk.Contender) {
	ctx, cancel := context.WithTimeout(context.Background(), releaseLimit)
	defer cancel()
	var err error
	if heir.Token != 0 {
		err = g.term.HandOver(ctx, heir.Token)
	} else {
		err = g.hold.Unlock(ctx)
	}
	switch {
	case err == nil, errors.Is(err, sdk.ErrNoCandidate), errors.Is(err, sdk.ErrReleased), errors.Is(err, sdk.ErrNotHeld):
	default:
		c.of.log.Warn("a release is not confirmed; it passes on with the session's end", "kind", string(c.Kind), "name", c.Name, "err", err)
	}
}

func (c *claim) event(what string, h *sdk.Hold, why string) Event {
	return Event{Event: what, Kind: c.Kind, Name: c.Name, Token: int64(h.Token()), Why: why, Time: time.Now().UTC()}
}

func (c *claim) tell(what string, h *sdk.Hold, why string) { c.of.notify.tell(c.event(what, h, why)) }
