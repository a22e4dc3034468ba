package stream_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/lockkeeper/lockkeeper/httpapi/stream"
	"github.com/lockkeeper/lockkeeper/httpapi/wire"
	"github.com/lockkeeper/lockkeeper/internal/membertest"
)

// raw sends bytes as they are.
func (p *peer) raw(kind websocket.MessageType, b []byte) {
	p.tb.Helper()
	if err := p.conn.Write(context.Background(), kind, b); err != nil {
		p.tb.Fatal(err)
	}
}

// What breaks the protocol ends its own stream, with a code that says why.
func TestBrokenStreams(t *testing.T) {
	m := membertest.One(t)
	d, url := serve(t, m, stream.Limits{MaxFrameBytes: 64 << 10, MaxStreams: 3, HelloTimeout: time.Second, Silence: 3 * time.Second})
	other, s := greeted(t, url)
	stop := make(chan struct{})
	alive := make(chan struct{})
	go func() { // the one that never notices
		defer close(alive)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			_, c := other.send(wire.Frame{Kind: wire.Acquire, Session: s, Name: fmt.Sprint("other/", i)})
			if f := <-c; f.Kind != wire.OK {
				t.Errorf("the other stream: %+v", f)
			}
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}()
	hello := wire.AppendFrame(nil, &wire.Frame{Kind: wire.Hello, ID: 1})
	for _, tt := range []struct {
		name string
		send func(p *peer)
		code int
	}{
		{"text", func(p *peer) { p.raw(websocket.MessageText, []byte("hello")) }, wire.CloseNotBinary},
		{"garbage", func(p *peer) { p.raw(websocket.MessageBinary, []byte("\xff\xff\xff\xffgarbage")) }, wire.CloseMalformed},
		{"half a frame", func(p *peer) { p.raw(websocket.MessageBinary, hello[:3]) }, wire.CloseMalformed},
		{"id 0", func(p *peer) { p.raw(websocket.MessageBinary, wire.AppendFrame(nil, &wire.Frame{Kind: wire.Hello})) }, wire.CloseMalformed},
		{"an id in use", func(p *peer) {
			sub := wire.AppendFrame(hello, &wire.Frame{Kind: wire.Subscribe, ID: 7})
			p.raw(websocket.MessageBinary, sub)
			p.push(wire.OK)
			p.push(wire.OK)
			p.raw(websocket.MessageBinary, wire.AppendFrame(nil, &wire.Frame{Kind: wire.Touch, ID: 7}))
		}, wire.CloseMalformed},
		{"too large", func(p *peer) { p.raw(websocket.MessageBinary, make([]byte, 65<<10)) }, wire.CloseTooLarge},
		{"no HELLO", func(*peer) {}, wire.CloseRefused},
		{"silence", func(p *peer) { p.ok(wire.Frame{Kind: wire.Hello}) }, wire.CloseSilent},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := dial(t, url)
			tt.send(p)
			p.closed(tt.code)
			eventually(t, func() bool { return d.Len() == 1 })
		})
	}
	t.Run("half a message, and gone", func(t *testing.T) {
		p := dial(t, url)
		w, err := p.conn.Writer(context.Background(), websocket.MessageBinary)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write(hello[:5])
		p.close()
		eventually(t, func() bool { return d.Len() == 1 })
	})
	t.Run("no subprotocol", func(t *testing.T) {
		conn, _, err := websocket.Dial(context.Background(), url, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = conn.Read(context.Background())
		if int(websocket.CloseStatus(err)) != wire.CloseRefused {
			t.Errorf("closed with %v", err)
		}
		_ = conn.CloseNow()
		eventually(t, func() bool { return d.Len() == 1 })
	})
	t.Run("too many", func(t *testing.T) {
		dial(t, url)
		dial(t, url)
		conn, resp, err := websocket.Dial(context.Background(), url, &websocket.DialOptions{Subprotocols: []string{wire.Subprotocol}})
		if err == nil {
			_ = conn.CloseNow()
			t.Fatal("a stream too many")
		}
		if resp == nil || resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("refused with %v, %v", resp, err)
		}
	})
	t.Run("not a WebSocket", func(t *testing.T) {
		resp, err := http.Get("http" + strings.TrimPrefix(url, "ws"))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("answered %d", resp.StatusCode)
		}
	})
	close(stop)
	<-alive
}

func TestLimitsOfAStream(t *testing.T) {
	m := membertest.One(t)
	_, url := serve(t, m, stream.Limits{MaxWaiting: 1, MaxSessions: 2, MaxSubscriptions: 1, MaxNameBytes: 10, MaxTextBytes: 10, MaxLabelBytes: 10, MaxMetadataBytes: 10, MaxRequestIDBytes: 10})
	p := dial(t, url)
	p.refused(wire.Frame{Kind: wire.Open}, wire.CodeHelloRequired)
	p.ok(wire.Frame{Kind: wire.Hello})
	p.refused(wire.Frame{Kind: wire.Hello}, wire.CodeHelloRequired)
	p.refused(wire.Frame{Kind: 20}, wire.CodeUnknownKind)
	s := p.ok(wire.Frame{Kind: wire.Open}).Session
	p.ok(wire.Frame{Kind: wire.Open})
	p.refused(wire.Frame{Kind: wire.Open}, wire.CodeTooManySessions)
	p.ok(wire.Frame{Kind: wire.Subscribe})
	p.refused(wire.Frame{Kind: wire.Subscribe}, wire.CodeTooManyStreams)

	long := strings.Repeat("x", 11)
	pairs := map[string]string{"k": long}
	for field, f := range map[string]wire.Frame{
		"name":       {Kind: wire.Acquire, Session: s, Name: long},
		"owner":      {Kind: wire.Acquire, Session: s, Name: "a", Owner: long},
		"metadata":   {Kind: wire.Acquire, Session: s, Name: "a", Metadata: pairs},
		"request_id": {Kind: wire.Enqueue, Session: s, Name: "a", RequestID: long},
		"compat":     {Kind: wire.Acquire, Session: s, Name: "a", Compat: "none"},
		"session":    {Kind: wire.Acquire, Name: "a"},
		"wait_ms":    {Kind: wire.Acquire, Session: s, Name: "a", WaitMS: -2},
		"token":      {Kind: wire.Check, Name: "a"},
		"ticket":     {Kind: wire.Leave},
		"after":      {Kind: wire.Subscribe, After: "x"},
		"ttl_ms":     {Kind: wire.Attach, Session: s, TTLMS: -1},
	} {
		if a := p.refused(f, wire.CodeBadRequest); a.Field != field || a.Fix == "" {
			t.Errorf("field %q, %s; want %q", a.Field, a.Message, field)
		}
	}

	p.ok(wire.Frame{Kind: wire.Acquire, Session: s, Name: "held"})
	p.send(wire.Frame{Kind: wire.Acquire, Session: s, Name: "held", WaitMS: -1})
	p.push(wire.Waiting)
	p.refused(wire.Frame{Kind: wire.Acquire, Session: s, Name: "held", WaitMS: -1}, wire.CodeTooManyWaits)
	eventually(t, func() bool { return p.ok(wire.Frame{Kind: wire.Queue, Name: "held"}).Total == 2 })
}

// Ten thousand requests in one go: as many as may be are worked on, the others refused at once.
func TestTooManyAtOnce(t *testing.T) {
	m := membertest.One(t)
	_, url := serve(t, m, stream.Limits{})
	other, s2 := greeted(t, url)
	p, s := greeted(t, url)
	var answers []<-chan wire.Frame
	for i := range 10_000 {
		_, c := p.send(wire.Frame{Kind: wire.Acquire, Session: s, Name: fmt.Sprint("n/", i)})
		answers = append(answers, c)
	}
	begun := time.Now()
	other.ok(wire.Frame{Kind: wire.Acquire, Session: s2, Name: "mine"})
	took := time.Since(begun)
	done, refused := 0, 0
	for _, c := range answers {
		switch f := p.await(c); {
		case f.Kind == wire.OK:
			done++
		case f.Code == wire.CodeTooManyRequests && f.RetryMS > 0:
			refused++
		default:
			t.Fatalf("answer %+v", f)
		}
	}
	t.Logf("%d done, %d refused; another stream's acquire took %v", done, refused, took)
	if done < 1024 || took > 5*time.Second {
		t.Errorf("%d done, another's took %v", done, took)
	}
}

// A client that does not read is cut; a subscription alone is overtaken and told so.
func TestWhoDoesNotRead(t *testing.T) {
	m := membertest.One(t)
	d, url := serve(t, m, stream.Limits{MaxUnsentBytes: 512 << 10, WriteTimeout: 2 * time.Second})
	conn, _, err := websocket.Dial(context.Background(), url, &websocket.DialOptions{Subprotocols: []string{wire.Subprotocol}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	b := wire.AppendFrame(nil, &wire.Frame{Kind: wire.Hello, ID: 1})
	if err := conn.Write(context.Background(), websocket.MessageBinary, b); err != nil {
		t.Fatal(err)
	}
	b = b[:0]
	for i := range 1000 { // each is answered with an error that repeats it
		b = wire.AppendFrame(b, &wire.Frame{Kind: wire.Acquire, ID: uint64(i + 2), Session: 1, Name: "nobody's"})
	}
	eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return conn.Write(ctx, websocket.MessageBinary, b) != nil || d.Len() == 0
	})
	eventually(t, func() bool { return d.Len() == 0 })
}

// A member that stops tells its clients, ends their waits, and waits for the rest.
func TestClose(t *testing.T) {
	m := membertest.One(t)
	d, url := serve(t, m, stream.Limits{})
	p, s := greeted(t, url)
	p.ok(wire.Frame{Kind: wire.Acquire, Session: s, Name: "a"})
	_, wait := p.send(wire.Frame{Kind: wire.Acquire, Session: s, Name: "a", WaitMS: -1})
	p.push(wire.Waiting)
	_, answer := p.send(wire.Frame{Kind: wire.Subscribe, Name: "a"})
	p.await(answer)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	closed := make(chan error, 1)
	go func() { closed <- d.Close(ctx) }()
	p.push(wire.Going)
	if f := p.await(wait); f.Code != wire.CodeShuttingDown {
		t.Errorf("the wait: %+v", f)
	}
	p.closed(wire.CloseGoing)
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
}

// A client that never says goodbye does not hold up the close beyond its time.
func TestCloseCuts(t *testing.T) {
	m := membertest.One(t)
	d, url := serve(t, m, stream.Limits{})
	conn, _, err := websocket.Dial(context.Background(), url, &websocket.DialOptions{Subprotocols: []string{wire.Subprotocol}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if err := d.Close(ctx); err == nil {
		t.Error("closed in order, with a client that does not answer")
	}
	if d.Len() != 0 {
		t.Errorf("%d streams are left", d.Len())
	}
}

// A stream that breaks ends its waits; its sessions and what they hold stay.
func TestBreak(t *testing.T) {
	m := membertest.One(t)
	d, url := serve(t, m, stream.Limits{})
	p, s := greeted(t, url)
	hold := p.ok(wire.Frame{Kind: wire.Acquire, Session: s, Name: "b", RequestID: "one"})
	p.send(wire.Frame{Kind: wire.Acquire, Session: s, Name: "b", WaitMS: -1, RequestID: "two"})
	p.push(wire.Waiting)
	p.close()
	eventually(t, func() bool { return d.Len() == 0 })
	q, _ := greeted(t, url)
	at := q.ok(wire.Frame{Kind: wire.Attach, Session: s})
	if at.Total == 0 || at.Contenders[0].Token != hold.Token {
		t.Errorf("attached %+v", at)
	}
	again := q.ok(wire.Frame{Kind: wire.Acquire, Session: s, Name: "b", RequestID: "one"})
	if again.Token != hold.Token || !again.RepeatedRequest {
		t.Errorf("repeated %+v", again)
	}
	_, wait := q.send(wire.Frame{Kind: wire.Acquire, Session: s, Name: "b", WaitMS: -1, RequestID: "two"})
	q.push(wire.Waiting)
	q.ok(wire.Frame{Kind: wire.Release, Session: s, Name: "b", Token: hold.Token})
	if f := q.await(wait); f.Kind != wire.OK {
		t.Errorf("the wait repeated: %+v", f)
	}
}
