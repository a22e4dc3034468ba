package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A zkSide is a party that ZooKeeper's clients connect to.
type zkSide struct {
	*party
	addresses []string
}

// zkSides starts an Apache ZooKeeper and a Lockkeeper of so many servers each, for as long as f
// takes.
func (b *bench) zkSides(ctx context.Context, members int, f func(ours, apache *zkSide) error) (err error) {
	apache, err := apacheSide(ctx, b, members)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, apache.close()) }()
	ours, err := doorSide(ctx, b, members)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ours.close()) }()
	return f(ours, apache)
}

// doorSide starts a Lockkeeper whose ZooKeeper door is open.
func doorSide(ctx context.Context, b *bench, members int) (*zkSide, error) {
	s := &zkSide{party: &party{series: series{name: "Lockkeeper"}}}
	configs, err := memberConfigs("member", b.newDir("lockkeeper"), members)
	if err != nil {
		return nil, err
	}
	for i := range configs {
		configs[i].Doors = true
		s.addresses = append(s.addresses, configs[i].zooKeeper())
	}
	if _, err := s.startMembers(ctx, b, configs); err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.mutexes = zkMutexes(s.addresses, newZKLock)
	return s, nil
}

const (
	apacheJars = "/usr/share/java/"
	apacheMain = "org.apache.zookeeper.server.quorum.QuorumPeerMain"

	// apacheConfig is ZooKeeper's example, but for the limit of connections of one address. It has
	// every write on disk before it answers.
	apacheConfig = "tickTime=2000\ninitLimit=10\nsyncLimit=5\nmaxClientCnxns=0\nadmin.enableServer=false\n4lw.commands.whitelist=*\n"
)

// errNoApache tells what to do about it.
var errNoApache = errors.New("no Apache ZooKeeper: apt-get install zookeeper libcurator-recipes-java, or scripts/install-test-deps.sh")

// classPath is that of Apache ZooKeeper and Curator.
func classPath() (string, error) {
	jars, err := filepath.Glob(apacheJars + "*.jar")
	if err != nil {
		return "", err
	}
	if server, _ := filepath.Glob(apacheJars + "zookeeper-3*.jar"); len(server) == 0 {
		return "", errNoApache
	}
	kept := jars[:0]
	for _, jar := range jars {
		// Of the logs that one may choose from, the one that is silent. Maven brings another one.
		name := filepath.Base(jar)
		logs := strings.HasPrefix(name, "slf4j-") || strings.Contains(name, "slf4j-provider")
		if !logs || strings.HasPrefix(name, "slf4j-api") || strings.HasPrefix(name, "slf4j-nop") {
			kept = append(kept, jar)
		}
	}
	return strings.Join(kept, ":"), nil
}

// apacheSide starts an Apache ZooKeeper.
func apacheSide(ctx context.Context, b *bench, members int) (_ *zkSide, err error) {
	s := &zkSide{party: &party{series: series{name: "Apache ZooKeeper"}}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	path, err := classPath()
	if err != nil {
		return nil, err
	}
	dir := b.newDir("zookeeper")
	list, err := memberConfigs("zookeeper", dir, members)
	if err != nil {
		return nil, err
	}
	ensemble := ""
	for i := range list {
		if members > 1 {
			ensemble += fmt.Sprintf("server.%d=127.0.0.1:%d:%d\n", i+1, list[i].Ports.Client, list[i].Ports.Peer)
		}
	}
	for i := range list {
		cfg := &list[i]
		address := fmt.Sprintf("127.0.0.1:%d", cfg.Ports.ZooKeeper)
		text := fmt.Sprintf("%sdataDir=%s\nclientPort=%d\nclientPortAddress=127.0.0.1\n%s", apacheConfig, cfg.Dir, cfg.Ports.ZooKeeper, ensemble)
		file := filepath.Join(cfg.Dir, "zoo.cfg")
		if err := errors.Join(os.MkdirAll(cfg.Dir, 0o755), os.WriteFile(file, []byte(text), 0o644),
			os.WriteFile(filepath.Join(cfg.Dir, "myid"), fmt.Appendln(nil, i+1), 0o644)); err != nil {
			return nil, err
		}
		server, err := startProgram(ctx, cfg.Dir, "java", "-cp", path, apacheMain, file)
		if err != nil {
			return nil, err
		}
		s.servers = append(s.servers, server)
		s.addresses = append(s.addresses, address)
	}
	for i, address := range s.addresses {
		if err := serving(ctx, address); err != nil {
			return nil, fmt.Errorf("%w; its log: %s", err, s.servers[i].(*program).logged())
		}
	}
	s.version, err = apacheVersion(ctx, s.addresses[0])
	s.mutexes = zkMutexes(s.addresses, newZKLock)
	return s, err
}

// apacheVersion is what the server says of itself.
func apacheVersion(ctx context.Context, address string) (string, error) {
	text, err := fourLetters(ctx, address, "srvr")
	line, _, _ := strings.Cut(text, ",")
	java, _ := exec.CommandContext(ctx, "java", "--version").Output()
	first, _, _ := strings.Cut(string(java), "\n")
	return "Apache " + strings.Replace(line, " version:", "", 1) + " on " + first, err
}

// serving waits until a server takes clients.
func serving(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		text, err := fourLetters(ctx, address, "srvr")
		if err == nil && strings.Contains(text, "Mode:") {
			return nil
		}
		if pause := pause(ctx, 50*time.Millisecond); pause != nil {
			return errors.Join(fmt.Errorf("%s does not serve: %q", address, text), err)
		}
	}
}

// fourLetters asks a server with one of ZooKeeper's four-letter words.
func fourLetters(ctx context.Context, address, word string) (string, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(startTime))
	if _, err := conn.Write([]byte(word)); err != nil {
		return "", err
	}
	var text strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		text.Write(buf[:n])
		if err != nil {
			return text.String(), nil // its end
		}
	}
}
