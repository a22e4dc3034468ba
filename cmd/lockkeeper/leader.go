package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
)

// A candidate is one place in an election.
type candidate struct {
	contender
	Value    string `json:"value"`
	Priority int64  `json:"priority"`
}

// who names the candidate for people.
func (c *candidate) who() string {
	if c.Owner == "" && c.Value != "" {
		return printable(c.Value)
	}
	return c.contender.who()
}

// An electionView is an election as the members tell it.
type electionView struct {
	Name       string      `json:"name"`
	Leader     *candidate  `json:"leader"`
	Candidates []candidate `json:"candidates"` // those who wait
	Total      int         `json:"total"`      // with the leader; Candidates may be cut
}

func newLeader(a *app) *cobra.Command {
	var valueOnly bool
	cmd := &cobra.Command{
		Use:   "leader NAME",
		Short: "Show who leads, and the candidates",
		Long: "Leader shows who leads, what the leader says, and who waits for the lead, in order. Its exit\n" +
			"code is 3 when nobody leads.",
		Example:           "  lockkeeper leader scheduler\n  curl \"http://$(lockkeeper leader scheduler --value)/jobs\"",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeLocks(a),
	}
	cmd.Flags().BoolVar(&valueOnly, "value", false, "print what the leader says, and nothing else")
	return asking(a, cmd, func(ctx context.Context, cfg *clientConfig, c *client, args []string) error {
		var e electionView
		raw, err := c.get(ctx, routePath("elections", lockName(args[0]), ""), linearizable(), &e)
		if err != nil {
			return err
		}
		switch {
		case cfg.json:
			err = writeJSON(a.stdout, raw)
		case !valueOnly:
			err = printElection(a.stdout, &e, time.Now())
		case e.Leader != nil:
			_, err = fmt.Fprintln(a.stdout, e.Leader.Value)
		}
		if err == nil && e.Leader == nil {
			return &codedError{exitNotFound, errSilent}
		}
		return err
	})
}

func printElection(w io.Writer, e *electionView, now time.Time) error {
	table := newTable(w)
	fmt.Fprintf(table, "election:\t%s\n", printable(e.Name))
	if l := e.Leader; l == nil {
		fmt.Fprintf(table, "state:\tnobody leads\n")
	} else {
		fmt.Fprintf(table, "leader:\t%s\n", l.who())
		fmt.Fprintf(table, "value:\t%s\n", printable(l.Value))
		fmt.Fprintf(table, "priority:\t%d\n", l.Priority)
		fmt.Fprintf(table, "since:\t%s (%s)\n", l.Since.Format(time.RFC3339), ago(now, l.Since))
		fmt.Fprintf(table, "session:\t%s\n", l.Session)
		fmt.Fprintf(table, "token:\t%d\n", l.Token)
		fmt.Fprintf(table, "reason:\t%s\n", printable(l.Reason))
		fmt.Fprintf(table, "door:\t%s\n", printable(l.Door))
	}
	if err := table.Flush(); err != nil || len(e.Candidates) == 0 {
		return err
	}
	fmt.Fprintln(table)
	fmt.Fprintln(table, "POSITION\tCANDIDATE\tPRIORITY\tFOR\tTOKEN\tDOOR\tREASON")
	for i := range e.Candidates {
		c := &e.Candidates[i]
		fmt.Fprintf(table, "%d\t%s\t%d\t%s\t%d\t%s\t%s\n", c.Position, c.who(), c.Priority, ago(now, c.Enqueued), c.Token, printable(c.Door), printable(c.Reason))
	}
	if hidden := e.Total - len(e.Candidates) - 1; e.Leader != nil && hidden > 0 {
		fmt.Fprintf(table, "and %d more\n", hidden)
	}
	return table.Flush()
}
