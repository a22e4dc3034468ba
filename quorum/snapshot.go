package quorum

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
)

// Snapshot writes the database as of now to w, with its SHA-256 behind it, the form that etcd's
// own tools restore from, and returns how many bytes it wrote. It ends early with ctx. Until it
// is done the database cannot reuse the pages that it shows, so w should be fast.
func (m *Member) Snapshot(ctx context.Context, w io.Writer) (int64, error) {
	if err := m.enter(); err != nil {
		return 0, err
	}
	defer m.leave()
	ctx, cancel := m.until(ctx)
	defer cancel()

	snap := m.server.Backend().Snapshot()
	sum := sha256.New()
	n, err := snap.WriteTo(io.MultiWriter(contextWriter{ctx, w}, sum))
	if err == nil {
		var k int
		k, err = w.Write(sum.Sum(nil))
		n += int64(k)
	}
	if closeErr := snap.Close(); err == nil {
		err = closeErr
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx) // the database's own error does not wrap it
	}
	if err != nil {
		return n, fmt.Errorf("write snapshot: %w", err)
	}
	return n, nil
}

// A contextWriter writes to w until ctx ends.
type contextWriter struct {
	ctx context.Context // of the call that it is made for
	w   io.Writer
}

func (c contextWriter) Write(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.w.Write(p)
}
