package supervise

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clock"
)

const patience = 20 * time.Second

// order returns one for a shell script that may run for a while.
func order(script string, args ...string) Order {
	return Order{
		Path: "/bin/sh", Args: append([]string{"sh", "-c", script, "sh"}, args...), Env: os.Environ(),
		Deadline: clock.Boot() + time.Minute, Grace: 10 * time.Second, Margin: 100 * time.Millisecond,
	}
}

func start(t *testing.T, o Order) *Guard {
	t.Helper()
	g, err := Start("guard")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := g.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	if err := g.Run(o); err != nil {
		t.Fatal(err)
	}
	return g
}

// next returns the next report, which must be of a kind.
func next(t *testing.T, g *Guard, kind ReportKind) Report {
	t.Helper()
	select {
	case r, ok := <-g.Reports():
		if !ok || r.Kind != kind {
			t.Fatalf("the guard reports %+v; want %s", r, kind)
		}
		return r
	case <-time.After(patience):
		t.Fatalf("the guard does not report %s", kind)
	}
	panic("unreachable")
}

// await waits until the script has written a file, and returns the words in it.
func await(t *testing.T, file string) []string {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for begun := time.Now(); time.Since(begun) < patience; <-tick.C {
		if text, err := os.ReadFile(file); err == nil && strings.HasSuffix(string(text), "\n") {
			return strings.Fields(string(text))
		}
	}
	t.Fatalf("nobody writes %s", file)
	return nil
}

// gone waits until a process does not run any more, and fails the test if that takes too long.
func gone(t *testing.T, pid string, within time.Duration) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for begun := time.Now(); time.Since(begun) < within; <-tick.C {
		stat, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
	}
	t.Fatalf("process %s is still there after %v", pid, within)
}

func TestExitCodes(t *testing.T) {
	for script, want := range map[string]int{"exit 0": 0, "exit 7": 7, "kill -9 $$": 137, "kill -TERM $$": 143} {
		g := start(t, order(script))
		next(t, g, Started)
		if r := next(t, g, Exited); r.Code != want {
			t.Errorf("%s: reported %+v; want %d", script, r, want)
		}
		next(t, g, Gone)
	}
}

func TestProgramThatCannotBeRun(t *testing.T) {
	for path, want := range map[string]syscall.Errno{"/nowhere": syscall.ENOENT, "/etc/passwd": syscall.EACCES} {
		o := order("")
		o.Path = path
		if r := next(t, start(t, o), Failed); r.Errno != want {
			t.Errorf("%s: %v; want %v", path, r.Errno, want)
		}
	}
}

func TestSignalsReachTheGroup(t *testing.T) {
	dir := t.TempDir()
	g := start(t, order(`trap 'echo got > "$1"/usr1; exit 3' USR1; echo ready > "$1"/ready; while :; do sleep 0.05; done`, dir))
	next(t, g, Started)
	await(t, dir+"/ready")
	if err := g.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	// The sleep has got the signal, too.
	if r := next(t, g, Exited); r.Code != 3 {
		t.Errorf("reported %+v", r)
	}
	await(t, dir+"/usr1")
	next(t, g, Gone)
}

func TestOverdueGroupIsGoneBeforeTheDeadline(t *testing.T) {
	dir := t.TempDir()
	o := order(`trap '' TERM; sh -c "trap '' TERM; echo \$\$ > $1/inner; while :; do sleep 1; done" & echo $$ > "$1"/outer; wait; while :; do sleep 1; done`, dir)
	o.Deadline, o.Grace, o.Margin = clock.Boot()+1500*time.Millisecond, 300*time.Millisecond, 300*time.Millisecond
	g := start(t, o)
	next(t, g, Started)
	inner := await(t, dir+"/inner")[0]
	if r := next(t, g, Ending); r.Why != Overdue {
		t.Errorf("reported %+v", r)
	}
	if r := next(t, g, Exited); r.Signal != syscall.SIGKILL {
		t.Errorf("reported %+v", r)
	}
	next(t, g, Gone)
	left := o.Deadline - clock.Boot()
	if t.Logf("gone %v before the deadline", left); left <= 0 {
		t.Error("the group lived past its deadline")
	}
	gone(t, inner, 0+time.Second)
}

func TestStoppedCommandIsEndedToo(t *testing.T) {
	o := order(`kill -STOP $$; exit 0`)
	o.Deadline, o.Grace, o.Margin = clock.Boot()+time.Second, 300*time.Millisecond, 100*time.Millisecond
	g := start(t, o)
	next(t, g, Started)
	if r := next(t, g, Stopped); r.Signal != syscall.SIGSTOP {
		t.Errorf("reported %+v", r)
	}
	next(t, g, Ending)
	if r := next(t, g, Exited); r.Signal != syscall.SIGTERM {
		t.Errorf("reported %+v", r)
	}
	next(t, g, Gone)
}

func TestLeftBehindIsEnded(t *testing.T) {
	dir := t.TempDir()
	g := start(t, order(`sh -c "echo \$\$ > $1/inner; sleep 60" & while ! [ -s "$1"/inner ]; do sleep 0.01; done; exit 4`, dir))
	next(t, g, Started)
	if r := next(t, g, Exited); r.Code != 4 {
		t.Errorf("reported %+v", r)
	}
	next(t, g, Left)
	if r := next(t, g, Ending); r.Why != LeftBehind {
		t.Errorf("reported %+v", r)
	}
	next(t, g, Gone)
	gone(t, await(t, dir+"/inner")[0], time.Second)
}

// deaf is a script that, with its child, ends by nothing but SIGKILL, and writes the numbers of both.
const deaf = `trap '' TERM HUP; sh -c "trap '' TERM HUP; echo \$\$ > $1/inner; while :; do sleep 1; done" & echo $$ > "$1"/outer; while :; do sleep 1; done`

func TestGuardKilled(t *testing.T) {
	dir := t.TempDir()
	g := start(t, order(deaf, dir))
	next(t, g, Started)
	outer, inner := await(t, dir+"/outer")[0], await(t, dir+"/inner")[0]
	if err := g.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	gone(t, outer, patience) // by the kernel, with the guard
	for range g.Reports() {
		t.Error("a guard that was killed reports")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := g.Close(ctx); err != nil {
		t.Error(err)
	}
	gone(t, inner, time.Second)
}

func TestGuardStopped(t *testing.T) {
	dir := t.TempDir()
	g := start(t, order(deaf, dir))
	next(t, g, Started)
	outer, inner := await(t, dir+"/outer")[0], await(t, dir+"/inner")[0]
	if err := g.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := g.Close(ctx); err != nil {
		t.Error(err)
	}
	gone(t, outer, time.Second)
	gone(t, inner, time.Second)
}

// ask is the process that asks for a command, of its own, so that tests can kill or stop it.
func ask(dir string) {
	g, err := Start("guard")
	if err != nil {
		fmt.Println(err)
		return
	}
	o := order(deaf, dir)
	o.Deadline, o.Grace, o.Margin = clock.Boot()+3*time.Second, 500*time.Millisecond, 500*time.Millisecond
	_ = g.Run(o)
	fmt.Println(int64(o.Deadline))
	for range g.Reports() {
	}
}

func TestWhoeverAskedDiesOrStops(t *testing.T) {
	for name, sig := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "stopped": syscall.SIGSTOP} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "asker", dir)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Wait()
			defer cmd.Process.Kill()
			line, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			deadline, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			outer, inner := await(t, dir+"/outer")[0], await(t, dir+"/inner")[0]
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			gone(t, outer, patience)
			gone(t, inner, patience)
			left := time.Duration(deadline) - clock.Boot()
			if t.Logf("gone after %v, %v before the deadline", time.Since(begun), left); left <= 0 {
				t.Error("the group lived past its deadline")
			}
		})
	}
}
