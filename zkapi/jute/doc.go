// Package jute is the codec of ZooKeeper's client protocol: records of big-endian numbers,
// length-prefixed strings and vectors, in frames with a four-byte length. It does no I/O and
// decides nothing but whether a message decodes.
//
// A server decodes a [ConnectRequest], then one [Request] a frame, and appends [ConnectResponse],
// [Reply] and event messages; a client does the reverse. Both sides are here, because tests speak
// them both.
//
// # Memory
//
// Decoding copies nothing: strings and buffers of what was decoded alias the frame. They are
// valid only as long as the frame is not written to. Nothing allocates more than a small multiple
// of the frame's length.
package jute

import "errors"

// ErrMalformed is returned for a record that does not decode: cut short, or with a length or
// count that its frame cannot hold.
var ErrMalformed = errors.New("jute: malformed record")
