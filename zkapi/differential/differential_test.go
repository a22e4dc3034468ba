package differential

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/zkapi/zktest"
)

var (
	seedFlag = flag.Uint64("seed", 0, "first seed of the random scripts; 0: the same ones every time")
	most     = flag.Int("most", runs, "random scripts of a test, at most")
	long     = flag.Duration("long", 0, "play random scripts for so long, from a seed that is printed")
)

// The random scripts of CI.
const (
	runs      = 200
	followers = 60 // of them played at followers, too
	steps     = 200
	together  = 6 // scripts being played at once
	shrinking = 20 * time.Second
)

// A pair is the same kind of server twice.
type pair struct{ apache, ours string }

// alone starts both servers alone.
func alone(t *testing.T) pair {
	apache := zktest.Apache(t, 1)
	c := clustertest.Start(t, 1, clustertest.Options{Flags: flags(t)})
	return pair{apache[0], c.Members[0].ZooKeeper}
}

// follower starts both as ensembles of three, and returns a follower of each.
func follower(t *testing.T) pair {
	apache := zktest.Apache(t, 3)
	i := slices.IndexFunc(apache, func(address string) bool { return zktest.Follows(address) })
	if i < 0 {
		t.Fatal("no follower")
	}
	c := clustertest.Start(t, 3, clustertest.Options{Flags: flags(t)})
	return pair{apache[i], c.Others(c.WaitLeader(t))[0].ZooKeeper}
}

func flags(t *testing.T) []string {
	file := filepath.Join(t.TempDir(), "super")
	if err := os.WriteFile(file, []byte(zktest.SuperDigest+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"--zookeeper-super-digest-file", file, "--zookeeper-max-client-cnxns", "0", "--zookeeper-enforce-quota"}
}

var roots atomic.Int64 // below which scripts are played

// differ plays a script to both, and returns where they differ.
func (p pair) differ(s script) (at int, how string, err error) {
	root := fmt.Sprintf("/d%d", roots.Add(1))
	a, err := play(p.apache, root, s)
	if err != nil {
		return 0, "", fmt.Errorf("ZooKeeper: %w", err)
	}
	b, err := play(p.ours, root, s)
	if err != nil {
		return 0, "", fmt.Errorf("ours: %w", err)
	}
	at, how = compare(a, b)
	return at, how, nil
}

// check plays a script, and fails the test with the shortest script found that differs.
func (p pair) check(t *testing.T, what string, s script) {
	t.Helper()
	at, how, err := p.differ(s)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	if at < 0 {
		return
	}
	s = s[:at+1]
	end := time.Now().Add(shrinking)
	for i := len(s) - 2; i >= 0 && time.Now().Before(end); i-- {
		less := append(slices.Clone(s[:i]), s[i+1:]...)
		if !less.sound() {
			continue
		}
		if at, other, err := p.differ(less); err == nil && at >= 0 {
			s, how = less[:at+1], other
			i = min(i, len(s)-1)
		}
	}
	t.Errorf("%s differs:\n%v%s", what, s, how)
}

// sound reports whether every client that acts has a connection.
func (s script) sound() bool {
	var dropped [clients]bool
	for i := range s {
		c := s[i].client
		if dropped[c] != (s[i].action == renew) {
			return false
		}
		dropped[c] = s[i].action == drop
	}
	return true
}

// random plays n scripts from a seed on.
func (p pair) random(t *testing.T, first uint64, n int) {
	t.Helper()
	n = min(n, *most)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range together {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && !t.Failed(); i = next.Add(1) - 1 {
				seed := first + uint64(i)
				p.check(t, fmt.Sprintf("seed %d", seed), generate(seed, steps))
			}
		})
	}
	wg.Wait()
}

func firstSeed() uint64 {
	if *seedFlag != 0 {
		return *seedFlag
	}
	return 1
}

func TestRandomAlone(t *testing.T) {
	t.Parallel()
	alone(t).random(t, firstSeed(), runs)
}

func TestRandomAtFollower(t *testing.T) {
	t.Parallel()
	follower(t).random(t, firstSeed(), followers)
}

// TestRandomLong plays scripts that nobody has seen before, for as long as it is told.
func TestRandomLong(t *testing.T) {
	if *long == 0 {
		t.Skip("only with -long")
	}
	p := alone(t)
	for end := time.Now().Add(*long); time.Now().Before(end) && !t.Failed(); {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		p.random(t, seed, runs)
	}
}

// TestHarness plays scripts twice to Apache ZooKeeper: what differs there is the harness's fault.
func TestHarness(t *testing.T) {
	t.Parallel()
	a := zktest.Apache(t, 1)
	b := zktest.Apache(t, 1)
	pair{a[0], b[0]}.random(t, 1_000_000, 12)
}
