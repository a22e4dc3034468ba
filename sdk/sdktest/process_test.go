//go:build linux

package sdktest_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/childtest"
	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/sdk"
)

// What a process of ours is told by its environment.
const (
	processDoes      = "SDKTEST_PROCESS"
	processEndpoints = "SDKTEST_ENDPOINTS"
	processTTL       = 2 * time.Second
)

// TestProcess is what a process does that other tests start: it holds a lock, or enters a double
// barrier, says so, and goes on when it is told to.
func TestProcess(t *testing.T) {
	does := os.Getenv(processDoes)
	if does == "" {
		t.Skip("for processes that other tests start")
	}
	ctx := context.Background()
	c, err := sdk.Dial(ctx, strings.Split(os.Getenv(processEndpoints), ","), sdk.WithTTL(processTTL), sdk.WithOwner("process"))
	if err != nil {
		t.Fatal(err)
	}
	input := bufio.NewScanner(os.Stdin)
	switch does {
	case "hold":
		hold, err := c.Mutex("x").Lock(ctx)
		if err != nil {
			t.Fatal(err)
		}
		childtest.Say("held")
		for input.Scan() {
			_, late := c.Data("state").Put(ctx, []byte(input.Text()), sdk.IfToken("x", hold.Token()))
			_, own := c.Data("state").Put(ctx, []byte(input.Text()), sdk.IfHeld(hold))
			childtest.Say("%v / %v", late, own)
		}
	case "enter":
		childtest.Say("enters")
		if err := c.DoubleBarrier("start", 3).Enter(ctx); err != nil {
			t.Fatal(err)
		}
		childtest.Say("inside")
		input.Scan()
	}
}

// start runs TestProcess in a process of its own.
func start(t *testing.T, does string, c *clustertest.Cluster) *childtest.Child {
	t.Helper()
	return childtest.Run(t, "TestProcess", processDoes+"="+does, processEndpoints+"="+strings.Join(c.Endpoints(), ","))
}

// TestALateWriteIsRefused stops a holder past its TTL. Another one takes the lock and writes; what
// the first one writes on waking is refused by the service, whatever it believes.
func TestALateWriteIsRefused(t *testing.T) {
	clean(t)
	cluster := clustertest.Start(t, 3, clustertest.Options{})
	c := dial(t, cluster.Endpoints(), sdk.WithOwner("another"))
	p := start(t, "hold", cluster)
	if got := p.Next(t, "held"); got != "held" {
		t.Fatal(got)
	}
	p.Tell(t, "first")
	if got := p.Next(t, "what came of a write"); got != "<nil> / <nil>" {
		t.Fatalf("while it holds: %s", got)
	}

	p.Signal(t, syscall.SIGSTOP)
	hold, err := c.Mutex("x").Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := hold.Put(t.Context(), "state", []byte("another's")); err != nil {
		t.Fatal(err)
	}
	p.Tell(t, "late")
	p.Signal(t, syscall.SIGCONT)
	late, own, _ := strings.Cut(p.Next(t, "what came of a write"), " / ")
	if !strings.Contains(late, "does not hold lock \"x\", which is held by another") || !strings.Contains(own, "lost") {
		t.Errorf("on waking: %s / %s", late, own)
	}
	v, err := c.Data("state").Get(t.Context())
	if err != nil || string(v.Data) != "another's" {
		t.Errorf("%q, %v", v.Data, err)
	}
}

// entering waits until so many are at the double barrier.
func entering(t *testing.T, c *sdk.Client, n int) {
	t.Helper()
	clustertest.Eventually(t, clustertest.Patience, fmt.Sprint(n, " participants"), func() bool {
		g, err := c.DoubleBarrier("start", 3).Gathering(t.Context())
		return err == nil && g.Total == n
	})
}

// TestAParticipantIsKilled kills a process that waits to enter a double barrier, and one that is
// inside: the others neither count it nor wait for it.
func TestAParticipantIsKilled(t *testing.T) {
	clean(t)
	cluster := clustertest.Start(t, 3, clustertest.Options{})
	a, b := dial(t, cluster.Endpoints()), dial(t, cluster.Endpoints())
	x, y := a.DoubleBarrier("start", 3), b.DoubleBarrier("start", 3)
	inside := make(chan error, 2)

	dying := start(t, "enter", cluster)
	dying.Next(t, "enters")
	entering(t, a, 1)
	go func() { inside <- x.Enter(t.Context()) }()
	entering(t, a, 2)
	dying.Signal(t, syscall.SIGKILL)
	entering(t, a, 1)
	go func() { inside <- y.Enter(t.Context()) }()
	entering(t, a, 2)
	select {
	case err := <-inside:
		t.Fatalf("two of three are there: %v", err)
	default:
	}

	dying = start(t, "enter", cluster)
	dying.Next(t, "enters")
	for range 2 {
		if err := <-inside; err != nil {
			t.Fatal(err)
		}
	}
	if got := dying.Next(t, "inside"); got != "inside" {
		t.Fatal(got)
	}
	dying.Signal(t, syscall.SIGKILL)
	left := make(chan error, 2)
	begun := time.Now()
	go func() { left <- x.Leave(t.Context()) }()
	go func() { left <- y.Leave(t.Context()) }()
	for range 2 {
		if err := <-left; err != nil {
			t.Error(err)
		}
	}
	t.Logf("all have left %v after a participant of a TTL of %v was killed", time.Since(begun), processTTL)
	entering(t, a, 0)
}

// TestAMemberDiesWhileOthersWait kills the member at which somebody waits at a barrier and others at a
// double barrier: they go on waiting elsewhere, and miss nothing.
func TestAMemberDiesWhileOthersWait(t *testing.T) {
	clean(t)
	cluster := clustertest.Start(t, 3, clustertest.Options{})
	a, b := dial(t, cluster.Endpoints()), dial(t, cluster.Endpoints()[1:])
	if err := b.Barrier("gate").Set(t.Context()); err != nil {
		t.Fatal(err)
	}
	results := make(chan error, 4)
	go func() { results <- a.Barrier("gate").Wait(t.Context()) }()
	for i := range 2 {
		go func() { results <- a.DoubleBarrier("start", 3).Enter(t.Context()) }()
		entering(t, b, i+1)
	}
	cluster.Member(a.Endpoint()).Kill(t)
	entering(t, b, 2)
	select {
	case err := <-results:
		t.Fatalf("a wait has ended: %v", err)
	default:
	}
	if err := b.Barrier("gate").Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.DoubleBarrier("start", 3).Enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		select {
		case err := <-results:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(clustertest.Patience):
			t.Fatal("somebody waits on")
		}
	}
}
