package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/lockkeeper/lockkeeper/server"
)

func newServe(a *app) *cobra.Command {
	cfg := newServeConfig()
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a member",
		Long: "Serve runs one member of the lock service until it gets SIGTERM or SIGINT; then it lets its\n" +
			"clients go to others and closes in order. A second signal has it wait for nobody, a third one\n" +
			"ends it at once. Without flags it is a service of one member with\n" +
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

	hurry := make(chan struct{})
	cfg.Hurry = hurry
	over := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() { hurryUp(ctx, over, hurry, logger) })
	err = server.Run(ctx, cfg.Config, func(at server.Addresses) { printReady(a.stdout, cfg.Name, at) })
	close(over)
	watching.Wait()
	if err != nil {
		return startupError(err, &cfg.Config)
	}
	logger.Info("stopped")
	return nil
}

// hurryUp closes hurry when another signal comes after the one that has ended ctx. It returns then, or
// when over is closed.
func hurryUp(ctx context.Context, over <-chan struct{}, hurry chan<- struct{}, logger *slog.Logger) {
	select {
	case <-ctx.Done():
	case <-over:
		return
	}
	again := make(chan os.Signal, 1)
	signal.Notify(again, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(again) // a third one has its usual effect
	logger.Info("stopping in order; a second signal waits for no client, a third one ends the process at once")
	select {
	case <-again:
		logger.Info("stopping without waiting for clients")
		close(hurry)
	case <-over:
	}
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
