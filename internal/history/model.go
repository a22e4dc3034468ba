package history

import (
	"slices"
	"strings"
)

// A held is a claim that holds.
type held struct {
	Claim
	token int64 // 0: granted, and nobody has been told under which token
	above int64 // what a token that is not known yet must be greater than
	given bool  // by a hand-over, and its Take is still to be told
}

// A state is what the model knows of a name. It is never changed: a step makes another.
type state struct {
	held      []held   // by their owners
	over      []string // owners whose claims have ended before it was known whether they held
	highest   int64    // token given
	exclusive int64    // the highest that was given to an exclusive claim
}

func (s state) clone() state {
	s.held, s.over = slices.Clone(s.held), slices.Clone(s.over)
	return s
}

func (s state) equal(o state) bool {
	return s.highest == o.highest && s.exclusive == o.exclusive && slices.Equal(s.held, o.held) && slices.Equal(s.over, o.over)
}

// find returns where an owner's hold stands, or would.
func (s state) find(owner string) (i int, holds bool) {
	return slices.BinarySearchFunc(s.held, owner, func(x held, owner string) int { return strings.Compare(x.Owner, owner) })
}

// admits reports whether a claim can hold beside those who do.
func (s state) admits(c Claim, limit int) bool {
	out := c.Permits
	for _, x := range s.held {
		if out += x.Permits; limit == 0 && !(c.Shared && x.Shared) {
			return false
		}
	}
	return limit == 0 || out <= limit
}

// grant has a claim hold, and reports false where its token is too low; 0 is one that is not known.
func (s state) grant(c Claim, token int64, given bool) (bool, state) {
	next := s.clone()
	x := held{Claim: c, above: s.highest, given: given}
	if c.Shared {
		x.above = s.exclusive // readers who come in together may be told in any order
	}
	i, _ := next.find(c.Owner)
	next.held = slices.Insert(next.held, i, x)
	return token == 0 || next.name(i, token), next
}

// name gives a hold of a state that is being made its token, and reports false where that is too low,
// or another's.
func (s *state) name(i int, token int64) bool {
	if slices.ContainsFunc(s.held, func(o held) bool { return o.token == token && o.Owner != s.held[i].Owner }) {
		return false
	}
	x := &s.held[i]
	if x.token != 0 {
		return x.token == token
	}
	x.token = token
	s.highest = max(s.highest, token)
	if !x.Shared {
		s.exclusive = max(s.exclusive, token)
	}
	return token > x.above
}

// drop ends a hold.
func (s state) drop(i int) state {
	next := s.clone()
	next.held = slices.Delete(next.held, i, i+1)
	return next
}

// step does one call, and reports false where it cannot have been done then with that outcome.
func step(limit int, s state, in input, out output) (bool, state) {
	i, holds := s.find(in.owner)
	switch in.verb {
	case take:
		return s.take(limit, in.claim, out)
	case end:
		return s.end(i, holds, in.owner)
	case look:
		return s.look(out.holders)
	}
	if out.refused { // whoever asked goes on
		return holds, s
	}
	// All others are done by who holds alone. Without an answer they may do nothing, later on.
	if !holds || s.held[i].Shared || s.held[i].given {
		return !out.known, s
	}
	next := s.clone()
	switch in.verb {
	case share:
		next.held[i].Shared = true
	case proclaim:
		next.held[i].Value = in.value
	case handOver:
		next = s.drop(i)
		if out.known {
			_, next = next.grant(in.claim, 0, true)
		}
		// Else it was handed over or given up: then its candidate holds next, or another.
	}
	return true, next
}

func (s state) take(limit int, c Claim, out output) (bool, state) {
	i, holds := s.find(c.Owner)
	at, over := slices.BinarySearch(s.over, c.Owner)
	switch {
	case out.refused: // a semaphore also refuses where others wait, who are nothing in this history yet
		return limit > 0 || len(s.held) > 0, s
	case out.known && out.token <= 0:
		return false, s
	case over: // too late: whether it held is not known, and now it will not
		next := s.clone()
		next.over = slices.Delete(next.over, at, at+1)
		return !out.known, next
	case holds && s.held[i].given:
		next := s.clone()
		next.held[i].given = false
		return !out.known || next.name(i, out.token), next
	case holds || !s.admits(c, limit):
		return false, s
	}
	return s.grant(c, out.token, false) // the token is 0 where there was no answer
}

func (s state) end(i int, holds bool, owner string) (bool, state) {
	next := s
	if holds {
		next = s.drop(i)
		if !s.held[i].given {
			return true, next
		}
	}
	next = next.clone()
	at, over := slices.BinarySearch(next.over, owner)
	if over {
		return false, s
	}
	next.over = slices.Insert(next.over, at, owner)
	return true, next
}

// look reports whether exactly the holders hold, and learns tokens from it.
func (s state) look(holders []Holder) (bool, state) {
	if len(holders) != len(s.held) {
		return false, s
	}
	next := s.clone()
	for _, h := range holders {
		i, holds := next.find(h.Owner)
		if !holds || next.held[i].Permits != h.Permits || next.held[i].Value != h.Value || !next.name(i, h.Token) {
			return false, s
		}
	}
	return true, next
}
