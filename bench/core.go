package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/lock"
	"github.com/lockkeeper/lockkeeper/quorum"
	"github.com/lockkeeper/lockkeeper/store"
	"github.com/lockkeeper/lockkeeper/store/record"
	"github.com/lockkeeper/lockkeeper/znode"
)

const (
	memberName = "bench1"
	startTime  = time.Minute // for anything to start or to stop
)

// here is a server in this process.
type here struct{ *core }

func (here) cpu() time.Duration { return ownCPU() }
func (h here) stop() error      { return h.close() }

// A core is a member in this process, without a door: a quorum of one with fsync, and on top of
// it, while it is open, store, sessions and locks.
type core struct {
	ports    ports
	link     store.Link
	quorum   *quorum.Member
	store    *store.Store
	sessions *lease.Sessions
	locks    *lock.Locker
	heap     []byte // address space, so that garbage is collected as in the service: see server/heap.go
}

// heapFloor is the service's.
const heapFloor = 64 << 20

// ports are where a member listens. A data directory keeps the peer's for good.
type ports struct{ Client, Peer, ZooKeeper int }

// freePorts finds some that nobody listens on now.
func freePorts() (p ports, err error) {
	for _, into := range []*int{&p.Client, &p.Peer, &p.ZooKeeper} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return p, err
		}
		defer l.Close()
		*into = l.Addr().(*net.TCPAddr).Port
	}
	return p, nil
}

// openQuorum starts the quorum alone in dir.
func openQuorum(ctx context.Context, dir string) (*core, error) {
	p, err := freePorts()
	if err != nil {
		return nil, err
	}
	c := &core{ports: p, heap: make([]byte, heapFloor)}
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	c.quorum, err = quorum.Start(ctx, quorum.Config{
		Name: memberName, DataDir: dir,
		PeerURL:   fmt.Sprintf("http://127.0.0.1:%d", p.Peer),
		ClientURL: fmt.Sprintf("http://127.0.0.1:%d", p.Client),
		Register:  c.link.Register, ServicePrefix: []string{store.Service},
	})
	if err != nil {
		return nil, err
	}
	select {
	case <-c.quorum.Ready():
		return c, nil
	case <-ctx.Done():
		return nil, errors.Join(fmt.Errorf("quorum not ready: %w", context.Cause(ctx)), c.close())
	}
}

// openCore starts everything in dir.
func openCore(ctx context.Context, dir string) (*core, error) {
	c, err := openQuorum(ctx, dir)
	if err != nil {
		return nil, err
	}
	if err := c.openStore(ctx); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// openStore puts a store on the quorum, and waits until it writes.
func (c *core) openStore(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	c.sessions, c.locks = lease.New(lease.Config{}), lock.New(lock.Config{})
	c.store, err = store.New(ctx, store.Config{
		Quorum: c.quorum, Link: &c.link, Keeper: c.sessions.Deadlines,
		Observer: observers{c.sessions, c.locks}, Confirmed: c.sessions.Confirmed,
		Card: record.Card{Name: memberName},
	})
	if err != nil {
		return err
	}
	c.sessions.Bind(c.store)
	c.locks.Bind(c.sessions, c.store)
	return c.store.Pass(ctx)
}

// closeStore leaves the quorum alone. The tree is garbage afterwards.
func (c *core) closeStore() {
	if c.store != nil {
		c.locks.Close()
		c.store.Close()
	}
	c.store, c.sessions, c.locks = nil, nil, nil
}

func (c *core) close() error {
	c.closeStore()
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	return c.quorum.Close(ctx)
}

// do makes a request that must succeed.
func (c *core) do(ctx context.Context, r *znode.Request) error {
	out, err := c.store.Do(ctx, r)
	if err != nil {
		return err
	}
	if out.Code != znode.OK {
		return out.Code
	}
	return nil
}

// observers hands what the store applies to those who look on, as a server does.
type observers struct {
	sessions *lease.Sessions
	locks    *lock.Locker
}

// Changed is part of store.Observer.
func (o observers) Changed(t *znode.Tree, revision int64, c *znode.Change, e *znode.Effect) {
	o.sessions.Changed(c)
	o.locks.Changed(t, revision, c, e)
}

// Applied is part of store.Observer.
func (o observers) Applied(t *znode.Tree, revision int64) { o.locks.Applied(t, revision) }

// Rebuilt is part of store.Observer.
func (o observers) Rebuilt(t *znode.Tree, revision int64) { o.locks.Rebuilt(t, revision) }
