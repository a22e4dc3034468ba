package record

import (
	"bytes"
	"errors"
	"math"
	"reflect"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/lockkeeper/lockkeeper/znode"
)

// A codec is a pair of functions under test.
type codec[T any] struct {
	name   string
	append func(dst []byte, v T) []byte
	decode func(v []byte) (T, error)
	loose  bool // JSON: many encodings of one value
}

var (
	contents = codec[znode.Content]{name: "content", append: byPointer(AppendContent), decode: DecodeContent}
	counters = codec[znode.Counters]{name: "counters", append: AppendCounters, decode: DecodeCounters}
	sessions = codec[znode.Session]{name: "session", append: byPointer(AppendSession), decode: DecodeSession}
	fences   = codec[int64]{name: "fence", append: AppendFence, decode: DecodeFence}
	epochs   = codec[Epoch]{name: "epoch", append: AppendEpoch, decode: DecodeEpoch}
	guards   = codec[Guard]{name: "guard", append: AppendGuard, decode: DecodeGuard}
	identity = codec[Identity]{name: "identity", append: AppendIdentity, decode: DecodeIdentity}
	cards    = codec[Card]{name: "card", append: AppendCard, decode: DecodeCard, loose: true}
	batches  = codec[Batch]{name: "batch", append: byPointer(AppendBatch), decode: DecodeBatch}
	messages = codec[Message]{name: "message", append: byPointer(AppendMessage), decode: DecodeMessage}
)

func byPointer[T any](f func([]byte, *T) []byte) func([]byte, T) []byte {
	return func(dst []byte, v T) []byte { return f(dst, &v) }
}

// same compares what went in with what came out: empty and absent lists are one, except that
// data and ACLs keep the difference.
var same = cmp.FilterPath(func(p cmp.Path) bool {
	switch p.Last().Type() {
	case reflect.TypeFor[[]byte](), reflect.TypeFor[[]znode.ACL]():
		return false
	}
	return true
}, cmpopts.EquateEmpty())

// check encodes v behind some bytes, decodes it, and looks at what comes back.
func (c codec[T]) check(t rapid.TB, v T) {
	t.Helper()
	before := []byte("before")
	b := c.append(before, v)
	if !bytes.HasPrefix(b, before) {
		t.Fatalf("append to %q gave %q", before, b)
	}
	b = b[len(before):]
	got, err := c.decode(b)
	if err != nil {
		t.Fatalf("decode %s %x: %v", c.name, b, err)
	}
	if diff := cmp.Diff(v, got, same); diff != "" {
		t.Fatalf("%s came back different (-in +out):\n%s", c.name, diff)
	}
	if again := c.append(nil, got); !bytes.Equal(again, b) {
		t.Fatalf("%s: encoded again as %x; want %x", c.name, again, b)
	}
}

// checkCut decodes every beginning of a value: none may pass, nor may anything longer.
func (c codec[T]) checkCut(t rapid.TB, b []byte) {
	t.Helper()
	for n := range b {
		c.checkCorrupt(t, b[:n])
	}
	c.checkCorrupt(t, append(bytes.Clone(b), 0))
	other := bytes.Clone(b)
	other[0] = Version + 1
	c.checkCorrupt(t, other)
}

func (c codec[T]) checkCorrupt(t rapid.TB, b []byte) {
	t.Helper()
	got, err := c.decode(b)
	corrupt, ok := errors.AsType[*CorruptError](err)
	if !ok || !errors.Is(err, ErrCorrupt) {
		t.Fatalf("decode %s %x = %v, %v; want a CorruptError", c.name, b, got, err)
	}
	if corrupt.What != c.name || corrupt.Problem == "" {
		t.Fatalf("decode %s %x: error %+v names neither record nor problem", c.name, b, corrupt)
	}
}

// checkAny decodes anything at all: what passes must be what the encoder would have written.
func (c codec[T]) checkAny(t rapid.TB, b []byte) {
	t.Helper()
	in := bytes.Clone(b)
	v, err := c.decode(b)
	if !bytes.Equal(in, b) {
		t.Fatalf("decode changed its input %x to %x", in, b)
	}
	if err != nil {
		c.checkCorrupt(t, b)
		return
	}
	c.check(t, v)
	if again := c.append(nil, v); !c.loose && !bytes.Equal(again, b) {
		t.Fatalf("%s %x decodes, but encodes as %x", c.name, b, again)
	}
}

// drawn makes values of any type here: with many zeros, small steps, repetitions and extremes,
// for those are what the encoding treats apart.
func drawn[T any]() *rapid.Generator[T] {
	number := rapid.OneOf(
		rapid.Int64Range(-2, 3),
		rapid.Int64Range(1<<40, 1<<40+3),
		rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64, math.MaxInt64 - 1}),
		rapid.Int64(),
	)
	text := rapid.OneOf(
		rapid.SampledFrom([]string{"", "", "/a", "/a/b", "/locks/x/_c_5-lock-0000000001"}),
		rapid.String(),
	)
	data := rapid.OneOf(
		rapid.Just([]byte(nil)),
		rapid.SliceOfN(rapid.Byte(), 0, 200),
	)
	entry := rapid.OneOf(
		rapid.Just(znode.OpenACL[0]),
		rapid.Custom(func(t *rapid.T) znode.ACL {
			return znode.ACL{
				Perms:  znode.Perm(rapid.Int32().Draw(t, "perms")),
				Scheme: text.Draw(t, "scheme"),
				ID:     text.Draw(t, "id"),
			}
		}),
	)
	list := rapid.OneOf(
		rapid.SampledFrom([][]znode.ACL{nil, nil, {}, znode.OpenACL}),
		rapid.SliceOfN(entry, 0, 3),
	)
	return rapid.MakeCustom[T](rapid.MakeConfig{
		Kinds: map[reflect.Kind]*rapid.Generator[any]{
			reflect.Int64:  number.AsAny(),
			reflect.Uint64: rapid.Map(number, func(v int64) uint64 { return uint64(v) }).AsAny(),
			reflect.Int32:  rapid.Map(number, func(v int64) int32 { return int32(v) }).AsAny(),
			reflect.String: text.AsAny(),
		},
		Types: map[reflect.Type]*rapid.Generator[any]{
			reflect.TypeFor[[]byte]():           data.AsAny(),
			reflect.TypeFor[[]znode.ACL]():      list.AsAny(),
			reflect.TypeFor[znode.Kind]():       rapid.SampledFrom(upTo(znode.Persistent, znode.TTL)).AsAny(),
			reflect.TypeFor[znode.ChangeKind](): rapid.SampledFrom(upTo(znode.Created, znode.Rested)).AsAny(),
			reflect.TypeFor[znode.OpKind]():     rapid.SampledFrom(upTo(znode.OpCreate, znode.OpSetPermits)).AsAny(),
		},
	})
}

func upTo[K ~uint8](first, last K) []K {
	var list []K
	for k := first; k <= last; k++ {
		list = append(list, k)
	}
	return list
}
