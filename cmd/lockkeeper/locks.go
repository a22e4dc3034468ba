package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

// pageSize is how many locks are asked for at a time.
const pageSize = 500

// A lockPage is one answer of GET /v1/locks.
type lockPage struct {
	Locks    []queue `json:"locks"`
	Next     string  `json:"next"`
	Revision int64   `json:"revision"`
}

func newLocks(a *app) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "locks [PREFIX]",
		Short: "List locks, with their holders",
		Long: "Locks lists the locks that are held or waited for, in the order of their names: all, or those\n" +
			"whose name begins with PREFIX.",
		Example:           "  lockkeeper locks\n  lockkeeper locks orders/ --json",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeLocks(a),
	}
	cmd.Flags().IntVar(&limit, "limit", 10_000, "list this many at most")
	return asking(a, cmd, func(ctx context.Context, cfg *clientConfig, c *client, args []string) error {
		if limit < 1 {
			return &usageError{err: fmt.Errorf("--limit: must be greater than 0")}
		}
		prefix := ""
		if len(args) > 0 {
			prefix = lockName(args[0])
		}
		if cfg.json {
			return listJSON(ctx, a, c, prefix, limit)
		}
		return listTable(ctx, a, c, prefix, limit)
	})
}

// listPage asks for the locks whose names begin with prefix, from the one after after on.
func listPage(ctx context.Context, c *client, prefix, after string, limit int) (lockPage, error) {
	var page lockPage
	err := c.do(ctx, http.MethodGet, "/v1/locks", pageQuery(prefix, after, limit), nil, &page)
	return page, err
}

func pageQuery(prefix, after string, limit int) url.Values {
	query := url.Values{"limit": {strconv.Itoa(limit)}}
	if prefix != "" {
		query.Set("prefix", prefix)
	}
	if after != "" {
		query.Set("after", after)
	}
	return query
}

// listTable prints page by page: a long list shows its beginning at once.
func listTable(ctx context.Context, a *app, c *client, prefix string, limit int) error {
	table := newTable(a.stdout)
	fmt.Fprintln(table, "LOCK\tHOLDER\tSINCE\tTOKEN\tWAITING\tREASON")
	for after := ""; limit > 0; {
		page, err := listPage(ctx, c, prefix, after, min(limit, pageSize))
		if err != nil {
			return err
		}
		for _, l := range page.Locks {
			fmt.Fprintln(table, l.row(time.Now()))
		}
		if err := table.Flush(); err != nil {
			return fmt.Errorf("print the list: %w", err)
		}
		limit -= len(page.Locks)
		if after = page.Next; after == "" || len(page.Locks) == 0 {
			return nil
		}
		if limit <= 0 {
			fmt.Fprintln(a.stderr, "lockkeeper: there are more; raise --limit or narrow PREFIX")
		}
	}
	return nil
}

// listJSON prints one document with all locks as the members wrote them.
func listJSON(ctx context.Context, a *app, c *client, prefix string, limit int) error {
	all := struct {
		Locks    []json.RawMessage `json:"locks"`
		Next     string            `json:"next,omitempty"`
		Revision int64             `json:"revision"`
	}{Locks: []json.RawMessage{}}
	for {
		var page struct {
			Locks    []json.RawMessage `json:"locks"`
			Next     string            `json:"next"`
			Revision int64             `json:"revision"`
		}
		err := c.do(ctx, http.MethodGet, "/v1/locks", pageQuery(prefix, all.Next, min(limit, pageSize)), nil, &page)
		if err != nil {
			return err
		}
		all.Locks = append(all.Locks, page.Locks...)
		all.Next, all.Revision = page.Next, page.Revision
		if limit -= len(page.Locks); page.Next == "" || len(page.Locks) == 0 || limit <= 0 {
			return writeJSON(a.stdout, all)
		}
	}
}
