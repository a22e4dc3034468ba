package store

import (
	"time"

	"github.com/lockkeeper/lockkeeper/znode"
)

// A scene is where a run begins: the situation from which an accident is near if there is one.
// What follows is drawn at random as always.
type scene func(w *world)

// held: a REST client holds, through the writer, and stays with that member.
func held(w *world) { w.hold(w.clients[0], w.members[0]) }

// zkHeld: a ZooKeeper client holds, connected to the writer.
func zkHeld(w *world) { w.hold(w.clients[2], w.members[0]) }

// hold lets a client get the lock through a member; the first one leads.
func (w *world) hold(c *simClient, n *simMember) {
	c.home, c.silent = n, false
	for range 40 {
		if c.holds && w.now < c.lapse() || w.accident != "" {
			return
		}
		switch {
		case !c.open, c.zk && c.at != n:
			w.do(c, n, doMove)
		case c.busy:
		default:
			w.do(c, n, doPing)
			w.do(c, n, doAcquire)
		}
		w.works(w.members, w.members[0])
	}
}

// alive lets time pass while all sessions but those of one client are kept alive at a member.
func (w *world) alive(n *simMember, d time.Duration, but *simClient) {
	for end := w.now + d; w.now < end; {
		w.pass(min(250*time.Millisecond, end-w.now))
		for _, c := range w.clients {
			if c != but {
				n.m.touch(c.id)
			}
		}
		w.burst([]*simMember{n}, n)
		w.burst([]*simMember{n}, n)
	}
}

// works lets a group work for a moment, with a little time.
func (w *world) works(group []*simMember, leader *simMember) {
	w.pass(20 * time.Millisecond)
	w.burst(group, leader)
}

// deposed: the holder's member led, and believes it still; the others have another leader, and
// nothing of theirs has reached it.
func deposed(w *world) {
	held(w)
	w.depose()
}

// zkDeposed: the same with a ZooKeeper client that holds; a watch of its fires late.
func zkDeposed(w *world) {
	zkHeld(w)
	w.depose()
	x, y, c := w.members[0], w.members[1], w.clients[2]
	w.alive(y, 1300*time.Millisecond, c)
	w.do(c, x, doEvent)
	w.write(x)
	w.alive(y, 2200*time.Millisecond, c)
	w.clients[1].silent = false
}

func (w *world) depose() {
	x, y := w.members[0], w.members[1]
	x.cutOff, y.leader = true, true
	others := w.members[1:]
	for range 3 {
		w.works(others, y)
	}
	for _, c := range w.clients {
		if c.home != x {
			c.home, c.silent = y, true
		}
	}
	w.sides = []side{{[]*simMember{x}, x}, {others, y}}
}

// deposedReading: the same, with a read index of the deposed one under way since before.
func deposedReading(w *world) {
	held(w)
	x := w.members[0]
	x.m.touch(w.clients[1].id)
	w.flush(x)
	w.carry(map[*simMember]bool{x: true})
	w.read(x, false)
	w.depose()
	w.late(func() { w.read(x, true) })
}

// late: what the holder sends a good while after the takeover reaches the deposed leader, then
// finish happens there, and the others go on without having heard of the holder.
func (w *world) late(finish func()) {
	x, y, c := w.members[0], w.members[1], w.clients[0]
	w.alive(y, 1200*time.Millisecond, c)
	w.do(c, x, doPing)
	w.flush(x)
	w.carry(map[*simMember]bool{x: true})
	finish()
	w.carry(map[*simMember]bool{x: true})
	w.alive(y, 2200*time.Millisecond, c)
	w.clients[1].silent = false
}

// deposedIdle: the deposed leader's read index is answered, and its tree has reached it, which
// shows the new epoch and nothing else.
func deposedIdle(w *world) {
	deposed(w)
	x := w.members[0]
	w.late(func() {
		w.read(x, false)
		w.read(x, true)
		for w.applyNext(x) {
		}
		x.leader = false
	})
	w.sides = w.sides[1:]
}

// deposedCommitting: the same, with a batch of the deposed one committed that it has not seen.
func deposedCommitting(w *world) {
	held(w)
	x := w.members[0]
	w.submit(x)
	w.flush(x)
	w.carry(map[*simMember]bool{x: true})
	for len(w.proposals) > 0 {
		w.settleProposal(0, stepCommit)
	}
	w.depose()
	w.late(func() { w.applyNext(x) })
}

// slowTakeover: another leader has proposed its epoch, which does not get through for long;
// meanwhile all sessions are kept alive at the old one, the holder's to the last.
func slowTakeover(w *world) {
	held(w)
	x, y, c := w.members[0], w.members[1], w.clients[0]
	w.works(w.members, x)
	y.leader = true
	w.tick(y)
	for range 6 {
		w.alive(x, 650*time.Millisecond, c)
		w.do(c, x, doPing)
		w.burst([]*simMember{x}, x)
		w.burst([]*simMember{x}, x)
	}
	x.leader = false
	w.clients[1].home, w.clients[1].silent = y, false
	w.sides = []side{{w.members[1:], y}}
	w.works(w.members[1:], y)
}

// closing: the holder has been silent for longer than its TTL, and its close is on its way.
func closing(w *world) {
	held(w)
	x, c := w.members[0], w.clients[0]
	w.alive(x, simTTL+250*time.Millisecond, c)
	w.pass(250 * time.Millisecond)
	w.tick(x)
}

// closedInVain: the same, but the close never gets through; another leads, and the silent one
// is back in time; then the first leads again.
func closedInVain(w *world) {
	closing(w)
	x, y, c := w.members[0], w.members[1], w.clients[0]
	w.proposals = nil
	x.leader, y.leader = false, true
	w.tick(x)
	for range 4 {
		w.works(w.members[1:], y)
		w.do(c, y, doPing)
	}
	w.works(w.members[1:], y)
	c.home, w.clients[1].home = y, x
	x.leader, y.leader = true, false
	w.sides = []side{{w.members, x}}
}

// kept: what a member has asked for waits at the writer behind a batch when another takes over
// unseen, and does it.
func kept(w *world) {
	y, z := w.members[1], w.members[2]
	for range 2 {
		w.request(z, &znode.Request{Ops: []znode.Op{{Kind: znode.OpCreate, Path: "/s-", Sequential: true, ACL: znode.OpenACL}}}, func(znode.Outcome, error) {})
		w.flush(z)
		for s := w.streams[z.m.stream]; s != nil && len(s.up) > 0; {
			w.deliverUp(s)
		}
	}
	y.leader = true
	for range 3 {
		w.works([]*simMember{y, z}, y)
	}
}

// lateReply: a ZooKeeper client that holds hears a last word as late as can be, and falls silent.
func lateReply(w *world) {
	zkHeld(w)
	x, c := w.members[0], w.clients[2]
	w.alive(x, 800*time.Millisecond, nil)
	w.do(c, x, doPing)
	w.works(w.members, x)
	w.works(w.members, x)
	w.alive(x, simTTL/3-90*time.Millisecond, c)
	w.do(c, x, doEvent)
	w.write(x)
	c.silent, c.home = true, x
	w.alive(x, 2050*time.Millisecond, c)
	w.clients[1].home = x
	w.sides = []side{{w.members, x}}
}

// lateConfirm: a holder's touch was confirmed by the writer long before its member hears it.
func lateConfirm(w *world, c *simClient) {
	x, z := w.members[0], w.members[2]
	w.hold(c, z)
	w.do(c, z, doPing)
	w.flush(z)
	s := w.streams[z.m.stream]
	for len(s.up) > 0 {
		w.deliverUp(s)
	}
	w.alive(x, simTTL*5/6, c)
	for len(s.down) > 0 {
		w.deliverDown(s)
	}
	w.write(z)
	w.clients[1].home = x
	w.sides = []side{{w.members[:2], x}}
}

func restLateConfirm(w *world) { lateConfirm(w, w.clients[0]) }
func zkLateConfirm(w *world)   { lateConfirm(w, w.clients[2]) }

// A side is a group that works while the others are cut off from it, and its leader.
type side struct {
	group  []*simMember
	leader *simMember
}

// round lets each side of a scene work on for a moment.
func (w *world) round() bool {
	if w.sides == nil {
		return false
	}
	w.pass(time.Duration(100+w.rng.IntN(300)) * time.Millisecond)
	for _, c := range w.clients {
		if c.home != nil && !c.home.paused {
			w.act(c, c.home)
		}
	}
	for _, s := range w.sides {
		w.burst(s.group, s.leader)
	}
	return true
}

// moved: the holder counts with a longer TTL, and is silent for longer than the one before.
func moved(w *world) {
	held(w)
	x, c := w.members[0], w.clients[0]
	for i := 0; i < 8 && c.ttl == simTTL; i++ {
		w.do(c, x, doMove)
		w.works(w.members, x)
	}
	w.quietHolder(simTTL + 400*time.Millisecond)
}

// silent: the holder's touch is answered; then it is silent for less than its TTL.
func silent(w *world) {
	held(w)
	w.quietHolder(1700 * time.Millisecond)
}

func (w *world) quietHolder(d time.Duration) {
	x, c := w.members[0], w.clients[0]
	w.do(c, x, doPing)
	w.works(w.members, x)
	w.works(w.members, x)
	w.alive(x, d, c)
	w.clients[1].home, w.clients[1].silent = x, false
	w.sides = []side{{w.members, x}}
}

// deposedBehind: the deposed leader's read index is answered; its tree has not reached it.
func deposedBehind(w *world) {
	deposed(w)
	x := w.members[0]
	w.late(func() {
		w.read(x, false)
		w.read(x, true)
		x.leader = false
	})
	w.sides = w.sides[1:]
}

// leadingAgain: a member leads again that led before; the holder has lived at another since, for
// longer than its TTL, and was heard of there a moment ago.
func leadingAgain(w *world) {
	held(w)
	x, y, c := w.members[0], w.members[1], w.clients[0]
	x.leader, y.leader = false, true
	for range 3 {
		w.works(w.members, y)
	}
	w.alive(y, simTTL+time.Second, nil)
	w.do(c, y, doPing)
	for range 2 {
		w.works(w.members, y)
	}
	x.leader, y.leader = true, false
	c.home, c.silent = y, true
	w.clients[1].home, w.clients[1].silent = x, false
	w.sides = []side{{w.members, x}}
}
