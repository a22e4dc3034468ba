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
	From     *contender `json:"from,omitempty"` // who held it, where that is known; ours, not the member's
}

// A releasing is what release is told.
type releasing struct {
	force, semaphore bool
	token            int64 // 0: of whoever holds
	reason           string
}

func newRelease(a *app) *cobra.Command {
	r := &releasing{}
	cmd := &cobra.Command{
		Use:   "release NAME --force",
		Short: "Take a lock away from its holder, or permits of a semaphore",
		Long: "Release takes a lock away from whoever holds it now; the next in the queue gets it. The holder\n" +
			"is told, with the reason, but may be at work still: make sure that what it does is fenced, or\n" +
			"that it is dead. Never more than the one hold that was seen is released: if the lock changes\n" +
			"hands meanwhile, the new holder keeps it.\n\n" +
			"With --semaphore it takes all permits of one hold of the semaphore NAME. Where several hold,\n" +
			"--token says which; 'lockkeeper inspect NAME --semaphore' shows the tokens.",
		Example: "  lockkeeper release orders/42 --force --reason 'host-7 is gone'\n" +
			"  lockkeeper release encoders --semaphore --token 4294967311 --force",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeLocks(a),
	}
	cmd.Flags().BoolVar(&r.force, "force", false, "really take it")
	cmd.Flags().StringVar(&r.reason, "reason", "", "`text` told to the holder")
	cmd.Flags().BoolVar(&r.semaphore, "semaphore", false, "take permits of the semaphore of that name, whatever the lock")
	cmd.Flags().Int64Var(&r.token, "token", 0, "take what is held by this `token`, or nothing (default: what is held now)")
	return asking(a, cmd, func(ctx context.Context, cfg *clientConfig, c *client, args []string) error {
		switch {
		case !r.force:
			return &usageError{err: errors.New("release takes a lock from a holder that may be at work: say so with --force")}
		case cmd.Flags().Changed("token") && r.token <= 0:
			return &usageError{err: errors.New("--token: must be greater than 0; 'lockkeeper inspect NAME' shows tokens")}
		}
		name, collection := lockName(args[0]), "locks"
		find := r.findHold
		if r.semaphore {
			find, collection = r.findPermits, "semaphores"
		}
		from, err := find(ctx, c, name)
		if err != nil {
			return err
		}
		// With its token the request means this hold only, and so may be sent twice.
		request := releaseRequest{Force: true, Token: r.token, Reason: r.reason}
		if from != nil {
			request.Token = from.Token
		}
		var done releaseAnswer
		if err := c.do(ctx, http.MethodPost, routePath(collection, name, "release"), nil, request, &done); err != nil {
			return err
		}
		if done.From = from; cfg.json {
			return writeJSON(a.stdout, done)
		}
		_, err = fmt.Fprintln(a.stdout, done.text(r.semaphore, time.Now()))
		return err
	})
}

// findHold finds whom a lock is to be taken from: whoever has the token, nil where that is nobody whom
// the answer tells of, or else whoever holds.
func (r *releasing) findHold(ctx context.Context, c *client, name string) (*contender, error) {
	_, q, err := getQueue(ctx, c, name)
	switch {
	case err != nil:
		return nil, err
	case r.token != 0:
		list := q.Waiters // a reader that holds beside others, too
		if q.Holder != nil {
			list = append(list, *q.Holder)
		}
		return withToken(list, r.token), nil
	case q.Holder != nil:
		return q.Holder, nil
	}
	err = fmt.Errorf("lock %q is not held", name)
	if _, s, failed := getSemaphore(ctx, c, name); failed == nil && s.InUse > 0 {
		err = fmt.Errorf("%w; permits of the semaphore of that name are: say --semaphore to take them", err)
	}
	return nil, &codedError{exitNotFound, err}
}

// findPermits is findHold for permits.
func (r *releasing) findPermits(ctx context.Context, c *client, name string) (*contender, error) {
	_, s, err := getSemaphore(ctx, c, name)
	switch {
	case err != nil:
		return nil, err
	case r.token != 0:
		return withToken(s.Holders, r.token), nil
	case s.Holding == 0:
		return nil, &codedError{exitNotFound, fmt.Errorf("nobody has permits of the semaphore %q", name)}
	case s.Holding > 1:
		return nil, &usageError{err: fmt.Errorf("%d have permits of the semaphore %q: say which by --token, as 'lockkeeper inspect %s --semaphore' shows them", s.Holding, name, name)}
	}
	return &s.Holders[0], nil
}

func withToken(list []contender, token int64) *contender {
	for i := range list {
		if list[i].Token == token {
			return &list[i]
		}
	}
	return nil
}

// text says in a line what was taken from whom.
func (d *releaseAnswer) text(semaphore bool, now time.Time) string {
	what, it := "lock "+printable(d.Name), "it"
	if semaphore {
		what, it = "permits of semaphore "+printable(d.Name), "them"
		if d.From != nil {
			what = fmt.Sprint(d.From.Permits, " ", what)
		}
	}
	switch {
	case d.From == nil:
		return fmt.Sprintf("%s taken (token %d)", what, d.Token)
	case d.From.Since.IsZero():
		return fmt.Sprintf("%s: the place in the queue taken from %s, who waited for %s (token %d)", what, d.From.who(), lasting(now, d.From.Enqueued), d.Token)
	}
	return fmt.Sprintf("%s taken from %s, who held %s for %s (token %d)", what, d.From.who(), it, lasting(now, d.From.Since), d.Token)
}
