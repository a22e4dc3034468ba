package lock

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clock"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/znode"
)

// An attempt is one request for a lock on its way.
type attempt struct {
	request Request
	dir     string // the lock's znode
	session lease.ID
	owner   znode.Owner // the connection it came over; zero: not checked
	ttl     time.Duration
	oneShot bool
	retry   bool // the client can repeat the request: it chose the request id

	id       string // stands in the contender's name
	path     string // the contender's znode
	stat     znode.Stat
	data     []byte
	sent     time.Duration // a confirmed touch counts from here; 0: none yet
	revision int64
	repeated bool
	granted  bool // of a ticket that was waited for

	entry  string     // of a reentrant one: what stands for it among the entries of its contender
	others []*attempt // made in the same request, for other names

	refused bool   // it is, if its wait would close a cycle
	checked bool   // it has been looked whether it does
	why     string // it leaves the queue, told in the event; empty: nothing to tell
	permits bool   // it waits in a semaphore's queue for the writer's grant, whoever is ahead
}

// Acquire asks for a lock and waits for it: not at all when wait is 0, without limit when it is
// negative. When the time runs out the error is a [*HeldError], and the place in the queue is
// given up; so it is when ctx ends. The hold's Deadline counts from a touch of the session that
// was confirmed after the grant or with it, unless the client has touches of its own.
func (l *Locker) Acquire(ctx context.Context, r Request, wait time.Duration) (Hold, error) {
	a, err := l.enter(ctx, r, wait == 0)
	if err != nil {
		return Hold{}, err
	}
	if wait == 0 {
		return l.tried(a)
	}
	return l.await(ctx, a, wait)
}

// Enqueue takes a place in the queue without waiting. The answer's Ticket is for Await and
// Leave; its State says whether the lock is held already.
func (l *Locker) Enqueue(ctx context.Context, r Request) (Hold, error) {
	a, err := l.enter(ctx, r, false)
	if err != nil {
		return Hold{}, err
	}
	h, err := l.standing(a)
	if err == nil && h.State == Waiting {
		if e := l.closes(a, false); e != nil {
			return Hold{}, l.refuse(ctx, a, e)
		}
	}
	return h, err
}

// enter puts a contender into the queue; with try, only if it would hold.
func (l *Locker) enter(ctx context.Context, r Request, try bool) (*attempt, error) {
	return l.enterAll(ctx, []string{r.Name}, r, try)
}

// enterAll puts a contender into the queue of each of the names, all in one request, and returns
// the first one's attempt, which has those of the others.
func (l *Locker) enterAll(ctx context.Context, names []string, r Request, try bool) (*attempt, error) {
	if err := l.validate(&r); err != nil {
		return nil, err
	}
	n := note{Owner: r.Owner, Reason: r.Reason, Metadata: r.Metadata, Door: r.Door}
	id, mark := l.identify(&r)
	if mark != "" {
		n.Entries = []string{mark}
	}
	data, err := r.content(&n)
	if err != nil {
		return nil, err
	}
	a := &attempt{}
	ops := make([]znode.Op, 0, 2*len(names))
	if r.Session == 0 {
		record, err := l.oneShot(ctx, &r, r.Name)
		if err != nil {
			return nil, err
		}
		a.oneShot, r.Session, a.ttl = true, record.ID, record.TTL
		ops = append(ops, znode.Op{Kind: znode.OpOpen, Session: record})
	}
	for i, name := range names {
		b := a
		if i > 0 {
			b = &attempt{oneShot: a.oneShot, ttl: a.ttl}
			a.others = append(a.others, b)
		}
		if b.dir, err = Path(name); err != nil {
			return nil, err
		}
		if !try && l.full(b.dir) {
			return nil, ErrTooManyWaiters
		}
		b.request, b.session, b.retry, b.data, b.id, b.entry = r, r.Session, r.RequestID != "", data, id, mark
		b.request.Name, b.refused = name, !try && l.refuses(r.Deadlock)
		if try {
			ops = append(ops, vacancy(b.dir, id, r.Mode))
		}
	}
	ops = append(ops, entry(a.dir, id, data, &r))
	for _, b := range a.others {
		ops = append(ops, entry(b.dir, id, data, &r))
	}
	if err := l.propose(ctx, a, ops); err != nil {
		return nil, err
	}
	if a.repeated && modeOf(a.path) != r.Mode {
		return nil, a.otherMode()
	}
	if a.repeated && mark != "" {
		return l.enterAgain(ctx, a, try)
	}
	return a, nil
}

// otherMode is the error of a request that found what an earlier one has made in another mode.
func (a *attempt) otherMode() error {
	e := &lease.InputError{Field: "mode", Problem: fmt.Sprintf("was %q when this request_id was first used", string(modeOf(a.path))), Fix: "repeat a request as it was, or use a new request_id"}
	if a.entry != "" {
		e.Problem = fmt.Sprintf("differs from %q, in which this owner has the lock already", string(modeOf(a.path)))
		e.Fix = "ask for the same mode, release first, or downgrade"
	}
	return e
}

// validate looks at what stands in a request beside its names.
func (l *Locker) validate(r *Request) error {
	if r.Compat != CompatCurator && r.Compat != CompatAll && (r.Compat != CompatLatch || r.Candidacy == nil) {
		return &lease.InputError{Field: "compat", Problem: fmt.Sprintf("is %.20q", string(r.Compat)), Fix: `say "all", or leave it out`}
	}
	if r.LockDelay < 0 || r.LockDelay > l.cfg.MaxLockDelay {
		return &lease.InputError{Field: "lock_delay", Problem: fmt.Sprintf("is %v; this server takes up to %v", r.LockDelay, l.cfg.MaxLockDelay), Fix: "ask for less, or for none"}
	}
	if r.Reentrant && r.Session == 0 {
		return &lease.InputError{Field: "session", Problem: "is missing", Fix: "open a session: reentrant acquires are counted for a session and an owner"}
	}
	if r.Candidacy != nil && (r.Mode != ModeExclusive || r.Reentrant) {
		return &lease.InputError{Field: "mode", Problem: "and reentrant are of locks", Fix: "leave both out: a leader is alone"}
	}
	return errors.Join(r.Mode.validate(), r.Deadlock.validate())
}

// vacancy asks that a contender which comes now would hold.
func vacancy(dir, id string, mode Mode) znode.Op {
	return znode.Op{Kind: znode.OpVacant, Path: dir, Protected: id, Shared: mode == ModeRead}
}

// entry makes a contender.
func entry(dir, id string, data []byte, r *Request) znode.Op {
	return znode.Op{
		Kind: znode.OpCreate, Path: contenderStem(dir, id, r.stem()), Data: data, ACL: znode.OpenACL,
		Node: znode.Ephemeral, Sequential: true, Parents: true, Protected: id,
		Twin: r.Compat == CompatAll, Rest: (r.LockDelay + time.Millisecond - 1).Milliseconds(),
	}
}

func (l *Locker) full(dir string) (full bool) {
	l.store.View(func(t *znode.Tree, _ int64) {
		n, ok := t.Get(dir)
		full = ok && n.NumContenders() >= l.cfg.MaxWaiters
	})
	return full
}

// oneShot returns the record of a session for one hold of what is called so: the same one where the
// request is repeated.
func (l *Locker) oneShot(ctx context.Context, r *Request, of string) (znode.Session, error) {
	if err := l.sessions.Room(); err != nil {
		return znode.Session{}, err
	}
	o := lease.Options{TTL: r.TTL, Labels: r.Labels, OneShot: true}
	if r.RequestID != "" {
		o.RequestID = of + "\x00" + r.RequestID
	}
	return l.sessions.Record(ctx, o)
}

// propose sends the attempt's operations and takes their outcome.
func (l *Locker) propose(ctx context.Context, a *attempt, ops []znode.Op) error {
	out, sent, err := l.send(ctx, &a.request, a.session, ops, func(o znode.Outcome, err error) { l.leaveLate(a, &o, err) })
	switch {
	case err != nil:
		return err
	case out.Code == znode.ErrSessionExists:
		// The request is a repeated one, and its session is there: go on in it.
		return l.propose(ctx, a, ops[1:])
	case out.Code == znode.ErrHeld:
		return l.heldBy(lockName(ops[out.Failed].Path), &out)
	case out.Code == znode.ErrNodeExists && a.request.Compat == CompatAll:
		return &lease.InputError{Field: "compat", Problem: "was not said when this request_id was first used", Fix: "repeat a request as it was, or use a new request_id"}
	case out.Code != znode.OK:
		return l.codeError(out.Code, a.session)
	}
	a.took(&out)
	a.sent = sent
	return nil
}

// send sends a request's operations in a session, which the first of them may open. With an outcome
// that is OK it returns when a touch of the session was sent that is confirmed by now; 0: the client
// has touches of its own. What is not wanted any more, because there is an error, is for undo: it is
// called with the outcome or, where that is not known, with why, maybe after send has returned.
func (l *Locker) send(ctx context.Context, r *Request, session lease.ID, ops []znode.Op, undo func(znode.Outcome, error)) (out znode.Outcome, sent time.Duration, err error) {
	request := &znode.Request{Ops: ops}
	var touch lease.Expected
	bound := ops[0].Kind != znode.OpOpen // to a session that is there already
	if bound {
		owner, err := l.sessions.Attached(session, r.Generation)
		if err != nil {
			return znode.Outcome{}, 0, err
		}
		request.Session, request.Owner = session, owner
	}
	confirmed := bound && !r.OwnTouches
	if confirmed {
		touch = l.sessions.Expect(session)
	}
	sent = clock.Boot()
	out, err = l.store.DoLate(ctx, request, undo)
	if confirmed && (err != nil || out.Code != znode.OK) {
		touch.Drop()
	}
	switch {
	case err != nil:
		return out, 0, err
	case out.Code != znode.OK, !bound: // an open is the session's first touch
		return out, sent, nil
	case !confirmed:
		return out, 0, nil
	}
	if sent, err = touch.Wait(ctx); err != nil {
		undo(out, nil)
	}
	return out, sent, err
}

// took takes the contenders that the attempt's last operations made or found.
func (a *attempt) took(out *znode.Outcome) {
	own := len(out.Results) - len(a.others) - 1
	for i, b := range a.others {
		b.take(out, own+1+i)
	}
	a.take(out, own)
}

func (a *attempt) take(out *znode.Outcome, result int) {
	made := out.Results[result]
	a.path, a.stat, a.repeated, a.revision = made.Path, made.Stat, made.Repeated, out.Revision
}

// heldBy makes the error of a try that found somebody, seen at the moment of the judgement.
func (l *Locker) heldBy(name string, out *znode.Outcome) error {
	e := &HeldError{Name: name, Position: 1, Revision: out.Revision}
	r := out.Results[out.Failed]
	e.Holder = Contender{
		Token: Token(r.Stat.Czxid), Session: lease.ID(r.Stat.EphemeralOwner), State: Held,
		Enqueued: fromMillis(r.Stat.Ctime), Since: fromMillis(r.Stat.Ctime), Znode: r.Path,
	}
	l.store.View(func(t *znode.Tree, _ int64) {
		n, ok := t.Get(r.Path)
		if !ok || n.Czxid() != r.Stat.Czxid {
			return
		}
		e.Holder = l.holder(t, n)
		if dir, ok := t.Get("/" + name); ok {
			e.Position = dir.NumContenders()
		}
	})
	e.ExpectedWait = l.expected("/"+name, e.Position)
	return e
}

// tried answers a try whose contender is in the log: it holds, unless it is a repeated one that
// came by another way.
func (l *Locker) tried(a *attempt) (Hold, error) {
	h, err := l.standing(a)
	if err == nil && h.State != Held {
		return Hold{}, l.heldAhead(a)
	}
	return h, err
}

// standing tells how an attempt's contender stands in this member's tree.
func (l *Locker) standing(a *attempt) (Hold, error) {
	var h Hold
	gone := false
	l.store.View(func(t *znode.Tree, revision int64) {
		n, ok := a.follow(t)
		if !ok {
			gone = true
			return
		}
		h = l.hold(t, n)
		h.Revision = a.revision
	})
	if gone {
		return Hold{}, l.gone(a.request.Name, a.place(), Token(a.stat.Czxid))
	}
	h.Repeated = a.repeated
	if a.sent != 0 {
		h.Deadline = lease.Deadline(a.sent, h.TTL)
	}
	return h, nil
}

// czxid is the attempt's token; n's own where the attempt does not know it.
func (a *attempt) czxid(n *znode.Node) int64 {
	if a.stat.Czxid == 0 {
		return n.Czxid()
	}
	return a.stat.Czxid
}

// heldAhead makes the error of somebody who stands behind others.
func (l *Locker) heldAhead(a *attempt) error {
	e := &HeldError{Name: a.request.Name}
	l.store.View(func(t *znode.Tree, revision int64) {
		e.Revision = revision
		dir, ok := t.Get(a.dir)
		if !ok {
			return
		}
		_, name := znode.Split(a.path)
		e.Position, _ = placeIn(dir, name)
		if first, _, ok := dir.FirstContender(); ok && first != name {
			if n, ok := t.Get(znode.Join(a.dir, first)); ok {
				e.Holder = l.holder(t, n)
			}
		}
	})
	e.ExpectedWait = l.expected(a.dir, e.Position)
	return e
}
