//go:build linux

package sdktest_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

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
		fmt.Println("said held")
		for input.Scan() {
			_, late := c.Data("state").Put(ctx, []byte(input.Text()), sdk.IfToken("x", hold.Token()))
			_, own := c.Data("state").Put(ctx, []byte(input.Text()), sdk.IfHeld(hold))
			fmt.Printf("said %v / %v\n", late, own)
		}
	case "enter":
		fmt.Println("said enters")
		if err := c.DoubleBarrier("start", 3).Enter(ctx); err != nil {
			t.Fatal(err)
		}
		fmt.Println("said inside")
		input.Scan()
	}
}

// A process is a program of its own.
type process struct {
	cmd  *exec.Cmd
	in   io.Writer
	said chan string
}

func start(t *testing.T, does string, c *clustertest.Cluster) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*time.Minute)
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestProcess$", "-test.v")
	cmd.Env = append(os.Environ(), processDoes+"="+does, processEndpoints+"="+strings.Join(c.Endpoints(), ","))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said, done := make(chan string, 16), make(chan struct{})
	go func() { // ends with the process
		defer close(done)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if text, ok := strings.CutPrefix(lines.Text(), "said "); ok {
				said <- text
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		_ = cmd.Wait() // killed, where it had not ended
	})
	return &process{cmd: cmd, in: in, said: said}
}

// says returns what the process says next.
func (p *process) says(t *testing.T) string {
	t.Helper()
	select {
	case text := <-p.said:
		return text
	case <-time.After(clustertest.Patience):
		t.Fatal("the process says nothing")
	}
	return ""
}

func (p *process) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// TestALateWriteIsRefused stops a holder past its TTL. Another one takes the lock and writes; what
// the first one writes on waking is refused by the service, whatever it believes.
func TestALateWriteIsRefused(t *testing.T) {
	clean(t)
	cluster := clustertest.Start(t, 3, clustertest.Options{})
	c := dial(t, cluster.Endpoints(), sdk.WithOwner("another"))
	p := start(t, "hold", cluster)
	if got := p.says(t); got != "held" {
		t.Fatal(got)
	}
	fmt.Fprintln(p.in, "first")
	if got := p.says(t); got != "<nil> / <nil>" {
		t.Fatalf("while it holds: %s", got)
	}

	p.signal(t, syscall.SIGSTOP)
	hold, err := c.Mutex("x").Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := hold.Put(t.Context(), "state", []byte("another's")); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(p.in, "late")
	p.signal(t, syscall.SIGCONT)
	late, own, _ := strings.Cut(p.says(t), " / ")
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
	dying.says(t)
	entering(t, a, 1)
	go func() { inside <- x.Enter(t.Context()) }()
	entering(t, a, 2)
	dying.signal(t, syscall.SIGKILL)
	entering(t, a, 1)
	go func() { inside <- y.Enter(t.Context()) }()
	entering(t, a, 2)
	select {
	case err := <-inside:
		t.Fatalf("two of three are there: %v", err)
	default:
	}

	dying = start(t, "enter", cluster)
	dying.says(t)
	for range 2 {
		if err := <-inside; err != nil {
			t.Fatal(err)
		}
	}
	if got := dying.says(t); got != "inside" {
		t.Fatal(got)
	}
	dying.signal(t, syscall.SIGKILL)
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
