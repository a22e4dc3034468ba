// Lockkeeper is a distributed lock service: run a member with "lockkeeper serve", and look at its
// locks, or take one away from its holder, with the other commands.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// version is set by the linker: -ldflags "-X main.version=v1.2.3".
var version string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal asks for an ordered end. From then on signals have their usual effect
	// again, so that a second one ends the process at once, unless a command has use for it.
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, errSilent) {
		fmt.Fprintln(os.Stderr, "lockkeeper:", err)
	}
	os.Exit(exitCode(err))
}

// run runs one command line and returns when it is done or, soon after, when ctx ends. It takes
// the whole environment, not a look-up function, because variables that nobody knows are errors.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	a := &app{args: args, environ: environ, stdout: stdout, stderr: stderr}
	root := newRoot(a)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return nil
	}
	if _, coded := errors.AsType[*codedError](err); !a.ran && !coded { // cobra refused flags or arguments before our code was asked
		return &usageError{command: cmd.CommandPath(), err: err}
	}
	if usage, ok := errors.AsType[*usageError](err); ok && usage.command == "" {
		usage.command = cmd.CommandPath()
	}
	return err
}
