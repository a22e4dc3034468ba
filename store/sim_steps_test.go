package store

import (
	"math/rand/v2"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/rules"
	"github.com/lockkeeper/lockkeeper/znode"
)

// The steps of the simulation.
const (
	stepSubmit   = iota // a request without a session
	stepClient          // a client does something
	stepFlush           // a member sends
	stepUp              // a message reaches a writer
	stepDown            // a message reaches a member
	stepNotice          // the end of a stream is noticed
	stepConnect         // a member opens a stream
	stepApply           // a member applies a revision
	stepCommit          // a proposal is committed
	stepDrop            // a proposal is dropped, and said to be
	stepLose            // an outcome is not known; the proposal may be committed later
	stepTell            // an outcome reaches its proposer
	stepRead            // a read index is answered
	stepReadTell        // and the answer told
	stepLead            // leadership is believed or not
	stepTick            // a member's clock ticks
	stepTime            // time goes on
	stepPause           // a member is paused, or goes on
	stepCrash           // a member's process dies and starts again
	stepRound           // the sides of a scene work on
	stepBurst           // some members work well for a moment
	stepWrite           // what waits is written to ZooKeeper connections
	stepPermits         // a client does something at a semaphore
	steps
)

// A profile says how likely each step is.
type profile [steps]int

var evenProfile = profile{
	stepSubmit: 6, stepClient: 10, stepFlush: 10, stepUp: 16, stepDown: 12, stepNotice: 3, stepConnect: 4,
	stepApply: 22, stepCommit: 12, stepDrop: 1, stepLose: 1, stepTell: 10, stepRead: 6, stepReadTell: 6,
	stepLead: 2, stepTick: 8, stepTime: 3, stepPause: 1, stepCrash: 0, stepBurst: 2, stepRound: 2, stepWrite: 5,
}

// with returns a profile with some steps more or less likely.
func (p profile) with(changes map[int]int) profile {
	for step, weight := range changes {
		p[step] = weight
	}
	return p
}

// run sets the scene, with the first seed, and plays a list of steps, each given by a seed of
// its own so that leaving some out leaves the others as they are; then it lets everything come
// to rest.
func run(seeds []uint64, out rules.Out, p profile, begin scene, trace bool) *world {
	w := newWorld(out, p)
	w.warmUp()
	if trace {
		w.trace = []string{}
	}
	if begin != nil {
		w.rng = rand.New(rand.NewPCG(seeds[0], 3))
		w.calm = true
		begin(w)
		w.calm = false
		w.believe()
	}
	for _, seed := range seeds[1:] {
		w.rng = rand.New(rand.NewPCG(seed, 1))
		w.step()
		if w.accident != "" {
			return w
		}
		w.steps++
	}
	w.rest()
	return w
}

func (w *world) step() {
	for range 6 { // a step that changes nothing is drawn again
		if w.tryStep() {
			break
		}
	}
	w.believe()
}

func (w *world) tryStep() bool {
	total := 0
	for _, n := range w.profile {
		total += n
	}
	x := w.rng.IntN(total)
	kind := 0
	for x >= w.profile[kind] {
		x -= w.profile[kind]
		kind++
	}
	n := w.members[w.rng.IntN(len(w.members))]
	if n.paused && kind != stepPause && kind != stepTime && kind != stepLead {
		n.paused = w.rng.IntN(4) != 0 // pauses are mostly short
		return false
	}
	return w.play(kind, n)
}

func (w *world) play(kind int, n *simMember) bool {
	switch kind {
	case stepSubmit:
		w.submit(n)
	case stepClient:
		w.act(w.clients[w.rng.IntN(len(w.clients))], n)
	case stepFlush:
		return w.flush(n)
	case stepUp, stepDown, stepNotice:
		return w.stream(kind)
	case stepConnect:
		if w.streams[n.m.stream] != nil && w.rng.IntN(6) != 0 {
			return false
		}
		w.connect(n, w.target())
	case stepApply:
		return w.applyNext(n)
	case stepCommit, stepDrop, stepLose:
		return w.decide(kind)
	case stepTell:
		return w.tell(n)
	case stepRead, stepReadTell:
		return w.read(n, kind == stepReadTell)
	case stepLead:
		w.changeLeader(n)
	case stepTick:
		w.tick(n)
	case stepTime:
		w.pass(simTimes[w.rng.IntN(len(simTimes))])
	case stepPause:
		n.paused = !n.paused
		w.note("member %d paused: %v", n.id, n.paused)
	case stepCrash:
		w.note("member %d crashes", n.id)
		w.crash(n)
	case stepRound:
		return w.round()
	case stepBurst:
		w.burst(w.some())
	case stepWrite:
		return w.write(n)
	case stepPermits:
		return w.permits(w.clients[w.rng.IntN(len(w.clients))], n)
	}
	return true
}

// changeLeader changes who is believed to lead: mostly one takes over from all others, but
// what is believed need not be consistent.
func (w *world) changeLeader(n *simMember) {
	if w.rng.IntN(5) > 0 {
		for _, o := range w.members {
			o.leader = o == n
		}
	} else {
		n.leader = !n.leader
	}
	w.note("leading: %v %v %v", w.members[0].leader, w.members[1].leader, w.members[2].leader)
}

// stream moves something on a stream that has something to move.
func (w *world) stream(kind int) bool {
	var ready []*simStream
	for _, id := range w.order {
		s := w.streams[id]
		if kind == stepUp && len(s.up) > 0 || kind == stepDown && len(s.down) > 0 || kind == stepNotice && (s.ended || s.gone) {
			ready = append(ready, s)
		}
	}
	if len(ready) == 0 {
		return false
	}
	s := ready[w.rng.IntN(len(ready))]
	switch kind {
	case stepUp:
		w.deliverUp(s)
	case stepDown:
		w.deliverDown(s)
	default:
		w.notice(s)
	}
	return true
}

// warmUp brings a new world to where it works and the sessions are open.
func (w *world) warmUp() {
	w.rest()
	for _, what := range []int{doPing, doMove, doPing, doPing} { // the first opens
		for i, c := range w.clients {
			if c.zk || what == doPing {
				w.do(c, w.members[i%3], what)
			}
		}
		w.rest()
	}
	w.quiet = false
}

var simTimes = []time.Duration{10 * time.Millisecond, 50 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond, 1500 * time.Millisecond}

// pass lets time go on, in small pieces so that no arrival comes late.
func (w *world) pass(d time.Duration) {
	w.note("%v pass", d)
	for end := w.now + d; w.now < end; {
		w.now = min(end, w.now+50*time.Millisecond)
		w.arrive()
		w.believe()
	}
}

// target is who a member takes for the leader.
func (w *world) target() *simMember {
	var leaders []*simMember
	for _, n := range w.members {
		if n.leader {
			leaders = append(leaders, n)
		}
	}
	if len(leaders) == 0 || w.rng.IntN(8) == 0 && !w.quiet {
		return w.members[w.rng.IntN(len(w.members))]
	}
	return leaders[w.rng.IntN(len(leaders))]
}

// submit hands a member a request that has no session.
func (w *world) submit(n *simMember) {
	path := []string{"/a", "/b"}[w.rng.IntN(2)]
	op := znode.Op{Kind: znode.OpCreate, Path: path, ACL: znode.OpenACL}
	if w.rng.IntN(5) < 2 {
		op = znode.Op{Kind: znode.OpDelete, Path: path, Version: -1}
	}
	w.request(n, &znode.Request{Ops: []znode.Op{op}}, func(znode.Outcome, error) {})
}

// decide lets the log decide on a proposal, in whatever order.
func (w *world) decide(kind int) bool {
	if len(w.proposals) == 0 {
		return false
	}
	w.settleProposal(w.rng.IntN(len(w.proposals)), kind)
	return true
}

func (w *world) settleProposal(i, kind int) {
	p := w.proposals[i]
	if kind == stepLose {
		if !p.told {
			p.told = true
			w.note("the outcome of member %d's flight %d is not known", p.from.id, p.flight)
			w.report(p, proposed{err: errSimUnknown})
		}
		return
	}
	w.proposals = append(w.proposals[:i], w.proposals[i+1:]...)
	if kind == stepDrop {
		if !p.told {
			w.note("member %d's flight %d is dropped", p.from.id, p.flight)
			w.report(p, proposed{err: errSimDropped})
		}
		return
	}
	r := w.commit(p)
	w.note("member %d's flight %d: committed %v at %d", p.from.id, p.flight, r.committed, r.revision)
	if !p.told {
		w.report(p, r)
	}
}

func (w *world) report(p *simProposal, r proposed) {
	if p.boot == p.from.boots {
		p.from.outcomes = append(p.from.outcomes, simOutcome{p.flight, r})
	}
}

func (w *world) tell(n *simMember) bool {
	if len(n.outcomes) == 0 {
		return false
	}
	o := n.outcomes[0]
	n.outcomes = n.outcomes[1:]
	w.lead(n)
	n.w.outcome(w.now, o.flight, o.result)
	w.settle(n)
	return true
}

func (w *world) read(n *simMember, tell bool) bool {
	if len(n.reads) == 0 {
		return false
	}
	r := &n.reads[0]
	if !tell {
		if r.value != 0 {
			return false
		}
		r.value, r.failed = w.revision(), !w.quiet && !w.calm && w.rng.IntN(12) == 0
		return true
	}
	if r.value == 0 {
		return false
	}
	var err error
	if r.failed {
		err = errSimUnknown
	}
	id, value := r.id, r.value
	n.reads = n.reads[1:]
	w.lead(n)
	n.w.readDone(w.now, id, value, err)
	w.settle(n)
	return true
}

func (w *world) tick(n *simMember) {
	w.lead(n)
	n.w.tick(w.now)
	w.settle(n)
}

// rest lets everything work again, with one leader, and checks that every request is answered.
func (w *world) rest() {
	w.quiet = true
	for i, n := range w.members {
		n.paused, n.cutOff, n.leader = false, false, i == 0
	}
	due := 0
	for range 200 {
		w.now += 50 * time.Millisecond
		w.burst(w.members, w.members[0])
		busy := false
		for _, n := range w.members {
			busy = busy || len(n.m.outstanding) > 0
		}
		switch {
		case w.accident != "":
			return
		case busy || !w.members[0].w.serving:
		case !w.grantDue():
			return
		default:
			if due++; due > 20 { // long before sessions end, which would hide it
				w.fail("a grant of permits is never made")
				return
			}
		}
	}
	w.fail("requests are not answered although everything works: nobody serves")
}

// some draws members that work well together for a moment, and the one that they take for the
// leader, while the others stand still.
func (w *world) some() (group []*simMember, leader *simMember) {
	for _, n := range w.members {
		if !n.paused && w.rng.IntN(3) > 0 {
			group = append(group, n)
			if n.leader {
				leader = n
			}
		}
	}
	return group, leader
}

// burst lets a group of members work: everything that is under way among them arrives.
func (w *world) burst(group []*simMember, leader *simMember) {
	in := map[*simMember]bool{}
	for _, n := range group {
		in[n] = !n.paused
	}
	for _, n := range append(append([]*simMember(nil), group...), group...) {
		if !in[n] {
			continue
		}
		s := w.streams[n.m.stream]
		if leader != nil && (s == nil || s.ended || s.to != leader || s.toBoot != s.to.boots) {
			w.connect(n, leader)
		}
		w.tick(n)
		w.flush(n)
		for i, tries := 0, 0; i < len(w.proposals) && tries < 20; tries++ {
			p := w.proposals[i]
			if !w.quiet && !in[p.from] {
				i++
				continue
			}
			w.settleProposal(i, stepCommit)
		}
		for i := 0; i < 10 && w.tell(n); i++ {
		}
		for range 6 {
			if !w.quiet && !w.calm && w.rng.IntN(3) == 0 || !w.read(n, false) && !w.read(n, true) {
				break
			}
		}
		w.carry(in)
		for w.accident == "" && (!n.cutOff || w.rng.IntN(8) == 0) && w.applyNext(n) {
		}
		w.write(n)
		w.arrive()
	}
}

// carry delivers what is under way on the streams within a group.
func (w *world) carry(in map[*simMember]bool) {
	for _, id := range append([]streamID(nil), w.order...) {
		s := w.streams[id]
		if !in[s.to] || !in[s.from] {
			continue
		}
		for len(s.up) > 0 && s.toBoot == s.to.boots {
			w.deliverUp(s)
		}
		for len(s.down) > 0 && s.boot == s.from.boots {
			w.deliverDown(s)
		}
		if s.toBoot != s.to.boots {
			s.up = nil
		}
		if s.boot != s.from.boots {
			s.down = nil
		}
		w.notice(s)
	}
}
