package jute_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"testing"

	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/znode"
)

// requests are one of each shape.
func requests() []jute.Request {
	op := func(o jute.Operation) jute.Request { return jute.Request{Xid: 7, Operation: o} }
	list := []jute.Request{
		op(jute.Operation{Op: jute.OpCreate, Path: "/a", Data: []byte("x"), ACL: znode.OpenACL, Flags: 3}),
		op(jute.Operation{Op: jute.OpCreateTTL, Path: "/a", ACL: []znode.ACL{}, Flags: 5, TTL: 1000}),
		op(jute.Operation{Op: jute.OpDelete, Path: "/a", Version: -1}),
		op(jute.Operation{Op: jute.OpGetData, Path: "/ä", Watch: true}),
		op(jute.Operation{Op: jute.OpSetData, Path: "/a", Data: []byte{}, Version: 4}),
		op(jute.Operation{Op: jute.OpSetACL, Path: "/a", ACL: znode.OpenACL, Version: 4}),
		op(jute.Operation{Op: jute.OpSync, Path: "/a"}),
		op(jute.Operation{Op: jute.OpPing}),
		{Xid: 1, Operation: jute.Operation{Op: jute.OpAuth, Data: []byte("u:p")}, Scheme: "digest"},
		{Xid: 1, Operation: jute.Operation{Op: jute.OpAddWatch, Path: "/a"}, Mode: 1},
		{Xid: 1, Operation: jute.Operation{Op: jute.OpReconfig}, Joining: "a", Config: -1},
		{Xid: -8, Operation: jute.Operation{Op: jute.OpSetWatches2}, Since: 9, Watches: znode.WatchLists{
			Data: []string{"/a"}, Exist: []string{}, Children: []string{"/b", "/c"}, Persistent: []string{"/d"}, Recursive: []string{"/"},
		}},
		{Xid: 2, Operation: jute.Operation{Op: jute.OpMulti}, Ops: []jute.Operation{
			{Op: jute.OpCheck, Path: "/a", Version: 1}, {Op: jute.OpCreate2, Path: "/b", ACL: znode.OpenACL}, {Op: jute.OpDelete, Path: "/c"},
		}},
		{Xid: 2, Operation: jute.Operation{Op: jute.OpMultiRead}, Ops: []jute.Operation{{Op: jute.OpGetData, Path: "/a"}}},
	}
	return list
}

func decode(frame []byte) (q jute.Request, err error) {
	body, err := q.DecodeHeader(frame)
	if err != nil {
		return q, err
	}
	return q, q.DecodeBody(body)
}

func TestRequests(t *testing.T) {
	for _, q := range requests() {
		frame := q.Append(nil)[4:]
		got, err := decode(frame)
		if len(got.Ops) == 0 {
			got.Ops = nil
		}
		if err != nil || !reflect.DeepEqual(got, q) {
			t.Errorf("%v: %+v, %v; want %+v", q.Op, got, err, q)
		}
		for n := range frame { // cut short anywhere
			if _, err := decode(frame[:n]); !errors.Is(err, jute.ErrMalformed) {
				t.Errorf("%v cut to %d of %d bytes: %v", q.Op, n, len(frame), err)
			}
		}
	}
}

func TestReplies(t *testing.T) {
	stat := znode.Stat{Czxid: 1, Mzxid: 2, Ctime: 3, Mtime: 4, Version: 5, Cversion: 6, Aversion: 7, EphemeralOwner: 8, DataLength: 9, NumChildren: 10, Pzxid: 11}
	for _, p := range []jute.Reply{
		{Xid: 1, Zxid: 2, Op: jute.OpCreate, Path: "/a"},
		{Op: jute.OpCreate2, Path: "/a", Stat: stat},
		{Op: jute.OpExists, Code: znode.ErrNoNode},
		{Op: jute.OpGetData, Data: []byte{}, Stat: stat},
		{Op: jute.OpGetData, Stat: stat},
		{Op: jute.OpGetACL, ACL: znode.OpenACL, Stat: stat},
		{Op: jute.OpGetChildren2, Children: []string{"a", "b"}, Stat: stat},
		{Op: jute.OpGetAllChildrenNumber, Count: 3},
		{Op: jute.OpAddWatch},
		{Op: jute.OpWhoAmI, Who: []znode.Credential{{Scheme: "ip", ID: "1.2.3.4"}}},
		{Op: jute.OpMulti, Results: []jute.Reply{{Op: jute.OpCreate2, Path: "/a", Stat: stat}, {Op: jute.OpError, Code: znode.ErrNoNode}, {Op: jute.OpDelete}}},
	} {
		frame := p.Append(nil)[4:]
		var got jute.Reply
		body, err := got.DecodeHeader(frame)
		if err == nil {
			err = got.DecodeBody(p.Op, body)
		}
		if err != nil || !reflect.DeepEqual(got, p) {
			t.Errorf("%v: %+v, %v; want %+v", p.Op, got, err, p)
		}
		if p.Code != znode.OK && len(frame) != 16 {
			t.Errorf("%v: an error of %d bytes", p.Op, len(frame))
		}
	}
}

// TestGolden compares with bytes that were worked out by hand.
func TestGolden(t *testing.T) {
	for want, got := range map[string][]byte{
		"0000000f" + "00000003" + "00000004" + "000000022f61" + "00":                                         (&jute.Request{Xid: 3, Operation: jute.Operation{Op: jute.OpGetData, Path: "/a"}}).Append(nil),
		"00000010" + "00000003" + "0000000100000002" + "ffffff9b":                                            (&jute.Reply{Xid: 3, Zxid: 0x100000002, Code: znode.ErrNoNode, Op: jute.OpExists}).Append(nil),
		"0000001e" + "ffffffff" + "0000000000000005" + "00000000" + "00000003" + "00000003" + "000000022f61": jute.AppendEvent(nil, znode.Event{Type: znode.NodeDataChanged, Path: "/a", Zxid: 5}),
		"0000001c" + "00000000" + "0000000000000007" + "00001388" + "0000000000000000" + "ffffffff":          (&jute.ConnectRequest{LastZxidSeen: 7, Timeout: 5000}).Append(nil),
	} {
		if hex.EncodeToString(got) != want {
			t.Errorf("%x, want %s", got, want)
		}
	}
}

func TestConnect(t *testing.T) {
	for _, q := range []jute.ConnectRequest{
		{Protocol: 1, LastZxidSeen: 2, Timeout: 3, SessionID: 4, Password: make([]byte, 16), HasReadOnly: true, ReadOnly: true},
		{Password: []byte{}},
		{},
	} {
		var got jute.ConnectRequest
		if err := got.Decode(q.Append(nil)[4:]); err != nil || !reflect.DeepEqual(got, q) {
			t.Errorf("%+v, %v; want %+v", got, err, q)
		}
	}
	for _, has := range []bool{false, true} {
		p := jute.ConnectResponse{Timeout: 1, SessionID: 2, Password: [16]byte{3}, HasReadOnly: has}
		frame := p.Append(nil)[4:]
		var got jute.ConnectResponse
		if err := got.Decode(frame); err != nil || got != p {
			t.Errorf("%+v, %v; want %+v", got, err, p)
		}
	}
}

// TestDecodingAllocatesNothing is about the requests that come most often.
func TestDecodingAllocatesNothing(t *testing.T) {
	var q jute.Request
	for _, r := range requests() {
		switch r.Op {
		case jute.OpGetData, jute.OpPing, jute.OpDelete, jute.OpSetData, jute.OpSync:
			frame := r.Append(nil)[4:]
			if n := testing.AllocsPerRun(100, func() {
				body, _ := q.DecodeHeader(frame)
				_ = q.DecodeBody(body)
			}); n > 0 {
				t.Errorf("%v: %v allocations", r.Op, n)
			}
		}
	}
}

// FuzzRequest: whatever decodes and is encoded again decodes to the same.
func FuzzRequest(f *testing.F) {
	for _, q := range requests() {
		f.Add(q.Append(nil)[4:])
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		q, err := decode(frame)
		if err != nil {
			return
		}
		first := q.Append(nil)
		again, err := decode(first[4:])
		if err != nil {
			t.Fatalf("%x decodes, but not what is made of it: %v", frame, err)
		}
		if second := again.Append(nil); !bytes.Equal(first, second) {
			t.Fatalf("%x, then %x", first, second)
		}
	})
}

// FuzzReply: a client's side never panics.
func FuzzReply(f *testing.F) {
	f.Add(int32(jute.OpGetData), (&jute.Reply{Op: jute.OpGetData}).Append(nil)[4:])
	f.Add(int32(jute.OpMulti), (&jute.Reply{Op: jute.OpMulti, Results: []jute.Reply{{Op: jute.OpDelete}}}).Append(nil)[4:])
	f.Fuzz(func(_ *testing.T, op int32, frame []byte) {
		var p jute.Reply
		if body, err := p.DecodeHeader(frame); err == nil {
			_ = p.DecodeBody(jute.Op(op), body)
		}
	})
}

// FuzzConnect: nor does the handshake.
func FuzzConnect(f *testing.F) {
	f.Add((&jute.ConnectRequest{Timeout: 5000, HasReadOnly: true}).Append(nil)[4:])
	f.Fuzz(func(_ *testing.T, frame []byte) {
		var q jute.ConnectRequest
		_ = q.Decode(frame)
		var p jute.ConnectResponse
		_ = p.Decode(frame)
	})
}
