package stream_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"github.com/lockkeeper/lockkeeper/httpapi/stream"
	"github.com/lockkeeper/lockkeeper/httpapi/wire"
	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, quorumtest.IgnoreEtcd()...) }

// serve opens a door on a real member.
func serve(tb testing.TB, m *membertest.Member, limits stream.Limits) (*stream.Door, string) {
	tb.Helper()
	d, err := stream.New(stream.Config{
		Sessions: m.Sessions, Locks: m.Locks,
		Subscribe: func(prefix string, after *lock.EventID) (stream.Subscription, error) {
			s, err := m.Locks.Subscribe(prefix, after)
			if err != nil {
				return nil, err
			}
			return s, nil
		},
		Member: m.Quorum.ID(), Hello: func() stream.Hello { return stream.Hello{Member: m.Name()} },
		Revision: m.Store.Revision, Problem: problem, Limits: limits,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return d, listen(tb, d)
}

func listen(tb testing.TB, d *stream.Door) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := d.Serve(w, r); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	}))
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = d.Close(ctx)
		s.Close()
	})
	return "ws" + strings.TrimPrefix(s.URL, "http")
}

// problem stands for the table of the REST door.
func problem(err error) (string, bool) {
	for _, row := range []struct {
		err  error
		code string
	}{
		{lock.ErrHeld, wire.CodeLockHeld},
		{lock.ErrDeadlock, wire.CodeDeadlock},
		{lock.ErrHoldLost, wire.CodeHoldLost},
		{lease.ErrLost, wire.CodeSessionLost},
		{lock.ErrNotHeld, wire.CodeNotHeld},
		{lock.ErrStaleToken, wire.CodeStaleToken},
		{lock.ErrNoTicket, wire.CodeNoTicket},
		{lease.ErrTooManySessions, wire.CodeTooManySessions},
	} {
		if errors.Is(err, row.err) {
			return row.code, false
		}
	}
	return rest(err)
}

// A peer is a client of one stream. Answers are found by their ids; pushes are kept in order.
type peer struct {
	tb   testing.TB
	conn *websocket.Conn
	done sync.WaitGroup

	mu      sync.Mutex
	next    uint64
	out     []byte
	answers map[uint64]chan wire.Frame
	pushes  chan wire.Frame
	err     error // of the connection
	wake    chan struct{}
}

func dial(tb testing.TB, url string) *peer {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: []string{wire.Subprotocol}})
	if err != nil {
		tb.Fatalf("dial: %v", err)
	}
	conn.SetReadLimit(8 << 20)
	p := &peer{tb: tb, conn: conn, answers: map[uint64]chan wire.Frame{}, pushes: make(chan wire.Frame, 10000), wake: make(chan struct{}, 1)}
	p.done.Go(p.read)
	p.done.Go(p.write)
	tb.Cleanup(p.close)
	return p
}

func (p *peer) close() {
	_ = p.conn.CloseNow()
	p.done.Wait()
}

func (p *peer) read() {
	defer close(p.pushes)
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, c := range p.answers {
			close(c)
		}
		p.answers = nil
		close(p.wake)
	}()
	for {
		_, b, err := p.conn.Read(context.Background())
		if err != nil {
			p.mu.Lock()
			p.err = err
			p.mu.Unlock()
			return
		}
		d := wire.NewDecoder(b)
		for {
			var f wire.Frame
			if err := d.Next(&f); err != nil {
				if !errors.Is(err, io.EOF) {
					p.tb.Errorf("a batch of the server's: %v", err)
				}
				break
			}
			if f.Kind == wire.OK || f.Kind == wire.Error {
				p.mu.Lock()
				c := p.answers[f.ID]
				delete(p.answers, f.ID)
				p.mu.Unlock()
				if c != nil {
					c <- f
					continue
				}
			}
			p.pushes <- f
		}
	}
}

func (p *peer) write() {
	for range p.wake {
		p.mu.Lock()
		b := p.out
		p.out = nil
		p.mu.Unlock()
		if len(b) > 0 {
			_ = p.conn.Write(context.Background(), websocket.MessageBinary, b)
		}
	}
}

// send sends a request and returns where its answer comes; the channel is closed with the stream.
func (p *peer) send(f wire.Frame) (id uint64, answer <-chan wire.Frame) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next++
	f.ID = p.next
	c := make(chan wire.Frame, 1)
	if p.answers == nil {
		close(c)
		return f.ID, c
	}
	if f.Kind != wire.Cancel {
		p.answers[f.ID] = c
	}
	p.out = wire.AppendFrame(p.out, &f)
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return f.ID, c
}

func (p *peer) ask(f wire.Frame) wire.Frame {
	p.tb.Helper()
	_, c := p.send(f)
	return p.await(c)
}

func (p *peer) await(c <-chan wire.Frame) wire.Frame {
	p.tb.Helper()
	select {
	case a, ok := <-c:
		if !ok {
			p.tb.Fatalf("the stream ended: %v", p.ended())
		}
		return a
	case <-time.After(20 * time.Second):
		p.tb.Fatal("no answer")
	}
	return wire.Frame{}
}

// ok asks, and fails the test where the answer is an error.
func (p *peer) ok(f wire.Frame) wire.Frame {
	p.tb.Helper()
	a := p.ask(f)
	if a.Kind != wire.OK {
		p.tb.Fatalf("request %d: %s: %s", f.Kind, a.Code, a.Message)
	}
	return a
}

// refused asks, and fails the test unless the answer is an error with the code.
func (p *peer) refused(f wire.Frame, code string) wire.Frame {
	p.tb.Helper()
	a := p.ask(f)
	if a.Kind != wire.Error || a.Code != code {
		p.tb.Fatalf("request %d: answer %d %q %s; want %s", f.Kind, a.Kind, a.Code, a.Message, code)
	}
	return a
}

// push waits for the next push of a kind.
func (p *peer) push(kind wire.Kind) wire.Frame {
	p.tb.Helper()
	timeout := time.After(20 * time.Second)
	for {
		select {
		case f, ok := <-p.pushes:
			if !ok {
				p.tb.Fatalf("the stream ended: %v", p.ended())
			}
			if f.Kind == kind {
				return f
			}
		case <-timeout:
			p.tb.Fatalf("no push of kind %d", kind)
		}
	}
}

func (p *peer) ended() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// closed waits until the server has closed the stream with a code.
func (p *peer) closed(code int) {
	p.tb.Helper()
	p.done.Wait()
	if got := int(websocket.CloseStatus(p.ended())); got != code {
		p.tb.Fatalf("closed with %d, %v; want %d", got, p.ended(), code)
	}
}

// greeted dials, says HELLO and opens a session.
func greeted(tb testing.TB, url string) (*peer, uint64) {
	tb.Helper()
	p := dial(tb, url)
	p.ok(wire.Frame{Kind: wire.Hello, Client: "test"})
	return p, p.ok(wire.Frame{Kind: wire.Open}).Session
}
