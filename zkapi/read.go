package zkapi

import (
	"strings"

	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/znode"
)

// answerAlone answers what needs no tree.
func (c *conn) answerAlone(p *call) {
	r := &p.reply
	switch p.request.Op {
	case jute.OpWhoAmI:
		for _, who := range p.auth {
			if who.Scheme == "digest" {
				who.ID, _, _ = strings.Cut(who.ID, ":")
			}
			r.Who = append(r.Who, who)
		}
	case jute.OpReconfig:
		r.Code = znode.ErrReconfigDisabled
	}
}

// answerRead answers from the tree, which is locked.
func (c *conn) answerRead(p *call, t *znode.Tree) {
	q, r := &p.request, &p.reply
	switch q.Op {
	case jute.OpGetACL:
		n, ok := find(t, q.Path)
		switch {
		case !ok:
			r.Code = znode.ErrNoNode
		case !znode.Permits(n.ACL(), p.auth, znode.PermRead|znode.PermAdmin):
			r.Code = znode.ErrNoAuth
		default:
			r.ACL, r.Stat = n.ACL(), n.Stat()
			if !znode.Permits(n.ACL(), p.auth, znode.PermAdmin) {
				r.ACL = znode.MaskACL(r.ACL)
			}
		}
	case jute.OpGetEphemerals:
		prefix := strings.TrimSpace(q.Path)
		for path := range t.Ephemerals(c.session) {
			if strings.HasPrefix(path, prefix) {
				r.Children = append(r.Children, path)
			}
		}
	case jute.OpMultiRead:
		c.readAll(p, t)
	default:
		c.readNode(&q.Operation, p.auth, t, r)
	}
}

// readAll answers a multi of reads, unless the answer would be larger than a client may leave unread:
// a request of a few kilobytes can name the same large znode a thousand times.
func (c *conn) readAll(p *call, t *znode.Tree) {
	size := 0
	list := make([]jute.Reply, len(p.request.Ops))
	for i := range list {
		q, r := &p.request.Ops[i], &list[i]
		r.Op = q.Op
		if c.readNode(q, p.auth, t, r); r.Code != znode.OK {
			r.Op = jute.OpError
		}
		size += len(r.Data)
		for _, name := range r.Children {
			size += 4 + len(name)
		}
		if size > c.door.cfg.MaxUnsent {
			p.reply.Code = znode.ErrBadArguments
			return
		}
	}
	p.reply.Results = list
}

// readNode answers a read of one znode.
func (c *conn) readNode(q *jute.Operation, auth []znode.Credential, t *znode.Tree, r *jute.Reply) {
	if q.Op == jute.OpExists && strings.IndexByte(q.Path, 0) >= 0 {
		r.Code = znode.ErrBadArguments
		return
	}
	n, ok := find(t, q.Path)
	switch {
	case !ok:
		r.Code = znode.ErrNoNode
		return
	case !znode.Permits(n.ACL(), auth, znode.PermRead):
		r.Code = znode.ErrNoAuth
		return
	}
	switch q.Op {
	case jute.OpGetAllChildrenNumber:
		r.Count = int32(n.Descendants())
		return
	case jute.OpGetData:
		r.Data, r.Stat = t.Read(n)
		return
	case jute.OpGetChildren, jute.OpGetChildren2:
		r.Children = n.ChildNames()
	}
	_, r.Stat = t.Read(n)
}

// find returns the znode at path. The empty path is the root's, as in ZooKeeper.
func find(t *znode.Tree, path string) (*znode.Node, bool) {
	if path == "" {
		path = "/"
	}
	return t.Get(path)
}
