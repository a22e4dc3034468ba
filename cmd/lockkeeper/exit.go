package main

import (
	"errors"
	"fmt"
)

// The exit codes. They are part of the command line's contract: docs/cli.md lists them.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitHeld        = 4
	exitUnavailable = 5
	exitUncertain   = 6
	exitDeadlock    = 7
	exitQuorum      = 8
)

const exitHelp = `Exit codes:
  0  done
  1  any other failure
  2  wrong flag, argument, variable or configuration; nothing was tried
  3  not found, not held, or the session is over
  4  held by another
  5  unavailable: no member could be reached, or there is no quorum
  6  the outcome is not known: ask again
  7  a deadlock
  8  refused: the cluster would lose its quorum`

// errSilent ends a command with a code other than 0 when its output has said all.
var errSilent = errors.New("said on standard output")

// A usageError says that the command line, a variable or the configuration is wrong.
type usageError struct {
	command string
	err     error
}

func (e *usageError) Error() string {
	return fmt.Sprintf("%v\nSee '%s --help'.", e.err, e.command)
}

func (e *usageError) Unwrap() error { return e.err }

// A codedError ends a command with a code of its own.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

// exitCode returns what the process tells its caller.
func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	if coded, ok := errors.AsType[*codedError](err); ok {
		return coded.code
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitUsage
	}
	if problem, ok := errors.AsType[*problemError](err); ok {
		return problem.exitCode()
	}
	return exitFailure
}
