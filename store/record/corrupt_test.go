package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"github.com/lockkeeper/lockkeeper/znode"
)

// Each of these would decode if the decoder were lenient.
func TestCorrupt(t *testing.T) {
	head := func(flags uint32) string {
		return string(binary.LittleEndian.AppendUint32(nil, uint32(znode.Answered)|flags))
	}
	const forward = "\x01\x03\x00\x00\x01" // no round, no sessions, one request

	t.Run("number longer than needed", corrupt(fences, "\x01\x81\x00"))
	t.Run("number over 64 bits", corrupt(fences, "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"))
	t.Run("open ACL spelled out", corrupt(contents, "\x01\x00\x03\x1f\x05world\x06anyone\x00\x00"))
	t.Run("perms over 32 bits", corrupt(contents, "\x01\x00\x03\xff\xff\xff\xff\x7f\x00\x00\x00\x00"))
	t.Run("unknown kind of znode", corrupt(contents, "\x01\x02\x00\x00\x00\x04"))
	t.Run("persistent with a flag", corrupt(contents, "\x01\x02\x00\x00\x00\x00"))
	t.Run("mtime equal to ctime with a flag", corrupt(contents, "\x01\x20\x00\x00\x00\x00"))
	t.Run("unknown session flag", corrupt(sessions, "\x01\x80"))
	t.Run("labels out of order", corrupt(sessions, "\x01\x10\x02\x01b\x00\x01a\x00"))
	t.Run("label twice", corrupt(sessions, "\x01\x10\x02\x01a\x00\x01a\x00"))
	t.Run("no labels with a flag", corrupt(sessions, "\x01\x10\x00"))
	t.Run("zero owner with a flag", corrupt(sessions, "\x01\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	t.Run("card without version", corrupt(cards, "{}"))
	t.Run("card of another type", corrupt(cards, "\x01{\"name\":1}"))

	t.Run("no kind of change", corrupt(batches, "\x01\x00\x00\x00\x01\x00\x00\x00\x00"))
	t.Run("unknown kind of change", corrupt(batches, "\x01\x00\x00\x00\x01\x0f\x00\x00\x00"))
	for _, flags := range []uint32{
		changeUnused, 3 << changePath, 3 << changeOwner, // unknown
		pathSame << changePath, zxidSame << changeZxid, ownerSession << changeOwner, // of nothing
	} {
		t.Run(fmt.Sprintf("head %x", flags), corrupt(batches, "\x01\x00\x00\x00\x01"+head(flags)))
	}
	t.Run("request of an unknown slot", corrupt(batches, "\x01\x00\x00\x00\x01"+head(requestKnown<<changeRequest)+"\x01\x08"))
	t.Run("next request as a distance", corrupt(batches, "\x01\x00\x00\x00\x01"+head(requestKnown<<changeRequest)+"\x00\x02"))
	t.Run("known member as a new one", corrupt(batches, "\x01\x00\x00\x00\x01"+head(requestNew<<changeRequest)+strings.Repeat("\x00", 10)))
	t.Run("next zxid as a distance", corrupt(batches, "\x01\x00\x00\x05\x01"+head(zxidDelta<<changeZxid)+"\x02"))
	t.Run("empty path with a flag", corrupt(batches, "\x01\x00\x00\x00\x01"+head(pathFull<<changePath)+"\x00"))
	t.Run("same path in full", corrupt(batches, "\x01\x00\x00\x00\x02"+head(pathFull<<changePath)+"\x02/a"+head(pathFull<<changePath)+"\x02/a"))
	t.Run("nil ACL with a flag", corrupt(batches, "\x01\x00\x00\x00\x01"+head(changeACL)+"\x00"))
	t.Run("code over 32 bits", corrupt(batches, "\x01\x00\x00\x00\x01"+head(changeCode)+"\x80\x80\x80\x80\x10"))
	t.Run("empty note with a flag", corrupt(batches, "\x01\x00\x00\x00\x01"+head(changeNote)+"\x00"))
	t.Run("zero record with a flag", corrupt(batches, "\x01\x00\x00\x00\x01"+head(changeRecord)+"\x00"))

	t.Run("no kind of message", corrupt(messages, "\x01\x00"))
	t.Run("unknown kind of message", corrupt(messages, "\x01\x05"))
	t.Run("unknown request flags", corrupt(messages, forward+"\x20\x00"))
	t.Run("two owners", corrupt(messages, forward+"\x0c\x00"))
	t.Run("next request in full", corrupt(messages, forward+"\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00"))
	t.Run("no credentials with a flag", corrupt(messages, forward+"\x10\x00\x00"))
	t.Run("unknown kind of operation", corrupt(messages, forward+"\x00\x01\x7f\x00\x00"))
	t.Run("no rest with a flag", corrupt(messages, forward+"\x00\x01\x01\x00\x80\x00"))
	t.Run("empty note of an operation with a flag", corrupt(messages, forward+"\x00\x01\x02\x00\x10\x00"))
	t.Run("empty path of an operation with a flag", corrupt(messages, forward+"\x00\x01\x01\x01\x00\x00"))
}

func corrupt[T any](c codec[T], b string) func(*testing.T) {
	return func(t *testing.T) { c.checkCorrupt(t, []byte(b)) }
}

// A short input that claims a long list must not make room for it.
func TestCorruptClaims(t *testing.T) {
	long := binary.AppendUvarint(nil, 1<<50)
	claim := func(b string) []byte { return append([]byte(b), long...) }
	allocates(t, contents, claim("\x01\x00"))         // ACL
	allocates(t, contents, claim("\x01\x01\x00\x00")) // data
	allocates(t, sessions, claim("\x01\x10"))         // labels
	allocates(t, batches, claim("\x01\x00\x00\x00"))  // changes
	allocates(t, messages, claim("\x01\x03\x00"))     // sessions
	allocates(t, messages, claim("\x01\x03\x00\x00")) // requests
	allocates(t, messages, claim("\x01\x03\x00\x00\x01\x00"))
	allocates(t, messages, claim("\x01\x03\x00\x00\x01\x10"))
}

// Claims within claims must not each be granted the same bytes.
func TestCorruptNestedClaims(t *testing.T) {
	const rest = 6000
	claim := func(b []byte, n int, more string) []byte { return append(binary.AppendUvarint(b, uint64(n)), more...) }
	requests := claim([]byte("\x01\x03\x00\x00"), rest/minRequest, "\x00")
	ops := claim(requests, rest/minOp, "\x01\x04\x00")
	acl := claim(ops, rest/minACL, "")
	allocates(t, messages, append(acl, make([]byte, rest+20)...))
	changes := claim([]byte("\x01\x00\x00\x00"), rest/minChange, string(binary.LittleEndian.AppendUint32(nil, changeACL|uint32(znode.Created))))
	acl = claim(changes, rest/minACL, "")
	allocates(t, batches, append(acl, make([]byte, rest+20)...))
}

// multiple is how many times an input's size a decoder may allocate, as the package promises.
const multiple = 80

// allocates fails if decoding b, which is not valid, takes more room than promised and a little.
// The runtime counts the allocations of the whole process, in which others may be at work: what
// the decoder itself allocates is the least of several attempts.
func allocates[T any](t *testing.T, c codec[T], b []byte) {
	t.Helper()
	c.checkCorrupt(t, b)
	got := uint64(math.MaxUint64)
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := c.decode(b)
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("decode %s %x: no error", c.name, b)
		}
		got = min(got, after.TotalAlloc-before.TotalAlloc)
	}
	if most := uint64(len(b)*multiple + 4096); got > most {
		t.Errorf("decode %s %x allocated %d bytes; want at most %d", c.name, b, got, most)
	}
}

// Entries without a single field are what takes the most room for its size.
func TestMultiple(t *testing.T) {
	const n = 1000
	fewest := func(what string, size, least uintptr) {
		if size > multiple*least {
			t.Errorf("%s takes %d bytes, and at least %d encoded", what, size, least)
		}
	}
	fewest("a change", unsafe.Sizeof(znode.Change{}), minChange)
	fewest("a request", unsafe.Sizeof(znode.Request{}), minRequest)
	fewest("an operation", unsafe.Sizeof(znode.Op{}), minOp)
	fewest("a credential", unsafe.Sizeof(znode.Credential{}), minCredential)
	fewest("an ACL entry", unsafe.Sizeof(znode.ACL{}), minACL)

	var b Batch
	m := Message{Kind: ForwardKind}
	s := znode.Session{Labels: map[string]string{}}
	for i := range n {
		b.Changes = append(b.Changes, znode.Change{Kind: znode.Answered})
		m.Forward.Requests = append(m.Forward.Requests, znode.Request{ID: znode.RequestID{Number: uint64(i) + 1}, Ops: []znode.Op{{Kind: znode.OpCheck}}})
		s.Labels[string(binary.BigEndian.AppendUint16(nil, uint16(i)))] = ""
	}
	extra := func(b []byte) []byte { return append(b, 0) } // decoded to the end, and then refused
	allocates(t, batches, extra(AppendBatch(nil, &b)))
	allocates(t, messages, extra(AppendMessage(nil, &m)))
	allocates(t, sessions, extra(AppendSession(nil, &s)))
}

func TestCorruptError(t *testing.T) {
	_, err := DecodeFence(nil)
	if got, want := err.Error(), "corrupt fence: cut short"; got != want {
		t.Errorf("error = %q; want %q", got, want)
	}
	if errors.Is(err, errors.ErrUnsupported) {
		t.Error("a CorruptError matches more than ErrCorrupt")
	}
}

// A cluster's secret is in no log line.
func TestIdentityPrints(t *testing.T) {
	id := Identity{ID: 0x1f, Secret: [32]byte{222, 173}}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("cluster", "identity", id)
	for _, got := range []string{fmt.Sprint(id), fmt.Sprintf("%+v", id), log.String()} {
		if !strings.Contains(got, "000000000000001f") || strings.Contains(got, "222") {
			t.Errorf("identity prints as %q", got)
		}
	}
}

func TestCardUnknownFields(t *testing.T) {
	c, err := DecodeCard([]byte("\x01{\"name\":\"one\",\"hat\":{\"red\":true}}"))
	if err != nil || c.Name != "one" {
		t.Errorf("DecodeCard = %+v, %v; want one", c, err)
	}
}
