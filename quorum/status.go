package quorum

import "go.etcd.io/etcd/client/pkg/v3/types"

// A Status is a member's view of itself at one moment; its fields are read one after the
// other, not at once.
type Status struct {
	ID                uint64
	Leader            uint64 // 0: none
	Term              uint64 // of the last entry applied
	CommittedIndex    uint64 // of the raft log
	AppliedIndex      uint64
	Revision          int64
	CompactedRevision int64
	SizeInUse         int64 // bytes
	Learner           bool
	Ready             bool
}

// Status reports how the member is doing. It blocks for nothing.
func (m *Member) Status() Status {
	s := Status{
		ID:             m.ID(),
		Leader:         m.Leader(),
		Term:           m.Term(),
		CommittedIndex: m.server.CommittedIndex(),
		AppliedIndex:   m.server.AppliedIndex(),
		SizeInUse:      m.SizeInUse(),
		Learner:        m.learner(),
	}
	s.Revision, s.CompactedRevision = m.revisions()
	select {
	case <-m.ready:
		s.Ready = true
	default:
	}
	return s
}

// SizeInUse is how many bytes of the database hold something; the file can be larger. 0 after
// Close.
func (m *Member) SizeInUse() int64 {
	if m.enter() != nil {
		return 0
	}
	defer m.leave()
	return m.server.Backend().SizeInUse()
}

// FreeDisk is how many bytes the file system of the data directory has left for this user.
// Where the system cannot tell, the error is errors.ErrUnsupported.
func (m *Member) FreeDisk() (uint64, error) { return freeDisk(m.cfg.DataDir) }

// CutPeer drops all raft traffic between this member and the one with that id, as seen from
// here, until MendPeer. It is for tests that cut a cluster within one process: there both sides
// must cut one another.
func (m *Member) CutPeer(id uint64) { m.server.CutPeer(types.ID(id)) }

// MendPeer undoes [Member.CutPeer].
func (m *Member) MendPeer(id uint64) { m.server.MendPeer(types.ID(id)) }
