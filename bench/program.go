package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A program is a server that is not bench itself: a binary as its users run it.
type program struct {
	name  string
	cmd   *exec.Cmd
	lines *bufio.Reader // its standard output
	log   string        // the file of its standard error
}

// startProgram starts a binary, whose log goes to a file in dir. It must be stopped.
func startProgram(ctx context.Context, dir, path string, args ...string) (*program, error) {
	p := &program{name: filepath.Base(path), cmd: exec.CommandContext(ctx, path, args...)}
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = startTime
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	p.log = filepath.Join(dir, p.name+".log")
	f, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer f.Close() // the program has it open, too
	p.cmd.Stderr = f
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.lines = bufio.NewReader(stdout)
	return p, p.cmd.Start()
}

// line waits for the program's next line on standard output.
func (p *program) line() (string, error) {
	text, err := p.lines.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("%s: %w; its log: %s", p.name, err, p.logged())
	}
	return text, nil
}

// drain leaves the rest of the program's output unread. It returns at the program's end.
func (p *program) drain() { _, _ = io.Copy(io.Discard, p.lines) }

// logged is what the program has to say when it did not start.
func (p *program) logged() string {
	const most = 2000
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-most):])
}

// cpu is the processor time that the program has used so far, 0 where it cannot be told.
func (p *program) cpu() time.Duration { return cpuOf(p.cmd.Process.Pid) }

// stop has the program close in order, and waits for its end.
func (p *program) stop() error {
	err := p.cmd.Process.Signal(syscall.SIGTERM)
	p.drain()
	if wait := p.cmd.Wait(); wait != nil && err == nil {
		var exit *exec.ExitError
		if !errors.As(wait, &exit) || exit.ExitCode() >= 0 && exit.ExitCode() != javaTerminated { // by our signal is as good
			err = fmt.Errorf("%s: %w; its log: %s", p.name, wait, p.logged())
		}
	}
	return err
}

// javaTerminated is the exit code of a Java program that our signal has ended in order.
const javaTerminated = 128 + int(syscall.SIGTERM)

// cpuOf is the processor time that a process has used so far, in user and kernel together. Linux
// numbers the clocks of processes by their ids.
func cpuOf(pid int) time.Duration {
	const scheduled = 2 // the precise one of a process's three clocks
	var t unix.Timespec
	if unix.ClockGettime(int32(^pid<<3|scheduled), &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
