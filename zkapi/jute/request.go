package jute

import "github.com/lockkeeper/lockkeeper/znode"

// An Operation acts on one znode: alone, or as a part of a multi. Which fields it has depends on
// Op; the others are zero.
type Operation struct {
	Op      Op
	Flags   int32 // of a create
	Version int32 // of delete, setData, setACL, check
	Watch   bool  // of reads
	Path    string
	Data    []byte // auth: the credentials; sasl: the token; nil is null
	ACL     []znode.ACL
	TTL     int64 // of createTTL, milliseconds
}

// A Request is any request but the connect request. Which fields it has depends on Op; the others
// are zero.
type Request struct {
	Xid int32
	Operation

	Mode   int32  // addWatch: 0 persistent, 1 recursive; removeWatches and checkWatches: the watcher's type
	Scheme string // of auth

	Since   int64            // setWatches: the last zxid that the client has seen
	Watches znode.WatchLists // setWatches

	Joining, Leaving, Members string // reconfig
	Config                    int64  // reconfig: the version to change, or -1

	Ops []Operation // of multi and multiRead
}

// DecodeHeader sets q to what the header of a frame says, and returns the rest of the frame.
// Everything but Xid and Op is zero afterwards, but q.Ops keeps its memory.
func (q *Request) DecodeHeader(frame []byte) (body []byte, err error) {
	r := NewReader(frame)
	*q = Request{Xid: r.Int(), Operation: Operation{Op: Op(r.Int())}, Ops: q.Ops[:0]}
	return r.rest, r.Err()
}

// DecodeBody sets the fields that q.Op has to what the rest of a frame says. Bytes behind the
// last field are ignored, as ZooKeeper does. It returns [ErrMalformed] for a body that does not
// decode, and for a multi with an operation that may not stand in it. A request of a type that has
// no body, or is not known, decodes.
func (q *Request) DecodeBody(body []byte) error {
	r := NewReader(body)
	switch q.Op {
	case OpMulti, OpMultiRead:
		return q.decodeMulti(&r)
	case OpSetWatches, OpSetWatches2:
		q.Since = r.Long()
		q.Watches.Data, q.Watches.Exist, q.Watches.Children = r.Texts(), r.Texts(), r.Texts()
		if q.Op == OpSetWatches2 {
			q.Watches.Persistent, q.Watches.Recursive = r.Texts(), r.Texts()
		}
	case OpReconfig:
		q.Joining, q.Leaving, q.Members, q.Config = r.Text(), r.Text(), r.Text(), r.Long()
	case OpAuth:
		r.Int()
		q.Scheme, q.Data = r.Text(), r.Buffer()
	case OpSASL:
		q.Data = r.Buffer()
	case OpCheckWatches, OpRemoveWatches, OpAddWatch:
		q.Path, q.Mode = r.Text(), r.Int()
	default:
		q.Operation.decode(&r)
	}
	return r.Err()
}

// decode takes what an operation has behind its header.
func (o *Operation) decode(r *Reader) {
	switch o.Op {
	case OpCreate, OpCreate2, OpCreateContainer, OpCreateTTL:
		o.Path, o.Data, o.ACL, o.Flags = r.Text(), r.Buffer(), r.ACL(), r.Int()
		if o.Op == OpCreateTTL {
			o.TTL = r.Long()
		}
	case OpDelete, OpCheck:
		o.Path, o.Version = r.Text(), r.Int()
	case OpExists, OpGetData, OpGetChildren, OpGetChildren2:
		o.Path, o.Watch = r.Text(), r.Bool()
	case OpSetData:
		o.Path, o.Data, o.Version = r.Text(), r.Buffer(), r.Int()
	case OpSetACL:
		o.Path, o.ACL, o.Version = r.Text(), r.ACL(), r.Int()
	case OpGetACL, OpSync, OpGetEphemerals, OpGetAllChildrenNumber, OpDeleteContainer:
		o.Path = r.Text()
	}
}

// decodeMulti takes the operations of a multi: a header each, of type, done and error.
func (q *Request) decodeMulti(r *Reader) error {
	for {
		op, done := Op(r.Int()), r.Bool()
		r.Int()
		switch {
		case r.bad:
			return ErrMalformed
		case done:
			return nil
		case !inMulti(q.Op, op):
			return ErrMalformed
		}
		part := Operation{Op: op}
		part.decode(r)
		if r.bad {
			return ErrMalformed
		}
		q.Ops = append(q.Ops, part)
	}
}

func inMulti(multi, op Op) bool {
	switch op {
	case OpCreate, OpCreate2, OpCreateContainer, OpCreateTTL, OpDelete, OpSetData, OpCheck:
		return multi == OpMulti
	case OpGetData, OpGetChildren:
		return multi == OpMultiRead
	}
	return false
}

// Append appends the request, as one frame. It appends whatever q says, well-formed or not.
func (q *Request) Append(dst []byte) []byte {
	dst, at := BeginFrame(dst)
	dst = AppendInt(dst, q.Xid)
	dst = AppendInt(dst, int32(q.Op))
	return EndFrame(q.appendBody(dst), at)
}

func (q *Request) appendBody(dst []byte) []byte {
	switch q.Op {
	case OpMulti, OpMultiRead:
		for i := range q.Ops {
			dst = appendMultiHeader(dst, q.Ops[i].Op, false, -1)
			dst = q.Ops[i].append(dst)
		}
		return appendMultiHeader(dst, OpError, true, -1)
	case OpSetWatches, OpSetWatches2:
		dst = AppendLong(dst, q.Since)
		dst = AppendTexts(dst, q.Watches.Data)
		dst = AppendTexts(dst, q.Watches.Exist)
		dst = AppendTexts(dst, q.Watches.Children)
		if q.Op == OpSetWatches2 {
			dst = AppendTexts(dst, q.Watches.Persistent)
			dst = AppendTexts(dst, q.Watches.Recursive)
		}
	case OpReconfig:
		dst = AppendText(dst, q.Joining)
		dst = AppendText(dst, q.Leaving)
		dst = AppendText(dst, q.Members)
		dst = AppendLong(dst, q.Config)
	case OpAuth:
		dst = AppendInt(dst, 0)
		dst = AppendText(dst, q.Scheme)
		dst = AppendBuffer(dst, q.Data)
	case OpSASL:
		dst = AppendBuffer(dst, q.Data)
	case OpCheckWatches, OpRemoveWatches, OpAddWatch:
		dst = AppendText(dst, q.Path)
		dst = AppendInt(dst, q.Mode)
	default:
		dst = q.Operation.append(dst)
	}
	return dst
}

func (o *Operation) append(dst []byte) []byte {
	switch o.Op {
	case OpCreate, OpCreate2, OpCreateContainer, OpCreateTTL:
		dst = AppendText(dst, o.Path)
		dst = AppendBuffer(dst, o.Data)
		dst = AppendACL(dst, o.ACL)
		dst = AppendInt(dst, o.Flags)
		if o.Op == OpCreateTTL {
			dst = AppendLong(dst, o.TTL)
		}
	case OpDelete, OpCheck:
		dst = AppendText(dst, o.Path)
		dst = AppendInt(dst, o.Version)
	case OpExists, OpGetData, OpGetChildren, OpGetChildren2:
		dst = AppendText(dst, o.Path)
		dst = AppendBool(dst, o.Watch)
	case OpSetData:
		dst = AppendText(dst, o.Path)
		dst = AppendBuffer(dst, o.Data)
		dst = AppendInt(dst, o.Version)
	case OpSetACL:
		dst = AppendText(dst, o.Path)
		dst = AppendACL(dst, o.ACL)
		dst = AppendInt(dst, o.Version)
	case OpGetACL, OpSync, OpGetEphemerals, OpGetAllChildrenNumber, OpDeleteContainer:
		dst = AppendText(dst, o.Path)
	}
	return dst
}

func appendMultiHeader(dst []byte, op Op, done bool, code int32) []byte {
	dst = AppendInt(dst, int32(op))
	dst = AppendBool(dst, done)
	return AppendInt(dst, code)
}
