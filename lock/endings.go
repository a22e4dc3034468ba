package lock

import (
	"errors"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/znode"
)

// endingsKept bounds how many ended holds a member remembers.
const endingsKept = 1 << 16

// endings remember how the last contenders went, oldest forgotten first.
type endings struct {
	byHold map[held]*gone
	last   map[place]Token
	order  []held
	next   int
}

// A held names a hold: several locks that were asked for together have one token.
type held struct {
	token Token
	dir   string
}

// A place is a session's place at a lock.
type place struct {
	session lease.ID
	dir     string
}

type gone struct {
	place    place
	released bool
	cause    string
	reason   string
	moved    Token    // a hand-over has moved it, and given it this token
	head     Token    // of the hold that was handed over to it
	by       lease.ID // whose that was
}

func (e *endings) add(n *znode.Node, session lease.ID, kind EventKind, cause, reason string) {
	dir, _ := znode.Split(n.Path())
	e.addAt(held{Token(n.Czxid()), dir}, session, kind, cause, reason)
}

// addAt is add for what has ended under a token.
func (e *endings) addAt(hold held, session lease.ID, kind EventKind, cause, reason string) {
	if e.byHold == nil {
		e.byHold, e.last = map[held]*gone{}, map[place]Token{}
	}
	if len(e.order) < endingsKept {
		e.order = append(e.order, hold)
	} else {
		old := e.order[e.next]
		if g := e.byHold[old]; g != nil {
			if e.last[g.place] == old.token {
				delete(e.last, g.place)
			}
			delete(e.byHold, old)
		}
		e.order[e.next] = hold
		e.next = (e.next + 1) % endingsKept
	}
	g := &gone{place: place{session, hold.dir}, released: kind == EventReleased, cause: cause, reason: reason}
	e.byHold[hold] = g
	e.last[g.place] = hold.token
}

// lost tells what became of a hold: nil when it was released, a [*HoldLostError] when it was taken
// away, ErrNotHeld when nothing is remembered. name is that of the lock or the semaphore.
func (l *Locker) lost(name string, hold held) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.ends.byHold[hold]
	switch {
	case g == nil:
		return ErrNotHeld
	case g.released:
		return nil
	}
	return &HoldLostError{Name: name, Token: hold.token, Cause: g.cause, Reason: g.reason}
}

func (l *Locker) remembers(hold held) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ends.byHold[hold] != nil
}

// lastEnd returns the token of the last contender at a place that is remembered to have gone; 0:
// none.
func (l *Locker) lastEnd(at place) Token {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ends.last[at]
}

// place is where the ends of an attempt's holds are remembered.
func (a *attempt) place() place { return place{a.session, a.dir} }

// hold is what an attempt's contender is remembered by.
func (a *attempt) hold() held { return held{Token(a.stat.Czxid), a.dir} }

// notHeld tells why a session does not hold what it names; with token 0, its last hold there.
func (l *Locker) notHeld(name string, at place, token Token) error {
	if token == 0 {
		token = l.lastEnd(at)
	}
	if err := l.lost(name, held{token, at.dir}); err != nil {
		return err
	}
	return ErrNotHeld // its own session has released it meanwhile
}

// gone tells what became of a contender that is not in the tree any more.
func (l *Locker) gone(name string, at place, token Token) error {
	if _, _, ok := l.sessions.Look(at.session); !ok {
		return l.sessions.Lost(at.session)
	}
	return l.notHeld(name, at, token)
}

// released answers a release of what is not there: it was released before, or lost, or never was.
func (l *Locker) released(name string, at place, token Token) (Done, error) {
	if token == 0 {
		token = l.lastEnd(at)
	}
	err := l.lost(name, held{token, at.dir})
	if err == nil {
		return Done{Name: name, Token: token, Revision: l.store.Revision(), Repeated: true}, nil
	}
	if _, _, ok := l.sessions.Look(at.session); !ok && errors.Is(err, ErrNotHeld) {
		return Done{}, l.sessions.Lost(at.session)
	}
	return Done{}, err
}
