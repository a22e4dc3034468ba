package store

import (
	"errors"

	"github.com/lockkeeper/lockkeeper/quorum"
	"github.com/lockkeeper/lockkeeper/store/record"
	"github.com/lockkeeper/lockkeeper/znode"
)

type actionKind uint8

const (
	actPropose    actionKind = iota + 1 // put txn into the log; report by outcome
	actAbandon                          // nobody waits for this flight any more: cancel it
	actReadIndex                        // ask for a read index; report by readDone
	actSend                             // send message over stream
	actEnd                              // end stream
	actServing                          // for the log and the metrics: an epoch of this member began
	actRefuse                           // simulation only: a refusal that bypasses the log
	actTellClosed                       // simulation only: 'expired' before the close is committed
)

// An action is what a writer wants done.
type action struct {
	kind     actionKind
	flight   uint64
	txn      quorum.Txn
	size     int // requests in it
	takeover bool
	read     uint64
	stream   streamID
	message  record.Message
	epoch    uint64
	outcome  znode.Outcome
	session  znode.SessionID
}

func (w *writer) act(a action) { w.actions = append(w.actions, a) }

// take returns what is to be done and forgets it.
func (w *writer) take() []action {
	a := w.actions
	w.actions = nil
	return a
}

// proposed is what the proposer of a transaction found out about it.
type proposed struct {
	committed bool  // with a nil err: false means that a guard failed
	revision  int64 // of the commit, or of the failed guard's answer
	err       error
}

// dropped reports a definite 'it did not happen'. Every other error leaves the outcome unknown.
func (p proposed) dropped() bool {
	return errors.Is(p.err, quorum.ErrDropped) || errors.Is(p.err, quorum.ErrTooLarge)
}

func (p proposed) tooLarge() bool { return errors.Is(p.err, quorum.ErrTooLarge) }
