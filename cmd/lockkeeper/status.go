package main

import (
	"context"
	"encoding/json"

	"github.com/spf13/cobra"
)

func newStatus(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "status", Short: "Show the members and how they are", Args: cobra.NoArgs}
	return asking(a, cmd, func(ctx context.Context, cfg *clientConfig, c *client, _ []string) error {
		var raw json.RawMessage
		if err := c.do(ctx, "GET", "/v1/status", nil, nil, &raw); err != nil {
			return err
		}
		return writeJSON(a.stdout, raw)
	})
}
