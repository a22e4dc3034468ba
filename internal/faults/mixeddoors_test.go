//go:build linux

package faults

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/childtest"
	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/sdk"
)

// A line is one lock with contenders from several doors.
type line struct {
	lock     string
	journal  *journal
	stop     chan struct{}
	wg       sync.WaitGroup // counts the contenders of this process
	errs     chan error     // what they ended with
	programs map[string]*childtest.Child
}

// contenders is how many contenders of this process a line has at most.
const contenders = 16

func newLine(t *testing.T, lock string) *line {
	return &line{lock: lock, journal: newJournal(t), stop: make(chan struct{}), errs: make(chan error, contenders), programs: map[string]*childtest.Child{}}
}

// here adds a contender in this process.
func (l *line) here(name string, ttl time.Duration, contend func(*contender) error) {
	x := &contender{name: name, lock: l.lock, ttl: ttl, journal: l.journal, stop: l.stop}
	l.wg.Go(func() { l.errs <- contend(x) })
}

// program adds a contender that is a program of another language.
func (l *line) program(t *testing.T, name string, ttl time.Duration, c *clustertest.Cluster, command []string, more ...string) {
	t.Helper()
	args := []string{strings.Join(zkServers(c.Members), ","), strconv.FormatInt(ttl.Milliseconds(), 10), "/" + l.lock, name, l.journal.path}
	l.programs[name] = startProgram(t, command, append(args, more...)...)
}

// killHolder kills a program while it holds the lock.
func (l *line) killHolder(t *testing.T, name string) {
	t.Helper()
	k := l.programs[name]
	delete(l.programs, name)
	k.Tell(t, "stay")
	k.Hear(t, "stays")
	k.Kill()
	l.journal.note("killed", name)
}

// end has all contenders end, and fails the test for those that hang or have failed.
func (l *line) end(t *testing.T) {
	t.Helper()
	close(l.stop)
	for name, k := range l.programs {
		k.GoOn(t)
		var held int
		k.Hear(t, "held %d", &held)
		k.Ends(t)
		t.Logf("%s: %s ends after %d turns", l.lock, name, held)
	}
	l.wg.Wait() // their context ends when patience does
	close(l.errs)
	for err := range l.errs {
		if err != nil {
			t.Error(err)
		}
	}
}

// TestMixedDoors has clients of every kind contend for one lock over three members for more than half a minute:
// Curator, kazoo, go-zookeeper, REST and package sdk, some of them processes of their own. Two
// leaders and a holder of each lock are killed meanwhile. It shows that there are never two
// holders, that who comes first is served first, that tokens grow, that every door has its turns
// and that nobody hangs.
//
// Curator does not see kazoo's znodes unless they have its own names: in the line where both stand,
// kazoo's are made to. In the other, kazoo is as its users have it.
func TestMixedDoors(t *testing.T) {
	beside(t, works)
	const ttl = 10 * time.Second
	pass := 5 * time.Second // after each fault, of which there are three; with the faults, more than half a minute
	if testing.Short() {
		pass = 2 * time.Second
	}
	curator, kazoo := childtest.Java(t, "testdata/Contender.java"), kazooProgram(t)
	c := clustertest.Start(t, 3, clustertest.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 3*clustertest.Patience)
	defer cancel()
	every, own := newLine(t, "mixed/every"), newLine(t, "mixed/own")
	lines := []*line{every, own}
	every.program(t, "curator-1", ttl, c, curator)
	every.program(t, "curator-2", ttl, c, curator)
	every.program(t, "kazoo-1", ttl, c, kazoo, "curator")
	own.program(t, "kazoo-2", ttl, c, kazoo, "kazoo")
	own.program(t, "kazoo-3", ttl, c, kazoo, "kazoo")
	for _, l := range lines {
		for _, k := range l.programs {
			k.Hear(t, "contends")
		}
		for _, n := range []string{"1", "2"} {
			l.here("rest-"+n, ttl, func(x *contender) error { return x.rest(ctx, c.Client(clustertest.ClientOptions{})) })
			client := dial(t, c.Endpoints(), sdk.WithTTL(ttl))
			l.here("sdk-"+n, ttl, func(x *contender) error { return x.sdk(ctx, client) })
			l.here("go-"+n, ttl, func(x *contender) error { return x.zooKeeper(ctx, zkServers(c.Members)) })
		}
	}
	begun := time.Now()
	clustertest.Pass(t, pass)
	for i, victims := range [][]string{nil, {"curator-2", "kazoo-3"}, nil} {
		var what string
		var down *clustertest.Member
		if victims != nil {
			what = strings.Join(victims, " and ") + ", which held"
			for n, l := range lines {
				l.killHolder(t, victims[n])
			}
		} else {
			leader := c.WaitLeader(t)
			what = "leader " + leader.Name
			leader.Kill(t)
			down = leader
		}
		killed := time.Now()
		for _, l := range lines {
			l.journal.goesOn(t)
			t.Logf("%s goes on %v after the death of %s", l.lock, time.Since(killed), what)
		}
		if down != nil {
			down.Restart(t)
			c.WaitReady(t, down)
		}
		if i < 2 || !testing.Short() {
			clustertest.Pass(t, pass)
		}
	}
	took := time.Since(begun)
	ended := time.Now()
	for _, l := range lines {
		l.end(t)
	}
	t.Logf("contended for %v, all had ended %v later", took, time.Since(ended))

	reader := c.Client(clustertest.ClientOptions{})
	defer reader.Close()
	for _, l := range lines {
		turns, err := l.journal.check()
		if err != nil {
			t.Errorf("%s: %v", l.lock, err)
		}
		t.Logf("%s: %v", l.lock, turns)
		want := []string{"curator-1", "curator-2", "kazoo-1"}
		if l == own {
			want = []string{"kazoo-2", "kazoo-3"}
		}
		for _, name := range append(want, "rest-1", "rest-2", "sdk-1", "sdk-2", "go-1", "go-2") {
			if turns[name] < 3 {
				t.Errorf("%s: %s had %d turns", l.lock, name, turns[name])
			}
		}
		clustertest.Eventually(t, clustertest.Patience, "the queue is empty", func() bool {
			q, err := reader.Queue(t.Context(), l.lock)
			return err == nil && q.Contenders == 0
		})
	}
}
