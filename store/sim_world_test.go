package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/rules"
	"github.com/lockkeeper/lockkeeper/lease/deadline"
	"github.com/lockkeeper/lockkeeper/quorum"
	"github.com/lockkeeper/lockkeeper/store/record"
	"github.com/lockkeeper/lockkeeper/znode"
)

// The simulation runs the real writer, member, replica and deadline code of three members in
// one goroutine, over a log in memory. Every step is drawn at random: proposals are committed,
// late or never, their outcomes told or lost; leadership is believed by anybody at any time;
// streams break and their messages arrive late; members pause and restart; time goes on.

// A world is one run.
type world struct {
	rng     *rand.Rand
	out     rules.Out
	profile profile
	now     time.Duration
	calm    bool // while a scene is set: nothing fails
	quiet   bool // the last part of a run: everything works, nothing new begins

	log      []quorum.Revision // log[i] is revision i+2: an empty etcd is at 1
	keys     map[string]simKey
	decided  map[znode.RequestID]decision
	lastDone map[origin]uint64 // highest number decided, by member and incarnation
	moved    map[znode.SessionID]int64
	closed   map[znode.SessionID]bool
	lastZxid int64
	truth    *replica           // has applied the whole log
	existed  map[string][]int64 // revisions at which a path came or went, alternating

	members   []*simMember
	streams   map[streamID]*simStream
	order     []streamID // of streams, for reproducible choices
	lastID    streamID
	proposals []*simProposal
	clients   []*simClient
	requests  map[znode.RequestID]znode.Request
	sessions  znode.SessionID
	sides     []side // of the scene
	grants    int
	permitIDs int
	inUse     int // permits, as of the truth
	arrivals  []arrival
	accident  string
	trace     []string
	steps     int
}

type quorumRevision = quorum.Revision

type simKey struct{ mod, version int64 }

type origin struct{ member, incarnation uint64 }

type decision struct {
	revision int64
	code     znode.Code
}

type simMember struct {
	id       uint64
	rep      *replica
	w        *writer
	m        *member
	leader   bool // what the quorum would say
	paused   bool
	cutOff   bool // from the log, mostly
	boots    uint64
	outcomes []simOutcome
	reads    []simRead
	gate     map[znode.SessionID]time.Duration // last confirmed touch, by its sending
	expect   []simExpect
	writes   []simWrite // what waits to be written to ZooKeeper connections
}

type simOutcome struct {
	flight uint64
	result proposed
}

type simRead struct {
	id     uint64
	value  int64 // 0: not answered yet
	failed bool
}

type simStream struct {
	id       streamID
	from, to *simMember
	boot     uint64
	toBoot   uint64
	up, down []simMessage
	ended    bool // by the writer: the member has not noticed
	gone     bool // by the member or a crash: the writer has not noticed
}

type simMessage struct {
	record.Message
	refused *znode.Outcome
	at      time.Duration // when it was sent, for a clock read too early
}

type simProposal struct {
	from     *simMember
	boot     uint64
	flight   uint64
	txn      quorum.Txn
	told     bool
	takeover bool
}

func newWorld(out rules.Out, p profile) *world {
	w := &world{
		rng: rand.New(rand.NewPCG(0, 0)), out: out, profile: p,
		keys: map[string]simKey{}, decided: map[znode.RequestID]decision{}, lastDone: map[origin]uint64{},
		moved: map[znode.SessionID]int64{}, closed: map[znode.SessionID]bool{}, streams: map[streamID]*simStream{},
		requests: map[znode.RequestID]znode.Request{},
		existed:  map[string][]int64{}, now: time.Hour,
	}
	w.truth = newReplica(w.wall)
	for i := range 3 {
		n := &simMember{id: uint64(i + 1)}
		w.members = append(w.members, n)
		w.boot(n)
	}
	w.setUpClients()
	return w
}

func (w *world) wall() int64 { return w.now.Milliseconds() }

func (w *world) fail(format string, args ...any) {
	if w.accident == "" {
		w.accident = fmt.Sprintf(format, args...)
	}
}

func (w *world) note(format string, args ...any) {
	if w.trace != nil {
		w.trace = append(w.trace, fmt.Sprintf("%8v ", w.now-time.Hour)+fmt.Sprintf(format, args...))
	}
}

// boot starts a member's process, anew after a crash: it reads the tree as it stands.
func (w *world) boot(n *simMember) {
	n.boots++
	incarnation := n.id*1000 + n.boots
	if w.out.SameIncarnation {
		incarnation = n.id * 1000
	}
	n.rep = newReplica(w.wall)
	for _, r := range w.log {
		if _, err := n.rep.apply(r, n.id, 0); err != nil {
			w.fail("member %d cannot read the log: %v", n.id, err)
		}
	}
	n.w = newWriter(n.id, n.rep, deadline.New(w.out), func() record.Identity { return record.Identity{ID: 1} }, w.out)
	n.w.grants = 1 // so that some are left to the next batch
	n.m = newMember(n.id, incarnation, w.out)
	n.m.revision = n.rep.position().Revision
	n.leader, n.paused = false, false
	n.outcomes, n.reads, n.expect, n.writes = nil, nil, nil, nil
	n.gate = map[znode.SessionID]time.Duration{}
}

// crash ends a member's process and starts it again.
func (w *world) crash(n *simMember) {
	for _, s := range w.streams {
		if s.from == n {
			s.gone = true
		}
		if s.to == n {
			s.ended = true
		}
	}
	w.forgetClients(n)
	w.boot(n)
}

// settle carries out what a member's machines want done.
func (w *world) settle(n *simMember) {
	for _, a := range n.w.take() {
		switch a.kind {
		case actPropose:
			w.proposals = append(w.proposals, &simProposal{from: n, boot: n.boots, flight: a.flight, txn: a.txn, takeover: a.takeover})
		case actReadIndex:
			n.reads = append(n.reads, simRead{id: a.read})
		case actSend:
			if s := w.streams[a.stream]; s != nil && !s.ended {
				s.down = append(s.down, simMessage{Message: a.message})
			}
		case actRefuse:
			if s := w.streams[a.stream]; s != nil {
				s.down = append(s.down, simMessage{refused: &a.outcome})
			}
		case actEnd:
			if s := w.streams[a.stream]; s != nil {
				s.ended = true
			}
		case actTellClosed:
			if !w.closed[a.session] {
				w.fail("a client of session %d is told 'expired' of a living session", a.session)
			}
		}
	}
}

// lead tells a member's writer what the quorum says, as the engine does before each event.
func (w *world) lead(n *simMember) { n.w.lead(w.now, n.leader) }

// commit applies a proposal to the log, if its guards hold.
func (w *world) commit(p *simProposal) proposed {
	if w.out.GuardReadAgain && !p.takeover && p.boot == p.from.boots {
		p.txn.Guards = []quorum.Guard{quorum.ModRevisionIs(record.GuardKey, p.from.rep.position().GuardRev)}
	}
	for _, g := range p.txn.Guards {
		k := w.keys[g.Key()]
		if !g.Holds(k.mod, k.version) {
			return proposed{revision: w.revision()}
		}
	}
	rev := quorum.Revision{Number: w.revision() + 1}
	for _, op := range p.txn.Ops {
		k := w.keys[op.Key]
		if op.Delete {
			if k.mod == 0 {
				continue
			}
			delete(w.keys, op.Key)
		} else {
			w.keys[op.Key] = simKey{mod: rev.Number, version: k.version + 1}
		}
		rev.Events = append(rev.Events, quorum.Event{Key: op.Key, Value: op.Value, Delete: op.Delete})
	}
	w.log = append(w.log, rev)
	w.check(rev)
	return proposed{committed: true, revision: rev.Number}
}

func (w *world) revision() int64 { return int64(len(w.log)) + 1 }

// applyNext lets a member apply the next revision of the log.
func (w *world) applyNext(n *simMember) bool {
	at := max(n.rep.position().Revision, 1)
	if at >= w.revision() {
		return false
	}
	a, err := n.rep.apply(w.log[at-1], n.id, n.m.incarnation)
	if err != nil {
		w.fail("member %d cannot apply revision %d: %v", n.id, at+1, err)
		return true
	}
	w.note("member %d applies %d", n.id, a.revision)
	if w.out.AnswerUnapplied {
		a.outcomes = nil // they came before
	}
	for _, c := range n.m.applied(a) {
		w.confirmed(n, c)
	}
	w.lead(n)
	n.w.applied(w.now, a)
	w.settle(n)
	return true
}

// connect opens a new stream from a member to whoever it takes for the writer.
func (w *world) connect(n, to *simMember) {
	if s := w.streams[n.m.stream]; s != nil {
		s.gone = true
		n.m.disconnected(s.id)
	}
	w.lastID++
	s := &simStream{id: w.lastID, from: n, to: to, boot: n.boots, toBoot: to.boots}
	hello := n.m.connected(s.id)
	s.up = append(s.up, simMessage{Message: record.Message{Kind: record.HelloKind, Hello: hello}, at: w.now})
	w.streams[s.id] = s
	w.order = append(w.order, s.id)
	w.note("member %d opens stream %d to %d", n.id, s.id, to.id)
}

// flush sends what a member has to send.
func (w *world) flush(n *simMember) bool {
	s := w.streams[n.m.stream]
	if s == nil {
		return false
	}
	f, ok := n.m.forward(w.now, true, 1+w.rng.IntN(3))
	if ok {
		w.note("member %d sends %d requests, touch round %d over stream %d", n.id, len(f.Requests), f.Touch.Round, s.id)
		s.up = append(s.up, simMessage{Message: record.Message{Kind: record.ForwardKind, Forward: f}, at: w.now})
	}
	return ok
}

// deliverUp hands the writer the next message of a stream.
func (w *world) deliverUp(s *simStream) {
	if len(s.up) == 0 || s.to.paused || s.toBoot != s.to.boots {
		return
	}
	m := s.up[0]
	s.up = s.up[1:]
	n := s.to
	w.lead(n)
	now := w.now
	if w.out.ClockBeforeArrival {
		now = m.at - 2*time.Second
	}
	if m.Kind == record.HelloKind {
		w.note("stream %d: hello of member %d reaches %d", s.id, s.from.id, n.id)
		n.w.open(w.now, s.id, m.Hello.Member, m.Hello.Incarnation)
	} else {
		f := m.Forward
		f.Requests = slices.Clone(f.Requests)
		w.note("stream %d: %d requests, round %d reach %d", s.id, len(f.Requests), f.Touch.Round, n.id)
		n.w.receive(now, s.id, &f)
	}
	w.settle(n)
}

// deliverDown hands the member the next message of a stream.
func (w *world) deliverDown(s *simStream) {
	n := s.from
	if len(s.down) == 0 || n.paused || s.boot != n.boots {
		return
	}
	m := s.down[0]
	s.down = s.down[1:]
	switch {
	case m.refused != nil:
		n.m.refused(s.id, *m.refused)
	case m.Kind == record.WelcomeKind:
		w.note("stream %d: welcome at %d reaches member %d", s.id, m.Welcome.Revision, n.id)
		n.m.welcome(s.id, m.Welcome)
	case m.Kind == record.ConfirmKind:
		w.note("stream %d: round %d confirmed to member %d", s.id, m.Confirm.Round, n.id)
		for _, c := range n.m.confirm(s.id, m.Confirm) {
			w.confirmed(n, c)
		}
	}
}

// notice tells one side of a stream that the other has ended it.
func (w *world) notice(s *simStream) {
	if s.ended && s.boot == s.from.boots && !s.from.paused && len(s.down) == 0 {
		s.from.m.disconnected(s.id)
	}
	if s.gone && !s.to.paused && len(s.up) == 0 {
		if s.toBoot == s.to.boots {
			s.to.w.closed(s.id)
		}
		delete(w.streams, s.id)
		w.order = slices.DeleteFunc(w.order, func(id streamID) bool { return id == s.id })
	}
}
