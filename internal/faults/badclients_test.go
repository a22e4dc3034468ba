//go:build linux

package faults

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/internal/racetest"
)

// A bad is what clients do that others must not feel.
type bad struct {
	name string
	do   func(t *testing.T, m *clustertest.Member)
}

// TestBadClients lets clients send garbage, 100 MB in one body and 10,000 requests at once, and
// lets them never read their answers. It shows that others, at the same
// member and at another, never notice.
func TestBadClients(t *testing.T) {
	racetest.Skip(t, "what others feel is measured, and clients that run ten times as long would be felt")
	// The time for a header runs from the accept on, also while 10,000 others connect before it is
	// sent and while they keep the member from reading it.
	attack(t, []string{"--header-timeout", "60s", "--read-timeout", "80s"},
		bad{"garbage", garbage},
		bad{"100 MB in a body", largeBodies},
		bad{"10000 requests at once", manyRequests},
		bad{"answers never read", neverReads},
	)
}

// TestHalfMessages does the same with half a message, at members that wait less long for the rest.
func TestHalfMessages(t *testing.T) {
	racetest.Skip(t, "what others feel is measured, and clients that run ten times as long would be felt")
	attack(t, []string{"--request-timeout", "4s", "--header-timeout", "2s", "--read-timeout", "7s"}, bad{"half a message", halfMessages})
}

// attack attacks the leader of a cluster in one way after the other.
func attack(t *testing.T, flags []string, bads ...bad) {
	t.Helper()
	c := clustertest.Start(t, 3, clustertest.Options{Flags: flags})
	for _, bad := range bads {
		t.Run(bad.name, func(t *testing.T) {
			m := c.WaitLeader(t)
			here, there := probing(t, c, m), probing(t, c, c.Others(m)[0])
			before := resident(t, m)
			bad.do(t, m)
			here.check(t, "at the member that is attacked")
			there.check(t, "at another member")
			t.Logf("resident memory of the member: %d MiB before, %d MiB after, %d MiB at most", before.now>>20, resident(t, m).now>>20, resident(t, m).peak>>20)
			if leader := c.WaitLeader(t); leader != m {
				t.Errorf("%s leads no more; %s does", m.Name, leader.Name)
			}
		})
	}
}

// attackTime is how long an attack lasts that has no end of its own.
const attackTime = 3 * time.Second

// garbage sends random bytes, and beginnings of other protocols, to every port of the member.
func garbage(t *testing.T, m *clustertest.Member) {
	starts := []string{
		"", "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "POST /v1/sessions HTTP/9.9\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc", "\x00\x00\x00\x2d\x00\x00\x00\x00",
		"POST /v1/locks/a/acquire HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
	}
	n := during(t, attackTime, 32, func(ctx context.Context, i int) error {
		address := []string{m.HTTP, m.Client, m.Peer}[i%3]
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(100 * time.Millisecond))
		noise := make([]byte, 16<<10)
		_, _ = rand.Read(noise)
		// What becomes of it is not this client's trouble.
		_, _ = io.WriteString(conn, starts[i%len(starts)])
		_, _ = conn.Write(noise)
		_, _ = io.Copy(io.Discard, conn)
		return nil
	})
	t.Logf("%d connections with garbage", n)
}

// halfMessages opens connections, sends a part of a request over each and falls silent. The
// member must end them: those without a whole header soon.
func halfMessages(t *testing.T, m *clustertest.Member) {
	halves := []string{
		"P", "POST /v1/locks/half/acquire HTT", "POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Le",
		"POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{\"ttl\":",
	}
	start := time.Now()
	var last atomic.Int64
	each(t, 1000, 1000, func(ctx context.Context, i int) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", m.HTTP)
		if err != nil {
			return err
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, halves[i%len(halves)]); err != nil {
			return err
		}
		_ = conn.SetReadDeadline(time.Now().Add(clustertest.Patience))
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("half a message is kept for more than %v", clustertest.Patience)
		}
		last.Store(max(last.Load(), int64(time.Since(start))))
		return nil
	})
	t.Logf("the last connection with half a message was closed after %v", time.Duration(last.Load()))
}

// largeBodies sends bodies of 100 MB, half of them without saying their length before.
func largeBodies(t *testing.T, m *clustertest.Member) {
	const size = 100 << 20
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var refused atomic.Int64
	n := during(t, attackTime, 8, func(ctx context.Context, i int) error {
		body := io.LimitReader(letters{}, size)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL()+"/v1/locks/large/acquire", body)
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		if i%2 == 0 {
			req.ContentLength = size
		}
		resp, err := client.Do(req)
		if err != nil {
			return nil // the member has closed the connection before all was sent: it may
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			return fmt.Errorf("a body of 100 MB is answered with %s; want 413", resp.Status)
		}
		refused.Add(1)
		return nil
	})
	t.Logf("%d bodies of 100 MB, %d of them answered with 413, the others cut", n, refused.Load())
}

// letters is an endless text.
type letters struct{}

func (letters) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}

// manyRequests sends 10,000 requests at once, each over a connection of its own. Each gets an
// answer: the lock, or that there is too much to do.
func manyRequests(t *testing.T, m *clustertest.Member) {
	const requests = 10_000
	var mu sync.Mutex
	answers := map[string]int{}
	release := make(chan struct{})
	var connected, wg sync.WaitGroup
	connected.Add(requests)
	one := func(i int) string {
		conn, err := (&net.Dialer{Timeout: 30 * time.Second}).DialContext(t.Context(), "tcp", m.HTTP)
		connected.Done()
		if err != nil {
			return "no connection"
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(clustertest.Patience))
		<-release
		body := `{"ttl":"2s"}`
		_, err = fmt.Fprintf(conn, "POST /v1/locks/many/%d/acquire HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", i, len(body), body)
		if err != nil {
			return "refused before the request"
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return "no answer"
		}
		resp.Body.Close()
		return resp.Status[:3]
	}
	for i := range requests {
		wg.Go(func() {
			a := one(i)
			mu.Lock()
			defer mu.Unlock()
			answers[a]++
		})
	}
	connected.Wait()
	start := time.Now()
	close(release)
	wg.Wait()
	t.Logf("%d requests at once: %v after %v", requests, answers, time.Since(start))
	for a, n := range answers {
		switch a {
		case "200", "429", "503":
		case "refused before the request", "no answer", "no connection":
			if n > requests/50 {
				t.Errorf("%d of %d requests: %s", n, requests, a)
			}
		default:
			t.Errorf("%d of %d requests are answered %s", n, requests, a)
		}
	}
	if answers["200"] < requests/2 {
		t.Errorf("%d of %d requests were granted; want most", answers["200"], requests)
	}
}

// neverReads asks for large answers and for events over many connections, and reads none of
// them.
func neverReads(t *testing.T, m *clustertest.Member) {
	client := clustertest.NewClient(clustertest.ClientOptions{Endpoints: []string{m.URL()}})
	defer client.Close()
	each(t, 1000, 64, func(ctx context.Context, i int) error {
		_, err := client.Acquire(ctx, fmt.Sprintf("large/%d", i), clustertest.Acquire{TTL: time.Minute, Reason: strings.Repeat("r", 1000)})
		return err
	})
	ctx, cancel := context.WithTimeout(t.Context(), 2*attackTime)
	defer cancel()
	var wg sync.WaitGroup
	for i := range 200 {
		path := "/v1/locks?limit=1000"
		if i%4 == 0 {
			path = "/v1/events?prefix=probe/"
		}
		wg.Go(func() { deaf(ctx, m.HTTP, path) })
	}
	wg.Wait()
}

// deaf sends requests over one connection, and reads none of their answers until ctx ends.
func deaf(ctx context.Context, address, path string) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	for range 50 {
		if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path); err != nil {
			return // cut by the member
		}
	}
	<-ctx.Done()
}
