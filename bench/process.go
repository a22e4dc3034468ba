package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A process is a child, as its parent sees it. Its methods may be called by several goroutines.
type process struct {
	address string        // of its HTTP door
	took    time.Duration // from its start to its word that it is ready
	cmd     *exec.Cmd
	stdin   io.WriteCloser

	mu    sync.Mutex // one question at a time
	lines *bufio.Scanner
}

// startProcess starts a child and waits until it is ready. It must be stopped.
func startProcess(ctx context.Context, cfg childConfig) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(cfg)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.CommandContext(ctx, self, "-child", string(text))}
	p.cmd.Stderr = os.Stderr
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = startTime
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.lines = bufio.NewScanner(stdout)
	start := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if !p.lines.Scan() {
		return nil, errors.Join(fmt.Errorf("%s ended before it was ready", cfg.Kind), p.stop())
	}
	p.took = time.Since(start)
	address, ok := strings.CutPrefix(p.lines.Text(), "ready ")
	if !ok {
		return nil, errors.Join(fmt.Errorf("%s says %q", cfg.Kind, p.lines.Text()), p.stop())
	}
	p.address = address
	return p, nil
}

// ask sends a line and returns the answer.
func (p *process) ask(line string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := fmt.Fprintln(p.stdin, line); err != nil {
		return "", err
	}
	if !p.lines.Scan() {
		return "", errors.Join(errors.New("server ended"), p.lines.Err())
	}
	return p.lines.Text(), nil
}

// usage is what the process has used so far.
func (p *process) usage() (u childUsage, err error) {
	text, err := p.ask(askUsage)
	if err != nil {
		return u, err
	}
	return u, json.Unmarshal([]byte(text), &u)
}

// cpu is for drive: a process that does not answer has used nothing.
func (p *process) cpu() time.Duration {
	u, err := p.usage()
	if err != nil {
		return 0
	}
	return time.Duration(u.CPU)
}

// profile begins profiles called name in the process, if dir is not empty. stop ends them.
func (p *process) profile(dir, name string) (stop func() error, err error) {
	if dir == "" {
		return func() error { return nil }, nil
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	return func() error { return p.order(askStop) }, p.order(askProfile + filepath.Join(dir, name))
}

// order asks for something that has no answer but that it is done.
func (p *process) order(line string) error {
	answer, err := p.ask(line)
	if err == nil && answer != "ok" {
		err = errors.New(answer)
	}
	return err
}

// settled is what the process uses once its garbage is gone.
func (p *process) settled() (childUsage, error) {
	if err := p.order(askSettle); err != nil {
		return childUsage{}, err
	}
	return p.usage()
}

// kill ends the process as a power cut would, and waits for its end.
func (p *process) kill() error {
	err := p.cmd.Process.Kill()
	_ = p.cmd.Wait() // says that it was killed
	return err
}

// stop has the process close in order, and waits for its end.
func (p *process) stop() error {
	_ = p.stdin.Close() // the child's sign to end; it may have ended already
	return p.cmd.Wait()
}
