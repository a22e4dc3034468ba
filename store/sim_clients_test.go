package store

import (
	"time"

	"github.com/lockkeeper/lockkeeper/lease/deadline"
	"github.com/lockkeeper/lockkeeper/store/record"
	"github.com/lockkeeper/lockkeeper/znode"
)

// The clients of the simulation hold one lock, the ephemeral znode /lock, by sessions, and
// count for themselves until when they may believe that they hold it: REST clients from the
// sending of the last touch that was answered, ZooKeeper clients from when they last heard
// anything. At no time may two of them believe it.

const (
	simTTL     = 3 * time.Second
	simLongTTL = 9 * time.Second
	simLock    = "/lock"
)

type simClient struct {
	id     znode.SessionID
	zk     bool
	open   bool
	busy   bool // an operation of it has no answer yet
	ttl    time.Duration
	gen    int64 // of its connection
	asked  int64 // the last generation that it has asked for
	owner  znode.Owner
	at     *simMember    // the member that a ZooKeeper client is connected to
	good   time.Duration // REST: when the last answered touch was sent; ZooKeeper: when it last heard
	holds  bool
	silent bool
	home   *simMember // whom it mostly talks to; nil: anybody
	turn   int        // grows when the client gives up waiting for an answer
}

// A simExpect waits at a member for a confirmed touch.
type simExpect struct {
	client *simClient
	from   time.Duration // its arrival
	sent   time.Duration // by the client
}

// A simWrite waits to be written to a ZooKeeper connection.
type simWrite struct {
	id     znode.SessionID
	client *simClient
	gen    int64
	event  bool
	then   func() // what the client does on reading it
}

type arrival struct {
	at    time.Duration
	write simWrite
}

func (w *world) setUpClients() {
	for i := range 4 {
		w.clients = append(w.clients, &simClient{zk: i >= 2})
	}
}

func (c *simClient) lapse() time.Duration {
	if c.zk {
		return c.good + c.ttl*2/3
	}
	return c.good + c.ttl
}

// believe checks that at most one client believes that it holds. A client whose time was over
// believes again when a later touch of its session is answered.
func (w *world) believe() {
	var holder *simClient
	for _, c := range w.clients {
		if !c.holds || w.now >= c.lapse() {
			continue
		}
		if holder != nil {
			w.fail("two holders: sessions %d and %d", holder.id, c.id)
		}
		holder = c
	}
}

// request submits a request through a member and checks its answer.
func (w *world) request(n *simMember, r *znode.Request, then func(znode.Outcome, error)) {
	submitted := w.revision()
	boot := n.boots
	n.m.submit(r, func(o znode.Outcome, err error) {
		if boot != n.boots {
			return // the process that would hear it is gone
		}
		if err == nil {
			w.checkAnswer(n, r, o, submitted)
		}
		then(o, err)
	})
	w.requests[r.ID] = *r
	w.note("member %d takes request %d: session %d, kind %d", n.id, r.ID.Number, r.Session, r.Ops[0].Kind)
}

// checkAnswer holds an answer against the log.
func (w *world) checkAnswer(n *simMember, r *znode.Request, o znode.Outcome, submitted int64) {
	w.note("member %d hears that request %d came to %d", n.id, r.ID.Number, o.Code)
	d, ok := w.decided[r.ID]
	switch {
	case ok && d.code != o.Code:
		w.fail("request %v: answered %d, decided %d", r.ID, o.Code, d.code)
	case ok && n.rep.position().Revision < d.revision:
		w.fail("request %v: answered before its member's tree has it: a read older than the answer", r.ID)
	case !ok && o.Code == znode.OK:
		w.fail("request %v: answered, never decided", r.ID)
	case !ok && o.Code == znode.ErrNodeExists && !w.existedSince(r.Ops[0].Path, submitted):
		w.fail("request %v: a refusal that was never true", r.ID)
	case !ok && o.Code == znode.ErrNoNode && !w.missingSince(r.Ops[0].Path, submitted):
		w.fail("request %v: a refusal that was never true", r.ID)
	}
}

// existedSince reports whether a path existed at some revision from submitted on.
func (w *world) existedSince(path string, submitted int64) bool {
	changes := w.existed[path]
	return len(changes)%2 == 1 || len(changes) > 0 && changes[len(changes)-1] > submitted
}

func (w *world) missingSince(path string, submitted int64) bool {
	changes := w.existed[path]
	return len(changes)%2 == 0 || changes[len(changes)-1] > submitted
}

// confirmed tells a member's clients that a touch is confirmed.
func (w *world) confirmed(n *simMember, c confirmed) {
	n.gate[c.session] = max(n.gate[c.session], c.sent)
	if w.out.ZooKeeperReceipt {
		n.gate[c.session] = w.now
	}
	kept := n.expect[:0]
	for _, e := range n.expect {
		if e.client.id != c.session || e.from > c.sent {
			kept = append(kept, e)
			continue
		}
		e.client.good = max(e.client.good, e.sent)
		if w.out.CountFromAnswer {
			e.client.good = w.now
		}
	}
	n.expect = kept
}

func (w *world) forgetClients(n *simMember) {
	for _, c := range w.clients {
		if c.at == n {
			c.at = nil
		}
		if c.busy {
			c.busy = false // it may have been this member's: never mind, it asks again
		}
	}
}

// What a client can do.
const (
	doPing = iota
	doAcquire
	doRelease
	doMove
	doEvent // a watch of its fires
)

// act lets a client do something through a member. Now and then a client falls silent for a
// while; else who holds mostly keeps its session alive, and who does not wants to hold.
func (w *world) act(c *simClient, n *simMember) {
	x := w.rng.IntN(100)
	if x < 8 {
		c.silent = !c.silent
		w.note("session %d silent: %v", c.id, c.silent)
	}
	if c.home != nil && w.rng.IntN(4) > 0 {
		n = c.home
	}
	if n.paused {
		return
	}
	what := doPing
	switch {
	case c.silent && !(x < 30):
		return
	case c.silent || c.holds && x < 80 || x < 50:
	case x < 55:
		what = doMove
	case x < 60:
		what = doEvent
	case c.holds:
		what = doRelease
	default:
		what = doAcquire
	}
	if c.silent {
		return
	}
	w.do(c, n, what)
}

func (w *world) do(c *simClient, n *simMember, what int) {
	switch {
	case !c.open:
		w.openSession(c, n)
	case c.zk:
		w.actZooKeeper(c, n, what)
	case what == doAcquire:
		w.acquire(c, n, func(o znode.Outcome) { w.grant(c, o.Code) })
	case what == doRelease:
		w.release(c, n)
	case what == doMove:
		w.move(c, n)
	default:
		sent := w.now - time.Duration(w.rng.IntN(3))*100*time.Millisecond
		n.expect = append(n.expect, simExpect{client: c, from: w.now, sent: sent})
		n.m.touch(c.id)
	}
}

func (w *world) grant(c *simClient, code znode.Code) {
	if code == znode.OK {
		c.holds = true
		w.grants++
		w.note("session %d holds", c.id)
	}
}

func (w *world) openSession(c *simClient, n *simMember) {
	if c.busy {
		return
	}
	w.sessions++
	*c = simClient{id: w.sessions, zk: c.zk, ttl: simTTL, busy: true, home: c.home}
	sent := w.now
	id := c.id
	w.request(n, &znode.Request{Ops: []znode.Op{{Kind: znode.OpOpen, Session: znode.Session{ID: id, TTL: simTTL}}}}, func(o znode.Outcome, err error) {
		if c.id != id {
			return
		}
		c.busy = false
		if err == nil && o.Code == znode.OK {
			c.open, c.good = true, sent
		}
	})
}

// acquire creates the lock's znode; got is called when the client's member has the answer.
func (w *world) acquire(c *simClient, n *simMember, got func(znode.Outcome)) {
	if c.busy || c.holds {
		return
	}
	c.busy = true
	id, turn := c.id, c.turn
	w.request(n, &znode.Request{Session: id, Owner: c.owner, Ops: []znode.Op{{
		Kind: znode.OpCreate, Path: simLock, Node: znode.Ephemeral, ACL: znode.OpenACL,
	}}}, func(o znode.Outcome, err error) {
		if c.id != id || c.turn != turn {
			return
		}
		c.busy = false
		if err != nil || w.ended(c, o.Code) {
			return
		}
		got(o)
	})
	if w.rng.IntN(8) == 0 { // it hangs up at once
		c.turn++
		c.busy = false
		w.request(n, &znode.Request{Session: id, Owner: c.owner, Ops: []znode.Op{{Kind: znode.OpClose}}}, func(znode.Outcome, error) {})
		c.open, c.holds = false, false
	}
}

// ended takes a session's end into account.
func (w *world) ended(c *simClient, code znode.Code) bool {
	if code != znode.ErrSessionExpired {
		return false
	}
	if !w.closed[c.id] {
		w.fail("session %d is told 'expired', and lives", c.id)
	}
	c.open, c.holds = false, false
	return true
}

func (w *world) release(c *simClient, n *simMember) {
	if c.busy || !c.holds {
		return
	}
	c.busy, c.holds = true, false
	id, turn := c.id, c.turn
	w.request(n, &znode.Request{Session: id, Owner: c.owner, Ops: []znode.Op{{
		Kind: znode.OpDelete, Path: simLock, Version: -1, Own: true,
	}}}, func(o znode.Outcome, err error) {
		if c.id == id && c.turn == turn {
			c.busy = false
			w.ended(c, o.Code)
		}
	})
}

// move attaches a session to a new connection, with a longer or a shorter TTL.
func (w *world) move(c *simClient, n *simMember) {
	c.turn++ // what it asked for over the connection before, it does not wait for any more
	c.asked++
	c.busy = true
	id, turn, gen, ttl := c.id, c.turn, c.asked, simTTL
	if w.rng.IntN(2) == 0 {
		ttl = simLongTTL
	}
	if ttl < c.ttl {
		c.ttl = ttl // from here on it counts with the shorter one
	}
	owner := znode.Owner{Member: n.id, Generation: gen}
	w.request(n, &znode.Request{Session: id, Ops: []znode.Op{{
		Kind: znode.OpMove, Session: znode.Session{ID: id, Owner: owner, TTL: ttl},
	}}}, func(o znode.Outcome, err error) {
		if c.id != id || c.turn != turn {
			return
		}
		c.busy = false
		if err != nil || w.ended(c, o.Code) || o.Code != znode.OK {
			return
		}
		c.gen, c.owner, c.at, c.ttl = gen, owner, n, ttl
	})
}

func (w *world) actZooKeeper(c *simClient, n *simMember, what int) {
	if c.at == nil || what == doMove {
		if !c.busy || w.rng.IntN(4) == 0 {
			w.move(c, n)
		}
		return
	}
	n, gen, id := c.at, c.gen, c.id
	if n.paused {
		return
	}
	reply := func(event bool, then func()) {
		n.writes = append(n.writes, simWrite{client: c, id: id, gen: gen, event: event, then: then})
	}
	if what != doEvent {
		n.m.touch(c.id)
	}
	switch what {
	case doPing, doEvent:
		reply(what == doEvent, func() {})
	case doAcquire:
		w.acquire(c, n, func(o znode.Outcome) {
			reply(false, func() { w.grant(c, o.Code) })
		})
	case doRelease:
		w.release(c, n)
	}
}

// write writes what waits at a member to ZooKeeper connections, where the session's last
// confirmed touch is young enough.
func (w *world) write(n *simMember) bool {
	if len(n.writes) == 0 {
		return false
	}
	blocked := map[*simClient]bool{}
	var kept []simWrite
	for _, x := range n.writes {
		c := x.client
		if c.at != n || c.id != x.id || c.gen != x.gen || !c.open {
			continue
		}
		age := w.now - n.gate[c.id]
		free := age < c.ttl/3 || x.event && w.out.ZooKeeperEvents || !x.event && w.out.ZooKeeperNoThird
		if blocked[c] || !free {
			blocked[c] = true
			if age > c.ttl*2/3 && n.gate[c.id] != 0 {
				c.at = nil // cut
			}
			kept = append(kept, x)
			continue
		}
		delay := []time.Duration{0, deadline.Grace(c.ttl) / 2, deadline.Grace(c.ttl) - time.Millisecond}[w.rng.IntN(3)]
		w.arrivals = append(w.arrivals, arrival{at: w.now + delay, write: x})
	}
	n.writes = kept
	return true
}

// arrive lets clients read what has reached them by now.
func (w *world) arrive() {
	var kept []arrival
	for _, a := range w.arrivals {
		c := a.write.client
		switch {
		case a.at > w.now:
			kept = append(kept, a)
		case c.open && c.id == a.write.id && c.gen == a.write.gen:
			c.good = max(c.good, a.at)
			a.write.then()
		}
	}
	w.arrivals = kept
}

// check holds a revision of the log against all that must be true of it.
func (w *world) check(rev quorumRevision) {
	for _, e := range rev.Events {
		if e.Key != record.BatchKey {
			continue
		}
		b, err := record.DecodeBatch(e.Value)
		if err != nil {
			w.fail("revision %d: %v", rev.Number, err)
			return
		}
		var last znode.RequestID
		for i := range b.Changes {
			c := &b.Changes[i]
			w.checkChange(rev.Number, c, i > 0 && c.Request == last)
			last = c.Request
		}
	}
	a, err := w.truth.apply(rev, 0, 0)
	if err != nil {
		w.fail("revision %d does not fit the log before it: %v", rev.Number, err)
		return
	}
	w.checkPermits(rev.Number)
	if w.out.AnswerUnapplied && a.hasBatch {
		for _, n := range w.members {
			w.answerEarly(n, rev)
		}
	}
}

// answerEarly answers a member's requests although its tree has not got there.
func (w *world) answerEarly(n *simMember, rev quorumRevision) {
	for id, d := range w.decided {
		if d.revision == rev.Number && id.Member == n.id && id.Incarnation == n.m.incarnation {
			n.m.answer(&znode.Outcome{ID: id, Code: d.code, Results: make([]znode.Result, 1)})
		}
	}
}

func (w *world) checkChange(revision int64, c *znode.Change, same bool) {
	w.note("revision %d: change %d %s session %d by request %v code %d", revision, c.Kind, c.Path, c.Session, c.Request, c.Code)
	if c.Zxid != 0 {
		if c.Zxid < w.lastZxid || c.Zxid == w.lastZxid && !same && c.Request.Member != 0 {
			w.fail("zxid %#x is given twice, or goes back", c.Zxid)
		}
		w.lastZxid = c.Zxid
	}
	switch c.Kind {
	case znode.Created, znode.Deleted:
		w.existed[c.Path] = append(w.existed[c.Path], revision)
	case znode.SessionClosed:
		w.closed[c.Session] = true
	case znode.SessionMoved:
		w.moved[c.Record.ID] = max(w.moved[c.Record.ID], c.Record.Owner.Generation)
	}
	if !c.Last || c.Request.Member == 0 {
		return
	}
	if _, twice := w.decided[c.Request]; twice {
		w.fail("request %v is decided twice", c.Request)
	}
	w.decided[c.Request] = decision{revision, c.Code}
	o := origin{c.Request.Member, c.Request.Incarnation}
	if c.Request.Number < w.lastDone[o] {
		w.fail("request %v is decided after a later one", c.Request)
	}
	w.lastDone[o] = c.Request.Number
	r := w.requests[c.Request]
	if c.Kind != znode.Refused && r.Owner.Generation != 0 && r.Owner.Generation < w.moved[r.Session] {
		w.fail("request %v: a late write of an old connection", c.Request)
	}
}
