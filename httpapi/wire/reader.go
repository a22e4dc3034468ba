package wire

import (
	"encoding/binary"
	"errors"
	"unicode/utf8"
)

// What can be wrong with the bytes of a batch; a [FormatError] wraps one of them.
var (
	// ErrTruncated is returned where the bytes end within a field.
	ErrTruncated = errors.New("the bytes end within a field")
	// ErrMalformed is returned for a number of more than 64 bits, a field without a number, and
	// the groups that protocol buffers have given up.
	ErrMalformed = errors.New("no field of a protocol buffer")
	// ErrNotUTF8 is returned for text that is not UTF-8.
	ErrNotUTF8 = errors.New("text is not UTF-8")
	// ErrTooMany is returned where more elements stand in a frame than this package takes.
	ErrTooMany = errors.New("too many elements")
)

// maxField is the highest number that protocol buffers give a field.
const maxField = 1<<29 - 1

// A reader takes the fields of a message off b. After its first error, which it keeps, it reads
// zero values.
type reader struct {
	b   []byte
	err error
}

// key makes a field's number and wire type into one number to switch on. A known number with a
// wire type that is not its own is an unknown field.
func key(field, wireType int) int { return field<<3 | wireType }

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.b = nil
}

// tag reads what stands in front of each field's value.
func (r *reader) tag() (field, wireType int) {
	v := r.varint()
	if r.err == nil && (v>>3 == 0 || v>>3 > maxField) {
		r.fail(ErrMalformed)
	}
	if r.err != nil {
		return 0, 0
	}
	return int(v >> 3), int(v & 7)
}

func (r *reader) varint() uint64 {
	if len(r.b) > 0 && r.b[0] < 0x80 {
		v := r.b[0]
		r.b = r.b[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(r.b)
	switch {
	case n > 0:
		r.b = r.b[n:]
		return v
	case n == 0 && len(r.b) < binary.MaxVarintLen64:
		r.fail(ErrTruncated)
	default:
		r.fail(ErrMalformed)
	}
	return 0
}

func (r *reader) fixed64() uint64 {
	if len(r.b) < 8 {
		r.fail(ErrTruncated)
		return 0
	}
	v := binary.LittleEndian.Uint64(r.b)
	r.b = r.b[8:]
	return v
}

// bytes reads a field with a length; the bytes are the batch's own.
func (r *reader) bytes() []byte {
	n := r.varint()
	if n > uint64(len(r.b)) {
		r.fail(ErrTruncated)
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) text() string {
	b := r.bytes()
	if !utf8.Valid(b) {
		r.fail(ErrNotUTF8)
		return ""
	}
	return string(b)
}

// skip leaves a field's value aside.
func (r *reader) skip(wireType int) {
	switch wireType {
	case typeVarint:
		r.varint()
	case typeFixed64:
		r.fixed64()
	case typeBytes:
		r.bytes()
	case typeFixed32:
		if len(r.b) < 4 {
			r.fail(ErrTruncated)
			return
		}
		r.b = r.b[4:]
	default:
		r.fail(ErrMalformed)
	}
}

// allFixed64 reads numbers in the packed form, and appends them to vs.
func (r *reader) allFixed64(vs []uint64) []uint64 {
	b := r.bytes()
	switch {
	case len(b)%8 != 0:
		r.fail(ErrTruncated)
		return vs
	case len(vs)+len(b)/8 > MaxSessions:
		r.fail(ErrTooMany)
		return vs
	}
	if vs == nil && len(b) > 0 {
		vs = make([]uint64, 0, len(b)/8)
	}
	for ; len(b) > 0; b = b[8:] {
		vs = append(vs, binary.LittleEndian.Uint64(b))
	}
	return vs
}

// within refuses a list that has grown beyond limit.
func within[T any](r *reader, list []T, limit int) []T {
	if len(list) > limit {
		r.fail(ErrTooMany)
	}
	return list
}

// inner returns a reader of a message within the message.
func (r *reader) inner() reader { return reader{b: r.bytes(), err: r.err} }

// pair reads an entry of a map.
func (r *reader) pair(pairs *map[string]string) {
	var k, v string
	in := r.inner()
	for len(in.b) > 0 {
		field, wireType := in.tag()
		switch key(field, wireType) {
		case key(pairKey, typeBytes):
			k = in.text()
		case key(pairValue, typeBytes):
			v = in.text()
		default:
			in.skip(wireType)
		}
	}
	if in.err != nil {
		r.fail(in.err)
		return
	}
	if *pairs == nil {
		*pairs = make(map[string]string)
	}
	if (*pairs)[k] = v; len(*pairs) > MaxPairs {
		r.fail(ErrTooMany)
	}
}

func (r *reader) lost() (l Lost) {
	in := r.inner()
	for len(in.b) > 0 {
		field, wireType := in.tag()
		switch key(field, wireType) {
		case key(lostSession, typeFixed64):
			l.Session = in.fixed64()
		case key(lostCause, typeBytes):
			l.Cause = in.text()
		default:
			in.skip(wireType)
		}
	}
	if in.err != nil {
		r.fail(in.err)
	}
	return l
}

func (r *reader) contender() (c Contender) {
	in := r.inner()
	for len(in.b) > 0 {
		field, wireType := in.tag()
		switch key(field, wireType) {
		case key(contenderToken, typeVarint):
			c.Token = int64(in.varint())
		case key(contenderSession, typeFixed64):
			c.Session = in.fixed64()
		case key(contenderState, typeVarint):
			c.State = State(in.varint())
		case key(contenderPosition, typeVarint):
			c.Position = int64(in.varint())
		case key(contenderOwner, typeBytes):
			c.Owner = in.text()
		case key(contenderReason, typeBytes):
			c.Reason = in.text()
		case key(contenderMetadata, typeBytes):
			in.pair(&c.Metadata)
		case key(contenderDoor, typeBytes):
			c.Door = in.text()
		case key(contenderEnqueuedMS, typeVarint):
			c.EnqueuedMS = int64(in.varint())
		case key(contenderSinceMS, typeVarint):
			c.SinceMS = int64(in.varint())
		case key(contenderPermits, typeVarint):
			c.Permits = int64(in.varint())
		case key(contenderZnode, typeBytes):
			c.Znode = in.text()
		case key(contenderMode, typeBytes):
			c.Mode = in.text()
		case key(contenderRestsMS, typeVarint):
			c.RestsUntilMS = int64(in.varint())
		case key(contenderAhead, typeVarint):
			c.Ahead = int64(in.varint())
		case key(contenderExpectedMS, typeVarint):
			c.ExpectedMS = int64(in.varint())
		case key(contenderValue, typeBytes):
			c.Value = in.text()
		case key(contenderPriority, typeVarint):
			c.Priority = int64(in.varint())
		default:
			in.skip(wireType)
		}
	}
	if in.err != nil {
		r.fail(in.err)
	}
	return c
}
