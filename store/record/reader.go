package record

import (
	"encoding/binary"
	"math"
)

// A reader takes fields off a value. Its first problem sticks: from then on every method
// returns zero, so decoders check once, at the end and in their loops.
type reader struct {
	what   string
	b      []byte
	pos    int
	booked int    // bytes at the end of b that the lists being taken still need
	whole  string // b as a string, made by the first call of shared
	err    *CorruptError
}

// open starts reading v, the value of a what, after its version byte.
func open(what string, v []byte) reader {
	r := reader{what: what, b: v}
	if version := r.byte(); r.err == nil && version != Version {
		r.fail("unknown version")
	}
	return r
}

// close reports the first problem. Bytes left over are one.
func (r *reader) close() error {
	if r.err == nil && r.pos != len(r.b) {
		r.fail("bytes left over")
	}
	if r.err != nil {
		return r.err
	}
	return nil
}

func (r *reader) fail(problem string) {
	if r.err == nil {
		r.err = &CorruptError{What: r.what, Problem: problem}
	}
	r.pos = len(r.b)
}

func (r *reader) short() { r.fail("cut short") }

func (r *reader) left() int { return len(r.b) - r.pos }

func (r *reader) byte() byte {
	if r.pos >= len(r.b) {
		r.short()
		return 0
	}
	r.pos++
	return r.b[r.pos-1]
}

func (r *reader) fixed16() uint16 {
	if r.left() < 2 {
		r.short()
		return 0
	}
	r.pos += 2
	return binary.LittleEndian.Uint16(r.b[r.pos-2:])
}

func (r *reader) fixed32() uint32 {
	if r.left() < 4 {
		r.short()
		return 0
	}
	r.pos += 4
	return binary.LittleEndian.Uint32(r.b[r.pos-4:])
}

func (r *reader) fixed64() uint64 {
	if r.left() < 8 {
		r.short()
		return 0
	}
	r.pos += 8
	return binary.LittleEndian.Uint64(r.b[r.pos-8:])
}

// uvarint takes a number of 7 bits a byte, in the fewest bytes that hold it.
func (r *reader) uvarint() uint64 {
	if r.pos < len(r.b) && r.b[r.pos] < 0x80 {
		r.pos++
		return uint64(r.b[r.pos-1])
	}
	v, n := binary.Uvarint(r.b[r.pos:])
	switch {
	case n == 0:
		r.short()
		return 0
	case n < 0:
		r.fail("a number over 64 bits")
		return 0
	case r.b[r.pos+n-1] == 0:
		r.fail("a number longer than it needs to be")
		return 0
	}
	r.pos += n
	return v
}

// int64 takes a number that is seldom negative.
func (r *reader) int64() int64 { return int64(r.uvarint()) }

// int32 takes a number that is seldom negative.
func (r *reader) int32() int32 {
	v := r.uvarint()
	if v > math.MaxUint32 {
		r.fail("a number over 32 bits")
		return 0
	}
	return int32(uint32(v))
}

// delta takes a number that may well be negative.
func (r *reader) delta() int64 {
	v := r.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

// delta32 takes a 32-bit number that may well be negative.
func (r *reader) delta32() int32 {
	v := r.delta()
	if v != int64(int32(v)) {
		r.fail("a number over 32 bits")
		return 0
	}
	return int32(v)
}

// count takes the length of a list whose entries take at least size bytes each.
func (r *reader) count(size int) int { return r.fit(r.uvarint(), size) }

// fit refuses a list longer than the input can hold, before anybody makes room for it. What
// the rest of an outer list needs at least is booked: else a claim within a claim within a
// claim would each be granted the same bytes, and the room made would be their sum.
func (r *reader) fit(n uint64, size int) int {
	if n > uint64(max(r.left()-r.booked, 0)/size) {
		r.short()
		return 0
	}
	return int(n)
}

// each calls take for every entry of a list of n, each at least size bytes long, until there
// is a problem.
func (r *reader) each(n, size int, take func(i int)) {
	outer := r.booked
	for i := range n {
		r.booked = outer + (n-1-i)*size
		take(i)
		if r.err != nil {
			return
		}
	}
}

// bytes takes a byte slice, never nil unless there is a problem. It aliases the input.
func (r *reader) bytes() []byte {
	n := r.count(1)
	if r.err != nil {
		return nil
	}
	r.pos += n
	return r.b[r.pos-n : r.pos : r.pos]
}

// string takes a string of its own.
func (r *reader) string() string { return string(r.bytes()) }

// shared takes a string that shares one copy of the whole input with all others, and keeps
// that copy alive: for strings that are soon forgotten.
func (r *reader) shared() string {
	n := len(r.bytes())
	if n == 0 {
		return ""
	}
	if r.whole == "" {
		r.whole = string(r.b)
	}
	return r.whole[r.pos-n : r.pos]
}

// present refuses a field whose flag is set but whose value is the one that costs no flag.
func (r *reader) present(is bool) {
	if !is {
		r.fail("a field present without need")
	}
}
