package zkapi_test

import (
	"errors"
	"io"
	"net"
	"runtime"
	"testing"

	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/znode"
)

// fuzzMemory bounds by how much the heap may be larger after an input than before all of them: far
// more than one frame of the greatest length, far less than what lengths in an input can claim.
const fuzzMemory = 256 << 20

// FuzzConnection sends arbitrary bytes to the door of a real member, as a new connection and behind
// a good handshake, and wants the door to serve a well-behaved client on another connection after.
func FuzzConnection(f *testing.F) {
	hello := jute.ConnectRequest{Timeout: 10_000, HasReadOnly: true}
	for _, q := range []jute.Request{
		{Xid: 1, Operation: create("/fuzz", jute.FlagEphemeral)},
		{Xid: 2, Operation: get(jute.OpGetData, "/fuzz", true)},
		{Xid: 3, Operation: jute.Operation{Op: jute.OpMulti}, Ops: []jute.Operation{set("/fuzz", "a"), remove("/fuzz")}},
		{Xid: jute.XidSetWatches, Operation: jute.Operation{Op: jute.OpSetWatches2}, Watches: znode.WatchLists{Data: []string{"/fuzz"}}},
		{Xid: jute.XidPing, Operation: jute.Operation{Op: jute.OpPing}},
		{Xid: 4, Operation: jute.Operation{Op: 999}},
		{Xid: 5, Operation: jute.Operation{Op: jute.OpCloseSession}},
	} {
		f.Add(true, q.Append(nil))
		f.Add(false, q.Append(hello.Append(nil)))
	}
	f.Add(false, []byte("ruok"))
	f.Add(false, []byte{0xff, 0xff, 0xff, 0xff})
	f.Add(true, []byte{0x00, 0x0f, 0xff, 0xff, 0x00})                                     // the greatest frame, cut short
	f.Add(true, []byte{0, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff})      // a path of 2 GiB
	f.Add(true, []byte{0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 101, 0, 0, 0, 0, 0, 0, 0, 0, 1}) // setWatches, cut short
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	f.Fuzz(func(t *testing.T, session bool, input []byte) {
		c := dial(t)
		if session && c.hello(hello) == nil {
			t.Fatal("no session")
		}
		// The door may close before it has read all of the input: an error to write is no fault.
		if _, err := c.nc.Write(input); err == nil {
			_ = c.nc.(*net.TCPConn).CloseWrite()
		}
		if _, err := io.Copy(io.Discard, c.nc); err != nil {
			if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
				t.Fatalf("the connection was still open %v after the client's end of it", patience)
			}
		}
		var after runtime.MemStats
		runtime.ReadMemStats(&after)
		if after.HeapAlloc > before.HeapAlloc+fuzzMemory {
			t.Fatalf("the heap grew from %d to %d bytes", before.HeapAlloc, after.HeapAlloc)
		}
		good := connect(t)
		good.do(get(jute.OpExists, "/", false), znode.OK)
		good.do(jute.Operation{Op: jute.OpCloseSession}, znode.OK)
	})
}
