package httpapi

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/lockkeeper/lockkeeper/lock"
)

// Members is what this door needs of the cluster's members. which is a member's id in
// hexadecimal, or its name. Every call ends with its ctx at the latest, and all may run
// concurrently. What changes the members asks the quorum first, and answers with what they are
// then.
type Members interface {
	List(ctx context.Context, fresh lock.Read) (Membership, error)
	Add(ctx context.Context, peer string) (Membership, error)
	Promote(ctx context.Context, which string, force bool) (Membership, error)
	Remove(ctx context.Context, which string, force bool) (Membership, error)
	Lead(ctx context.Context, which string) (Membership, error)
}

// A Membership is who is in the cluster, as one member knows it.
type Membership struct {
	Member   string   `json:"member,omitempty"` // the id of the one that was added, promoted, removed or made the leader
	Voters   int      `json:"voters"`           // have a vote
	Quorum   int      `json:"quorum"`           // of the voters must be there
	Members  []Member `json:"members"`
	Revision int64    `json:"revision"` // of the quorum's log, as applied here
}

func (c *call) listMembers() error {
	_, fresh, err := c.read()
	if err != nil {
		return err
	}
	return c.sendMembers(func(ctx context.Context, m Members) (Membership, error) { return m.List(ctx, fresh) })
}

func (c *call) addMember() error {
	in, err := c.input(fieldPeer)
	if err != nil {
		return err
	}
	if in.peer == "" {
		return badInput("peer", "is missing", "give what the new member has as its --peer-listen or --advertise-peer")
	}
	return c.sendMembers(func(ctx context.Context, m Members) (Membership, error) { return m.Add(ctx, in.peer) })
}

func (c *call) promoteMember() error {
	in, err := c.input(fieldForce)
	if err != nil {
		return err
	}
	which := c.rest
	return c.sendMembers(func(ctx context.Context, m Members) (Membership, error) { return m.Promote(ctx, which, in.force) })
}

func (c *call) removeMember() error {
	in, err := c.input(fieldForce)
	if err != nil {
		return err
	}
	which := c.rest
	return c.sendMembers(func(ctx context.Context, m Members) (Membership, error) { return m.Remove(ctx, which, in.force) })
}

func (c *call) moveLeader() error {
	if _, err := c.input(0); err != nil {
		return err
	}
	which := c.rest
	return c.sendMembers(func(ctx context.Context, m Members) (Membership, error) { return m.Lead(ctx, which) })
}

// sendMembers does what is asked of the members and answers with them.
func (c *call) sendMembers(do func(context.Context, Members) (Membership, error)) error {
	if c.api.cfg.Members == nil {
		return errUnknownRoute
	}
	list, err := do(c.bounded(), c.api.cfg.Members)
	if err != nil {
		return err
	}
	if list.Members == nil {
		list.Members = []Member{}
	}
	return c.sendJSON(list, list.Revision)
}

// sendJSON answers with v, for what is asked for too seldom to be written by hand.
func (c *call) sendJSON(v any, revision int64) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	c.out.b = append(c.out.b[:0], text...)
	c.send(http.StatusOK, jsonType, revision)
	return nil
}
