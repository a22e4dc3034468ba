package stream

import (
	"github.com/lockkeeper/lockkeeper/httpapi/wire"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/znode"
)

// An attachment is the stream that a session is attached to, and its generation.
type attachment struct {
	stream     *stream
	generation int64
}

// attached is what a stream knows of a session. A closing one is being closed by its client, who
// need not be told.
type attached struct {
	generation int64
	closing    bool
}

var (
	_ lease.Follower = (*Door)(nil)
	_ lock.Follower  = (*Door)(nil)
)

// SessionEnded is part of lease.Follower.
func (d *Door) SessionEnded(id lease.ID, cause lease.Cause) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if at, ok := d.attached[id]; ok {
		d.dropLocked(id, at, &wire.Frame{Kind: wire.SessionLost, Session: uint64(id), Cause: string(cause)})
	}
}

// SessionMoved is part of lease.Follower.
func (d *Door) SessionMoved(id lease.ID, owner znode.Owner) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if at, ok := d.attached[id]; ok && owner.Generation > at.generation {
		d.dropLocked(id, at, &wire.Frame{Kind: wire.Detached, Session: uint64(id)})
	}
}

// dropLocked detaches a session and tells the stream why.
func (d *Door) dropLocked(id lease.ID, at attachment, why *wire.Frame) {
	delete(d.attached, id)
	s := at.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.sessions[id]
	delete(s.sessions, id)
	if !a.closing {
		s.pushFrameLocked(why)
	}
}

// HoldLost is part of lock.Follower.
func (d *Door) HoldLost(session lease.ID, e *lock.HoldLostError) {
	d.mu.Lock()
	defer d.mu.Unlock()
	at, ok := d.attached[session]
	if !ok {
		return
	}
	s := at.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.flying) > 0 {
		if len(s.lost) >= lostKept {
			s.closeLocked(wire.CloseRebuilt, "more was lost than is kept")
		}
		s.lost[int64(e.Token)] = struct{}{}
	}
	s.pushFrameLocked(&wire.Frame{
		Kind: wire.HoldLost, Session: uint64(session), Name: e.Name, Token: int64(e.Token), Cause: e.Cause, Reason: e.Reason,
	})
}

// lostKept is how many lost tokens a stream remembers until it has no request in flight: an answer
// made before must not say of them that they are held.
const lostKept = 1 << 14

// Rebuilt is part of lock.Follower: streams end, so that their clients attach anew and look what
// they hold.
func (d *Door) Rebuilt() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for s := range d.streams {
		s.close(wire.CloseRebuilt, "this member has missed a part of the log")
	}
}

// attach notes that a session is attached to s. It reports false where another stream has it by
// a later generation, or s is over.
func (s *stream) attach(id lease.ID, generation int64) bool {
	d := s.door
	d.mu.Lock()
	defer d.mu.Unlock()
	at, ok := d.attached[id]
	switch {
	case ok && at.generation > generation:
		return false
	case ok && at.stream != s:
		d.dropLocked(id, at, &wire.Frame{Kind: wire.Detached, Session: uint64(id)})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return false
	}
	d.attached[id] = attachment{stream: s, generation: generation}
	s.sessions[id] = attached{generation: generation}
	return true
}

// detach undoes attach, if the session is still attached so.
func (s *stream) detach(id lease.ID, generation int64) {
	d := s.door
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.attached[id] != (attachment{stream: s, generation: generation}) {
		return
	}
	delete(d.attached, id)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, id)
}

// detachAll forgets the sessions of a stream that is over. They live on until their TTL has
// passed, or are attached again.
func (s *stream) detachAll() {
	d := s.door
	d.mu.Lock()
	defer d.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.sessions {
		if d.attached[id].stream == s {
			delete(d.attached, id)
		}
	}
	clear(s.sessions)
}
