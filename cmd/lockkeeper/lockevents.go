package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// eventTimeout bounds the writing of one event to a pipe that nobody reads. Whoever does not read
// must not keep a lock from being renewed; the event is then left out.
const eventTimeout = 500 * time.Millisecond

// A lockEvent is one line of --events. docs/run-under-a-lock.md lists them.
type lockEvent struct {
	Time     time.Time  `json:"time"`
	Event    string     `json:"event"` // waiting, acquired, entered, jeopardy, held, lost, asked, ended, leaving, left, released
	Lock     string     `json:"lock"`
	Token    sdk.Token  `json:"token,omitempty"`
	Position int        `json:"position,omitempty"`
	Holder   string     `json:"holder,omitempty"`
	Since    *time.Time `json:"since,omitempty"`
	Cause    string     `json:"cause,omitempty"`
	Reason   string     `json:"reason,omitempty"`
	Deadline *time.Time `json:"deadline,omitempty"`
	ExitCode *int       `json:"exit_code,omitempty"`
}

// A lockEvents writes events as JSON lines. The zero lockEvents writes none. It may be used
// concurrently.
type lockEvents struct {
	lock string // its name

	mu   sync.Mutex
	out  io.Writer
	file *os.File // to be closed; nil: none
}

// openEvents opens what --events names; nothing where it is empty.
func openEvents(file, lock string, stderr io.Writer) (*lockEvents, error) {
	switch file {
	case "":
		return &lockEvents{}, nil
	case "-":
		return &lockEvents{lock: lock, out: stderr}, nil
	}
	// A FIFO without a reader is an error here, not a wait without end.
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND|os.O_CREATE|syscall.O_NONBLOCK, 0o644)
	if err != nil {
		return nil, fmt.Errorf("--events: %w", err)
	}
	return &lockEvents{lock: lock, out: f, file: f}, nil
}

// write writes one event, with the time and the lock's name.
func (e *lockEvents) write(event lockEvent) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.out == nil {
		return
	}
	event.Time, event.Lock = time.Now(), e.lock
	line, err := json.Marshal(event)
	if err != nil {
		return
	}
	if e.file != nil {
		_ = e.file.SetWriteDeadline(time.Now().Add(eventTimeout)) // a file on a disk has none
	}
	_, _ = e.out.Write(append(line, '\n')) // the lock is more important than those who look on
}

// waiting writes for whom the lock is waited.
func (e *lockEvents) waiting(w sdk.Wait) {
	event := lockEvent{Event: "waiting", Position: w.Position, Since: someTime(w.Holder.Since), Reason: w.Holder.Reason}
	if w.Holder.Owner != "" || w.Holder.Session != 0 {
		event.Holder = w.Holder.Who()
	}
	e.write(event)
}

func (e *lockEvents) close() {
	if e.file != nil {
		_ = e.file.Close()
	}
}

// someTime returns nil for the zero time, which says nothing.
func someTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
