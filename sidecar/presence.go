package sidecar

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A presence knows whether the application lives.
type presence struct {
	app App

	mu      sync.Mutex
	present bool
	why     string
	gone    int           // how often it has gone
	changed chan struct{} // closed at the next change
	open    int           // connections to GET /app
	process *os.Process   // of WatchPID, while it lives
}

func newPresence(app App) *presence {
	p := &presence{app: app, changed: make(chan struct{}), why: "it has not been seen yet"}
	if app.Watch == WatchConnection { // said before the first can come
		p.why = "it keeps no connection to GET /app open"
	}
	return p
}

// absences returns how often the application has gone: one that comes back at once is another.
func (p *presence) absences() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gone
}

// now returns whether the application lives, why it does not, or last did not, and a channel that is
// closed when that changes.
func (p *presence) now() (present bool, why string, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.present, p.why, p.changed
}

func (p *presence) set(present bool, why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.setLocked(present, why)
}

func (p *presence) setLocked(present bool, why string) {
	if !present {
		p.why = why
	}
	if p.present != present {
		if !present {
			p.gone++
		}
		p.present = present
		close(p.changed)
		p.changed = make(chan struct{})
	}
}

// watch looks after the application until ctx ends.
func (p *presence) watch(ctx context.Context) {
	switch p.app.Watch {
	case WatchAlways:
		p.set(true, "")
		<-ctx.Done()
	case WatchConnection: // connected counts them
		<-ctx.Done()
	case WatchHealth:
		p.watchHealth(ctx)
	case WatchHeartbeat:
		p.watchHeartbeat(ctx)
	case WatchPID:
		p.watchProcess(ctx)
	}
}

// connected counts a connection to GET /app; gone must be called at its end.
func (p *presence) connected() (gone func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open++; p.app.Watch == WatchConnection {
		p.setLocked(true, "")
	}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.open--; p.open == 0 && p.app.Watch == WatchConnection {
			p.setLocked(false, "it has closed its connection to GET /app")
		}
	}
}

// watchHealth asks the application's URL. One good answer makes it present, as many bad ones in a
// row as are set make it gone.
func (p *presence) watchHealth(ctx context.Context) {
	client, failures := plainClient(), 0
	defer client.CloseIdleConnections()
	for {
		err := ask2xx(ctx, client, http.MethodGet, p.app.HealthURL, nil, p.app.Timeout)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			failures = 0
			p.set(true, "")
		default:
			failures++
			if present, _, _ := p.now(); !present || failures >= p.app.Failures {
				p.set(false, fmt.Sprintf("%d bad answers in a row, the last: %v", failures, err))
			}
		}
		if !pause(ctx, p.app.Every) {
			return
		}
	}
}

// watchHeartbeat looks at a file's time. What counts is when it is seen to change, by a clock that
// nobody sets; only for a file that is found at the start its own time must do.
func (p *presence) watchHeartbeat(ctx context.Context) {
	var last, seen time.Time
	for {
		info, err := os.Stat(p.app.Heartbeat)
		switch {
		case err != nil:
			p.set(false, err.Error())
			last, seen = time.Time{}, time.Time{}
		case last.IsZero():
			last, seen = info.ModTime(), time.Now().Add(-max(0, time.Since(info.ModTime())))
		case !info.ModTime().Equal(last):
			last, seen = info.ModTime(), time.Now()
		}
		if err == nil {
			if age := time.Since(seen); age <= p.app.Age {
				p.set(true, "")
			} else {
				p.set(false, fmt.Sprintf("%s was last touched %v ago", p.app.Heartbeat, age.Round(time.Second)))
			}
		}
		if !pause(ctx, p.app.Every) {
			return
		}
	}
}

// watchProcess waits for the end of the application's process, and looks for the next.
func (p *presence) watchProcess(ctx context.Context) {
	for {
		err := p.followProcess(ctx)
		if ctx.Err() != nil {
			return
		}
		p.mu.Lock()
		p.process = nil
		p.setLocked(false, err.Error())
		p.mu.Unlock()
		if !pause(ctx, p.app.Every) {
			return
		}
	}
}

// followProcess returns when the process is gone, and why.
func (p *presence) followProcess(ctx context.Context) error {
	pid := p.app.PID
	if p.app.PIDFile != "" {
		text, err := os.ReadFile(p.app.PIDFile)
		if err != nil {
			return err
		}
		if pid, err = strconv.Atoi(strings.TrimSpace(string(text))); err != nil || pid <= 0 {
			return fmt.Errorf("%s has no number of a process in it", p.app.PIDFile)
		}
	}
	process, err := os.FindProcess(pid) // a handle that is never that of another process
	if err != nil {
		return fmt.Errorf("process %d: %w", pid, err)
	}
	defer func() { _ = process.Release() }()
	gone, err := watchPID(pid)
	if err != nil {
		return fmt.Errorf("process %d: %w", pid, err)
	}
	defer gone.close()
	if err := process.Signal(syscall.Signal(0)); err != nil && !errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("process %d: %w", pid, err)
	}
	if gone.ended() {
		return fmt.Errorf("process %d has ended, and waits for its parent", pid)
	}
	p.mu.Lock()
	p.process = process
	p.setLocked(true, "")
	p.mu.Unlock()
	if err := gone.wait(ctx); err != nil {
		return fmt.Errorf("process %d: %w", pid, err)
	}
	return fmt.Errorf("process %d has ended", pid)
}

var errNoProcess = errors.New("the application's process is not there")

// signal sends a signal to the application's process.
func (p *presence) signal(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.process == nil {
		return errNoProcess
	}
	return p.process.Signal(sig)
}
