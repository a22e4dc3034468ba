package stream

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// Why the work on a request ends before its time.
var (
	errCancelled = fmt.Errorf("the client cancelled it: %w", context.Canceled)
	errBroken    = fmt.Errorf("the stream has ended: %w", context.Canceled)
)

// A job is one request on its way, and its own context: it ends when the request is cancelled,
// when it has taken too long, or with its stream. Jobs are used again, with the channel that
// nobody has closed; that is why those who get one as a context must not keep it.
type job struct {
	stream *stream
	begun  time.Duration // since the stream began
	place  *Places       // the global limit that it counts against
	large  bool          // it holds an element of the stream's large

	// Guarded by the stream's mutex.
	waits    bool   // in a queue
	ticket   string // of that place
	name     string // of the lock that it waits for, where the request is for several
	position int    // as last told; -1: not yet

	request wire.Frame
	answer  wire.Frame
	encoded []byte // the answer

	done  chan struct{}
	cause atomic.Pointer[error]
}

var _ context.Context = (*job)(nil)

// Deadline is part of context.Context. A job has one that only its stream knows.
func (j *job) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done is part of context.Context.
func (j *job) Done() <-chan struct{} { return j.done }

// Err is part of context.Context; it returns the cause itself, which wraps context.Canceled or
// context.DeadlineExceeded where the service is not closing.
func (j *job) Err() error {
	if cause := j.cause.Load(); cause != nil {
		return *cause
	}
	return nil
}

// Value is part of context.Context.
func (j *job) Value(any) any { return nil }

// end ends the context; the first cause stays. The stream's mutex is held.
func (j *job) end(cause error) {
	if j.cause.CompareAndSwap(nil, &cause) {
		close(j.done)
	}
}

// cancelled reports whether err came of the client's CANCEL.
func (j *job) cancelled(err error) bool {
	cause := j.Err()
	return cause == errCancelled && (errors.Is(err, context.Canceled) || errors.Is(err, errCancelled)) //nolint:errorlint // the very one
}

// newJobLocked returns a job to decode a request into.
func (s *stream) newJobLocked() *job {
	if n := len(s.spare); n > 0 {
		j := s.spare[n-1]
		s.spare = s.spare[:n-1]
		return j
	}
	return &job{stream: s, done: make(chan struct{})}
}

// spareJobs is how many jobs a stream keeps for the next requests; spareBytes, up to which size
// their buffers.
const (
	spareJobs  = 256
	spareBytes = 4 << 10
)

// freeLocked takes back a job that nothing uses any more.
func (s *stream) freeLocked(j *job) {
	if j.cause.Load() != nil || len(s.spare) >= spareJobs {
		return
	}
	if cap(j.encoded) > spareBytes {
		j.encoded = nil
	}
	j.request.Reset()
	j.answer.Reset()
	j.waits, j.ticket, j.name, j.position, j.place = false, "", "", -1, nil
	s.spare = append(s.spare, j)
}
