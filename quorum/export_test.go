package quorum

import (
	"context"
	"log/slog"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
)

// RevokeLeases revokes every etcd lease and returns how many there were.
func RevokeLeases(ctx context.Context, m *Member) (int, error) {
	list, err := m.server.LeaseLeases(ctx, &etcdserverpb.LeaseLeasesRequest{})
	if err != nil {
		return 0, err
	}
	for _, l := range list.Leases {
		if _, err := m.server.LeaseRevoke(ctx, &etcdserverpb.LeaseRevokeRequest{ID: l.ID}); err != nil {
			return 0, err
		}
	}
	return len(list.Leases), nil
}

// LogFatal logs msg as etcd does when it cannot go on, and returns what Err would say.
func LogFatal(log *slog.Logger, msg string) error {
	f := newFate()
	done := make(chan struct{})
	go func() {
		defer close(done)
		newZap(log, f).Fatal(msg)
		f.settle(nil) // not reached
	}()
	<-done
	return f.cause()
}
