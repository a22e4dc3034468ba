package sidecar

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// A holdKey names what a request of the application has taken.
type holdKey struct {
	name  string
	token int64
}

// An adopted is a hold of a request, looked after.
type adopted struct {
	kind Kind
	hold *sdk.Hold
}

// A holds is what the application has taken by requests, as their answers have told.
type holds struct {
	of *sidecar

	mu  sync.Mutex
	all map[holdKey]adopted
}

func newHolds(s *sidecar) *holds { return &holds{of: s, all: map[holdKey]adopted{}} }

// A told is what an answer of a member says of a hold.
type told struct {
	Name    string `json:"name"`
	Session string `json:"session"`
	Token   int64  `json:"token"`
	State   string `json:"state"`
	Permits int    `json:"permits"`
	Holds   []told `json:"holds"`    // of several locks
	Gone    []told `json:"released"` // likewise
}

// learn takes the answer to a request that has succeeded: what it has taken is looked after from
// now on, what it has released is not any more.
func (h *holds) learn(ctx context.Context, kind Kind, answer []byte, s *sdk.Session) {
	var t told
	if json.Unmarshal(answer, &t) != nil {
		return
	}
	for _, one := range append(append([]told{t}, t.Holds...), t.Gone...) {
		key := holdKey{one.Name, one.Token}
		if one.Permits > 0 {
			kind = Semaphore // by a ticket
		}
		switch {
		case one.Token == 0 || one.Name == "":
		case kind != Semaphore && h.of.claimed(one.Name): // looked after by the claim
		case one.State == "held":
			if one.Session == "" || one.Session == s.ID().String() {
				h.adopt(ctx, kind, key, one.Permits, s)
			}
		case one.State == "released":
			h.forget(key)
		}
	}
}

// adopt looks after a hold, if that is not done already.
func (h *holds) adopt(ctx context.Context, kind Kind, key holdKey, permits int, s *sdk.Session) {
	h.mu.Lock()
	_, known := h.all[key]
	full := len(h.all) >= h.of.cfg.Limits.MaxHolds
	h.mu.Unlock()
	if known {
		return
	}
	if full {
		h.of.log.Error("a lock is held of whose loss the application will not be told: it holds too many", "name", key.name, "max-holds", h.of.cfg.Limits.MaxHolds)
		return
	}
	hold, err := s.Adopt(ctx, key.name, sdk.Token(key.token), permits, sdk.OnState(changes(func(hold *sdk.Hold, st sdk.State) { h.onState(kind, key, hold, st) })))
	if ctx.Err() != nil {
		return // with the life all of it ends
	}
	if err != nil {
		h.of.notify.tell(Event{Event: Lost, Kind: kind, Name: key.name, Token: key.token, Why: err.Error()})
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if hold.Err() == nil {
		h.all[key] = adopted{kind, hold}
	}
}

// only returns the token of what is held by that name, where it is one; else 0.
func (h *holds) only(name string) (token int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for key := range h.all {
		switch {
		case key.name != name:
		case token != 0:
			return 0
		default:
			token = key.token
		}
	}
	return token
}

// changes leaves out the first word of a hold's state, which says that it is held.
func changes(f func(*sdk.Hold, sdk.State)) func(*sdk.Hold, sdk.State) {
	begun := false // a hold's states are told one after the other
	return func(h *sdk.Hold, s sdk.State) {
		first := !begun
		begun = true
		if !first || s != sdk.Held {
			f(h, s)
		}
	}
}

// onState tells of what becomes of a hold.
func (h *holds) onState(kind Kind, key holdKey, hold *sdk.Hold, s sdk.State) {
	e := Event{Kind: kind, Name: key.name, Token: key.token}
	switch s {
	case sdk.Jeopardy:
		e.Event = Jeopardy
	case sdk.Held:
		e.Event = Held
	case sdk.Lost:
		e.Event, e.Why = Lost, hold.Err().Error()
		h.remove(key)
	default:
		h.remove(key)
		return
	}
	h.of.notify.tell(e)
}

func (h *holds) remove(key holdKey) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.all, key)
}

// forget ends the look after what was released.
func (h *holds) forget(key holdKey) {
	h.mu.Lock()
	a, known := h.all[key]
	delete(h.all, key)
	h.mu.Unlock()
	if known {
		a.hold.Forget()
	}
}

// A holdView is a hold as GET /state shows it.
type holdView struct {
	Kind     Kind   `json:"kind"`
	Name     string `json:"name"`
	Token    int64  `json:"token"`
	State    string `json:"state"`
	Deadline string `json:"deadline,omitempty"`
	Permits  int    `json:"permits,omitempty"`
}

func viewOf(kind Kind, h *sdk.Hold) holdView {
	v := holdView{Kind: kind, Name: h.Name(), Token: int64(h.Token()), State: h.State().String(), Permits: h.Permits()}
	if at := h.Deadline(); !at.IsZero() {
		v.Deadline = at.UTC().Format(timeLayout)
	}
	return v
}

// list returns what is held, by name.
func (h *holds) list() []holdView {
	h.mu.Lock()
	views := make([]holdView, 0, len(h.all))
	for _, a := range h.all {
		views = append(views, viewOf(a.kind, a.hold))
	}
	h.mu.Unlock()
	slices.SortFunc(views, func(a, b holdView) int { return strings.Compare(a.Name, b.Name) })
	return views
}
