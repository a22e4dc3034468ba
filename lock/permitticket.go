package lock

import (
	"context"
	"errors"
	"time"

	"github.com/lockkeeper/lockkeeper/znode"
)

// parsePermitTicket reads a ticket that is one for permits: that of a place says by the session and
// the id in the name what it has got when the place is gone. false: it is another kind of ticket.
func parsePermitTicket(text string) (c *claim, ok bool) {
	token, path, session, err := readTicket(text)
	dir, name := znode.Split(path)
	semaphore, below := znode.Semaphore(dir)
	id, place := permitID(name)
	if err != nil || session == 0 || !below || !place {
		return nil, false
	}
	return &claim{
		request: PermitRequest{Request: Request{Name: lockName(semaphore)}}, semaphore: semaphore,
		session: session, id: id, path: path, stat: znode.Stat{Czxid: int64(token)},
	}, true
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
	ticketed := c.hold()
	err := l.store.Find(ctx, func(t *znode.Tree, revision int64) bool {
		n, _ := c.look(t)
		if n == nil || n.Czxid() < int64(ticketed.token) {
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
	if err := l.lost(c.request.Name, ticketed); err != nil && !errors.Is(err, ErrNotHeld) {
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
		if c.sent, err = l.confirm(ctx, c.session); err != nil {
			return Hold{}, err
		}
	}
	return l.claimed(c)
}

// leavePermits is Leave for a ticket for permits.
func (l *Locker) leavePermits(ctx context.Context, c *claim) (Done, error) {
	hold := c.hold()
	err := l.redeemPermits(ctx, c)
	switch {
	case errors.Is(err, ErrNoTicket) && l.remembers(hold):
		return l.released(c.request.Name, c.place(), hold.token)
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
