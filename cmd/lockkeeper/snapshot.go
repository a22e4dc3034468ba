package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lockkeeper/lockkeeper/server"
)

func newSnapshot(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "snapshot",
		Short: "Save, verify and restore snapshots",
		Long: "A snapshot is everything that a cluster knows at one moment: locks, sessions, znodes. It is saved\n" +
			"from a running member and restored into a new cluster, whose tokens are above all that were given.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSnapshotSave(a), newSnapshotVerify(a), newSnapshotRestore(a))
	return cmd
}

func newSnapshotSave(a *app) *cobra.Command {
	cfg, local := &clientConfig{}, false
	cmd := &cobra.Command{
		Use:   "save FILE",
		Short: "Save a snapshot of a running member",
		Long: "Save asks a running member for all that it has, and everything that was answered before is in it.\n" +
			"FILE appears once it is whole: what comes is written beside it, checked against the checksum at its\n" +
			"end, and then renamed. A file of that name that exists is not touched. Clients go on meanwhile.\n\n" +
			"FILE holds what ACLs protect, and the secret of the sessions' passwords: keep it as you would them.",
		Example: "  lockkeeper snapshot save /backup/locks-$(date +%F).snapshot",
		Args:    cobra.ExactArgs(1),
	}
	cfg.bindEndpoints(cmd.Flags())
	cmd.Flags().BoolVar(&local, "local", false, "take what one member has, though it has no quorum and may be behind")
	cmd.Flags().DurationVar(&cfg.timeout, "timeout", 15*time.Second, "until a member begins to answer, and between two parts of its answer; LOCKKEEPER_TIMEOUT")
	cmd.Flags().BoolVar(&cfg.json, "json", false, "print JSON for scripts")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := cfg.load(cmd.Flags(), a.environ); err != nil {
			return &usageError{err: err}
		}
		saved, err := saveSnapshot(cmd.Context(), cfg, args[0], local)
		if err != nil {
			return err
		}
		if cfg.json {
			return writeJSON(a.stdout, saved)
		}
		_, err = fmt.Fprintf(a.stdout, "%s: %d bytes from %s, SHA-256 %s\n", saved.File, saved.Bytes, saved.From, saved.SHA256)
		return err
	}
	return cmd
}

func newSnapshotVerify(a *app) *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Check a snapshot, and tell what it holds",
		Long: "Verify checks that the file matches its checksum, that its database is sound, and that all of the\n" +
			"tree in it can be read. It asks no member.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			info, err := server.VerifySnapshot(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return printSnapshot(a.stdout, &info, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON for scripts")
	return cmd
}

// restoreFlags are the settings of serve that restore looks at, and so shows in its help.
var restoreFlags = []string{
	"config", "name", "data-dir", "peer-listen", "advertise-peer", "initial-cluster", "insecure-client-listen",
	"tls-cert-file", "tls-key-file", "tls-ca-file",
}

func newSnapshotRestore(a *app) *cobra.Command {
	cfg, before, asJSON := newServeConfig(), 0, false
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make a member's data directory from a snapshot, for a new cluster",
		Long: "Restore makes the data directory of one member of a new cluster; 'lockkeeper serve' with the same\n" +
			"settings starts it then. It takes all settings of serve, by flag, variable or file. For several\n" +
			"members run it once for each, from the same file, with the same --initial-cluster.\n\n" +
			"Make sure that no member of the old cluster runs any more. The new one knows the locks and sessions\n" +
			"of the snapshot; sessions that do not come back end by their TTL. Its epoch is 1,024 ahead, and its\n" +
			"revision more than a million million, so that tokens are above all that were given. A snapshot that\n" +
			"is restored once more, after a cluster restored from it has run, needs --restored-before.",
		Example: "  lockkeeper snapshot restore locks.snapshot --data-dir /var/lib/lockkeeper",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := cfg.load(cmd.Flags(), a.environ); err != nil {
				return &usageError{err: err}
			}
			switch {
			case before < 0 || before > 1000:
				return &usageError{err: errors.New("--restored-before: must be from 0 to 1000")}
			case cfg.Join != "":
				return &usageError{err: errors.New("--join: a restored member is of a new cluster; restore one, and let the others join it with empty data directories")}
			}
			handler, err := newHandler(a.stderr, terminal(a.stderr) && !a.hasEnv("NO_COLOR"), cfg.logFormat, cfg.logLevel)
			if err != nil {
				return &usageError{err: err}
			}
			cfg.Logger = slog.New(handler)
			info, err := server.RestoreSnapshot(cmd.Context(), cfg.Config, args[0], before)
			if err != nil {
				return err
			}
			return printSnapshot(a.stdout, &info, asJSON)
		},
	}
	cfg.bind(cmd.Flags())
	cmd.Flags().VisitAll(func(f *pflag.Flag) { f.Hidden = !slices.Contains(restoreFlags, f.Name) })
	cmd.Flags().IntVar(&before, "restored-before", 0, "how many `times` this snapshot, or an older one of the same cluster, was restored before")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON for scripts")
	return cmd
}

// printSnapshot tells what a snapshot holds, and what has become of it.
func printSnapshot(w io.Writer, info *server.SnapshotInfo, asJSON bool) error {
	if asJSON {
		return writeJSON(w, info)
	}
	table := newTable(w)
	fmt.Fprintf(table, "file:\t%s\n", info.File)
	fmt.Fprintf(table, "bytes:\t%d\n", info.Bytes)
	fmt.Fprintf(table, "SHA-256:\t%s\n", info.SHA256)
	fmt.Fprintf(table, "cluster:\t%s\n", printable(info.Cluster))
	fmt.Fprintf(table, "epoch:\t%d\n", info.Epoch)
	fmt.Fprintf(table, "revision:\t%d\n", info.Revision)
	fmt.Fprintf(table, "znodes:\t%d\n", info.Znodes)
	fmt.Fprintf(table, "sessions:\t%d\n", info.Sessions)
	fmt.Fprintf(table, "locks:\t%d\n", info.Locks)
	if info.DataDir != "" {
		fmt.Fprintf(table, "restored to:\t%s\n", info.DataDir)
		fmt.Fprintf(table, "new epoch:\t%d\n", info.RestoredEpoch)
		fmt.Fprintf(table, "new revision:\t%d\n", info.RestoredRevision)
	}
	return table.Flush()
}

// A savedSnapshot is what save has written.
type savedSnapshot struct {
	File   string `json:"file"`
	From   string `json:"from"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// saveSnapshot asks the members in turn, until one has given all of its database.
func saveSnapshot(ctx context.Context, cfg *clientConfig, file string, local bool) (*savedSnapshot, error) {
	path := "/v1/snapshot"
	if !local {
		path += "?" + linearizable().Encode()
	}
	c := newClient(cfg)
	var failures []error
	for _, endpoint := range c.endpoints {
		saved, err := saveFrom(ctx, c, cfg.timeout, endpoint, path, file)
		if err == nil {
			return saved, nil
		}
		if _, ours := errors.AsType[*fileError](err); ours || refused(err) || ctx.Err() != nil {
			return nil, err
		}
		failures = append(failures, at(endpoint, err))
	}
	return nil, unavailable(failures)
}
