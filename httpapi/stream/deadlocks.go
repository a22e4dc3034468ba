package stream

import (
	"errors"
	"math"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
)

// What one chain or cycle may have of an answer: one that is longer is cut.
const (
	maxLinks     = 256
	maxLinkBytes = 16 << 10
)

// fewCycles is how many cycles a DEADLOCKS that names no limit is answered with.
const fewCycles = 16

func (s *stream) deadlocks(j *job) error {
	limit := fewCycles
	if j.request.Limit > 0 {
		limit = s.pageLimit(&j.request)
	}
	fresh, done, err := s.largeAnswer(j, math.MaxInt) // it looks at every wait, however few it answers
	if err != nil {
		return err
	}
	defer done()
	d, err := s.door.cfg.Locks.Deadlocks(j, limit, fresh)
	if err != nil {
		return err
	}
	a := &j.answer
	a.Total, a.Limit, a.Revision = int64(d.Total), int64(d.Limit), d.Revision
	room := s.door.limits.MaxFrameBytes / 2
	for i := range d.Cycles {
		c := &d.Cycles[i]
		list := linksOf(c.Links)
		for k := range list {
			list[k].Cycle, list[k].Actors = int64(i+1), int64(c.Actors)
			room -= sizeOf(&list[k])
		}
		if room < 0 && i > 0 {
			break
		}
		a.Links = append(a.Links, list...)
	}
	return nil
}

func (s *stream) blockers(j *job) error {
	f := &j.request
	if err := errors.Join(s.name(f.Name), within("ticket", len(f.Ticket), 2*s.door.limits.MaxNameBytes)); err != nil {
		return err
	}
	c, err := s.door.cfg.Locks.Blockers(j, f.Name, lease.ID(f.Session), f.Ticket, lock.Read{Linearizable: true})
	if err != nil {
		return err
	}
	a := &j.answer
	a.Name, a.Limit, a.Revision, a.Links = c.Name, int64(c.Limit), c.Revision, linksOf(c.Links)
	if n := len(a.Links); c.Cycle && n == len(c.Links) {
		a.Links[n-1].Closes = true
	}
	return nil
}

// linksOf describes the links of a chain or a cycle, as many as one answer tells.
func linksOf(list []lock.Link) []wire.Link {
	var made []wire.Link
	room := maxLinkBytes
	for i := range list[:min(len(list), maxLinks)] {
		k := &list[i]
		link := wire.Link{
			Session: uint64(k.Session), Owner: k.Owner, Door: k.Door,
			Holds: k.Holds.Name, HoldsToken: int64(k.Holds.Token), HoldsState: stateOf(k.Holds.State), HoldsSinceMS: unixMillis(k.Holds.Since),
			Waits: k.Waits.Name, WaitsToken: int64(k.Waits.Token), WaitsSinceMS: unixMillis(k.Waits.Since),
		}
		if room -= sizeOf(&link); room < 0 {
			break
		}
		made = append(made, link)
	}
	return made
}

// sizeOf is about how many bytes a link takes.
func sizeOf(k *wire.Link) int { return 100 + len(k.Owner) + len(k.Door) + len(k.Holds) + len(k.Waits) }
