package quorum

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/server/v3/storage/mvcc"
)

// ErrGap means that revisions are missing: a [Watch] cannot go on, because what comes next
// has been compacted or the stream broke. The state must be read again with [Member.Range].
var ErrGap = errors.New("revisions are missing from the watch")

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
// goroutine, which reads what etcd has sent without another goroutine in between: every write's
// answer comes this way. For a slow reader etcd keeps a bounded number of responses
// (mvcc.ChanBufLen), and then reads from its database what the watch has still to see. Close
// may be called by any goroutine.
type Watch struct {
	stream mvcc.WatchStream
	ctx    context.Context // the watch's life; its cause is why it ended
	cancel context.CancelCauseFunc
	ended  chan struct{} // closed when the stream is

	// The reader's own:
	last int64      // newest revision read
	out  []Revision // taken by Next and not handed out yet
}

// Watch starts following the key space from revision from on; 0: from the next one. The
// revisions arrive without a gap and in order, each whole, a moment before [Member.Revision]
// shows them. It ends with ctx, with Close, with the member, or with ErrGap; after the first
// three it takes up to a millisecond to be gone.
func (m *Member) Watch(ctx context.Context, from int64) (*Watch, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	w := &Watch{stream: m.server.Watchable().NewWatchStream(), ended: make(chan struct{}), last: from - 1}
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
	go func() { // Close and the member's Close wait for it
		defer m.leave()
		defer close(w.ended)
		defer w.stream.Close()
		defer stop()
		select {
		case <-m.fate.done:
			w.cancel(m.fate.over())
		case <-w.ctx.Done():
		}
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
// spare is a slice whose memory may be used for them, such as the one returned by the last
// call, or nil. Errors are those of Next.
func (w *Watch) NextBatch(ctx context.Context, spare []Revision) ([]Revision, error) {
	if out := w.out; len(out) > 0 {
		w.out = nil
		return out, nil
	}
	clear(spare)
	list := spare[:0]
	for len(list) == 0 {
		select {
		case resp, ok := <-w.stream.Chan():
			var err error
			if list, err = w.take(list, resp, ok); err != nil {
				return nil, err
			}
		case <-w.ctx.Done():
			return nil, context.Cause(w.ctx)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	for range mvcc.ChanBufLen() {
		select {
		case resp, ok := <-w.stream.Chan():
			var err error
			if list, err = w.take(list, resp, ok); err != nil {
				return nil, err
			}
		default:
			return list, nil
		}
	}
	return list, nil
}

// Close ends the watch and waits until it is gone.
func (w *Watch) Close() {
	w.cancel(ErrClosed)
	<-w.ended
}

// take appends a response's revisions to list. An error is final.
func (w *Watch) take(list []Revision, resp mvcc.WatchResponse, ok bool) ([]Revision, error) {
	if !ok { // the stream is closed
		return nil, context.Cause(w.ctx)
	}
	if resp.CompactRevision != 0 {
		w.cancel(fmt.Errorf("%w: compacted up to %d", ErrGap, resp.CompactRevision))
		return nil, context.Cause(w.ctx)
	}
	events := make([]Event, len(resp.Events))
	for i, e := range resp.Events {
		events[i] = Event{Key: string(e.Kv.Key), Delete: true}
		if e.Type != mvccpb.Event_DELETE {
			events[i] = Event{Key: events[i].Key, Value: e.Kv.Value, Version: e.Kv.Version}
		}
	}
	for start := 0; start < len(events); {
		number, stop := resp.Events[start].Kv.ModRevision, start+1
		for stop < len(events) && resp.Events[stop].Kv.ModRevision == number {
			stop++
		}
		if number <= w.last {
			w.cancel(fmt.Errorf("%w: revision %d came after %d", ErrGap, number, w.last))
			return nil, context.Cause(w.ctx)
		}
		w.last = number
		list = append(list, Revision{Number: number, Events: events[start:stop:stop]})
		start = stop
	}
	return list, nil
}
