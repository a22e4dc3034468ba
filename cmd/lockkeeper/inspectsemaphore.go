package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// A semaphore is a semaphore as the members tell it.
type semaphore struct {
	Name    string      `json:"name"`
	Limit   int         `json:"limit"` // 0: not set
	InUse   int         `json:"in_use"`
	Holding int         `json:"holding"` // in all; Holders may be cut
	Waiting int         `json:"waiting"` // in all; Waiters may be cut
	Holders []contender `json:"holders"`
	Waiters []contender `json:"waiters"`
}

// showSemaphore prints a semaphore. The error says where nobody has permits.
func showSemaphore(a *app, cfg *clientConfig, raw json.RawMessage, s *semaphore) (err error) {
	if cfg.json {
		err = writeJSON(a.stdout, raw)
	} else {
		err = printSemaphore(a.stdout, s, time.Now())
	}
	if err == nil && s.InUse == 0 {
		return &codedError{exitNotFound, errSilent}
	}
	return err
}

// getSemaphore reads a semaphore, at least as new as everything answered so far. It returns what the
// member wrote, too.
func getSemaphore(ctx context.Context, c *client, name string) (json.RawMessage, *semaphore, error) {
	s := &semaphore{}
	raw, err := c.get(ctx, routePath("semaphores", name, ""), linearizable(), s)
	return raw, s, err
}

func printSemaphore(w io.Writer, s *semaphore, now time.Time) error {
	table := newTable(w)
	fmt.Fprintf(table, "semaphore:\t%s\n", printable(s.Name))
	if s.Limit > 0 {
		fmt.Fprintf(table, "permits:\t%d of %d in use\n", s.InUse, s.Limit)
	} else {
		fmt.Fprintf(table, "permits:\t%d in use; nobody has said how many there are\n", s.InUse)
	}
	fmt.Fprintf(table, "waiting:\t%d\n", s.Waiting)
	if len(s.Holders) > 0 {
		fmt.Fprintln(table)
		fmt.Fprintln(table, "PERMITS\tHOLDER\tFOR\tTOKEN\tDOOR\tREASON")
		for i := range s.Holders {
			h := &s.Holders[i]
			fmt.Fprintf(table, "%d\t%s\t%s\t%d\t%s\t%s\n", h.Permits, h.who(), ago(now, h.Since), h.Token, printable(h.Door), printable(h.Reason))
		}
		if hidden := s.Holding - len(s.Holders); hidden > 0 {
			fmt.Fprintf(table, "and %d more\n", hidden)
		}
	}
	if len(s.Waiters) > 0 {
		fmt.Fprintln(table)
		fmt.Fprintln(table, "POSITION\tPERMITS\tWAITER\tFOR\tTOKEN\tDOOR\tREASON")
		for i := range s.Waiters {
			c := &s.Waiters[i]
			fmt.Fprintf(table, "%d\t%d\t%s\t%s\t%d\t%s\t%s\n", c.Position, c.Permits, c.who(), ago(now, c.Enqueued), c.Token, printable(c.Door), printable(c.Reason))
		}
		if hidden := s.Waiting - len(s.Waiters); hidden > 0 {
			fmt.Fprintf(table, "and %d more\n", hidden)
		}
	}
	return table.Flush()
}
