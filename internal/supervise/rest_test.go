package supervise

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clock"
)

// everything returns an order whose command is not gone before all is that came from it.
func everything(script string, args ...string) Order {
	o := order(script, args...)
	o.Everything = true
	return o
}

// still reports whether a process runs.
func still(pid string) bool {
	_, err := os.Stat(filepath.Join("/proc", pid))
	return err == nil
}

// daemon is a part of a script: a process in a session of its own, whose parent has ended, writes
// its number into the file daemon; it ends with what is to be done on SIGTERM.
func daemon(onTerm string) string {
	return `(setsid sh -c "trap '` + onTerm + `' TERM; echo \$\$ > $1/daemon; while :; do sleep 0.02; done" &); while ! [ -s "$1"/daemon ]; do sleep 0.01; done; `
}

func TestWhoeverLeavesTheGroupIsEndedToo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g := start(t, everything(daemon("echo was asked > $1/asked; exit")+`exit 4`, dir, dir))
	next(t, g, Started)
	if r := next(t, g, Exited); r.Code != 4 {
		t.Errorf("reported %+v", r)
	}
	next(t, g, Left)
	if r := next(t, g, Ending); r.Why != LeftBehind {
		t.Errorf("reported %+v", r)
	}
	next(t, g, Gone)
	if pid := await(t, dir+"/daemon")[0]; still(pid) {
		t.Errorf("process %s is there still", pid)
	}
}

func TestOnlyTheGroupIsEnded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g := start(t, order(daemon("exit")+`exit 4`, dir))
	next(t, g, Started)
	next(t, g, Exited)
	next(t, g, Gone)
	pid := await(t, dir+"/daemon")[0]
	if !still(pid) {
		t.Error("it has left the group, and was ended")
	}
	number, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := os.FindProcess(number); err == nil {
		_ = p.Kill()
	}
}

// TestWhoeverLeavesTheGroupGetsSIGTERM has the group asked to end while the command runs: who has
// left it is asked when the command has ended.
func TestWhoeverLeavesTheGroupGetsSIGTERM(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g := start(t, everything(`trap 'echo command >> $1/order; exit 3' TERM; `+daemon("echo daemon >> $1/order; exit")+`echo ready > $1/ready; while :; do sleep 0.02; done`, dir))
	next(t, g, Started)
	await(t, dir+"/ready")
	if err := g.Stop(); err != nil {
		t.Fatal(err)
	}
	if r := next(t, g, Ending); r.Why != Asked {
		t.Errorf("reported %+v", r)
	}
	next(t, g, Exited)
	next(t, g, Gone)
	if got := await(t, dir+"/order"); len(got) != 2 || got[0] != "command" || got[1] != "daemon" {
		t.Errorf("asked to end were %q", got)
	}
}

// TestDeafDaemonIsGoneBeforeTheDeadline is of one that ends by nothing but SIGKILL, when no renewal
// comes, while the command runs in its own group.
func TestDeafDaemonIsGoneBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := everything(`trap '' TERM; `+daemon("")+`while :; do sleep 1; done`, dir)
	o.Deadline, o.Grace, o.Margin = clock.Boot()+1500*time.Millisecond, 300*time.Millisecond, 300*time.Millisecond
	g := start(t, o)
	next(t, g, Started)
	pid := await(t, dir+"/daemon")[0]
	next(t, g, Ending)
	next(t, g, Exited)
	next(t, g, Gone)
	left := o.Deadline - clock.Boot()
	if t.Logf("gone %v before the deadline", left); left <= 0 || still(pid) {
		t.Error("the daemon lived past its deadline")
	}
}

// TestWhoeverKeepsForkingIsEnded is of a process that moves to a new session and a new number all
// the time.
func TestWhoeverKeepsForkingIsEnded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	runner := filepath.Join(dir, "runner")
	if err := os.WriteFile(runner, []byte("#!/bin/sh\ntrap '' TERM\necho again >> \"$0\".log\nsetsid \"$0\" &\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	o := everything(`trap '' TERM; "$1" & while ! [ -s "$1".log ]; do sleep 0.01; done; exit 2`, runner)
	o.Grace = 100 * time.Millisecond
	g := start(t, o)
	next(t, g, Started)
	next(t, g, Exited)
	next(t, g, Left)
	next(t, g, Ending)
	begun := time.Now()
	next(t, g, Gone)
	t.Logf("gone after %v, and %d runs", time.Since(begun), len(await(t, runner+".log")))
	names, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if line, err := os.ReadFile(name); err == nil && bytes.Contains(line, []byte(runner+"\x00")) {
			t.Errorf("it runs on: %s: %q", name, line)
		}
	}
}

func TestWhoAskedDiesAndTheDaemonToo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g := start(t, everything(daemon("")+`while :; do sleep 1; done`, dir))
	next(t, g, Started)
	pid := await(t, dir+"/daemon")[0]
	g.shut() // as the death of this process would
	if r := next(t, g, Ending); r.Why != Orphaned {
		t.Errorf("reported %+v", r)
	}
	next(t, g, Exited)
	next(t, g, Gone)
	if still(pid) {
		t.Error("the daemon lives on")
	}
}

// TestDescend has both ways of looking find a child's child, and not the process itself.
func TestDescend(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := startInit(t, `(setsid sh -c 'echo $$ > `+dir+`/daemon; exec sleep 60' &); sh -c 'echo $$ > `+dir+`/child; exec sleep 60'; true`)
	want := []string{await(t, dir+"/daemon")[0], await(t, dir+"/child")[0]}
	found := map[string]process{}
	descend(p.Process.Pid, func(p process) { found[strconv.Itoa(p.pid)] = p })
	for _, pid := range want {
		if p, ok := found[pid]; !ok || p.start == "" {
			t.Errorf("process %s is missing in %+v", pid, found)
		}
	}
	if _, ok := found[strconv.Itoa(p.Process.Pid)]; ok {
		t.Error("a process is its own descendant")
	}
	children := snapshot()
	for pid, p := range found {
		if !slices.Contains(children(p.parent), p.pid) || !slices.Contains(childrenOf(p.parent), p.pid) {
			t.Errorf("process %s is missing among the children of %d", pid, p.parent)
		}
	}
}
