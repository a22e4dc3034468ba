package sdk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// Session returns the client's own session, which the mutexes of [Client.Mutex] hold by. It is
// opened when it is first needed; one that is over is replaced by a new one, whose holds are none
// of the old one's.
func (c *Client) Session() *Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.own == nil || c.own.Err() != nil {
		c.own = c.newSessionLocked(c.cfg.session)
	}
	return c.own
}

// OpenSession opens a session besides the client's own, for programs that act for many. It waits
// until it is open, or ctx ends; then it returns ctx's cause, and the session is closed in the
// background. The error matches [ErrTooManySessions] where there are too many.
func (c *Client) OpenSession(ctx context.Context, opts ...SessionOption) (*Session, error) {
	cfg := c.cfg.session
	for _, o := range opts {
		o(&cfg)
	}
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("open a session: %w", err)
	}
	c.mu.Lock()
	if c.closed || len(c.sessions) >= c.cfg.maxSessions {
		err := ErrClosed
		if !c.closed {
			err = fmt.Errorf("%w: %d are open", ErrTooManySessions, len(c.sessions))
		}
		c.mu.Unlock()
		return nil, fmt.Errorf("open a session: %w", err)
	}
	s := c.newSessionLocked(cfg)
	c.attachLocked(s)
	c.mu.Unlock()
	select {
	case <-s.opened:
		if err := s.ended(); err != nil {
			return nil, fmt.Errorf("open a session: %w", err)
		}
		return s, nil
	case <-ctx.Done():
		c.discard(s)
		return nil, fmt.Errorf("open a session: %w", context.Cause(ctx))
	}
}

// newSessionLocked makes a session that is to be opened.
func (c *Client) newSessionLocked(cfg sessionConfig) *Session {
	c.opens++
	s := &Session{
		client: c, cfg: cfg, number: c.opens, opened: make(chan struct{}), requestID: c.requestID(c.opens) + "s",
		holds: map[holdKey]*Hold{}, early: map[holdKey]*LostError{},
		asked: map[holdKey]Contender{},
	}
	s.look = s.lookNow
	if c.closed {
		c.overLocked(s, ErrClosed)
		return s
	}
	c.sessions[s.number] = s
	return s
}

// attachLocked asks for a session to be opened, or attached to the stream, if there is one and it
// has not been asked for. It is part of the stream: when that breaks, it is asked for anew.
func (c *Client) attachLocked(s *Session) {
	if c.link == nil || c.link.going || s.phase != sessionDetached {
		return
	}
	s.phase = sessionAttaching
	k := c.newCall(nil)
	k.vital = true
	k.frame.TTLMS = s.cfg.ttl.Milliseconds()
	if id := s.id.Load(); id != 0 {
		k.frame.Kind, k.frame.Session = wire.Attach, id
	} else {
		k.frame.Kind, k.frame.Labels, k.frame.RequestID = wire.Open, s.cfg.labels, s.requestID
	}
	l := c.link
	k.settle = func(answer *wire.Frame, err error) { c.attachedLocked(l, s, k, answer, err) }
	c.enterVitalLocked(k)
}

// enterVitalLocked sends a call that belongs to the stream; a touch goes however full that is.
func (c *Client) enterVitalLocked(k *call) {
	c.lastID++
	k.frame.ID = c.lastID
	c.calls[k.frame.ID] = k
	if c.link.vital++; c.link.vital == 1 {
		c.link.progress = c.cfg.clock()
	}
	if k.frame.Kind == wire.Touch || !c.link.full() {
		c.sendLocked(k)
	} else {
		c.backlog = append(c.backlog, k)
	}
	c.rouse()
}

// attachedLocked takes the outcome of an open or an attach.
func (c *Client) attachedLocked(l *link, s *Session, k *call, answer *wire.Frame, err error) {
	switch {
	case l.over || s.phase == sessionOver:
		return // when the next stream is up it is asked for again
	case err != nil:
		if lost, ok := errors.AsType[*LostError](err); ok {
			err = &LostError{Session: s.ID(), Whole: true, Cause: lost.Cause}
		}
		c.overLocked(s, err)
		return
	}
	sent := k.sent
	if k.frame.Kind == wire.Open {
		sent = k.first // whichever of the attempts it was that opened it
		s.id.Store(answer.Session)
		c.byID[s.ID()] = s
		close(s.opened)
	}
	s.ttl.Store(int64(time.Duration(answer.TTLMS) * time.Millisecond))
	s.phase, s.attached = sessionAttached, c.cfg.clock()
	c.renewLocked(s, sent)
	if err := s.ended(); err != nil && isLoss(err) {
		c.overLocked(s, err)
		return
	}
	if k.frame.Kind == wire.Attach {
		c.verifyLocked(s, answer)
	}
	parked := s.parked
	s.parked = nil
	for _, p := range parked {
		if !p.settled {
			c.routeLocked(p)
		}
	}
	c.rouse()
}

// renewLocked moves a session's deadline on: it counts from the sending of what was answered, and
// ends a thousandth early, for clocks that drift apart. A session whose time was over before is
// lost, whatever the member says: its holders may have been told.
func (c *Client) renewLocked(s *Session, sent time.Duration) {
	s.look()
	if err := s.ended(); err != nil && isLoss(err) {
		return
	}
	ttl := time.Duration(s.ttl.Load())
	if deadline := int64(sent + ttl - ttl/1000); deadline > s.deadline.Load() {
		s.renewed.Store(int64(sent))
		s.deadline.Store(deadline)
		s.moved = 0
	}
	s.look()
}

// verifyLocked compares the holds with what the session has, as the answer to its attach says: one
// may have been taken away while there was no stream to tell it by.
func (c *Client) verifyLocked(s *Session, answer *wire.Frame) {
	told := min(len(answer.Names), len(answer.Contenders)) // an older member tells no names
	has := make(map[holdKey]bool, told)
	for i, name := range answer.Names[:told] {
		has[holdKey{name, Token(answer.Contenders[i].Token)}] = true
	}
	for key, h := range s.holds {
		switch {
		case has[key] || h.ended() != nil:
		case int(answer.Total) > told:
			c.verifyHoldLocked(h, nil) // not all were told
		default:
			c.loseHoldLocked(h, h.taken())
		}
	}
}

// verifyHoldLocked asks who holds, and ends a hold that is gone. What the asking came to is told to
// done, if not nil.
func (c *Client) verifyHoldLocked(h *Hold, done chan<- error) {
	k := c.newCall(h.session)
	k.frame.Kind, k.frame.Name, k.frame.Limit = wire.Queue, h.name, QueueLimit
	if h.permits > 0 {
		k.frame.Kind, k.frame.Token = wire.Semaphore, int64(h.token)
	}
	k.settle = func(answer *wire.Frame, err error) {
		if done != nil {
			defer func() { done <- err }()
		}
		if err != nil || h.ended() != nil {
			return
		}
		for i := range answer.Contenders {
			if x := &answer.Contenders[i]; Token(x.Token) == h.token && x.State == wire.Held {
				return
			}
		}
		if int64(len(answer.Contenders)) < answer.Total {
			return // it may be among those that were not told
		}
		c.loseHoldLocked(h, h.taken())
	}
	c.enterLocked(k)
}

// taken is the loss of a hold that is found to be gone, without word of how.
func (h *Hold) taken() *LostError {
	return &LostError{Name: h.name, Token: h.token, Session: h.session.ID(), Cause: CauseUnknown}
}

// maxMoves is how often in a row a session may be taken over by another stream before it counts as
// another program's. It happens once by itself, where an attach of a broken stream is done late.
const maxMoves = 3

// movedLocked takes the word that a session is not attached to the stream any more.
func (c *Client) movedLocked(s *Session) {
	if s.phase != sessionAttached {
		return
	}
	if s.moved++; s.moved > maxMoves {
		c.overLocked(s, &LostError{Session: s.ID(), Whole: true, Cause: CauseDetached})
		return
	}
	s.phase = sessionDetached
	c.attachLocked(s)
}

// overLocked takes a session out, ends it with its holds, and all its calls.
func (c *Client) overLocked(s *Session, why error) {
	if s.phase == sessionOver {
		return
	}
	s.phase = sessionOver
	if s.end(why) && isLoss(why) {
		c.cfg.log.Warn("a session is over", "session", s.ID(), "err", why)
	}
	delete(c.sessions, s.number)
	delete(c.byID, s.ID())
	if s.id.Load() == 0 {
		close(s.opened)
	}
	for _, h := range s.holds {
		h.end(h.causeOf(s.ended()))
		h.tell()
	}
	clear(s.holds)
	s.parked = nil
	for _, k := range c.calls {
		if k.session == s {
			c.settleLocked(k, why)
		}
	}
}

// discard closes a session that nobody has got.
func (c *Client) discard(s *Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.id.Load() == 0 && s.phase == sessionDetached {
		c.overLocked(s, ErrReleased) // it was never asked for
		return
	}
	c.closeLocked(s)
}

// closeLocked ends a session's holds and asks for it to be closed.
func (c *Client) closeLocked(s *Session) *call {
	s.end(fmt.Errorf("session %s: %w", s.ID(), ErrReleased))
	for _, h := range s.holds {
		h.end(h.causeOf(s.ended()))
		h.tell()
	}
	k := &call{session: s, done: make(chan struct{}, 1)}
	k.frame.Kind = wire.Close
	k.settle = func(_ *wire.Frame, err error) {
		for _, h := range s.holds {
			h.phase.Store(phaseReleased)
		}
		c.overLocked(s, s.ended())
		switch {
		case errors.Is(err, ErrSessionLost):
			err = nil // it is over
		case errors.Is(err, ErrClosed):
			err = fmt.Errorf("%w: %w", ErrUncertain, err)
		}
		k.err = err
		k.done <- struct{}{}
	}
	c.enterLocked(k)
	return k
}

// closeSession closes a session and waits for the answer.
func (c *Client) closeSession(ctx context.Context, s *Session) error {
	if err := s.Err(); err != nil && isLoss(err) {
		return fmt.Errorf("close: %w", err)
	}
	return c.closeSessions(ctx, []*Session{s})
}

// openSessionsLocked returns the sessions in the order of their opening.
func (c *Client) openSessionsLocked() []*Session {
	var list []*Session
	for _, s := range c.sessions {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *Session) int { return int(a.number) - int(b.number) })
	return list
}

// closeSessions closes sessions, all at once, and waits for the answers.
func (c *Client) closeSessions(ctx context.Context, list []*Session) error {
	var calls []*call
	c.mu.Lock()
	for _, s := range list {
		switch {
		case s.phase == sessionOver:
		case s.id.Load() == 0 && s.phase == sessionDetached:
			c.overLocked(s, ErrReleased)
		default:
			calls = append(calls, c.closeLocked(s))
		}
	}
	c.mu.Unlock()
	for _, k := range calls {
		select {
		case <-k.done:
			if k.err != nil {
				return k.err
			}
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrUncertain, context.Cause(ctx))
		}
	}
	return nil
}
