package record

import (
	"slices"

	"github.com/lockkeeper/lockkeeper/znode"
)

// A Batch is the value of [BatchKey]: what one transaction of the writer did, in order.
type Batch struct {
	Epoch   uint64 // it was committed under
	Number  uint64 // in its epoch
	Zxid    int64  // the last one given, by this batch or before
	Changes []znode.Change
}

// AppendBatch appends the value of [BatchKey].
func AppendBatch(dst []byte, b *Batch) []byte {
	dst = append(dst, Version)
	dst = appendInt64(dst, int64(b.Epoch))
	dst = appendInt64(dst, int64(b.Number))
	dst = appendInt64(dst, b.Zxid)
	dst = appendCount(dst, len(b.Changes))
	t := newTrail(b.Zxid)
	for i := range b.Changes {
		dst = t.append(dst, &b.Changes[i])
	}
	return dst
}

// DecodeBatch reads the value of [BatchKey]. It allocates the list of changes once. What a tree
// keeps (the paths of znodes created, the names of fences, ACLs, session records) are strings
// of their own; the other paths share one copy of the whole batch, so whoever keeps one of
// those for long should clone it.
func DecodeBatch(v []byte) (Batch, error) {
	r := open("batch", v)
	b := Batch{Epoch: r.uvarint(), Number: r.uvarint(), Zxid: r.int64()}
	if n := r.count(minChange); n > 0 {
		b.Changes = make([]znode.Change, n)
		t := newTrail(b.Zxid)
		r.each(n, minChange, func(i int) { t.take(&r, &b.Changes[i]) })
	}
	if err := r.close(); err != nil {
		return Batch{}, err
	}
	return b, nil
}

// A trail is what an entry of a change list is encoded against: the entries before it. The two
// sides keep equal ones.
type trail struct {
	origins [16]origin // members whose requests came lately; slot 0 begins as the writer itself
	used    int        // slots in use
	next    int        // the slot that the next newcomer takes
	current int        // slot of the previous entry
	session znode.SessionID
	zxid    int64 // of the last entry that had one
	time    int64
	path    string
	shared  bool // decoding: path is part of the copy of the whole batch
}

// An origin is one incarnation of a member, and the number of its last request seen.
type origin struct {
	member, incarnation, number uint64
}

// newTrail returns the trail before the first entry of a batch whose last zxid is given: the
// first entry's is close to it.
func newTrail(zxid int64) trail { return trail{used: 1, next: 1, zxid: zxid} }

// find returns the slot of a request's origin, or -1.
func (t *trail) find(id znode.RequestID) int {
	return slices.IndexFunc(t.origins[:t.used], func(o origin) bool {
		return o.member == id.Member && o.incarnation == id.Incarnation
	})
}

// add gives a new origin a slot, in turn, and makes it the current one.
func (t *trail) add(id znode.RequestID) {
	t.current = t.next
	t.origins[t.current] = origin{id.Member, id.Incarnation, id.Number}
	t.used = max(t.used, t.current+1)
	t.next = (t.next + 1) % len(t.origins)
}

// How an entry tells its request, in two bits of its head.
const (
	requestSame  = iota // the previous entry's
	requestNext         // the next number of the previous entry's origin
	requestKnown        // slot of the origin, distance from its last number
	requestNew          // an origin that has no slot
)

func (t *trail) appendRequest(dst []byte, id znode.RequestID) (mode uint32, _ []byte) {
	o := &t.origins[t.current]
	if o.member != id.Member || o.incarnation != id.Incarnation {
		slot := t.find(id)
		if slot < 0 {
			t.add(id)
			dst = appendFixed64(dst, id.Member)
			dst = appendInt64(dst, int64(id.Incarnation))
			return requestNew, appendInt64(dst, int64(id.Number))
		}
		t.current = slot
		o = &t.origins[slot]
	} else {
		switch id.Number {
		case o.number:
			return requestSame, dst
		case o.number + 1:
			o.number++
			return requestNext, dst
		}
	}
	dst = append(dst, byte(t.current))
	dst = appendDelta(dst, int64(id.Number-o.number))
	o.number = id.Number
	return requestKnown, dst
}

func (t *trail) takeRequest(r *reader, mode uint32) znode.RequestID {
	switch mode {
	case requestNext:
		t.origins[t.current].number++
	case requestKnown:
		slot, delta := int(r.byte()), r.delta()
		if slot >= t.used {
			r.fail("a request of an unknown member")
			return znode.RequestID{}
		}
		r.present(slot != t.current || delta != 0 && delta != 1)
		t.current = slot
		t.origins[slot].number += uint64(delta)
	case requestNew:
		id := znode.RequestID{Member: r.fixed64(), Incarnation: r.uvarint(), Number: r.uvarint()}
		r.present(t.find(id) < 0)
		t.add(id)
	}
	o := &t.origins[t.current]
	return znode.RequestID{Member: o.member, Incarnation: o.incarnation, Number: o.number}
}
