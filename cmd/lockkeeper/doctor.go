package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
)

// How serious a finding is. What is only worth knowing does not make doctor fail.
const (
	levelOK      = "ok"
	levelNote    = "note"
	levelProblem = "problem"
)

// A finding is what one check came to.
type finding struct {
	Check  string `json:"check"`
	Member string `json:"member,omitempty"` // empty: the whole cluster
	Level  string `json:"level"`
	Text   string `json:"text"`
	Do     string `json:"do,omitempty"` // what to do about it
}

// A diagnosis is what a member has measured.
type diagnosis struct {
	Member    string    `json:"member"`
	MemberID  string    `json:"member_id"`
	Version   string    `json:"version"`
	Time      time.Time `json:"time"`
	Leader    string    `json:"leader"`
	Heartbeat span      `json:"heartbeat"`
	Election  span      `json:"election"`

	FsyncMedian span  `json:"fsync_median"`
	FsyncWorst  span  `json:"fsync_worst"`
	FreeDisk    int64 `json:"free_disk"`
	MinFreeDisk int64 `json:"min_free_disk"`

	DatabaseBytes    int64 `json:"database_bytes"`
	DatabaseInUse    int64 `json:"database_in_use"`
	MaxDatabaseBytes int64 `json:"max_database_bytes"`

	Lag   int64          `json:"lag"`
	Peers []diagnosePeer `json:"peers"`

	endpoint string
	offset   time.Duration // of the member's clock to ours
	trip     time.Duration // of the question for its clock: the offset is as exact as half of it
}

type diagnosePeer struct {
	Name      string `json:"name"`
	ID        string `json:"id"`
	Learner   bool   `json:"learner"`
	Answers   bool   `json:"answers"`
	RoundTrip span   `json:"round_trip"`
}

// A span is a time.Duration that is text in JSON.
type span time.Duration

func (s *span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	*s = span(d)
	return err
}

func (s span) String() string { return time.Duration(s).String() }

func newDoctor(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what is wrong with the members, and say what to do",
		Long: "Doctor asks the members that --endpoints names to measure themselves, and compares what they say:\n" +
			"their clocks, the latency of their disks, free disk and size of the database against their limits,\n" +
			"who reaches whom, their versions, and their time-outs against the round trips between them. For what\n" +
			"is wrong it says what to do. Its exit code is 0 if there is no problem, 1 if there is.",
		Example: "  lockkeeper doctor --endpoints 10.0.0.1:7070,10.0.0.2:7070,10.0.0.3:7070",
		Args:    cobra.NoArgs,
	}
	return askingFor(a, cmd, 15*time.Second, func(ctx context.Context, cfg *clientConfig, _ *client, _ []string) error {
		found := examine(ctx, cfg.endpoints)
		var err error
		if cfg.json {
			err = writeJSON(a.stdout, map[string]any{"findings": found})
		} else {
			err = printFindings(a.stdout, found)
		}
		for _, f := range found {
			if err == nil && f.Level == levelProblem {
				err = &codedError{exitFailure, errSilent}
			}
		}
		return err
	})
}

// examine asks all endpoints at once, and judges what they say.
func examine(ctx context.Context, endpoints []string) []finding {
	asked := make([]*diagnosis, len(endpoints))
	failures := make([]error, len(endpoints))
	var wg sync.WaitGroup
	for i, endpoint := range endpoints {
		wg.Go(func() { asked[i], failures[i] = diagnoseOne(ctx, endpoint) })
	}
	wg.Wait()
	var found []finding
	var all []*diagnosis
	for i, d := range asked {
		if failures[i] == nil {
			all = append(all, d)
			continue
		}
		found = append(found, finding{
			Check: "reach", Member: endpoints[i], Level: levelProblem, Text: reason(endpoints[i], failures[i]),
			Do: "start the member, or mend the network; check --endpoints",
		})
	}
	return append(found, judge(all)...)
}

// diagnoseOne asks one member to measure itself, and compares its clock with ours: what it said was on
// its way for half of what a question takes that is answered at once.
func diagnoseOne(ctx context.Context, endpoint string) (*diagnosis, error) {
	c := newClient(&clientConfig{endpoints: []string{endpoint}})
	d := &diagnosis{endpoint: endpoint}
	if _, err := c.get(ctx, "/v1/diagnosis", nil, d); err != nil {
		return nil, err
	}
	got := time.Now()
	var alive json.RawMessage
	if _, err := c.get(ctx, "/healthz", nil, &alive); err != nil {
		return nil, err
	}
	d.trip = time.Since(got)
	d.offset = d.Time.Sub(got) + d.trip/2
	return d, nil
}

// reason returns why one endpoint did not answer, in one line, without what the line says already.
func reason(endpoint string, err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, endpoint+": "); i >= 0 {
		text = text[i+len(endpoint)+2:]
	}
	return strings.ReplaceAll(text, "\n", " ")
}

func printFindings(w io.Writer, found []finding) error {
	table := newTable(w)
	fmt.Fprintln(table, "CHECK\tMEMBER\tRESULT")
	for _, f := range found {
		fmt.Fprintf(table, "%s\t%s\t%s: %s\n", f.Check, printable(f.Member), f.Level, f.Text)
		if f.Do != "" {
			fmt.Fprintf(table, "\t\t→ %s\n", f.Do)
		}
	}
	return table.Flush()
}
