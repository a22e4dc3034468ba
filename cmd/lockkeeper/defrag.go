package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/cobra"
)

// A defragmented is what a member's rewritten database came to.
type defragmented struct {
	Member string `json:"member"`
	Leader bool   `json:"leader"`
	Before int64  `json:"bytes_before"`
	After  int64  `json:"bytes_after"`
	Took   string `json:"took"`
}

// defragTimeout is long enough for the largest database that a member takes by default.
const defragTimeout = 10 * time.Minute

func newDefrag(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "defrag",
		Short: "Rewrite members' databases without the space that nothing uses",
		Long: "Defrag rewrites the databases of the members that --endpoints names, one after the other, and the\n" +
			"leader's last. Members use freed space again by themselves: it is needed only where a database has\n" +
			"been much larger once, and its file is to give the disk back. While a member is at it it answers\n" +
			"nothing; while it is the leader, nobody can take or release anything. To spare everybody that, leave\n" +
			"the leader out, move leadership ('lockkeeper member move-leader'), and defragment it then.",
		Example: "  lockkeeper defrag --endpoints 10.0.0.1:7070,10.0.0.2:7070,10.0.0.3:7070",
		Args:    cobra.NoArgs,
	}
	return askingFor(a, cmd, defragTimeout, func(ctx context.Context, cfg *clientConfig, _ *client, _ []string) error {
		order, leader, err := leaderLast(ctx, cfg)
		if err != nil {
			return err
		}
		var all []defragmented
		for _, endpoint := range order {
			if endpoint == leader && len(order) > 1 {
				fmt.Fprintf(a.stderr, "warning: %s is the leader: until it is done nothing is taken or released\n", endpoint)
			}
			one := newClient(&clientConfig{endpoints: []string{endpoint}})
			var raw json.RawMessage
			var d defragmented
			if err := one.do(ctx, http.MethodPost, "/v1/defrag", nil, nil, &raw); err != nil {
				return err
			}
			if err := json.Unmarshal(raw, &d); err != nil {
				return fmt.Errorf("%s: read the answer: %w", endpoint, err)
			}
			if all = append(all, d); cfg.json {
				continue
			}
			if _, err := fmt.Fprintf(a.stdout, "%s: from %d to %d bytes in %s\n", printable(d.Member), d.Before, d.After, d.Took); err != nil {
				return err
			}
		}
		if cfg.json {
			return writeJSON(a.stdout, all)
		}
		return nil
	})
}

// leaderLast asks all endpoints, each of which must answer, and returns them with the leader's at the
// end, and which that is.
func leaderLast(ctx context.Context, cfg *clientConfig) (order []string, leader string, err error) {
	for _, endpoint := range cfg.endpoints {
		var s status
		if _, err := newClient(&clientConfig{endpoints: []string{endpoint}}).get(ctx, "/v1/status", nil, &s); err != nil {
			return nil, "", err
		}
		if s.Leader == s.Member {
			leader = endpoint
		}
	}
	order = slices.DeleteFunc(slices.Clone(cfg.endpoints), func(e string) bool { return e == leader })
	if leader != "" {
		order = append(order, leader)
	}
	return order, leader, nil
}
