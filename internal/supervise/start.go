package supervise

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// firstFD is where the guard finds its socket, or the next free number: above those that
	// shells let their users give out, which are the command's.
	firstFD = 100
	// callTimeout bounds the writing of one call to a guard, which reads them at once.
	callTimeout = time.Second
	// goneTimeout bounds the wait for a group that was sent SIGKILL because its guard is gone.
	goneTimeout = 5 * time.Second
)

// self is the program that runs, even where its file has been replaced since.
const self = "/proc/self/exe"

// ErrGone is returned for calls to a guard that has ended, or that does not listen.
var ErrGone = errors.New("the guard is gone")

// A Guard is the process that looks after one command, as the process that started it sees it.
// Its methods are safe for concurrent use.
type Guard struct {
	cmd     *exec.Cmd
	socket  *os.File
	reports chan Report
	wg      sync.WaitGroup
	pgid    atomic.Int64 // of the command's group while it is not known to be gone; 0: none
	all     atomic.Bool  // Everything was asked for, and is not known to be gone

	mu  sync.Mutex // one call at a time
	enc *json.Encoder
}

// Start starts a guard: this program again, with args and the number of its socket as the last
// argument, which it must hand to [Serve]. It does not wait for the guard to be ready. The guard,
// and so the command, has this process's standard streams, working directory and open files. The
// caller must Close it.
func Start(args ...string) (*Guard, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("make a socket: %w", err)
	}
	defer unix.Close(pair[1])
	socket := os.NewFile(uintptr(pair[0]), "socket")
	theirs, err := unix.FcntlInt(uintptr(pair[1]), unix.F_DUPFD, firstFD) // open for whom we start
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a socket: %w", err), socket.Close())
	}
	defer unix.Close(theirs)
	// Not bound to a context: it is the guard that decides when the command ends.
	cmd := exec.CommandContext(context.Background(), self, append(args, strconv.Itoa(theirs))...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what ends our group must leave it alone
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the guard: %w", err), socket.Close())
	}
	g := &Guard{cmd: cmd, socket: socket, reports: make(chan Report), enc: json.NewEncoder(socket)}
	g.wg.Go(g.read)
	return g, nil
}

// read hands on the guard's reports until it has ended.
func (g *Guard) read() {
	defer close(g.reports)
	for dec := json.NewDecoder(g.socket); ; {
		var r Report
		if err := dec.Decode(&r); err != nil {
			return
		}
		switch r.Kind {
		case Started:
			g.pgid.Store(int64(r.PID))
		case Gone, Failed:
			g.pgid.Store(0)
			g.all.Store(false)
		}
		g.reports <- r
	}
}

// Reports returns what becomes of the command. It must be read until it is closed: after [Gone] or
// [Failed], or without either when the guard itself has ended, by whatever accident.
func (g *Guard) Reports() <-chan Report { return g.reports }

// Run runs the command. It is to be called once, and does not wait for [Started].
func (g *Guard) Run(o Order) error {
	g.all.Store(o.Everything)
	return g.call(call{Run: &o})
}

// Extend moves the deadline on, to a time on the clock of [Order.Deadline].
func (g *Guard) Extend(deadline time.Duration) error { return g.call(call{Deadline: deadline}) }

// Signal sends the command's group a signal.
func (g *Guard) Signal(sig syscall.Signal) error { return g.call(call{Signal: sig}) }

// Continue lets a command go on that was [Stopped], with the terminal if foreground says so.
func (g *Guard) Continue(foreground bool) error {
	return g.call(call{Continue: true, Foreground: foreground})
}

// Stop ends the command: SIGTERM now, SIGKILL after the grace or before the deadline. It does not
// wait.
func (g *Guard) Stop() error { return g.call(call{Stop: true}) }

func (g *Guard) call(c call) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	_ = g.socket.SetWriteDeadline(time.Now().Add(callTimeout))
	if err := g.enc.Encode(c); err != nil {
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	return nil
}

// Close ends the guard, and with SIGKILL what there is of the command's group. It waits until both
// are gone; when ctx ends, it kills the guard, too. It returns an error if it cannot tell that
// the group is gone. With [Order.Everything] the same goes for the rest if the guard has told of
// it, or if [UnderInit]: then, without the guard's word, the whole container is killed but for its
// first process and this one.
func (g *Guard) Close(ctx context.Context) error {
	g.shut()
	stopped := context.AfterFunc(ctx, func() { _ = g.cmd.Process.Kill() })
	for range g.reports {
	}
	_ = g.cmd.Wait() // how it ended does not matter: what does is whether the group is gone
	stopped()
	g.wg.Wait()
	_ = g.socket.Close()
	if err := g.killRest(); err != nil || !g.all.Load() || !UnderInit() {
		return err
	}
	if err := killAll(); err != nil {
		return err
	}
	g.all.Store(false)
	return nil
}

// shut ends what the guard can read, as the death of this process would.
func (g *Guard) shut() {
	raw, err := g.socket.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { _ = unix.Shutdown(int(fd), unix.SHUT_WR) })
}

// killRest ends the group of a guard that has ended before it.
func (g *Guard) killRest() error {
	pgid := int(g.pgid.Load())
	if pgid == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), goneTimeout)
	defer cancel()
	poll := time.NewTicker(emptyPoll)
	defer poll.Stop()
	for {
		if errors.Is(unix.Kill(-pgid, unix.SIGKILL), unix.ESRCH) {
			g.pgid.Store(0)
			return nil
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return fmt.Errorf("the guard is gone, and processes of group %d are still there %v after SIGKILL", pgid, goneTimeout)
		}
	}
}
