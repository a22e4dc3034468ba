package record

import "encoding/binary"

// appendInt64 appends a number that is seldom negative: [reader.int64].
func appendInt64(dst []byte, v int64) []byte { return binary.AppendUvarint(dst, uint64(v)) }

// appendInt32 appends a number that is seldom negative: [reader.int32].
func appendInt32(dst []byte, v int32) []byte { return binary.AppendUvarint(dst, uint64(uint32(v))) }

// appendDelta appends a number that may well be negative: [reader.delta].
func appendDelta(dst []byte, v int64) []byte {
	return binary.AppendUvarint(dst, uint64(v)<<1^uint64(v>>63))
}

// appendCount appends the length of a list: [reader.count].
func appendCount(dst []byte, n int) []byte { return binary.AppendUvarint(dst, uint64(n)) }

// appendFixed64 appends an id that is random in all its bits: [reader.fixed64].
func appendFixed64(dst []byte, v uint64) []byte { return binary.LittleEndian.AppendUint64(dst, v) }

func appendBytes(dst, b []byte) []byte {
	return append(appendCount(dst, len(b)), b...)
}

func appendString(dst []byte, s string) []byte {
	return append(appendCount(dst, len(s)), s...)
}
