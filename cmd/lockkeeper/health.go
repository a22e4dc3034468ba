package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"
)

// A probe is what a member answered at /healthz or /readyz, or why it did not.
type probe struct {
	Endpoint string `json:"endpoint"`
	Status   string `json:"status"` // the member's word, or unreachable
	Reason   string `json:"reason,omitempty"`
	ok       bool
}

func newHealth(a *app) *cobra.Command {
	var ready bool
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Tell whether members are alive, or ready for clients",
		Long: "Health asks each member of --endpoints whether its process can answer, and ends with 0 if all\n" +
			"can. A member without a quorum can: a restart would not help it. With --ready it asks whether\n" +
			"clients may be sent there, which takes a quorum. It is the health check of a container in\n" +
			"which there is no other program. Its exit code is 5 when a member does not answer, or is not\n" +
			"ready.",
		Example: "  lockkeeper health\n" +
			"  lockkeeper health --ready --endpoints 10.0.0.1:7070,10.0.0.2:7070",
		Args: cobra.NoArgs,
	}
	cmd.Flags().BoolVar(&ready, "ready", false, "ask whether clients may be sent there")
	return asking(a, cmd, func(ctx context.Context, cfg *clientConfig, c *client, _ []string) error {
		path := "/healthz"
		if ready {
			path = "/readyz"
		}
		ok, probes := true, make([]probe, 0, len(cfg.endpoints))
		for i, endpoint := range cfg.endpoints {
			attempt, cancel := c.attempt(ctx, len(cfg.endpoints)-i)
			p := c.probe(attempt, endpoint, path)
			cancel()
			ok, probes = ok && p.ok, append(probes, p)
		}
		if err := printProbes(a.stdout, cfg.json, probes); err != nil {
			return err
		}
		if !ok {
			return &codedError{exitUnavailable, errSilent}
		}
		return nil
	})
}

// probe asks one member how it is. Unlike other answers, one with status 503 is read, too.
func (c *client) probe(ctx context.Context, endpoint, path string) probe {
	p := probe{Endpoint: endpoint, Status: "unreachable"}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+path, nil)
	if err != nil {
		p.Reason = err.Error()
		return p
	}
	resp, err := c.http.Do(req)
	if err != nil {
		p.Reason = plainly(err).Error()
		return p
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		p.Reason = plainly(err).Error()
		return p
	}
	var said struct{ Status, Reason string }
	if json.Unmarshal(answer, &said) != nil || said.Status == "" {
		p.Reason = (&foreignError{endpoint, resp.StatusCode}).Error()
		return p
	}
	p.Status, p.Reason, p.ok = said.Status, said.Reason, resp.StatusCode == http.StatusOK
	return p
}

func printProbes(w io.Writer, asJSON bool, probes []probe) error {
	if asJSON {
		return writeJSON(w, probes)
	}
	for _, p := range probes {
		line := p.Endpoint + " " + printable(p.Status)
		if p.Reason != "" {
			line += ": " + p.Reason
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
