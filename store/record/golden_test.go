package record

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lockkeeper/lockkeeper/znode"
)

var update = flag.Bool("update", false, "write the golden files anew")

// A sample is a value whose version 1 encoding stands in testdata for ever: what an older
// program has written must stay readable.
type sample[T any] struct {
	name  string
	value T
}

const (
	zxid = 7<<32 | 41
	now  = 1_790_000_000_000
	path = "/orders/42/_c_0e3f5a52-7a3e-4c0b-9a55-0c1d2e3f4a5b-lock-0000000017"
)

var (
	request = znode.RequestID{Member: 0x8e9e05c52164694d, Incarnation: 3, Number: 1000}
	owner   = znode.Owner{Member: request.Member, Generation: 2}
	holder  = znode.Session{
		ID: 0x0300_0000_0000_0011, TTL: 10 * time.Second, Owner: owner, OneShot: true,
		Labels: map[string]string{"pid": "4711", "host": "web-1"}, Opened: now, Czxid: zxid,
	}
	digest = []znode.ACL{{Perms: znode.PermRead | znode.PermWrite, Scheme: "digest", ID: "ann:x"}, znode.OpenACL[0]}
)

var contentSamples = []sample[znode.Content]{
	{"zero", znode.Content{}},
	{"lock", znode.Content{
		Data: []byte("10.0.0.1"), ACL: znode.OpenACL, Kind: znode.Ephemeral, Owner: holder.ID,
		Czxid: zxid, Mzxid: zxid, Ctime: now, Mtime: now,
	}},
	{"full", znode.Content{
		Data: []byte{}, ACL: digest, Kind: znode.TTL, TTL: 60_000, Owner: -1,
		Czxid: zxid, Mzxid: zxid + 9, Ctime: now, Mtime: now + 5, Version: 3, Aversion: -1,
	}},
	{"empty acl", znode.Content{ACL: []znode.ACL{}}},
}

var sessionSamples = []sample[znode.Session]{{"zero", znode.Session{}}, {"full", holder}}

var batchSamples = []sample[Batch]{
	{"empty", Batch{Epoch: 7}},
	{"create", Batch{Epoch: 7, Number: 12, Zxid: zxid, Changes: []znode.Change{{
		Kind: znode.Created, Request: request, Last: true, Session: holder.ID, Zxid: zxid, Time: now,
		Path: path, Node: znode.Ephemeral, Owner: holder.ID, Length: 8,
	}}}},
	{"mixed", Batch{Epoch: 7, Number: 13, Zxid: zxid + 3, Changes: []znode.Change{
		{Kind: znode.SessionOpened, Request: request, Last: true, Session: holder.ID, Zxid: zxid, Time: now, Record: holder},
		{Kind: znode.Created, Request: next(1), Aux: true, Session: holder.ID, Zxid: zxid + 1, Time: now, Path: "/orders", Node: znode.Container, ACL: digest},
		{Kind: znode.DataSet, Request: next(1), Step: 1, Last: true, Session: holder.ID, Zxid: zxid + 1, Time: now, Path: "/orders", Version: 1, Aversion: 2, Length: 3},
		{Kind: znode.Refused, Request: next(9), Last: true, Session: holder.ID, Time: now, Code: znode.ErrNoNode},
		{Kind: znode.FenceRaised, Request: znode.RequestID{Member: 5, Incarnation: 1, Number: 1}, Last: true, Zxid: zxid + 2, Time: now + 1, Path: "disk", Token: zxid},
		{Kind: znode.Answered, Request: next(10), Last: true, Time: now + 1, Path: "disk", Token: zxid, Code: znode.ErrStaleToken},
		{Kind: znode.Deleted, Aux: true, Session: 9, Zxid: zxid + 3, Time: now + 1, Path: path, Owner: 9, Expired: true},
		{Kind: znode.SessionClosed, Session: 9, Zxid: zxid + 3, Time: now + 1, Expired: true},
	}}},
	{"told", Batch{Epoch: 7, Number: 14, Zxid: zxid + 1, Changes: []znode.Change{
		{Kind: znode.DataSet, Request: request, Last: true, Session: holder.ID, Zxid: zxid, Time: now, Path: path, Version: 1, Length: 8, Repeated: true},
		{Kind: znode.Deleted, Request: next(1), Last: true, Session: holder.ID, Zxid: zxid + 1, Time: now, Path: path, Owner: holder.ID, Version: 1, Length: 8, Note: "forced by ann"},
	}}},
	{"handed over", Batch{Epoch: 7, Number: 15, Zxid: zxid + 3, Changes: []znode.Change{
		{Kind: znode.Deleted, Request: request, Aux: true, Session: holder.ID, Zxid: zxid + 3, Time: now, Path: path + "8", Owner: 9, Length: 2, Moved: zxid + 1},
		{Kind: znode.Deleted, Request: request, Aux: true, Session: holder.ID, Zxid: zxid + 3, Time: now, Path: path, Owner: holder.ID, Length: 8, Moved: zxid + 1},
		{Kind: znode.Created, Request: request, Last: true, Session: holder.ID, Zxid: zxid + 3, Time: now, Path: path + "7", Node: znode.Ephemeral, Owner: 9, Version: 1, Length: 2, Moved: zxid + 1},
	}}},
}

var messageSamples = []sample[Message]{
	{"hello", Message{Kind: HelloKind, Hello: Hello{Member: request.Member, Incarnation: 3}}},
	{"welcome", Message{Kind: WelcomeKind, Welcome: Welcome{Epoch: 7, Revision: 123456}}},
	{"forward", Message{Kind: ForwardKind, Forward: Forward{
		Touch: Touch{Round: 88, Sessions: []znode.SessionID{holder.ID, holder.ID + 1, 9}},
		Requests: []znode.Request{
			{
				ID: request, Session: holder.ID, Owner: owner, Auth: []znode.Credential{{Scheme: "ip", ID: "10.0.0.1"}},
				Ops: []znode.Op{
					{Kind: znode.OpCreate, Path: "/orders/42/lock-", Data: []byte{}, ACL: znode.OpenACL, Node: znode.Ephemeral, Sequential: true, Parents: true, Protected: "0e3f5a52-7a3e-4c0b-9a55-0c1d2e3f4a5b"},
					{Kind: znode.OpDelete, Path: "/old", Version: -1, Czxid: zxid, Own: true},
				},
			},
			{ID: next(1), Ops: []znode.Op{{Kind: znode.OpCreate, Path: "/t", Data: []byte("x"), ACL: digest, Node: znode.TTL, TTL: 5000}}},
			{ID: next(7), Session: 4, Owner: znode.Owner{Generation: 1}, Ops: []znode.Op{{Kind: znode.OpOpen, Session: holder}}},
		},
	}}},
	{"note", Message{Kind: ForwardKind, Forward: Forward{Requests: []znode.Request{
		{ID: request, Ops: []znode.Op{{Kind: znode.OpDelete, Path: path, Version: -1, Note: "forced by ann"}}},
	}}}},
	{"two names", Message{Kind: ForwardKind, Forward: Forward{Requests: []znode.Request{
		{ID: request, Session: holder.ID, Ops: []znode.Op{{
			Kind: znode.OpCreate, Path: "/orders/42/lock-", Data: []byte{}, ACL: znode.OpenACL, Node: znode.Ephemeral, Sequential: true,
			Parents: true, Protected: "0e3f5a52-7a3e-4c0b-9a55-0c1d2e3f4a5b", Twin: true,
		}}},
	}}}},
	{"guarded", Message{Kind: ForwardKind, Forward: Forward{Requests: []znode.Request{
		{ID: request, Session: holder.ID, Ops: []znode.Op{
			{Kind: znode.OpVacant, Path: "/orders/42", Shared: true},
			{Kind: znode.OpCreate, Path: "/orders/42/lock-", ACL: znode.OpenACL, Node: znode.Ephemeral, Sequential: true, Rest: 1500},
			{Kind: znode.OpHeld, Path: "/orders/42", Czxid: zxid},
			{Kind: znode.OpDowngrade, Path: "/orders/42/w", Czxid: zxid},
		}},
	}}}},
	{"ready", Message{Kind: ForwardKind, Forward: Forward{Requests: []znode.Request{
		{ID: request, Session: holder.ID, Ops: []znode.Op{
			{Kind: znode.OpReady, Path: "/start/ready"},
			{Kind: znode.OpReady, Path: "/start/ready", Version: 3, Data: []byte{}, ACL: znode.OpenACL},
		}},
	}}}},
	{"hand over", Message{Kind: ForwardKind, Forward: Forward{Requests: []znode.Request{
		{ID: request, Session: holder.ID, Owner: owner, Ops: []znode.Op{{Kind: znode.OpHandOver, Path: "/orders/42", Czxid: zxid, Heir: zxid + 1}}},
	}}}},
	{"permits", Message{Kind: ForwardKind, Forward: Forward{Requests: []znode.Request{
		{ID: request, Session: holder.ID, Ops: []znode.Op{
			{
				Kind: znode.OpAcquirePermits, Path: "/pool", Data: []byte("{}"), ACL: znode.OpenACL,
				Protected: "0e3f5a52-7a3e-4c0b-9a55-0c1d2e3f4a5b", Permits: znode.SemaphoreOp{Count: 3, Limit: 8, Try: true},
			},
			{Kind: znode.OpReleasePermits, Path: "/pool", Protected: "0e3f5a52-7a3e-4c0b-9a55-0c1d2e3f4a5b", Version: -1},
			{Kind: znode.OpSetPermits, Path: "/pool", Permits: znode.SemaphoreOp{Limit: 8}},
		}},
	}}}},
	{"confirm", Message{Kind: ConfirmKind, Confirm: Confirm{Round: 88, Dropped: []znode.SessionID{9}}}},
}

func next(n uint64) znode.RequestID {
	id := request
	id.Number += n
	return id
}

func TestGolden(t *testing.T) {
	golden(t, contents, contentSamples)
	golden(t, counters, []sample[znode.Counters]{{"full", znode.Counters{Creates: 17, Pzxid: zxid}}})
	golden(t, sessions, sessionSamples)
	golden(t, fences, []sample[int64]{{"token", zxid}})
	golden(t, epochs, []sample[Epoch]{{"full", Epoch{Number: 7, Member: request.Member}}})
	golden(t, guards, []sample[Guard]{{"full", Guard{Epoch: 7, Batch: 12, Zxid: zxid}}})
	golden(t, identity, []sample[Identity]{{"full", Identity{ID: 1 << 60, Secret: [32]byte{1, 31: 2}}}})
	golden(t, cards, []sample[Card]{{"full", Card{
		Name: "one", Version: "1.0.0", HTTP: []string{"http://a:1"}, ZooKeeper: []string{"a:2181", "b:2181"}, Started: now,
	}}})
	golden(t, batches, batchSamples)
	golden(t, messages, messageSamples)
}

// golden compares the encodings of samples with the lines of testdata/<codec>.golden, each a
// name and hex digits, and decodes the lines.
func golden[T any](t *testing.T, c codec[T], samples []sample[T]) {
	t.Helper()
	var now bytes.Buffer
	for _, s := range samples {
		c.checkCut(t, c.append(nil, s.value))
		fmt.Fprintf(&now, "%s: %x\n", s.name, c.append(nil, s.value))
	}
	file := filepath.Join("testdata", c.name+".golden")
	if *update {
		if err := os.WriteFile(file, now.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	was, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(was), now.String()); diff != "" {
		t.Errorf("%s encodes differently (-was +now):\n%s", c.name, diff)
	}
	for i, line := range strings.Split(strings.TrimSpace(string(was)), "\n") {
		name, digits, _ := strings.Cut(line, ": ")
		if i >= len(samples) || name != samples[i].name {
			t.Fatalf("%s: line %q has no sample", file, name)
		}
		decodesTo(t, c, digits, samples[i].value)
	}
}

func decodesTo[T any](t rapid.TB, c codec[T], digits string, want T) {
	t.Helper()
	b, err := hex.DecodeString(digits)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, same); diff != "" {
		t.Errorf("%s %s decodes differently (-want +got):\n%s", c.name, digits, diff)
	}
}
