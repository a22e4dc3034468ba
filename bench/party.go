package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// A party is one lock service in a contest: its servers, each a process of its own, and its
// clients in this one.
type party struct {
	series
	version string // of what its servers and clients are
	servers []running
	closing []func() error // clients, in the order of their making
	client  *sdk.Client    // of a Lockkeeper's last member; nil for others

	// mutexes returns one for each name, for a worker each; names may be equal.
	mutexes func(ctx context.Context, names []string) ([]mutex, error)

	// others does the same for clients that are set up in another way, by its name.
	others map[string]func(ctx context.Context, names []string) ([]mutex, error)
}

// running is a server.
type running interface {
	cpu() time.Duration
	stop() error
}

// cpu is the processor time that all servers have used so far.
func (p *party) cpu() (sum time.Duration) {
	for _, s := range p.servers {
		sum += s.cpu()
	}
	return sum
}

// close closes the clients, and stops the servers.
func (p *party) close() error {
	var errs []error
	for i := range p.closing {
		errs = append(errs, p.closing[len(p.closing)-1-i]())
	}
	stopped := make([]error, len(p.servers))
	var wg sync.WaitGroup // together: the last ones of a cluster could not end alone
	for i, s := range p.servers {
		wg.Go(func() { stopped[i] = s.stop() })
	}
	wg.Wait()
	return errors.Join(append(errs, stopped...)...)
}

// startProcesses starts the party's servers as children, at once, since none of a cluster is
// ready alone, and returns their addresses.
func (p *party) startProcesses(ctx context.Context, configs []childConfig) ([]string, error) {
	return p.start(configs, func(cfg childConfig) (running, string, error) {
		s, err := startProcess(ctx, cfg)
		if err != nil {
			return nil, "", err
		}
		return s, s.address, nil
	})
}

// start starts a server for each of configs with one, and returns their addresses.
func (p *party) start(configs []childConfig, one func(childConfig) (running, string, error)) ([]string, error) {
	servers, addresses, errs := make([]running, len(configs)), make([]string, len(configs)), make([]error, len(configs))
	var wg sync.WaitGroup
	for i, cfg := range configs {
		wg.Go(func() { servers[i], addresses[i], errs[i] = one(cfg) })
	}
	wg.Wait()
	for _, s := range servers {
		if s != nil {
			p.servers = append(p.servers, s)
		}
	}
	return addresses, errors.Join(errs...)
}

// memberConfigs are those of a cluster's children, or of one that is alone.
func memberConfigs(kind, dir string, members int) ([]childConfig, error) {
	list, cluster := make([]childConfig, members), make([]string, members)
	for i := range list {
		p, err := freePorts()
		if err != nil {
			return nil, err
		}
		name := fmt.Sprintf("%s%d", kind, i+1)
		list[i] = childConfig{Kind: kind, Name: name, Dir: filepath.Join(dir, name), Ports: p}
		cluster[i] = fmt.Sprintf("%s=http://127.0.0.1:%d", name, p.Peer)
	}
	if members > 1 {
		for i := range list {
			list[i].Cluster = strings.Join(cluster, ",")
		}
	}
	return list, nil
}

// with is the same party with clients set up in another way. It is closed with p.
func (p *party) with(setup string) *party {
	return &party{series: series{name: p.name + ", " + setup}, version: p.version, servers: p.servers, mutexes: p.others[setup]}
}

// release is a module that this process is built with, and its version.
func release(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return path
	}
	for _, m := range info.Deps {
		if m.Path == path {
			return path + " " + m.Version
		}
	}
	return path
}
