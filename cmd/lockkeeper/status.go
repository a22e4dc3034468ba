package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
)

// A status is what one member knows of its cluster.
type status struct {
	Member   string       `json:"member"`
	MemberID string       `json:"member_id"`
	Version  string       `json:"version"`
	Leader   string       `json:"leader"` // empty: none known
	Epoch    int64        `json:"epoch"`
	Revision int64        `json:"revision"`
	Sessions int          `json:"sessions"`
	Locks    int          `json:"locks"`
	Members  []memberCard `json:"members"`
}

// A memberCard is what a member tells of itself to the others.
type memberCard struct {
	Name      string            `json:"name"`
	ID        string            `json:"id"`
	Version   string            `json:"version"`
	Leader    bool              `json:"leader"`
	Learner   bool              `json:"learner"`
	Online    bool              `json:"online"`
	Addresses map[string]string `json:"addresses"` // by door

	unsure bool // nobody can say now whether it is online
}

func newStatus(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the members and how they are",
		Long: "Status shows what the first member that answers knows of its cluster. Its exit code is 5 when\n" +
			"that member knows of no leader: then nothing can be taken or released.",
		Args: cobra.NoArgs,
	}
	return asking(a, cmd, func(ctx context.Context, cfg *clientConfig, c *client, _ []string) error {
		var s status
		raw, err := c.get(ctx, "/v1/status", nil, &s)
		if err != nil {
			return err
		}
		if cfg.json {
			err = writeJSON(a.stdout, raw)
		} else {
			err = s.print(a.stdout)
		}
		if err == nil && s.Leader == "" {
			return &codedError{exitUnavailable, errSilent}
		}
		return err
	})
}

func (s *status) print(w io.Writer) error {
	leader := s.Leader
	if leader == "" {
		leader = "none: nothing can be taken or released"
	}
	table := newTable(w)
	fmt.Fprintf(table, "asked:\t%s (version %s)\n", printable(s.Member), printable(s.Version))
	fmt.Fprintf(table, "leader:\t%s\n", printable(leader))
	fmt.Fprintf(table, "epoch:\t%d\n", s.Epoch)
	fmt.Fprintf(table, "revision:\t%d\n", s.Revision)
	fmt.Fprintf(table, "sessions:\t%d\n", s.Sessions)
	fmt.Fprintf(table, "locks:\t%d\n", s.Locks)
	if err := table.Flush(); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	if s.Leader == "" {
		// Who is here stands in the log, to which nothing is added now.
		for i := range s.Members {
			s.Members[i].unsure = s.Members[i].ID != s.MemberID
		}
	}
	slices.SortFunc(s.Members, func(a, b memberCard) int { return cmp.Compare(a.Name, b.Name) })
	return printMembers(w, s.Members)
}
