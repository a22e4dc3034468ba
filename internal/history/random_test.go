package history

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A play is a random run of a name's true life, a call every ten ticks.
type play struct {
	r       *rapid.T
	limit   int
	width   int // by how much calls begin before, and end after, what they do
	calls   []*Call
	holders []Holder // now
	shared  map[string]bool
	blind   map[string]bool // whose take has no answer
	token   int64
	now     time.Duration
}

// free reports whether a claim can hold now.
func (p *play) free(c Claim) bool {
	out := c.Permits
	for _, h := range p.holders {
		out += h.Permits
	}
	if p.limit > 0 {
		return out <= p.limit
	}
	alone := slices.ContainsFunc(p.holders, func(h Holder) bool { return !p.shared[h.Owner] })
	return len(p.holders) == 0 || c.Shared && !alone
}

// call notes what is done now.
func (p *play) call(in input, out output) *Call {
	before, after := time.Duration(rapid.IntRange(0, p.width).Draw(p.r, "before")), time.Duration(rapid.IntRange(0, p.width).Draw(p.r, "after"))
	c := at(p.now-before, p.now+after, in, out)
	p.calls = append(p.calls, c)
	return c
}

// silent reports whether a call is to stay without an answer.
func (p *play) silent() bool { return p.width > 0 && rapid.IntRange(0, 19).Draw(p.r, "silent") == 0 }

func (p *play) grant(c Claim) {
	p.token++
	p.holders = append(p.holders, Holder{Owner: c.Owner, Token: p.token, Permits: c.Permits, Value: c.Value})
	p.shared[c.Owner] = c.Shared
}

// forget leaves the call that has just been made without an answer.
func (p *play) forget() {
	c := p.calls[len(p.calls)-1]
	c.ended, c.out = 0, output{}
}

func (p *play) step() {
	p.now += 10
	draw := func(n int) int { return rapid.IntRange(0, n-1).Draw(p.r, "which") }
	claim := Claim{Owner: fmt.Sprintf("c%d", len(p.calls))}
	if p.limit > 0 {
		claim.Permits = 1 + draw(3)
	} else {
		claim.Shared = draw(2) == 0
	}
	switch what := draw(5); {
	case what == 0:
		p.call(input{verb: look}, output{holders: slices.Clone(p.holders)})
	case what < 3 && p.free(claim):
		p.grant(claim)
		p.call(input{verb: take, owner: claim.Owner, claim: claim}, output{token: p.token})
		if p.silent() {
			p.forget()
			p.blind[claim.Owner] = true
		}
	case what < 3:
		p.call(input{verb: take, owner: claim.Owner, claim: claim}, output{refused: true})
	case len(p.holders) == 0:
	case what == 3 && p.limit == 0 && !p.shared[p.holders[0].Owner]:
		h := p.holders[0]
		if p.blind[h.Owner] || draw(2) == 0 {
			p.call(input{verb: share, owner: h.Owner}, output{})
			p.shared[h.Owner] = true
			return
		}
		claim.Shared, claim.Value = false, "x"
		p.holders = nil
		p.call(input{verb: handOver, owner: h.Owner, claim: claim}, output{})
		p.grant(claim)
		p.now++
		p.call(input{verb: take, owner: claim.Owner, claim: claim}, output{token: p.token})
	default:
		p.drop(draw(len(p.holders)))
		if p.silent() {
			p.forget()
		}
	}
}

func (p *play) drop(i int) {
	p.call(input{verb: end, owner: p.holders[i].Owner}, output{})
	p.holders = slices.Delete(p.holders, i, i+1)
}

// history is what was played, with an end to all that holds.
func (p *play) history() *History {
	for len(p.holders) > 0 {
		p.now += 10
		p.drop(0)
	}
	h := New("play", p.limit)
	h.calls = p.calls
	return h
}

func newPlay(r *rapid.T, width int) *play {
	return &play{r: r, limit: rapid.SampledFrom([]int{0, 4}).Draw(r, "limit"), width: width, shared: map[string]bool{}, blind: map[string]bool{}, now: time.Hour}
}

// TestTrueHistories: what is played by the rules is taken, however long the calls last, and with
// answers missing.
func TestTrueHistories(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := newPlay(r, 25)
		for range rapid.IntRange(1, 40).Draw(r, "steps") {
			p.step()
		}
		if err := Check(within, p.history()); err != nil {
			r.Fatal(err)
		}
	})
}

// TestFalseHistories: one call against the rules, among calls whose order is known, is found.
func TestFalseHistories(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := newPlay(r, 0)
		for range rapid.IntRange(1, 15).Draw(r, "steps before") {
			p.step()
		}
		p.now += 5
		p.breach(r)
		for range rapid.IntRange(0, 15).Draw(r, "steps after") {
			p.step()
		}
		if err := Check(within, p.history()); !errors.Is(err, ErrIllegal) {
			r.Fatalf("Check = %v; want %v", err, ErrIllegal)
		}
	})
}

// breach makes a call that cannot be.
func (p *play) breach(r *rapid.T) {
	all := Claim{Owner: "intruder", Permits: p.limit}
	takes := func(token int64) { p.call(input{verb: take, owner: all.Owner, claim: all}, output{token: token}) }
	switch what := rapid.IntRange(0, 4).Draw(r, "breach"); {
	case what == 0 && len(p.holders) > 0: // beside others
		takes(p.token + 1000)
	case what == 1 && p.token > 0: // under a token that was given before
		for len(p.holders) > 0 {
			p.drop(0)
			p.now++
		}
		takes(rapid.Int64Range(1, p.token).Draw(r, "token"))
		p.now++
		p.call(input{verb: end, owner: all.Owner}, output{})
	case what == 2 && len(p.holders) > 0: // one holder is not seen
		p.call(input{verb: look}, output{holders: p.holders[1:len(p.holders):len(p.holders)]})
	case what == 3: // one too many is
		p.call(input{verb: look}, output{holders: append(slices.Clone(p.holders), Holder{Owner: "intruder", Token: p.token + 1000})})
	case p.limit == 0 && len(p.holders) == 0: // refused, where it is free
		p.call(input{verb: take, owner: all.Owner, claim: all}, output{refused: true})
	default:
		p.call(input{verb: share, owner: "intruder"}, output{})
	}
}
