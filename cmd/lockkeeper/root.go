package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// An app is what the commands of one run share.
type app struct {
	args, environ  []string
	stdout, stderr io.Writer
	ran            bool // a command's own code was reached: flags and arguments were right
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "lockkeeper",
		Short: "A distributed lock service in one binary",
		Long: "Lockkeeper is a distributed lock service in one binary. 'lockkeeper serve' runs a member;\n" +
			"the other commands talk to running members.\n\n" + exitHelp,
		SilenceErrors: true, // main prints them
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			err := fmt.Errorf("there is no command %q", args[0])
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				err = fmt.Errorf("%w; did you mean %s?", err, strings.Join(near, " or "))
			}
			return err
		},
		RunE:             func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRun: func(*cobra.Command, []string) { a.ran = true },
	}
	root.SuggestionsMinimumDistance = 2
	root.AddCommand(
		newServe(a),
		newLock(a),
		newElect(a),
		newSidecar(a),
		newLeader(a),
		newStatus(a),
		newMember(a),
		newSnapshot(a),
		newDefrag(a),
		newDoctor(a),
		newHealth(a),
		newLocks(a),
		newInspect(a),
		newDeadlocks(a),
		newRelease(a),
		newBarrier(a),
		newVersion(a),
		newMan(),
		newGuard(),
	)
	return root
}

// hasEnv reports whether the environment has the variable, with a value.
func (a *app) hasEnv(variable string) bool {
	for _, entry := range a.environ {
		if name, value, _ := strings.Cut(entry, "="); name == variable && value != "" {
			return true
		}
	}
	return false
}
