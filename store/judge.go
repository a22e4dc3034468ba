package store

import (
	"time"

	"github.com/lockkeeper/lockkeeper/quorum"
	"github.com/lockkeeper/lockkeeper/store/record"
	"github.com/lockkeeper/lockkeeper/znode"
)

// guardRoom is what the guard and the head of the change list take at most, in bytes.
const guardRoom = 128

// judge puts the next batch together and proposes it, if the writer may.
func (w *writer) judge(now time.Duration) {
	if !w.serving || w.flight != nil || now < w.hold {
		return
	}
	if len(w.queue) == 0 && len(w.carried) == 0 && !w.keeper.Overdue(now) {
		return
	}
	w.rep.mu.RLock()
	defer w.rep.mu.RUnlock()
	at := w.rep.at
	if at.Revision < w.await {
		return
	}
	if w.out.GuardReadAgain {
		w.guard = at.GuardRev
	} else if at.GuardRev != w.guard && !w.out.ServeUnapplied && !w.out.ServeByName && !w.out.NoGuard {
		if at.Revision > w.guard {
			w.restart() // another writer has written: this epoch is over
		}
		return
	}

	f := &flight{number: w.number + 1, zxid: w.zxid, touched: w.touches.seq}
	draft := w.newDraft()
	defer draft.Reset() // at once: nothing of the tree is kept alive by it
	wall := w.rep.wall()
	w.close(now, wall, draft, f)
	w.judgeQueue(wall, draft, f)
	if len(draft.Changes()) == 0 && len(f.early) == 0 {
		return
	}

	w.flights++
	w.number++
	f.id = w.flights
	w.flight = f
	w.act(action{kind: actPropose, flight: f.id, txn: w.transaction(draft, f), size: len(f.items)})
}

// newDraft returns an empty draft on the tree, with the memory of the batch before.
func (w *writer) newDraft() *znode.Draft {
	if w.draft == nil || w.drawn != w.rep.tree {
		w.draft, w.drawn = znode.NewDraft(w.rep.tree), w.rep.tree
	}
	w.draft.Full, w.draft.Out = w.full, w.out
	return w.draft
}

// close ends the sessions that are overdue.
func (w *writer) close(now time.Duration, wall int64, draft *znode.Draft, f *flight) {
	tree := w.rep.tree
	limit := closesPerBatch
	if w.most > 0 {
		limit = min(limit, w.most)
	}
	f.closes = w.keeper.Due(now, limit, func(id znode.SessionID) (time.Duration, bool) {
		s, ok := tree.Session(id)
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
		if draft.Expire(id, w.zxid+1, wall) {
			w.zxid++
		}
		if w.out.TellBeforeClose {
			w.act(action{kind: actTellClosed, session: id})
		}
	}
}

func (w *writer) judgeQueue(wall int64, draft *znode.Draft, f *flight) {
	n := 0
	for n < len(w.queue) && draft.Size() < batchBytes {
		if w.most > 0 && len(f.closes)+len(f.items) >= w.most {
			break
		}
		if w.zxid&(zxidCounter-1) >= zxidCounter-1 {
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
			w.zxid++
		}
		if code != znode.OK && (w.out.RefuseEarly || w.out.RefuseUnlogged) {
			w.refuseOutside(draft, f, item, code)
			continue
		}
		f.items = append(f.items, item)
	}
	w.queue = w.queue[n:]
	if len(w.queue) == 0 {
		w.queue = nil
	}
}

// refuseOutside exists for the simulation: refusals that bypass the log.
func (w *writer) refuseOutside(draft *znode.Draft, f *flight, item queued, code znode.Code) {
	draft.ForgetLast()
	r := refusal{stream: item.stream, outcome: znode.Outcome{ID: item.request.ID, Code: code}}
	if w.out.RefuseEarly {
		w.act(action{kind: actRefuse, stream: r.stream, outcome: r.outcome})
		return
	}
	f.early = append(f.early, r)
}

// transaction turns a draft into one etcd transaction: every key's final value, the guard and
// the change list. It keeps nothing of the draft.
func (w *writer) transaction(draft *znode.Draft, f *flight) quorum.Txn {
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
