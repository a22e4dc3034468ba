package zkapi

import (
	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/znode"
)

// startWrite sends a write to the writer, or answers one that is wrong whatever the tree.
func (c *conn) startWrite(p *call) error {
	q := &p.request
	r := &znode.Request{Session: c.session, Owner: c.owner, Auth: p.auth}
	code := znode.OK
	switch q.Op {
	case jute.OpCloseSession:
		c.leaving.Store(true)
		p.end = true
		r.Ops = []znode.Op{{Kind: znode.OpClose}}
	case jute.OpMulti:
		if len(q.Ops) == 0 {
			return c.pushAnswered(p)
		}
		r.Ops = make([]znode.Op, len(q.Ops))
		for i := range q.Ops {
			if opCode(&q.Ops[i], &r.Ops[i]) != znode.OK || noACL(&q.Ops[i]) {
				code = znode.ErrMarshalling // of the multi as a whole
			}
		}
	default:
		r.Ops = make([]znode.Op, 1)
		code = opCode(&q.Operation, &r.Ops[0])
	}
	if code != znode.OK {
		p.reply.Code = code
		return c.pushAnswered(p)
	}
	p.pending = true
	c.push(p)
	var err error
	if !c.hold(p, r) {
		err = c.submit(p, r)
	}
	if err == nil && p.end {
		return errLast
	}
	return err
}

// wrote takes a write's outcome. It is called inside the apply loop.
func (c *conn) wrote(p *call, o *znode.Outcome, err error) {
	switch {
	case err != nil: // nobody knows, or nobody will: the client learns of it by the cut
		c.cut(err)
		return
	case o.Code == znode.ErrSessionMoved:
		c.cut(errSessionMoved)
		return
	}
	c.complete(p, func(r *jute.Reply) {
		switch {
		case p.request.Op == jute.OpMulti:
			r.Results = results(p.request.Ops, o)
		case o.Code != znode.OK:
			r.Code = wireCode(o.Code)
		case len(o.Results) > 0:
			r.Path, r.Stat = o.Results[0].Path, o.Results[0].Stat
		}
		if o.Code == znode.ErrSessionExpired {
			p.end = true
		}
	})
}

// results are the results of a multi, one an operation.
func results(ops []jute.Operation, o *znode.Outcome) []jute.Reply {
	list := make([]jute.Reply, len(ops))
	for i := range ops {
		r := &list[i]
		switch {
		case o.Code == znode.OK:
			r.Op = ops[i].Op
			r.Path, r.Stat = o.Results[i].Path, o.Results[i].Stat
		case i < o.Failed:
			r.Op = jute.OpError
		case i == o.Failed:
			r.Op, r.Code = jute.OpError, wireCode(o.Code)
		default:
			r.Op, r.Code = jute.OpError, znode.ErrRuntimeInconsistency
		}
	}
	return list
}

// wireCode is the code that a ZooKeeper client is told. Ours would stop its I/O thread.
func wireCode(code znode.Code) znode.Code {
	if code > 0 {
		return codeSystemError
	}
	return code
}

// codeSystemError is what ZooKeeper calls a server's own trouble: a full disk, of ours.
const codeSystemError znode.Code = -1

// opCode makes the store's operation of a client's. Its code is that of what is wrong whatever
// the tree.
func opCode(q *jute.Operation, op *znode.Op) znode.Code {
	op.Path, op.Data, op.Version = q.Path, q.Data, q.Version
	switch q.Op {
	case jute.OpDelete:
		op.Kind = znode.OpDelete
	case jute.OpSetData:
		op.Kind = znode.OpSetData
	case jute.OpCheck:
		op.Kind = znode.OpCheck
	case jute.OpSetACL:
		op.Kind, op.ACL = znode.OpSetACL, q.ACL
	default:
		op.Kind, op.ACL, op.Version = znode.OpCreate, q.ACL, 0
		return createKind(q, op)
	}
	return znode.OK
}

// createKind sets what a create makes. A container asked for by flag alone is a plain znode, and
// createContainer makes one whatever the flag.
func createKind(q *jute.Operation, op *znode.Op) znode.Code {
	if q.Flags < jute.FlagPersistent || q.Flags > jute.FlagSequentialWithTTL {
		return znode.ErrBadArguments
	}
	withTTL := q.Flags == jute.FlagTTL || q.Flags == jute.FlagSequentialWithTTL
	op.Sequential = q.Flags == jute.FlagSequential || q.Flags == jute.FlagEphemeralSequential || q.Flags == jute.FlagSequentialWithTTL
	switch {
	case q.Op == jute.OpCreateTTL:
		if !withTTL || q.TTL < 1 || q.TTL > znode.MaxTTL {
			return znode.ErrBadArguments
		}
		op.Node, op.TTL = znode.TTL, q.TTL
	case withTTL:
		return znode.ErrBadArguments
	case q.Op == jute.OpCreateContainer:
		op.Node = znode.Container
	case q.Flags == jute.FlagEphemeral, q.Flags == jute.FlagEphemeralSequential:
		op.Node = znode.Ephemeral
	}
	return znode.OK
}

// noACL reports a create whose list is null, which a multi does not decode.
func noACL(q *jute.Operation) bool {
	switch q.Op {
	case jute.OpCreate, jute.OpCreate2, jute.OpCreateContainer, jute.OpCreateTTL:
		return q.ACL == nil
	}
	return false
}
