package lock

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/znode"
)

// ticket names a contender: its token, its znode and its session, so that any member can find it,
// also where a hand-over has moved it.
func ticket(token Token, path string, session lease.ID) string {
	return strconv.FormatInt(int64(token), 10) + "." + base64.RawURLEncoding.EncodeToString([]byte(path)) + "." + lease.FormatID(session)
}

func (a *attempt) ticket() string { return ticket(Token(a.stat.Czxid), a.path, a.session) }

// readTicket is ticket's inverse. The session is 0 in a ticket that says none.
func readTicket(text string) (token Token, path string, session lease.ID, err error) {
	number, rest, _ := strings.Cut(text, ".")
	path, owner, named := strings.Cut(rest, ".")
	if named {
		if session, err = lease.ParseID("ticket", owner); err != nil {
			return 0, "", 0, err
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	raw, err2 := base64.RawURLEncoding.DecodeString(path)
	if err != nil || err2 != nil || n <= 0 {
		return 0, "", 0, noTicket(text)
	}
	return Token(n), string(raw), session, nil
}

// TicketName returns the name of the lock that a ticket is for; empty where it is for none.
func TicketName(text string) string {
	a, err := parseTicket(text)
	if err != nil {
		return ""
	}
	return a.request.Name
}

func noTicket(text string) error {
	return &lease.InputError{Field: "ticket", Problem: fmt.Sprintf("%.40q is not a ticket", text), Fix: "use the ticket that enqueue returned"}
}

// parseTicket reads a lock's ticket.
func parseTicket(text string) (*attempt, error) {
	token, path, session, err := readTicket(text)
	if err != nil {
		return nil, err
	}
	dir, name := znode.Split(path)
	if _, contender := znode.Contender(name); !contender {
		return nil, noTicket(text)
	}
	return &attempt{request: Request{Name: lockName(dir)}, dir: dir, path: path, stat: znode.Stat{Czxid: int64(token)}, session: session}, nil
}

// Await waits on a ticket: it returns when the lock is held, or with the State Waiting when the
// time ran out; a negative wait has no limit. The place in the queue stays, whether the time
// runs out or ctx ends. The error is ErrNoTicket, or a [*HoldLostError], when it is gone.
func (l *Locker) Await(ctx context.Context, text string, wait time.Duration) (Hold, error) {
	if c, ok := parsePermitTicket(text); ok {
		return l.awaitPermitTicket(ctx, c, wait, false, nil)
	}
	a, err := l.awaitTicket(ctx, text, wait, nil)
	if err != nil {
		return Hold{}, err
	}
	if a.granted {
		if a.sent, err = l.confirm(ctx, a.session); err != nil {
			return Hold{}, err
		}
	}
	return l.standing(a)
}

// AwaitTold is Await for a client with touches of its own: the hold has no Deadline. It calls
// begins once if it has to wait, when the wait begins. begins must not block.
func (l *Locker) AwaitTold(ctx context.Context, text string, wait time.Duration, begins func(ticket string)) (Hold, error) {
	if c, ok := parsePermitTicket(text); ok {
		return l.awaitPermitTicket(ctx, c, wait, true, begins)
	}
	a, err := l.awaitTicket(ctx, text, wait, begins)
	if err != nil {
		return Hold{}, err
	}
	return l.standing(a)
}

func (l *Locker) awaitTicket(ctx context.Context, text string, wait time.Duration, begins func(string)) (*attempt, error) {
	a, err := l.redeem(ctx, text)
	if err != nil {
		return nil, err
	}
	a.granted, _, err = l.turn(ctx, a, wait, false, begins)
	return a, err
}

// Leave gives up a ticket's place in the queue, or the lock if it holds. It can be repeated like
// Release. The error is ErrNoTicket, or a [*HoldLostError], when the place is gone otherwise.
func (l *Locker) Leave(ctx context.Context, text string) (Done, error) {
	if c, ok := parsePermitTicket(text); ok {
		return l.leavePermits(ctx, c)
	}
	a, err := l.redeem(ctx, text)
	switch {
	case errors.Is(err, ErrNoTicket) && l.remembers(a.hold()):
		return l.released(a.request.Name, a.place(), Token(a.stat.Czxid))
	case err != nil:
		return Done{}, err
	}
	return l.remove(ctx, a, false)
}

// redeem finds a ticket's contender. With ErrNoTicket it still returns what the ticket says.
func (l *Locker) redeem(ctx context.Context, text string) (*attempt, error) {
	a, err := parseTicket(text)
	if err != nil {
		return nil, err
	}
	found := false
	err = l.store.Find(ctx, func(t *znode.Tree, revision int64) bool {
		n, ok := a.follow(t)
		if found = ok; !ok {
			return false
		}
		a.session, a.revision = n.Owner(), revision
		if s, ok := t.Session(a.session); ok {
			a.ttl, a.oneShot = s.TTL, s.OneShot
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	if !found {
		if err := l.lost(a.request.Name, a.hold()); err != nil && !errors.Is(err, ErrNotHeld) {
			return a, err
		}
		return a, ErrNoTicket
	}
	return a, nil
}
