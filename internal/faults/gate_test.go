//go:build linux

package faults

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/absent"
	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// gateVerb is the command that is a container's entry point.
const gateVerb = "sidecar"

// asFirst is a script that runs its arguments as the first process of the namespaces that it is
// started in, with a /proc of their own.
const asFirst = `mount --make-rprivate / && mount -t proc proc /proc && exec "$@"`

// leavesDaemon begins a script: a process in a session of its own, whose parent has ended, holds
// the lock on a file, $DAEMON, for as long as it lives, which SIGTERM does not change.
const leavesDaemon = `(setsid flock "$DAEMON" sh -c "trap '' TERM; echo there > $1/daemon; while :; do sleep 0.1; done" > /dev/null 2>&1 &); while ! [ -s "$1"/daemon ]; do sleep 0.02; done; `

// noDaemon is a script that fails while such a process lives.
const noDaemon = `flock --nonblock "$DAEMON" true`

// A container is a gate that is pid 1 of its namespace.
type container struct{ *wrapper }

// contain runs a shell script by a gate with flags, as the first process of a pid namespace.
func contain(t *testing.T, c *clustertest.Cluster, script string, flags ...string) *container {
	t.Helper()
	return containOn(t, c, nil, script, flags...)
}

// containOn does so on a terminal; nil: on none.
func containOn(t *testing.T, c *clustertest.Cluster, terminal *os.File, script string, flags ...string) *container {
	t.Helper()
	if os.Geteuid() != 0 {
		absent.Skip(t, "pid namespaces: only root can make them")
	}
	k := &container{&wrapper{dir: t.TempDir(), out: &output{}, done: make(chan struct{})}}
	// Who runs the tests may ignore SIGHUP (nohup), which all that they start would do, too.
	args := append([]string{"--default-signal=HUP", "sh", "-c", asFirst, "sh", clustertest.Binary(t), gateVerb, "--events", "-", "--endpoints", strings.Join(c.Endpoints(), ",")}, flags...)
	k.cmd = exec.CommandContext(t.Context(), "env", append(args, "--", "sh", "-c", script, "sh", k.dir)...)
	k.cmd.Env = append(os.Environ(), "DAEMON="+filepath.Join(k.dir, "daemon.lock"))
	k.cmd.Stdout, k.cmd.Stderr = k.out, k.out
	k.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
	if terminal != nil {
		k.cmd.Stdin, k.cmd.Stdout, k.cmd.Stderr = terminal, terminal, terminal
		k.cmd.SysProcAttr.Setsid, k.cmd.SysProcAttr.Setctty = true, true
	}
	k.start(t)
	return k
}

// after begins the script of another container: with the file of this one's daemon.
func (k *container) after() string { return `DAEMON='` + filepath.Join(k.dir, "daemon.lock") + `'; ` }

// inside returns, by their numbers in it, the states of the container's processes.
func (k *container) inside() map[string]string {
	states := map[string]string{}
	files, _ := filepath.Glob("/proc/" + strconv.Itoa(k.cmd.Process.Pid) + "/root/proc/[0-9]*/stat")
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		states[filepath.Base(filepath.Dir(file))] = rest[:1]
	}
	return states
}

// worker returns the number of the process that keeps the lock, and guard that of its guard.
func (k *container) worker(t *testing.T) int { return onlyChild(t, k.cmd.Process.Pid) }
func (k *container) guard(t *testing.T) int  { return onlyChild(t, k.worker(t)) }

func onlyChild(t *testing.T, pid int) int {
	t.Helper()
	files, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	var children []string
	for _, file := range files {
		text, _ := os.ReadFile(file)
		children = append(children, strings.Fields(string(text))...)
	}
	if len(children) != 1 {
		t.Fatalf("process %d has the children %q; want one", pid, children)
	}
	child, err := strconv.Atoi(children[0])
	if err != nil {
		t.Fatal(err)
	}
	return child
}

// says waits until the command has written a text into a file.
func (w *wrapper) says(t *testing.T, file, text string) {
	t.Helper()
	clustertest.Eventually(t, clustertest.Patience, "the command writes "+text+" into "+file, func() bool {
		written, _ := os.ReadFile(filepath.Join(w.dir, file))
		return bytes.Contains(written, []byte(text+"\n"))
	})
}

func (w *wrapper) write(t *testing.T, file string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, file), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// force takes a lock away.
func force(t *testing.T, c *clustertest.Cluster, name string) {
	t.Helper()
	release := exec.CommandContext(t.Context(), clustertest.Binary(t), "release", name, "--force", "--endpoints", c.Endpoints()[0])
	if out, err := release.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func TestGate(t *testing.T) {
	beside(t, waits)
	c := clustertest.Start(t, 1, clustertest.Options{})
	for name, test := range map[string]func(t *testing.T, c *clustertest.Cluster){
		"exit codes":                 gateExitCodes,
		"signals":                    gateSignals,
		"a signal ends the wait":     gateWaitEnds,
		"nobody stays a zombie":      gateReaps,
		"what the command left":      gateDaemon,
		"the worker is killed":       gateWorkerKilled,
		"the guard is killed":        gateGuardKilled,
		"again after a loss":         gateAgain,
		"others in the container":    gateVisitor,
		"an election":                gateElection,
		"on a terminal":              gateTerminal,
		"as any process":             gateNotFirst,
		"the lock, and not the gate": lockLeavesDaemon,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, c)
		})
	}
}

func gateExitCodes(t *testing.T, c *clustertest.Cluster) {
	contain(t, c, `exit 0`, "--lock", "codes").exits(t, 0)
	contain(t, c, `test $$ != 1 && test "$LOCKKEEPER_LOCK" = codes && test -n "$LOCKKEEPER_TOKEN" && test -z "$LOCKKEEPER_INIT" && exit 7`, "--lock", "codes").exits(t, 7)
	contain(t, c, `kill -KILL $$`, "--lock", "codes").exits(t, 137)
	contain(t, c, `exit 0`).exits(t, 125)
}

func gateSignals(t *testing.T, c *clustertest.Cluster) {
	k := contain(t, c, `for sig in HUP USR1 37; do trap "echo $sig >> $1/seen" $sig; done; trap 'exit 5' TERM; echo > "$1"/ready; while :; do sleep 0.05; done`, "--lock", "signals")
	k.pid(t, "ready")
	for sig, name := range map[syscall.Signal]string{syscall.SIGHUP: "HUP", syscall.SIGUSR1: "USR1", 37: "37"} {
		k.signal(t, sig)
		k.says(t, "seen", name)
	}
	k.signal(t, syscall.SIGTSTP) // stops the command; pid 1 and the worker go on
	k.signal(t, syscall.SIGCONT)
	k.signal(t, syscall.SIGTERM)
	k.exits(t, 5)
}

func gateWaitEnds(t *testing.T, c *clustertest.Cluster) {
	holder := contain(t, c, `echo > "$1"/ready; while ! [ -e "$1"/stop ]; do sleep 0.05; done`, "--lock", "waited")
	holder.pid(t, "ready")
	k := contain(t, c, `echo ran > "$1"/ran`, "--lock", "waited")
	clustertest.Eventually(t, clustertest.Patience, "it waits", func() bool { return strings.Contains(k.out.String(), `"waiting"`) })
	k.signal(t, syscall.SIGTSTP) // nobody would have it go on
	k.signal(t, syscall.SIGTERM)
	k.exits(t, 143)
	contain(t, c, `exit 0`, "--lock", "waited", "--wait", "300ms").exits(t, 112)
	holder.write(t, "stop")
	holder.exits(t, 0)
	if _, err := os.Stat(filepath.Join(k.dir, "ran")); err == nil {
		t.Error("the command has run")
	}
}

// gateReaps has both the command and somebody else in the container lose children.
func gateReaps(t *testing.T, c *clustertest.Cluster) {
	k := contain(t, c, `i=0; while [ $i -lt 100 ]; do (true & setsid true &); i=$((i+1)); done; echo $$ > "$1"/ready; while ! [ -e "$1"/stop ]; do sleep 0.05; done`, "--lock", "orphans")
	k.pid(t, "ready")
	visit := exec.CommandContext(t.Context(), "nsenter", "--target", strconv.Itoa(k.cmd.Process.Pid), "--pid", "--mount",
		"sh", "-c", `i=0; while [ $i -lt 100 ]; do (true & setsid sleep 0.1 &); i=$((i+1)); done`)
	if out, err := visit.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	// What stays: pid 1, the worker, the guard, the command and what it sleeps by.
	clustertest.Eventually(t, clustertest.Patience, "the orphans are gone", func() bool { return len(k.inside()) <= 5 })
	if own := dirtyMiB(t, k.cmd.Process.Pid); own > 10 {
		t.Errorf("pid 1 has %d MiB of its own", own)
	}
	k.write(t, "stop")
	k.exits(t, 0)
}

// dirtyMiB returns how much memory a process has for itself, which is not the program's.
func dirtyMiB(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "Private_Dirty:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		t.Fatalf("there is no Private_Dirty in %s", text)
	}
	kib, err := strconv.Atoi(fields[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("pid 1 has %d KiB of its own", kib)
	return kib / 1024
}

// gateDaemon has one container's command leave somebody behind, and another's look for that.
func gateDaemon(t *testing.T, c *clustertest.Cluster) {
	k := contain(t, c, leavesDaemon+`echo > "$1"/ready; while ! [ -e "$1"/stop ]; do sleep 0.05; done; exit 3`, "--lock", "daemon", "--grace", "500ms")
	k.pid(t, "ready")
	next := contain(t, c, k.after()+noDaemon, "--lock", "daemon")
	clustertest.Eventually(t, clustertest.Patience, "the next waits", func() bool { return strings.Contains(next.out.String(), `"waiting"`) })
	k.write(t, "stop")
	next.exits(t, 0)
	k.exits(t, 3)
	if !strings.Contains(k.out.String(), "has left processes behind") {
		t.Error("nothing is said of what was left behind")
	}
}

// lockLeavesDaemon shows that the tests here would see a daemon that is left.
func lockLeavesDaemon(t *testing.T, c *clustertest.Cluster) {
	w := &wrapper{dir: t.TempDir()}
	daemon := `DAEMON="` + filepath.Join(w.dir, "daemon.lock") + `"; `
	w = underLock(t, c, "left", daemon+strings.ReplaceAll(leavesDaemon, "while :; do sleep 0.1; done", "while ! [ -e $1/stop ]; do sleep 0.1; done"))
	w.exits(t, 0)
	underLock(t, c, "left", daemon+noDaemon).exits(t, 1)
	w.write(t, "stop")
	underLock(t, c, "left", daemon+`flock --timeout 20 "$DAEMON" true`).exits(t, 0) // it is gone
}

func gateWorkerKilled(t *testing.T, c *clustertest.Cluster) {
	k := contain(t, c, leavesDaemon+`echo > "$1"/ready; while :; do sleep 1; done`, "--lock", "worker", "--ttl", "3s")
	k.pid(t, "ready")
	next := contain(t, c, k.after()+noDaemon, "--lock", "worker")
	if err := syscall.Kill(k.worker(t), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	k.exits(t, 137)
	next.exits(t, 0)
}

func gateGuardKilled(t *testing.T, c *clustertest.Cluster) {
	k := contain(t, c, leavesDaemon+`echo > "$1"/ready; while :; do sleep 1; done`, "--lock", "guard")
	k.pid(t, "ready")
	next := contain(t, c, k.after()+noDaemon, "--lock", "guard")
	if err := syscall.Kill(k.guard(t), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	k.exits(t, 125)
	next.exits(t, 0)
}

func gateAgain(t *testing.T, c *clustertest.Cluster) {
	for _, kind := range []string{"lock", "elect"} {
		name := "again/" + kind
		k := contain(t, c, `trap 'exit 0' TERM; trap 'echo >> "$1"/hangups' HUP; `+leavesDaemon+`rm "$1"/daemon; echo "$LOCKKEEPER_TOKEN" >> "$1"/tokens; while :; do sleep 0.05; done`,
			"--"+kind, name, "--again", "--grace", "500ms")
		k.pid(t, "tokens")
		k.signal(t, syscall.SIGHUP) // no reason not to run again
		k.pid(t, "hangups")
		force(t, c, name)
		clustertest.Eventually(t, clustertest.Patience, "the command runs anew", func() bool {
			tokens, _ := os.ReadFile(filepath.Join(k.dir, "tokens"))
			return len(strings.Fields(string(tokens))) == 2
		})
		k.signal(t, syscall.SIGTERM)
		k.exits(t, 0)
	}
}

// gateVisitor has somebody come into the container, as with an exec: what the command left is
// ended, the visitor is not.
func gateVisitor(t *testing.T, c *clustertest.Cluster) {
	k := contain(t, c, `trap 'exit 0' TERM; `+leavesDaemon+`rm "$1"/daemon; echo $LOCKKEEPER_TOKEN >> "$1"/tokens; while :; do sleep 0.05; done`,
		"--lock", "visited", "--again", "--grace", "500ms")
	k.pid(t, "tokens")
	visit := exec.CommandContext(t.Context(), "nsenter", "--target", strconv.Itoa(k.cmd.Process.Pid), "--pid", "--mount",
		"sh", "-c", `setsid sh -c "while ! [ -e $1/leave ]; do sleep 0.05; done; echo left > $1/visitor" & wait`, "sh", k.dir)
	if err := visit.Start(); err != nil {
		t.Fatal(err)
	}
	force(t, c, "visited")
	clustertest.Eventually(t, clustertest.Patience, "the command runs anew", func() bool {
		tokens, _ := os.ReadFile(filepath.Join(k.dir, "tokens"))
		return len(strings.Fields(string(tokens))) == 2
	})
	k.write(t, "leave")
	if err := visit.Wait(); err != nil {
		t.Errorf("the visitor: %v", err)
	}
	k.says(t, "visitor", "left")
	k.signal(t, syscall.SIGTERM)
	k.exits(t, 0)
}

func gateElection(t *testing.T, c *clustertest.Cluster) {
	k := contain(t, c, `test "$LOCKKEEPER_ELECTION_NAME" = led && test -z "$LOCKKEEPER_LOCK" && echo > "$1"/ready; while ! [ -e "$1"/stop ]; do sleep 0.05; done`,
		"--elect", "led", "--value", "10.0.0.7")
	k.pid(t, "ready")
	leader := exec.CommandContext(t.Context(), clustertest.Binary(t), "leader", "led", "--value", "--endpoints", c.Endpoints()[0])
	if out, err := leader.Output(); err != nil || string(out) != "10.0.0.7\n" {
		t.Errorf("the leader says %q, %v", out, err)
	}
	k.write(t, "stop")
	k.exits(t, 0)
}

// gateTerminal has a container on a terminal wait, be told to stop, read what is typed, and end by
// Ctrl-C.
func gateTerminal(t *testing.T, c *clustertest.Cluster) {
	holder := underLock(t, c, "typed", `echo $$ > "$1"/outer; while ! [ -e "$1"/stop ]; do sleep 0.05; done`)
	holder.pid(t, "outer")
	screen := openScreen(t)
	k := containOn(t, c, screen.slave, `read line; echo "got $line"; trap 'echo INT; exit 9' INT; echo ready; while :; do sleep 0.05; done`, "--lock", "typed")
	screen.shows("waiting for typed, next in line")
	screen.typed("\x1a") // Ctrl-Z
	holder.write(t, "stop")
	screen.typed("one\n")
	screen.shows("got one")
	screen.shows("ready")
	screen.typed("\x1a")
	screen.shows("stopped: ")
	screen.typed("\x03") // Ctrl-C
	screen.shows("INT")
	k.exits(t, 9)
}

// gateNotFirst has the gate be one process of many, as where the containers of a pod share their
// processes: what the command leaves is ended all the same.
func gateNotFirst(t *testing.T, c *clustertest.Cluster) {
	daemon := `DAEMON="` + filepath.Join(t.TempDir(), "daemon.lock") + `"; `
	w := wrapWith(t, c, []string{gateVerb, "--lock", "shared", "--grace", "500ms"}, daemon+leavesDaemon+`exit 6`)
	w.exits(t, 6)
	underLock(t, c, "shared", daemon+noDaemon).exits(t, 0)
}

// TestGateWithoutService stops the only member: the command, and what has left its group, are gone
// before the TTL is over, and it runs again when another has had the lock.
func TestGateWithoutService(t *testing.T) {
	beside(t, waits)
	c := clustertest.Start(t, 1, clustertest.Options{})
	const ttl = 4 * time.Second
	k := contain(t, c, `trap '' TERM; `+leavesDaemon+`rm "$1"/daemon; echo "$LOCKKEEPER_TOKEN" >> "$1"/tokens; test $(wc -l < "$1"/tokens) = 2 && exit 8; while :; do sleep 1; done`,
		"--lock", "cut", "--ttl", ttl.String(), "--grace", "1s", "--again")
	k.pid(t, "tokens")
	next := contain(t, c, k.after()+noDaemon, "--lock", "cut")
	clustertest.Eventually(t, clustertest.Patience, "the next waits", func() bool { return strings.Contains(next.out.String(), `"waiting"`) })
	c.Members[0].Pause(t)
	begun := time.Now() // the last renewal was answered before
	// What stays: pid 1 and the worker, and for a moment the guard.
	clustertest.Eventually(t, clustertest.Patience, "the command and its daemon are gone", func() bool { return len(k.inside()) <= 3 })
	after := time.Since(begun)
	if t.Logf("they were gone %v after the last member", after); after >= ttl {
		t.Errorf("that is later than the TTL of %v", ttl)
	}
	c.Members[0].Resume(t)
	next.exits(t, 0)
	k.exits(t, 8)
}
