package record

import (
	"encoding/binary"

	"github.com/lockkeeper/lockkeeper/znode"
)

// Every operation starts with its kind and two bytes of flags, little-endian. A field without
// its flag is zero.
const (
	opPath       uint16 = 1 << iota
	opData              // not nil
	opACL               // not nil
	opNode              // not Persistent
	opSequential        // true
	opTTL
	opParents // true
	opProtected
	opVersion
	opCzxid
	opOwn // true
	opSession
	opNote
	opTwin   // true
	opShared // true
	opRest

	// opMore in the kind's byte says that another byte of flags, with their fields, follows the
	// fields of the two bytes.
	opMore byte = 0x80

	opPermits byte = 1 << 0 // count, limit and a byte that is 1 for a try
	opHeir    byte = 1 << 1
	opUnused  byte = 0xfc

	minOp = 3
)

func appendOp(dst []byte, op *znode.Op) []byte {
	dst = append(dst, byte(op.Kind))
	at := len(dst)
	dst = append(dst, 0, 0)
	var flags uint16
	if op.Path != "" {
		flags |= opPath
		dst = appendString(dst, op.Path)
	}
	if op.Data != nil {
		flags |= opData
		dst = appendBytes(dst, op.Data)
	}
	if op.ACL != nil {
		flags |= opACL
		dst = appendACL(dst, op.ACL)
	}
	if op.Node != znode.Persistent {
		flags |= opNode
		dst = append(dst, byte(op.Node))
	}
	if op.Sequential {
		flags |= opSequential
	}
	if op.TTL != 0 {
		flags |= opTTL
		dst = appendInt64(dst, op.TTL)
	}
	if op.Parents {
		flags |= opParents
	}
	if op.Protected != "" {
		flags |= opProtected
		dst = appendString(dst, op.Protected)
	}
	if op.Version != 0 {
		flags |= opVersion
		dst = appendDelta(dst, int64(op.Version)) // mostly -1
	}
	if op.Czxid != 0 {
		flags |= opCzxid
		dst = appendInt64(dst, op.Czxid)
	}
	if op.Own {
		flags |= opOwn
	}
	if !isZero(&op.Session) {
		flags |= opSession
		dst = appendSession(dst, &op.Session)
	}
	if op.Note != "" {
		flags |= opNote
		dst = appendString(dst, op.Note)
	}
	if op.Twin {
		flags |= opTwin
	}
	if op.Shared {
		flags |= opShared
	}
	if op.Rest != 0 {
		flags |= opRest
		dst = appendInt64(dst, op.Rest)
	}
	if op.Permits != (znode.SemaphoreOp{}) || op.Heir != 0 {
		dst[at-1] |= opMore
		dst = appendMore(dst, op)
	}
	binary.LittleEndian.PutUint16(dst[at:], flags)
	return dst
}

func (r *reader) op(op *znode.Op) {
	kind := r.byte()
	op.Kind = znode.OpKind(kind &^ opMore)
	if op.Kind < znode.OpCreate || op.Kind > znode.OpSetPermits {
		r.fail("unknown kind of operation")
		return
	}
	flags := r.fixed16()
	if flags&opPath != 0 {
		op.Path = r.shared()
		r.present(op.Path != "")
	}
	if flags&opData != 0 {
		op.Data = r.bytes()
	}
	if flags&opACL != 0 {
		op.ACL = r.acl()
		r.present(op.ACL != nil)
	}
	if flags&opNode != 0 {
		op.Node = r.nodeKind()
	}
	op.Sequential = flags&opSequential != 0
	if flags&opTTL != 0 {
		op.TTL = r.int64()
		r.present(op.TTL != 0)
	}
	op.Parents = flags&opParents != 0
	if flags&opProtected != 0 {
		op.Protected = r.shared()
		r.present(op.Protected != "")
	}
	if flags&opVersion != 0 {
		op.Version = r.delta32()
		r.present(op.Version != 0)
	}
	if flags&opCzxid != 0 {
		op.Czxid = r.int64()
		r.present(op.Czxid != 0)
	}
	op.Own = flags&opOwn != 0
	if flags&opSession != 0 {
		op.Session = r.session()
		r.present(!isZero(&op.Session))
	}
	if flags&opNote != 0 {
		op.Note = r.shared()
		r.present(op.Note != "")
	}
	op.Twin = flags&opTwin != 0
	op.Shared = flags&opShared != 0
	if flags&opRest != 0 {
		op.Rest = r.int64()
		r.present(op.Rest != 0)
	}
	if kind&opMore != 0 {
		r.moreOp(op)
	}
}

// moreOp takes what the third byte of flags is for.
func (r *reader) moreOp(op *znode.Op) {
	flags := r.byte()
	r.present(flags != 0)
	if flags&opUnused != 0 {
		r.fail("unknown flags")
		return
	}
	if flags&opPermits != 0 {
		op.Permits = r.permits()
		r.present(op.Permits != znode.SemaphoreOp{})
	}
	if flags&opHeir != 0 {
		op.Heir = r.int64()
		r.present(op.Heir != 0)
	}
}

func appendMore(dst []byte, op *znode.Op) []byte {
	at := len(dst)
	dst = append(dst, 0)
	if op.Permits != (znode.SemaphoreOp{}) {
		dst[at] |= opPermits
		dst = appendPermits(dst, &op.Permits)
	}
	if op.Heir != 0 {
		dst[at] |= opHeir
		dst = appendInt64(dst, op.Heir)
	}
	return dst
}

func appendPermits(dst []byte, p *znode.SemaphoreOp) []byte {
	dst = appendInt32(dst, p.Count)
	dst = appendInt32(dst, p.Limit)
	if p.Try {
		return append(dst, 1)
	}
	return append(dst, 0)
}

func (r *reader) permits() znode.SemaphoreOp {
	p := znode.SemaphoreOp{Count: r.int32(), Limit: r.int32()}
	try := r.byte()
	if try > 1 {
		r.fail("unknown flags")
	}
	p.Try = try == 1
	return p
}
