package lease_test

import (
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/znode"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, quorumtest.IgnoreEtcd()...)
}

// patient is short for what every test here does.
var patient = membertest.Patient

func open(t *testing.T, m *membertest.Member, o lease.Options) lease.Touched {
	t.Helper()
	s, err := m.Sessions.Open(patient(t), o)
	if err != nil {
		t.Fatalf("open at %s: %v", m.Name(), err)
	}
	return s
}

// lost fails the test unless err says that id is over, for cause.
func lost(t *testing.T, err error, id lease.ID, cause lease.Cause) {
	t.Helper()
	e, ok := errors.AsType[*lease.LostError](err)
	if !ok || !errors.Is(err, lease.ErrLost) || e.ID != id || e.Cause != cause {
		t.Errorf("error %v; want the loss of %s, %s", err, lease.FormatID(id), cause)
	}
}

// ephemeral makes a znode that ends with the session.
func ephemeral(t *testing.T, m *membertest.Member, id lease.ID, path string) {
	t.Helper()
	out, err := m.Store.Do(patient(t), &znode.Request{Session: id, Ops: []znode.Op{{
		Kind: znode.OpCreate, Path: path, ACL: znode.OpenACL, Node: znode.Ephemeral, Parents: true,
	}}})
	if err != nil || out.Code != znode.OK {
		t.Fatalf("create %s: %v, %v", path, out.Code, err)
	}
}

func exists(m *membertest.Member, path string) (ok bool) {
	m.Store.View(func(tree *znode.Tree, _ int64) { _, ok = tree.Get(path) })
	return ok
}

// alive reports whether a member's tree has the session.
func alive(m *membertest.Member, id lease.ID) bool {
	_, _, ok := m.Sessions.Look(id)
	return ok
}

func count(m *membertest.Member) (n int) {
	m.Store.View(func(tree *znode.Tree, _ int64) { n = tree.NumSessions() })
	return n
}

const slack = 1500 * time.Millisecond // what the promise allows after the TTL
