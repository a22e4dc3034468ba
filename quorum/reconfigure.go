package quorum

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/types"
	"go.etcd.io/etcd/server/v3/etcdserver/api/membership"
	etcderrors "go.etcd.io/etcd/server/v3/etcdserver/errors"
)

var (
	// ErrLosesQuorum is matched by every [QuorumError].
	ErrLosesQuorum = errors.New("the cluster would lose its quorum")

	// ErrAddress is returned for an address that is none.
	ErrAddress = errors.New("not the address of a member")

	// ErrMemberExists is returned for an address that a member of the cluster has already.
	ErrMemberExists = errors.New("a member with this address is in the cluster already")

	// ErrLearnerExists is returned while another learner has not been promoted yet: one at a
	// time catches up.
	ErrLearnerExists = errors.New("another learner is still catching up")

	// ErrLearnerBehind is returned for the promotion of a learner that has not caught up, or
	// has not been started.
	ErrLearnerBehind = errors.New("the learner has not caught up yet")

	// ErrNotLearner is returned for the promotion of a voter.
	ErrNotLearner = errors.New("the member votes already")

	// ErrCannotLead is returned for a member that cannot be given leadership: a learner, or a
	// voter that does not answer.
	ErrCannotLead = errors.New("the member cannot lead")
)

// A QuorumError says why a change of the members is refused. It matches [ErrLosesQuorum].
type QuorumError struct {
	Change    string   // what was asked for
	Voters    int      // there would be
	Need      int      // of them must answer
	Answering []string // of them do: their names
	Silent    []string // do not
}

// Error says how the quorum would be lost, in one line.
func (e *QuorumError) Error() string {
	if e.Voters == 0 {
		return e.Change + " would leave a cluster without voters"
	}
	silent := ""
	if len(e.Silent) > 0 {
		silent = fmt.Sprintf("; no answer from %s", strings.Join(e.Silent, ", "))
	}
	return fmt.Sprintf("%s would leave %d voters, of which %d must answer and %d do%s", e.Change, e.Voters, e.Need, len(e.Answering), silent)
}

// Is reports whether target is [ErrLosesQuorum].
func (e *QuorumError) Is(target error) bool { return target == ErrLosesQuorum }

// AddMember lets in the member that will listen for its peers at peer, as a learner, and returns
// its id. It is started with Join then, catches up, and promotes itself. A learner does not
// vote, so that nothing is risked. Errors: ErrAddress,
// ErrMemberExists, ErrLearnerExists, ErrUnknown.
func (m *Member) AddMember(ctx context.Context, peer string) (uint64, error) {
	u, err := parseAddress("peer", peer, m.cfg.PeerTLS)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrAddress, err)
	}
	for _, e := range m.server.Cluster().Members() {
		if slices.Contains(e.PeerURLs, u.String()) {
			return 0, fmt.Errorf("add %v: %w: %s", u, ErrMemberExists, describe(e.ID, e.Name))
		}
	}
	urls, err := types.NewURLs([]string{u.String()})
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrAddress, err)
	}
	now := time.Now()
	id, _, err := m.addLearner(ctx, membership.NewMemberAsLearner("", urls, "", &now))
	if err != nil {
		return 0, fmt.Errorf("add %v: %w", u, changeError(ctx, err))
	}
	m.log.Info("learner was added", "id", id.String(), "peer", u.String())
	return uint64(id), nil
}

// PromoteMember makes the learner with that id a voter. Learners that were started with Join do
// so by themselves. It is refused, with a [QuorumError], where too few voters would answer, the
// new one counted; force does it all the same. Other errors: ErrNoMember, ErrNotLearner,
// ErrLearnerBehind, ErrUnknown.
func (m *Member) PromoteMember(ctx context.Context, id uint64, force bool) error {
	learner, voters, err := m.find(id)
	if err != nil {
		return err
	}
	if !learner.Learner {
		return fmt.Errorf("promote %s: %w", learner.describe(), ErrNotLearner)
	}
	if _, err := m.enough(ctx, "promoting "+learner.describe(), append(voters, learner), force); err != nil {
		return err
	}
	if _, err := m.server.PromoteMember(ctx, id); err != nil {
		return fmt.Errorf("promote %s: %w", learner.describe(), changeError(ctx, err))
	}
	m.log.Info("learner was promoted to a voter", "id", types.ID(id).String())
	return nil
}

// RemoveMember takes the member with that id out of the cluster, for good: its id and its data
// directory cannot be used again. If it leads, leadership is moved first. It is refused, with a
// [QuorumError], where too few of the other voters answer to be a quorum; force does it all the
// same. The last voter cannot be removed at all. Other errors: ErrNoMember; ErrDropped where
// leadership could not be moved, and nothing was done; ErrUnknown.
func (m *Member) RemoveMember(ctx context.Context, id uint64, force bool) error {
	victim, voters, err := m.find(id)
	if err != nil {
		return err
	}
	if !victim.Learner {
		rest := slices.DeleteFunc(voters, func(v MemberInfo) bool { return v.ID == id })
		alive, err := m.enough(ctx, "removing "+victim.describe(), rest, force)
		if err != nil {
			return err
		}
		if m.Leader() == id {
			if err := m.moveAway(ctx, alive); err != nil {
				return fmt.Errorf("remove %s, which leads: %w", victim.describe(), err)
			}
		}
	}
	if _, err := m.server.RemoveMember(ctx, id); err != nil {
		return fmt.Errorf("remove %s: %w", victim.describe(), changeError(ctx, err))
	}
	m.log.Info("member was removed", "name", victim.Name, "id", types.ID(id).String())
	return nil
}

// HandLeadership makes the voter with that id the leader. It does nothing where it leads already.
// Errors: ErrNoMember, ErrCannotLead; ErrDropped where the transfer did not come about in time.
func (m *Member) HandLeadership(ctx context.Context, id uint64) error {
	to, _, err := m.find(id)
	if err != nil {
		return err
	}
	if to.Learner {
		return fmt.Errorf("%w: %s is a learner", ErrCannotLead, to.describe())
	}
	if m.Leader() == id {
		return nil
	}
	if alive, _ := m.answering(ctx, []MemberInfo{to}); len(alive) == 0 {
		return fmt.Errorf("%w: %s does not answer", ErrCannotLead, to.describe())
	}
	return m.transfer(ctx, id)
}

// find returns the member with that id, and all voters.
func (m *Member) find(id uint64) (found MemberInfo, voters []MemberInfo, err error) {
	for _, info := range m.Members() {
		if info.ID == id {
			found = info
		}
		if !info.Learner {
			voters = append(voters, info)
		}
	}
	if found.ID == 0 {
		return found, nil, fmt.Errorf("member %x: %w", id, ErrNoMember)
	}
	return found, voters, nil
}

// enough reports which of the future voters answer, and an error where they are too few.
func (m *Member) enough(ctx context.Context, change string, voters []MemberInfo, force bool) ([]MemberInfo, error) {
	need := len(voters)/2 + 1
	alive, silent := m.answering(ctx, voters)
	if len(voters) > 0 && (len(alive) >= need || force) {
		return alive, nil
	}
	e := &QuorumError{Change: change, Voters: len(voters), Need: need}
	for _, v := range alive {
		e.Answering = append(e.Answering, v.describe())
	}
	for _, v := range silent {
		e.Silent = append(e.Silent, v.describe())
	}
	return nil, e
}

// moveAway moves leadership to one of the candidates: to this member where it is among them.
func (m *Member) moveAway(ctx context.Context, candidates []MemberInfo) error {
	if i := slices.IndexFunc(candidates, func(c MemberInfo) bool { return c.Self }); i > 0 {
		candidates[0], candidates[i] = candidates[i], candidates[0]
	}
	err := fmt.Errorf("%w: no other voter answers", ErrDropped)
	for _, c := range candidates {
		if err = m.transfer(ctx, c.ID); err == nil {
			return nil
		}
	}
	return err
}

// transfer is MoveLeader for as long as raft tries it.
func (m *Member) transfer(ctx context.Context, to uint64) error {
	ctx, cancel := context.WithTimeout(ctx, m.cfg.Election+2*m.cfg.Heartbeat)
	defer cancel()
	if err := m.MoveLeader(ctx, to); err != nil && m.Leader() != to {
		return fmt.Errorf("%w: %w", ErrDropped, err)
	}
	return nil
}

// changeError maps etcd's refusals to ours; what is neither is unknown.
func changeError(ctx context.Context, err error) error {
	for theirs, ours := range map[error]error{
		membership.ErrIDNotFound:       ErrNoMember,
		membership.ErrIDRemoved:        ErrNoMember,
		membership.ErrPeerURLexists:    ErrMemberExists,
		membership.ErrTooManyLearners:  ErrLearnerExists,
		membership.ErrMemberNotLearner: ErrNotLearner,
		etcderrors.ErrLearnerNotReady:  ErrLearnerBehind,
	} {
		if errors.Is(err, theirs) {
			return ours
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("%w: %w: %w", ErrUnknown, cause, err)
	}
	return fmt.Errorf("%w: %w", ErrUnknown, err)
}

// describe names a member for messages: by its id until it has told its name.
func (i *MemberInfo) describe() string { return describe(types.ID(i.ID), i.Name) }

func describe(id types.ID, name string) string {
	if name == "" {
		return fmt.Sprintf("the member %016x", uint64(id))
	}
	return name
}
