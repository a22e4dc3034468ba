package jute

import (
	"encoding/binary"
	"unsafe"

	"github.com/lockkeeper/lockkeeper/znode"
)

// A Reader takes values from the front of a frame. After the first value that does not decode
// every further one is zero, and Err tells. The zero Reader is at the end of an empty frame. It
// is not safe for concurrent use.
type Reader struct {
	rest []byte
	bad  bool
}

// NewReader returns a Reader of frame, which must not be written to while anything that was read
// is in use.
func NewReader(frame []byte) Reader { return Reader{rest: frame} }

// Err returns [ErrMalformed] once a value did not decode.
func (r *Reader) Err() error {
	if r.bad {
		return ErrMalformed
	}
	return nil
}

// Len returns how many bytes are left.
func (r *Reader) Len() int { return len(r.rest) }

func (r *Reader) take(n int) []byte {
	if r.bad || n > len(r.rest) {
		r.bad, r.rest = true, nil
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

// Int takes an int: four bytes.
func (r *Reader) Int() int32 {
	if b := r.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

// Long takes a long: eight bytes.
func (r *Reader) Long() int64 {
	if b := r.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

// Bool takes a boolean: one byte, true unless zero.
func (r *Reader) Bool() bool {
	b := r.take(1)
	return b != nil && b[0] != 0
}

// Buffer takes a buffer: a length and so many bytes. A length of -1 is null, which is nil; an
// empty buffer is not nil.
func (r *Reader) Buffer() []byte {
	n := r.Int()
	switch {
	case r.bad, n == -1:
		return nil
	case n < 0:
		r.bad, r.rest = true, nil
		return nil
	case n == 0:
		return []byte{}
	}
	return r.take(int(n))
}

// Text takes a string. Null is the empty string. It is not checked to be UTF-8.
func (r *Reader) Text() string {
	b := r.Buffer()
	return unsafe.String(unsafe.SliceData(b), len(b)) // the frame does not change: see the package
}

// count takes the count of a vector whose items have at least size bytes each; -1 is null.
func (r *Reader) count(size int) (n int, null bool) {
	c := r.Int()
	if r.bad || c < 0 {
		if c < -1 {
			r.bad, r.rest = true, nil
		}
		return 0, true
	}
	if int64(c)*int64(size) > int64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return 0, true
	}
	return int(c), false
}

// Texts takes a vector of strings. Null is nil; an empty vector is not.
func (r *Reader) Texts() []string {
	n, null := r.count(4)
	if null {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = r.Text()
	}
	return list
}

// ACL takes an access control list. Null is nil, which is not well-formed; an empty one is not nil.
func (r *Reader) ACL() []znode.ACL {
	n, null := r.count(12)
	if null {
		return nil
	}
	list := make([]znode.ACL, n)
	for i := range list {
		list[i] = znode.ACL{Perms: znode.Perm(r.Int()), Scheme: r.Text(), ID: r.Text()}
	}
	return list
}

// Stat takes a Stat: 68 bytes.
func (r *Reader) Stat() znode.Stat {
	return znode.Stat{
		Czxid: r.Long(), Mzxid: r.Long(), Ctime: r.Long(), Mtime: r.Long(),
		Version: r.Int(), Cversion: r.Int(), Aversion: r.Int(), EphemeralOwner: r.Long(),
		DataLength: r.Int(), NumChildren: r.Int(), Pzxid: r.Long(),
	}
}
