package lock

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestOneLineASecond: the log has one line about deadlocks a second, which tells how many were left
// out.
func TestOneLineASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		l := New(Config{Logger: slog.New(slog.NewTextHandler(&text, nil))})
		for range 2 {
			for range 5 {
				l.deplore("a cycle", make([]Link, 2))
			}
			time.Sleep(logPause)
		}
		lines := strings.Split(strings.TrimSpace(text.String()), "\n")
		if len(lines) != 2 || !strings.HasSuffix(lines[0], "left_out=0") || !strings.HasSuffix(lines[1], "left_out=4") {
			t.Errorf("the log is\n%s", &text)
		}
	})
}
