package store

import (
	"time"

	"github.com/lockkeeper/lockkeeper/store/record"
	"github.com/lockkeeper/lockkeeper/znode"
)

// touchRounds are the touches that the writer has recorded and not confirmed yet, in the order
// of their recording, and the read index that is to confirm them.
type touchRounds struct {
	pending []touchRound
	seq     uint64 // of the last one recorded
	reads   uint64
	reading bool   // a read index is under way
	covers  uint64 // it confirms rounds up to this sequence
	reached int64  // its revision, once it has returned; 0 before
}

type touchRound struct {
	seq     uint64
	stream  streamID
	round   uint64
	at      time.Duration
	dropped []znode.SessionID
}

// touch records a round of touches. A session that is closing or unknown is left out without a
// word: only the committed close tells its client.
func (w *writer) touch(now time.Duration, id streamID, t *record.Touch) {
	var dropped []znode.SessionID
	for _, s := range t.Sessions {
		if !w.keeper.Touch(s, now) && !w.out.TouchWhileClosing {
			dropped = append(dropped, s)
		}
	}
	w.touches.seq++
	w.touches.pending = append(w.touches.pending, touchRound{
		seq: w.touches.seq, stream: id, round: t.Round, at: now, dropped: dropped,
	})
	switch {
	case w.out.AnswerUnconfirmed, w.out.NoReadIndex:
		w.confirmTouches(w.touches.seq)
	case w.out.ReadIndexBefore && w.touches.reading:
		w.touches.covers = w.touches.seq
	}
}

// touchPatience is how long touches wait for a batch that is to come anyway, and confirms them,
// before a read index is asked for.
const touchPatience = 20 * time.Millisecond

// startRead starts the read index that confirms every round recorded so far. One that is under
// way already does not: it may have been answered before the touch came.
func (w *writer) startRead(now time.Duration) {
	t := &w.touches
	if !w.serving || t.reading || len(t.pending) == 0 {
		return
	}
	if (len(w.flights) > 0 || len(w.queue) > 0) && now-t.pending[0].at < touchPatience {
		return
	}
	t.reads++
	t.reading, t.covers, t.reached = true, t.seq, 0
	w.act(action{kind: actReadIndex, read: t.reads})
}

// readDone tells that a read index has returned, and the revision it asks the tree to reach.
func (w *writer) readDone(now time.Duration, read uint64, revision int64, err error) {
	t := &w.touches
	if !t.reading || t.reads != read {
		return
	}
	if err != nil {
		t.reading = false
		w.keeper.Shift(now-w.lastLoop, now)
		w.restart()
		w.step(now)
		return
	}
	t.reached = revision
	w.step(now)
}

// confirmRead confirms what the finished read index covers, once the tree has reached it and
// still shows the epoch that the touches were recorded under: a deposed leader's read index is
// forwarded, and succeeds.
func (w *writer) confirmRead() {
	t := &w.touches
	if !w.serving || !t.reading || t.reached == 0 {
		return
	}
	at := w.rep.position()
	if at.Revision < t.reached && !w.out.TreeNotAwaited {
		return
	}
	t.reading = false
	if at.Epoch.Number != w.put && !w.out.NoEpochCheck {
		w.again = true
		return
	}
	w.confirmTouches(t.covers)
}

// confirmTouches confirms the rounds up to sequence seq.
func (w *writer) confirmTouches(seq uint64) {
	t := &w.touches
	n := 0
	for n < len(t.pending) && (t.pending[n].seq <= seq || w.out.ConfirmByEarlier) {
		r := t.pending[n]
		n++
		w.act(action{kind: actSend, stream: r.stream, message: record.Message{
			Kind:    record.ConfirmKind,
			Confirm: record.Confirm{Round: r.round, Dropped: r.dropped},
		}})
	}
	t.pending = t.pending[n:]
	if len(t.pending) == 0 {
		t.pending = nil
	}
}
