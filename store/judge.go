package store

import (
	"time"

	"github.com/lockkeeper/lockkeeper/quorum"
	"github.com/lockkeeper/lockkeeper/store/record"
	"github.com/lockkeeper/lockkeeper/znode"
)

// guardRoom is what the guard and the head of the change list take at most, in bytes.
const guardRoom = 128

// free reports whether the next batch could be judged now: whatever is on its way is committed
// for certain, and the batch can be judged on top of it. So never are two batches in doubt. Where
// many work at once it waits for the tree all the same, until half as many have come as the batch
// before had: a batch costs more than what it saves to send it early.
func (w *writer) free() bool {
	f := w.newestFlight()
	return f == nil || f.settled && !f.takeover && !f.draft.ChangesQuotas() && len(w.flights) < mostFlights && 2*len(w.queue) >= len(f.items)
}

// judge puts the next batch together and proposes it, if the writer may.
func (w *writer) judge(now time.Duration) {
	if !w.serving || !w.free() || now < w.hold {
		return
	}
	if len(w.queue) == 0 && len(w.carried) == 0 && len(w.due) == 0 && !w.keeper.Overdue(now) {
		return
	}
	w.rep.mu.RLock()
	defer w.rep.mu.RUnlock()
	at := w.rep.at
	if at.Revision < w.await {
		return
	}
	before := w.newestFlight()
	if w.out.GuardReadAgain {
		w.guard = at.GuardRev
	} else if !w.shows(at, before) && !w.out.ServeUnapplied && !w.out.ServeByName && !w.out.NoGuard {
		if at.Revision > w.guard {
			w.restart() // another writer has written: this epoch is over
		}
		return
	}

	f := &flight{number: w.number + 1, zxid: w.zxid, touched: w.touches.seq, guard: w.guard}
	f.draft = w.newDraft(before)
	wall := w.rep.wall()
	w.lookAgain(f)
	w.close(now, wall, f)
	w.grant(wall, f)
	w.judgeQueue(wall, f)
	w.due = append(w.due, f.draft.Due()...)
	if len(f.draft.Changes()) == 0 && len(f.early) == 0 {
		w.land(f)
		return
	}

	w.launched++
	w.number++
	f.id = w.launched
	w.flights = append(w.flights, f)
	w.act(action{kind: actPropose, flight: f.id, txn: w.transaction(f), size: len(f.items)})
}

// shows reports whether the tree is what the next batch must be judged on: it shows the last
// write, or the one that the flight before stands on.
func (w *writer) shows(at position, before *flight) bool {
	return at.GuardRev == w.guard || before != nil && at.GuardRev == before.guard
}

// newDraft returns an empty draft on the tree and on the batch before, if the tree has still to
// show it, with the memory of an earlier batch.
func (w *writer) newDraft(before *flight) *znode.Draft {
	if w.drawn != w.rep.tree {
		w.drafts, w.drawn = [mostFlights]*znode.Draft{}, w.rep.tree
	}
	place := &w.drafts[0]
	if before != nil && before.draft == *place {
		place = &w.drafts[1]
	}
	if *place == nil {
		*place = znode.NewDraft(w.rep.tree)
	}
	draft := *place
	draft.Full, draft.EnforceQuota, draft.Out = w.full, w.enforceQuota, w.out
	if before != nil && !w.out.JudgeBehind {
		draft.Above(before.draft)
	}
	return draft
}

// close ends the sessions that are overdue.
func (w *writer) close(now time.Duration, wall int64, f *flight) {
	limit := closesPerBatch
	if w.most > 0 {
		limit = min(limit, w.most)
	}
	f.closes = w.keeper.Due(now, limit, func(id znode.SessionID) (time.Duration, bool) {
		s, ok := f.draft.Session(id) // the TTL with all own earlier batches applied
		if !ok {
			return 0, false
		}
		return s.TTL, true
	})
	if w.out.CarryCloses {
		f.closes = append(f.closes, w.carried...)
		w.carried = nil
	}
	for _, id := range f.closes {
		if f.draft.Expire(id, w.zxid+1, wall) {
			w.zxid++
		}
		if w.out.TellBeforeClose {
			w.act(action{kind: actTellClosed, session: id})
		}
	}
}

func (w *writer) judgeQueue(wall int64, f *flight) {
	n, draft := 0, f.draft
	for n < len(w.queue) && draft.Size() < batchBytes && f.grants < w.grants {
		if w.most > 0 && len(f.closes)+len(f.items) >= w.most {
			break
		}
		if w.zxid&(zxidCounter-1) >= zxidCounter-1-room(w.queue[n].request) {
			break
		}
		item := w.queue[n]
		n++
		var code znode.Code
		var used bool
		if item.tooLarge {
			code = znode.ErrTooLarge
			draft.Refuse(item.request, 0, code)
		} else {
			code, used = draft.Judge(item.request, w.zxid+1, wall)
		}
		if used {
			w.zxid = draft.Newest()
		}
		w.grant(wall, f)
		if code != znode.OK && (w.out.RefuseEarly || w.out.RefuseUnlogged) {
			w.refuseOutside(f, item, code)
			continue
		}
		f.items = append(f.items, item)
	}
	w.queue = w.queue[n:]
	if len(w.queue) == 0 {
		w.queue = nil
	}
}

// room is how many zxids a request may take besides its own.
func room(r *znode.Request) int64 {
	if len(r.Ops) == 1 && r.Ops[0].Kind == znode.OpHandOver {
		return znode.MaxMoved
	}
	return 0
}

// refuseOutside exists for the simulation: refusals that bypass the log.
func (w *writer) refuseOutside(f *flight, item queued, code znode.Code) {
	f.draft.ForgetLast()
	r := refusal{stream: item.stream, outcome: znode.Outcome{ID: item.request.ID, Code: code}}
	if w.out.RefuseEarly {
		w.act(action{kind: actRefuse, stream: r.stream, outcome: r.outcome})
		return
	}
	f.early = append(f.early, r)
}

// transaction turns a draft into one etcd transaction: every key's final value, the guard and
// the change list. It keeps nothing of the draft.
func (w *writer) transaction(f *flight) quorum.Txn {
	draft := f.draft
	// Most changes leave two keys. All values share one piece of memory, which the draft's
	// estimate is rather too large for; should it grow, those before stay where they are.
	txn := quorum.Txn{Ops: make([]quorum.Op, 0, 2*len(draft.Changes())+2)}
	if !w.out.NoGuard {
		txn.Guards = []quorum.Guard{quorum.ModRevisionIs(record.GuardKey, w.guard)}
	}
	values := make([]byte, 0, draft.Size()+guardRoom)
	put := func(key string, longer []byte) {
		txn.Ops = append(txn.Ops, quorum.Op{Key: key, Value: longer[len(values):len(longer):len(longer)]})
		values = longer
	}
	del := func(key string) { txn.Ops = append(txn.Ops, quorum.Op{Key: key, Delete: true}) }
	for path, content := range draft.Nodes() {
		if content == nil {
			del(record.NodeKey(path))
		} else {
			put(record.NodeKey(path), record.AppendContent(values, content))
		}
	}
	for path, counters := range draft.Counters() {
		if counters == nil {
			del(record.CountersKey(path))
		} else {
			put(record.CountersKey(path), record.AppendCounters(values, *counters))
		}
	}
	for id, s := range draft.Sessions() {
		if s == nil {
			del(record.SessionKey(id))
		} else {
			put(record.SessionKey(id), record.AppendSession(values, s))
		}
	}
	for name, token := range draft.Fences() {
		put(record.FenceKey(name), record.AppendFence(values, token))
	}
	put(record.GuardKey, record.AppendGuard(values, record.Guard{Epoch: w.put, Batch: f.number, Zxid: w.zxid}))
	put(record.BatchKey, record.AppendBatch(values, &record.Batch{Epoch: w.put, Number: f.number, Zxid: w.zxid, Changes: draft.Changes()}))
	return txn
}
