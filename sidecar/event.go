package sidecar

import (
	"encoding/json"
	"time"
)

// An Event is something that the application may want to know. Its JSON is what listeners,
// webhooks and files get.
type Event struct {
	Event string    `json:"event"`
	Kind  Kind      `json:"kind,omitempty"` // of what was held; empty: of the application itself
	Name  string    `json:"name,omitempty"`
	Token int64     `json:"token,omitempty"`
	Time  time.Time `json:"time"` // by this machine's clock
	Why   string    `json:"why,omitempty"`
}

// What can happen.
const (
	AppPresent = "app_present" // the application is found to live; a session begins
	AppGone    = "app_gone"    // it is not; all that was held is released
	Gained     = "gained"      // a claim holds its lock, or leads
	Jeopardy   = "jeopardy"    // a renewal is overdue; without one it will be lost
	Held       = "held"        // it is renewed again
	Lost       = "lost"        // it is not held any more, and nobody here gave it up
	Released   = "released"    // it was given up
	HookFailed = "hook_failed" // a hook of a claim ended with an error, or was ended at its limit
)

// alarms reports whether an event is worth a signal: what was held is not any more.
func (e *Event) alarms() bool { return e.Event == Lost }

func (e *Event) json() []byte {
	text, err := json.Marshal(e)
	if err != nil {
		return []byte("{}") // no field of it can fail
	}
	return text
}
