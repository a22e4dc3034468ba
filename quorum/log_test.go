package quorum_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/quorum"
)

// A lockedBuffer is a bytes.Buffer for many goroutines.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestLog(t *testing.T) {
	for _, tt := range []struct {
		level slog.Level
		quiet bool // nothing of etcd's is worth an operator's while in an ordinary life
	}{
		{slog.LevelInfo, true},
		{slog.LevelDebug, false},
	} {
		var buf lockedBuffer
		cfg := quorumtest.Config(t, "m1")
		cfg.Logger = slog.New(slog.NewTextHandler(&buf, &slog.HandlerOptions{Level: tt.level}))
		m := quorumtest.Start(t, cfg)
		quorumtest.Ready(t, m)
		put(t, m, "a", "1")
		quorumtest.Close(t, m)
		got := buf.String()
		if !strings.Contains(got, "member=m1") || !strings.Contains(got, `msg="member is ready"`) {
			t.Errorf("log at %v lacks our own lines:\n%s", tt.level, got)
		}
		if quiet := !strings.Contains(got, "component=etcd"); quiet != tt.quiet {
			t.Errorf("log at %v: quiet = %t; want %t:\n%s", tt.level, quiet, tt.quiet, got)
		}
	}
}

func TestFatalLogEntry(t *testing.T) {
	var buf lockedBuffer
	err := quorum.LogFatal(slog.New(slog.NewTextHandler(&buf, nil)), "disk is full")
	if err == nil || !strings.Contains(err.Error(), "disk is full") || !strings.Contains(buf.String(), "level=ERROR") {
		t.Errorf("Err = %v; log %q", err, buf.String())
	}
}
