package main

import (
	"context"
	"time"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// A holding is what the command runs under: a lock, permits, a term, or several locks.
type holding interface {
	Token() sdk.Token
	Session() *sdk.Session
	Deadline() time.Time
	Lost() <-chan struct{}
	Err() error
	Unlock(ctx context.Context) error
}

// A several is locks that are held together. Its token is that of the one that is named first.
type several struct {
	*sdk.MultiHold
	name string
}

// Token returns the token of the lock that is named first.
func (s several) Token() sdk.Token { return s.MultiHold.Token(s.name) }

// takeAll takes the locks of --also together with the first.
func (r *lockRun) takeAll(ctx context.Context, options []sdk.LockOption) (holding, error) {
	names := []string{r.cfg.name}
	for _, name := range r.cfg.also {
		names = append(names, lockName(name))
	}
	all := r.client.MultiLock(names, options...)
	lock := all.Lock
	if r.cfg.try {
		lock = all.TryLock
	}
	h, err := lock(ctx)
	if err != nil {
		return nil, err
	}
	return several{h, r.cfg.name}, nil
}
