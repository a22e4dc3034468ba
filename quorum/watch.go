package quorum

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/server/v3/storage/mvcc"
)

// ErrGap means that revisions are missing: a [Watch] cannot go on, because what comes next
// has been compacted or the stream broke. The state must be read again with [Member.Range].
var ErrGap = errors.New("revisions are missing from the watch")

// watchBytes bounds what a Watch holds for a slow reader. Once it holds more it takes nothing
// from etcd, which then reads from its database what the watch has still to see.
const watchBytes = 32 << 20

// eventBytes is the weight of an event besides its key and value.
const eventBytes = 64

// A Revision is one transaction's changes: at least one, in the order they were made.
type Revision struct {
	Number int64
	Events []Event
}

// An Event is the change of one key.
type Event struct {
	Key     string
	Value   []byte // as it was put, not to be changed; nil of a deletion
	Version int64  // how often the key was put since it was created; 0 of a deletion
	Delete  bool
}

// A Watch follows the whole key space, a revision at a time. Next and NextBatch are for one
// goroutine; Close may be called by any.
type Watch struct {
	stream mvcc.WatchStream
	ctx    context.Context // the watch's life; its cause is why it ended
	cancel context.CancelCauseFunc
	fate   *fate         // of the member
	ended  chan struct{} // closed when the pump is over
	wake   chan struct{} // 1 slot: the queue has something, or err is set
	room   chan struct{} // 1 slot: the queue was taken

	mu    sync.Mutex
	queue []Revision
	held  int // bytes in queue
	err   error

	last int64      // newest revision queued; the pump's own
	out  []Revision // taken by Next and not handed out yet; the reader's own
}

// Watch starts following the key space from revision from on; 0: from the next one. The
// revisions arrive without a gap and in order, each whole, a moment before [Member.Revision]
// shows them. It ends with ctx, with Close, with the member, or with ErrGap; after the first
// three it takes up to a millisecond to be gone.
func (m *Member) Watch(ctx context.Context, from int64) (*Watch, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	w := &Watch{
		stream: m.server.Watchable().NewWatchStream(),
		fate:   m.fate,
		ended:  make(chan struct{}),
		wake:   make(chan struct{}, 1),
		room:   make(chan struct{}, 1),
	}
	var stop func() bool
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	stop = context.AfterFunc(m.ctx, func() { w.cancel(ErrClosed) })
	if _, err := w.stream.Watch(w.ctx, 0, []byte{0}, []byte{}, from); err != nil {
		stop()
		w.cancel(err)
		w.stream.Close()
		m.leave()
		return nil, fmt.Errorf("watch from %d: %w", from, err)
	}
	w.last = from - 1
	go func() { // Close and the member's Close wait for it
		defer m.leave()
		defer close(w.ended)
		defer w.stream.Close()
		defer stop()
		w.end(w.pump())
	}()
	return w, nil
}

// Next waits for the next revision. Errors: ErrGap, the end of ctx or of the watch's own
// context, [ErrClosed], or what [Member.Err] says where the member stopped by itself. All but
// the end of ctx are final.
func (w *Watch) Next(ctx context.Context) (Revision, error) {
	if len(w.out) == 0 {
		out, err := w.NextBatch(ctx, nil)
		if err != nil {
			return Revision{}, err
		}
		w.out = out
	}
	r := w.out[0]
	w.out[0] = Revision{}
	w.out = w.out[1:]
	return r, nil
}

// NextBatch waits for the next revision and returns it with all that have arrived after it.
// spare is a slice whose memory may be used for later ones, such as the one returned by the
// last call, or nil. Errors are those of Next.
func (w *Watch) NextBatch(ctx context.Context, spare []Revision) ([]Revision, error) {
	if out := w.out; len(out) > 0 {
		w.out = nil
		return out, nil
	}
	clear(spare)
	for {
		w.mu.Lock()
		out, err := w.queue, w.err
		if len(out) > 0 {
			w.queue, w.held = spare[:0], 0
		}
		w.mu.Unlock()
		if len(out) > 0 {
			signal(w.room)
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		select {
		case <-w.wake:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// Close ends the watch and waits until it is gone. What has arrived can still be read.
func (w *Watch) Close() {
	w.cancel(ErrClosed)
	<-w.ended
}

// pump moves etcd's responses to the queue until the watch is over, and returns why.
func (w *Watch) pump() error {
	for {
		select {
		case resp := <-w.stream.Chan():
			if resp.CompactRevision != 0 {
				return fmt.Errorf("%w: compacted up to %d", ErrGap, resp.CompactRevision)
			}
			if err := w.put(resp.Events); err != nil {
				return err
			}
		case <-w.fate.done:
			return w.fate.over()
		case <-w.ctx.Done():
			return context.Cause(w.ctx)
		}
	}
}

// put queues events by revision, and waits while the queue is full.
func (w *Watch) put(events []*mvccpb.Event) error {
	if len(events) == 0 {
		return nil
	}
	list := make([]Event, len(events))
	size := 0
	for i, e := range events {
		kv := e.Kv
		list[i] = Event{Key: string(kv.Key), Value: kv.Value, Version: kv.Version}
		if e.Type == mvccpb.Event_DELETE {
			list[i] = Event{Key: string(kv.Key), Delete: true}
		}
		size += len(kv.Key) + len(kv.Value) + eventBytes
	}

	w.mu.Lock()
	for start := 0; start < len(events); {
		number, stop := events[start].Kv.ModRevision, start+1
		for stop < len(events) && events[stop].Kv.ModRevision == number {
			stop++
		}
		if number <= w.last {
			w.mu.Unlock()
			return fmt.Errorf("%w: revision %d came after %d", ErrGap, number, w.last)
		}
		w.last = number
		w.queue = append(w.queue, Revision{Number: number, Events: list[start:stop:stop]})
		start = stop
	}
	w.held += size
	full := w.held > watchBytes
	w.mu.Unlock()
	signal(w.wake)

	for full {
		select {
		case <-w.room:
		case <-w.ctx.Done():
			return context.Cause(w.ctx)
		}
		w.mu.Lock()
		full = w.held > watchBytes
		w.mu.Unlock()
	}
	return nil
}

func (w *Watch) end(err error) {
	w.mu.Lock()
	w.err = err
	w.mu.Unlock()
	w.cancel(err)
	signal(w.wake)
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
