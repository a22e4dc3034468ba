package quorum

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/server/v3/lease"
)

// KeepCard keeps key at value for as long as it runs, on an etcd lease of ttl (whole seconds,
// 2 s at least): when the member dies, the key goes ttl later. It blocks until ctx ends, then
// removes the key if it can within a second, and returns ctx's cause. Trouble meanwhile is
// logged and tried again, with a new lease where the old one has lapsed.
func (m *Member) KeepCard(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.leave()
	ctx, cancel := m.until(ctx)
	defer cancel()
	c := &card{m: m, key: []byte(key), value: value, seconds: max(int64(ttl/time.Second), 2)}
	every := time.Duration(c.seconds) * time.Second / 3
	for {
		next := every
		if err := c.renew(ctx); err != nil && ctx.Err() == nil {
			m.log.Warn("card is not kept alive", "key", key, "err", err)
			next = pause
		}
		if !wait(ctx, next) {
			c.revoke()
			return context.Cause(ctx)
		}
	}
}

// A card is a key on a lease.
type card struct {
	m          *Member
	key, value []byte
	seconds    int64
	lease      int64 // 0: none
}

// renew keeps the lease alive, or puts the key on a new one.
func (c *card) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(c.seconds)*time.Second)
	defer cancel()
	if c.lease != 0 {
		_, err := c.m.server.LeaseRenew(ctx, lease.LeaseID(c.lease))
		if !errors.Is(err, lease.ErrLeaseNotFound) {
			return err
		}
		c.lease = 0
	}
	granted, err := c.m.server.LeaseGrant(ctx, &etcdserverpb.LeaseGrantRequest{TTL: c.seconds})
	if err != nil {
		return fmt.Errorf("grant: %w", err)
	}
	if _, err := c.m.server.Put(ctx, &etcdserverpb.PutRequest{Key: c.key, Value: c.value, Lease: granted.ID}); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	c.lease = granted.ID
	return nil
}

// revoke takes the key away at once instead of when the lease lapses.
func (c *card) revoke() {
	if c.lease == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := c.m.server.LeaseRevoke(ctx, &etcdserverpb.LeaseRevokeRequest{ID: c.lease}); err != nil {
		c.m.log.Debug("card was left to lapse", "key", string(c.key), "err", err)
	}
}
