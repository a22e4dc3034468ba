package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// module is what the binary is built from.
const module = "github.com/lockkeeper/lockkeeper"

// startMembers starts the binary, or, where profiles are wanted, children that serve the same
// way and can make some. It returns the addresses of their doors.
func (p *party) startMembers(ctx context.Context, b *bench, configs []childConfig) ([]string, error) {
	if b.profile != "" {
		return p.startProcesses(ctx, configs)
	}
	if err := b.build(ctx); err != nil {
		return nil, err
	}
	return p.start(configs, func(cfg childConfig) (running, string, error) { return startMember(ctx, b.binary, cfg) })
}

// startMember starts the binary, and waits until it is ready.
func startMember(ctx context.Context, binary string, cfg childConfig) (running, string, error) {
	args := []string{
		"serve", "--log-level", "error", "--name", cfg.Name, "--data-dir", filepath.Join(cfg.Dir, "data"),
		"--http-listen", "127.0.0.1:0", "--zookeeper-listen", cfg.zooKeeper(), "--zookeeper-max-client-cnxns", "0",
		"--client-listen", fmt.Sprintf("127.0.0.1:%d", cfg.Ports.Client), "--peer-listen", fmt.Sprintf("127.0.0.1:%d", cfg.Ports.Peer),
	}
	if cfg.Cluster != "" {
		args = append(args, "--initial-cluster", cfg.Cluster)
	}
	s, err := startProgram(ctx, cfg.Dir, binary, append(args, cfg.Args...)...)
	if err != nil {
		return nil, "", err
	}
	line, err := s.line()
	if err != nil {
		return s, "", err
	}
	for _, field := range strings.Fields(line) {
		if address, ok := strings.CutPrefix(field, "http=http://"); ok {
			return s, address, nil
		}
	}
	return s, "", fmt.Errorf("lockkeeper says %q", line)
}

// build builds the binary from the checkout that bench stands in, if no other is to be measured.
func (b *bench) build(ctx context.Context) error {
	if b.binary != "" {
		return nil
	}
	dir, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return fmt.Errorf("%s: %w; run this in bench/, or name a binary with -lockkeeper", module, err)
	}
	path := filepath.Join(b.dir, "bin", "lockkeeper")
	build := exec.CommandContext(ctx, "go", "build", "-C", strings.TrimSpace(string(dir)), "-o", path, "./cmd/lockkeeper")
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building lockkeeper: %w: %s", err, text)
	}
	b.binary = path
	return nil
}
