package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// asking gives cmd the flags of the commands that talk to members, and runs ask with a client
// and a context that ends after --timeout.
func asking(a *app, cmd *cobra.Command, ask func(ctx context.Context, cfg *clientConfig, c *client, args []string) error) *cobra.Command {
	cfg := &clientConfig{}
	cfg.bind(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := cfg.load(cmd.Flags(), a.environ); err != nil {
			return &usageError{err: err}
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), cfg.timeout)
		defer cancel()
		return ask(ctx, cfg, newClient(cfg), args)
	}
	return cmd
}

// askingFor is asking with another default of --timeout.
func askingFor(a *app, cmd *cobra.Command, timeout time.Duration, ask func(ctx context.Context, cfg *clientConfig, c *client, args []string) error) *cobra.Command {
	asking(a, cmd, ask)
	f := cmd.Flags().Lookup("timeout")
	f.DefValue = timeout.String()
	_ = f.Value.Set(f.DefValue) // it is one
	return cmd
}

// completeLocks offers the names of locks that exist, asked of the members that the command line
// so far and the environment name. A shell waits meanwhile, so it gives up soon.
func completeLocks(a *app) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		cfg := &clientConfig{}
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		cfg.bind(flags)
		if given := cmd.Flag("endpoints"); given != nil && given.Changed {
			list, err := cmd.Flags().GetStringSlice("endpoints")
			if err != nil || flags.Set("endpoints", strings.Join(list, ",")) != nil {
				return nil, cobra.ShellCompDirectiveError
			}
		}
		if cfg.load(flags, a.environ) != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), min(cfg.timeout, time.Second))
		defer cancel()
		page, err := listPage(ctx, newClient(cfg), typed, "", 100)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		names := make([]cobra.Completion, 0, len(page.Locks))
		for _, l := range page.Locks {
			names = append(names, l.Name)
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}
