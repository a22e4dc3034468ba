package sdk

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// A link is one stream, from its HELLO until it breaks.
type link struct {
	transport transport
	endpoint  string
	window    int // requests that may be under way, waits aside; 0: the member has not said
	maxFrame  int // bytes that the member takes in one message; 0: it has not said

	writable chan struct{} // tells the writer that there is something to write, or that it is over
	broken   chan struct{} // closed by fail
	once     sync.Once
	err      error // why it broke; to be read after broken is closed

	// Guarded by Client.mu.
	out      [][]byte // not yet written: each a message
	unsent   int      // their bytes
	spare    []byte   // a buffer to be used again
	inFlight int
	vital    int           // vital calls without an answer
	progress time.Duration // the sending of the first of them, or the last answer to one
	touched  time.Duration // the sending of the last TOUCH; 0: none
	touching bool          // it has no answer yet
	counted  time.Duration // when it was last looked for requests that are overdue
	over     bool          // taken out of the client
	going    bool          // the member is about to stop: nothing new is sent
	leaveBy  time.Duration // when going: how long answers are waited for
}

func newLink(t transport, endpoint string, hello *wire.Frame) *link {
	return &link{
		transport: t, endpoint: endpoint, window: int(hello.MaxInFlight - hello.MaxInFlight/16), maxFrame: int(hello.MaxFrame),
		writable: make(chan struct{}, 1), broken: make(chan struct{}),
	}
}

// fail breaks the link. The first word counts.
func (l *link) fail(err error) {
	l.once.Do(func() {
		l.err = err
		close(l.broken)
	})
}

// full reports whether no more requests should be sent now. A sixteenth of what the member takes is
// left to touches, which are always sent.
func (l *link) full() bool { return l.window > 0 && l.inFlight >= l.window }

// leave gives up a stream whose member is about to stop, unless an answer is still to come. What waits in
// a queue there will not have one. Client.mu must be held.
func (l *link) leave() {
	if l.going && l.inFlight == 0 {
		l.fail(errGoing)
	}
}

// append puts a frame into what is to be written, and reports false where it is larger than the
// member takes. Client.mu must be held.
func (l *link) append(f *wire.Frame) bool {
	if len(l.out) == 0 {
		l.out, l.spare = append(l.out, l.spare[:0]), nil
	}
	last := len(l.out) - 1
	before := len(l.out[last])
	all := wire.AppendFrame(l.out[last], f)
	size := len(all) - before
	switch {
	case l.maxFrame > 0 && size > l.maxFrame:
		l.out[last] = all[:before]
		return false
	case l.maxFrame > 0 && len(all) > l.maxFrame:
		l.out[last] = all[:before]
		l.out = append(l.out, append([]byte(nil), all[before:]...))
	default:
		l.out[last] = all
	}
	l.unsent += size
	select {
	case l.writable <- struct{}{}:
	default:
	}
	return true
}

// take returns the next message to be written, nil where there is none, and takes back the buffer
// of the one before.
func (l *link) take(c *Client, before []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	l.unsent -= len(before)
	if cap(before) <= keptBuffer {
		l.spare = before[:0]
	}
	if len(l.out) == 0 || len(l.out[0]) == 0 {
		return nil
	}
	next := l.out[0]
	l.out[0] = nil
	if l.out = l.out[1:]; len(l.out) == 0 {
		l.out = nil
	}
	return next
}

// write writes what is appended, until the link breaks: all that has come up while one message was
// written is the next one.
func (c *Client) write(l *link) {
	for {
		select {
		case <-l.writable:
		case <-l.broken:
			return
		}
		if l.crowded(c) {
			runtime.Gosched() // others are about to add theirs: one message instead of many
		}
		var batch []byte
		for {
			if batch = l.take(c, batch); batch == nil {
				break
			}
			if err := l.transport.Write(batch); err != nil {
				l.fail(fmt.Errorf("write: %w", err))
				return
			}
		}
	}
}

// crowded reports whether more than a few requests are under way, those that wait for a lock
// included: one word of the member can wake two callers.
func (l *link) crowded(c *Client) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.calls) > crowd
}

// crowd is from how many requests under way on the writer lets other goroutines run first.
const crowd = 2
