// Package sdktest runs a Lockkeeper service inside a test: one real member, quorum, disk and all,
// on loopback, up in less than a second.
//
//	func TestOrders(t *testing.T) {
//		c := sdktest.Start(t).Client(t)
//		...
//	}
//
// Its data is in a temporary directory. What a test sees is what production does, but for members
// that fail.
package sdktest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/sdk"
	"github.com/lockkeeper/lockkeeper/server"
)

// patience is how long a member may take to start or to stop, and a client to be closed.
const patience = 30 * time.Second

// attempts is how often other ports are tried where somebody else was faster to take them.
const attempts = 5

// A Service is a service of one member. Its methods are for one goroutine at a time, Endpoints and
// Client for any.
type Service struct {
	cfg    server.Config
	stop   context.CancelFunc // ends the member; nil: it is not running
	result chan error         // what it ended with
}

// Start starts a service for a test and waits until it is ready. It ends with tb.
func Start(tb testing.TB) *Service {
	tb.Helper()
	s, err := Open()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// Open starts a service and waits until it is ready. It is for a TestMain, and for examples: a test
// takes [Start]. The caller must Close it.
func Open() (*Service, error) {
	var failures []error
	for range attempts {
		s, err := configure()
		if err == nil {
			err = s.start()
		}
		if err == nil {
			return s, nil
		}
		failures = append(failures, err)
		if s != nil {
			failures = append(failures, s.Close())
		}
	}
	return nil, errors.Join(failures...)
}

// configure chooses the ports and makes the directory of a service.
func configure() (*Service, error) {
	cfg := server.DefaultConfig()
	cfg.Name, cfg.Version, cfg.ZooKeeperListen = "sdktest", "test", server.Off
	cfg.Heartbeat, cfg.Election = 20*time.Millisecond, 100*time.Millisecond
	for _, address := range []*string{&cfg.HTTPListen, &cfg.ClientListen, &cfg.PeerListen} {
		// A member must know its ports before it listens.
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		*address = l.Addr().String()
	}
	var err error
	if cfg.DataDir, err = os.MkdirTemp("", "sdktest-"); err != nil {
		return nil, err
	}
	return &Service{cfg: cfg}, nil
}

// Endpoints returns what [sdk.Dial] takes.
func (s *Service) Endpoints() []string { return []string{"http://" + s.cfg.HTTPListen} }

// Client returns a client of the service. It is closed when tb ends; one whose service has been
// stopped by then, without a word.
func (s *Service) Client(tb testing.TB, opts ...sdk.Option) *sdk.Client {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := sdk.Dial(ctx, s.Endpoints(), opts...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		running := s.stop != nil
		if !running {
			cancel() // nobody would answer
		}
		if err := c.Close(ctx); err != nil && running && !errors.Is(err, sdk.ErrLost) {
			tb.Error(err)
		}
	})
	return c
}

// Restart starts a member that was stopped, with the data it had, at its old address, and waits
// until it is ready.
func (s *Service) Restart(tb testing.TB) {
	tb.Helper()
	if s.stop != nil {
		tb.Fatal("the service is running")
	}
	if err := s.start(); err != nil {
		tb.Fatal(err)
	}
}

// Stop stops the member in order: clients are told to go elsewhere, and there is nowhere to go
// until Restart. Sessions go on for their TTL.
func (s *Service) Stop(tb testing.TB) {
	tb.Helper()
	if s.stop == nil {
		tb.Fatal("the service is not running")
	}
	if err := s.end(); err != nil {
		tb.Fatal(err)
	}
}

// Close stops the member, if it is running, and removes its data.
func (s *Service) Close() error {
	return errors.Join(s.end(), os.RemoveAll(s.cfg.DataDir))
}

func (s *Service) start() error {
	ctx, cancel := context.WithCancel(context.Background())
	ready := make(chan struct{})
	result := make(chan error, 1)
	go func() { // ends by cancel, and is waited for by end
		result <- server.Run(ctx, s.cfg, func(server.Addresses) { close(ready) })
	}()
	s.stop, s.result = cancel, result
	select {
	case <-ready:
		return nil
	case err := <-result:
		s.stop = nil
		cancel()
		return fmt.Errorf("start the service: %w", err)
	case <-time.After(patience):
		return errors.Join(fmt.Errorf("start the service: not ready after %v", patience), s.end())
	}
}

func (s *Service) end() error {
	if s.stop == nil {
		return nil
	}
	s.stop()
	s.stop = nil
	select {
	case err := <-s.result:
		if err != nil {
			return fmt.Errorf("stop the service: %w", err)
		}
		return nil
	case <-time.After(patience):
		return fmt.Errorf("stop the service: it runs on after %v", patience)
	}
}
