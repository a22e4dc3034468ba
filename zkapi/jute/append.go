package jute

import (
	"encoding/binary"

	"github.com/lockkeeper/lockkeeper/znode"
)

// The Append functions append a value to dst and return the extended slice.

// AppendInt appends an int.
func AppendInt(dst []byte, v int32) []byte { return binary.BigEndian.AppendUint32(dst, uint32(v)) }

// AppendLong appends a long.
func AppendLong(dst []byte, v int64) []byte { return binary.BigEndian.AppendUint64(dst, uint64(v)) }

// AppendBool appends a boolean.
func AppendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// AppendBuffer appends a buffer; nil becomes null.
func AppendBuffer(dst, v []byte) []byte {
	if v == nil {
		return AppendInt(dst, -1)
	}
	return append(AppendInt(dst, int32(len(v))), v...)
}

// AppendText appends a string.
func AppendText(dst []byte, v string) []byte {
	return append(AppendInt(dst, int32(len(v))), v...)
}

// AppendTexts appends a vector of strings; nil becomes null.
func AppendTexts(dst []byte, list []string) []byte {
	if list == nil {
		return AppendInt(dst, -1)
	}
	dst = AppendInt(dst, int32(len(list)))
	for _, s := range list {
		dst = AppendText(dst, s)
	}
	return dst
}

// AppendACL appends an access control list; nil becomes null.
func AppendACL(dst []byte, list []znode.ACL) []byte {
	if list == nil {
		return AppendInt(dst, -1)
	}
	dst = AppendInt(dst, int32(len(list)))
	for i := range list {
		dst = AppendInt(dst, int32(list[i].Perms))
		dst = AppendText(dst, list[i].Scheme)
		dst = AppendText(dst, list[i].ID)
	}
	return dst
}

// AppendStat appends a Stat.
func AppendStat(dst []byte, s *znode.Stat) []byte {
	dst = AppendLong(dst, s.Czxid)
	dst = AppendLong(dst, s.Mzxid)
	dst = AppendLong(dst, s.Ctime)
	dst = AppendLong(dst, s.Mtime)
	dst = AppendInt(dst, s.Version)
	dst = AppendInt(dst, s.Cversion)
	dst = AppendInt(dst, s.Aversion)
	dst = AppendLong(dst, s.EphemeralOwner)
	dst = AppendInt(dst, s.DataLength)
	dst = AppendInt(dst, s.NumChildren)
	return AppendLong(dst, s.Pzxid)
}

// BeginFrame leaves room in dst for a frame's length. What is appended after it is the frame,
// until [EndFrame] with the at that BeginFrame returned.
func BeginFrame(dst []byte) (frame []byte, at int) {
	return append(dst, 0, 0, 0, 0), len(dst)
}

// EndFrame writes the length of the frame that began at.
func EndFrame(dst []byte, at int) []byte {
	binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}
