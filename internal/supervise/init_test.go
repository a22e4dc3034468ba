package supervise

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The kernel's death signal is a thread's own. The worker gets it at its first thread, so it must be that
// one which becomes the shell: a main goroutine stays there if it is told to before main begins.
func init() {
	if len(os.Args) == 3 && os.Args[1] == "init" {
		runtime.LockOSThread()
	}
}

// first is the process that a test starts: the init, and then, of the same call, its worker, which
// becomes a shell.
func first(script string) int {
	if os.Getenv(InitVariable) != "" {
		fmt.Fprintln(os.Stderr, syscall.Exec("/bin/sh", []string{"sh", "-c", script}, os.Environ()))
		return 1
	}
	status, err := Init(context.Background())
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		return 1
	case status.Signaled():
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}

// An initProcess is one that looks after a shell.
type initProcess struct {
	*exec.Cmd
	dir string // where the shell works
}

func startInit(t *testing.T, script string) *initProcess {
	t.Helper()
	// Not bound to the test's context, which would end it before those who descend from it.
	// Who runs the tests may ignore SIGHUP (nohup), which all that they start would do, too.
	p := &initProcess{exec.CommandContext(context.Background(), "env", "--default-signal=HUP", os.Args[0], "init", script), t.TempDir()}
	p.Dir, p.Stderr = p.dir, os.Stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.ProcessState == nil {
			var all []process
			descend(p.Process.Pid, func(p process) { all = append(all, p) })
			for _, p := range all {
				p.send(syscall.SIGKILL)
			}
			_ = p.Process.Kill()
			_ = p.Wait()
		}
	})
	return p
}

// ends waits for the end, which must be with a code.
func (p *initProcess) ends(t *testing.T, code int) {
	t.Helper()
	ended := time.AfterFunc(patience, func() { _ = p.Process.Kill() })
	defer ended.Stop()
	if err := p.Wait(); err != nil {
		if _, ok := errors.AsType[*exec.ExitError](err); !ok {
			t.Fatal(err)
		}
	}
	if got := p.ProcessState.ExitCode(); got != code {
		t.Errorf("ended with %d; want %d", got, code)
	}
}

func TestInitPassesTheExitCodeOn(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]int{"exit 0": 0, "exit 7": 7, "kill -KILL $$": 137, "kill -TERM $$": 143} {
		startInit(t, script).ends(t, want)
	}
}

func TestInitPassesSignalsOn(t *testing.T) {
	t.Parallel()
	const realTime = firstRealTime + 2
	p := startInit(t, `for sig in HUP INT QUIT USR1 USR2 WINCH CONT IO `+strconv.Itoa(realTime)+`; do trap "echo $sig >> seen" $sig; done
trap 'exit 4' TERM; echo $$ > ready; while :; do sleep 0.01; done`)
	await(t, p.dir+"/ready")
	for i, sig := range []syscall.Signal{
		syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH, syscall.SIGIO, syscall.SIGCONT, realTime,
	} {
		if err := p.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		for len(await(t, p.dir+"/seen")) <= i { // each once, and before the next
			if t.Failed() {
				return
			}
		}
	}
	want := fmt.Sprintf("HUP INT QUIT USR1 USR2 WINCH IO CONT %d", realTime)
	if got := strings.Join(await(t, p.dir+"/seen"), " "); got != want {
		t.Errorf("the worker got %s; want %s", got, want)
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.ends(t, 4)
}

func TestInitIsNotStopped(t *testing.T) {
	t.Parallel()
	p := startInit(t, `echo $$ > ready; kill -TSTP $$; kill -TTIN $$; exit 5`)
	p.ends(t, 5)
}

// TestInitReaps has a worker lose many children, and looks whether anything of them stays.
func TestInitReaps(t *testing.T) {
	t.Parallel()
	p := startInit(t, `i=0; while [ $i -lt 200 ]; do (true & true &); i=$((i+1)); done; echo $$ > ready; while ! [ -e stop ]; do sleep 0.01; done; exit 6`)
	worker := await(t, p.dir+"/ready")[0]
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for begun := time.Now(); ; <-tick.C {
		var left []string
		for _, child := range childrenOf(p.Process.Pid) {
			if strconv.Itoa(child) != worker {
				left = append(left, strconv.Itoa(child))
			}
		}
		if len(left) == 0 {
			break
		}
		if time.Since(begun) > patience {
			t.Fatalf("these have lost their parent, and stay: %q", left)
		}
	}
	if err := os.WriteFile(p.dir+"/stop", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.ends(t, 6)
}

func TestInitTakesItsWorkerAlong(t *testing.T) {
	t.Parallel()
	p := startInit(t, `echo $$ > ready; exec sleep 60`)
	worker := await(t, p.dir+"/ready")[0]
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	gone(t, worker, patience)
}

// TestInitGetsAnEarlySignal has the signal come before the init looks for any.
func TestInitGetsAnEarlySignal(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestEarlySignalChild$")
	cmd.Env = append(os.Environ(), "SUPERVISE_EARLY=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("signal 15")) {
		t.Errorf("%v: %s", err, out)
	}
}

// TestEarlySignalChild is not a test but the init of TestInitGetsAnEarlySignal, and its worker.
func TestEarlySignalChild(t *testing.T) {
	if os.Getenv("SUPERVISE_EARLY") == "" {
		t.Skip("this is for a child of another test")
	}
	if os.Getenv(InitVariable) != "" { // the worker, which SIGTERM ends
		_ = unix.Pause()
		return
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	status, err := Init(ctx)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("signal %d\n", status.Signal())
}
