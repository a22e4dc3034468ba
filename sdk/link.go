package sdk

import (
	"runtime"
	"sync"
	"time"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// A link is one stream, from its HELLO until it breaks.
type link struct {
	transport transport
	endpoint  string
	window    int // requests that the member takes at once; 0: it has not said

	writable chan struct{} // tells the writer that there is something to write, or that it is over
	broken   chan struct{} // closed by fail
	once     sync.Once
	err      error // why it broke; to be read after broken is closed

	// Guarded by Client.mu.
	out      []byte // not yet written
	inFlight int
	vital    int           // vital calls without an answer
	progress time.Duration // the sending of the first of them, or the last answer to one
	touched  time.Duration // the sending of the last TOUCH; 0: none
	touching bool          // it has no answer yet
	over     bool          // taken out of the client
}

func newLink(t transport, endpoint string, hello *wire.Frame) *link {
	return &link{
		transport: t, endpoint: endpoint, window: int(hello.MaxInFlight),
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

// full reports whether the member takes no more requests now. Vital ones always go.
func (l *link) full() bool { return l.window > 0 && l.inFlight >= l.window }

// append puts a frame into what is to be written. Client.mu must be held.
func (l *link) append(f *wire.Frame) {
	l.out = wire.AppendFrame(l.out, f)
	select {
	case l.writable <- struct{}{}:
	default:
	}
}

// write writes what is appended, until the link breaks: all that has come up while one message was
// written is the next one.
func (c *Client) write(l *link) {
	var spare []byte
	for {
		select {
		case <-l.writable:
		case <-l.broken:
			return
		}
		if l.crowded(c) {
			runtime.Gosched() // others are about to add theirs: one message instead of many
		}
		c.mu.Lock()
		batch := l.out
		l.out = spare[:0]
		c.mu.Unlock()
		if len(batch) > 0 {
			if err := l.transport.Write(batch); err != nil {
				l.fail(err)
				return
			}
		}
		if spare = batch; cap(spare) > keptBuffer {
			spare = nil
		}
	}
}

// crowded reports whether more than a few requests are under way.
func (l *link) crowded(c *Client) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return l.inFlight > crowd
}

// crowd is from how many requests under way on the writer lets other goroutines run first.
const crowd = 2
