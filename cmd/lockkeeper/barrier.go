package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// A barrierAnswer is how a barrier stands.
type barrierAnswer struct {
	Name     string    `json:"name"`
	State    string    `json:"state"`
	Owner    string    `json:"owner,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Repeated bool      `json:"repeated,omitempty"`
	Revision int64     `json:"revision"`
}

func newBarrier(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "barrier",
		Short: "Close a barrier, open it, wait at it; meet others at a double barrier",
		Long: "A barrier holds back whoever waits at it, from 'barrier set' to 'barrier remove'. It belongs to\n" +
			"nobody: it stays closed when whoever closed it is gone. 'barrier enter' is for double barriers,\n" +
			"which let their participants go on when all are there, and again when all have left.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newBarrierSet(a), newBarrierRemove(a), newBarrierWait(a), newBarrierEnter(a))
	return cmd
}

func newBarrierSet(a *app) *cobra.Command {
	var owner string
	cmd := &cobra.Command{
		Use:     "set NAME",
		Short:   "Close a barrier",
		Example: "  lockkeeper barrier set deploys --owner ann",
		Args:    cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&owner, "owner", "", "`text` that says who, to those who wait")
	return asking(a, cmd, func(ctx context.Context, cfg *clientConfig, c *client, args []string) error {
		query := url.Values{}
		if owner != "" {
			query.Set("owner", owner)
		}
		return changeBarrier(ctx, a, cfg, c, http.MethodPut, lockName(args[0]), query)
	})
}

func newBarrierRemove(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "remove NAME",
		Short:   "Open a barrier: whoever waits at it goes on",
		Example: "  lockkeeper barrier remove deploys",
		Args:    cobra.ExactArgs(1),
	}
	return asking(a, cmd, func(ctx context.Context, cfg *clientConfig, c *client, args []string) error {
		return changeBarrier(ctx, a, cfg, c, http.MethodDelete, lockName(args[0]), nil)
	})
}

// changeBarrier closes or opens a barrier, which may safely be asked for twice, and says so.
func changeBarrier(ctx context.Context, a *app, cfg *clientConfig, c *client, method, name string, query url.Values) error {
	var s barrierAnswer
	if err := c.do(ctx, method, routePath("barriers", name, ""), query, nil, &s); err != nil {
		return err
	}
	if cfg.json {
		return writeJSON(a.stdout, s)
	}
	text := s.State
	if s.Repeated {
		text += ", as it was"
	}
	_, err := fmt.Fprintf(a.stdout, "barrier %s is %s\n", printable(name), text)
	return err
}

func newBarrierWait(a *app) *cobra.Command {
	cfg, wait := &clientConfig{}, time.Duration(0)
	cmd := &cobra.Command{
		Use:   "wait NAME",
		Short: "Wait until a barrier is open",
		Long: "Wait ends with 0 once the barrier is open, at once where nobody has closed it, and with 4 where it is\n" +
			"still closed when --wait is over. It goes on at another member where one fails.",
		Example: "  lockkeeper barrier wait deploys --wait 10m && ./deploy",
		Args:    cobra.ExactArgs(1),
	}
	cfg.bindEndpoints(cmd.Flags())
	cmd.Flags().DurationVar(&wait, "wait", 0, "`duration` to wait at most (default: for ever)")
	cmd.Flags().DurationVar(&cfg.timeout, "timeout", 5*time.Second, "to reach a member at the start; LOCKKEEPER_TIMEOUT")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := cfg.load(cmd.Flags(), a.environ); err != nil {
			return &usageError{err: err}
		}
		if cmd.Flags().Changed("wait") && wait <= 0 {
			return &usageError{err: errors.New("--wait: must be greater than 0; without it, it waits for ever")}
		}
		return waitAtBarrier(cmd.Context(), cfg, lockName(args[0]), wait)
	}
	return cmd
}

// errStillClosed ends a wait whose time is over.
var errStillClosed = errors.New("the time to wait is over")

func waitAtBarrier(ctx context.Context, cfg *clientConfig, name string, wait time.Duration) error {
	dialing, stop := context.WithTimeout(ctx, cfg.timeout)
	defer stop()
	c, err := sdk.Dial(dialing, cfg.endpoints)
	if err != nil {
		return &codedError{exitUnavailable, err}
	}
	defer c.Close(context.WithoutCancel(ctx))
	if wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, wait, errStillClosed)
		defer cancel()
	}
	err = c.Barrier(name).Wait(ctx)
	switch {
	case errors.Is(err, errStillClosed):
		return &codedError{exitHeld, fmt.Errorf("barrier %q is still closed after %v", name, wait)}
	case errors.Is(err, sdk.ErrInput):
		return &usageError{err: err}
	case errors.Is(err, sdk.ErrUnavailable), errors.Is(err, sdk.ErrUnreachable), errors.Is(err, sdk.ErrShuttingDown):
		return &codedError{exitUnavailable, err}
	}
	return err
}
