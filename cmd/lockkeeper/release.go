package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// A releaseRequest is the body of a forced release.
type releaseRequest struct {
	Force  bool   `json:"force"`
	Token  int64  `json:"token"`
	Reason string `json:"reason,omitempty"`
}

// A releaseAnswer is what came of it.
type releaseAnswer struct {
	Name     string     `json:"name"`
	Token    int64      `json:"token"`
	Revision int64      `json:"revision"`
	From     *contender `json:"from,omitempty"` // who held it; ours, not the member's
}

func newRelease(a *app) *cobra.Command {
	var force bool
	var reason string
	cmd := &cobra.Command{
		Use:   "release NAME --force",
		Short: "Take a lock away from its holder",
		Long: "Release takes a lock away from whoever holds it now; the next in the queue gets it. The holder\n" +
			"is told, with the reason, but may be at work still: make sure that what it does is fenced, or\n" +
			"that it is dead. Never more than the one hold that was seen is released: if the lock changes\n" +
			"hands meanwhile, the new holder keeps it.",
		Example:           "  lockkeeper release orders/42 --force --reason 'host-7 is gone'",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeLocks(a),
	}
	cmd.Flags().BoolVar(&force, "force", false, "really take it")
	cmd.Flags().StringVar(&reason, "reason", "", "`text` told to the holder")
	return asking(a, cmd, func(ctx context.Context, cfg *clientConfig, c *client, args []string) error {
		if !force {
			return &usageError{err: errors.New("release takes a lock from a holder that may be at work: say so with --force")}
		}
		name := lockName(args[0])
		_, q, err := getQueue(ctx, c, name)
		if err != nil {
			return err
		}
		if q.Holder == nil {
			return &codedError{exitNotFound, fmt.Errorf("lock %q is not held", name)}
		}
		var done releaseAnswer
		// With its token the request means this hold only, and so may be sent twice.
		request := releaseRequest{Force: true, Token: q.Holder.Token, Reason: reason}
		if err := c.do(ctx, http.MethodPost, lockPath(name, "release"), nil, request, &done); err != nil {
			return err
		}
		done.From = q.Holder
		if cfg.json {
			return writeJSON(a.stdout, done)
		}
		_, err = fmt.Fprintf(a.stdout, "lock %s taken from %s, who held it for %s (token %d)\n",
			printable(name), q.Holder.who(), ago(time.Now(), q.Holder.Since), q.Holder.Token)
		return err
	})
}
