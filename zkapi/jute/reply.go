package jute

import "github.com/lockkeeper/lockkeeper/znode"

// A Reply is the answer to a [Request], or an event. Which fields its body has depends on Op, the
// type of the request; a reply with a Code has no body, but that of sasl.
type Reply struct {
	Xid  int32
	Zxid int64
	Code znode.Code
	Op   Op // does not stand on the wire, but in the results of a multi

	Path     string // create, create2, sync
	Data     []byte // getData, reconfig, sasl; nil is null
	Stat     znode.Stat
	ACL      []znode.ACL        // getACL
	Children []string           // getChildren, getChildren2, getEphemerals
	Count    int32              // getAllChildrenNumber
	Who      []znode.Credential // whoAmI
	Results  []Reply            // multi, multiRead: Op, Code and the body of each

	Event znode.EventType // Xid is XidEvent: with Path
	State int32           // of an event: always 3, connected
}

// connected is the only state that a server ever sends in an event.
const connected = 3

// Append appends the reply, as one frame.
func (p *Reply) Append(dst []byte) []byte {
	dst, at := BeginFrame(dst)
	dst = AppendInt(dst, p.Xid)
	dst = AppendLong(dst, p.Zxid)
	dst = AppendInt(dst, int32(p.Code))
	if p.Code == znode.OK || p.Op == OpSASL {
		dst = p.appendBody(dst)
	}
	return EndFrame(dst, at)
}

func (p *Reply) appendBody(dst []byte) []byte {
	switch p.Op {
	case OpCreate, OpSync:
		dst = AppendText(dst, p.Path)
	case OpCreate2, OpCreateContainer, OpCreateTTL:
		dst = AppendText(dst, p.Path)
		dst = AppendStat(dst, &p.Stat)
	case OpExists, OpSetData, OpSetACL:
		dst = AppendStat(dst, &p.Stat)
	case OpGetData, OpReconfig:
		dst = AppendBuffer(dst, p.Data)
		dst = AppendStat(dst, &p.Stat)
	case OpGetACL:
		dst = AppendACL(dst, p.ACL)
		dst = AppendStat(dst, &p.Stat)
	case OpGetChildren:
		dst = appendNames(dst, p.Children)
	case OpGetEphemerals:
		dst = appendNames(dst, p.Children)
	case OpGetChildren2:
		dst = appendNames(dst, p.Children)
		dst = AppendStat(dst, &p.Stat)
	case OpGetAllChildrenNumber:
		dst = AppendInt(dst, p.Count)
	case OpAddWatch:
		dst = AppendInt(dst, 0)
	case OpWhoAmI:
		dst = AppendInt(dst, int32(len(p.Who)))
		for _, w := range p.Who {
			dst = AppendText(dst, w.Scheme)
			dst = AppendText(dst, w.ID)
		}
	case OpSASL:
		dst = AppendBuffer(dst, p.Data)
	case OpMulti, OpMultiRead:
		for i := range p.Results {
			dst = p.Results[i].appendResult(dst)
		}
		dst = appendMultiHeader(dst, OpError, true, -1)
	}
	return dst
}

// appendNames appends a vector that is never null.
func appendNames(dst []byte, names []string) []byte {
	if names == nil {
		return AppendInt(dst, 0)
	}
	return AppendTexts(dst, names)
}

// appendResult appends one result of a multi. Creates that carry a Stat all say create2.
func (p *Reply) appendResult(dst []byte) []byte {
	if p.Op == OpError {
		dst = appendMultiHeader(dst, OpError, false, int32(p.Code))
		return AppendInt(dst, int32(p.Code))
	}
	op := p.Op
	if op == OpCreateContainer || op == OpCreateTTL {
		op = OpCreate2
	}
	return p.appendBody(appendMultiHeader(dst, op, false, 0))
}

// AppendEvent appends an event, as one frame.
func AppendEvent(dst []byte, e znode.Event) []byte {
	dst, at := BeginFrame(dst)
	dst = AppendInt(dst, XidEvent)
	dst = AppendLong(dst, e.Zxid)
	dst = AppendInt(dst, 0)
	dst = AppendInt(dst, int32(e.Type))
	dst = AppendInt(dst, connected)
	return EndFrame(AppendText(dst, e.Path), at)
}

// DecodeHeader sets p to what the header of a frame says, and returns the rest.
func (p *Reply) DecodeHeader(frame []byte) (body []byte, err error) {
	r := NewReader(frame)
	*p = Reply{Xid: r.Int(), Zxid: r.Long(), Code: znode.Code(r.Int())}
	return r.rest, r.Err()
}

// DecodeBody sets the fields that the reply to a request of type op has, or, if p.Xid is
// [XidEvent], those of an event. It returns [ErrMalformed] for a body that is cut short, and for
// one with bytes left over.
func (p *Reply) DecodeBody(op Op, body []byte) error {
	p.Op = op
	r := NewReader(body)
	switch {
	case p.Xid == XidEvent:
		p.Event, p.State, p.Path = znode.EventType(r.Int()), r.Int(), r.Text()
	case p.Code == znode.OK || op == OpSASL:
		p.decodeBody(&r)
	}
	if r.bad || r.Len() > 0 {
		return ErrMalformed
	}
	return nil
}

func (p *Reply) decodeBody(r *Reader) {
	switch p.Op {
	case OpCreate, OpSync:
		p.Path = r.Text()
	case OpCreate2, OpCreateContainer, OpCreateTTL:
		p.Path, p.Stat = r.Text(), r.Stat()
	case OpExists, OpSetData, OpSetACL:
		p.Stat = r.Stat()
	case OpGetData, OpReconfig:
		p.Data, p.Stat = r.Buffer(), r.Stat()
	case OpGetACL:
		p.ACL, p.Stat = r.ACL(), r.Stat()
	case OpGetChildren, OpGetEphemerals:
		p.Children = r.Texts()
	case OpGetChildren2:
		p.Children, p.Stat = r.Texts(), r.Stat()
	case OpGetAllChildrenNumber, OpAddWatch:
		p.Count = r.Int()
	case OpWhoAmI:
		n, _ := r.count(8)
		for range n {
			p.Who = append(p.Who, znode.Credential{Scheme: r.Text(), ID: r.Text()})
		}
	case OpSASL:
		p.Data = r.Buffer()
	case OpMulti, OpMultiRead:
		for {
			part := Reply{Op: Op(r.Int())}
			done := r.Bool()
			part.Code = znode.Code(r.Int())
			if r.bad || done {
				return
			}
			if part.Op == OpError {
				part.Code = znode.Code(r.Int())
			} else {
				part.decodeBody(r)
			}
			p.Results = append(p.Results, part)
		}
	}
}
