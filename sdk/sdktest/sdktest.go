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
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/freeport"
	"github.com/lockkeeper/lockkeeper/sdk"
	"github.com/lockkeeper/lockkeeper/server"
)

// patience is how long a member may take to start or to stop, and a client to be closed.
const patience = 30 * time.Second

// A Service is a service of one member. Its verbs are for the test's own goroutine.
type Service struct {
	tb  testing.TB
	cfg server.Config

	stop   context.CancelFunc // ends the member; nil: it is not running
	result chan error         // what it ended with
}

// Start starts a service and waits until it is ready. It ends with tb.
func Start(tb testing.TB) *Service {
	tb.Helper()
	ports := freeport.Ports(tb, 3)
	cfg := server.DefaultConfig()
	cfg.Name, cfg.DataDir, cfg.Version = "sdktest", tb.TempDir(), "test"
	cfg.HTTPListen, cfg.ClientListen, cfg.PeerListen = address(ports[0]), address(ports[1]), address(ports[2])
	cfg.ZooKeeperListen = server.Off
	cfg.Heartbeat, cfg.Election = 20*time.Millisecond, 100*time.Millisecond
	s := &Service{tb: tb, cfg: cfg}
	tb.Cleanup(s.end)
	s.Restart()
	return s
}

func address(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// Endpoints returns what [sdk.Dial] takes.
func (s *Service) Endpoints() []string { return []string{"http://" + s.cfg.HTTPListen} }

// Client returns a client of the service. It is closed when tb ends, before the service.
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
		if s.stop == nil {
			cancel() // nobody would answer
		}
		if err := c.Close(ctx); err != nil && s.stop != nil && !errors.Is(err, sdk.ErrLost) {
			tb.Error(err)
		}
	})
	return c
}

// Restart starts a member that was stopped, with the data it had, at its old address, and waits
// until it is ready.
func (s *Service) Restart() {
	s.tb.Helper()
	if s.stop != nil {
		s.tb.Fatal("the service is running")
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready := make(chan struct{})
	result := make(chan error, 1)
	go func() { // ends by stop, and is waited for by Stop
		result <- server.Run(ctx, s.cfg, func(server.Addresses) { close(ready) })
	}()
	s.stop, s.result = cancel, result
	select {
	case <-ready:
	case err := <-result:
		s.stop = nil
		cancel()
		s.tb.Fatalf("start the service: %v", err)
	case <-time.After(patience):
		s.tb.Fatalf("the service is not ready after %v", patience)
	}
}

// Stop stops the member in order: clients are told to go elsewhere, and there is nowhere to go
// until Restart. Sessions go on for their TTL.
func (s *Service) Stop() {
	s.tb.Helper()
	if s.stop == nil {
		s.tb.Fatal("the service is not running")
	}
	s.end()
}

func (s *Service) end() {
	s.tb.Helper()
	if s.stop == nil {
		return
	}
	s.stop()
	s.stop = nil
	select {
	case err := <-s.result:
		if err != nil {
			s.tb.Errorf("stop the service: %v", err)
		}
	case <-time.After(patience):
		s.tb.Errorf("the service has not stopped after %v", patience)
	}
}
