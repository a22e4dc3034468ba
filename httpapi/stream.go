package httpapi

import (
	"net/http"

	"github.com/lockkeeper/lockkeeper/httpapi/stream"
	"github.com/lockkeeper/lockkeeper/lock"
)

// newDoor makes the door of the streams, which shares sessions, locks, places and the table of
// problems with the REST API.
func (a *API) newDoor() (*stream.Door, error) {
	c := &a.cfg
	return stream.New(stream.Config{
		Sessions: c.Sessions, Locks: c.Locks, Barriers: c.Barriers, Values: c.Values,
		Subscribe: func(prefix string, after *lock.EventID) (stream.Subscription, error) {
			return c.Subscribe(prefix, after)
		},
		Member: c.Member, Hello: a.hello, Revision: c.Revision, Turn: a.turn,
		Problem: func(err error) (string, bool) {
			p := problemOf(err)
			return p.code, p.retry
		},
		InFlight: stream.Places{Count: &a.inFlight, Limit: int64(a.limits.MaxInFlight)},
		Waiting:  stream.Places{Count: &a.waiting, Limit: int64(a.limits.MaxWaiting)},
		Metrics:  c.Metrics, Logger: a.log, Limits: a.limits.stream(),
	})
}

// hello is what a stream's client is told when it comes.
func (a *API) hello() stream.Hello {
	h := stream.Hello{Member: a.cfg.Health().Member, Version: a.cfg.Version}
	if a.cfg.Cluster != nil {
		h.Cluster = a.cfg.Cluster()
	}
	if a.cfg.Endpoints != nil {
		h.Endpoints = a.cfg.Endpoints()
	}
	return h
}

// serveStream serves a WebSocket to its end. What it refuses before is answered as any other request.
func (c *call) serveStream() error {
	c.waited = true
	if err := c.api.door.Serve(c.w, c.r); err != nil {
		return err
	}
	if c.sent = c.w.Status(); c.sent == http.StatusOK {
		c.sent = http.StatusSwitchingProtocols
	}
	return nil
}
