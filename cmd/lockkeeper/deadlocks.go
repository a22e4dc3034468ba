package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

// A stand is how an actor stands to one lock.
type stand struct {
	Name  string    `json:"name"`
	Token int64     `json:"token"`
	State string    `json:"state"`
	Since time.Time `json:"since"`
}

// A link is one actor of a cycle or a chain.
type link struct {
	Session string `json:"session"`
	Owner   string `json:"owner"`
	Door    string `json:"door"`
	Holds   *stand `json:"holds"`
	Waits   *stand `json:"waits"`
}

func (k *link) who() string {
	switch {
	case k.Owner != "":
		return printable(k.Owner)
	case k.Session != "":
		return "session " + k.Session
	}
	return "nobody's session"
}

// holding says how the link stands to what the one before waits for.
func (k *link) holding(now time.Time) string {
	switch {
	case k.Holds == nil:
		return "-"
	case k.Holds.State == "waiting":
		return printable(k.Holds.Name) + " (ahead in its queue)"
	}
	return fmt.Sprintf("%s (for %s)", printable(k.Holds.Name), lasting(now, k.Holds.Since))
}

func (k *link) waiting(now time.Time) string {
	if k.Waits == nil {
		return "-"
	}
	return fmt.Sprintf("%s (for %s)", printable(k.Waits.Name), lasting(now, k.Waits.Since))
}

// A deadlockList is the answer of GET /v1/deadlocks.
type deadlockList struct {
	Deadlocks []struct {
		Cycle  []link    `json:"cycle"`
		Actors int       `json:"actors"`
		Since  time.Time `json:"since"`
	} `json:"deadlocks"`
	Total       int `json:"total"`
	SearchLimit int `json:"search_limit"`
}

func newDeadlocks(a *app) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "deadlocks",
		Short: "List who waits for each other",
		Long: "Deadlocks lists the cycles of sessions, and owners within them, that wait for each other, the\n" +
			"oldest first, whatever their doors. Its exit code is 0 when there are none, 7 when there are\n" +
			"some, and 6 when none was found but there were more waits than a member looks at.",
		Example: "  lockkeeper deadlocks\n  lockkeeper deadlocks --json",
		Args:    cobra.NoArgs,
	}
	cmd.Flags().IntVar(&limit, "limit", 100, "list this many at most")
	return asking(a, cmd, func(ctx context.Context, cfg *clientConfig, c *client, _ []string) error {
		if limit < 1 {
			return &usageError{err: fmt.Errorf("--limit: must be greater than 0")}
		}
		query := linearizable()
		query.Set("limit", strconv.Itoa(limit))
		var list deadlockList
		raw, err := c.get(ctx, "/v1/deadlocks", query, &list)
		if err != nil {
			return err
		}
		if cfg.json {
			err = writeJSON(a.stdout, raw)
		} else {
			err = list.print(a.stdout, time.Now())
		}
		switch {
		case err != nil:
			return err
		case list.Total > 0:
			return &codedError{exitDeadlock, errSilent}
		case list.SearchLimit > 0:
			return &codedError{exitUncertain, errSilent}
		}
		return nil
	})
}

func (l *deadlockList) print(w io.Writer, now time.Time) error {
	table := newTable(w)
	for i := range l.Deadlocks {
		d := &l.Deadlocks[i]
		if i > 0 {
			fmt.Fprintln(table)
		}
		fmt.Fprintf(table, "deadlock %d:\t%d actors\tfor %s\n", i+1, d.Actors, lasting(now, d.Since))
		fmt.Fprintln(table, "WHO\tSESSION\tHOLDS\tWAITS FOR\tDOOR")
		printLinks(table, d.Cycle, now)
	}
	if hidden := l.Total - len(l.Deadlocks); hidden > 0 {
		fmt.Fprintf(table, "and %d more\n", hidden)
	}
	if l.SearchLimit > 0 {
		fmt.Fprintf(table, "the member has looked at %d waits; there may be more deadlocks\n", l.SearchLimit)
	} else if l.Total == 0 {
		fmt.Fprintln(table, "no deadlocks")
	}
	return table.Flush()
}

func printLinks(w io.Writer, list []link, now time.Time) {
	for i := range list {
		k := &list[i]
		session := k.Session
		if session == "" {
			session = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", k.who(), session, k.holding(now), k.waiting(now), printable(k.Door))
	}
}

// A blockerChain is the answer of GET /v1/locks/{name}/blockers.
type blockerChain struct {
	Chain       []link `json:"chain"`
	Cycle       bool   `json:"cycle"`
	SearchLimit int    `json:"search_limit"`
}

// getBlockers reads who blocks whom, from the holder of a lock on.
func getBlockers(ctx context.Context, c *client, name string) (json.RawMessage, *blockerChain, error) {
	chain := &blockerChain{}
	raw, err := c.get(ctx, lockPath(name, "blockers"), linearizable(), chain)
	return raw, chain, err
}

func (b *blockerChain) print(w io.Writer, now time.Time) error {
	table := newTable(w)
	fmt.Fprintln(table, "\nBLOCKED BY\tSESSION\tHOLDS\tWAITS FOR\tDOOR")
	printLinks(table, b.Chain, now)
	switch {
	case b.Cycle:
		fmt.Fprintln(table, "the last one is above already: they wait for each other")
	case b.SearchLimit > 0:
		fmt.Fprintln(table, "the member has looked no further")
	}
	return table.Flush()
}
