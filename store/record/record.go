// Package record encodes what stands in etcd and what goes over the forwarding stream: keys,
// values and messages. It does no I/O, reads no clock and judges nothing: whether a znode, a
// session or a request makes sense is for package znode to say.
//
// # Values
//
// Every value starts with one version byte. The Append functions append a value to dst and
// return the extended slice; they cannot fail. The Decode functions accept exactly what
// Append writes: a number in more bytes than it needs, a field that is present without need,
// labels out of order, a kind that no constant names, or bytes left over are all corrupt. So a
// value has one encoding, and comparing two of them means comparing their bytes. The one
// exception is a member's [Card], which is JSON.
//
// Decode functions return a [*CorruptError] for anything malformed, never panic, and never
// allocate more than 80 times the input's size. Byte slices in what they return alias the
// input, which must therefore not be modified afterwards; strings are copies.
//
// An empty list or map that means the same as an absent one (labels, credentials, operations,
// changes) decodes to nil. Data and ACLs keep the difference.
//
// All functions are safe for concurrent use.
package record

import "errors"

// Version is the version byte that every value and message of this package starts with.
const Version = 1

// ErrCorrupt is matched by every error of this package's Decode and Parse functions.
var ErrCorrupt = errors.New("corrupt record")

// A CorruptError reports a value, a message or an id that does not decode. It matches
// [ErrCorrupt].
type CorruptError struct {
	What    string // what was being decoded: "content", "batch", "message", …
	Problem string // what is wrong with it
}

// Error names the record and the problem.
func (e *CorruptError) Error() string { return "corrupt " + e.What + ": " + e.Problem }

// Is reports whether target is [ErrCorrupt].
func (e *CorruptError) Is(target error) bool { return target == ErrCorrupt }
