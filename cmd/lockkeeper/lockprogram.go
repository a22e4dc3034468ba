package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/lockkeeper/lockkeeper/internal/supervise"
)

// guardCommand is the name under which this program runs itself as a guard.
const guardCommand = "guard"

// newGuard is the command that looks after a command; lock starts it, nobody else does.
func newGuard() *cobra.Command {
	return &cobra.Command{
		Use:    guardCommand + " FD",
		Short:  "Look after the command of 'lockkeeper lock', which starts this by itself",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			fd, err := strconv.Atoi(args[0])
			if err != nil || fd <= 2 {
				return errors.New("this command is started by 'lockkeeper lock' only")
			}
			return supervise.Serve(fd)
		},
	}
}

// findProgram looks the command up as a shell would, before anything else is done.
func (c *lockConfig) findProgram() error {
	path, err := exec.LookPath(c.command[0])
	if err == nil || errors.Is(err, exec.ErrDot) { // the user's PATH says so
		c.program = path
		return nil
	}
	if outer, ok := errors.AsType[*exec.Error](err); ok {
		err = outer.Err
	}
	return cannotRun(c.command[0], err)
}

// cannotRun says why a program was not run, with the exit code that shells use.
func cannotRun(program string, err error) error {
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return &codedError{exitNoProgram, fmt.Errorf("there is no program %q in PATH; nothing was run", program)}
	case errors.Is(err, fs.ErrNotExist):
		return &codedError{exitNoProgram, fmt.Errorf("%s, or the interpreter that its first line names, does not exist; nothing was run", program)}
	case errors.Is(err, syscall.ENOEXEC):
		return &codedError{exitCannotRun, fmt.Errorf("%s cannot be run: a script must begin with a line such as #!/bin/sh", program)}
	default:
		return &codedError{exitCannotRun, fmt.Errorf("%s cannot be run: %w", program, err)}
	}
}

// splitCommand splits a command line into words at spaces, as a shell would but without doing
// anything else that a shell does: 'single' and "double" quotes keep a word together, and outside
// of single quotes a backslash takes the next character as it is. An empty line has no words.
func splitCommand(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	inWord, escaped := false, false
	quote := rune(0)
	for _, r := range line {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, inWord = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, inWord = r, true
		case quote == 0 && strings.ContainsRune(" \t\n", r):
			if inWord {
				words = append(words, word.String())
				word.Reset()
			}
			inWord = false
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if quote != 0 || escaped {
		return nil, fmt.Errorf("%q ends within quotes or after a backslash", line)
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}
