package lock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/znode"
)

// AcquireAll asks for several locks at once and returns all of them, in the order of their names,
// or none. All places in all queues are taken in one commit, so requests for several locks stand in
// the same order in every queue that they share, and never wait for each other in a circle. Where
// all locks are free that commit is all. Otherwise it is as [Locker.Acquire]; the error names the
// first lock that was missing. r.Name is not used, and r.Reentrant is refused. r.Begins, if not nil, is
// called for each lock that has to be waited for, one after the other, with its ticket.
func (l *Locker) AcquireAll(ctx context.Context, names []string, r Request, wait time.Duration) ([]Hold, error) {
	names, err := l.several(names)
	if err != nil {
		return nil, err
	}
	if r.Reentrant {
		return nil, &lease.InputError{Field: "reentrant", Problem: "does not go with several locks", Fix: "leave it out, or take the locks one by one in the order of their names"}
	}
	a, err := l.enterAll(ctx, names, r, wait == 0)
	if err != nil {
		return nil, err
	}
	all, begun := append([]*attempt{a}, a.others...), time.Now()
	if err := l.turnAll(ctx, all, wait); err != nil {
		return nil, err
	}
	if !r.OwnTouches && (time.Since(begun) > time.Millisecond || a.sent == 0) {
		if a.sent, err = l.confirm(ctx, a.session); err != nil {
			l.giveUp(a, err)
			return nil, err
		}
	}
	holds := make([]Hold, 0, len(all))
	for _, b := range all {
		b.sent = a.sent
		h, err := l.standing(b)
		if err != nil {
			l.leave(a) // one of them was lost meanwhile: all or none
			return nil, err
		}
		holds = append(holds, h)
	}
	return holds, nil
}

// turnAll waits until all attempts hold; or else it gives all of them up.
func (l *Locker) turnAll(ctx context.Context, all []*attempt, wait time.Duration) error {
	a, begun := all[0], time.Now()
	for _, b := range all {
		// All of them before the first wait: one further on may be what never ends.
		if e := l.closes(b, false); e != nil {
			return l.refuse(ctx, a, e)
		}
		b.checked = true // what it waits for only becomes less
	}
	for _, b := range all {
		left := wait
		if wait > 0 {
			left = max(0, wait-time.Since(begun))
		}
		granted, _, err := l.turn(ctx, b, left, a.oneShot, b.request.Begins)
		if err == nil && granted {
			_, err = l.standing(b) // it may be gone instead
		}
		switch {
		case errors.Is(err, ErrDeadlock):
			return l.refuse(ctx, a, err)
		case err != nil:
			l.giveUp(a, err)
			return err
		case !granted:
			return l.leaveOrHold(ctx, a, l.heldAhead(b))
		}
	}
	return nil
}

// ReleaseAll gives up a session's holds of several locks, in one commit where none of them is gone
// yet. Otherwise it is as [Locker.Release] for each; the first error is returned when all have been
// tried. With a token it is the holds of that token: all that one AcquireAll got have the same.
func (l *Locker) ReleaseAll(ctx context.Context, names []string, r Release) ([]Done, error) {
	names, err := l.several(names)
	if err != nil {
		return nil, err
	}
	if r.Force {
		return nil, &lease.InputError{Field: "force", Problem: "does not go with several locks", Fix: "force them one by one"}
	}
	if dones, ok, err := l.releaseTogether(ctx, names, &r); ok || err != nil {
		return dones, err
	}
	var dones []Done
	var first error
	for _, name := range names {
		r.Name = name
		d, err := l.Release(ctx, r)
		if err != nil && first == nil {
			first = err
		}
		dones = append(dones, d)
	}
	return dones, first
}

// releaseTogether tries to give all up in one commit. It reports false where that cannot be done.
func (l *Locker) releaseTogether(ctx context.Context, names []string, r *Release) ([]Done, bool, error) {
	owner, err := l.sessions.Attached(r.Session, r.Generation)
	if err != nil {
		return nil, false, err
	}
	request := &znode.Request{Session: r.Session, Owner: owner}
	var dones []Done
	whole := true
	err = l.store.Find(ctx, func(t *znode.Tree, _ int64) bool {
		request.Ops, dones, whole = request.Ops[:0], dones[:0], true
		for _, name := range names {
			a := &attempt{request: Request{Name: name}, dir: "/" + name, session: r.Session}
			if !l.find(t, a, r.Token, r.RequestID) || a.oneShot {
				whole = false
				return a.oneShot
			}
			if n, ok := t.Get(a.path); ok && len(entriesOf(n.Data())) > 0 {
				whole = false
				return true
			}
			request.Ops = append(request.Ops, znode.Op{Kind: znode.OpDelete, Path: a.path, Version: -1, Czxid: a.stat.Czxid, Own: true})
			dones = append(dones, Done{Name: name, Token: Token(a.stat.Czxid)})
		}
		return true
	})
	if err != nil || !whole {
		return nil, false, err
	}
	out, err := l.store.Do(ctx, request)
	if err != nil || out.Code != znode.OK {
		return nil, false, err
	}
	for i := range dones {
		dones[i].Revision = out.Revision
	}
	return dones, true, nil
}

// several returns the names in order.
func (l *Locker) several(names []string) ([]string, error) {
	input := func(problem, fix string) error {
		return &lease.InputError{Field: "names", Problem: problem, Fix: fix}
	}
	switch {
	case len(names) == 0:
		return nil, input("is empty", "name at least one lock")
	case len(names) > l.cfg.MaxNames:
		return nil, input(fmt.Sprintf("has %d names; this server takes %d", len(names), l.cfg.MaxNames), "take fewer locks, or one that stands for all")
	}
	names = slices.Clone(names)
	slices.Sort(names)
	for i, name := range names {
		if _, err := Path(name); err != nil {
			return nil, err
		}
		if i > 0 && names[i-1] == name {
			return nil, input(fmt.Sprintf("has %.40q twice", name), "name each lock once")
		}
	}
	return names, nil
}
