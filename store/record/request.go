package record

import "github.com/lockkeeper/lockkeeper/znode"

// Every request starts with a byte of flags, which also says how its owner is told.
const (
	requestID      byte = 1 << iota // member, incarnation and number; else the previous request's and the number after its
	requestSession                  // not the previous request's
	requestOwner                    // generation, at the member of the request's id
	requestOther                    // owner: member and generation
	requestAuth                     // not empty
	requestUnused  byte = 0xe0
)

const (
	minRequest    = 2 // flags, number of operations
	minCredential = 2 // two empty strings
)

// appendRequests appends a list of requests, each against the one before.
func appendRequests(dst []byte, list []znode.Request) []byte {
	dst = appendCount(dst, len(list))
	var last znode.Request
	for i := range list {
		dst = appendRequest(dst, &list[i], &last)
		last.ID, last.Session = list[i].ID, list[i].Session
	}
	return dst
}

func appendRequest(dst []byte, q, last *znode.Request) []byte {
	at := len(dst)
	dst = append(dst, 0)
	var flags byte
	if q.ID != following(last.ID) {
		flags |= requestID
		dst = appendFixed64(dst, q.ID.Member)
		dst = appendInt64(dst, int64(q.ID.Incarnation))
		dst = appendInt64(dst, int64(q.ID.Number))
	}
	if q.Session != last.Session {
		flags |= requestSession
		dst = appendDelta(dst, int64(q.Session-last.Session))
	}
	switch {
	case q.Owner == znode.Owner{}:
	case q.Owner.Member == q.ID.Member:
		flags |= requestOwner
		dst = appendInt64(dst, q.Owner.Generation)
	default:
		flags |= requestOther
		dst = appendOwner(dst, q.Owner)
	}
	if len(q.Auth) > 0 {
		flags |= requestAuth
		dst = appendCount(dst, len(q.Auth))
		for i := range q.Auth {
			dst = appendString(dst, q.Auth[i].Scheme)
			dst = appendString(dst, q.Auth[i].ID)
		}
	}
	dst = appendCount(dst, len(q.Ops))
	for i := range q.Ops {
		dst = appendOp(dst, &q.Ops[i])
	}
	dst[at] = flags
	return dst
}

// following returns the id of the next request of the same member.
func following(id znode.RequestID) znode.RequestID {
	id.Number++
	return id
}

// requests takes a list of requests, nil when it is empty.
func (r *reader) requests() []znode.Request {
	n := r.count(minRequest)
	if n == 0 {
		return nil
	}
	list := make([]znode.Request, n)
	var last znode.Request
	r.each(n, minRequest, func(i int) {
		r.request(&list[i], &last)
		last.ID, last.Session = list[i].ID, list[i].Session
	})
	return list
}

func (r *reader) request(q, last *znode.Request) {
	flags := r.byte()
	if flags&requestUnused != 0 {
		r.fail("unknown flags")
		return
	}
	q.ID = following(last.ID)
	if flags&requestID != 0 {
		q.ID = znode.RequestID{Member: r.fixed64(), Incarnation: r.uvarint(), Number: r.uvarint()}
		r.present(q.ID != following(last.ID))
	}
	q.Session = last.Session
	if flags&requestSession != 0 {
		q.Session += znode.SessionID(r.delta())
		r.present(q.Session != last.Session)
	}
	switch flags & (requestOwner | requestOther) {
	case 0:
	case requestOwner:
		q.Owner = znode.Owner{Member: q.ID.Member, Generation: r.int64()}
		r.present(q.Owner != znode.Owner{})
	case requestOther:
		q.Owner = r.owner()
		r.present(q.Owner != znode.Owner{} && q.Owner.Member != q.ID.Member)
	default:
		r.fail("unknown flags")
	}
	if flags&requestAuth != 0 {
		q.Auth = make([]znode.Credential, r.count(minCredential))
		r.present(len(q.Auth) > 0)
		r.each(len(q.Auth), minCredential, func(i int) {
			q.Auth[i] = znode.Credential{Scheme: r.shared(), ID: r.shared()}
		})
	}
	if n := r.count(minOp); n > 0 {
		q.Ops = make([]znode.Op, n)
		r.each(n, minOp, func(i int) { r.op(&q.Ops[i]) })
	}
}
