package barrier

import (
	"context"
	"errors"
	"time"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/znode"
)

// An Exit asks to leave a double barrier.
type Exit struct {
	Name       string
	ID         string // the participant's, as Enter answered it
	Session    lease.ID
	Generation int64 // of the attachment it came over; 0: not checked
	// Begins, if not nil, is called once if Leave has to wait. It must not block.
	Begins func()
}

// Leave leaves a double barrier and waits until all others have left: not at all when wait is 0,
// without limit when it is negative. The participant is out in any case; its Place says how many are
// still there, 0 when all have left. If ctx ends first the error is its cause, and the participant
// leaves all the same. A participant that has left before waits for the others only, and is answered
// as Repeated. The last one to leave closes the barrier for the next round.
//
// As in Curator, the participant whose name is lowest stays until it is the last, so that clients of
// Curator wait for everybody. A session that was made for one participant ends with it.
func (b *Barriers) Leave(ctx context.Context, x Exit, wait time.Duration) (Place, error) {
	dir, err := path(x.Name)
	if err != nil {
		return Place{}, err
	}
	switch {
	case x.ID == "":
		return Place{}, &lease.InputError{Field: "id", Problem: "is missing", Fix: "give the one that enter answered"}
	case x.Session == 0:
		return Place{}, &lease.InputError{Field: "session", Problem: "is missing", Fix: "give the one that enter answered"}
	}
	if err := checkID(dir, x.ID); err != nil {
		return Place{}, err
	}
	e := &entrant{Entry: Entry{Name: x.Name, ID: x.ID, Session: x.Session, Generation: x.Generation}, dir: dir, path: znode.Join(dir, x.ID), ready: znode.Join(dir, readyName)}
	if err := b.find(ctx, e); err != nil {
		return Place{}, err
	}
	w := b.watch(dir, leaving, e.path)
	defer b.unwatch(dir, w)
	c := newClock(wait)
	defer c.stop()
	if e.oneShot && e.czxid != 0 {
		c.keeping(e.ttl, func() { b.store.Touch(e.Session, false) })
	}
	if err := b.depart(ctx, e, w, c, x.Begins); err != nil {
		return Place{}, err
	}
	if e.oneShot {
		if _, err := b.sessions.Close(ctx, e.Session, znode.Owner{}); err != nil {
			b.closeBehind(e.Session)
		}
	}
	p := Place{Name: x.Name, ID: x.ID, Session: x.Session, OneShot: e.oneShot, Repeated: e.repeated}
	b.store.View(func(t *znode.Tree, revision int64) {
		p.Participants, p.Revision = participants(t, dir), revision
	})
	return p, nil
}

// find finds the participant that is to leave. It may have left before.
func (b *Barriers) find(ctx context.Context, e *entrant) error {
	if _, err := b.sessions.Attached(e.Session, e.Generation); err != nil {
		return err
	}
	// What others have done before must be seen: whoever has entered is to be waited for.
	if err := b.store.Sync(ctx); err != nil {
		return err
	}
	foreign, alive := false, false
	b.store.View(func(t *znode.Tree, revision int64) {
		e.revision = revision
		if s, ok := t.Session(e.Session); ok {
			alive, e.oneShot, e.ttl = true, s.OneShot, s.TTL
		}
		if n, ok := t.Get(e.path); ok {
			foreign = n.Owner() != e.Session
			e.czxid, e.version = n.Czxid(), n.Stat().Version
		}
	})
	switch {
	case foreign:
		return &lease.InputError{Field: "id", Problem: "is that of another session's participant", Fix: "give the id and the session that enter answered"}
	case e.czxid != 0:
		return nil
	case !alive:
		// A session that was made for a participant has ended with it.
		if lost, ok := errors.AsType[*lease.LostError](b.sessions.Lost(e.Session)); ok && lost.Cause != lease.Closed {
			return lost
		}
	}
	e.repeated = true
	return nil
}

// A scene is what somebody who leaves sees.
type scene struct {
	here   bool // the participant itself
	lowest bool
	others int
	ready  bool
}

func (b *Barriers) scene(e *entrant) (s scene) {
	b.store.View(func(t *znode.Tree, _ int64) {
		n, ok := t.Get(e.dir)
		if !ok {
			return
		}
		own, ok := t.Get(e.path)
		s.here = ok && own.Czxid() == e.czxid && e.czxid != 0
		_, s.ready = t.Get(e.ready)
		s.others = participants(t, e.dir)
		if !s.here {
			return
		}
		s.others--
		s.lowest = true
		for c := range n.Children() {
			if c.Path() < e.path && c.Path() != e.ready {
				s.lowest = false
				return
			}
		}
	})
	return s
}

// depart takes the participant out, and waits until the others are, too, or the time is over.
func (b *Barriers) depart(ctx context.Context, e *entrant, w *waiter, c *clock, begins func()) error {
	for {
		s := b.scene(e)
		switch {
		case s.here && (s.others == 0 || !s.lowest || c.none):
			last := s.others == 0
			if err := b.quit(ctx, e); err != nil || last || c.none {
				return err
			}
			continue
		case !s.here && s.others == 0:
			if s.ready { // one of the last has died, or is kazoo's
				_, err := b.store.Do(ctx, &znode.Request{Ops: []znode.Op{{Kind: znode.OpReady, Path: e.ready}}})
				return err
			}
			return nil
		}
		ok, err := c.wait(ctx, w, &begins)
		switch {
		case err != nil:
			switch {
			case s.here:
				e.retry = false // whatever the version: it is to go
				b.leaveBehind(e)
			case e.oneShot:
				b.closeBehind(e.Session)
			}
			return err
		case !ok && !s.here:
			return nil
		}
	}
}

// quit deletes the participant and, where it was the last, what holds the barrier open.
func (b *Barriers) quit(ctx context.Context, e *entrant) error {
	owner, err := b.sessions.Attached(e.Session, e.Generation)
	if err != nil {
		return err
	}
	e.retry = false
	r := e.leaving()
	r.Owner = owner
	out, err := b.store.Do(ctx, r)
	switch {
	case err != nil:
		b.leaveBehind(e)
		return err
	case out.Code == znode.ErrNoNode, out.Code == znode.OK:
		return nil
	}
	return b.codeError(out.Code, e.Session)
}

// A Gathering is a double barrier as everybody sees it.
type Gathering struct {
	Name         string
	Open         bool
	Count        int // for how many it opens; 0 where nobody has said
	Participants []Participant
	Total        int // of the participants; the list may be cut
	Revision     int64
}

// A Participant is one of those at a double barrier, from whichever door.
type Participant struct {
	ID      string
	Session lease.ID // 0: a foreign client's that lives without one
	Count   int      // for how many it waits; 0 where it has not said
	Owner   string
	Door    string
	Since   time.Time // by the writer's clock
}

// Gathering returns a double barrier and up to limit of its participants, in no order that matters.
func (b *Barriers) Gathering(ctx context.Context, name string, limit int, fresh store.Read) (Gathering, error) {
	dir, err := path(name)
	if err != nil {
		return Gathering{}, err
	}
	if err := b.store.Fresh(ctx, fresh); err != nil {
		return Gathering{}, err
	}
	g := Gathering{Name: name}
	type seen struct {
		participant Participant
		data        []byte
	}
	var list []seen
	b.store.View(func(t *znode.Tree, revision int64) {
		g.Revision = revision
		n, ok := t.Get(dir)
		if !ok {
			return
		}
		_, g.Open = t.Get(znode.Join(dir, readyName))
		g.Total = participants(t, dir)
		for c := range n.Children() {
			if c.Name() == readyName {
				continue
			}
			if len(list) == limit {
				break
			}
			list = append(list, seen{Participant{ID: c.Name(), Session: c.Owner(), Since: time.UnixMilli(c.Stat().Ctime)}, c.Data()})
		}
	})
	for _, s := range list {
		note := decodeNote(s.data)
		s.participant.Count, s.participant.Owner, s.participant.Door = note.Count, note.Owner, note.Door
		g.Participants = append(g.Participants, s.participant)
		if g.Count == 0 {
			g.Count = note.Count
		}
	}
	return g, nil
}
