package zkapi

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/znode"
)

// A call is a request that waits for its turn to be answered.
type call struct {
	request jute.Request
	auth    []znode.Credential // when the request was read
	began   time.Time          // when it was read
	size    int                // of the frame

	pending bool           // its outcome is not there yet
	held    *znode.Request // of a write that is not on its way yet; nil: it is, or it is none
	local   bool           // it is answered from the tree, or from the connection, when its turn comes
	reply   jute.Reply
	end     bool // the connection ends with its answer
}

// reads reports whether the call is one that is answered from the tree.
func (p *call) reads() bool { return p.local && !treeless(p.request.Op) }

// treeless reports whether a local call is answered without a look at the tree.
func treeless(op jute.Op) bool {
	switch op {
	case jute.OpPing, jute.OpWhoAmI, jute.OpReconfig, jute.OpSASL:
		return true
	}
	return false
}

// handle takes one frame. Its error ends the reading: errLast, where the writer still has to
// write.
func (c *conn) handle(frame []byte) error {
	c.mu.Lock()
	idle := len(c.calls) == 0
	c.mu.Unlock()
	p := &c.alone
	*p = call{request: p.request, auth: *c.auth.Load(), began: time.Now(), size: len(frame)}
	body, err := p.request.DecodeHeader(frame)
	if err != nil {
		return err
	}
	if !idle || kindOf(p.request.Op) != localCall {
		// The request outlives the frame.
		p = &call{auth: p.auth, began: p.began, size: p.size}
		if body, err = p.request.DecodeHeader(bytes.Clone(frame)); err != nil {
			return err
		}
	}
	if err := p.request.DecodeBody(body); err != nil {
		return c.refuse(p, znode.ErrMarshalling)
	}
	if p == &c.alone {
		c.answerLocal(p, false)
		return nil
	}
	return c.start(p)
}

// A callKind says what becomes of a request.
type callKind uint8

const (
	unknownCall callKind = iota
	localCall            // answered from the tree or the connection
	writeCall            // goes to the writer
	authCall             // acts when it is read
	syncCall
)

func kindOf(op jute.Op) callKind {
	switch op {
	case jute.OpCreate, jute.OpCreate2, jute.OpCreateContainer, jute.OpCreateTTL, jute.OpDelete,
		jute.OpSetData, jute.OpSetACL, jute.OpMulti, jute.OpCloseSession:
		return writeCall
	case jute.OpExists, jute.OpGetData, jute.OpGetChildren, jute.OpGetChildren2, jute.OpGetACL,
		jute.OpGetAllChildrenNumber, jute.OpGetEphemerals, jute.OpMultiRead, jute.OpWhoAmI, jute.OpPing,
		jute.OpSetWatches, jute.OpSetWatches2, jute.OpAddWatch, jute.OpCheckWatches,
		jute.OpRemoveWatches, jute.OpReconfig, jute.OpSASL:
		return localCall
	case jute.OpSync:
		return syncCall
	case jute.OpAuth:
		return authCall
	}
	return unknownCall
}

// start queues a call, and sets off what it needs.
func (c *conn) start(p *call) error {
	q := &p.request
	switch kindOf(q.Op) {
	case localCall:
		p.local = true
		c.push(p)
		return nil
	case syncCall:
		p.pending = true
		c.push(p)
		c.sync(p)
		return nil
	case authCall:
		if code := c.authenticate(q); code != znode.OK {
			p.reply.Code, p.end = code, true
		}
	case writeCall:
		return c.startWrite(p)
	default:
		p.reply.Code, p.end = znode.ErrUnimplemented, true
	}
	return c.pushAnswered(p)
}

// refuse answers a request that does not decode.
func (c *conn) refuse(bad *call, code znode.Code) error {
	q := &bad.request
	p := &call{request: jute.Request{Xid: q.Xid, Operation: jute.Operation{Op: q.Op}}, began: bad.began, size: bad.size}
	p.reply.Code = code
	p.end = q.Op == jute.OpAuth || q.Op == jute.OpSASL
	return c.pushAnswered(p)
}

// pushAnswered queues a call whose answer is there already.
func (c *conn) pushAnswered(p *call) error {
	c.push(p)
	if p.end {
		signal(c.wake) // the reader reads no more
		return errLast
	}
	return nil
}

// push queues a call. What can be written then is for the reader to write.
func (c *conn) push(p *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, p)
	c.asked += p.size
	if p.reads() {
		c.reads++
	}
	c.flush()
	if p.local {
		signal(c.wake)
	}
}

// complete sets the answer of a call that was pending. It may be called inside the apply loop.
func (c *conn) complete(p *call, set func(r *jute.Reply)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	set(&p.reply)
	p.pending = false
	c.flush()
	signal(c.wake)
}

// flush queues the answers of the calls at the head that have one. c.mu is held.
func (c *conn) flush() {
	n := 0
	for n < len(c.calls) && !c.last {
		p := c.calls[n]
		if p.pending || p.local {
			break
		}
		p.reply.Zxid = c.door.zxid.Load()
		c.reply(p)
		n++
	}
	c.pop(n)
}

// pop drops the first n calls. c.mu is held.
func (c *conn) pop(n int) {
	if n == 0 {
		return
	}
	for _, p := range c.calls[:n] {
		c.asked -= p.size
		c.release(large(p.size))
	}
	left := copy(c.calls, c.calls[n:])
	clear(c.calls[left:])
	c.calls = c.calls[:left]
	if left == 0 && cap(c.calls) > keptCalls {
		c.calls = nil
	}
}

// large is the room that a frame of that size has taken from all connections'.
func large(size int) int64 {
	if size > keptBuffer {
		return int64(size)
	}
	return 0
}

// keptCalls is how much memory for waiting requests a connection keeps.
const keptCalls = 16

// reply queues one answer. c.mu is held.
func (c *conn) reply(p *call) {
	r, q := &p.reply, &p.request
	r.Xid, r.Op = q.Xid, q.Op
	if q.Op == jute.OpPing {
		r.Xid = jute.XidPing
	}
	if q.Op == jute.OpAuth {
		r.Zxid = 0
	}
	c.out = r.Append(c.out)
	took := time.Since(p.began)
	c.counts.answered(q, r, took)
	c.door.counts.answered(q, r, took)
	if p.end {
		c.last = true
	}
}

// advance answers the local calls whose turn has come, and reports whether it left some because
// there is enough to write. It is the writer's.
func (c *conn) advance() (more bool) {
	for {
		c.mu.Lock()
		var p *call
		if len(c.calls) > 0 && c.calls[0].local && !c.last {
			p = c.calls[0]
		}
		ample := c.ample()
		c.mu.Unlock()
		if p == nil || ample {
			return p != nil
		}
		c.answerLocal(p, true)
	}
}

// answerLocal answers a call from the tree or the connection. queued says that it stands at the
// head of the calls, which nobody else then takes it from. Who has called writes the answer.
func (c *conn) answerLocal(p *call, queued bool) {
	end := func(zxid int64) { // the order of answers and events is that of the tree's lock
		c.mu.Lock()
		defer c.mu.Unlock()
		p.reply.Zxid = zxid
		c.reply(p)
		if queued {
			if p.reads() {
				c.reads--
			}
			c.pop(1)
			c.flush()
		} else {
			c.release(large(p.size))
		}
	}
	st := c.door.cfg.Store
	switch {
	case treeless(p.request.Op):
		c.answerAlone(p)
		end(c.door.zxid.Load())
	case watching(&p.request):
		c.watched.Store(true)
		st.Watches(func(t *znode.Tree, w *znode.Watches, _ int64) {
			c.answerWatching(p, t, w)
			end(t.Zxid())
		})
	default:
		st.View(func(t *znode.Tree, _ int64) {
			c.answerRead(p, t)
			end(t.Zxid())
		})
	}
}

// errBusy ends a connection whose requests the member could not take for too long.
var errBusy = errors.New("too many requests in flight at this member")

// The member's limit on requests in flight is above that of a connection; where many connections
// reach it together each waits for its turn.
const (
	busyPause = 5 * time.Millisecond
	busyTries = 2000
)

// submit hands a call's write to the store.
func (c *conn) submit(p *call, r *znode.Request) error {
	done := func(o znode.Outcome, err error) { c.wrote(p, &o, err) }
	for range busyTries {
		err := c.door.cfg.Store.Start(r, done)
		if !errors.Is(err, store.ErrBusy) {
			return err
		}
		timer := time.NewTimer(busyPause)
		select {
		case <-timer.C:
		case <-c.ctx.Done():
			timer.Stop()
			return context.Cause(c.ctx)
		}
	}
	return errBusy
}

// sync answers a sync once the tree shows all that was answered anywhere before it was read.
func (c *conn) sync(p *call) {
	c.door.wg.Add(1)
	go func() {
		defer c.door.wg.Done()
		if err := c.door.cfg.Store.Sync(c.ctx); err != nil {
			c.cut(err)
			return
		}
		c.complete(p, func(r *jute.Reply) { r.Path = p.request.Path })
	}()
}
