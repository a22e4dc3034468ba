package sdk

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// A call is one request that is to be answered, over however many streams that takes. It is in one
// place at a time: in flight on the stream, parked until there is a stream or its session is
// attached, delayed until it may be tried again, or in the backlog of a stream that takes no more.
// Fields without a comment are its maker's; the others are guarded by Client.mu until it is done.
type call struct {
	frame   wire.Frame // as it is sent
	session *Session   // that must be attached first; nil: none
	cfg     *lockConfig
	ticket  *Ticket
	again   *reentry        // of a reentrant lock
	values  context.Context // of the hold's context
	vital   bool            // its being overdue says that the stream is dead; it ends with the stream
	news    chan Wait       // the latest word about the wait; nil: nobody wants to know

	// settle, if not nil, takes the outcome, with Client.mu held, in the place of done.
	settle func(answer *wire.Frame, err error)
	done   chan struct{} // told once when answer or err, and hold, may be read

	answer *wire.Frame // of an OK, unless it is all in hold
	err    error
	hold   *Hold
	holds  []*Hold // of several locks

	inFlight  bool
	queued    bool // in a queue: the member does not count it any more
	delayed   bool
	settled   bool
	abandoned bool          // nobody waits any more; what it gets is given back
	answered  bool          // by a member, since it was sent last
	doubt     bool          // an earlier sending may have been done
	sends     int           // over all streams
	first     time.Duration // the first sending
	sent      time.Duration // the last one
	due       time.Duration // when delayed: not to be sent before
}

// newCall returns a call of s, or of no session. Its maker fills in the frame but for the id.
func (c *Client) newCall(s *Session) *call {
	k := &call{session: s, done: make(chan struct{}, 1)}
	if s != nil {
		k.frame.Session = s.id.Load()
	}
	return k
}

// takes reports whether the call may end in a place or a hold that must not be left behind.
func (k *call) takes() bool {
	switch k.frame.Kind {
	case wire.Acquire, wire.AcquireAll, wire.AcquirePermits, wire.Enqueue, wire.EnqueuePermits, wire.Enter, wire.Campaign:
		return true
	}
	return false
}

// enqueues reports whether the call takes a place, and is answered with that, held or not.
func (k *call) enqueues() bool {
	return k.frame.Kind == wire.Enqueue || k.frame.Kind == wire.EnqueuePermits
}

// mayHold reports whether the call may end in a hold.
func (k *call) mayHold() bool {
	return k.takes() || k.frame.Kind == wire.Await && k.cfg != nil
}

// gives reports whether the call gives something up, which is done whether or not anybody waits.
func (k *call) gives() bool {
	switch k.frame.Kind {
	case wire.Release, wire.ReleaseAll, wire.ReleasePermits, wire.Leave, wire.Close:
		return true
	}
	return false
}

// known reports whether a call that has failed is known not to have been done.
func (k *call) known() bool { return !k.doubt && (k.answered || k.sends == 0) }

// waits reports whether the member may take its time with the answer.
func (k *call) waits() bool {
	switch k.frame.Kind {
	case wire.Acquire, wire.AcquireAll, wire.AcquirePermits, wire.Await, wire.AwaitBarrier, wire.Enter, wire.Exit, wire.Campaign:
		return true
	}
	return false
}

// requestID makes a request repeatable. Nobody else can guess it.
func (c *Client) requestID(number uint64) string {
	return c.prefix + strconv.FormatUint(number, 36)
}

// submit sends a call, or parks it.
func (c *Client) submit(k *call) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.submitLocked(k)
}

func (c *Client) submitLocked(k *call) error {
	switch {
	case c.closed && k.frame.Kind != wire.Close:
		return ErrClosed
	case len(c.calls) >= c.cfg.maxPending:
		return fmt.Errorf("%w: %d have no answer yet", ErrTooManyRequests, len(c.calls))
	case c.link != nil && c.link.unsent >= c.cfg.maxUnsent:
		return fmt.Errorf("%w: %d bytes are not yet on their way", ErrTooManyRequests, c.link.unsent)
	}
	if s := k.session; s != nil {
		if err := s.ended(); err != nil && !k.gives() {
			return err
		}
		if s.phase == sessionOver {
			return s.ended()
		}
	}
	c.enterLocked(k)
	return nil
}

// enterLocked gives a call its number, and sends it on its way.
func (c *Client) enterLocked(k *call) {
	c.numberLocked(k)
	c.routeLocked(k)
}

// numberLocked gives a call its number. Its caller sends it.
func (c *Client) numberLocked(k *call) {
	c.lastID++
	k.frame.ID = c.lastID
	if k.mayHold() {
		k.session.acquiring++
	}
	if k.takes() {
		k.frame.RequestID = c.requestID(k.frame.ID)
	}
	c.calls[k.frame.ID] = k
}

// routeLocked sends a call that is nowhere, or puts it where it has to wait.
func (c *Client) routeLocked(k *call) {
	switch {
	case k.session != nil && k.session.phase != sessionAttached:
		k.session.parked = append(k.session.parked, k)
		c.attachLocked(k.session)
	case c.link == nil || c.link.going:
		c.parked = append(c.parked, k)
	case c.link.full():
		c.backlog = append(c.backlog, k)
	default:
		c.sendLocked(k)
	}
}

// sendLocked sends a call over the stream.
func (c *Client) sendLocked(k *call) {
	if k.session != nil {
		k.frame.Session = k.session.id.Load()
	}
	k.sent = c.cfg.clock()
	if k.sends++; k.sends == 1 {
		k.first = k.sent
	}
	k.inFlight, k.answered = true, false
	c.link.inFlight++
	if !c.link.append(&k.frame) {
		c.settleLocked(k, fmt.Errorf("%w: the member takes %d bytes", ErrTooLarge, c.link.maxFrame))
	}
}

// settleLocked ends a call.
func (c *Client) settleLocked(k *call, err error) {
	if k.settled {
		return
	}
	delete(c.calls, k.frame.ID)
	c.landLocked(k)
	if k.mayHold() {
		c.acquiredLocked(k.session)
	}
	k.settled, k.err = true, err
	if k.settle != nil {
		k.settle(k.answer, err)
		return
	}
	k.done <- struct{}{}
}

// landLocked takes a call out of flight, and lets the next one of the backlog go.
func (c *Client) landLocked(k *call) {
	if !k.inFlight {
		return
	}
	k.inFlight = false
	if c.link == nil {
		return
	}
	if !k.queued {
		c.link.inFlight--
	}
	k.queued = false
	c.drainLocked()
	c.link.leave()
}

// drainLocked lets calls of the backlog go, as many as the stream takes.
func (c *Client) drainLocked() {
	for len(c.backlog) > 0 && !c.link.full() {
		next := c.backlog[0]
		c.backlog[0] = nil
		c.backlog = c.backlog[1:]
		if !next.settled {
			c.routeLocked(next)
		}
	}
}

// delayLocked has a call sent again after d.
func (c *Client) delayLocked(k *call, d time.Duration) {
	c.landLocked(k)
	k.due, k.delayed = c.cfg.clock()+d, true
	c.delayed = append(c.delayed, k)
	c.rouse()
}

// rouse has the keeper look again.
func (c *Client) rouse() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// wait submits a call that ends in a hold, and waits for it. If ctx ends first the call is
// abandoned, and ctx's cause is returned.
func (c *Client) wait(ctx context.Context, k *call) (*Hold, error) {
	k.values = ctx
	if k.cfg.onWait != nil || k.ticket != nil {
		k.news = make(chan Wait, 1)
	}
	if _, err := c.stay(ctx, k); err != nil {
		return nil, err
	}
	return k.hold, nil
}

// stay submits a call that may wait as long as it takes, and returns its answer. If ctx ends first the
// call is abandoned, and ctx's cause is returned.
func (c *Client) stay(ctx context.Context, k *call) (*wire.Frame, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err := c.submit(k); err != nil {
		return nil, err
	}
	if err := c.await(ctx, k); err != nil {
		return nil, err
	}
	return k.answer, k.err
}

// ask submits a call that belongs to no session and waits for no lock, and returns its answer.
func (c *Client) ask(ctx context.Context, k *call) (*wire.Frame, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.cfg.requestTimeout, fmt.Errorf("%w: no answer after %v", ErrUnavailable, c.cfg.requestTimeout))
		defer cancel()
	}
	return c.stay(ctx, k)
}

// unsure makes errors that leave open whether something was done match ErrUncertain.
func unsure(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Cause(ctx)), errors.Is(err, ErrUnavailable), errors.Is(err, ErrClosed):
		return fmt.Errorf("%w: %w", ErrUncertain, err)
	}
	return err
}

// await waits until a call is done, or abandons it when ctx ends and returns why.
func (c *Client) await(ctx context.Context, k *call) error {
	var last Wait
	for {
		select {
		case <-k.done:
			return nil
		case w := <-k.news:
			if w.Position != last.Position || w.Name != last.Name || w.Holder.Token != last.Holder.Token {
				last = w
				k.tell(w)
			}
		case <-ctx.Done():
			if c.abandon(k) {
				return context.Cause(ctx)
			}
			<-k.done // its outcome came first
			return nil
		}
	}
}

// tell passes the word on about a wait.
func (k *call) tell(w Wait) {
	if k.ticket != nil {
		k.ticket.position.Store(int64(w.Position))
		k.ticket.expected.Store(int64(w.ExpectedWait))
	}
	if k.cfg.onWait != nil {
		k.cfg.onWait(w)
	}
}

// abandon gives up waiting for a call, and reports false where it is settled already. What may
// have been got is given back, in the background; what may be released is released.
func (c *Client) abandon(k *call) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k.settled {
		return false
	}
	k.abandoned = true
	k.settle = func(*wire.Frame, error) {}
	switch {
	case k.inFlight && k.waits():
		c.link.append(&wire.Frame{Kind: wire.Cancel, Target: k.frame.ID})
	case k.inFlight, k.gives(), k.takes() && k.sends > 0:
	default:
		c.settleLocked(k, ErrCancelled) // wherever it is kept, it is passed over there
	}
	return true
}

// giveBackLocked turns an abandoned call that may have got something into the release of it.
func (c *Client) giveBackLocked(k *call) {
	c.settleLocked(k, ErrCancelled)
	c.undoLocked(k)
}

// undoLocked releases, in the background, what a call that is settled may have got.
func (c *Client) undoLocked(k *call) {
	release := &call{session: k.session, abandoned: true, settle: func(*wire.Frame, error) {}}
	release.frame = wire.Frame{Kind: wire.Release, Session: k.frame.Session, Name: k.frame.Name, RequestID: k.frame.RequestID}
	switch k.frame.Kind {
	case wire.AcquirePermits, wire.EnqueuePermits:
		release.frame.Kind = wire.ReleasePermits
	case wire.AcquireAll:
		release.frame.Kind, release.frame.Names = wire.ReleaseAll, k.frame.Names
	case wire.Enter:
		release.frame = wire.Frame{Kind: wire.Exit, Session: k.frame.Session, Name: k.frame.Name, Participant: k.frame.Participant}
	}
	if release.session.phase != sessionOver {
		c.enterLocked(release)
	}
}
