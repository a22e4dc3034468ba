package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/spf13/cobra"
)

// A membership is who is in a cluster.
type membership struct {
	Member  string       `json:"member"` // the id of the one that was changed
	Voters  int          `json:"voters"`
	Quorum  int          `json:"quorum"`
	Members []memberCard `json:"members"`
}

func newMember(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "member",
		Short: "List, add, promote and remove members, and move leadership",
		Long: "Members of a cluster are changed one at a time, and through any member that has a quorum. What\n" +
			"would lose the quorum is refused, with exit code 8. MEMBER is a member's name or its id.\n\n" +
			"To replace a dead member: remove it, then start a fresh one, with an empty data directory, with\n" +
			"'lockkeeper serve --join'.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newMemberList(a), newMemberAdd(a), newMemberPromote(a), newMemberRemove(a), newMoveLeader(a))
	return cmd
}

func newMemberList(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the members", Args: cobra.NoArgs}
	return asking(a, cmd, func(ctx context.Context, cfg *clientConfig, c *client, _ []string) error {
		var list membership
		raw, err := c.get(ctx, "/v1/members", linearizable(), &list)
		if err != nil {
			return err
		}
		if cfg.json {
			return writeJSON(a.stdout, raw)
		}
		return list.print(a.stdout)
	})
}

func newMemberAdd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "add PEER-ADDRESS",
		Short: "Let a member in, as a learner, before it is started",
		Long: "Add lets in the member that will have PEER-ADDRESS as its --peer-listen or --advertise-peer. Start\n" +
			"it with 'lockkeeper serve --join': it catches up as a learner, which has no vote, and then gets its\n" +
			"vote. Serve with --join does all of this by itself; add is for letting it in beforehand.",
		Example: "  lockkeeper member add 10.0.0.4:2380",
		Args:    cobra.ExactArgs(1),
	}
	return asking(a, cmd, func(ctx context.Context, cfg *clientConfig, c *client, args []string) error {
		return changeMembers(ctx, a, cfg, c, http.MethodPost, "/v1/members", url.Values{"peer": args}, "is let in as a learner; start it with --join")
	})
}

func newMemberPromote(a *app) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "promote MEMBER",
		Short: "Give a learner that has caught up its vote",
		Long:  "Members that were started with --join get it by themselves.",
		Args:  cobra.ExactArgs(1),
	}
	bindForce(cmd, &force)
	return asking(a, cmd, func(ctx context.Context, cfg *clientConfig, c *client, args []string) error {
		return changeMembers(ctx, a, cfg, c, http.MethodPost, memberPath(args[0], "promote"), forced(force), "has its vote")
	})
}

func newMemberRemove(a *app) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "remove MEMBER",
		Short: "Remove a member, for good",
		Long: "Remove takes a member out of the cluster. It stops if it runs, and its data directory is of no more\n" +
			"use. If it leads, leadership is moved first. Where too few of the other voters answer to be a\n" +
			"quorum it is refused; with --force it is done, and nothing can be taken or released until enough of\n" +
			"them are back. If the answer was lost and it is asked for again, there is no such member: it is done.",
		Example: "  lockkeeper member remove m3",
		Args:    cobra.ExactArgs(1),
	}
	bindForce(cmd, &force)
	return asking(a, cmd, func(ctx context.Context, cfg *clientConfig, c *client, args []string) error {
		c.endpoints = othersFirst(ctx, c.endpoints, args[0])
		return changeMembers(ctx, a, cfg, c, http.MethodDelete, memberPath(args[0], ""), forced(force), "is removed")
	})
}

func newMoveLeader(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "move-leader MEMBER",
		Short:   "Make a member the leader",
		Example: "  lockkeeper member move-leader m2",
		Args:    cobra.ExactArgs(1),
	}
	return asking(a, cmd, func(ctx context.Context, cfg *clientConfig, c *client, args []string) error {
		return changeMembers(ctx, a, cfg, c, http.MethodPost, memberPath(args[0], "lead"), nil, "leads")
	})
}

// whoWait is how long an endpoint may take to say which member it is.
const whoWait = time.Second

// othersFirst puts the endpoint of the member that is to be removed last: it may stop before it hears
// that it is.
func othersFirst(ctx context.Context, endpoints []string, which string) []string {
	ctx, cancel := context.WithTimeout(ctx, whoWait)
	defer cancel()
	itself := make([]bool, len(endpoints))
	var wg sync.WaitGroup
	for i, endpoint := range endpoints {
		wg.Go(func() {
			var s status
			_, err := newClient(&clientConfig{endpoints: []string{endpoint}}).get(ctx, "/v1/status", nil, &s)
			itself[i] = err == nil && (s.Member == which || s.MemberID == which)
		})
	}
	wg.Wait()
	var order, last []string
	for i, endpoint := range endpoints {
		if itself[i] {
			last = append(last, endpoint)
		} else {
			order = append(order, endpoint)
		}
	}
	return append(order, last...)
}

func bindForce(cmd *cobra.Command, force *bool) {
	cmd.Flags().BoolVar(force, "force", false, "do it though the quorum would be lost")
}

func forced(force bool) url.Values {
	if force {
		return url.Values{"force": {"true"}}
	}
	return nil
}

// memberPath returns the route of a member, or of what action does to it.
func memberPath(which, action string) string {
	path := "/v1/members/" + url.PathEscape(which)
	if action != "" {
		path += "/" + action
	}
	return path
}

// changeMembers asks for a change and says what has become of which member.
func changeMembers(ctx context.Context, a *app, cfg *clientConfig, c *client, method, path string, query url.Values, done string) error {
	var raw json.RawMessage
	if err := c.do(ctx, method, path, query, nil, &raw); err != nil {
		return err
	}
	if cfg.json {
		return writeJSON(a.stdout, raw)
	}
	var list membership
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	which := list.Member
	for _, m := range list.Members {
		if m.ID == list.Member && m.Name != "" {
			which = m.Name + " (" + m.ID + ")"
		}
	}
	if _, err := fmt.Fprintf(a.stdout, "member %s %s\n\n", printable(which), done); err != nil {
		return err
	}
	return list.print(a.stdout)
}

func (l *membership) print(w io.Writer) error {
	if err := printMembers(w, l.Members); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%d voters, of which %d must be there\n", l.Voters, l.Quorum)
	return err
}

// printMembers writes a table of members.
func printMembers(w io.Writer, members []memberCard) error {
	table := newTable(w)
	fmt.Fprintln(table, "MEMBER\tROLE\tSTATE\tVERSION\tREST\tPEER\tID")
	for _, m := range members {
		role, state := "follower", "offline"
		switch {
		case m.Leader:
			role = "leader"
		case m.Learner:
			role = "learner"
		}
		switch {
		case m.unsure:
			state = "unknown"
		case m.Online:
			state = "online"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", printable(m.Name), role, state, printable(m.Version),
			printable(m.Addresses["http"]), printable(m.Addresses["peer"]), printable(m.ID))
	}
	return table.Flush()
}
