package store

import (
	"iter"
	"slices"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/rules"
	"github.com/lockkeeper/lockkeeper/quorum"
	"github.com/lockkeeper/lockkeeper/store/record"
	"github.com/lockkeeper/lockkeeper/znode"
)

// A Keeper decides which sessions are overdue. The writer calls it, one call at a time, while
// its member leads; times are the writer's clock, which has no meaning elsewhere.
type Keeper interface {
	// Takeover forgets everything and takes each of sessions as touched now.
	Takeover(now time.Duration, sessions iter.Seq[*znode.Session])
	// Touch records that id was heard from. It reports false, and records nothing, when the
	// session is not known or is closing.
	Touch(id znode.SessionID, now time.Duration) bool
	// Opened and Moved tell what the tree has applied.
	Opened(s *znode.Session, now time.Duration)
	Moved(s *znode.Session, now time.Duration)
	// Closed tells that the tree has applied the session's close.
	Closed(id znode.SessionID)
	// Due marks up to limit overdue sessions as closing and returns them. ttl tells a session's
	// TTL as the tree has it.
	Due(now time.Duration, limit int, ttl func(znode.SessionID) (time.Duration, bool)) []znode.SessionID
	// Reopen takes back closing marks: the batch with the closes did not happen.
	Reopen(ids []znode.SessionID)
	// Shift moves every last touch on by gap, at most to now.
	Shift(gap, now time.Duration)
	// Overdue reports, cheaply, whether Due may have something to return.
	Overdue(now time.Duration) bool
}

// The bounds of the writer.
const (
	mostFlights    = 2         // a batch that the tree has still to show, and one judged on top of it
	batchBytes     = 256 << 10 // a batch stops here, unless one request alone is larger
	closesPerBatch = 5000      // sessions that one batch ends for being overdue
	grantsPerBatch = 512       // grants of permits that one batch makes
	looksPerBatch  = 4096      // semaphores that one batch looks at, besides those that it changes
	loopGap        = 500 * time.Millisecond
	retryDropped   = 10 * time.Millisecond
	zxidCounter    = int64(1) << 32
	zxidReserve    = int64(1) << 20  // counters left when the epoch is raised
	maxEpoch       = uint64(1) << 21 // keeps zxids below 2^53
)

// A streamID names one forwarding stream in this process.
type streamID uint64

// A writer judges requests and puts them into the log while its member leads. It is a state
// machine: it does no I/O, starts no goroutine and reads no clock. Each method is one event;
// what is to be done about it is left in actions, for the caller to carry out. A writer is not
// safe for concurrent use.
type writer struct {
	self         uint64
	out          rules.Out
	rep          *replica
	keeper       Keeper
	newID        func() record.Identity // for a cluster that has none yet
	enforceQuota bool                   // set before the first round
	full         bool                   // the disk watermark is reached
	actions      []action

	leading bool
	put     uint64 // the epoch put since leadership was last gained; 0: none
	again   bool   // an outcome is unknown or a read index failed: take over anew
	serving bool
	guard   int64 // modification revision of the own last write of w
	zxid    int64 // last given
	number  uint64
	await   int64 // nothing is judged until the tree has this revision
	hold    time.Duration

	drafts [mostFlights]*znode.Draft // used again and again, in turn; nil: not made yet
	drawn  *znode.Tree               // what they stand on

	// On their way through the log, oldest first: a takeover alone, or batches. All but the
	// newest are committed for certain, and wait only for the tree.
	flights  []*flight
	launched uint64 // flights so far
	carried  []znode.SessionID

	queue    []queued
	due      []string // semaphores where grants may be due that no batch has made yet
	grants   int      // that a batch makes at most
	most     int      // requests and closes in the next batch: the log has refused more for their size; 0: no bound
	streams  map[streamID]*stream
	newest   map[uint64]streamID // by member
	touches  touchRounds
	lastLoop time.Duration
}

// A flight is one transaction on its way through the log.
type flight struct {
	id       uint64
	takeover bool
	draft    *znode.Draft // of a batch
	epoch    uint64       // of a takeover: the number to be put
	number   uint64       // of a batch
	items    []queued
	closes   []znode.SessionID
	due      []string // the writer's before it
	grants   int
	touched  uint64 // touches recorded before the proposal, by sequence
	settled  bool   // committed, and waits for the tree
	revision int64  // of the commit, once settled
	guard    int64  // modification revision of w that it stands on
	zxid     int64  // the last zxid before it
	early    []refusal
}

// A queued request waits to be judged.
type queued struct {
	stream   streamID
	member   uint64
	request  *znode.Request
	tooLarge bool // the log has refused it for its size
}

type refusal struct {
	stream  streamID
	outcome znode.Outcome
}

func newWriter(self uint64, rep *replica, keeper Keeper, newID func() record.Identity, out rules.Out) *writer {
	return &writer{
		self: self, rep: rep, keeper: keeper, newID: newID, out: out,
		streams: map[streamID]*stream{}, newest: map[uint64]streamID{}, grants: grantsPerBatch,
	}
}

// lead tells whether this member is the raft leader now. It is called every 100 ms and before
// any other event, because a loss may go by without notice.
func (w *writer) lead(now time.Duration, leading bool) {
	switch {
	case !leading && w.leading:
		w.leading, w.put = false, 0
		w.stop()
	case leading && !w.leading:
		w.leading = true
		if !w.out.ServeByName {
			w.put = 0
		}
		w.again = false
		if w.out.TakeoverOnGain {
			w.takeOver(now)
		}
	}
}

// tick moves everything on that waits for time or for leadership.
func (w *writer) tick(now time.Duration) {
	if w.serving && now-w.lastLoop > loopGap {
		// This loop stood still, perhaps with the whole process: sessions could not be heard.
		w.keeper.Shift(now-w.lastLoop, now)
	}
	w.lastLoop = now
	w.step(now)
}

// step takes over when it must, and judges when it can.
func (w *writer) step(now time.Duration) {
	if !w.leading {
		return
	}
	w.confirmRead()
	if f := w.newestFlight(); f != nil && f.takeover {
		w.finishTakeover(now, f)
		return
	}
	if !w.out.TakeoverOnGain && w.mustTakeOver() {
		w.takeOver(now)
		return
	}
	if w.out.TakeoverOnGain && !w.serving {
		return
	}
	w.answerOpenings()
	w.judge(now)
	w.startRead(now)
}

// mustTakeOver is level-triggered: it looks at the tree, not at changes of leadership, some of
// which are never seen.
func (w *writer) mustTakeOver() bool {
	if w.again {
		return true
	}
	at := w.rep.position()
	if at.Epoch.Member == w.self && at.Epoch.Number != 0 && at.Epoch.Number == w.put {
		return false
	}
	if w.out.ServeByName && at.Epoch.Member == w.self {
		if !w.serving {
			w.put = at.Epoch.Number
			w.serve(0, at.GuardRev)
		}
		return false
	}
	return true
}

// takeOver puts the next epoch, by compare-and-swap on what the tree shows.
func (w *writer) takeOver(now time.Duration) {
	at := w.rep.position()
	if at.Revision < w.await || at.Epoch.Number+1 >= maxEpoch {
		return
	}
	w.again = false
	w.stop()
	if w.out.TouchesNowEarly {
		w.keeper.Takeover(now, w.rep.sessions())
	}
	epoch := record.Epoch{Number: at.Epoch.Number + 1, Member: w.self}
	guard := record.Guard{Epoch: epoch.Number, Zxid: int64(epoch.Number) * zxidCounter}
	txn := quorum.Txn{
		Guards: []quorum.Guard{quorum.ModRevisionIs(record.EpochKey, at.EpochRev)},
		Ops: []quorum.Op{
			{Key: record.EpochKey, Value: record.AppendEpoch(nil, epoch)},
			{Key: record.GuardKey, Value: record.AppendGuard(nil, guard)},
		},
	}
	if !w.out.TakeoverPastBatches {
		txn.Guards = append(txn.Guards, quorum.ModRevisionIs(record.GuardKey, at.GuardRev))
	}
	if at.Identity.ID == 0 {
		txn.Guards = append(txn.Guards, quorum.ModRevisionIs(record.IdentityKey, 0))
		txn.Ops = append(txn.Ops, quorum.Op{Key: record.IdentityKey, Value: record.AppendIdentity(nil, w.newID())})
	}
	w.launched++
	w.flights = []*flight{{id: w.launched, takeover: true, epoch: epoch.Number, zxid: guard.Zxid}}
	w.act(action{kind: actPropose, flight: w.launched, txn: txn, takeover: true})
	if w.out.ServeUnapplied {
		w.put, w.flights = epoch.Number, nil
		w.serve(now, at.GuardRev)
	}
}

// finishTakeover serves as soon as the tree shows the own epoch. That the epoch names this
// member is not enough: it must be the very write that this leadership has put.
func (w *writer) finishTakeover(now time.Duration, f *flight) {
	at := w.rep.position()
	if !f.settled || at.Revision < f.revision {
		return
	}
	w.flights = nil
	if at.EpochRev != f.revision {
		w.again = true // somebody came after; look again
		w.takeOver(now)
		return
	}
	w.put = f.epoch
	w.serve(now, f.revision)
	w.step(now)
}

func (w *writer) serve(now time.Duration, guard int64) {
	at := w.rep.position()
	w.serving, w.guard, w.number = true, guard, at.Guard.Batch
	w.zxid = int64(w.put) * zxidCounter
	if w.out.ServeByName || w.out.ServeUnapplied {
		w.zxid = max(w.zxid, at.Guard.Zxid)
	}
	w.hold, w.lastLoop = 0, now
	if !w.out.ForgetDue {
		w.due = w.rep.permitQueues() // the writer before may have left some
	}
	if !w.out.TouchesNowEarly {
		w.keeper.Takeover(now, w.rep.sessions())
	}
	w.act(action{kind: actServing, epoch: w.put})
}

// stop ends serving: whatever was queued belongs to its members, who send it again to whoever
// serves next.
func (w *writer) stop() {
	for _, f := range slices.Backward(w.flights) {
		if w.out.CarryCloses {
			w.carried = append(w.carried, f.closes...)
		}
		if w.out.WriterResends {
			w.queue = append(f.items, w.queue...)
		}
		if !w.out.KeepClosing {
			w.keeper.Reopen(f.closes)
		}
		w.act(action{kind: actAbandon, flight: f.id})
		w.land(f)
	}
	w.flights, w.due = nil, nil
	w.serving = false
	if !w.out.KeepQueue && !w.out.WriterResends {
		w.queue = nil
	}
	if w.out.KeepUnconfirmed {
		return // with the streams that they came over
	}
	w.touches = touchRounds{seq: w.touches.seq, reads: w.touches.reads}
	w.endStreams()
}

// outcome tells how a proposed transaction ended, as far as its proposer could find out.
func (w *writer) outcome(now time.Duration, id uint64, o proposed) {
	f := w.newestFlight()
	if f == nil || f.id != id {
		return // already known from the log, or abandoned
	}
	switch {
	case o.err == nil && o.committed:
		f.settled, f.revision = true, o.revision // the log does the rest
		if !f.takeover {
			w.guard = o.revision // the next batch need not wait for the tree
		}
	case o.err == nil:
		w.await = o.revision // somebody else has written; the tree must show it first
		w.restart()
	case o.dropped() || w.out.UnknownIsNo:
		w.notHappened(now, f, o)
	default:
		w.restart()
	}
	w.step(now)
}

// notHappened puts the requests of a batch that is definitely not in the log back, in order.
func (w *writer) notHappened(now time.Duration, f *flight, o proposed) {
	w.flights = w.flights[:len(w.flights)-1]
	w.land(f)
	if f.takeover {
		w.again = true
		w.await = max(w.await, w.rep.position().Revision)
		return
	}
	w.keeper.Reopen(f.closes)
	w.due = f.due
	if o.tooLarge() {
		w.split(now, f)
	}
	w.zxid, w.number = f.zxid, f.number-1
	if w.out.ReturnToTail {
		w.queue = append(w.queue, f.items...)
	} else {
		w.queue = append(f.items, w.queue...)
	}
	w.hold = now + retryDropped
}

func (w *writer) oldestFlight() *flight {
	if len(w.flights) == 0 {
		return nil
	}
	return w.flights[0]
}

func (w *writer) newestFlight() *flight {
	if len(w.flights) == 0 {
		return nil
	}
	return w.flights[len(w.flights)-1]
}

// land ends a flight's use of its draft: nothing of the tree is kept alive by it.
func (w *writer) land(f *flight) {
	if f.draft != nil {
		f.draft.Reset()
	}
}

// split makes the next batch smaller than one that was too large for the log, until what is too
// large stands alone. A request is then refused. A session that owns too much to be closed in
// one batch stays, for another TTL: nobody else must wait for it.
func (w *writer) split(now time.Duration, f *flight) {
	switch all := len(f.items) + len(f.closes); {
	case all > 1:
		w.most = all / 2
	case len(f.items) == 1:
		f.items[0].tooLarge = true
	default:
		for _, id := range f.closes {
			w.keeper.Touch(id, now)
		}
	}
}

// restart begins anew after an outcome that is not known, or a guard that failed.
func (w *writer) restart() {
	w.stop()
	w.again = true
}

// applied tells that the tree has reached a revision of the log.
func (w *writer) applied(now time.Duration, a *appliedRevision) {
	if w.serving { // else the next takeover takes them from the tree
		w.tellKeeper(now, a)
	}
	if f := w.oldestFlight(); f != nil && !f.takeover && a.hasBatch && a.epoch == w.put && a.number == f.number {
		if !f.settled {
			w.guard = a.revision
		}
		w.flights, w.most = w.flights[1:], 0
		w.land(f)
		w.confirmTouches(f.touched)
		for _, r := range f.early {
			w.act(action{kind: actRefuse, stream: r.stream, outcome: r.outcome})
		}
		if w.zxid&(zxidCounter-1) > zxidCounter-zxidReserve {
			w.again = true // raise the epoch before its counter runs out
		}
	}
	w.step(now)
}

// tellKeeper tells the keeper which sessions a revision has opened, moved and closed.
func (w *writer) tellKeeper(now time.Duration, a *appliedRevision) {
	for i := range a.opened {
		w.keeper.Opened(&a.opened[i], now)
	}
	for i := range a.moved {
		w.keeper.Moved(&a.moved[i], now)
	}
	for _, id := range a.closed {
		w.keeper.Closed(id)
	}
}
