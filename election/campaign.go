package election

import (
	"context"
	"fmt"
	"time"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/znode"
)

// Campaign asks for a term and waits for it: not at all when wait is 0, without limit when it is
// negative. r.Candidacy says the value and the priority; nil: neither. Otherwise it is
// [lock.Locker.Acquire], with its errors, and the hold that it returns is the term.
func (e *Elections) Campaign(ctx context.Context, r lock.Request, wait time.Duration) (lock.Hold, error) {
	if err := check(&r); err != nil {
		return lock.Hold{}, err
	}
	return e.locks.Acquire(ctx, r, wait)
}

// Enqueue takes a place among the candidates without waiting: [lock.Locker.Enqueue].
func (e *Elections) Enqueue(ctx context.Context, r lock.Request) (lock.Hold, error) {
	if err := check(&r); err != nil {
		return lock.Hold{}, err
	}
	return e.locks.Enqueue(ctx, r)
}

func check(r *lock.Request) error {
	if r.Candidacy == nil {
		r.Candidacy = &lock.Candidacy{}
	}
	if p := r.Candidacy.Priority; p < 0 || p > MaxPriority {
		return &lease.InputError{Field: "priority", Problem: fmt.Sprintf("%d is not between 0 and %d", p, MaxPriority), Fix: "leave it out for the lowest, 0"}
	}
	if r.LockDelay != 0 {
		return &lease.InputError{Field: "lock_delay", Problem: "is of locks", Fix: "leave it out: the next candidate leads at once"}
	}
	switch r.Compat {
	case lock.CompatCurator, lock.CompatAll, lock.CompatLatch:
		return nil
	}
	return &lease.InputError{Field: "compat", Problem: fmt.Sprintf("is %.20q", r.Compat), Fix: `say "all" or "latch", or leave it out`}
}

// A Proclamation names a term, and what its leader has to say from now on.
type Proclamation struct {
	Name       string
	Session    lease.ID
	Generation int64      // of the session's attachment; 0: not checked
	Token      lock.Token // of the term; 0: the session's
	Value      string
}

// Proclaim changes the value of a term, in the same moment in which it is seen that the term goes
// on. The error is [lock.ErrNotHeld] where the session does not lead by that token, a
// [*lock.HoldLostError] where the term was taken away, and a [*lease.LostError]. It may be repeated.
func (e *Elections) Proclaim(ctx context.Context, p Proclamation) (lock.Done, error) {
	dir, owner, err := e.term(p.Name, p.Session, p.Generation)
	if err != nil {
		return lock.Done{}, err
	}
	found, data := znode.Stat{}, []byte(nil)
	where := ""
	err = e.store.Find(ctx, func(t *znode.Tree, _ int64) bool {
		n, ok := at(t, dir, p.Session, p.Token)
		if ok {
			where, found, data = n.Path(), n.Stat(), n.Data()
		}
		return ok
	})
	if err != nil {
		return lock.Done{}, err
	}
	if where == "" {
		return lock.Done{}, e.noTerm(p.Name, p.Session, p.Token)
	}
	if data, err = lock.Proclaimed(data, p.Value); err != nil {
		return lock.Done{}, err
	}
	out, err := e.store.Do(ctx, &znode.Request{Session: p.Session, Owner: owner, Ops: []znode.Op{
		{Kind: znode.OpHeld, Path: dir, Czxid: found.Czxid},
		{Kind: znode.OpSetData, Path: where, Data: data, Version: -1, Czxid: found.Czxid, Own: true},
	}})
	token := lock.Token(found.Czxid)
	switch {
	case err != nil:
		return lock.Done{}, err
	case out.Code == znode.OK:
		return lock.Done{Name: p.Name, Token: token, Revision: out.Revision}, nil
	case out.Code == znode.ErrNotHolder, out.Code == znode.ErrNoNode, out.Code == znode.ErrNotOwner:
		return lock.Done{}, e.noTerm(p.Name, p.Session, token)
	}
	return lock.Done{}, e.refusal(out.Code, p.Session)
}

// term makes the checks that every call of a leader begins with.
func (e *Elections) term(name string, session lease.ID, generation int64) (dir string, owner znode.Owner, err error) {
	if dir, err = path(name); err != nil {
		return "", owner, err
	}
	if session == 0 {
		return "", owner, &lease.InputError{Field: "session", Problem: "is missing", Fix: "give the session that campaign answered"}
	}
	owner, err = e.sessions.Attached(session, generation)
	return dir, owner, err
}

// noTerm tells why a session does not lead by a token.
func (e *Elections) noTerm(name string, session lease.ID, token lock.Token) error {
	if _, _, ok := e.sessions.Look(session); !ok {
		return e.sessions.Lost(session)
	}
	if err := e.locks.Ended(name, token); err != nil {
		return err
	}
	return lock.ErrNotHeld
}

func (e *Elections) refusal(code znode.Code, session lease.ID) error {
	if code == znode.ErrSessionExpired {
		return e.sessions.Lost(session)
	}
	return code
}

// A HandOver names a term, and the candidate who is to have the next one.
type HandOver struct {
	Name       string
	Session    lease.ID
	Generation int64      // of the session's attachment; 0: not checked
	Token      lock.Token // of the term; 0: the session's
	Candidate  lock.Token // as the list of candidates tells it
}

// HandOver ends a term and gives the name to a candidate who waits, in one step, past all others who
// wait. The answer's Token is that of the candidate's term; the others who wait get greater ones. The
// error is [ErrNoCandidate] where nobody with that token waits any more, a [*lease.InputError] where
// somebody who waits came in by ZooKeeper's protocol or too many wait, and as of Proclaim where the
// session does not lead. Repeating it is safe for as long as the member remembers; then the answer is
// Repeated.
func (e *Elections) HandOver(ctx context.Context, h HandOver) (lock.Done, error) {
	if h.Candidate <= 0 {
		return lock.Done{}, &lease.InputError{Field: "candidate", Problem: "is missing", Fix: "give the token of one who waits, as the election's candidates show it"}
	}
	dir, owner, err := e.term(h.Name, h.Session, h.Generation)
	if err != nil {
		if done, ok := e.repeated(&h); ok {
			return done, nil
		}
		return lock.Done{}, err
	}
	foreign, known, oneShot := false, false, false
	token := h.Token
	err = e.store.Find(ctx, func(t *znode.Tree, _ int64) bool {
		leader, ok := at(t, dir, h.Session, h.Token)
		if ok {
			token = lock.Token(leader.Czxid())
		}
		if s, open := t.Session(h.Session); open {
			oneShot = s.OneShot
		}
		candidate, there := at(t, dir, 0, h.Candidate)
		if there {
			known = true
			s, open := t.Session(candidate.Owner())
			foreign = open && s.Foreign()
		}
		return ok && there
	})
	switch {
	case err != nil:
		return lock.Done{}, err
	case foreign:
		return lock.Done{}, &lease.InputError{
			Field: "candidate", Problem: "came in by ZooKeeper's protocol, and its client would not follow when it is moved",
			Fix: "resign: the next in line leads then",
		}
	case token == 0:
		return lock.Done{}, e.noTerm(h.Name, h.Session, h.Token)
	case !known:
		if done, ok := e.repeated(&h); ok {
			return done, nil
		}
	}
	heir := h.Candidate
	if !known {
		heir = e.locks.Successor(h.Name, heir) // another hand-over may have given it another token
	}
	out, err := e.store.Do(ctx, &znode.Request{Session: h.Session, Owner: owner, Ops: []znode.Op{
		{Kind: znode.OpHandOver, Path: dir, Czxid: int64(token), Heir: int64(heir)},
	}})
	if err != nil {
		return lock.Done{}, err
	}
	switch out.Code {
	case znode.OK:
		if oneShot {
			e.locks.CloseBehind(h.Session)
		}
		return lock.Done{Name: h.Name, Token: lock.Token(out.Results[0].Stat.Czxid), Revision: out.Revision}, nil
	case znode.ErrImmovable:
		return lock.Done{}, &lease.InputError{
			Field: "candidate", Problem: "cannot be moved ahead while somebody waits who came in by ZooKeeper's protocol and would not follow",
			Fix: "resign: the next in line leads then",
		}
	case znode.ErrBadArguments:
		return lock.Done{}, &lease.InputError{Field: "candidate", Problem: "leads already", Fix: "give the token of one who waits"}
	case znode.ErrTooLarge:
		return lock.Done{}, &lease.InputError{
			Field: "candidate", Problem: fmt.Sprintf("is one of more than %d who wait, and all would have to be moved", znode.MaxMoved),
			Fix: "resign: the next in line leads then",
		}
	case znode.ErrNotHolder, znode.ErrNoNode, znode.ErrSessionExpired:
		if done, ok := e.repeated(&h); ok {
			return done, nil
		}
		if out.Code == znode.ErrNoNode {
			return lock.Done{}, ErrNoCandidate
		}
		return lock.Done{}, e.noTerm(h.Name, h.Session, token)
	}
	return lock.Done{}, e.refusal(out.Code, h.Session)
}

// repeated answers a hand-over that was done before.
func (e *Elections) repeated(h *HandOver) (lock.Done, bool) {
	token, ok := e.locks.HandedOver(h.Name, h.Session, h.Token, h.Candidate)
	return lock.Done{Name: h.Name, Token: token, Revision: e.store.Revision(), Repeated: true}, ok
}

// Candidates returns the leader, first, and those who wait, up to limit of them; there may be none.
func (e *Elections) Candidates(ctx context.Context, name string, limit int, fresh lock.Read) (lock.Queue, error) {
	q, err := e.locks.Queue(ctx, name, limit, fresh)
	for i := range q.Contenders {
		asCandidate(&q.Contenders[i])
	}
	return q, err
}

// asCandidate takes what is a value for no more than that.
func asCandidate(c *lock.Contender) {
	if c.Owner == c.Value {
		c.Owner = ""
	}
}
