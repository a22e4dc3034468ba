package supervise

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// Foreground reports whether file descriptor fd is a terminal on which this process's group is
// the one that may read.
func Foreground(fd int) bool {
	pgrp, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	return err == nil && pgrp == unix.Getpgrp()
}

// Suspend stops this process and its group, as a terminal does with those that run in the
// foreground, for a shell to continue them. It returns false, having done nothing, where there is
// no such shell: such a group would stop for ever.
func Suspend() bool {
	session, err := unix.Getsid(0)
	if err != nil {
		return false
	}
	// The nearest ancestor outside the group is its shell, if it is in the same session.
	pid := unix.Getppid()
	for pgid, err := unix.Getpgid(pid); err == nil && pid > 1 && pgid == unix.Getpgrp(); pgid, err = unix.Getpgid(pid) {
		pid = parentOf(pid)
	}
	if theirs, err := unix.Getsid(pid); err != nil || pid <= 1 || theirs != session {
		return false
	}
	return unix.Kill(0, unix.SIGSTOP) == nil
}

// parentOf returns the number of a process's parent, 1 where it cannot tell.
func parentOf(pid int) int {
	if p, ok := look(pid); ok {
		return p.parent
	}
	return 1
}

// anyone stands for whatever group has the terminal.
const anyone = 0

// giveTerminal makes a group the one that may read from the terminal on standard input, if at
// this time the group from has that right. Where there is no terminal it does nothing.
func giveTerminal(from, to int) {
	pgrp, err := unix.IoctlGetInt(unix.Stdin, unix.TIOCGPGRP)
	if err != nil || (from != anyone && pgrp != from) {
		return
	}
	// Whoever is in the background is stopped by SIGTTOU for this call, unless it blocks that.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var block, before unix.Sigset_t
	block.Val[0] = 1 << (uint(unix.SIGTTOU) - 1)
	if unix.PthreadSigmask(unix.SIG_BLOCK, &block, &before) != nil {
		return
	}
	_ = unix.IoctlSetPointerInt(unix.Stdin, unix.TIOCSPGRP, to)
	_ = unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil)
}
