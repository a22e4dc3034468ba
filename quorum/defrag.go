package quorum

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrDefragRuns is returned by [Member.Defrag] while another one is at work.
var ErrDefragRuns = errors.New("the database is being defragmented already")

// Defrag rewrites this member's database without the space that nothing uses, and returns the file's
// size before and after, in bytes. It needs as much free disk as the database has in use. Until it is
// done this member applies nothing and reads nothing; a leader would hold up everybody. It cannot be
// stopped: ctx is looked at before it begins only.
func (m *Member) Defrag(ctx context.Context) (before, after int64, err error) {
	if ctx.Err() != nil {
		return 0, 0, context.Cause(ctx)
	}
	if err := m.enter(); err != nil {
		return 0, 0, err
	}
	defer m.leave()
	if !m.defrag.TryLock() {
		return 0, 0, ErrDefragRuns
	}
	defer m.defrag.Unlock()
	db := m.server.Backend()
	start := time.Now()
	db.ForceCommit() // what has not reached the file yet counts
	before = db.Size()
	if err := db.Defrag(); err != nil {
		return before, db.Size(), fmt.Errorf("defragment: %w", err)
	}
	after = db.Size()
	m.log.Info("database was defragmented", "before", before, "after", after, "took", time.Since(start))
	return before, after, nil
}

// Size is how many bytes the database's file has. 0 after Close.
func (m *Member) Size() int64 {
	if m.enter() != nil {
		return 0
	}
	defer m.leave()
	return m.server.Backend().Size()
}
