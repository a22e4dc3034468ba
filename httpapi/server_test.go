package httpapi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/lock"
)

// serve runs a server of b on a port of its own until the test ends.
func serve(t *testing.T, b *bench) (*Server, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(b.start(t))
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		_ = s.Close(ctx)
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return s, l.Addr().String()
}

func dial(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn.(*net.TCPConn)
}

// eventually polls until ok, which must not take long.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

// status reads one answer from conn and returns its status and whether the server closes.
func status(t *testing.T, conn net.Conn) (int, bool) {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("read an answer: %v", err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatalf("read an answer's body: %v", err)
	}
	return resp.StatusCode, resp.Close
}

func TestAHugeBodyIsRefusedUnread(t *testing.T) {
	_, addr := serve(t, newBench())
	for name, header := range map[string]string{
		"announced": "Content-Length: 104857600\r\n\r\n",
		"chunked":   "Transfer-Encoding: chunked\r\n\r\n6400000\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, addr)
			fmt.Fprint(conn, "POST /v1/locks/a/acquire HTTP/1.1\r\nHost: a\r\n"+header)
			if name == "chunked" {
				fmt.Fprint(conn, strings.Repeat(" ", 64<<10+1))
			}
			if code, closes := status(t, conn); code != http.StatusRequestEntityTooLarge || !closes {
				t.Errorf("status = %d, closed %v; want 413 and a closed connection", code, closes)
			}
		})
	}
}

func TestSlowSendersAreCut(t *testing.T) {
	b := newBench()
	b.Limits.HeaderTimeout, b.Limits.RequestTimeout, b.Limits.ReadTimeout = 50*time.Millisecond, 100*time.Millisecond, 200*time.Millisecond
	s, addr := serve(t, b)

	header := dial(t, addr)
	fmt.Fprint(header, "POST /v1/locks/a/acq")
	if _, err := io.ReadAll(header); err != nil {
		t.Errorf("half a header: %v; want the connection closed", err)
	}
	body := dial(t, addr)
	fmt.Fprint(body, "POST /v1/locks/a/acquire HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{")
	if code, closes := status(t, body); code != http.StatusRequestTimeout || !closes {
		t.Errorf("half a body: %d, closed %v; want 408 and a closed connection", code, closes)
	}
	if n := s.api.inFlight.Load(); n != 0 {
		t.Errorf("in flight = %d; a sender takes no place", n)
	}
}

// A wait outlasts the time that a request has to arrive and to be answered.
func TestWaitsOutlastTheServersDeadlines(t *testing.T) {
	b := newBench()
	b.Limits = Limits{HeaderTimeout: 20 * time.Millisecond, RequestTimeout: 20 * time.Millisecond, ReadTimeout: 50 * time.Millisecond, WriteTimeout: 50 * time.Millisecond}
	b.locks.acquire = func(ctx context.Context, _ lock.Request, wait time.Duration) (lock.Hold, error) {
		select {
		case <-time.After(wait):
			return hold9, nil
		case <-ctx.Done():
			return lock.Hold{}, context.Cause(ctx)
		}
	}
	_, addr := serve(t, b)
	conn := dial(t, addr)
	for _, body := range []string{"", `{"owner":"ann"}`} {
		fmt.Fprintf(conn, "POST /v1/locks/a/acquire%s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s",
			map[bool]string{true: "?wait=400ms"}[body == ""], len(body), body)
		if code, closes := status(t, conn); code != http.StatusOK || closes {
			t.Errorf("status = %d, closed %v; want 200 on a connection that stays", code, closes)
		}
	}
}

func TestAHangUpReachesTheWait(t *testing.T) {
	b := newBench()
	ended := make(chan error, 1)
	b.locks.acquire = func(ctx context.Context, r lock.Request, wait time.Duration) (lock.Hold, error) {
		h, err := waitFor(ctx, r, wait)
		ended <- err
		return h, err
	}
	s, addr := serve(t, b)
	conn := dial(t, addr)
	fmt.Fprint(conn, "POST /v1/locks/a/acquire HTTP/1.1\r\nHost: a\r\nContent-Length: 13\r\n\r\n{\"wait\":\"1h\"}")
	eventually(t, "a request waits", func() bool { return s.api.waiting.Load() == 1 })
	conn.Close()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the wait ended by %v; want context.Canceled", err)
	}
}

func TestAReaderThatDoesNotReadIsCut(t *testing.T) {
	b := newBench()
	b.Limits.WriteTimeout = 100 * time.Millisecond
	s, addr := serve(t, b)
	conn := dial(t, addr)
	_ = conn.SetReadBuffer(4 << 10)
	fmt.Fprint(conn, "GET /v1/events HTTP/1.1\r\nHost: a\r\n\r\n")
	eventually(t, "the stream is open", func() bool { return s.api.streams.Load() == 1 })
	big := acquired
	big.Owner = strings.Repeat("x", 256<<10)
	eventually(t, "the stream is cut", func() bool {
		select {
		case b.sub.events <- big:
		default:
		}
		return s.api.streams.Load() == 0
	})
	other := dial(t, addr)
	fmt.Fprint(other, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
	if code, _ := status(t, other); code != http.StatusOK {
		t.Errorf("another client: %d; want 200", code)
	}
}

func TestTooManyConnections(t *testing.T) {
	b := newBench()
	b.Limits.MaxConns = 2
	s, addr := serve(t, b)
	first, second := dial(t, addr), dial(t, addr)
	for _, conn := range []net.Conn{first, second} {
		fmt.Fprint(conn, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
		if code, _ := status(t, conn); code != http.StatusOK {
			t.Fatalf("status = %d; want 200", code)
		}
	}
	third := dial(t, addr)
	fmt.Fprint(third, "POST /v1/locks/a/acquire HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://a/v1/locks/a/acquire", strings.NewReader("{}"))
	resp, err := http.ReadResponse(bufio.NewReader(third), nil)
	if err != nil {
		t.Fatalf("a connection too many got no answer: %v", err)
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	checkAnswer(t, req, "{}", resp.StatusCode, resp.Header, text)
	if !strings.Contains(string(text), `"code":"too_many_connections"`) {
		t.Errorf("answer = %s; want too_many_connections", text)
	}
	first.Close()
	eventually(t, "the first connection is gone", func() bool { return s.open.Load() == 1 })
	fourth := dial(t, addr)
	fmt.Fprint(fourth, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
	if code, _ := status(t, fourth); code != http.StatusOK {
		t.Errorf("after one left: %d; want 200", code)
	}
}

func TestGarbageHarmsNobody(t *testing.T) {
	_, addr := serve(t, newBench())
	for _, garbage := range []string{
		"\x00\x01\x02\xff\r\n\r\n", "GET\r\n\r\n", "POST /v1/locks/a/acquire HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
		"GET /" + strings.Repeat("x", 64<<10) + " HTTP/1.1\r\nHost: a\r\n\r\n",
	} {
		conn := dial(t, addr)
		fmt.Fprint(conn, garbage)
		if code, closes := status(t, conn); code < 400 || code >= 500 || !closes {
			t.Errorf("%.20q: %d, closed %v; want a 4xx and a closed connection", garbage, code, closes)
		}
	}
}

func TestCloseWaitsForWork(t *testing.T) {
	b := newBench()
	started, finish := make(chan struct{}), make(chan struct{})
	b.locks.release = func(context.Context, lock.Release) (lock.Done, error) {
		close(started)
		<-finish
		return lock.Done{Name: "a", Token: 9, Revision: 1}, nil
	}
	b.locks.acquire = waitFor
	s, addr := serve(t, b)
	waits, works := dial(t, addr), dial(t, addr)
	fmt.Fprint(waits, "POST /v1/locks/a/acquire?wait=1h HTTP/1.1\r\nHost: a\r\n\r\n")
	eventually(t, "a request waits", func() bool { return s.api.waiting.Load() == 1 })
	fmt.Fprint(works, "POST /v1/locks/a/release?session=0000000000000007 HTTP/1.1\r\nHost: a\r\n\r\n")
	<-started

	closed := make(chan error, 1)
	go func() { closed <- s.Close(t.Context()) }()
	if code, _ := status(t, waits); code != http.StatusServiceUnavailable {
		t.Errorf("the wait was answered with %d; want 503", code)
	}
	select {
	case err := <-closed:
		t.Fatalf("Close returned %v while a release was worked on", err)
	default:
	}
	close(finish)
	if code, _ := status(t, works); code != http.StatusOK {
		t.Errorf("the release was answered with %d; want 200", code)
	}
	if err := <-closed; err != nil {
		t.Errorf("Close: %v", err)
	}
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		if err := s.Serve(l); err != nil {
			t.Errorf("Serve after Close: %v; want nil at once", err)
		}
	}
}
