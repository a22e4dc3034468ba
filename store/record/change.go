package record

import (
	"encoding/binary"

	"github.com/lockkeeper/lockkeeper/znode"
)

// Every entry of a change list starts with a head of four bytes, little-endian: its kind, its
// flags, and which fields follow. A field without its flag is zero, or the previous entry's.
// The head is not a varint because every entry needs most of it, and because its size bounds
// how many entries an input can claim to have.
const (
	changeKind    uint32 = 0xf // [znode.ChangeKind]
	changeAux     uint32 = 1 << 4
	changeLast    uint32 = 1 << 5
	changeExpired uint32 = 1 << 6

	changeRequest = 7  // two bits: requestSame, …
	changeZxid    = 9  // two bits: zxidNone, …
	changePath    = 11 // two bits: pathNone, …
	changeOwner   = 13 // two bits: ownerNone, …
	twoBits       = 3

	changeSession  uint32 = 1 << 15 // not the previous entry's
	changeTime     uint32 = 1 << 16 // not the previous entry's
	changeNode     uint32 = 1 << 17
	changeTTL      uint32 = 1 << 18
	changeVersion  uint32 = 1 << 19
	changeAversion uint32 = 1 << 20
	changeLength   uint32 = 1 << 21
	changeStep     uint32 = 1 << 22
	changeACL      uint32 = 1 << 23 // not nil
	changeCode     uint32 = 1 << 24
	changeToken    uint32 = 1 << 25
	changeRecord   uint32 = 1 << 26
	changeRepeated uint32 = 1 << 27
	changeNote     uint32 = 1 << 28
	changeUnused   uint32 = 0x60000000
	changeMoved    uint32 = 0x80000000

	minChange = 4
)

// How an entry tells its zxid.
const (
	zxidNone  = iota // zero
	zxidSame         // the last entry's that had one
	zxidNext         // one more than that
	zxidDelta        // the distance from that follows
)

// How an entry tells its path.
const (
	pathNone = iota // empty
	pathSame        // the previous entry's
	pathFull        // it follows
)

// How an entry tells its owner.
const (
	ownerNone    = iota // zero
	ownerSession        // the entry's session
	ownerOther          // it follows
)

// append appends the next entry of a change list.
func (t *trail) append(dst []byte, c *znode.Change) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	head := uint32(c.Kind) & changeKind
	if c.Aux {
		head |= changeAux
	}
	if c.Last {
		head |= changeLast
	}
	if c.Expired {
		head |= changeExpired
	}
	mode, dst := t.appendRequest(dst, c.Request)
	head |= mode << changeRequest
	if c.Session != t.session {
		head |= changeSession
		dst = appendDelta(dst, int64(c.Session-t.session))
		t.session = c.Session
	}
	if c.Zxid != 0 {
		switch c.Zxid {
		case t.zxid:
			head |= zxidSame << changeZxid
		case t.zxid + 1:
			head |= zxidNext << changeZxid
		default:
			head |= zxidDelta << changeZxid
			dst = appendDelta(dst, c.Zxid-t.zxid)
		}
		t.zxid = c.Zxid
	}
	if c.Time != t.time {
		head |= changeTime
		dst = appendDelta(dst, c.Time-t.time)
		t.time = c.Time
	}
	if c.Path != "" {
		if c.Path == t.path {
			head |= pathSame << changePath
		} else {
			head |= pathFull << changePath
			dst = appendString(dst, c.Path)
		}
	}
	t.path = c.Path
	switch c.Owner {
	case 0:
	case c.Session:
		head |= ownerSession << changeOwner
	default:
		head |= ownerOther << changeOwner
		dst = appendInt64(dst, int64(c.Owner))
	}
	rest, dst := appendChangeRest(dst, c)
	binary.LittleEndian.PutUint32(dst[at:], head|rest)
	return dst
}

// appendChangeRest appends the fields that have nothing to do with the entry before, and
// returns their flags.
func appendChangeRest(dst []byte, c *znode.Change) (head uint32, _ []byte) {
	if c.Node != znode.Persistent {
		head |= changeNode
		dst = append(dst, byte(c.Node))
	}
	if c.TTL != 0 {
		head |= changeTTL
		dst = appendInt64(dst, c.TTL)
	}
	if c.Version != 0 {
		head |= changeVersion
		dst = appendInt32(dst, c.Version)
	}
	if c.Aversion != 0 {
		head |= changeAversion
		dst = appendInt32(dst, c.Aversion)
	}
	if c.Length != 0 {
		head |= changeLength
		dst = appendInt32(dst, c.Length)
	}
	if c.Step != 0 {
		head |= changeStep
		dst = appendInt32(dst, c.Step)
	}
	if c.ACL != nil {
		head |= changeACL
		dst = appendACL(dst, c.ACL)
	}
	if c.Code != znode.OK {
		head |= changeCode
		dst = appendDelta(dst, int64(c.Code))
	}
	if c.Token != 0 {
		head |= changeToken
		dst = appendInt64(dst, c.Token)
	}
	if !isZero(&c.Record) {
		head |= changeRecord
		dst = appendSession(dst, &c.Record)
	}
	if c.Repeated {
		head |= changeRepeated
	}
	if c.Note != "" {
		head |= changeNote
		dst = appendString(dst, c.Note)
	}
	if c.Moved != 0 {
		head |= changeMoved
		dst = appendInt64(dst, c.Moved)
	}
	return head, dst
}
