package sdk

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

const (
	watch      = 250 * time.Millisecond // between two looks at the clock, which timers do not follow through a suspend
	idleTouch  = 10 * time.Second       // at the latest, whatever the TTLs: the member cuts silent streams
	minSilence = 500 * time.Millisecond // for an answer that is overdue, at least
	maxSilence = 5 * time.Second        // and at most
)

// keep keeps the sessions alive until the client ends: it sends their touches, gives up a stream
// whose member is silent, ends what is over by the clock, and sends again what was delayed.
func (c *Client) keep() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-c.wake:
		case <-c.ctx.Done():
			return
		}
		c.mu.Lock()
		next := c.tendLocked(c.cfg.clock())
		c.mu.Unlock()
		timer.Reset(max(next, time.Millisecond))
	}
}

// tendLocked does what is due now, and returns when to come again.
func (c *Client) tendLocked(now time.Duration) time.Duration {
	next := idleTouch
	shortest := c.expireLocked(now, &next)
	c.resendLocked(now, &next)
	switch l := c.link; {
	case l == nil:
	case l.going && now >= l.leaveBy:
		l.fail(errGoing)
	case l.going:
		next = min(next, l.leaveBy-now)
	default:
		c.touchLocked(now, shortest, &next)
		c.overdueLocked(now, &next)
	}
	return next
}

// overdueLocked gives up a stream that owes the answer to a request for too long, though it answers
// touches: the request goes over the next one. Those that wait in a queue are not overdue.
func (c *Client) overdueLocked(now time.Duration, next *time.Duration) {
	every := min(c.cfg.requestTimeout, idleTouch) / 2
	*next = min(*next, every)
	if now < c.link.counted+every {
		return
	}
	c.link.counted = now
	for _, k := range c.calls {
		if k.inFlight && !k.queued && now >= k.sent+c.cfg.requestTimeout {
			c.link.fail(errSilent)
			return
		}
	}
}

// expireLocked ends the sessions and holds whose time is over, and returns the shortest TTL of the
// others.
func (c *Client) expireLocked(now time.Duration, next *time.Duration) (shortest time.Duration) {
	for _, s := range c.sessions {
		if s.id.Load() == 0 {
			continue
		}
		s.look()
		if why := s.ended(); why != nil && isLoss(why) {
			c.overLocked(s, why)
			// The stream's touches must not keep alive at the service what is lost here.
			if c.link != nil {
				c.link.fail(errTooLate)
			}
			continue
		} else if why != nil && int64(now) >= s.deadline.Load() {
			// Its close was not answered in its time.
			c.overLocked(s, fmt.Errorf("%w: session %s has had no answer within its TTL", ErrUncertain, s.ID()))
			continue
		}
		if ttl := s.TTL(); shortest == 0 || ttl < shortest {
			shortest = ttl
		}
		*next = min(*next, watch, time.Duration(s.deadline.Load())-now)
	}
	return shortest
}

// resendLocked sends again what was delayed until now.
func (c *Client) resendLocked(now time.Duration, next *time.Duration) {
	c.delayed = slices.DeleteFunc(c.delayed, func(k *call) bool {
		switch {
		case k.settled:
			return true
		case k.due > now:
			*next = min(*next, k.due-now)
			return false
		}
		k.delayed = false
		if k.vital {
			c.sendLocked(k)
		} else {
			c.routeLocked(k)
		}
		return true
	})
}

// touchLocked touches all sessions of the stream every third of the shortest TTL, and gives up a
// stream that owes an answer to that, or to an attach, for a sixth of the TTL: early enough for
// the sessions to live on at another member.
func (c *Client) touchLocked(now, shortest time.Duration, next *time.Duration) {
	l := c.link
	silence, every := maxSilence, idleTouch
	if shortest > 0 {
		silence = min(max(shortest/6, minSilence), maxSilence)
		every = min(shortest/3, idleTouch)
	}
	if l.vital > 0 {
		if now >= l.progress+silence {
			l.fail(errSilent)
			return
		}
		*next = min(*next, l.progress+silence-now)
	}
	if l.touching {
		return
	}
	if now < l.touched+every {
		*next = min(*next, l.touched+every-now)
		return
	}
	l.touching = true
	k := c.newCall(nil)
	k.vital = true
	k.frame.Kind = wire.Touch
	k.settle = func(answer *wire.Frame, err error) { c.touchedLocked(l, k, answer, err) }
	c.enterVitalLocked(k)
	l.touched = k.sent
	*next = min(*next, silence)
}

// touchedLocked takes the outcome of a touch: it renews what was attached when it was sent.
func (c *Client) touchedLocked(l *link, k *call, answer *wire.Frame, err error) {
	if l.over {
		return
	}
	l.touching = false
	if err != nil {
		l.fail(err)
		return
	}
	for _, lost := range answer.Lost {
		if s := c.byID[SessionID(lost.Session)]; s != nil {
			c.overLocked(s, &LostError{Session: s.ID(), Whole: true, Cause: Cause(lost.Cause)})
		}
	}
	for _, s := range c.sessions {
		if s.phase == sessionAttached && s.attached < k.sent {
			c.renewLocked(s, k.sent)
		}
	}
}

// up takes a new stream: everything goes on over it.
func (c *Client) up(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.first:
	default:
		close(c.first)
	}
	if c.closed && len(c.sessions) == 0 {
		l.fail(ErrClosed)
	}
	c.link = l
	l.touched = c.cfg.clock() // what is attached is touched by that
	clear(c.failures)
	for _, s := range c.openSessionsLocked() {
		// The client's own session is opened when it is needed.
		if s.id.Load() != 0 || len(s.parked) > 0 || s != c.own {
			c.attachLocked(s)
		}
	}
	parked := c.parked
	c.parked = nil
	for _, k := range parked {
		if !k.settled {
			c.routeLocked(k)
		}
	}
	for _, d := range slices.Collect(maps.Values(c.feeds)) { // each gets another number
		d.resumeLocked()
	}
	c.rouse()
}

// down takes a stream out that is broken. What has no answer is parked, in its old order, for the
// next one: the member may have done it, so it goes with the same request id.
func (c *Client) down(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l.over = true
	if c.link == l {
		c.link = nil
	}
	for _, s := range c.sessions {
		s.phase, s.parked = sessionDetached, nil
		if s.id.Load() == 0 {
			c.opens++ // what a lost answer may have opened is left to lapse
			s.requestID = c.requestID(c.opens) + "s"
		}
	}
	for _, d := range c.feeds {
		d.of.forget()
	}
	c.backlog, c.parked, c.delayed = nil, nil, nil
	var list []*call
	for _, k := range c.calls {
		list = append(list, k)
	}
	slices.SortFunc(list, func(a, b *call) int { return int(a.frame.ID) - int(b.frame.ID) })
	for _, k := range list {
		k.doubt = k.doubt || k.inFlight
		k.inFlight, k.queued = false, false
		switch {
		case k.vital:
			c.settleLocked(k, l.err)
		case k.abandoned && k.takes():
			c.giveBackLocked(k)
		case k.abandoned && !k.gives():
			c.settleLocked(k, ErrCancelled)
		case k.delayed:
			c.delayed = append(c.delayed, k)
		default:
			c.routeLocked(k) // which parks it: there is no stream
		}
	}
}

// failAllLocked ends everything.
func (c *Client) failAllLocked(why error) {
	for _, s := range c.sessions {
		c.overLocked(s, why)
	}
	for _, k := range c.calls {
		c.settleLocked(k, why)
	}
	for _, d := range c.feeds {
		d.endLocked(why)
	}
}
