package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockkeeper/lockkeeper/sidecar"
)

func newSidecar(a *app) *cobra.Command {
	cfg := newSidecarConfig()
	cmd := &cobra.Command{
		Use:   "sidecar [flags] [-- COMMAND [ARG...]]",
		Short: "Hold locks and lead elections for an application beside it",
		Long: "Sidecar runs beside an application, on the same machine or in the same pod, and does the hard\n" +
			"part for it: it keeps a session alive for as long as the application lives, serves the REST API\n" +
			"on this machine, takes the locks and campaigns in the elections that it is told, and tells the\n" +
			"application of every loss. When the application is gone, all that it held is released at once;\n" +
			"when the sidecar gets SIGTERM, it lets go in order.\n\n" +
			"One of the --app-… flags must say how it knows that the application lives. Several locks and\n" +
			"elections, their values and hooks stand in the file of --config. docs/sidecar.md says how, and\n" +
			"what it cannot promise.\n\n" +
			"With a command after -- it is the command's parent instead (gate mode), made to be a container's\n" +
			"entry point: it waits for the one lock of --lock or the one election of --elect, runs the command\n" +
			"while it holds it, with the care and the exit codes of 'lockkeeper lock', and as pid 1 reaps what\n" +
			"loses its parent. Then the flags from --wait on count, and no door is opened.",
		Example: "  lockkeeper sidecar --app-pid-file /run/app.pid --elect orders/leader --value \"$HOSTNAME\"\n" +
			"  lockkeeper sidecar --app-connection --listen unix:/run/lockkeeper.sock\n" +
			"  lockkeeper sidecar --config sidecar.yaml\n" +
			"  lockkeeper sidecar --lock shards/7 --again -- /app/worker --shard 7",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 || cmd.ArgsLenAtDash() >= 0 {
				return cfg.gate.run(cmd, a, cfg, args)
			}
			if err := cfg.load(cmd.Flags(), a.environ); err != nil {
				return &usageError{err: err}
			}
			return runSidecar(cmd.Context(), a, cfg)
		},
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		usage := &usageError{command: cmd.CommandPath(), err: err}
		if slices.Contains(a.args, "--") {
			return &codedError{exitBroken, usage} // not to be taken for the command's own
		}
		return usage
	})
	cfg.bind(cmd.Flags())
	return cmd
}

// runSidecar runs the sidecar that cfg describes until ctx ends.
func runSidecar(ctx context.Context, a *app, cfg *sidecarConfig) error {
	handler, err := newHandler(a.stderr, terminal(a.stderr) && !a.hasEnv("NO_COLOR"), cfg.logFormat, cfg.logLevel)
	if err != nil {
		return &usageError{err: err}
	}
	cfg.Logger, cfg.Version = slog.New(handler), readBuild().Version
	sidecar.Slim()
	err = sidecar.Run(ctx, cfg.Config, func(at sidecar.Addresses) {
		line := []string{"lockkeeper sidecar ready"}
		if at.Listen != "" {
			line = append(line, "listen="+at.Listen)
		}
		if at.StatusListen != "" {
			line = append(line, "status="+at.StatusListen)
		}
		// Nobody may be reading standard output; that is no reason to stop.
		_, _ = fmt.Fprintln(a.stdout, strings.Join(line, " "))
	})
	if input, ok := errors.AsType[*sidecar.InputError](err); ok {
		return &usageError{err: settingError(input)}
	}
	return err
}

// settingError names the flag.
func settingError(e *sidecar.InputError) error {
	return fmt.Errorf("--%s: %s; %s", e.Field, e.Problem, e.Fix)
}
