package zkapi_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/znode"
)

// Numbers in the names are those of the list in docs/zookeeper-compatibility.md.

func TestHandshake(t *testing.T) {
	t.Run("1 2 a connect request without the last byte gets an answer without it", func(t *testing.T) {
		for _, has := range []bool{false, true} {
			c := dial(t)
			frame := c.hello(jute.ConnectRequest{Protocol: 7, Timeout: 10_000, HasReadOnly: has})
			want := 36
			if has {
				want = 37
			}
			if len(frame) != want || c.open.Protocol != 0 || c.open.SessionID <= 0 {
				t.Errorf("%d bytes, %+v", len(frame), c.open)
			}
		}
	})
	t.Run("3 timeouts are brought into the bounds", func(t *testing.T) {
		for asked, granted := range map[int32]int32{1: 4000, 4001: 4001, 39_999: 39_999, 1 << 30: 40_000, -5: 4000} {
			c := dial(t)
			c.hello(jute.ConnectRequest{Timeout: asked})
			if c.open.Timeout != granted {
				t.Errorf("%d: granted %d, want %d", asked, c.open.Timeout, granted)
			}
		}
	})
	t.Run("4 a new session needs no password", func(t *testing.T) {
		for _, password := range [][]byte{nil, {}, make([]byte, 16)} {
			if c := dial(t); c.hello(jute.ConnectRequest{Timeout: 5000, Password: password}) == nil {
				t.Errorf("password %v: no session", password)
			}
		}
	})
	t.Run("9 a client that has seen more than there is is closed", func(t *testing.T) {
		c := dial(t)
		if frame := c.hello(jute.ConnectRequest{Timeout: 5000, LastZxidSeen: math.MaxInt64}); frame != nil {
			t.Errorf("answered %x", frame)
		}
	})
	t.Run("11 requests behind the connect request are executed", func(t *testing.T) {
		c := dial(t)
		hello := jute.ConnectRequest{Timeout: 5000}
		ping := jute.Request{Xid: jute.XidPing, Operation: jute.Operation{Op: jute.OpPing}}
		exists := jute.Request{Xid: 5, Operation: get(jute.OpExists, "/", false)}
		c.write(exists.Append(ping.Append(hello.Append(nil))))
		c.frame()
		if r := c.next(jute.OpPing); r.Xid != jute.XidPing {
			t.Errorf("%+v", r)
		}
		if r := c.next(jute.OpExists); r.Xid != 5 || r.Code != znode.OK {
			t.Errorf("%+v", r)
		}
	})
	t.Run("12 13 frames in single bytes, of the greatest length, of a wrong one", func(t *testing.T) {
		c := dial(t)
		for _, b := range (&jute.ConnectRequest{Timeout: 5000}).Append(nil) {
			c.write([]byte{b})
		}
		if c.frame() == nil {
			t.Fatal("no session")
		}
		big := jute.Request{Xid: 1, Operation: jute.Operation{Op: jute.OpExists}}
		empty := len(big.Append(nil)) - 4
		big.Path = string(bytes.Repeat([]byte("a"), 1_048_575-empty))
		c.write(big.Append(nil))
		if r := c.next(jute.OpExists); r.Code != znode.ErrNoNode {
			t.Errorf("%+v", r)
		}
		c.write([]byte{0, 0x10, 0, 0}) // one more
		c.closed()
		c = connect(t)
		c.write([]byte{0xff, 0xff, 0xff, 0xff})
		c.closed()
	})
}

func TestRenewal(t *testing.T) {
	emptied(t)
	outer := t
	a := connect(t)
	a.do(create("/renewal", jute.FlagEphemeral), znode.OK)
	renew := jute.ConnectRequest{Timeout: 20_000, SessionID: a.open.SessionID, Password: a.open.Password[:]}
	refused := func(t *testing.T, q jute.ConnectRequest) {
		t.Helper()
		c := dial(t)
		if c.hello(q); c.open != (jute.ConnectResponse{}) {
			t.Errorf("%+v", c.open)
		}
		c.closed()
	}
	t.Run("7 a wrong password harms nobody", func(t *testing.T) {
		wrong := renew
		wrong.Password = make([]byte, 16)
		refused(t, wrong)
		a.do(get(jute.OpExists, "/renewal", false), znode.OK)
	})
	t.Run("5 14 106 a renewal keeps the session, changes its timeout and cuts the older connection", func(t *testing.T) {
		b := dial(outer) // it outlives this part
		b.hello(renew)
		if b.open.SessionID != a.open.SessionID || b.open.Timeout != 20_000 {
			t.Fatalf("%+v", b.open)
		}
		a.closed()
		r := b.do(get(jute.OpExists, "/renewal", false), znode.OK)
		if r.Stat.EphemeralOwner != b.open.SessionID {
			t.Errorf("owner %x", r.Stat.EphemeralOwner)
		}
		a = b
	})
	t.Run("8 25 a closed session is not to be had again, and its ephemerals are gone", func(t *testing.T) {
		if r := a.call(jute.Request{Operation: jute.Operation{Op: jute.OpCloseSession}}); r.Code != znode.OK {
			t.Errorf("%+v", r)
		}
		a.closed()
		refused(t, renew)
		connect(t).do(get(jute.OpExists, "/renewal", false), znode.ErrNoNode)
	})
}
