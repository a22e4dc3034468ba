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

// permitTicket names a claim on permits: like a lock's ticket, and the session behind it, for when
// the claim is granted its place is gone, and the session and the id in the name tell what it got.
func permitTicket(token Token, path string, session lease.ID) string {
	return strconv.FormatInt(int64(token), 10) + "." + base64.RawURLEncoding.EncodeToString([]byte(path)) + "." + lease.FormatID(session)
}

// parsePermitTicket reads a ticket that is one for permits; false if it is another kind of ticket.
func parsePermitTicket(text string) (c *claim, ok bool, err error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, false, nil
	}
	token, err := strconv.ParseInt(parts[0], 10, 64)
	raw, err2 := base64.RawURLEncoding.DecodeString(parts[1])
	session, err3 := lease.ParseID("ticket", parts[2])
	path := string(raw)
	dir, name := znode.Split(path)
	semaphore, below := znode.Semaphore(dir)
	id, place := permitID(name)
	if err2 == nil && (!below || !place) {
		return nil, false, nil // of a lock
	}
	if err != nil || err2 != nil || err3 != nil || token <= 0 || lockName(semaphore) == "" {
		return nil, true, &lease.InputError{Field: "ticket", Problem: fmt.Sprintf("%.40q is not a ticket", text), Fix: "use the ticket that enqueue returned"}
	}
	return &claim{
		request: PermitRequest{Request: Request{Name: lockName(semaphore)}}, semaphore: semaphore,
		session: session, id: id, path: path, stat: znode.Stat{Czxid: token},
	}, true, nil
}

// permitID returns the id in the name of a permit, or of a place in a semaphore's queue.
func permitID(name string) (id string, ok bool) {
	if id, ok = znode.Lease(name); !ok {
		id, _, ok = znode.PermitWaiter(name)
	}
	return id, ok
}

// redeemPermits finds what a ticket's claim has come to.
func (l *Locker) redeemPermits(ctx context.Context, c *claim) error {
	found := false
	ticketed := Token(c.stat.Czxid)
	err := l.lookFresh(ctx, func(t *znode.Tree, revision int64) bool {
		n, _ := c.look(t)
		if n == nil || n.Czxid() < int64(ticketed) {
			return false
		}
		c.path, c.stat, c.revision, found = n.Path(), n.Stat(), revision, true
		if s, ok := t.Session(c.session); ok {
			c.ttl, c.oneShot = s.TTL, s.OneShot
		}
		return true
	})
	switch {
	case err != nil || found:
		return err
	}
	if err := l.lostPermits(c.request.Name, ticketed); err != nil && !errors.Is(err, ErrNotHeld) {
		return err
	}
	return ErrNoTicket
}

// awaitPermitTicket is Await for a ticket for permits; own says that the client has touches of its
// own.
func (l *Locker) awaitPermitTicket(ctx context.Context, c *claim, wait time.Duration, own bool, begins func(string)) (Hold, error) {
	if err := l.redeemPermits(ctx, c); err != nil {
		return Hold{}, err
	}
	granted, _, err := l.turn(ctx, c.waiting(), wait, false, c.begins(begins))
	if err != nil {
		return Hold{}, err
	}
	if granted && !own {
		if err := l.confirmClaim(ctx, c); err != nil {
			return Hold{}, err
		}
	}
	return l.claimed(c)
}

// leavePermits is Leave for a ticket for permits.
func (l *Locker) leavePermits(ctx context.Context, c *claim) (Done, error) {
	token := Token(c.stat.Czxid)
	err := l.redeemPermits(ctx, c)
	switch {
	case errors.Is(err, ErrNoTicket) && l.remembersPermits(c.request.Name, token):
		return l.permitsReleased(c, token)
	case err != nil:
		return Done{}, err
	}
	return l.removePermits(ctx, c)
}

// aheadForPermits is Ahead for a ticket for permits. Whoever stands first waits for permits, not for
// somebody: position is 1.
func (l *Locker) aheadForPermits(c *claim) (position int, holder Contender, ok bool) {
	var first sighting
	l.store.View(func(t *znode.Tree, _ int64) {
		n, held := c.look(t)
		if ok = n != nil; !ok || held {
			return
		}
		position = permitPosition(t, n)
		if leases, some := t.Get(znode.SemaphoreLeases(c.semaphore)); some {
			for n := range leases.Children() {
				first = sightPermits(t, n, 0, 0)
				break
			}
		}
	})
	if first.path != "" {
		holder = first.contender()
	}
	return position, holder, ok
}
