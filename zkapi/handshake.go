package zkapi

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clock"
	"github.com/lockkeeper/lockkeeper/lease"
	"github.com/lockkeeper/lockkeeper/zkapi/jute"
	"github.com/lockkeeper/lockkeeper/znode"
)

// behindPatience is how long a client that has seen more than this member's tree waits for it.
const behindPatience = time.Second

// errRefused ends a connection whose session is not to be had, after it was told.
var errRefused = errors.New("session is not to be had")

// handshake opens or renews the session that the connection's first frame asks for, and answers.
// An error means that the connection is to be closed.
func (c *conn) handshake(frame []byte) error {
	var q jute.ConnectRequest
	if err := q.Decode(frame); err != nil {
		return err
	}
	cfg := &c.door.cfg
	timeout := time.Duration(q.Timeout) * time.Millisecond
	timeout = min(max(timeout, cfg.MinSessionTimeout), cfg.MaxSessionTimeout)
	// A member without a quorum lets its clients go while they can still try others.
	ctx, cancel := context.WithTimeout(c.ctx, min(cfg.ConnectTimeout, timeout/3))
	defer cancel()
	if err := c.door.reach(ctx, q.LastZxidSeen); err != nil {
		return err
	}
	answer := jute.ConnectResponse{HasReadOnly: q.HasReadOnly}
	err := c.open(ctx, &q, timeout)
	switch {
	case err == nil:
		answer.Timeout = int32(c.timeout / time.Millisecond)
		answer.SessionID = int64(c.session)
		password, err := c.door.password(ctx, c.session)
		if err != nil {
			return err
		}
		answer.Password = password
	case errors.Is(err, errRefused), errors.Is(err, lease.ErrLost), errors.Is(err, znode.ErrSessionMoved):
		c.finish(answer.Append(nil))
		return nil
	default:
		return err
	}
	if err := c.register(); err != nil {
		return err
	}
	c.send(answer.Append(nil))
	return nil
}

// reach waits until this member's tree shows zxid, for a client that has seen it elsewhere.
func (d *Door) reach(ctx context.Context, zxid int64) error {
	if d.zxid.Load() >= zxid {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, behindPatience)
	defer cancel()
	if err := d.cfg.Store.Sync(ctx); err != nil {
		return err
	}
	if now := d.zxid.Load(); now < zxid {
		return fmt.Errorf("the client has seen zxid %#x, and this member only %#x", zxid, now)
	}
	return nil
}

// open opens a new session, or attaches the one that the client names to this connection.
func (c *conn) open(ctx context.Context, q *jute.ConnectRequest, timeout time.Duration) error {
	sessions := c.door.cfg.Sessions
	sent := clock.Boot() // before the request leaves: no touch is counted from later
	var touched lease.Touched
	var err error
	if q.SessionID == 0 {
		touched, err = sessions.Open(ctx, lease.Options{
			TTL: timeout, Owner: znode.Owner{Member: c.door.cfg.Member, Generation: 1},
			Labels: map[string]string{"door": "zookeeper", "address": c.nc.RemoteAddr().String()},
		})
	} else {
		id := lease.ID(q.SessionID)
		password, perr := c.door.password(ctx, id)
		switch {
		case perr != nil:
			return perr
		case !hmac.Equal(password[:], q.Password):
			return errRefused
		}
		touched, err = sessions.Attach(ctx, id, c.door.cfg.Member, timeout)
	}
	if err != nil {
		return err
	}
	c.confirmed.Store(int64(sent))
	c.door.mu.Lock() // for those who list connections
	defer c.door.mu.Unlock()
	c.session, c.owner, c.timeout = touched.Session.ID, touched.Session.Owner, touched.Session.TTL
	return nil
}

// register makes the door tell the connection what happens to its session.
func (c *conn) register() error {
	d := c.door
	d.mu.Lock()
	if before := d.sessions[c.session]; before != nil {
		before.cut(errSessionMoved)
	}
	d.sessions[c.session] = c
	d.mu.Unlock()
	// What happened before that is in the tree.
	session, _, ok := d.cfg.Sessions.Look(c.session)
	switch {
	case !ok:
		return errSessionEnded
	case session.Owner != c.owner:
		return errSessionMoved
	}
	return nil
}

// password derives a session's password from the cluster's secret, so that every member can
// check it.
func (d *Door) password(ctx context.Context, id lease.ID) (p [jute.PasswordLen]byte, err error) {
	identity, err := d.cfg.Store.AwaitIdentity(ctx)
	if err != nil {
		return p, err
	}
	mac := hmac.New(sha256.New, identity.Secret[:])
	mac.Write([]byte("zookeeper password\x00"))
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(id)))
	copy(p[:], mac.Sum(nil))
	return p, nil
}
