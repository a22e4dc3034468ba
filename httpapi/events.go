package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/lockkeeper/lockkeeper/lock"
)

var eventType = []string{"text/event-stream"}

// events streams the locks' events until the client or the server has had enough. Each stream
// has its own deadline for each event: a reader that is too slow is cut, and takes up again
// with Last-Event-ID.
func (c *call) events() error {
	q, err := c.query("prefix", "last_event_id")
	if err != nil {
		return err
	}
	prefix, err := c.prefix(q, "prefix")
	if err != nil {
		return err
	}
	after, err := lastEvent(c.r.Header.Get("Last-Event-ID"), q.Get("last_event_id"))
	if err != nil {
		return err
	}
	if err := c.enterStreams(); err != nil {
		return err
	}
	sub, err := c.api.cfg.Subscribe(prefix, after)
	gap := after != nil && errors.Is(err, lock.ErrEventsGone)
	if gap {
		sub, err = c.api.cfg.Subscribe(prefix, nil)
	}
	if err != nil {
		return err
	}
	defer sub.Close()
	c.beginEvents()
	if gap {
		c.out.gap(*after)
	}
	return c.stream(func(ctx context.Context) error {
		e, err := sub.Next(ctx)
		if err == nil {
			c.out.event(&e)
		}
		return err
	})
}

// enterStreams counts the call as an event stream.
func (c *call) enterStreams() error {
	return c.stay(&c.api.streams, c.api.limits.MaxEventStreams, errTooManyStream)
}

// beginEvents sends what an event stream begins with, but for its first bytes, which are in c.out.
func (c *call) beginEvents() {
	c.unbindDeadlines()
	h := c.w.Header()
	h["Content-Type"] = eventType
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // else some proxies hold events back until they have enough
	// Read after subscribing: state read at this revision, and the stream, leave nothing out.
	h.Set("Lockkeeper-Revision", strconv.FormatInt(c.api.cfg.Revision(), 10))
	c.sent = http.StatusOK
	c.w.WriteHeader(http.StatusOK)
	c.out.b = append(c.out.b[:0], "retry: 1000\n\n"...)
}

// stream writes what is in c.out, and then again and again what next appends to it. It always returns
// nil: the answer has begun, so that there is no other way to tell a client why it ends than to end.
func (c *call) stream(next func(ctx context.Context) error) error {
	ctx := c.closing(c.r.Context(), func() {})
	for {
		if err := c.push(); err != nil {
			return nil
		}
		beat, cancel := context.WithTimeout(ctx, c.api.limits.Heartbeat)
		c.out.reset()
		err := next(beat)
		silent := beat.Err() != nil
		cancel()
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return nil
		case silent:
			c.out.b = append(c.out.b, ": still here\n\n"...)
		default:
			c.api.log.Debug("an event stream ended", "err", err)
			return nil
		}
	}
}

// push writes c.out to the client, which has WriteTimeout to take it.
func (c *call) push() error {
	control := c.control()
	_ = control.SetWriteDeadline(time.Now().Add(c.api.limits.WriteTimeout))
	if _, err := c.w.Write(c.out.b); err != nil {
		return err
	}
	// gin's writer hides the error of a flush, which is how a cut client shows.
	return http.NewResponseController(unwrap(c.w)).Flush()
}

func unwrap(w http.ResponseWriter) http.ResponseWriter {
	if inner, ok := w.(interface{ Unwrap() http.ResponseWriter }); ok {
		return inner.Unwrap()
	}
	return w
}

// event writes e as one server-sent event.
func (o *answer) event(e *lock.Event) {
	o.b = append(o.b, "id: "...)
	o.b = strconv.AppendInt(o.b, e.ID.Revision, 10)
	o.b = append(o.b, '-')
	o.b = strconv.AppendInt(o.b, int64(e.ID.Index), 10)
	o.b = append(o.b, "\nevent: "...)
	o.b = append(o.b, e.Kind...)
	o.b = append(o.b, "\ndata: "...)
	o.open()
	o.str("kind", string(e.Kind))
	o.str("name", e.Name)
	o.num("token", int64(e.Token))
	o.session("session", e.Session)
	o.permits(e.Permits)
	o.text("owner", e.Owner)
	o.text("cause", e.Cause)
	o.text("reason", e.Reason)
	o.instant("time", e.Time)
	o.num("revision", e.ID.Revision)
	o.close()
	o.b = append(o.b, "\n\n"...)
}

// gap tells that the events since after are lost to this client.
func (o *answer) gap(after lock.EventID) {
	o.b = append(o.b, "event: gap\ndata: "...)
	o.open()
	o.str("kind", "gap")
	o.str("after", after.String())
	o.str("fix", "read the locks anew: events after this one are no longer remembered")
	o.close()
	o.b = append(o.b, "\n\n"...)
}

// lastEvent reads the event to go on after: nil, where there is none. A browser that connects
// again sends the header beside the parameter of its first try; the header is newer.
func lastEvent(header, parameter string) (*lock.EventID, error) {
	text := header
	if text == "" {
		text = parameter
	}
	if text == "" {
		return nil, nil
	}
	id, ok := lock.ParseEventID(text)
	if !ok {
		return nil, badInput("last_event_id", fmt.Sprintf("%q is not the id of an event", shorten(text)), `give an id as the stream told it, such as "1042-0"`)
	}
	return &id, nil
}
