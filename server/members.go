package server

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/lockkeeper/lockkeeper/httpapi"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/quorum"
)

// members lets operators change who is in the cluster.
type members struct{ *member }

// List is part of httpapi.Members.
func (m members) List(ctx context.Context, fresh lock.Read) (httpapi.Membership, error) {
	if err := m.store.Fresh(ctx, fresh); err != nil {
		return httpapi.Membership{}, err
	}
	return m.membership(0), nil
}

// Add is part of httpapi.Members.
func (m members) Add(ctx context.Context, peer string) (httpapi.Membership, error) {
	if err := m.store.Quorum(ctx); err != nil {
		return httpapi.Membership{}, err
	}
	id, err := m.quorum.AddMember(ctx, peer)
	if errors.Is(err, quorum.ErrAddress) {
		err = &lease.InputError{Field: "peer", Problem: err.Error(), Fix: "give scheme://host:port, as the new member's --advertise-peer or --peer-listen"}
	}
	return m.changed(id, err)
}

// Promote is part of httpapi.Members.
func (m members) Promote(ctx context.Context, which string, force bool) (httpapi.Membership, error) {
	id, err := m.find(ctx, which)
	if err == nil {
		err = m.quorum.PromoteMember(ctx, id, force)
	}
	return m.changed(id, err)
}

// Remove is part of httpapi.Members.
func (m members) Remove(ctx context.Context, which string, force bool) (httpapi.Membership, error) {
	id, err := m.find(ctx, which)
	if err == nil {
		err = m.quorum.RemoveMember(ctx, id, force)
	}
	return m.changed(id, err)
}

// Lead is part of httpapi.Members.
func (m members) Lead(ctx context.Context, which string) (httpapi.Membership, error) {
	id, err := m.find(ctx, which)
	if err == nil {
		err = m.quorum.HandLeadership(ctx, id)
	}
	return m.changed(id, err)
}

// find asks the quorum, so that what it finds is current, for the member whose id or name is
// given.
func (m members) find(ctx context.Context, which string) (uint64, error) {
	if err := m.store.Quorum(ctx); err != nil {
		return 0, err
	}
	var named []uint64
	for _, info := range m.quorum.Members() {
		if hex(info.ID) == which {
			return info.ID, nil
		}
		if info.Name == which && which != "" {
			named = append(named, info.ID)
		}
	}
	switch len(named) {
	case 1:
		return named[0], nil
	case 0:
		return 0, quorum.ErrNoMember
	}
	return 0, &lease.InputError{Field: "id", Problem: "is the name of several members", Fix: "give the id of the one that you mean"}
}

func (m members) changed(id uint64, err error) (httpapi.Membership, error) {
	if err != nil {
		return httpapi.Membership{}, err
	}
	return m.membership(id), nil
}

// membership is who is in the cluster; id, unless 0, is the one that was changed.
func (m *member) membership(id uint64) httpapi.Membership {
	list := httpapi.Membership{Members: m.memberList(), Revision: m.store.Revision()}
	if id != 0 {
		list.Member = hex(id)
	}
	for _, e := range list.Members {
		if !e.Learner {
			list.Voters++
		}
	}
	list.Quorum = list.Voters/2 + 1
	return list
}

// memberList is the members as the log has them, with what their cards tell.
func (m *member) memberList() []httpapi.Member {
	cards := m.store.Cards()
	var list []httpapi.Member
	for _, info := range m.quorum.Members() {
		card, online := cards[info.ID]
		entry := httpapi.Member{
			Name: cmp.Or(info.Name, card.Name), ID: hex(info.ID), Version: card.Version, Online: online,
			Leader: info.Leader, Learner: info.Learner, Addresses: map[string]string{},
		}
		for door, list := range map[string][]string{"http": card.HTTP, "zookeeper": card.ZooKeeper, "client": info.ClientURLs, "peer": info.PeerURLs} {
			if len(list) > 0 {
				entry.Addresses[door] = list[0]
			}
		}
		list = append(list, entry)
	}
	slices.SortFunc(list, func(a, b httpapi.Member) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return list
}
