package main

import "github.com/spf13/cobra"

// newGate is the command that runs another only while a lock is held or an election led, as a
// container's entry point.
func newGate(a *app) *cobra.Command {
	cfg := newGateConfig()
	cmd := &cobra.Command{
		Use:    "gate --lock NAME [flags] -- COMMAND [ARG...]",
		Short:  "Run a command, as a container's entry point, only while holding a lock or leading",
		Hidden: true,
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return cfg.run(cmd, a, args) }
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &codedError{exitBroken, &usageError{command: cmd.CommandPath(), err: err}}
	})
	cfg.bind(cmd.Flags())
	return cmd
}
