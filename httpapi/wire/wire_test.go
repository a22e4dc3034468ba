package wire_test

import (
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

var acquire = wire.Frame{
	Kind: wire.Acquire, ID: 4711, Session: 0x3f0a6c1b52e9d704, Name: "orders/42", WaitMS: -1,
	RequestID: "6fd0b9a4-6d2f-4c11-9c2d-1f0e6a9c3b77",
}

// The exchange in the documentation is what we write.
func TestDocumentedBytes(t *testing.T) {
	text, err := os.ReadFile("../../docs/stream.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(text), "```text\n")
	block, _, _ = strings.Cut(block, "```")
	var batches [][]wire.Frame
	for part := range strings.SplitSeq(strings.TrimSpace(block), "\n\n") {
		_, digits, _ := strings.Cut(part, "\n")
		b, err := hex.DecodeString(strings.Join(strings.Fields(digits), ""))
		if err != nil {
			t.Fatal(err)
		}
		frames, err := decode(b)
		if err != nil {
			t.Fatal(err)
		}
		var again []byte
		for i := range frames {
			again = wire.AppendFrame(again, &frames[i])
		}
		if diff := cmp.Diff(b, again); diff != "" {
			t.Errorf("we write other bytes: %s", diff)
		}
		batches = append(batches, frames)
	}
	want := [][]wire.Frame{
		{{Kind: wire.Hello, ID: 1, Client: "demo/1.0"}, {Kind: wire.Open, ID: 2, TTLMS: 30000}},
		{{Kind: wire.OK, ID: 2, Session: 0x3f0a6c1b52e9d704, TTLMS: 30000, Revision: 118}},
	}
	if diff := cmp.Diff(want, batches); diff != "" {
		t.Error(diff)
	}
}

func TestMalformed(t *testing.T) {
	frame := func(body ...byte) []byte { return append([]byte{0x0a, byte(len(body))}, body...) }
	tests := []struct {
		name  string
		batch []byte
		want  error
	}{
		{"a tag cut off", []byte{0x80}, wire.ErrTruncated},
		{"a frame cut off", []byte{0x0a, 5, 8}, wire.ErrTruncated},
		{"text cut off", frame(0x22, 9, 'a'), wire.ErrTruncated},
		{"fixed64 cut off", frame(0x19, 1, 2, 3), wire.ErrTruncated},
		{"packed numbers cut off", frame(0x8a, 1, 3, 1, 2, 3), wire.ErrTruncated},
		{"a number too long", frame(0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1), wire.ErrMalformed},
		{"field 0", frame(0x00, 1), wire.ErrMalformed},
		{"a group", frame(0x0b), wire.ErrMalformed},
		{"text not UTF-8", frame(0x22, 1, 0xff), wire.ErrNotUTF8},
		{"a contender cut off", frame(0xca, 1, 2, 0x2a, 9), wire.ErrTruncated},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := decode(tt.batch)
			if _, typed := errors.AsType[*wire.FormatError](err); !typed || !errors.Is(err, tt.want) {
				t.Errorf("error %v; want %v", err, tt.want)
			}
		})
	}
}

func TestTooMany(t *testing.T) {
	f := wire.Frame{Contenders: make([]wire.Contender, wire.MaxContenders+1)}
	if _, err := decode(wire.AppendFrame(nil, &f)); !errors.Is(err, wire.ErrTooMany) {
		t.Errorf("contenders: %v", err)
	}
	f = wire.Frame{Sessions: make([]uint64, wire.MaxSessions+1)}
	if _, err := decode(wire.AppendFrame(nil, &f)); !errors.Is(err, wire.ErrTooMany) {
		t.Errorf("sessions: %v", err)
	}
}

func TestUnknownAndDouble(t *testing.T) {
	b := []byte{
		0x52, 2, 8, 1, // field 10 of the batch
		0x0a, 20,
		0x08, 1, 0x08, 6, // kind twice
		0xe0, 0x3f, 7, // field 1020, a number
		0x25, 1, 2, 3, 4, // name as a fixed32
		0x22, 1, 'a', 0x22, 1, 'b', // name twice
		0x10, 9,
	}
	frames, err := decode(b)
	if err != nil || len(frames) != 1 {
		t.Fatalf("%d frames, %v", len(frames), err)
	}
	if diff := cmp.Diff(wire.Frame{Kind: wire.Acquire, ID: 9, Name: "b"}, frames[0]); diff != "" {
		t.Error(diff)
	}
}

func TestTextThatIsNotUTF8(t *testing.T) {
	frames, err := decode(wire.AppendFrame(nil, &wire.Frame{Owner: "a\xffb"}))
	if err != nil || frames[0].Owner != "a\ufffdb" {
		t.Errorf("read %+v, %v", frames, err)
	}
}

// Whatever comes, decoding does not panic; what it understands, it writes and reads again.
func FuzzDecode(f *testing.F) {
	f.Add(wire.AppendFrame(nil, &acquire))
	r := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		frame := random(r)
		f.Add(wire.AppendFrame(nil, &frame))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		frames, _ := decode(b)
		var again []byte
		for i := range frames {
			again = wire.AppendFrame(again, &frames[i])
		}
		got, err := decode(again)
		if err != nil {
			t.Fatalf("our own bytes: %v", err)
		}
		if !slices.EqualFunc(frames, got, func(a, b wire.Frame) bool { return reflect.DeepEqual(a, b) }) {
			t.Fatalf("read again %+v of %+v", got, frames)
		}
	})
}

func BenchmarkEncodeAcquire(b *testing.B) {
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		buf = wire.AppendFrame(buf[:0], &acquire)
	}
}

func BenchmarkDecodeAcquire(b *testing.B) {
	b.ReportAllocs()
	batch := wire.AppendFrame(nil, &acquire)
	var f wire.Frame
	for b.Loop() {
		d := wire.NewDecoder(batch)
		if err := d.Next(&f); err != nil {
			b.Fatal(err)
		}
	}
}
