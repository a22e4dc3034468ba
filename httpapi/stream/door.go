// Package stream is the door for programs that ask much: any number of requests at once over one
// WebSocket connection, answered in any order, and pushes of what is lost. Package wire has the
// messages, and docs/stream.md says what they mean.
//
// Like the REST door it decides nothing: a request becomes one call of [Sessions] or [Locks].
//
// # What a stream costs
//
// It has a goroutine that reads, one that writes, and workers: as many as requests were worked on
// at once a moment ago. A request takes no goroutine, timer or context of its own; a wait keeps
// its worker. What is ready to leave goes as one message.
//
// # Order of locks
//
// The store's tree, then those of packages lease and lock, then Door.mu, then stream.mu: pushes
// come from inside the store's apply loop.
package stream

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/store"
)

// What a Door refuses before there is a stream.
var (
	// ErrNotWebSocket is returned for a request that does not ask for a WebSocket.
	ErrNotWebSocket = errors.New("this path takes WebSocket connections only")
	// ErrTooManyStreams is returned when the limit on streams is reached.
	ErrTooManyStreams = errors.New("too many streams are open at this member")
)

// A Config says what a [Door] serves. Sessions, Locks, Subscribe and Problem are required.
type Config struct {
	Sessions  Sessions
	Locks     Locks
	Barriers  Barriers // nil: there are none
	Values    Values   // nil: there are none
	Subscribe Subscribe

	Elections Elections    // nil: none are served
	Member    uint64       // this member's id: with a generation it names an attachment
	Hello     func() Hello // what a client is told when it comes; nil: nothing
	Revision  func() int64 // what this member's tree has applied

	// Turn waits until an answer of up to limit entries may be made, which done must be told; it
	// may see to it that the read is fresh, and say so in fresh. Nil: there is nothing to wait for.
	Turn func(ctx context.Context, limit int, fresh *lock.Read) (done func(), err error)

	Problem  func(err error) (code string, retry bool)
	InFlight Places // shared with other doors
	Waiting  Places // shared with other doors

	Metrics prometheus.Registerer
	Logger  *slog.Logger // nil: silent
	Limits  Limits       // the zero Limits are the defaults
}

// A Hello is what the answer to HELLO tells about the member and its cluster.
type Hello struct {
	Member, Cluster, Version string
	Endpoints                []string // of the members' HTTP doors
}

// Places bounds what is done at once, by all doors that share Count. Nil Count: no bound.
type Places struct {
	Count *atomic.Int64
	Limit int64
}

// enter takes a place and reports whether there was one. reserve places are left to others.
func (p *Places) enter(reserve int64) bool {
	if p.Count == nil {
		return true
	}
	if p.Count.Add(1) > p.Limit-reserve {
		p.Count.Add(-1)
		return false
	}
	return true
}

func (p *Places) leave() {
	if p.Count != nil {
		p.Count.Add(-1)
	}
}

// A Door serves streams. It is safe for concurrent use. Close ends it.
type Door struct {
	cfg    Config
	limits Limits
	log    *slog.Logger
	meters *meters

	mu       sync.Mutex // guards what follows; taken inside the store's apply loop
	closed   bool
	streams  map[*stream]struct{}
	attached map[lease.ID]attachment
	serving  sync.WaitGroup // counts streams
}

// New makes a Door of cfg, which follows the sessions and locks from then on. Its errors are those
// of [Limits.Validate] and of registering the metrics. It starts nothing.
func New(cfg Config) (*Door, error) {
	if err := cfg.Limits.Validate(); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Hello == nil {
		cfg.Hello = func() Hello { return Hello{} }
	}
	d := &Door{
		cfg: cfg, limits: cfg.Limits.WithDefaults(), log: cfg.Logger,
		streams: map[*stream]struct{}{}, attached: map[lease.ID]attachment{},
	}
	var err error
	if d.meters, err = newMeters(d); err != nil {
		return nil, err
	}
	cfg.Sessions.Follow(d)
	cfg.Locks.Follow(d)
	if cfg.Elections != nil {
		cfg.Elections.Follow(d)
	}
	return d, nil
}

// Serve makes a WebSocket of the request and serves it; it returns when the stream has ended and
// nothing of it is left. An error means that there was no stream: w is not written to yet, and
// the error is [ErrNotWebSocket], [ErrTooManyStreams] or [store.ErrClosed].
func (d *Door) Serve(w http.ResponseWriter, r *http.Request) error {
	if !wantsWebSocket(r) {
		return ErrNotWebSocket
	}
	s := newStream(d)
	if err := d.add(s); err != nil {
		return err
	}
	defer d.remove(s)
	if s.accept(w, r) {
		s.run()
	}
	return nil
}

func (d *Door) add(s *stream) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed:
		return store.ErrClosed
	case len(d.streams) >= d.limits.MaxStreams:
		return ErrTooManyStreams
	}
	d.streams[s] = struct{}{}
	d.serving.Add(1)
	return nil
}

func (d *Door) remove(s *stream) {
	d.mu.Lock()
	delete(d.streams, s)
	d.mu.Unlock()
	d.serving.Done()
}

// Shut takes no more streams and requests, tells all clients to go to another member, and ends
// waits. It does not block.
func (d *Door) Shut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	d.closed = true
	for s := range d.streams {
		s.going()
	}
}

// Close is Shut, and waits until every stream has finished the requests that it has taken and has
// ended. Where ctx ends first it cuts the streams; its error is then ctx's.
func (d *Door) Close(ctx context.Context) error {
	d.Shut()
	done := make(chan struct{})
	go func() {
		d.serving.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	d.mu.Lock()
	for s := range d.streams {
		s.cut()
	}
	d.mu.Unlock()
	<-done
	return context.Cause(ctx)
}

// Len returns the number of streams that are open.
func (d *Door) Len() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.streams)
}
