package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// A contender is one place in a lock's queue.
type contender struct {
	Token    int64             `json:"token"`
	Session  string            `json:"session"`
	Position int               `json:"position"`
	Owner    string            `json:"owner"`
	Reason   string            `json:"reason"`
	Metadata map[string]string `json:"metadata"`
	Door     string            `json:"door"`
	Enqueued time.Time         `json:"enqueued"`
	Since    time.Time         `json:"since"`   // zero while waiting
	Permits  int               `json:"permits"` // of a semaphore

	Expected string `json:"expected_wait"` // empty where nothing is known
}

// who names the contender for people.
func (c *contender) who() string {
	if c.Owner != "" {
		return printable(c.Owner)
	}
	return "session " + c.Session
}

// A queue is a lock as the members tell it.
type queue struct {
	Name       string      `json:"name"`
	Holder     *contender  `json:"holder"`
	Waiters    []contender `json:"waiters"`
	Contenders int         `json:"contenders"` // in all; Waiters may be cut
	Revision   int64       `json:"revision"`
}

// row returns the lock's line of a table.
func (q *queue) row(now time.Time) string {
	cells := []string{printable(q.Name), "-", "-", "-", "0", "-"}
	waiting := q.Contenders
	if h := q.Holder; h != nil {
		cells[1], cells[2], cells[3], cells[5] = h.who(), ago(now, h.Since), fmt.Sprint(h.Token), printable(h.Reason)
		waiting--
	}
	cells[4] = fmt.Sprint(max(waiting, 0))
	return strings.Join(cells, "\t")
}

func newInspect(a *app) *cobra.Command {
	blockers, asSemaphore := false, false
	cmd := &cobra.Command{
		Use:   "inspect NAME",
		Short: "Show the holder and queue of a lock or a semaphore",
		Long: "Inspect shows who holds a lock, since when and why, and who waits for it, in order, and about\n" +
			"how long still, where the lock's recent holds let one expect anything. With --blockers it shows\n" +
			"whom the holder waits for itself, and whom that one waits for, to the end. Where the lock of\n" +
			"that name is free, or with --semaphore, it shows who has permits of the semaphore. Its exit\n" +
			"code is 3 when nobody holds.",
		Example:           "  lockkeeper inspect orders/42",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeLocks(a),
	}
	cmd.Flags().BoolVar(&blockers, "blockers", false, "show who blocks whom, through any chain; with --json, beside the lock")
	cmd.Flags().BoolVar(&asSemaphore, "semaphore", false, "show the semaphore of that name, whatever the lock")
	return asking(a, cmd, func(ctx context.Context, cfg *clientConfig, c *client, args []string) error {
		name := lockName(args[0])
		if asSemaphore {
			raw, s, err := getSemaphore(ctx, c, name)
			if err != nil {
				return err
			}
			return showSemaphore(a, cfg, raw, s)
		}
		raw, q, err := getQueue(ctx, c, name)
		if err != nil {
			return err
		}
		if q.Holder == nil && !blockers {
			raw, s, err := getSemaphore(ctx, c, name)
			if err != nil {
				return err
			}
			if s.Limit > 0 || s.InUse > 0 {
				return showSemaphore(a, cfg, raw, s)
			}
		}
		var chain *blockerChain
		var rawChain json.RawMessage
		if blockers {
			if rawChain, chain, err = getBlockers(ctx, c, name); err != nil {
				return err
			}
		}
		switch {
		case cfg.json && blockers:
			err = writeJSON(a.stdout, map[string]json.RawMessage{"lock": raw, "blockers": rawChain})
		case cfg.json:
			err = writeJSON(a.stdout, raw)
		default:
			if err = printQueue(a.stdout, q, time.Now()); err == nil && chain != nil && len(chain.Chain) > 0 {
				err = chain.print(a.stdout, time.Now())
			}
		}
		if err == nil && q.Holder == nil {
			return &codedError{exitNotFound, errSilent}
		}
		return err
	})
}

// expected says how long a wait may last still.
func expected(text string) string {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return "unknown"
	case d >= time.Second:
		d = d.Round(time.Second)
	}
	return "~" + d.String()
}

// getQueue reads a lock, at least as new as everything answered so far. It returns what the
// member wrote, too.
func getQueue(ctx context.Context, c *client, name string) (json.RawMessage, *queue, error) {
	q := &queue{}
	raw, err := c.get(ctx, lockPath(name, ""), linearizable(), q)
	return raw, q, err
}

func printQueue(w io.Writer, q *queue, now time.Time) error {
	table := newTable(w)
	fmt.Fprintf(table, "lock:\t%s\n", printable(q.Name))
	if q.Holder == nil {
		fmt.Fprintf(table, "state:\tfree\n")
	} else {
		h := q.Holder
		fmt.Fprintf(table, "state:\theld\n")
		fmt.Fprintf(table, "holder:\t%s\n", h.who())
		fmt.Fprintf(table, "since:\t%s (%s)\n", h.Since.Format(time.RFC3339), ago(now, h.Since))
		fmt.Fprintf(table, "session:\t%s\n", h.Session)
		fmt.Fprintf(table, "token:\t%d\n", h.Token)
		fmt.Fprintf(table, "reason:\t%s\n", printable(h.Reason))
		fmt.Fprintf(table, "door:\t%s\n", printable(h.Door))
		for _, key := range slices.Sorted(maps.Keys(h.Metadata)) {
			fmt.Fprintf(table, "metadata:\t%s=%s\n", printable(key), printable(h.Metadata[key]))
		}
	}
	if err := table.Flush(); err != nil || len(q.Waiters) == 0 {
		return err
	}
	fmt.Fprintln(table)
	fmt.Fprintln(table, "POSITION\tWAITER\tFOR\tEXPECTED\tTOKEN\tDOOR\tREASON")
	for i := range q.Waiters {
		c := &q.Waiters[i]
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%d\t%s\t%s\n", c.Position, c.who(), ago(now, c.Enqueued), expected(c.Expected), c.Token, printable(c.Door), printable(c.Reason))
	}
	if hidden := q.Contenders - len(q.Waiters) - 1; q.Holder != nil && hidden > 0 {
		fmt.Fprintf(table, "and %d more\n", hidden)
	}
	return table.Flush()
}
