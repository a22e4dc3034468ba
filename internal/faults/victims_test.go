//go:build linux

package faults

import (
	"fmt"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/internal/history"
	"github.com/lockkeeper/lockkeeper/sdk"
)

// A victim is a process of the program that claims something, and is killed while it holds or waits.
type victim struct {
	subject
	claim   history.Claim
	process *wrapper
	take    *history.Call
	end     *history.Call
	session sdk.SessionID
}

// victims are those that die together.
type victims struct {
	client *sdk.Client
	rest   *clustertest.Client
	all    []*victim
}

// sacrifice starts processes, two for each subject: one that holds, and one that waits behind it. It
// returns when they do.
func (s *scene) sacrifice(t *testing.T, client *sdk.Client, round int) *victims {
	t.Helper()
	const holding, waiting = 5 * time.Second, 6 * time.Second // TTLs: who waits outlives who holds, and is granted when it is dead
	v := &victims{client: client, rest: s.c.Client(clustertest.ClientOptions{})}
	start := func(x subject, claim history.Claim, verb string, ttl time.Duration, flags ...string) *victim {
		d := &victim{subject: x, claim: claim}
		d.take = x.Take(claim)
		flags = append(flags, "--owner", claim.Owner, "--ttl", ttl.String())
		d.process = wrap(t, s.c, verb, x.Name(), `echo $LOCKKEEPER_TOKEN > "$1/token"; exec sleep 1000`, flags...)
		v.all = append(v.all, d)
		return d
	}
	both := func(ttl time.Duration, who string, shared bool, permits int) (started []*victim) {
		owner := func(of string) string { return fmt.Sprintf("victim-%s-%s-%d", of, who, round) }
		mode := "write"
		if shared {
			mode = "read"
		}
		return []*victim{
			start(s.a, history.Claim{Owner: owner("a")}, "lock", ttl),
			start(s.mode, history.Claim{Owner: owner("mode"), Shared: shared}, "lock", ttl, "--mode", mode),
			start(s.pool, history.Claim{Owner: owner("pool"), Permits: permits}, "lock", ttl, "--permits", strconv.Itoa(permits), "--limit", strconv.Itoa(poolLimit)),
			start(s.term, history.Claim{Owner: owner("term"), Value: "at " + owner("term")}, "elect", ttl, "--value", "at "+owner("term")),
		}
	}
	for _, d := range both(holding, "holds", round == 1, 2) {
		d.holds(t, v)
	}
	for _, d := range both(waiting, "waits", round == 0, poolLimit) {
		d.session = d.find(t, v).Session
	}
	return v
}

// holds waits until a victim holds.
func (d *victim) holds(t *testing.T, v *victims) {
	t.Helper()
	token, err := strconv.ParseInt(d.process.pid(t, "token"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	d.take.Granted(token)
	d.session = d.find(t, v).Session
}

// find waits until a victim holds or waits, and returns its place.
func (d *victim) find(t *testing.T, v *victims) (found sdk.Contender) {
	t.Helper()
	clustertest.Eventually(t, clustertest.Patience, d.claim.Owner+" is there", func() bool {
		all, err := d.look(t.Context(), v.client, d.Name())
		for _, c := range all {
			if c.Owner == d.claim.Owner {
				found = c
			}
		}
		return err == nil && found.Session != 0
	})
	return found
}

// kill kills all victims. From now on what they have may end.
func (v *victims) kill(t *testing.T) {
	t.Helper()
	for _, d := range v.all {
		d.end = d.End(d.claim.Owner)
		d.process.signal(t, syscall.SIGKILL)
	}
}

// buried waits until the sessions of all victims are over, and with them whatever they had.
func (v *victims) buried(t *testing.T) {
	t.Helper()
	ctx := contextWithin(t, clustertest.Patience)
	var wg sync.WaitGroup
	for _, d := range v.all {
		wg.Go(func() {
			if !clustertest.Poll(ctx, func() bool {
				_, err := v.rest.Session(ctx, d.session.String())
				return clustertest.Code(err) == "session_lost"
			}) {
				t.Errorf("the session of %s does not end", d.claim.Owner)
			}
			d.end.Done()
		})
	}
	wg.Wait()
	v.rest.Close()
}
