package differential

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/zkapi/zktest"
	"github.com/lockkeeper/lockkeeper/znode"
)

// timeout is of all sessions: no script takes so long.
const timeout = 30 * time.Second

// An observation is what a step has brought: a text that must be the same at both servers, and
// the zxids in it, which must be in the same order.
type observation struct {
	text  string
	zxids []int64
}

// A player plays one script to one server.
type player struct {
	address string
	root    string
	conns   [clients]*zktest.Conn
	owners  map[int64]string // names of sessions by id
}

// play plays a script below root, and returns what each step has brought. Its error is no answer
// of the server.
func play(address, root string, s script) (list []observation, err error) {
	p := &player{address: address, root: root, owners: map[int64]string{}}
	defer p.end()
	for i := range p.conns {
		if err := p.open(i); err != nil {
			return nil, err
		}
	}
	make := jute.Request{Operation: jute.Operation{Op: jute.OpCreate, Path: root, ACL: znode.OpenACL}}
	if r, err := p.conns[0].Ask(make); err != nil || r.Code != znode.OK {
		return nil, fmt.Errorf("create %s: %v, %w", root, r.Code, err)
	}
	for i := range s {
		o, err := p.step(s[i].under(root))
		if err != nil {
			return list, fmt.Errorf("step %d: %v: %w", i, s[i], err)
		}
		list = append(list, o)
	}
	return list, nil
}

// end closes the sessions, which takes their ephemeral znodes away.
func (p *player) end() {
	for _, c := range p.conns {
		if c != nil {
			_, _ = c.Ask(jute.Request{Operation: jute.Operation{Op: jute.OpCloseSession}})
			_ = c.Close()
		}
	}
}

// open opens a new session for a client.
func (p *player) open(i int) error {
	c, err := zktest.Dial(p.address, timeout, jute.ConnectResponse{}, 0)
	if err != nil {
		return err
	}
	p.conns[i] = c
	p.owners[c.Session.SessionID] = fmt.Sprintf("session %d of client %d", len(p.owners), i)
	return nil
}

// step plays a step, and collects the events that it has brought to every client.
func (p *player) step(s step) (o observation, err error) {
	c := p.conns[s.client]
	switch s.action {
	case drop:
		if err := c.Close(); err != nil {
			return o, err
		}
		return o, nil
	case renew:
		fresh, err := zktest.Dial(p.address, timeout, c.Session, c.Seen)
		if err != nil {
			return o, err
		}
		p.conns[s.client] = fresh
		s.request.Op, s.request.Xid, s.request.Since = jute.OpSetWatches2, jute.XidSetWatches, c.Seen
		return p.ask(s)
	case leave:
		s.request = jute.Request{Operation: jute.Operation{Op: jute.OpCloseSession}}
		if o, err = p.ask(s); err != nil || p.conns[s.client] != c {
			return o, err
		}
		return o, errors.Join(c.Close(), p.open(s.client))
	}
	return p.ask(s)
}

// ask sends a step's request. A server that closes the connection is as good as an answer.
func (p *player) ask(s step) (o observation, err error) {
	c := p.conns[s.client]
	r, err := c.Ask(s.request)
	switch {
	case errors.Is(err, zktest.ErrEnded):
		o.text = "the connection is closed"
		return o, errors.Join(c.Close(), p.open(s.client))
	case err != nil:
		return o, err
	}
	o.reply(p, &r)
	for i, other := range p.conns {
		if s.action != leave || i != s.client {
			// What the step has brought to a client is on its way before any later answer.
			_, err := other.Ask(jute.Request{Operation: jute.Operation{Op: jute.OpExists, Path: "/zookeeper"}})
			if err != nil && !errors.Is(err, zktest.ErrEnded) { // a dropped one
				return o, err
			}
		}
		o.events(p, i, other, s.action != ask)
	}
	return o, nil
}

// events takes a client's events. anyOrder is for those of a closed session's znodes, which
// ZooKeeper removes in no order, and for those of watches set again.
func (o *observation) events(p *player, client int, c *zktest.Conn, anyOrder bool) {
	var list []string
	for _, e := range c.Events {
		list = append(list, fmt.Sprintf("%v %s", e.Type, p.relative(e.Path)))
	}
	c.Events = nil
	if anyOrder {
		slices.Sort(list)
	}
	for _, text := range list {
		o.text += fmt.Sprintf("; %d gets %s", client, text)
	}
}

// relative is a path below the run's own znode.
func (p *player) relative(path string) string {
	if rest, ok := strings.CutPrefix(path, p.root); ok {
		return "~" + rest
	}
	return path
}

// reply takes an answer.
func (o *observation) reply(p *player, r *jute.Reply) {
	o.text += fmt.Sprintf("%d", r.Code)
	if r.Code != znode.OK {
		return
	}
	if r.Path != "" {
		o.text += " " + p.relative(r.Path)
	}
	switch r.Op {
	case jute.OpGetData:
		o.text += fmt.Sprintf(" %q", r.Data)
	case jute.OpGetChildren, jute.OpGetChildren2, jute.OpGetEphemerals:
		names := slices.Clone(r.Children)
		for i := range names {
			names[i] = p.relative(names[i])
		}
		slices.Sort(names)
		o.text += fmt.Sprintf(" %q", names)
	case jute.OpGetAllChildrenNumber:
		o.text += fmt.Sprint(" ", r.Count)
	case jute.OpGetACL:
		o.text += fmt.Sprintf(" %v", r.ACL)
	case jute.OpWhoAmI:
		who := slices.Clone(r.Who)
		slices.SortFunc(who, func(a, b znode.Credential) int { return strings.Compare(a.Scheme+a.ID, b.Scheme+b.ID) })
		o.text += fmt.Sprintf(" %v", who)
	}
	switch r.Op {
	case jute.OpExists, jute.OpGetData, jute.OpGetChildren2, jute.OpGetACL, jute.OpSetData, jute.OpSetACL,
		jute.OpCreate2, jute.OpCreateContainer, jute.OpCreateTTL:
		o.stat(p, &r.Stat)
	}
	for i := range r.Results {
		part := &r.Results[i]
		// 3.8 answers a create2 in a multi as a create, without the Stat.
		if part.Op == jute.OpCreate2 {
			part.Op = jute.OpCreate
		}
		o.text += fmt.Sprintf("; %d: %v ", i, part.Op)
		o.reply(p, part)
	}
}

// stat takes a Stat, but for its times.
func (o *observation) stat(p *player, s *znode.Stat) {
	owner := p.owners[s.EphemeralOwner]
	if s.EphemeralOwner != 0 && owner == "" {
		owner = fmt.Sprintf("%#x", s.EphemeralOwner) // of containers and such with a TTL
	}
	o.text += fmt.Sprintf(" {version %d cversion %d aversion %d owner %q length %d children %d}",
		s.Version, s.Cversion, s.Aversion, owner, s.DataLength, s.NumChildren)
	o.zxids = append(o.zxids, s.Czxid, s.Mzxid, s.Pzxid)
}
