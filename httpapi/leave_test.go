package httpapi

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

// A member that is about to leave says so at /readyz, serves as before, and has each connection end with
// its next answer.
func TestLeave(t *testing.T) {
	s, addr := serve(t, newBench())
	kept := dial(t, addr)
	ask := func(path string) (int, bool) {
		fmt.Fprintf(kept, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path)
		return status(t, kept)
	}
	if code, closes := ask("/readyz"); code != http.StatusOK || closes {
		t.Fatalf("readyz = %d, closed %v", code, closes)
	}
	s.api.Leave()
	if code, closes := ask("/v1/locks/a"); code != http.StatusOK || !closes {
		t.Errorf("a read = %d, closed %v; want 200 and a closed connection", code, closes)
	}
	kept = dial(t, addr)
	if code, closes := ask("/readyz"); code != http.StatusServiceUnavailable || !closes {
		t.Errorf("readyz = %d, closed %v; want 503 and a closed connection", code, closes)
	}
}

// When a server closes, a request that comes on a connection that is open already is answered, and
// connections from which nothing comes hold nothing up.
func TestCloseLetsClientsGo(t *testing.T) {
	s, addr := serve(t, newBench())
	kept, mute := dial(t, addr), dial(t, addr)
	fmt.Fprint(kept, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
	status(t, kept)
	eventually(t, "both connections", func() bool { return s.open.Load() == 2 })
	closed := make(chan time.Duration)
	go func() {
		begun := time.Now()
		if err := s.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
		closed <- time.Since(begun)
	}()
	eventually(t, "it leaves", s.api.leaving.Load)
	fmt.Fprint(kept, "GET /v1/locks/a HTTP/1.1\r\nHost: a\r\n\r\n")
	if code, closes := status(t, kept); code != http.StatusOK || !closes {
		t.Errorf("a request during the close = %d, closed %v; want 200 and a closed connection", code, closes)
	}
	if took := <-closed; took > 3*time.Second {
		t.Errorf("closed after %v", took)
	}
	if _, err := io.ReadAll(mute); err != nil {
		t.Errorf("a connection without a request: %v; want it closed", err)
	}
}
