//go:build linux

package faults

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"path"
	"strconv"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/lockkeeper/lockkeeper/internal/absent"
	"github.com/lockkeeper/lockkeeper/internal/clustertest"
	"github.com/lockkeeper/lockkeeper/sdk"
)

// A contender takes one lock and gives it up, over and over, and notes what it does in a journal.
type contender struct {
	name    string // its own
	lock    string // the lock's
	ttl     time.Duration
	journal *journal
	stop    chan struct{} // closed when it is to end
}

// run takes turns until it is told to stop. Each calls work between the grant and the release.
func (x *contender) run(turn func(work func(own func() (znode string, token int64, err error)) error) error) error {
	for {
		select {
		case <-x.stop:
			return nil
		default:
		}
		if err := turn(x.work); err != nil {
			return fmt.Errorf("%s: %w", x.name, err)
		}
	}
}

// work notes that the lock is held, what it is held by, and that it is about to be released.
func (x *contender) work(own func() (znode string, token int64, err error)) error {
	x.journal.note("enter", x.name)
	znode, token, err := own()
	if err != nil {
		return fmt.Errorf("what it holds by: %w", err)
	}
	number, err := sequence(znode)
	if err != nil {
		return err
	}
	x.journal.note("holds", x.name, number, token)
	x.journal.note("leave", x.name)
	return nil
}

// sequence returns the number of a contender's znode.
func sequence(znode string) (int64, error) {
	return strconv.ParseInt(znode[max(0, len(znode)-10):], 10, 64)
}

// rest contends by REST.
func (x *contender) rest(ctx context.Context, client *clustertest.Client) error {
	defer client.Close()
	s, err := clustertest.Live(ctx, client, x.ttl)
	if err != nil {
		return err
	}
	err = x.run(func(work func(func() (string, int64, error)) error) error {
		h, err := client.Acquire(ctx, x.lock, clustertest.Acquire{Session: s.ID, Owner: x.name, Wait: 20 * time.Second})
		if clustertest.Code(err) == "lock_held" {
			return nil // it has left the queue, and joins it again
		}
		if err != nil {
			return err
		}
		err = work(func() (string, int64, error) {
			q, err := client.Queue(ctx, x.lock)
			if err != nil || q.Holder == nil || q.Holder.Token != h.Token {
				return "", 0, fmt.Errorf("granted token %d, the holder is %+v: %w", h.Token, q.Holder, cmp.Or(err, errNotMine))
			}
			if !time.Now().Before(s.Until()) {
				return "", 0, s.Lost()
			}
			return q.Holder.Znode, h.Token, nil
		})
		if err != nil {
			return err
		}
		_, err = client.Release(ctx, x.lock, s.ID, h.Token)
		return err
	})
	return errors.Join(err, s.Close(ctx))
}

// errNotMine says that the first in a queue is another than the holder.
var errNotMine = errors.New("another stands first in the queue")

// sdk contends by package sdk.
func (x *contender) sdk(ctx context.Context, client *sdk.Client) error {
	return x.run(func(work func(func() (string, int64, error)) error) error {
		h, err := client.Mutex(x.lock, sdk.WithLockOwner(x.name)).Lock(ctx)
		if err != nil {
			return err
		}
		err = work(func() (znode string, token int64, err error) {
			// The member's own tree may be behind, where the client has just come to it.
			clustertest.Poll(h.Context(), func() bool {
				var q sdk.Queue
				if q, err = client.Queue(ctx, x.lock); err == nil && len(q.Contenders) > 0 && q.Contenders[0].Token == h.Token() {
					znode = q.Contenders[0].Znode
				}
				return znode != ""
			})
			return znode, int64(h.Token()), h.Err()
		})
		return errors.Join(err, h.Unlock(ctx))
	})
}

// zooKeeper contends by go-zookeeper's Lock.
func (x *contender) zooKeeper(ctx context.Context, servers []string) error {
	var c *zk.Conn
	lost := make(chan struct{}, 1)
	open := func() (err error) {
		c, _, err = zk.Connect(servers, x.ttl, zk.WithLogger(quiet{}), zk.WithEventCallback(func(e zk.Event) {
			if e.State == zk.StateExpired {
				select {
				case lost <- struct{}{}:
				default:
				}
			}
		}))
		return err
	}
	if err := open(); err != nil {
		return err
	}
	dir := "/" + x.lock
	err := x.run(func(work func(func() (string, int64, error)) error) error {
		l := zk.NewLock(c, dir, zk.WorldACL(zk.PermAll))
		if err := l.LockWithData([]byte(x.name)); err != nil {
			// It may have left a znode in the queue, which it does not tell: that goes with its
			// session, which must be closed and not left to expire.
			if !hasSession(ctx, c) {
				return err
			}
			c.Close()
			return open()
		}
		err := work(func() (string, int64, error) { return first(ctx, c, dir) })
		if err != nil {
			return err
		}
		for ctx.Err() == nil {
			err := l.Unlock()
			if err == nil || errors.Is(err, zk.ErrNoNode) {
				return nil // where there is none, an Unlock whose answer was lost has done it
			}
			if !hasSession(ctx, c) {
				return err
			}
		}
		return ctx.Err()
	})
	hasSession(ctx, c)
	c.Close()
	select {
	case <-lost:
		return errors.Join(err, zk.ErrSessionExpired)
	default:
		return err
	}
}

// hasSession waits until a connection has its session, again or for the first time.
func hasSession(ctx context.Context, c *zk.Conn) bool {
	ctx, cancel := context.WithTimeout(ctx, clustertest.Patience)
	defer cancel()
	return clustertest.Poll(ctx, func() bool { return c.State() == zk.StateHasSession })
}

// first returns the first znode in the queue, which must be of the connection's own session.
func first(ctx context.Context, c *zk.Conn, dir string) (znode string, czxid int64, err error) {
	for {
		var names []string
		var s *zk.Stat
		names, _, err = c.Children(dir)
		lowest := int64(math.MaxInt64)
		for _, name := range names {
			if n, err := sequence(name); err == nil && n < lowest {
				znode, lowest = path.Join(dir, name), n
			}
		}
		if err == nil {
			_, s, err = c.Exists(znode)
		}
		if !errors.Is(err, zk.ErrConnectionClosed) || !hasSession(ctx, c) {
			if err == nil && s.EphemeralOwner != c.SessionID() {
				err = fmt.Errorf("%s: %w", znode, errNotMine)
			}
			if err != nil {
				return "", 0, err
			}
			return znode, s.Czxid, nil
		}
	}
}

// A quiet log keeps go-zookeeper from writing to standard error.
type quiet struct{}

func (quiet) Printf(string, ...any) {}

// zkServers lists the ZooKeeper doors of members.
func zkServers(members []*clustertest.Member) []string {
	var list []string
	for _, m := range members {
		list = append(list, m.ZooKeeper)
	}
	return list
}

// kazooProgram returns the command line that runs the contender of kazoo.
func kazooProgram(t *testing.T) []string {
	t.Helper()
	const python = "/usr/bin/python3" // Debian's, which has Debian's kazoo
	if err := exec.CommandContext(t.Context(), python, "-c", "import kazoo").Run(); err != nil {
		absent.Peer(t, "kazoo (python3-kazoo)")
	}
	return []string{python, "testdata/contender.py"}
}
