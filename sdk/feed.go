package sdk

import (
	"context"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// A feed is what a [Subscription] and an [Observation] have in common: a request after whose answer the
// member goes on to push frames, asked again over each new stream until Close.
type feed struct {
	client *Client
	of     feeder
	ended  chan struct{} // closed when it has ended

	// Guarded by client.mu.
	id  uint64 // of the request that it goes by
	err error  // why it ended
}

// A feeder is whose feed it is. Its methods are called with Client.mu held.
type feeder interface {
	// ask makes f the request that goes on from where the feed stands.
	ask(f *wire.Frame)
	// begun takes the answer to a request.
	begun(answer *wire.Frame)
	// push takes a frame that the member has pushed.
	push(f *wire.Frame)
	// forget is told that nothing is pushed any more until the next answer.
	forget()
}

func newFeed(c *Client, of feeder) feed {
	return feed{client: c, of: of, ended: make(chan struct{})}
}

// begin asks, the first time, and waits for the answer. With an error the feed has ended.
func (d *feed) begin(ctx context.Context) error {
	c := d.client
	k := c.newCall(nil)
	// The answer is taken before any frame behind it.
	k.settle = func(answer *wire.Frame, err error) {
		d.answered(k, answer, err)
		k.done <- struct{}{}
	}
	c.mu.Lock()
	d.of.ask(&k.frame)
	err := c.submitLocked(k)
	if err == nil {
		d.goBy(k)
	}
	c.mu.Unlock()
	if err == nil {
		if err = c.await(ctx, k); err == nil {
			err = k.err
		}
	}
	if err != nil {
		d.Close()
	}
	return err
}

// goBy notes by which request the feed goes from now on. Client.mu is held.
func (d *feed) goBy(k *call) {
	delete(d.client.feeds, d.id)
	d.id = k.frame.ID
	d.client.feeds[d.id] = d
}

// answered takes the outcome of a request, whose passing refusals are not told here. Client.mu is held.
func (d *feed) answered(k *call, answer *wire.Frame, err error) {
	switch {
	case err != nil:
		d.endLocked(err)
	case d.err != nil:
		d.client.unsubscribeLocked(k.frame.ID) // it was ended meanwhile
	default:
		d.of.begun(answer)
	}
}

// askAgainLocked has the feed go on by a new request, which the caller sends, unless there is one still
// to be answered: then it returns nil. However much is under way, it is taken: it was taken before.
func (d *feed) askAgainLocked() *call {
	c := d.client
	if c.calls[d.id] != nil {
		return nil
	}
	k := c.newCall(nil)
	k.settle = func(answer *wire.Frame, err error) { d.answered(k, answer, err) }
	d.of.ask(&k.frame)
	c.numberLocked(k)
	d.goBy(k)
	return k
}

// resumeLocked goes on over a new stream.
func (d *feed) resumeLocked() {
	if k := d.askAgainLocked(); k != nil {
		d.client.routeLocked(k)
	}
}

// refusedLocked takes an error that the member has pushed: it pushes nothing more. One that passes has the
// feed go on after a pause.
func (d *feed) refusedLocked(f *wire.Frame) {
	err := errorOf(f)
	if !passing(err) {
		d.endLocked(err)
		return
	}
	d.of.forget()
	if k := d.askAgainLocked(); k != nil {
		d.client.delayLocked(k, pauseOf(f, k))
	}
}

// Close ends the subscription or the observation. It does not block, and may be called again.
func (d *feed) Close() {
	d.client.mu.Lock()
	defer d.client.mu.Unlock()
	d.endLocked(ErrClosed)
}

// endLocked ends the feed, here and at the member.
func (d *feed) endLocked(why error) {
	if d.err != nil {
		return
	}
	d.err = why
	close(d.ended)
	c := d.client
	delete(c.feeds, d.id)
	switch k := c.calls[d.id]; {
	case k == nil:
		c.unsubscribeLocked(d.id)
	case k.inFlight: // what it begins is ended when it is answered
		k.abandoned, k.settle = true, func(answer *wire.Frame, err error) { d.answered(k, answer, err) }
	default:
		k.abandoned, k.settle = true, func(*wire.Frame, error) {}
		c.settleLocked(k, ErrCancelled) // wherever it is kept, it is passed over there
	}
}

// unsubscribeLocked has the member push no more of what a request has begun.
func (c *Client) unsubscribeLocked(id uint64) {
	if id == 0 || c.link == nil || c.link.over || c.link.going || c.closed { // it ends with its stream
		return
	}
	k := c.newCall(nil)
	k.frame.Kind, k.frame.Target = wire.Unsubscribe, id
	k.abandoned, k.settle = true, func(*wire.Frame, error) {}
	c.enterLocked(k)
}
