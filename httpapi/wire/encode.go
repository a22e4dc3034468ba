package wire

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// AppendFrame appends f to b as an element of a batch, and returns b. A batch is its frames, one
// after the other, so frames that were appended apart may be put together. Fields that are zero
// take no bytes. Text that is not valid UTF-8, which the encoding does not allow, goes with U+FFFD
// in place of each wrong byte: whoever sends a name must check it before. It does not keep f.
func AppendFrame(b []byte, f *Frame) []byte {
	b, start := begin(b, batchFrames)
	b = appendInt(b, frameKind, int64(f.Kind))
	b = appendUint(b, frameID, f.ID)
	b = appendFixed(b, frameSession, f.Session)
	b = appendText(b, frameName, f.Name)
	b = appendInt(b, frameToken, f.Token)
	b = appendText(b, frameRequestID, f.RequestID)
	b = appendInt(b, frameWaitMS, f.WaitMS)
	b = appendInt(b, frameTTLMS, f.TTLMS)
	b = appendText(b, frameOwner, f.Owner)
	b = appendText(b, frameReason, f.Reason)
	b = appendPairs(b, frameLabels, f.Labels)
	b = appendPairs(b, frameMetadata, f.Metadata)
	b = appendText(b, frameTicket, f.Ticket)
	b = appendBool(b, frameForce, f.Force)
	b = appendUint(b, frameTarget, f.Target)
	b = appendInt(b, frameLimit, f.Limit)
	b = appendAllFixed(b, frameSessions, f.Sessions)
	b = appendText(b, frameClient, f.Client)
	b = appendText(b, frameAfter, f.After)
	b = appendText(b, frameCompat, f.Compat)
	b = appendText(b, frameMode, f.Mode)
	for _, name := range f.Names {
		b = appendElement(b, frameNames, name)
	}
	b = appendBool(b, frameReentrant, f.Reentrant)
	b = appendInt(b, frameLockDelayMS, f.LockDelayMS)
	b = appendText(b, frameDeadlock, f.Deadlock)
	b = f.appendAnswer(b)
	b = appendText(b, frameValue, f.Value)
	b = appendInt(b, framePriority, f.Priority)
	b = appendInt(b, frameCandidate, f.Candidate)
	b = appendInt(b, frameKnown, int64(f.Known))
	return end(b, start)
}

// appendAnswer appends the fields of answers and pushes.
func (f *Frame) appendAnswer(b []byte) []byte {
	b = appendInt(b, frameState, int64(f.State))
	b = appendInt(b, frameRevision, f.Revision)
	b = appendBool(b, frameRepeatedRequest, f.RepeatedRequest)
	b = appendInt(b, framePosition, f.Position)
	b = appendInt(b, frameSinceMS, f.SinceMS)
	for i := range f.Contenders {
		b = f.Contenders[i].append(b)
	}
	b = appendInt(b, frameTotal, f.Total)
	b = appendText(b, frameCause, f.Cause)
	b = appendText(b, frameEvent, f.Event)
	b = appendInt(b, frameTimeMS, f.TimeMS)
	for _, l := range f.Lost {
		var start int
		b, start = begin(b, frameLost)
		b = appendFixed(b, lostSession, l.Session)
		b = appendText(b, lostCause, l.Cause)
		b = end(b, start)
	}
	b = appendInt(b, framePermits, f.Permits)
	b = appendInt(b, framePermitLimit, f.PermitLimit)
	b = appendInt(b, frameInUse, f.InUse)
	b = appendInt(b, frameWaiters, f.Waiters)
	b = appendText(b, frameCode, f.Code)
	b = appendText(b, frameMessage, f.Message)
	b = appendText(b, frameField, f.Field)
	b = appendText(b, frameFix, f.Fix)
	b = appendInt(b, frameHighest, f.Highest)
	b = appendInt(b, frameRetryMS, f.RetryMS)
	b = appendText(b, frameMember, f.Member)
	b = appendText(b, frameCluster, f.Cluster)
	b = appendText(b, frameVersion, f.Version)
	b = appendInt(b, frameMaxFrame, f.MaxFrame)
	b = appendInt(b, frameMaxInFlight, f.MaxInFlight)
	for _, e := range f.Endpoints {
		b = appendElement(b, frameEndpoints, e)
	}
	b = appendInt(b, frameCount, f.Count)
	b = appendText(b, frameParticipant, f.Participant)
	b = appendBool(b, frameClosed, f.Closed)
	b = appendData(b, frameData, f.Data)
	b = appendInt(b, frameDataVersion, f.DataVersion)
	b = appendText(b, frameLock, f.Lock)
	b = appendInt(b, frameMzxid, f.Mzxid)
	b = appendInt(b, frameExpectedMS, f.ExpectedMS)
	b = appendInt(b, frameAhead, f.Ahead)
	for i := range f.Links {
		b = f.Links[i].append(b)
	}
	return b
}

func (c *Contender) append(b []byte) []byte {
	b, start := begin(b, frameContenders)
	b = appendInt(b, contenderToken, c.Token)
	b = appendFixed(b, contenderSession, c.Session)
	b = appendInt(b, contenderState, int64(c.State))
	b = appendInt(b, contenderPosition, c.Position)
	b = appendText(b, contenderOwner, c.Owner)
	b = appendText(b, contenderReason, c.Reason)
	b = appendPairs(b, contenderMetadata, c.Metadata)
	b = appendText(b, contenderDoor, c.Door)
	b = appendInt(b, contenderEnqueuedMS, c.EnqueuedMS)
	b = appendInt(b, contenderSinceMS, c.SinceMS)
	b = appendText(b, contenderZnode, c.Znode)
	b = appendText(b, contenderMode, c.Mode)
	b = appendInt(b, contenderRestsMS, c.RestsUntilMS)
	b = appendInt(b, contenderAhead, c.Ahead)
	b = appendInt(b, contenderExpectedMS, c.ExpectedMS)
	b = appendText(b, contenderValue, c.Value)
	b = appendInt(b, contenderPriority, c.Priority)
	b = appendInt(b, contenderPermits, c.Permits)
	return end(b, start)
}

// begin appends the start of a message within a message, and room for a length of one byte, which
// most need. It returns where the message's own bytes start.
func begin(b []byte, field int) ([]byte, int) {
	b = appendTag(b, field, typeBytes)
	b = append(b, 0)
	return b, len(b)
}

// end writes the length of the message that began at start, and makes room where it needs more
// than one byte.
func end(b []byte, start int) []byte {
	n := len(b) - start
	if n < 0x80 {
		b[start-1] = byte(n)
		return b
	}
	var length [binary.MaxVarintLen64]byte
	more := binary.PutUvarint(length[:], uint64(n)) - 1
	b = append(b, length[:more]...)
	copy(b[start+more:], b[start:start+n])
	copy(b[start-1:], length[:more+1])
	return b
}

func appendTag(b []byte, field, wireType int) []byte {
	return binary.AppendUvarint(b, uint64(field)<<3|uint64(wireType))
}

func appendUint(b []byte, field int, v uint64) []byte {
	if v == 0 {
		return b
	}
	return binary.AppendUvarint(appendTag(b, field, typeVarint), v)
}

func appendInt(b []byte, field int, v int64) []byte { return appendUint(b, field, uint64(v)) }

func appendBool(b []byte, field int, v bool) []byte {
	if !v {
		return b
	}
	return append(appendTag(b, field, typeVarint), 1)
}

func appendFixed(b []byte, field int, v uint64) []byte {
	if v == 0 {
		return b
	}
	return binary.LittleEndian.AppendUint64(appendTag(b, field, typeFixed64), v)
}

// appendAllFixed appends numbers in the packed form, which is proto3's.
func appendAllFixed(b []byte, field int, vs []uint64) []byte {
	if len(vs) == 0 {
		return b
	}
	b = binary.AppendUvarint(appendTag(b, field, typeBytes), uint64(8*len(vs)))
	for _, v := range vs {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

func appendText(b []byte, field int, s string) []byte {
	if s == "" {
		return b
	}
	return appendElement(b, field, s)
}

// appendElement appends a text that may be empty: an element of a list or a half of a pair.
func appendElement(b []byte, field int, s string) []byte {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, string(utf8.RuneError))
	}
	b = binary.AppendUvarint(appendTag(b, field, typeBytes), uint64(len(s)))
	return append(b, s...)
}

// appendData appends bytes as they are.
func appendData(b []byte, field int, data []byte) []byte {
	if len(data) == 0 {
		return b
	}
	b = binary.AppendUvarint(appendTag(b, field, typeBytes), uint64(len(data)))
	return append(b, data...)
}

// appendPairs appends a map, ordered by its keys, so that equal frames have equal bytes.
func appendPairs(b []byte, field int, pairs map[string]string) []byte {
	if len(pairs) == 0 {
		return b
	}
	for _, k := range slices.Sorted(maps.Keys(pairs)) {
		var start int
		b, start = begin(b, field)
		b = appendText(b, pairKey, k)
		b = appendText(b, pairValue, pairs[k])
		b = end(b, start)
	}
	return b
}
