package sdk

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

const (
	minRetry = 20 * time.Millisecond // before a request is sent again
	maxRetry = 5 * time.Second       // at the latest, whatever the member asks for
)

// read takes what the member sends, until the link breaks.
func (c *Client) read(l *link) {
	var f wire.Frame
	for {
		batch, err := l.transport.Read()
		if err != nil {
			l.fail(fmt.Errorf("read: %w", err))
			return
		}
		d := wire.NewDecoder(batch)
		for {
			if err := d.Next(&f); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				l.fail(fmt.Errorf("the member's message: %w", err))
				return
			}
			c.mu.Lock()
			if !l.over {
				c.receiveLocked(l, &f)
			}
			c.mu.Unlock()
		}
	}
}

func (c *Client) receiveLocked(l *link, f *wire.Frame) {
	switch f.Kind {
	case wire.OK, wire.Error:
		c.answeredLocked(l, f)
	case wire.Waiting:
		c.waitingLocked(f)
	case wire.Event, wire.Leadership:
		if d := c.feeds[f.ID]; d != nil {
			d.of.push(f)
		}
	case wire.SessionLost:
		if s := c.byID[SessionID(f.Session)]; s != nil {
			c.overLocked(s, &LostError{Session: s.ID(), Whole: true, Cause: Cause(f.Cause)})
		}
	case wire.HoldLost:
		c.holdLostLocked(f)
	case wire.Detached:
		if s := c.byID[SessionID(f.Session)]; s != nil {
			c.movedLocked(s)
		}
	case wire.Asked:
		c.askedLocked(f)
	case wire.Going:
		c.goingLocked(l)
	}
}

// answeredLocked takes an answer.
func (c *Client) answeredLocked(l *link, f *wire.Frame) {
	k := c.calls[f.ID]
	if k == nil || !k.inFlight {
		if d := c.feeds[f.ID]; d != nil && k == nil && f.Kind == wire.Error {
			d.refusedLocked(f)
		}
		return // of a call that nobody waits for
	}
	k.answered = true
	if k.vital {
		l.vital--
		l.progress = c.cfg.clock()
	}
	if f.Kind == wire.OK {
		c.grantedLocked(k, f)
		return
	}
	err := errorOf(f)
	k.doubt = k.doubt || errors.Is(err, ErrUncertain)
	switch {
	case errors.Is(err, ErrShuttingDown):
		c.goingLocked(l) // another member may answer at once
		c.landLocked(k)
		if !k.vital { // those end with the stream
			c.routeLocked(k)
		}
	case k.abandoned && !k.gives() && !k.takes():
		c.settleLocked(k, err)
	case k.abandoned && k.takes() && (passing(err) || errors.Is(err, ErrCancelled) || errors.Is(err, ErrSessionMoved)):
		c.giveBackLocked(k)
	case passing(err):
		if k.vital {
			l.vital++ // a refusal is no answer to what says whether the member is of use
		}
		c.delayLocked(k, pauseOf(f, k))
	case errors.Is(err, ErrSessionMoved) && k.session != nil && k.session.phase != sessionOver:
		c.landLocked(k)
		c.movedLocked(k.session)
		c.routeLocked(k)
	case errors.Is(err, ErrSessionLost) && k.session != nil:
		cause := &LostError{Session: k.session.ID(), Whole: true, Cause: Cause(f.Cause)}
		c.settleLocked(k, cause)
		c.overLocked(k.session, cause)
	default:
		c.settleLocked(k, err)
	}
}

// goingPatience is how long a member that is about to stop may take to answer what it was asked,
// at most; sessions must live on meanwhile.
const goingPatience = 2 * time.Second

// goingLocked sends no more over a stream whose member is about to stop, and leaves it once what is under
// way has its answer: some of what was done would, sent again, be refused.
func (c *Client) goingLocked(l *link) {
	if !l.going {
		patience := goingPatience
		for _, s := range c.sessions {
			if ttl := s.TTL(); ttl > 0 {
				patience = min(patience, max(ttl/6, minSilence))
			}
		}
		l.going, l.leaveBy = true, c.cfg.clock()+patience
		c.rouse()
	}
	l.leave()
}

// pauseOf is how long after a refusal that passes a call is sent again: not all at once.
func pauseOf(refusal *wire.Frame, k *call) time.Duration {
	pause := min(max(time.Duration(refusal.RetryMS)*time.Millisecond, minRetry), maxRetry)
	return pause/2 + pause/2*time.Duration(k.frame.ID%8)/8
}

// grantedLocked takes an OK.
func (c *Client) grantedLocked(k *call, f *wire.Frame) {
	switch {
	case k.abandoned && k.takes():
		c.giveBackLocked(k)
		return
	case k.frame.Kind == wire.AcquireAll:
		c.grantedAllLocked(k, f)
		return
	case !k.abandoned && k.cfg != nil && f.State == wire.Held && !k.enqueues():
		var err error
		k.hold, err = c.heldLocked(k, &Hold{name: k.frame.Name, token: Token(f.Token), since: millis(f.SinceMS), permits: int(f.Permits)})
		c.settleLocked(k, err)
		return
	}
	switch k.frame.Kind {
	case wire.Release, wire.ReleasePermits, wire.Leave, wire.Close, wire.Await:
	default:
		answer := *f // f is used again
		k.answer = &answer
	}
	c.settleLocked(k, nil)
}

// waitingLocked passes word of a wait on to who waits, the latest only.
func (c *Client) waitingLocked(f *wire.Frame) {
	k := c.calls[f.ID]
	if k == nil || !k.inFlight {
		return
	}
	if !k.queued {
		k.queued = true
		c.link.inFlight--
		c.drainLocked()
		c.link.leave()
	}
	if k.news == nil || k.abandoned || f.Position == 0 {
		return
	}
	w := Wait{Name: cmp.Or(f.Name, k.frame.Name), Position: int(f.Position), ExpectedWait: time.Duration(f.ExpectedMS) * time.Millisecond}
	if len(f.Contenders) > 0 {
		w.Holder = contender(&f.Contenders[0])
	}
	select {
	case <-k.news: // it was not read
	default:
	}
	k.news <- w
}
