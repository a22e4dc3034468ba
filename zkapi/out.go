package zkapi

import (
	"context"
	"errors"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clock"
	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/znode"
)

// errDeaf is the cause of a connection that is cut because its client does not read.
var errDeaf = errors.New("too many bytes that the client does not read")

// Notify is part of [znode.Watcher]: it queues an event. It is called inside the apply loop.
func (c *conn) Notify(e znode.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last {
		return
	}
	if len(c.out) > c.door.cfg.MaxUnsent {
		c.cut(errDeaf)
		return
	}
	c.out = jute.AppendEvent(c.out, e)
	signal(c.wake)
}

// MayRead is part of [znode.Watcher].
func (c *conn) MayRead(acl []znode.ACL) bool {
	return znode.Permits(acl, *c.auth.Load(), znode.PermRead)
}

// send queues bytes to be written.
func (c *conn) send(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = append(c.out, b...)
	signal(c.wake)
}

// finish queues the last bytes to be written: the connection ends with them.
func (c *conn) finish(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out, c.last = append(c.out, b...), true
	signal(c.wake)
}

// ample reports whether so much waits to be written that no more is made before it is: a few bytes
// of reads can ask for a thousand times the memory. c.mu is held.
func (c *conn) ample() bool { return len(c.out) > c.door.cfg.MaxUnsent/4 }

// awaitRoom waits while too much of what was asked is not answered, or not read by the client.
func (c *conn) awaitRoom() error {
	for {
		c.mu.Lock()
		full := len(c.calls) >= c.door.cfg.MaxOutstanding || c.asked > c.door.cfg.MaxBuffer || c.ample()
		c.mu.Unlock()
		if !full {
			return nil
		}
		select {
		case <-c.room:
			c.hear() // it reads; what it sends, its pings too, is not read meanwhile
		case <-c.ctx.Done():
			return context.Cause(c.ctx)
		}
	}
}

// keptOut is how much memory for answers a connection keeps.
const keptOut = 4 << 10

// write writes what is queued until the connection ends, and returns why it does. It also runs
// the requests that waited for those before them.
func (c *conn) write() error {
	for {
		select {
		case <-c.wake:
		case <-c.ctx.Done():
			return context.Cause(c.ctx)
		}
		more := c.advance()
		if err := c.sendHeld(); err != nil {
			return err
		}
		if err := c.awaitConfirmed(); err != nil {
			return err
		}
		if err := c.writeOut(); err != nil {
			return err
		}
		if more {
			signal(c.wake)
		}
	}
}

// answered has the answers written that the reader has made: at once by itself, which spares a
// lone request another goroutine, unless the next one is there already.
func (c *conn) answered() error {
	switch {
	case c.buffered():
		return nil
	case c.fresh():
		return c.writeOut()
	}
	signal(c.wake)
	return nil
}

// writeOut writes what is queued, unless somebody else is at it, who then sees to it. Its error
// ends the connection: errLast after the last bytes.
func (c *conn) writeOut() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writing {
		return nil
	}
	if len(c.out) == 0 {
		if c.last {
			return errLast
		}
		return nil
	}
	b, last := c.out, c.last
	c.out, c.spare, c.writing = c.spare[:0], nil, true
	c.mu.Unlock()
	signal(c.room)
	_, err := c.nc.Write(b)
	c.mu.Lock()
	c.writing = false
	if cap(b) <= keptOut {
		c.spare = b
	}
	if len(c.out) > 0 {
		signal(c.wake)
	}
	if err == nil && last {
		err = errLast
	}
	return err
}

// touchAgain is how long a touch may go unconfirmed before it is sent again: a writer whose tree
// has not reached the session's open yet drops it without a word.
const touchAgain = 100 * time.Millisecond

// fresh reports whether the session's last confirmed touch is younger than a third of its timeout,
// so that the client may hear from us. Later it might, after its session has ended.
func (c *conn) fresh() bool { return c.timeout == 0 || c.age(clock.Boot()) <= c.timeout/3 }

// awaitConfirmed waits until the session is fresh.
func (c *conn) awaitConfirmed() error {
	if c.fresh() {
		return nil
	}
	again := time.NewTicker(touchAgain)
	defer again.Stop()
	defer signal(c.wake) // what was taken from it may have been for something else
	for !c.fresh() {
		select {
		case <-c.wake:
		case <-again.C:
			if c.heard.Load() > c.confirmed.Load() {
				c.door.cfg.Store.Touch(c.session, true)
			}
		case <-c.ctx.Done():
			return context.Cause(c.ctx)
		}
	}
	return nil
}
