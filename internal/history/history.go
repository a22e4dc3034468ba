// Package history records what many clients do to one lock, semaphore or election, and checks that
// it could all have happened one after the other, each call at a moment between its beginning and
// its end: that the history is linearizable.
//
// One model judges all of them. It has who holds, and what tokens were given: an exclusive claim
// holds alone, shared ones beside each other, permits up to the limit; a grant's token is greater
// than those that it must come after; and whoever looks sees exactly those who hold.
//
// # What is not known
//
// A call whose answer never came may have been done at any moment since its beginning, or never. A
// claim of that kind must be ended in the history, as by the end of its session: after that it is
// not granted any more. A hold whose holder was killed ends at an unknown moment between the kill,
// which is where the call of End begins, and the sight that its session is over, where it is Done.
//
// All times are of one machine's clock, whichever process reads it.
package history

import (
	"sync"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clock"
)

// A Claim is what a client asks for, once.
type Claim struct {
	Owner   string // nothing else in the history has it
	Shared  bool   // held beside other shared claims: a reader
	Permits int    // of a semaphore
	Value   string // of an election: what the leader says
}

// A Holder is one of those who hold, as somebody sees it.
type Holder struct {
	Owner   string
	Token   int64
	Permits int    // of a semaphore
	Value   string // of an election
}

// A History is of one name. Its methods are safe for concurrent use; make one with [New].
type History struct {
	name  string
	limit int

	mu    sync.Mutex
	calls []*Call
}

// New returns an empty history of a lock or an election, or, where limit is not 0, of a semaphore of
// so many permits. name is for messages.
func New(name string, limit int) *History { return &History{name: name, limit: limit} }

// Name returns what the history is of.
func (h *History) Name() string { return h.name }

// A verb is what a call does.
type verb string

const (
	take     verb = "take"
	end      verb = "end"
	share    verb = "share"
	handOver verb = "hand over"
	proclaim verb = "proclaim"
	look     verb = "look"
)

// An input is what a call asks for.
type input struct {
	verb  verb
	owner string // whose hold or claim it is about
	claim Claim  // of take; of handOver: the one that is to hold next
	value string // of proclaim
}

// An output is what a call was told.
type output struct {
	known   bool // there was an answer
	refused bool
	token   int64
	holders []Holder
}

// A Call is under way until one of its methods says how it ended. One that never ends may have been
// done at any time since it began, or not at all. Its methods are for one goroutine at a time.
type Call struct {
	h            *History
	begun, ended time.Duration // an end of 0 is none
	in           input
	out          output
}

// begin notes that a call begins.
func (h *History) begin(in input) *Call {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := &Call{h: h, in: in, begun: clock.Boot()}
	h.calls = append(h.calls, c)
	return c
}

// Take begins an acquire or a campaign. It ends with Granted or Refused.
func (h *History) Take(c Claim) *Call { return h.begin(input{verb: take, owner: c.Owner, claim: c}) }

// End begins the release of a hold, or the end of the session that has it or has asked for it: its
// close, or its holder's death.
func (h *History) End(owner string) *Call { return h.begin(input{verb: end, owner: owner}) }

// Share begins a downgrade: an exclusive hold goes on as a shared one.
func (h *History) Share(owner string) *Call { return h.begin(input{verb: share, owner: owner}) }

// HandOver begins a hand-over of a term to a claim that waits. It ends with Done, or with Refused where
// that one does not wait any more, and the term goes on.
func (h *History) HandOver(owner string, to Claim) *Call {
	return h.begin(input{verb: handOver, owner: owner, claim: to})
}

// Proclaim begins to change what a leader says.
func (h *History) Proclaim(owner, value string) *Call {
	return h.begin(input{verb: proclaim, owner: owner, value: value})
}

// Look begins a look at who holds. It ends with Saw.
func (h *History) Look() *Call { return h.begin(input{verb: look}) }

// Granted ends a Take: the claim holds, under a token.
func (c *Call) Granted(token int64) { c.answer(output{token: token}) }

// Refused ends a Take that was not to wait, because somebody else held; and a HandOver.
func (c *Call) Refused() { c.answer(output{refused: true}) }

// Resigned ends a HandOver that was refused: the term was given up instead.
func (c *Call) Resigned() {
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	c.in.verb, c.out.known, c.ended = end, true, clock.Boot()
}

// Left ends a Take that was to wait no longer: it does not hold, but may have had for a moment that
// was too late.
func (c *Call) Left() {
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	c.ended = clock.Boot()
	c.h.calls = append(c.h.calls, &Call{
		h: c.h, begun: c.begun, ended: c.ended,
		in: input{verb: end, owner: c.in.owner}, out: output{known: true},
	})
}

// Saw ends a Look.
func (c *Call) Saw(holders ...Holder) { c.answer(output{holders: holders}) }

// Done ends any other call. Its owner held.
func (c *Call) Done() { c.answer(output{}) }

func (c *Call) answer(out output) {
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	out.known = true
	c.out, c.ended = out, clock.Boot()
}

// A Tally says of how much a history is.
type Tally struct {
	Calls                                  int
	Granted, Refused, Left, Looks, Unknown int
	HandOvers                              int
}

// Tally counts the calls.
func (h *History) Tally() (n Tally) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n.Calls = len(h.calls)
	for _, c := range h.calls {
		switch {
		case c.ended == 0:
			n.Unknown++
		case !c.out.known:
			n.Left++
		case c.out.refused:
			n.Refused++
		case c.in.verb == take:
			n.Granted++
		case c.in.verb == look:
			n.Looks++
		case c.in.verb == handOver:
			n.HandOvers++
		}
	}
	return n
}
