package quorum

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrAlone is returned by [Member.TransferLeadership] when there is no other voter.
var ErrAlone = errors.New("no other voter in the cluster")

// Leader is the id of the raft leader as this member knows it, which can be out of date; 0
// means none.
func (m *Member) Leader() uint64 { return m.server.Lead() }

// IsLeader reports whether this member believes to be the raft leader. It can be wrong: only
// a guard that holds, or the log after a read index, proves it.
func (m *Member) IsLeader() bool { return m.Leader() == m.ID() }

// Term is the raft term of the last entry applied here.
func (m *Member) Term() uint64 { return m.server.Term() }

// LeaderChanged is closed at the next change of leader. It does not tell of a loss to no
// leader at all, so look at Leader from time to time, too.
func (m *Member) LeaderChanged() <-chan struct{} { return m.server.LeaderChanged() }

// MoveLeader hands leadership to the voter with id to and waits until this member knows it as
// the leader, or ctx ends. Transactions meanwhile may get ErrDropped. It needs not be called
// at the leader.
func (m *Member) MoveLeader(ctx context.Context, to uint64) error {
	if err := m.server.MoveLeader(ctx, m.server.Lead(), to); err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
		return fmt.Errorf("move leadership to %x: %w", to, err)
	}
	return nil
}

// TransferLeadership hands leadership to another voter that answers, trying each once, and returns
// when one leads or ctx ends. Raft first brings it up to date, and lets nothing else be proposed
// until it leads, so voters that do not answer are not tried. At a member that does not lead it does
// nothing. Errors: ErrAlone, ErrCannotLead.
func (m *Member) TransferLeadership(ctx context.Context) error {
	if !m.IsLeader() {
		return nil
	}
	var others []MemberInfo
	for _, info := range m.Members() {
		if !info.Self && !info.Learner && info.Started {
			others = append(others, info)
		}
	}
	if len(others) == 0 {
		return ErrAlone
	}
	alive, _ := m.answering(ctx, others)
	errs := []error{fmt.Errorf("%w: %d of %d other voters answer", ErrCannotLead, len(alive), len(others))}
	for _, other := range alive {
		// Raft gives a transfer up after an election time-out.
		one, cancel := context.WithTimeout(ctx, m.cfg.Election+2*time.Duration(m.cfg.Heartbeat))
		err := m.MoveLeader(one, other.ID)
		cancel()
		if err == nil || !m.IsLeader() && m.Leader() != 0 {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
