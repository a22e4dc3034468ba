package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/membertest"
	"github.com/lockkeeper/lockkeeper/internal/quorumtest"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/znode"
)

func filled(path string, bytes int) *znode.Request {
	r := create(path)
	r.Ops[0].Data = make([]byte, bytes)
	return r
}

func open(id znode.SessionID, ttl time.Duration) *znode.Request {
	return &znode.Request{Ops: []znode.Op{{Kind: znode.OpOpen, Session: znode.Session{ID: id, TTL: ttl}}}}
}

func closeSession(id znode.SessionID) *znode.Request {
	return &znode.Request{Session: id, Ops: []znode.Op{{Kind: znode.OpClose}}}
}

// TestTooLarge sends what no transaction takes, at the leader and at a follower, among requests
// that must not suffer from it.
func TestTooLarge(t *testing.T) {
	members := membertest.Start(t, 3)
	leader, follower := membertest.Leader(t, members...), membertest.Follower(t, members...)
	for _, m := range []*membertest.Member{leader, follower} {
		for _, size := range []int{40 << 20, 32<<20 - 300} {
			name := fmt.Sprintf("%s %d", m.Name(), size)
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() { do(t, m, numbered(fmt.Sprintf("/others/%d-", i))) })
			}
			wg.Go(func() { refused(t, m, filled("/large", size), znode.ErrTooLarge) })
			for i := range 8 {
				wg.Go(func() { do(t, m, numbered(fmt.Sprintf("/others/%d-", i))) })
			}
			wg.Wait()
			if _, ok := data(m, "/large"); ok {
				t.Errorf("%s: the znode was made", name)
			}
		}
	}
	// The parents that a request asks for can make it too large, too: only the log finds that.
	part := "/" + strings.Repeat("x", 16<<10)
	for _, m := range []*membertest.Member{leader, follower} {
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() { do(t, m, numbered(fmt.Sprintf("/others/%d-", i))) })
			if i == 10 {
				wg.Go(func() { refused(t, m, create(strings.Repeat(part, 60)), znode.ErrTooLarge) })
			}
		}
		wg.Wait()
	}
	// Many that fit alone are too many for one message.
	var wg sync.WaitGroup
	for i := range 48 {
		wg.Go(func() { do(t, follower, filled(fmt.Sprintf("/mib/%d", i), 1<<20)) })
	}
	wg.Wait()
	if n := len(children(follower, "/mib")); n != 48 {
		t.Errorf("%d znodes of 1 MiB; want 48", n)
	}
	for i := range 48 {
		do(t, leader, remove(fmt.Sprintf("/mib/%d", i)))
	}
	membertest.Same(t, members...)
}

// TestCrowdedSession closes a session with 20,000 ephemerals: one revision ends it with all.
func TestCrowdedSession(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	const many, each = 20_000, 50 // as many to a request
	do(t, m, open(7, time.Minute))
	var wg sync.WaitGroup
	for w := range 20 {
		wg.Go(func() {
			for i := range many / 20 / each {
				r := &znode.Request{Session: 7}
				for j := range each {
					r.Ops = append(r.Ops, znode.Op{
						Kind: znode.OpCreate, Path: fmt.Sprintf("/%02d/e%02d%02d", w, i, j), ACL: znode.OpenACL,
						Node: znode.Ephemeral, Parents: true,
					})
				}
				do(t, m, r)
			}
		})
	}
	wg.Wait()
	before := m.Store.Revision()
	begun := time.Now()
	out := do(t, m, closeSession(7))
	took := time.Since(begun)
	m.Store.View(func(tree *znode.Tree, revision int64) {
		if tree.NumEphemerals(7) != 0 || tree.EphemeralCount() != 0 || tree.NumSessions() != 0 {
			t.Errorf("%d ephemerals are left", tree.EphemeralCount())
		}
	})
	if out.Revision > before+5 {
		t.Errorf("revision %d after %d: not in one batch", out.Revision, before)
	}
	t.Logf("%d ephemerals went in %v", many, took)
}

func TestReaping(t *testing.T) {
	t.Parallel()
	m := membertest.One(t, func(c *membertest.Config) { c.Store.ContainerCheck = 50 * time.Millisecond })
	do(t, m, create("/c/d/leaf")) // its parents are containers
	do(t, m, &znode.Request{Ops: []znode.Op{{Kind: znode.OpCreate, Path: "/ttl", ACL: znode.OpenACL, Node: znode.TTL, TTL: 300}}})
	do(t, m, &znode.Request{Ops: []znode.Op{{Kind: znode.OpCreate, Path: "/kept", ACL: znode.OpenACL, Node: znode.TTL, TTL: 60_000}}})
	do(t, m, create("/plain"))
	do(t, m, remove("/c/d/leaf"))
	begun := time.Now()
	quorumtest.Eventually(t, "the empty containers to go", func() bool { _, ok := data(m, "/c"); return !ok })
	quorumtest.Eventually(t, "the TTL znode to go", func() bool { _, ok := data(m, "/ttl"); return !ok })
	if took := time.Since(begun); took < 200*time.Millisecond {
		t.Errorf("the TTL znode went after %v", took)
	}
	for _, path := range []string{"/kept", "/plain"} {
		if _, ok := data(m, path); !ok {
			t.Errorf("%s is gone", path)
		}
	}
}

// TestFullDisk reaches the watermark: what grows is refused, what shrinks goes on.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	m := membertest.One(t)
	do(t, m, open(5, time.Minute))
	do(t, m, filled("/a", 10))
	do(t, m, create("/b"))
	m.Restart(func(c *membertest.Config) { c.Store.MinFreeDisk = 1 << 62 })
	quorumtest.Eventually(t, "the watermark", m.Store.Full)
	served(t, m)
	refused(t, m, create("/c"), znode.ErrFull)
	refused(t, m, open(6, time.Minute), znode.ErrFull)
	refused(t, m, set("/a", "eleven bytes"), znode.ErrFull)
	do(t, m, set("/a", "less"))
	do(t, m, remove("/b"))
	do(t, m, closeSession(5))
	m.Restart(func(c *membertest.Config) { c.Store.MinFreeDisk = 1 })
	do(t, m, create("/c"))
}

// TestFullDatabase reaches the other watermark, the bytes in use.
func TestFullDatabase(t *testing.T) {
	t.Parallel()
	m := membertest.One(t, func(c *membertest.Config) {
		c.Store.MaxDatabase = 8 << 20
		c.Quorum.CompactEvery, c.Quorum.KeepRevisions = 100*time.Millisecond, 1
	})
	made := 0
	quorumtest.Eventually(t, "the watermark", func() bool {
		if m.Store.Full() {
			return true
		}
		out, err := m.Store.Do(t.Context(), filled(fmt.Sprintf("/f/%d", made), 1<<20))
		if err == nil && out.Code == znode.OK {
			made++
		}
		return false
	})
	refused(t, m, create("/more"), znode.ErrFull)
	for i := range made {
		do(t, m, remove(fmt.Sprintf("/f/%d", i)))
	}
	// etcd counts its pages anew with the next write, be it a refusal's.
	quorumtest.Eventually(t, "room again", func() bool {
		out, err := m.Store.Do(t.Context(), create("/more"))
		return err == nil && out.Code == znode.OK
	})
}

func TestBusy(t *testing.T) {
	t.Parallel()
	const limit = 16
	members := membertest.Start(t, 3, func(c *membertest.Config) { c.Store.MaxInFlight = limit })
	m := membertest.Follower(t, members...)
	for _, x := range members {
		served(t, x)
	}
	membertest.CutOff(m) // its requests are judged, and their answers do not come
	var wg sync.WaitGroup
	for i := range limit {
		wg.Go(func() { do(t, m, create(fmt.Sprintf("/busy/%d", i))) })
	}
	quorumtest.Eventually(t, "all in flight", func() bool { return m.Store.Outstanding() == limit })
	if _, err := m.Store.Do(t.Context(), create("/one-more")); !errors.Is(err, store.ErrBusy) {
		t.Errorf("over the limit: %v; want ErrBusy", err)
	}
	if err := m.Store.Start(create("/one-more"), func(znode.Outcome, error) { t.Error("called") }); !errors.Is(err, store.ErrBusy) {
		t.Errorf("over the limit: %v; want ErrBusy", err)
	}
	membertest.Heal(m)
	wg.Wait()
	do(t, m, create("/room-again"))
	if _, ok := data(m, "/one-more"); ok {
		t.Error("a request that was refused as busy was done")
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	members := membertest.Start(t, 3)
	m := membertest.Follower(t, members...)
	served(t, m)
	membertest.CutOff(m)
	errs := make(chan error, 1)
	go func() {
		_, err := m.Store.Do(t.Context(), create("/open"))
		errs <- err
	}()
	quorumtest.Eventually(t, "it to be sent", func() bool { _, ok := data(membertest.Leader(t, without(members, m)...), "/open"); return ok })
	m.Store.Close()
	if err := <-errs; !errors.Is(err, store.ErrUncertain) {
		t.Errorf("a request under way: %v; want ErrUncertain", err)
	}
	if _, err := m.Store.Do(t.Context(), create("/closed")); !errors.Is(err, store.ErrClosed) {
		t.Errorf("after Close: %v; want ErrClosed", err)
	}
	if err := m.Store.WaitRevision(t.Context(), 1<<40); !errors.Is(err, store.ErrClosed) {
		t.Errorf("WaitRevision after Close: %v; want ErrClosed", err)
	}
}

func without(members []*membertest.Member, m *membertest.Member) (rest []*membertest.Member) {
	for _, x := range members {
		if x != m {
			rest = append(rest, x)
		}
	}
	return rest
}

func TestCards(t *testing.T) {
	t.Parallel()
	members := membertest.Start(t, 3)
	quorumtest.Eventually(t, "every card everywhere", func() bool {
		for _, m := range members {
			names := ""
			for _, c := range m.Store.Cards() {
				names += c.Name
			}
			if len(names) != 6 || !strings.Contains(names, "m1") || !strings.Contains(names, "m3") {
				return false
			}
		}
		return true
	})
}
