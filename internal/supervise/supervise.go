// Package supervise runs a command that must end before a deadline which keeps moving: the one
// of the lock that the command works under. It needs Linux.
//
// Two processes look after the command. The one that asks for it (it talks to the lock service)
// starts the other, the guard: the same program, called so that it reaches [Serve]. The guard is
// the command's parent, and the only one that decides when it gets which signal:
//
//	lockkeeper lock ──socket── guard ── command and its process group
//
// So the command ends in time although the process that keeps the lock is stopped, hangs, or was
// killed:
//
//   - Each renewal moves the deadline on ([Guard.Extend]). Without one the guard sends SIGTERM
//     when only the grace and a margin are left, and SIGKILL when only the margin is. It goes by
//     a clock and a timer that count a suspended machine's time, so that one that wakes past the
//     deadline sends SIGKILL at once.
//   - The socket's other end is in one process only. When that dies, the guard reads the end of
//     the stream and sends SIGKILL to the group: nobody is left who would hear that the lock was
//     taken away.
//   - If the guard dies, the kernel kills the command (PR_SET_PDEATHSIG, which is tied to the
//     thread that forked: the guard's main goroutine stays on its own), and the process that
//     asked kills the rest of the group.
//
// # What a group is
//
// The command leads a process group of its own, and what it starts belongs to it: background
// processes get every signal that the command gets, and when the command has ended they are ended,
// too, before [Gone] is reported. Whoever leaves the group on purpose (setsid, daemons, the jobs
// of an interactive shell) is on its own, unless [Order.Everything] is set: then whatever descends
// from the command has to go. Nothing can stop a process in uninterruptible sleep,
// or all of them at the very moment in which a frozen container or a suspended machine wakes:
// what must not happen twice then is a matter for fencing tokens.
//
// # Pid 1
//
// A program that is the first process of a container has duties of its own. [Init] takes them, in
// a process that does nothing else:
//
//	lockkeeper (pid 1) ── lockkeeper sidecar ──socket── guard ── command and its process group
package supervise

import (
	"syscall"
	"time"
)

// An Order says what to run and for how long it may. The zero values of Path, Args, Env and
// Deadline are not valid.
type Order struct {
	Path string   // the program, as exec takes it: nothing is looked up
	Args []string // with the program's name as the first
	Env  []string

	// Deadline is the time by which the whole group must be gone, on the clock of
	// [github.com/lockkeeper/lockkeeper/internal/clock.Boot].
	Deadline time.Duration
	// Grace is the time between SIGTERM and SIGKILL.
	Grace time.Duration
	// Margin is kept between SIGKILL and the deadline: what it takes the kernel to end a group.
	Margin time.Duration

	// Everything ends with the group whatever else has come from the command, also in other groups
	// and sessions: [Gone] says that of all this nothing is left.
	Everything bool

	// Foreground gives the terminal on standard input to the command's group. It is taken back
	// for the group of the process that asked when the command ends or stops.
	Foreground bool
}

// A ReportKind says what has become of the command.
type ReportKind string

// The reports of a guard, in the order in which they come: each once at most, but Stopped.
const (
	Started ReportKind = "started" // PID
	Failed  ReportKind = "failed"  // the program could not be run: Err; nothing else follows
	Stopped ReportKind = "stopped" // by Signal: from a terminal, or sent by somebody
	Ending  ReportKind = "ending"  // the guard ends the command: Why
	Exited  ReportKind = "exited"  // the command itself: Code, or 128 + Signal
	Left    ReportKind = "left"    // others of its group, or of Everything, are there still, and are ended now
	Gone    ReportKind = "gone"    // the last of them; nothing else follows
)

// A Why says for what reason a guard ends a command.
type Why string

const (
	// Overdue is the reason when no renewal came in time.
	Overdue Why = "overdue"
	// Asked is the reason when [Guard.Stop] was called.
	Asked Why = "asked"
	// LeftBehind is the reason when the command has ended by itself and others of its group, or of
	// [Order.Everything], are there still.
	LeftBehind Why = "left behind"
	// Orphaned is the reason when the process that asked for the command is gone.
	Orphaned Why = "orphaned"
)

// A Report is one thing that a guard tells.
type Report struct {
	Kind   ReportKind
	PID    int            `json:",omitempty"` // of the command, and the number of its group
	Code   int            `json:",omitempty"` // what a shell would say: its exit code, or 128 + Signal
	Signal syscall.Signal `json:",omitempty"`
	Why    Why            `json:",omitempty"`
	Errno  syscall.Errno  `json:",omitempty"` // of Failed
}

// A call is one message to the guard; one of its fields is set.
type call struct {
	Run        *Order         `json:",omitempty"`
	Deadline   time.Duration  `json:",omitempty"`
	Signal     syscall.Signal `json:",omitempty"`
	Continue   bool           `json:",omitempty"`
	Foreground bool           `json:",omitempty"` // with Continue
	Stop       bool           `json:",omitempty"`
}
