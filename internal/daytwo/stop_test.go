//go:build linux

package daytwo

import (
	"io"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// TestDrainDelay stops a member that waits for its load balancer: until then it serves as before, but says
// that it is not ready, and ends connections. Whoever cannot wait sends a second signal.
func TestDrainDelay(t *testing.T) {
	t.Parallel()
	c := clustertest.Start(t, 1, clustertest.Options{Flags: []string{"--drain-delay", "1m"}})
	m := c.Members[0]
	client := c.Client(clustertest.ClientOptions{})
	defer client.Close()
	m.Signal(t, syscall.SIGTERM)
	clustertest.Eventually(t, clustertest.Patience, "it says that it stops", func() bool {
		r, err := c.Readiness(t.Context(), m)
		return err == nil && r.HTTP == http.StatusServiceUnavailable && r.Reason == "shutting_down"
	})
	hold, err := client.Acquire(t.Context(), "a", clustertest.Acquire{Wait: time.Second})
	if err != nil {
		t.Errorf("acquire during the delay: %v", err)
	}
	if _, err := client.Release(t.Context(), "a", hold.Session, hold.Token); err != nil {
		t.Errorf("release during the delay: %v", err)
	}
	resp, err := http.Get(m.URL() + "/v1/status")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK || !resp.Close {
		t.Errorf("during the delay: %d, closed %v, %v; want 200 and a closed connection", resp.StatusCode, resp.Close, err)
	}
	begun := time.Now()
	m.Stop(t)
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("after a second signal it took %v to stop", took)
	}
}
