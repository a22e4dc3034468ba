package httpapi

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// A stream goes through the same server as everything else, and ends with it.
func TestStreamThroughTheServer(t *testing.T) {
	b := newBench()
	b.Limits.MaxConns = 1
	a := b.start(t)
	s := NewServer(a)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	url := "http://" + l.Addr().String()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	conn, _, err := websocket.Dial(ctx, url+wire.Path, &websocket.DialOptions{HTTPClient: client, Subprotocols: []string{wire.Subprotocol}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	// Streams are counted apart: the one connection that there may be is free.
	resp, err := client.Get(url + "/v1/status")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()

	if err := conn.Write(ctx, websocket.MessageBinary, wire.AppendFrame(nil, &wire.Frame{Kind: wire.Hello, ID: 1})); err != nil {
		t.Fatal(err)
	}
	if f := frame(t, ctx, conn); f.Kind != wire.OK || f.Member != "m1" || f.Version != "v0.0.1" || f.MaxInFlight != 1024 {
		t.Errorf("hello: %+v", f)
	}
	closed := make(chan error, 1)
	go func() { closed <- s.Close(ctx) }()
	if f := frame(t, ctx, conn); f.Kind != wire.Going {
		t.Errorf("push %+v", f)
	}
	if _, _, err := conn.Read(ctx); int(websocket.CloseStatus(err)) != wire.CloseGoing {
		t.Errorf("closed with %v", err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if n := s.open.Load(); n != 0 {
		t.Errorf("%d connections are counted", n)
	}
}

// frame reads a message of one frame.
func frame(t *testing.T, ctx context.Context, conn *websocket.Conn) (f wire.Frame) {
	t.Helper()
	_, b, err := conn.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	d := wire.NewDecoder(b)
	if err := d.Next(&f); err != nil {
		t.Fatal(err)
	}
	var rest wire.Frame
	if err := d.Next(&rest); err != io.EOF {
		t.Errorf("more frames: %+v, %v", rest, err)
	}
	return f
}

// Every code that the stream's package knows is one of the table, or the stream's own.
func TestCodesOfTheStream(t *testing.T) {
	known := map[string]bool{
		wire.CodeCancelled: true, wire.CodeEventsGone: true, wire.CodeTooSlow: true,
		wire.CodeUnknownKind: true, wire.CodeHelloRequired: true,
	}
	for _, p := range problems {
		known[p.code] = true
	}
	for _, code := range []string{
		wire.CodeBadRequest, wire.CodeLockHeld, wire.CodeHoldLost, wire.CodeSessionLost, wire.CodeNotHeld, wire.CodeStaleToken,
		wire.CodeNoTicket, wire.CodeTooManyWaiters, wire.CodeTooManySessions, wire.CodeTooManyRequests, wire.CodeTooManyWaits,
		wire.CodeTooManyStreams, wire.CodeUncertain, wire.CodeUnavailable, wire.CodeShuttingDown, wire.CodeStorageFull,
		wire.CodeQuotaExceeded, wire.CodeSessionMoved, wire.CodeNotPermitted, wire.CodeNotALock, wire.CodeBodyTooLarge, wire.CodeInternal,
	} {
		if !known[code] {
			t.Errorf("no row has the code %s", code)
		}
	}
}
