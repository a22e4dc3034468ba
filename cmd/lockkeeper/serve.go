package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockkeeper/lockkeeper/server"
)

func newServe(a *app) *cobra.Command {
	cfg := newServeConfig()
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a member",
		Long: "Serve runs one member of the lock service until it gets SIGTERM or SIGINT, and then closes it\n" +
			"in order; a second signal ends it at once. Without flags it is a service of one member with\n" +
			"its data in ./lockkeeper-data, for this machine only. When it is ready it prints one line with\n" +
			"its addresses on standard output; its log goes to standard error.\n\n" +
			"A flag goes before its variable (--http-listen before LOCKKEEPER_HTTP_LISTEN), a variable\n" +
			"before the file of --config, the file before the default. Unknown variables and keys are errors.",
		Example: "  lockkeeper serve\n" +
			"  lockkeeper serve --http-listen 127.0.0.1:8080 --data-dir /var/lib/lockkeeper\n" +
			"  lockkeeper serve --config lockkeeper.yaml --print-config",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			origins, err := cfg.load(cmd.Flags(), a.environ)
			if err != nil {
				return &usageError{err: err}
			}
			if cfg.print {
				return printConfig(a.stdout, cmd.Flags(), origins)
			}
			return serve(cmd.Context(), a, cfg)
		},
	}
	cfg.bind(cmd.Flags())
	return cmd
}

// serve runs the member that cfg describes until ctx ends.
func serve(ctx context.Context, a *app, cfg *serveConfig) error {
	handler, err := newHandler(a.stderr, terminal(a.stderr) && !a.hasEnv("NO_COLOR"), cfg.logFormat, cfg.logLevel)
	if err != nil {
		return &usageError{err: err}
	}
	logger := slog.New(handler)
	cfg.Logger = logger
	cfg.Version = readBuild().Version
	logger.Info("starting", "version", cfg.Version, "member", cfg.Name, "data-dir", cfg.DataDir)
	warn(logger, cfg)

	stopSignalSeen := context.AfterFunc(ctx, func() {
		logger.Info("stopping in order; a second signal ends the process at once")
	})
	defer stopSignalSeen()
	err = server.Run(ctx, cfg.Config, func(at server.Addresses) { printReady(a.stdout, cfg.Name, at) })
	if err != nil {
		return startupError(err, &cfg.Config)
	}
	logger.Info("stopped")
	return nil
}

// warn logs what an operator should know about the configuration before it is used.
func warn(logger *slog.Logger, cfg *serveConfig) {
	if server.OffLoopback(cfg.ZooKeeperListen) {
		logger.Warn("the ZooKeeper door can be reached from other machines and, but for ACLs, asks nobody who they are",
			"zookeeper-listen", cfg.ZooKeeperListen)
	}
	if server.OffLoopback(cfg.HTTPListen) {
		logger.Warn("the REST door can be reached from other machines and asks nobody who they are; let only those reach it who may take any lock",
			"http-listen", cfg.HTTPListen)
	}
	if cfg.InsecureClientListen && (server.OffLoopback(cfg.ClientListen) || server.OffLoopback(cfg.PeerListen)) {
		logger.Warn("members talk to each other in plain text; whoever reaches these addresses can change everything",
			"client-listen", cfg.ClientListen, "peer-listen", cfg.PeerListen)
	}
}

// printReady writes the one line that says where the member listens.
func printReady(w io.Writer, name string, at server.Addresses) {
	line := []string{"lockkeeper ready", "name=" + name}
	if at.HTTP != "" {
		line = append(line, "http=http://"+at.HTTP)
	}
	if at.ZooKeeper != "" {
		line = append(line, "zookeeper="+at.ZooKeeper)
	}
	line = append(line, "client="+at.Client, "peer="+at.Peer)
	// Nobody may be reading standard output; that is no reason to stop serving.
	_, _ = fmt.Fprintln(w, strings.Join(line, " "))
}
