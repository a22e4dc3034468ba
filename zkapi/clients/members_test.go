//go:build linux

package clients

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// TestOtherMembers writes at one member and reads at another, after a sync.
func TestOtherMembers(t *testing.T) {
	t.Parallel()
	cluster := clustertest.Start(t, 3, clustertest.Options{})
	a, b := dial(t, cluster.Members[0]), dial(t, cluster.Members[1])
	if _, err := a.Create("/shown", nil, 0, zk.WorldACL(zk.PermAll)); err != nil {
		t.Fatal(err)
	}
	t.Run("64 a sync shows what was written before it", func(t *testing.T) {
		for i := range 300 {
			want := fmt.Sprint(i)
			if _, err := a.Set("/shown", []byte(want), -1); err != nil {
				t.Fatal(err)
			}
			if _, err := b.Sync("/shown"); err != nil {
				t.Fatal(err)
			}
			if got, _, err := b.Get("/shown"); err != nil || string(got) != want {
				t.Fatalf("%q, want %q, %v", got, want, err)
			}
		}
	})
}

// An owner is a client with an ephemeral, who notes whether its session ever ended.
type owner struct {
	*zk.Conn
	path    string
	events  <-chan zk.Event
	session int64
}

// owners are one for each member to begin with; each knows all members.
func owners(t *testing.T, cluster *clustertest.Cluster, timeout time.Duration) (list []*owner) {
	t.Helper()
	all := strings.Split(connectString(cluster), ",")
	for i := range all {
		addresses := append([]string{all[i]}, all...)
		next := 0
		provider := &inOrder{addresses, &next}
		c, events, err := zk.Connect(all, timeout, zk.WithLogger(quietLog{}), zk.WithHostProvider(provider))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		o := &owner{Conn: c, path: fmt.Sprintf("/owner-%d", i), events: events}
		if _, err := c.Create(o.path, nil, zk.FlagEphemeral, zk.WorldACL(zk.PermAll)); err != nil {
			t.Fatal(err)
		}
		o.session = c.SessionID()
		list = append(list, o)
	}
	return list
}

// inOrder gives addresses out in their order, again and again.
type inOrder struct {
	addresses []string
	next      *int
}

// Init is part of zk.HostProvider.
func (p *inOrder) Init([]string) error { return nil }

// Len is part of zk.HostProvider.
func (p *inOrder) Len() int { return len(p.addresses) }

// Next is part of zk.HostProvider.
func (p *inOrder) Next() (server string, retryStart bool) {
	server = p.addresses[*p.next%len(p.addresses)]
	*p.next++
	return server, *p.next > 1
}

// Connected is part of zk.HostProvider.
func (p *inOrder) Connected() {}

// live fails the test unless the owner has its session and its ephemeral, and had them always.
func (o *owner) live(t *testing.T) {
	t.Helper()
	clustertest.Eventually(t, patience, "an answer for "+o.path, func() bool {
		_, s, err := o.Exists(o.path)
		switch {
		case errors.Is(err, zk.ErrNoNode) || errors.Is(err, zk.ErrSessionExpired):
			t.Fatalf("%s: %v", o.path, err)
		case err == nil && s.EphemeralOwner != o.session:
			t.Fatalf("%s is of %#x, not of %#x", o.path, s.EphemeralOwner, o.session)
		}
		return err == nil
	})
	for {
		select {
		case e := <-o.events:
			if e.State == zk.StateExpired {
				t.Fatalf("the session of %s has expired", o.path)
			}
			continue
		default:
		}
		break
	}
}

// TestSessionsOutliveMembers ends members, and looks after the sessions of clients.
func TestSessionsOutliveMembers(t *testing.T) {
	t.Parallel()
	cluster := clustertest.Start(t, 3, clustertest.Options{})
	list := owners(t, cluster, 10*time.Second)
	t.Run("101 the leader is killed", func(t *testing.T) {
		leader := cluster.WaitLeader(t)
		leader.Kill(t)
		end := time.Now().Add(12 * time.Second) // longer than a session without its keeper would live
		clustertest.Eventually(t, patience, "the timeout to pass", func() bool { return time.Now().After(end) })
		for _, o := range list {
			o.live(t)
		}
		leader.Restart(t)
		cluster.WaitLeader(t)
	})
	t.Run("102 every member is restarted", func(t *testing.T) {
		for _, m := range cluster.Members {
			cluster.WaitReady(t, cluster.Members...)
			m.Stop(t)
			m.Restart(t)
			for _, o := range list {
				o.live(t)
			}
		}
	})
}
