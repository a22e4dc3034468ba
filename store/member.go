package store

import (
	"time"

	"github.com/lockkeeper/lockkeeper/internal/rules"
	"github.com/lockkeeper/lockkeeper/store/record"
	"github.com/lockkeeper/lockkeeper/znode"
)

// A member is the side that owns requests: it numbers them, sends them to the writer, sends
// them again after a change of writer, and takes their answers from the log. The leader's own
// requests go through a member too. It is a state machine like [writer], and not safe for
// concurrent use.
type member struct {
	self        uint64
	incarnation uint64 // never used before, restarts included
	out         rules.Out

	next        uint64
	outstanding []*pending // in order of their numbers, oldest first
	byNumber    map[uint64]*pending
	unsent      int // index into outstanding: from here on not sent over this stream

	stream   streamID // the newest one; 0: none
	welcomed bool
	await    int64 // the opening's revision: nothing is sent before the tree has it
	revision int64 // the tree's

	touches memberTouches
}

// A pending request waits for its answer.
type pending struct {
	request *znode.Request
	size    int  // of the request, in bytes, about
	sent    bool // over any stream, ever: from then on its outcome is unknown until it is known
	done    func(znode.Outcome, error)
}

// memberTouches are the sessions heard from since the last round, and the rounds on their way.
type memberTouches struct {
	want   map[znode.SessionID]struct{}
	round  uint64
	flying []memberRound
}

type memberRound struct {
	round    uint64
	sent     time.Duration
	sessions []znode.SessionID
}

// A confirmed touch: the writer recorded it, and it counts from sent.
type confirmed struct {
	session znode.SessionID
	sent    time.Duration
}

func newMember(self, incarnation uint64, out rules.Out) *member {
	return &member{
		self: self, incarnation: incarnation, out: out,
		byNumber: map[uint64]*pending{},
		touches:  memberTouches{want: map[znode.SessionID]struct{}{}},
	}
}

// submit takes a request. done is called once, with its outcome or an error that says why the
// outcome is not known.
func (m *member) submit(r *znode.Request, done func(znode.Outcome, error)) *pending {
	p := &pending{request: r, size: requestSize(r), done: done}
	m.take(p)
	return p
}

// take is submit for a request that has been wrapped already.
func (m *member) take(p *pending) {
	m.next++
	p.request.ID = znode.RequestID{Member: m.self, Incarnation: m.incarnation, Number: m.next}
	m.outstanding = append(m.outstanding, p)
	m.byNumber[m.next] = p
}

// withdraw takes a request back. It reports false when the request has been sent: then it may
// happen still.
func (m *member) withdraw(p *pending) bool {
	if p.sent {
		return false
	}
	for i, q := range m.outstanding {
		if q == p {
			m.remove(i)
			return true
		}
	}
	return true
}

func (m *member) remove(i int) {
	delete(m.byNumber, m.outstanding[i].request.ID.Number)
	if i == 0 {
		m.outstanding[0] = nil
		m.outstanding = m.outstanding[1:]
	} else {
		m.outstanding = append(m.outstanding[:i], m.outstanding[i+1:]...)
	}
	if i < m.unsent {
		m.unsent--
	}
}

// touch notes that a session was heard from.
func (m *member) touch(id znode.SessionID) { m.touches.want[id] = struct{}{} }

// connected tells that a new stream to a writer is being opened.
func (m *member) connected(id streamID) (hello record.Hello) {
	m.stream, m.welcomed, m.unsent = id, false, 0
	m.requeueTouches()
	return record.Hello{Member: m.self, Incarnation: m.incarnation}
}

// welcome tells that the writer has answered a stream's opening. What the log at the welcome's
// revision does not show will never be in it by an older stream.
func (m *member) welcome(id streamID, w record.Welcome) {
	if id != m.stream {
		return
	}
	m.welcomed, m.await, m.unsent = true, w.Revision, 0
}

// disconnected tells that a stream has ended.
func (m *member) disconnected(id streamID) {
	if id == m.stream {
		m.stream, m.welcomed = 0, false
		m.requeueTouches()
	}
}

// requeueTouches puts the sessions of rounds that were not confirmed back into the next round.
func (m *member) requeueTouches() {
	for _, r := range m.touches.flying {
		for _, s := range r.sessions {
			m.touch(s)
		}
	}
	m.touches.flying = nil
}

func (m *member) live() bool {
	return m.stream != 0 && m.welcomed && (m.revision >= m.await || m.out.ResendAtOnce)
}

// forwardBytes is the size at which a message is full, unless one request alone is larger.
const forwardBytes = 4 << 20

// forward returns what is to be sent now, if anything. limit bounds the requests of a message.
func (m *member) forward(now time.Duration, touches bool, limit int) (record.Forward, bool) {
	var f record.Forward
	if !m.live() {
		return f, false
	}
	if touches && len(m.touches.want) > 0 {
		t := &m.touches
		t.round++
		r := memberRound{round: t.round, sent: now, sessions: make([]znode.SessionID, 0, len(t.want))}
		for s := range t.want {
			r.sessions = append(r.sessions, s)
		}
		clear(t.want)
		t.flying = append(t.flying, r)
		f.Touch = record.Touch{Round: r.round, Sessions: r.sessions}
	}
	size := 0
	for m.unsent < len(m.outstanding) && len(f.Requests) < limit && size < forwardBytes {
		p := m.outstanding[m.unsent]
		p.sent = true
		size += p.size
		f.Requests = append(f.Requests, *p.request)
		m.unsent++
	}
	return f, f.Touch.Round != 0 || len(f.Requests) > 0
}

// more reports whether forward, asked again, would send more requests.
func (m *member) more() bool { return m.live() && m.unsent < len(m.outstanding) }

// confirm takes the writer's word that a round is confirmed, and returns the sessions whose
// touch it was. Only the newest stream is believed.
func (m *member) confirm(id streamID, c record.Confirm) []confirmed {
	if id != m.stream {
		return nil
	}
	t := &m.touches
	for i, r := range t.flying {
		if r.round != c.Round {
			continue
		}
		t.flying = append(t.flying[:i], t.flying[i+1:]...)
		return r.except(c.Dropped)
	}
	return nil
}

func (r *memberRound) except(dropped []znode.SessionID) []confirmed {
	list := make([]confirmed, 0, len(r.sessions))
	skip := make(map[znode.SessionID]struct{}, len(dropped))
	for _, d := range dropped {
		skip[d] = struct{}{}
	}
	for _, s := range r.sessions {
		if _, ok := skip[s]; !ok {
			list = append(list, confirmed{session: s, sent: r.sent})
		}
	}
	return list
}

// applied tells what the tree has reached, and the outcomes of this incarnation's requests
// there. It returns the touches that count as confirmed by it: none, unless a rule is out.
func (m *member) applied(a *appliedRevision) (rest []confirmed) {
	m.revision = a.revision
	for i := range a.outcomes {
		m.answer(&a.outcomes[i])
	}
	if m.out.ConfirmFromLog && a.hasBatch {
		for _, r := range m.touches.flying {
			rest = append(rest, r.except(nil)...)
		}
		m.touches.flying = nil
	}
	return rest
}

func (m *member) answer(o *znode.Outcome) {
	p := m.byNumber[o.ID.Number]
	if p == nil {
		return // given up after a gap
	}
	for i, q := range m.outstanding {
		if q == p {
			m.remove(i)
			break
		}
	}
	p.done(*o, nil)
}

// refused exists for the simulation: a refusal that came over a stream.
func (m *member) refused(id streamID, o znode.Outcome) {
	if (id == m.stream || m.out.HearOldRefusals) && o.ID.Incarnation == m.incarnation {
		m.answer(&o)
	}
}

// forget ends every request with err: the tree was rebuilt, and what happened to them in
// between cannot be told.
func (m *member) forget(err error) {
	for _, p := range m.outstanding {
		p.done(znode.Outcome{}, err)
	}
	m.outstanding, m.unsent = nil, 0
	clear(m.byNumber)
	m.stream, m.welcomed = 0, false
	m.requeueTouches()
}
