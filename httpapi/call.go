package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/lockkeeper/lockkeeper/store"
)

// A call is one request on its way through a handler. It is pooled: nothing may keep it, or
// its buffers, once the handler has returned.
type call struct {
	api   *API
	route *route
	w     gin.ResponseWriter
	r     *http.Request
	begun time.Time
	rest  string // the path's variable part, decoded: an id, a name or a ticket

	body   []byte        // of the request, read completely
	out    answer        // what send writes
	place  *atomic.Int64 // the limit that this call counts against; nil: none
	sent   int           // the status, as sent; 0: nothing yet
	torn   bool          // what was sent is half an answer
	waited bool          // the deadlines that the server set no longer hold

	work   context.Context // of the work, which the handler begins; nil: not yet
	cancel func()          // ends work
	done   func()          // gives a turn back; nil: the call has none
}

var calls = sync.Pool{New: func() any { return new(call) }}

// keptBuffer is the size up to which a call's buffers are kept for the next one.
const keptBuffer = 8 << 10

// statusHungUp stands in the metrics for a client that left before it was answered.
const statusHungUp = 499

// serve is the one adapter between gin and the handlers.
func (a *API) serve(g *gin.Context, r *route, rest string) {
	c := calls.Get().(*call)
	c.api, c.route, c.w, c.r, c.rest = a, r, g.Writer, g.Request, rest
	c.sent, c.torn, c.waited, c.begun = 0, false, false, time.Now()
	defer c.finish()
	if a.leaving.Load() {
		c.w.Header()["Connection"] = closeConnection
	}
	if err := c.run(); err != nil {
		c.fail(err)
	}
}

// run reads the request and hands it to its handler. The place in flight is taken only when
// the request is here completely, so that slow senders cannot use up the places.
func (c *call) run() error {
	if err := c.readBody(); err != nil {
		return err
	}
	if c.r.Method != http.MethodGet {
		if err := c.api.foreign.Check(c.r); err != nil {
			return errCrossOrigin
		}
	}
	if c.route.class != exempt {
		limit := int64(c.api.limits.MaxInFlight)
		if c.route.class == ordinary {
			limit -= limit / keepShare
		}
		if !c.enter(&c.api.inFlight, limit) {
			return store.ErrBusy
		}
	}
	return c.route.handle(c)
}

// enter moves the call from the limit that it counts against, if any, to another one, and
// reports whether there was room.
func (c *call) enter(place *atomic.Int64, limit int64) bool {
	if place.Add(1) > limit {
		place.Add(-1)
		return false
	}
	c.leavePlace()
	c.place = place
	return true
}

func (c *call) leavePlace() {
	if c.place != nil {
		c.place.Add(-1)
		c.place = nil
	}
}

// finish ends the call, a panic of its handler included: that is one client's trouble, not the
// member's.
func (c *call) finish() {
	v := recover()
	c.endWork()
	answered := c.sent != 0
	if v != nil && v != http.ErrAbortHandler {
		c.api.log.Error("a handler panicked", "route", c.route.pattern, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		if !answered {
			c.w.Header().Set("Connection", "close")
			c.fail(errInternal)
		}
	}
	c.leavePlace()
	c.route.meter.observe(c.sent, time.Since(c.begun))
	if v != nil || c.torn {
		if answered || v == http.ErrAbortHandler {
			panic(http.ErrAbortHandler) // half an answer must not look like a whole one
		}
		return // without pooling: the handler may have left anything behind
	}
	if cap(c.body) > keptBuffer {
		c.body = nil
	}
	if cap(c.out.b) > keptBuffer {
		c.out.b = nil
	}
	c.body, c.w, c.r, c.rest = c.body[:0], nil, nil, ""
	calls.Put(c)
}

// bounded begins work that waits for nobody but the quorum, and returns its context, which the
// call's end cancels.
func (c *call) bounded() context.Context {
	c.work, c.cancel = context.WithTimeout(c.r.Context(), c.api.limits.RequestTimeout)
	return c.work
}

// endWork cancels the context of the work, and gives back its turn.
func (c *call) endWork() {
	c.giveTurn()
	if c.cancel != nil {
		c.cancel()
	}
	c.work, c.cancel = nil, nil
}

// waiting begins work that waits for up to wait, counted apart from the requests in flight. Its
// context ends, with [store.ErrClosed] as its cause, when the server closes. A wait of zero is
// bounded work.
func (c *call) waiting(wait time.Duration) (context.Context, error) {
	if wait == 0 {
		return c.bounded(), nil
	}
	if err := c.stay(&c.api.waiting, c.api.limits.MaxWaiting, errTooManyWaits); err != nil {
		return nil, err
	}
	c.unbindDeadlines()
	ctx, cancel := context.WithTimeout(c.r.Context(), wait+c.api.limits.RequestTimeout)
	return c.closing(ctx, cancel), nil
}

// stay moves the call to a limit for those that stay longer; full is the error where there is no room.
func (c *call) stay(place *atomic.Int64, limit int, full error) error {
	switch {
	case c.api.closing.Err() != nil:
		return store.ErrClosed
	case !c.enter(place, int64(limit)):
		return full
	}
	return nil
}

// closing makes the context of work that ends, besides, when the server closes.
func (c *call) closing(ctx context.Context, cancel func()) context.Context {
	ctx, fail := context.WithCancelCause(ctx)
	stop := context.AfterFunc(c.api.closing, func() { fail(store.ErrClosed) })
	c.work, c.cancel = ctx, func() { stop(); fail(nil); cancel() }
	return ctx
}

// unbindDeadlines takes the server's deadline off the reading side, whose passing would look
// like a hang-up, and makes send set one of its own.
func (c *call) unbindDeadlines() {
	c.waited = true
	_ = c.control().SetReadDeadline(time.Time{})
}

// control reaches the connection under gin's writer.
func (c *call) control() *http.ResponseController { return http.NewResponseController(c.w) }

// query returns the parameters of the URL. Each must be one of allowed and stand there once.
func (c *call) query(allowed ...string) (url.Values, error) {
	if c.r.URL.RawQuery == "" {
		return nil, nil
	}
	q, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return nil, badInput("query", "is not well formed", "percent-encode what is not plain text")
	}
	for key, values := range q {
		if err := checkParameter(key, values, allowed); err != nil {
			return nil, err
		}
	}
	return q, nil
}

var (
	closeConnection = []string{"close"}

	jsonType    = []string{"application/json"}
	problemType = []string{"application/problem+json"}
)

// begin returns c.out to write a JSON object to.
func (c *call) begin() *answer {
	c.out.reset()
	c.out.open()
	return &c.out
}

// ok ends the object in c.out with the revision, and sends it.
func (c *call) ok(revision int64) error { return c.reply(http.StatusOK, revision) }

// reply is ok with another status.
func (c *call) reply(status int, revision int64) error {
	c.out.num("revision", revision)
	c.out.close()
	c.send(status, jsonType, revision)
	return nil
}

// send writes c.out as the answer.
func (c *call) send(status int, contentType []string, revision int64) {
	if len(c.out.b) > 0 {
		c.out.b = append(c.out.b, '\n') // a terminal's prompt then stands on a line of its own
	}
	c.sendBytes(status, contentType, revision, c.out.b)
}

// sendBytes writes the answer. A turn is given back before: a client that does not read must not
// keep it.
func (c *call) sendBytes(status int, contentType []string, revision int64, body []byte) {
	c.giveTurn()
	h := c.w.Header()
	h["Content-Type"] = contentType
	if revision > 0 {
		h["Lockkeeper-Revision"] = []string{strconv.FormatInt(revision, 10)}
	}
	if c.waited {
		_ = c.control().SetWriteDeadline(time.Now().Add(c.api.limits.WriteTimeout))
	}
	c.sent = status
	c.w.WriteHeader(status)
	_, _ = c.w.Write(body) // an error here is the client's: it is gone or does not read
}
