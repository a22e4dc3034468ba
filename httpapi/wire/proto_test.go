package wire_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// described compiles stream.proto.
func described(t testing.TB) protoreflect.FileDescriptor {
	t.Helper()
	c := protocompile.Compiler{Resolver: &protocompile.SourceResolver{}}
	files, err := c.Compile(context.Background(), "stream.proto")
	if err != nil {
		t.Fatal(err)
	}
	return files[0]
}

// decode takes a batch apart.
func decode(b []byte) (frames []wire.Frame, err error) {
	d := wire.NewDecoder(b)
	for {
		var f wire.Frame
		if err := d.Next(&f); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return frames, err
		}
		frames = append(frames, f)
	}
}

// What we write, protocol buffers read as the file says, and the other way round, field by field.
func TestAsTheFileSays(t *testing.T) {
	batch := described(t).Messages().ByName("Batch")
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		f := random(r)
		ours := wire.AppendFrame(nil, &f)
		m := dynamicpb.NewMessage(batch)
		if err := proto.Unmarshal(ours, m); err != nil {
			t.Fatalf("protocol buffers do not read %x: %v", ours, err)
		}
		unknown(t, m)
		list := m.Get(batch.Fields().ByName("frames")).List()
		if list.Len() != 1 {
			t.Fatalf("%d frames", list.Len())
		}
		if want := list.Get(0).Message(); !same(t, want, reflect.ValueOf(f)) {
			t.Fatalf("protocol buffers read %v of %+v", want, f)
		}
		theirs, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decode(theirs)
		if err != nil || len(got) != 1 {
			t.Fatalf("decode: %d frames, %v", len(got), err)
		}
		if diff := cmp.Diff(f, got[0]); diff != "" {
			t.Fatalf("of the bytes of protocol buffers we read (-want +got)\n%s", diff)
		}
	}
}

// Every kind and state of the file has its constant: a missing or an added one shows here.
func TestKindsAsTheFileSays(t *testing.T) {
	file := described(t)
	want := map[string]wire.Kind{
		"KIND_UNSPECIFIED": 0, "HELLO": wire.Hello, "OPEN": wire.Open, "ATTACH": wire.Attach, "CLOSE": wire.Close,
		"TOUCH": wire.Touch, "ACQUIRE": wire.Acquire, "ENQUEUE": wire.Enqueue, "AWAIT": wire.Await, "LEAVE": wire.Leave,
		"RELEASE": wire.Release, "QUEUE": wire.Queue, "FENCE": wire.Fence, "CHECK": wire.Check, "SUBSCRIBE": wire.Subscribe,
		"UNSUBSCRIBE": wire.Unsubscribe, "CANCEL": wire.Cancel,
		"DOWNGRADE": wire.Downgrade, "ACQUIRE_ALL": wire.AcquireAll, "RELEASE_ALL": wire.ReleaseAll, "OK": wire.OK, "ERROR": wire.Error, "WAITING": wire.Waiting,
		"EVENT": wire.Event, "SESSION_LOST": wire.SessionLost, "HOLD_LOST": wire.HoldLost, "DETACHED": wire.Detached, "GOING": wire.Going,
		"ACQUIRE_PERMITS": wire.AcquirePermits, "ENQUEUE_PERMITS": wire.EnqueuePermits, "RELEASE_PERMITS": wire.ReleasePermits,
		"SEMAPHORE": wire.Semaphore, "SET_LIMIT": wire.SetLimit,
		"SET_BARRIER": wire.SetBarrier, "REMOVE_BARRIER": wire.RemoveBarrier, "AWAIT_BARRIER": wire.AwaitBarrier,
		"ENTER": wire.Enter, "EXIT": wire.Exit, "BARRIER": wire.Barrier,
		"GET_VALUE": wire.GetValue, "PUT_VALUE": wire.PutValue, "DELETE_VALUE": wire.DeleteValue,
		"DEADLOCKS": wire.Deadlocks, "BLOCKERS": wire.Blockers,
		"CAMPAIGN": wire.Campaign, "CANDIDATES": wire.Candidates, "PROCLAIM": wire.Proclaim, "HANDOVER": wire.HandOver, "OBSERVE": wire.Observe,
		"LEADERSHIP": wire.Leadership, "ASKED": wire.Asked,
	}
	got := map[string]wire.Kind{}
	values := file.Enums().ByName("Kind").Values()
	for i := range values.Len() {
		got[string(values.Get(i).Name())] = wire.Kind(values.Get(i).Number())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	states := file.Enums().ByName("State").Values()
	if states.Len() != 4 || int(states.ByName("RESTS").Number()) != int(wire.Rests) || int(states.ByName("HELD").Number()) != int(wire.Held) || int(states.ByName("WAITS").Number()) != int(wire.Waits) {
		t.Error("states differ")
	}
	known := file.Enums().ByName("Known").Values()
	if known.Len() != 4 || int(known.ByName("LEADS").Number()) != int(wire.Leads) || int(known.ByName("NOBODY_DOES").Number()) != int(wire.NobodyDoes) || int(known.ByName("NOT_KNOWN").Number()) != int(wire.NotKnown) {
		t.Error("what is known differs")
	}
}

// same compares a message with a struct of ours, whose fields stand in the order of the file's.
func same(t *testing.T, m protoreflect.Message, v reflect.Value) bool {
	t.Helper()
	fields := m.Descriptor().Fields()
	if fields.Len() != v.NumField() {
		t.Fatalf("%s has %d fields, ours %d", m.Descriptor().Name(), fields.Len(), v.NumField())
	}
	for i := range fields.Len() {
		fd, ours := fields.Get(i), v.Field(i)
		theirs := m.Get(fd)
		switch {
		case fd.IsMap():
			if theirs.Map().Len() != ours.Len() {
				return false
			}
			for _, k := range ours.MapKeys() {
				if got := theirs.Map().Get(protoreflect.ValueOf(k.String()).MapKey()); got.String() != ours.MapIndex(k).String() {
					return false
				}
			}
		case fd.IsList():
			if theirs.List().Len() != ours.Len() {
				return false
			}
			for k := range ours.Len() {
				if fd.Kind() == protoreflect.MessageKind {
					if !same(t, theirs.List().Get(k).Message(), ours.Index(k)) {
						return false
					}
				} else if !scalar(theirs.List().Get(k), ours.Index(k)) {
					return false
				}
			}
		case !scalar(theirs, ours):
			return false
		}
	}
	return true
}

func scalar(theirs protoreflect.Value, ours reflect.Value) bool {
	switch v := theirs.Interface().(type) {
	case string:
		return v == ours.String()
	case []byte:
		return bytes.Equal(v, ours.Bytes())
	case bool:
		return v == ours.Bool()
	case int64:
		return v == ours.Int()
	case uint64:
		return v == ours.Uint()
	case protoreflect.EnumNumber:
		return int64(v) == ours.Int()
	}
	return false
}

// unknown fails the test where the file does not know a field that we write.
func unknown(t *testing.T, m protoreflect.Message) {
	t.Helper()
	if len(m.GetUnknown()) > 0 {
		t.Fatalf("%s: fields that the file does not know: %x", m.Descriptor().Name(), m.GetUnknown())
	}
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if fd.IsList() && fd.Kind() == protoreflect.MessageKind {
			for i := range v.List().Len() {
				unknown(t, v.List().Get(i).Message())
			}
		}
		return true
	})
}

// random fills about half of a frame's fields, by reflection, so that a new one is never left out.
func random(r *rand.Rand) (f wire.Frame) {
	fill(r, reflect.ValueOf(&f).Elem())
	return f
}

func fill(r *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if r.IntN(2) == 0 {
				fill(r, v.Field(i))
			}
		}
	case reflect.Slice:
		n := 1 + r.IntN(3)
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(r, v.Index(i))
		}
	case reflect.Map:
		pairs := map[string]string{}
		for range 1 + r.IntN(3) {
			pairs[word(r)] = word(r)
		}
		v.Set(reflect.ValueOf(pairs))
	case reflect.String:
		v.SetString(word(r))
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Uint8:
		v.SetUint(uint64(r.UintN(256)))
	case reflect.Int32:
		v.SetInt(int64(int32(r.Uint32())))
	case reflect.Int64:
		v.SetInt(int64(r.Uint64()) >> r.IntN(64))
	case reflect.Uint64:
		v.SetUint(r.Uint64() >> r.IntN(64))
	}
}

func word(r *rand.Rand) string {
	runes := make([]rune, r.IntN(100))
	for i := range runes {
		runes[i] = rune('ä' + r.IntN(500))
	}
	return string(runes)
}
