package quorum

import (
	"context"
	"fmt"

	"go.etcd.io/etcd/client/pkg/v3/types"
	"go.etcd.io/etcd/server/v3/etcdserver/api/membership"
)

// A MemberInfo describes one member of the cluster as this member's copy of the log has it.
type MemberInfo struct {
	ID         uint64
	Name       string // empty until it has started once
	PeerURLs   []string
	ClientURLs []string // empty until it has started once
	Learner    bool     // does not vote yet
	Started    bool     // it has started once
	Leader     bool
	Self       bool
}

// Members lists the members of the cluster by id.
func (m *Member) Members() []MemberInfo {
	leader, self := m.Leader(), m.ID()
	all := m.server.Cluster().Members()
	list := make([]MemberInfo, len(all))
	for i, e := range all {
		id := uint64(e.ID)
		list[i] = MemberInfo{
			ID:         id,
			Name:       e.Name,
			PeerURLs:   append([]string(nil), e.PeerURLs...),
			ClientURLs: append([]string(nil), e.ClientURLs...),
			Learner:    e.IsLearner,
			Started:    e.IsStarted(),
			Leader:     id == leader,
			Self:       id == self,
		}
	}
	return list
}

// learner reports whether this member does not vote. One that was removed votes no more, but
// asking etcd itself would panic.
func (m *Member) learner() bool {
	self := m.server.Cluster().Member(m.server.MemberID())
	return self != nil && self.IsLearner
}

// promote makes this member, a learner, a voter. It fails while the leader thinks that it is
// too far behind.
func (m *Member) promote() error {
	ctx, cancel := context.WithTimeout(m.ctx, 5*m.cfg.Election)
	defer cancel()
	if _, err := m.server.PromoteMember(ctx, m.ID()); err != nil {
		return fmt.Errorf("promote: %w", err)
	}
	m.log.Info("learner was promoted to a voter")
	return nil
}

// addLearner adds a member that will listen for its peers at peerURL.
func (m *Member) addLearner(ctx context.Context, add *membership.Member) (types.ID, []*membership.Member, error) {
	all, err := m.server.AddMember(ctx, *add)
	if err != nil {
		return 0, nil, fmt.Errorf("add learner: %w", err)
	}
	return add.ID, all, nil
}
