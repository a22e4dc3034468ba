package history

import (
	"errors"
	"testing"
	"time"
)

// within is how long a check of these tests may take.
const within = 20 * time.Second

// at makes a call that lasts from begun to ended; an end of 0 is none.
func at(begun, ended time.Duration, in input, out output) *Call {
	out.known = ended != 0
	return &Call{begun: begun, ended: ended, in: in, out: out}
}

func took(begun, ended time.Duration, c Claim, token int64) *Call {
	return at(begun, ended, input{verb: take, owner: c.Owner, claim: c}, output{token: token})
}

func tried(begun, ended time.Duration, owner string) *Call {
	c := Claim{Owner: owner}
	return at(begun, ended, input{verb: take, owner: owner, claim: c}, output{refused: true})
}

// did is a call of an owner that has nothing else to say.
func did(begun, ended time.Duration, v verb, owner string) *Call {
	return at(begun, ended, input{verb: v, owner: owner}, output{})
}

func gave(begun, ended time.Duration, from string, to Claim) *Call {
	return at(begun, ended, input{verb: handOver, owner: from, claim: to}, output{})
}

func said(begun, ended time.Duration, owner, value string) *Call {
	return at(begun, ended, input{verb: proclaim, owner: owner, value: value}, output{})
}

func saw(begun, ended time.Duration, holders ...Holder) *Call {
	return at(begun, ended, input{verb: look}, output{holders: holders})
}

func alone(owner string) Claim          { return Claim{Owner: owner} }
func reader(owner string) Claim         { return Claim{Owner: owner, Shared: true} }
func permits(owner string, n int) Claim { return Claim{Owner: owner, Permits: n} }
func leader(owner string) Claim         { return Claim{Owner: owner, Value: owner} }

// TestModel shows what the model takes for a history, and what it refuses.
func TestModel(t *testing.T) {
	holds := func(owner string, token int64) Holder { return Holder{Owner: owner, Token: token} }
	leads := func(owner string, token int64) Holder { return Holder{Owner: owner, Token: token, Value: owner} }
	for _, c := range []struct {
		name  string
		limit int
		good  bool
		calls []*Call
	}{
		{"one after the other", 0, true, []*Call{took(1, 2, alone("a"), 1), did(3, 4, end, "a"), took(5, 6, alone("b"), 2)}},
		{"at the same time, in some order", 0, true, []*Call{took(1, 9, alone("a"), 2), took(1, 9, alone("b"), 1), did(3, 4, end, "b")}},
		{"two holders", 0, false, []*Call{took(1, 2, alone("a"), 1), took(3, 4, alone("b"), 2), did(5, 6, end, "a"), did(7, 8, end, "b")}},
		{"two holders, whose releases are not answered", 0, false, []*Call{took(1, 2, alone("a"), 1), took(3, 4, alone("b"), 2), did(5, 0, end, "a"), did(7, 0, end, "b")}},
		{"a stale token", 0, false, []*Call{took(1, 2, alone("a"), 2), did(3, 4, end, "a"), took(5, 6, alone("b"), 1)}},
		{"a token again", 0, false, []*Call{took(1, 2, alone("a"), 2), did(3, 4, end, "a"), took(5, 6, alone("b"), 2)}},
		{"no token", 0, false, []*Call{took(1, 2, alone("a"), 0)}},
		{"refused, and held", 0, true, []*Call{took(1, 2, alone("a"), 1), tried(3, 4, "b"), did(5, 6, end, "a")}},
		{"refused, and free", 0, false, []*Call{took(1, 2, alone("a"), 1), did(3, 4, end, "a"), tried(5, 6, "b")}},
		{"seen after its end", 0, false, []*Call{took(1, 2, alone("a"), 1), did(3, 4, end, "a"), saw(5, 6, holds("a", 1))}},
		{"not seen while it holds", 0, false, []*Call{took(1, 2, alone("a"), 1), saw(3, 4), did(5, 6, end, "a")}},
		{"seen before it is told", 0, true, []*Call{took(1, 9, alone("a"), 1), saw(3, 4, holds("a", 1)), saw(2, 2)}},
		{"seen, and then not", 0, false, []*Call{took(1, 9, alone("a"), 1), saw(3, 4, holds("a", 1)), saw(5, 6)}},
		{"seen under another token", 0, false, []*Call{took(1, 2, alone("a"), 1), saw(3, 4, holds("a", 2))}},

		{"readers together", 0, true, []*Call{took(1, 2, reader("a"), 1), took(3, 4, reader("b"), 2), did(5, 6, end, "a"), did(5, 6, end, "b"), took(7, 8, alone("c"), 3)}},
		{"readers, told in another order", 0, true, []*Call{took(1, 2, reader("a"), 2), took(3, 4, reader("b"), 1)}},
		{"a writer among readers", 0, false, []*Call{took(1, 2, reader("a"), 1), took(3, 4, alone("b"), 2), did(5, 6, end, "a")}},
		{"a reader beside a writer", 0, false, []*Call{took(1, 2, alone("a"), 1), took(3, 4, reader("b"), 2), did(5, 6, end, "a")}},
		{"two writers", 0, false, []*Call{took(1, 2, reader("r"), 1), did(3, 4, end, "r"), took(5, 6, alone("a"), 2), took(7, 8, alone("b"), 3)}},
		{"a reader's stale token", 0, false, []*Call{took(1, 2, alone("a"), 2), did(3, 4, end, "a"), took(5, 6, reader("b"), 1)}},
		{"a writer's stale token", 0, false, []*Call{took(1, 2, reader("a"), 2), did(3, 4, end, "a"), took(5, 6, alone("b"), 1)}},
		{"readers of one token", 0, false, []*Call{took(1, 2, reader("a"), 2), took(3, 4, reader("b"), 2)}},
		{"a writer goes on as a reader", 0, true, []*Call{took(1, 2, alone("a"), 1), did(3, 4, share, "a"), took(5, 6, reader("b"), 2), saw(7, 8, holds("b", 2), holds("a", 1))}},
		{"a reader before the writer is one", 0, false, []*Call{took(1, 2, alone("a"), 1), took(3, 4, reader("b"), 2), did(5, 6, share, "a")}},
		{"a writer beside one that was", 0, false, []*Call{took(1, 2, alone("a"), 1), did(3, 4, share, "a"), took(5, 6, alone("b"), 2)}},
		{"it may go on as a reader", 0, true, []*Call{took(1, 2, alone("a"), 1), did(3, 0, share, "a"), took(5, 6, reader("b"), 2)}},
		{"or may not", 0, true, []*Call{took(1, 2, alone("a"), 1), did(3, 0, share, "a"), tried(5, 6, "b"), did(7, 8, end, "a"), took(9, 10, alone("c"), 2)}},

		{"permits", 4, true, []*Call{took(1, 2, permits("a", 3), 1), took(3, 4, permits("b", 1), 2), did(5, 6, end, "a"), took(7, 8, permits("c", 3), 3)}},
		{"more permits than there are", 4, false, []*Call{took(1, 2, permits("a", 3), 1), took(3, 4, permits("b", 2), 2), did(5, 6, end, "a")}},
		{"permits come back too late", 4, false, []*Call{took(1, 2, permits("a", 3), 1), did(5, 0, end, "a"), took(3, 4, permits("b", 2), 2)}},
		{"permits under a stale token", 4, false, []*Call{took(1, 2, permits("a", 1), 2), took(3, 4, permits("b", 1), 1)}},
		{"permits that nobody sees", 4, false, []*Call{took(1, 2, permits("a", 1), 1), saw(3, 4)}},
		{"other permits are seen", 4, false, []*Call{took(1, 2, permits("a", 1), 1), saw(3, 4, Holder{Owner: "a", Token: 1, Permits: 2})}},

		{"terms", 0, true, []*Call{took(1, 2, leader("a"), 1), saw(3, 4, leads("a", 1)), did(5, 6, end, "a"), saw(6, 7), took(6, 8, leader("b"), 2)}},
		{"two leaders", 0, false, []*Call{took(1, 2, leader("a"), 1), took(3, 4, leader("b"), 2)}},
		{"two leaders are seen", 0, false, []*Call{took(1, 2, leader("a"), 1), took(1, 9, leader("b"), 2), saw(3, 4, leads("a", 1), leads("b", 2))}},
		{"a proclamation", 0, true, []*Call{took(1, 2, leader("a"), 1), said(3, 4, "a", "x"), saw(5, 6, Holder{Owner: "a", Token: 1, Value: "x"})}},
		{"a proclamation that nobody hears", 0, false, []*Call{took(1, 2, leader("a"), 1), said(3, 4, "a", "x"), saw(5, 6, leads("a", 1))}},
		{"a proclamation of another", 0, false, []*Call{took(1, 2, leader("a"), 1), did(3, 4, end, "a"), took(5, 6, leader("b"), 2), said(7, 8, "a", "x")}},
		{"a hand-over", 0, true, []*Call{took(1, 2, leader("a"), 1), took(1, 9, leader("b"), 5), gave(3, 4, "a", leader("b")), saw(5, 6, leads("b", 5)), did(10, 11, end, "b")}},
		{"a hand-over to nobody", 0, false, []*Call{took(1, 2, leader("a"), 1), took(1, 9, leader("b"), 5), gave(3, 4, "a", leader("b")), saw(5, 6)}},
		{"a hand-over past which another leads", 0, false, []*Call{took(1, 2, leader("a"), 1), took(1, 9, leader("b"), 5), gave(3, 4, "a", leader("b")), took(5, 6, leader("c"), 4), did(7, 8, end, "c")}},
		{"a hand-over under a stale token", 0, false, []*Call{took(1, 2, leader("a"), 3), took(1, 9, leader("b"), 2), gave(3, 4, "a", leader("b"))}},
		{"a hand-over by one who leads no more", 0, false, []*Call{took(1, 2, leader("a"), 1), did(3, 4, end, "a"), took(1, 9, leader("b"), 2), gave(5, 6, "a", leader("b"))}},
		{"a hand-over to one who dies", 0, true, []*Call{took(1, 2, leader("a"), 1), took(1, 0, leader("b"), 0), gave(3, 4, "a", leader("b")), did(5, 9, end, "b"), took(3, 9, leader("c"), 7)}},
		{"a hand-over without an answer", 0, true, []*Call{took(1, 2, leader("a"), 1), took(1, 9, leader("b"), 2), gave(3, 0, "a", leader("b"))}},

		{"a holder is killed", 0, true, []*Call{took(1, 2, alone("a"), 1), did(3, 8, end, "a"), took(4, 6, alone("b"), 2)}},
		{"before it is killed", 0, false, []*Call{took(1, 2, alone("a"), 1), did(5, 8, end, "a"), took(3, 4, alone("b"), 2)}},
		{"seen after its session", 0, false, []*Call{took(1, 2, alone("a"), 1), did(3, 5, end, "a"), saw(6, 7, holds("a", 1))}},
		{"one who waits is killed, and never held", 0, true, []*Call{took(1, 2, alone("a"), 1), took(1, 0, alone("b"), 0), did(5, 8, end, "b"), did(9, 10, end, "a"), took(11, 12, alone("c"), 2), saw(13, 14, holds("c", 2))}},
		{"one who waits is killed, and held", 0, true, []*Call{took(1, 2, alone("a"), 1), took(1, 0, alone("b"), 0), did(3, 4, end, "a"), saw(5, 6, holds("b", 2)), did(7, 9, end, "b"), took(8, 12, alone("c"), 3)}},
		{"and held beside another", 0, false, []*Call{took(1, 2, alone("a"), 1), took(1, 0, alone("b"), 0), did(3, 4, end, "a"), saw(5, 6, holds("b", 2)), took(5, 6, alone("c"), 3), did(7, 9, end, "b")}},
		{"and held too late", 0, false, []*Call{took(1, 0, alone("b"), 0), did(3, 4, end, "b"), saw(5, 6, holds("b", 2))}},
		{"and held under a stale token", 0, false, []*Call{took(1, 2, alone("a"), 3), took(1, 0, alone("b"), 0), did(3, 4, end, "a"), saw(5, 6, holds("b", 2)), did(7, 9, end, "b")}},
		{"a wait that ended held for a moment", 0, true, []*Call{at(1, 0, input{verb: take, owner: "a", claim: alone("a")}, output{}), did(1, 9, end, "a"), tried(3, 4, "b")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := New("name", c.limit)
			h.calls = c.calls
			err := Check(within, h)
			if c.good && err != nil || !c.good && !errors.Is(err, ErrIllegal) {
				t.Errorf("Check = %v; want good = %v", err, c.good)
			}
		})
	}
}

func TestOpenClaim(t *testing.T) {
	h := New("name", 0)
	h.Take(alone("a"))
	if err := Check(within, h); !errors.Is(err, ErrOpen) {
		t.Errorf("Check of a claim without answer and end = %v; want %v", err, ErrOpen)
	}
	h.End("a")
	if err := Check(within, h); err != nil {
		t.Errorf("Check of a claim that is ended = %v", err)
	}
}

// TestUndecided: what the checker cannot decide in time is a failure.
func TestUndecided(t *testing.T) {
	h := New("name", 0)
	const n = 60 // that many in one moment, of which the last cannot be
	for i := range int64(n) {
		h.calls = append(h.calls, took(1, 100, reader(string(rune('A'+i))), i+1))
	}
	h.calls = append(h.calls, saw(50, 51, Holder{Owner: "nobody", Token: 1}))
	if err := Check(50*time.Millisecond, h); !errors.Is(err, ErrUndecided) {
		t.Errorf("Check = %v; want %v", err, ErrUndecided)
	}
}
