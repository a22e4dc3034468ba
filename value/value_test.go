package value_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/value"
	"github.com/lockkeeper/lockkeeper/znode"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, quorumtest.IgnoreEtcd()...)
}

// Short names of what every test here does.
var (
	patient = membertest.Patient
	is      = membertest.Is
)

var linearizable = lock.Read{Linearizable: true}

func TestPlainWrites(t *testing.T) {
	t.Parallel()
	members := membertest.Start(t, 3)
	a, b := members[0].Values, members[1].Values
	ctx := patient(t)
	_, err := a.Get(ctx, "app/config", linearizable)
	is(t, "read of nothing", err, value.ErrNone)
	_, err = a.Delete(ctx, "app/config", value.AnyVersion, value.Guard{})
	is(t, "delete of nothing", err, value.ErrNone)
	_, err = a.Put(ctx, "app/config", []byte("x"), 0, value.Guard{})
	if e, ok := errors.AsType[*value.VersionError](err); !ok || e.Actual != -1 {
		t.Errorf("a write of a version of nothing: %v", err)
	}
	v, err := a.Put(ctx, "app/config", []byte("one"), value.AnyVersion, value.Guard{})
	if err != nil || v.Version != 0 || v.Czxid != v.Mzxid || v.Revision == 0 {
		t.Fatalf("%+v, %v", v, err)
	}
	v, err = b.Put(ctx, "app/config", nil, 0, value.Guard{})
	if err != nil || v.Version != 1 || v.Mzxid <= v.Czxid {
		t.Fatalf("%+v, %v", v, err)
	}
	got, err := members[2].Values.Get(ctx, "app/config", linearizable)
	if err != nil || got.Data == nil || len(got.Data) != 0 || got.Version != 1 || got.Mzxid != v.Mzxid || got.Created.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = a.Put(ctx, "app/config", []byte("two"), 0, value.Guard{})
	if e, ok := errors.AsType[*value.VersionError](err); !ok || e.Actual != 1 || e.Version != 0 {
		t.Errorf("a write of an old version: %v", err)
	}
	_, err = a.Delete(ctx, "app/config", 0, value.Guard{})
	is(t, "a delete of an old version", err, value.ErrVersion)
	if _, err := b.Delete(ctx, "app/config", 1, value.Guard{}); err != nil {
		t.Error(err)
	}
	_, err = a.Get(ctx, "app/config", linearizable)
	is(t, "read of what was deleted", err, value.ErrNone)
}

func TestGuardedWrites(t *testing.T) {
	t.Parallel()
	members := membertest.Start(t, 3)
	m := members[0]
	ctx := patient(t)
	first, err := m.Locks.Acquire(ctx, lock.Request{Name: "jobs/1", Owner: "ann"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	guard := value.Guard{Lock: "jobs/1", Token: first.Token}
	for i, m := range members {
		if v, err := m.Values.Put(ctx, "result", []byte("ann's"), value.AnyVersion, guard); err != nil || int(v.Version) != i {
			t.Fatalf("%+v, %v", v, err)
		}
	}
	second, err := m.Locks.Enqueue(ctx, lock.Request{Name: "jobs/1", Owner: "ben"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Values.Put(ctx, "result", []byte("ben's"), value.AnyVersion, value.Guard{Lock: "jobs/1", Token: second.Token})
	if e, ok := errors.AsType[*value.NotHolderError](err); !ok || e.Holder.Owner != "ann" || e.Holder.Token != first.Token || e.Token != second.Token {
		t.Errorf("a write of one who waits: %v", err)
	}
	if _, err := m.Locks.Release(ctx, lock.Release{Name: "jobs/1", Session: first.Session}); err != nil {
		t.Fatal(err)
	}
	_, err = members[1].Values.Put(ctx, "result", []byte("late"), value.AnyVersion, guard)
	if e, ok := errors.AsType[*value.NotHolderError](err); !ok || e.Holder.Owner != "ben" || e.Lock != "jobs/1" {
		t.Errorf("a late write: %v", err)
	}
	// Whatever else is wrong, a former holder hears of that first.
	_, err = m.Values.Delete(ctx, "nothing", value.AnyVersion, guard)
	is(t, "a late delete of nothing", err, value.ErrNotHolder)
	if _, err := m.Values.Delete(ctx, "result", value.AnyVersion, value.Guard{Lock: "jobs/1", Token: second.Token}); err != nil {
		t.Error(err)
	}
	if _, err := m.Locks.Release(ctx, lock.Release{Name: "jobs/1", Session: second.Session}); err != nil {
		t.Fatal(err)
	}
	_, err = m.Values.Put(ctx, "result", nil, value.AnyVersion, guard)
	if e, ok := errors.AsType[*value.NotHolderError](err); !ok || e.Holder.Token != 0 {
		t.Errorf("a write under a free lock: %v", err)
	}
	_, err = m.Values.Put(ctx, "result", nil, value.AnyVersion, value.Guard{Lock: "never", Token: 5})
	is(t, "a write under a lock that never was", err, value.ErrNotHolder)
}

func TestWrongWrites(t *testing.T) {
	t.Parallel()
	m := membertest.One(t, func(c *membertest.Config) { c.Value.MaxBytes = 10 })
	ctx := patient(t)
	h, err := m.Locks.Acquire(ctx, lock.Request{Name: "held"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	do := func(op znode.Op) {
		t.Helper()
		out, err := m.Store.Do(ctx, &znode.Request{Session: h.Session, Ops: []znode.Op{op}})
		if err != nil || out.Code != znode.OK {
			t.Fatal(out.Code, err)
		}
	}
	do(znode.Op{Kind: znode.OpCreate, Path: "/ephemeral", ACL: znode.OpenACL, Node: znode.Ephemeral})
	do(znode.Op{Kind: znode.OpCreate, Path: "/parent", ACL: znode.OpenACL})
	do(znode.Op{Kind: znode.OpCreate, Path: "/parent/child", ACL: znode.OpenACL})
	do(znode.Op{Kind: znode.OpCreate, Path: "/readable", ACL: []znode.ACL{{Perms: znode.PermRead, Scheme: "world", ID: "anyone"}}})
	do(znode.Op{Kind: znode.OpCreate, Path: "/secret", ACL: []znode.ACL{{Perms: znode.PermAll, Scheme: "digest", ID: "ann:x"}}})
	var contender string
	m.Store.View(func(t *znode.Tree, _ int64) {
		dir, _ := t.Get("/held")
		name, _, _ := dir.FirstContender()
		contender = "held/" + name
	})
	for name, want := range map[string]error{
		"held":                     value.ErrNotAValue, // a container
		"held/x":                   value.ErrNotAValue, // it would stand in the queue's directory
		contender:                  value.ErrNotAValue,
		"x/_c_1-lock-0000000001":   value.ErrNotAValue,
		"x/k01-__lock__0000000001": value.ErrNotAValue,
		"x/a-lease-0000000001":     value.ErrNotAValue,
		"x/a-latch-0000000001":     value.ErrNotAValue,
		"ephemeral":                value.ErrNotAValue,
		"ephemeral/x":              value.ErrNotAValue,
		"readable":                 znode.ErrNoAuth,
		"readable/x":               znode.ErrNoAuth,
		"secret":                   znode.ErrNoAuth,
	} {
		_, err := m.Values.Put(ctx, name, nil, value.AnyVersion, value.Guard{})
		is(t, "write of "+name, err, want)
	}
	for name, want := range map[string]error{
		"held": value.ErrNotAValue, contender: value.ErrNotAValue, "ephemeral": value.ErrNotAValue, "parent": value.ErrNotAValue,
	} {
		_, err := m.Values.Delete(ctx, name, value.AnyVersion, value.Guard{})
		is(t, "delete of "+name, err, want)
	}
	_, err = m.Values.Get(ctx, "secret", linearizable)
	is(t, "read of a secret", err, znode.ErrNoAuth)
	if v, err := m.Values.Get(ctx, "readable", linearizable); err != nil || v.Data != nil {
		t.Errorf("%+v, %v", v, err)
	}
	_, err = m.Values.Put(ctx, "long", make([]byte, 11), value.AnyVersion, value.Guard{})
	is(t, "a long value", err, value.ErrTooLong)
	for field, try := range map[string]struct {
		name    string
		version int32
		guard   value.Guard
	}{
		"name":     {"a//b", value.AnyVersion, value.Guard{}},
		"version":  {"a", -2, value.Guard{}},
		"lock":     {"a", value.AnyVersion, value.Guard{Token: 3}},
		"if_token": {"a", value.AnyVersion, value.Guard{Lock: "held"}},
	} {
		_, err := m.Values.Put(ctx, try.name, nil, try.version, try.guard)
		if e, ok := errors.AsType[*lease.InputError](err); !ok || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// TestAgainstAModel compares any run of writes at three members with what a map would do.
func TestAgainstAModel(t *testing.T) {
	t.Parallel()
	members := membertest.Start(t, 3)
	run := 0
	rapid.Check(t, func(r *rapid.T) {
		run++
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		base := fmt.Sprintf("model/%d/", run)
		type cell struct {
			data    string
			version int32
		}
		cells := map[string]*cell{}
		var holds []lock.Hold // the first holds
		member := func() *membertest.Member { return rapid.SampledFrom(members).Draw(r, "member") }
		guard := func() (g value.Guard, passes bool) {
			switch rapid.IntRange(0, 2).Draw(r, "guard") {
			case 0:
				return value.Guard{}, true
			case 1:
				if len(holds) > 0 {
					i := rapid.IntRange(0, len(holds)-1).Draw(r, "hold")
					return value.Guard{Lock: base + "lock", Token: holds[i].Token}, i == 0
				}
			}
			return value.Guard{Lock: base + "lock", Token: 3}, false
		}
		name := func() string { return base + rapid.SampledFrom([]string{"x", "y/z"}).Draw(r, "name") }
		version := func() int32 { return rapid.SampledFrom([]int32{-1, -1, 0, 1, 2}).Draw(r, "version") }
		want := func(c *cell, v int32, passes bool) error {
			switch {
			case !passes:
				return value.ErrNotHolder
			case c == nil && v >= 0, c != nil && v >= 0 && v != c.version:
				return value.ErrVersion
			}
			return nil
		}
		r.Repeat(map[string]func(*rapid.T){
			"acquire": func(*rapid.T) {
				h, err := member().Locks.Enqueue(ctx, lock.Request{Name: base + "lock"})
				if err != nil {
					r.Fatal(err)
				}
				holds = append(holds, h)
			},
			"release": func(*rapid.T) {
				if len(holds) == 0 {
					r.Skip()
				}
				if _, err := member().Locks.Release(ctx, lock.Release{Name: base + "lock", Session: holds[0].Session}); err != nil {
					r.Fatal(err)
				}
				holds = holds[1:]
			},
			"put": func(*rapid.T) {
				n, v := name(), version()
				g, passes := guard()
				data := rapid.StringN(0, 5, -1).Draw(r, "data")
				_, err := member().Values.Put(ctx, n, []byte(data), v, g)
				if w := want(cells[n], v, passes); !errors.Is(err, w) {
					r.Fatalf("Put(%s, %d, %+v) = %v; want %v", n, v, g, err, w)
				}
				switch {
				case err != nil:
				case cells[n] == nil:
					cells[n] = &cell{data: data}
				default:
					cells[n].data = data
					cells[n].version++
				}
			},
			"delete": func(*rapid.T) {
				n, v := name(), version()
				g, passes := guard()
				_, err := member().Values.Delete(ctx, n, v, g)
				w := want(cells[n], v, passes)
				if passes && cells[n] == nil {
					w = value.ErrNone
				}
				if !errors.Is(err, w) {
					r.Fatalf("Delete(%s, %d, %+v) = %v; want %v", n, v, g, err, w)
				}
				if err == nil {
					delete(cells, n)
				}
			},
			"get": func(*rapid.T) {
				n := name()
				v, err := member().Values.Get(ctx, n, linearizable)
				c := cells[n]
				if (c == nil) != errors.Is(err, value.ErrNone) || c != nil && (string(v.Data) != c.data || v.Version != c.version) {
					r.Fatalf("Get(%s) = %+v, %v; want %+v", n, v, err, c)
				}
			},
		})
		for _, h := range holds {
			if _, err := members[0].Sessions.Close(ctx, h.Session, znode.Owner{}); err != nil {
				r.Fatal(err)
			}
		}
	})
}

// TestReadersGuard has two readers write under one lock, and a writer who waits refused.
func TestReadersGuard(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	ctx := patient(t)
	var tokens []lock.Token
	for _, mode := range []lock.Mode{"read", "read", "write"} {
		h, err := m.Locks.Enqueue(ctx, lock.Request{Name: "shared", Mode: mode})
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, h.Token)
	}
	for i, want := range []error{nil, nil, value.ErrNotHolder} {
		_, err := m.Values.Put(ctx, "state", nil, value.AnyVersion, value.Guard{Lock: "shared", Token: tokens[i]})
		is(t, fmt.Sprint("contender ", i), err, want)
	}
}
