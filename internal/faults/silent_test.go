//go:build linux

package faults

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// TestSilentSessions opens 5,000 sessions, each with a lock, that fall silent at once. It shows
// that all of them are closed within their TTL and 3 s, none before its TTL.
func TestSilentSessions(t *testing.T) {
	const (
		sessions = 5000
		ttl      = 10 * time.Second
		within   = ttl + 3*time.Second
	)
	c := clustertest.Start(t, 3, clustertest.Options{})
	client := c.Client(clustertest.ClientOptions{})
	defer client.Close()
	ids := make([]string, sessions)
	each(t, sessions, 64, func(ctx context.Context, i int) error {
		h, err := client.Acquire(ctx, fmt.Sprintf("silent/%d", i), clustertest.Acquire{TTL: ttl})
		ids[i] = h.Session
		return err
	})
	// All are heard of once more, as near to one another as can be, and then no more.
	firstSent := time.Now()
	each(t, sessions, 64, func(ctx context.Context, i int) error {
		_, err := client.Touch(ctx, ids[i])
		return err
	})
	silent := time.Now()
	m := c.Members[0]
	var first time.Time
	left := sessions
	clustertest.Eventually(t, within+clustertest.Patience, "all sessions are closed", func() bool {
		s, err := c.Status(t.Context(), m)
		if err != nil {
			return false
		}
		if s.Sessions < sessions && first.IsZero() {
			first = time.Now()
		}
		left = s.Sessions
		return left == 0
	})
	took := time.Since(silent)
	t.Logf("%d sessions were touched within %v; the first was closed %v after the first touch, the last %v after the last (TTL %v)",
		sessions, silent.Sub(firstSent), first.Sub(firstSent), took, ttl)
	if early := first.Sub(firstSent); early < ttl {
		t.Errorf("a session was closed %v after its touch, at most; its TTL is %v", early, ttl)
	}
	if took > within {
		t.Errorf("all sessions were closed after %v; want at most %v", took, within)
	}
	for _, m := range c.Members {
		clustertest.Eventually(t, clustertest.Patience, m.Name+" shows no lock any more", func() bool {
			s, err := c.Status(t.Context(), m)
			return err == nil && s.Sessions == 0 && s.Locks == 0
		})
	}
}
